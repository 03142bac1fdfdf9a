"""The register: every claim, read from ``register/*.toml`` and checked; written before the data it is applied to.

Put finding and reading the files here. Keep out what entries may say (`assets.analysis.claims.model`).
"""

import tomllib
from functools import cache
from pathlib import Path

from pydantic import ValidationError

from assets.analysis.claims.model import Claim
from workloads.errors import ArchduelError
from workloads.scenarios import scenarios

FOLDER = Path(__file__).with_name("register")
_FILES = ("synchronous.toml", "event_driven.toml", "together.toml")  # in the order of the text


def read_claims(file: Path) -> list[Claim]:
    """Read the claims of one file.

    Raises:
        ArchduelError: the file cannot be read or says something that is not allowed.
    """
    try:
        entries = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ArchduelError(f"cannot read the claims in {file}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ArchduelError(f"{file} is not TOML: {error}") from None
    if set(entries) != {"claims"}:
        raise ArchduelError(f"{file}: [[claims]] and nothing else is expected at the top")
    read = []
    for number, entry in enumerate(entries["claims"], start=1):
        try:
            read.append(Claim.model_validate(entry))
        except ValidationError as error:
            first = error.errors()[0]
            at = ".".join(str(step) for step in first["loc"]) or "as a whole"
            name = entry.get("id", f"claim {number}") if isinstance(entry, dict) else f"claim {number}"
            raise ArchduelError(f"{file}: {name}, {at}: {first['msg']}") from None
    return read


@cache
def claims() -> tuple[Claim, ...]:
    """Return every claim, in the order of the textbook.

    Raises:
        ArchduelError: a file cannot be read, or a claim is there twice.
    """
    every = [claim for name in _FILES for claim in read_claims(FOLDER / name)]
    names = [claim.id for claim in every]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ArchduelError(f"the register has {', '.join(twice)} more than once")
    return tuple(every)


def scenarios_needed() -> tuple[str, ...]:
    """Return the scenarios to replay so that every claim can be judged, in the scenarios' own order."""
    needed = {name for claim in claims() for name in claim.scenarios}
    order = list(scenarios())
    return tuple(sorted(needed, key=order.index))
