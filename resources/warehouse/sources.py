"""What there is on disk to be published: comparisons, imports' quarantine, conformance, validation and grids.

Put here which files a table's rows come from, how they are read, and which have changed. Keep out the database made of
them (`resources.warehouse.publish`) and who reads it (`resources.warehouse.reading`).
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cache
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from resources.architectures.stack import StackSettings
from resources.warehouse.grids import SIMULATED
from resources.warehouse.outcomes import BESIDE, CONDENSED, JUDGEMENTS
from resources.warehouse.partitions import current, other_columns, other_version
from resources.warehouse.schema import published
from workloads.places import Places
from workloads.sql import quoted, unglobbed

# Of single requests, invocations and moments: they stay Parquet, behind views.
SINGLE_OUTCOMES = ("requests", "effects", "effect_parts", "invocations", "samples")
SINGLE = (*SINGLE_OUTCOMES, "direct_requests")
TABLES = ("comparisons", "experiments", "ledger", "latency", "recovery", *CONDENSED)
# What a scenario or a contender decides: in `experiments`, and in no `comparisons`.
_OF_A_CELL = (*(field.name for field in fields(StackSettings)), "worked", "busiest_s")
# Columns that no file holds.
_DERIVED = {
    "experiment_id": "left(md5(concat_ws('/', comparison_id, architecture, variant, arm, workload, scenario,"
    " repetition)), 12)",
    "valid": "(invalid_reason IS NULL)",
}

Stamps = Mapping[tuple[str, str], str]


@dataclass(frozen=True)
class Source:
    """Rows that are replaced together.

    Attributes:
        kind: ``outcomes``, one of the `JUDGEMENTS` or of the tables `SIMULATED`, ``quarantine``, ``conformance``,
            ``validation``, or a table of replays to services.
        comparison_id: The comparison they are of; '' for those of none.
        paths: Folders of partitions' versions, or Parquet files of what is in no partition.
        stamp: Changes with anything that is written there.
    """

    kind: str
    comparison_id: str
    paths: tuple[Path, ...]
    stamp: str

    @property
    def key(self) -> tuple[str, str]:
        return self.kind, self.comparison_id

    def faults(self) -> dict[Path, str]:
        """Why partitions or files of it cannot be used: they are damaged, another version of archduel wrote them, or
        they are in the folder of another comparison."""
        return {path: fault for path in self.paths if (fault := self._fault(path))}

    def damages(self) -> dict[Path, str]:
        """Which of them are damaged where only reading all of them shows it."""
        return {path: fault for path in self.paths if (fault := self._damage(path))}

    def without(self, faulty: Iterable[Path]) -> "Source":
        """It without these partitions."""
        return replace(self, paths=tuple(path for path in self.paths if path not in set(faulty)))

    def _files(self, path: Path) -> list[Path]:
        if path.is_file():
            return [path]
        tables = (*TABLES[1:], *SINGLE_OUTCOMES) if self.kind == "outcomes" else (self.kind,)
        return [path / f"{table}.parquet" for table in tables]

    def _fault(self, path: Path) -> str:
        try:
            for file in self._files(path):
                with pq.ParquetFile(file) as parquet:
                    columns = _stored(file.stem if self.kind == "outcomes" else self.kind)
                    version = other_version(parquet) if self.comparison_id else ""
                    if fault := version or other_columns(parquet, columns):
                        return fault
                    if not self.comparison_id or file.stem not in ("experiments", self.kind):
                        continue
                    named = parquet.read(["comparison_id"]).column(0).unique().to_pylist()
                    if not set(named) <= {self.comparison_id}:
                        return f"its rows are of {', '.join(map(str, named))}"
        except (pa.ArrowException, OSError) as error:
            return f"{file.name} cannot be read: {str(error).partition('. ')[0]}"
        return ""

    def _damage(self, path: Path) -> str:
        for file in self._files(path):
            try:
                pq.read_table(file)
            except (pa.ArrowException, OSError) as error:
                return f"{file.name} cannot be read: {str(error).partition('. ')[0]}"
        return ""


def _stored(table: str) -> list[str]:
    """The columns of a table that files hold."""
    return [one.name for one in published()[table].columns if one.name not in _DERIVED]


def tables_of(kind: str) -> tuple[str, ...]:
    """The tables that a kind of source has rows in."""
    return TABLES if kind == "outcomes" else () if kind in SINGLE else (kind,)


def single(sources: Iterable[Source]) -> dict[str, list[Path]]:
    """The paths of each of `SINGLE` in these sources."""
    of = {name: "outcomes" if name in SINGLE_OUTCOMES else name for name in SINGLE}
    listed = list(sources)
    return {name: [path for one in listed if one.kind == kind for path in one.paths] for name, kind in of.items()}


def sources(places: Places) -> list[Source]:
    """Every source on disk."""
    partitions: dict[tuple[str, str], list[Path]] = {}
    for partition in sorted(places.outcomes.glob("*/*/*")):
        partitions.setdefault(("outcomes", partition.parts[-3]), []).append(partition)
    for name in JUDGEMENTS:
        for partition in sorted(places.judgements.glob(f"*/{name}")):
            partitions[name, partition.parts[-2]] = [partition]
    found = [
        Source(*key, versions, stamp(versions))
        for key, folders in partitions.items()
        if (versions := tuple(version for folder in folders if (version := current(folder))))
    ]
    concluded = sorted(places.replays.glob("*/*/direct_replays.parquet"))
    for name, files in (
        ("quarantine", places.recordings.glob("[!.]*/quarantine.parquet")),
        ("conformance", places.conformance.glob("[!.]*.parquet")),
        *((name, places.grids.glob(f"[!.]*/{name}.parquet")) for name in SIMULATED),
        ("validation", places.calibrations.glob("[!.]*.parquet")),
        ("direct_replays", concluded),
        ("direct_pairs", places.replays.glob("*/*/direct_pairs.parquet")),
        ("direct_requests", (one for row in concluded for one in row.parent.glob("[0-9]*/requests.parquet"))),
    ):
        listed = tuple(sorted(files))
        found.append(Source(name, "", listed, stamp(listed)))
    return found


@cache
def declared() -> str:
    """A digest of the declarations and of how the database is made of what is on disk."""
    digest = hashlib.blake2b(digest_size=16)
    for path in sorted(Path(__file__).parent.iterdir()):
        if path.suffix in {".py", ".sql"}:
            digest.update(path.read_bytes())
    return digest.hexdigest()


def stamp(paths: Iterable[Path]) -> str:
    """A digest that changes when one of these files, or the files in one of these folders, is written again."""
    written = "\n".join(f"{path} {path.stat().st_mtime_ns}" for path in paths)
    return hashlib.blake2b(written.encode(), digest_size=16).hexdigest()


def compare(places: Places, known: Stamps) -> tuple[list[Source], set[tuple[str, str]]]:
    """What there is on disk, beside what is published.

    Args:
        places: Where the results are.
        known: The stamps of what is published, by kind and comparison.

    Returns:
        Every source, and the keys of those whose published rows, if any, no longer hold: they were written since, or
        are gone.
    """
    now = sources(places)
    written = {source.key for source in now if known.get(source.key) != source.stamp}
    return now, written | (known.keys() - {source.key for source in now})


def select(table: str, paths: Sequence[Path], scheme: str = "") -> str:
    """The SQL of a table's rows in the files of ``paths``, in the columns and types that are declared.

    Args:
        table: The table.
        paths: Folders of partitions' versions, or Parquet files.
        scheme: Of the file system to read them by; empty for the machine's own.
    """
    columns = published()[table].columns
    if not paths:
        return f"SELECT {', '.join(f'NULL::{one.type} AS {one.name}' for one in columns)} WHERE false"
    file = "experiments" if table == "comparisons" else table
    found = [path if path.is_file() else path / f"{file}.parquet" for path in paths]
    named = (f"{scheme}://{path}" if scheme else unglobbed(path) for path in found)
    files = f"read_parquet([{', '.join(map(quoted, named))}])"
    if table == "comparisons":
        return _comparisons(files)
    listed = (f"{_DERIVED.get(one.name, one.name)}::{one.type} AS {one.name}" for one in columns)
    return f"SELECT {', '.join(listed)} FROM {files}"


def _comparisons(experiments: str) -> str:
    nulls = json.dumps(dict.fromkeys(_OF_A_CELL))  # a merge patch removes what it has null for
    return (
        "SELECT comparison_id, any_value(origin) AS origin, any_value(night) AS night, any_value(evidence) AS evidence,"
        " any_value(target) AS target, CASE WHEN count(DISTINCT speed) = 1 THEN any_value(speed) END AS speed,"
        " max(repetition)::BIGINT AS repetitions, any_value(seed) AS seed, min(started_at) AS started_at,"
        f" max(finished_at) AS finished_at, json_merge_patch(any_value(config), {quoted(nulls)}) AS config,"
        f" any_value(code_version) AS code_version, CASE WHEN any_value(evidence) = 'simulated' THEN"
        f" nullif(regexp_replace(comparison_id, {quoted(BESIDE + '$')}, ''), comparison_id) END AS beside"
        f" FROM {experiments} GROUP BY comparison_id"
    )
