"""Entries that break what each registry asks of its entries."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from resources.architectures.synchronous import ARCHITECTURE
from resources.targets.simulated import Simulated
from workloads.importers.files.reading import Source
from workloads.importers.importer import Entries, Format
from workloads.scenarios.model import Scenario

SYNCHRONOUS = ARCHITECTURE  # of a name that is taken
COMPARISON = replace(ARCHITECTURE, name="comparison")  # of a name that other assets have
IN_CIRCLES = replace(
    ARCHITECTURE,
    name="in_circles",
    nodes={**ARCHITECTURE.nodes, "table": replace(ARCHITECTURE.nodes["table"], needs=("command",))},
)
HALF = replace(
    ARCHITECTURE,
    name="half",
    nodes={**ARCHITECTURE.nodes, "api": replace(ARCHITECTURE.nodes["api"], routes={"command": "command"})},
)

STEADY = Scenario(name="steady", title="Steady", description="Nothing is broken.")
A_FILE = "a_file.toml"


class NOTHING:
    """No importer at all."""

    name = "nothing"


@dataclass(frozen=True, kw_only=True)
class _Fails(Format):
    def entries(self, source: Source) -> Iterator[Entries]:
        raise TypeError(source.path.name)


FAILS = _Fails(name="fails", description="fails at every file", example="anything")
ALIAS = _Fails(name="another", description="has another name than its entry point", example="anything")


class _Aws2(Simulated):
    """Whose figures could not be told from those of the bundled target."""

    name = "aws2"


AWS2 = _Aws2()
