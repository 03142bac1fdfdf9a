"""A lab without emulators: it provisions nothing and replays observations written by hand."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from resources.architectures.stack import DEFAULT_VARIANT
from resources.conformance.storage import store
from resources.lab.cell import Cell, Comparison, Contender
from resources.lab.lab import Summary
from resources.warehouse.observations import ObservationStore, Tables
from resources.warehouse.schema import schema
from tests.observations_builder import ObservationsBuilder
from workloads.places import Places

CONFORMANCE = {"target": "Fake 1.0", "expected": "this", "observed": "that", "affects": "S4, E4"}


@dataclass
class FakeLab:
    """Takes the place of `resources.lab.lab.Lab` in a run; ``calls`` is what the graph asked of it, in order."""

    places: Places
    stranger: bool = False  # leave an effect that was never offered: the books cannot balance
    disturbed: bool = False  # by other programs: no replay is valid
    calls: list[tuple[str, ...]] = field(default_factory=list)

    def ensure(self, architecture: str, cell: Cell, node: str) -> dict[str, Any]:
        self.calls.append(("ensure", architecture, node))
        return {"name": node, "url": "http://127.0.0.1:1/x", "provision_seconds": 0.1, "timeout_s": 3}

    def replay(self, names: Sequence[str], cell: Cell, comparison: Comparison) -> Iterator[tuple[str, Summary]]:
        self.calls.append(("replay", *names))
        for name in names:
            tables = self._observed(name, cell, comparison)
            partition = Contender(name, DEFAULT_VARIANT).partition
            ObservationStore(self.places).write(comparison.comparison_id, str(cell), partition, tables)
            yield name, Summary(2, 0.1, 1.0, tuple(names))

    def recorded(self, name: str, cell: Cell, comparison: Comparison) -> tuple[dict[Contender, Tables], bool]:
        self.calls.append(("recorded", name))
        store, contender = ObservationStore(self.places), Contender(name, DEFAULT_VARIANT)
        key = (comparison.comparison_id, str(cell), contender.partition)
        alone = not store.exists(*key)
        if alone:
            list(self.replay([name], cell, comparison))
        return {contender: store.read(*key)}, alone

    def conformance(self) -> pa.Table:
        self.calls.append(("conformance",))
        rows = [
            {**CONFORMANCE, "behaviour": "as on AWS", "status": "reproduced"},
            {**CONFORMANCE, "behaviour": "otherwise", "status": "different"},
        ]
        table = pa.Table.from_pylist(rows, schema=schema("conformance"))
        store(self.places, table, "Fake 1.0", "digest")
        return table

    def _observed(self, name: str, cell: Cell, comparison: Comparison) -> Tables:
        builder = ObservationsBuilder().experiment(
            architecture=name,
            variant=DEFAULT_VARIANT,
            workload=cell.workload,
            scenario=cell.scenario,
            comparison_id=comparison.comparison_id,
            origin=comparison.origin,
            night=comparison.night,
            requests=2,
            others_cpu_share=0.6 if self.disturbed else 0.0,
            invalid_reason="other programs" if self.disturbed else None,
        )
        builder.request("0").item("0").record("0").request("1", at_us=5000).item("1").record("1", at_us=5500)
        if self.stranger:
            builder.item("never-offered")
        return builder.tables()
