"""The judgements of a comparison, in their order, and whether they have to be made again.

Put here the order of the judgements, what each one reads, and whether a stored one is out of date. Keep out what each
judgement says (its own module in `assets.analysis`) and the nodes that make them (`assets.judgements`).
"""

import contextlib
import hashlib
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path

import duckdb
import pyarrow as pa

from assets.analysis.claims.verdicts import judge_claims
from assets.analysis.cost.counting import cost_of, counted, monthly_usd
from assets.analysis.decisions.answers import decide
from assets.analysis.history import history
from assets.analysis.recommendation import recommend
from assets.analysis.requirements import model
from assets.analysis.requirements.bills import Bills
from assets.analysis.requirements.figures import Contender
from assets.analysis.requirements.judging import judge_requirements
from assets.analysis.verdicts.noise import noise
from assets.analysis.verdicts.pairwise import pairwise
from resources.prices import book
from resources.warehouse.current import connect_current
from resources.warehouse.outcomes import JUDGEMENTS, beside, write_judgement
from resources.warehouse.partitions import current
from resources.warehouse.publish import publish
from resources.warehouse.reading import connect
from resources.warehouse.retention import is_pruned
from workloads.atomic import replacing
from workloads.errors import ArchduelError, UsageError, choose
from workloads.places import REPOSITORY, Places
from workloads.plugins import packages
from workloads.scenarios import scenario_files, scenarios
from workloads.scratch import scratch

Step = Callable[[Places, duckdb.DuckDBPyConnection, str], pa.Table]

# Those of a stage are made of outcomes, and of those of the stages before it.
STAGES: tuple[tuple[str, ...], ...] = (
    ("pairwise", "cost", "history"),
    ("noise", "claims", "requirements", "decisions"),
    ("recommendations",),
)
_CODE = (
    "assets/analysis",
    "resources/architectures",
    "resources/prices",
    "resources/targets",
    "resources/warehouse",
    "workloads/scenarios",
)


def judge(places: Places, comparison_id: str) -> dict[str, pa.Table]:
    """Make all judgements of a comparison and publish them.

    Args:
        places: Where the results are.
        comparison_id: The comparison's name.

    Returns:
        The judgements' rows, by table.

    Raises:
        UsageError: There is no such comparison.
    """
    judged: dict[str, pa.Table] = {}
    for stage in STAGES:
        judged |= _made(places, comparison_id, stage)
    publish(places)
    return judged


def judge_one(places: Places, comparison_id: str, name: str) -> pa.Table:
    """Make one of the judgements of what is on disk, those it rests on included, and write it; publishing is left.

    Args:
        places: Where the results are.
        comparison_id: The comparison's name.
        name: The judgement's table, one of the `JUDGEMENTS`.

    Returns:
        The judgement's rows.

    Raises:
        UsageError: There is no such judgement or comparison.
    """
    return _made(places, comparison_id, (name,))[name]


def ask(places: Places, comparison_id: str, file: Path) -> None:
    """Judge a comparison by another file of requirements from now on, which is kept with its judgements.

    Args:
        places: Where the results are.
        comparison_id: The comparison's name.
        file: The user's file.

    Raises:
        UsageError: There is no such comparison, or something in the file is wrong, or not in this comparison.
    """
    asked = model.read(file)
    _check_whole(places, comparison_id)
    with connect_current(places) as connection:
        _compared_with(connection, comparison_id)
        found = connection.execute(
            "SELECT DISTINCT route FROM requests WHERE comparison_id = ? AND route IS NOT NULL", [comparison_id]
        ).fetchall()
    model.check(asked, {route for (route,) in found}, scenarios(places))
    model.adopt(places, comparison_id, file)


def _check_whole(places: Places, comparison_id: str) -> None:
    if is_pruned(places, comparison_id):
        raise UsageError(f"{comparison_id} was pruned and cannot be judged again: its judgements stand")


def newest(places: Places) -> str:
    """The comparison begun last, but for those simulated beside another; `ArchduelError` where there is none."""
    with connect(places) as connection:
        found = connection.execute(_NEWEST).fetchall()
    if found[0][0] is None:
        raise ArchduelError("there are no results yet: run `archduel compare` first")
    return str(found[0][0])


def refresh(places: Places, comparison_id: str) -> None:
    """Judge a published comparison unless that would find the same as before."""
    if not is_current(places, comparison_id):
        judge(places, comparison_id)


def is_current(places: Places, comparison_id: str) -> bool:
    """Whether judging a comparison again would find the same.

    Returns:
        False where an outcome, rule, price, probe of the target or code has changed since, or one was never made. True
        where its single requests were pruned: there is nothing to judge any more, and its judgements stand.
    """
    if is_pruned(places, comparison_id):
        return True
    try:
        now = fingerprint(places, comparison_id)
    except ArchduelError:
        return False
    return all(
        current(places.judgements / comparison_id / name) is not None and _made_of(places, comparison_id, name) == now
        for name in JUDGEMENTS
    )


def fingerprint(places: Places, comparison_id: str) -> str:
    """A digest of all that a comparison's judgements are made of; `UsageError` where there is no such comparison."""
    with connect_current(places) as connection:
        read = _compared_with(connection, comparison_id)
    digest = hashlib.blake2b(_digest_of_code().encode(), digest_size=16)
    for name in read:
        for partition in sorted(places.outcomes.glob(f"{name}/*/*")):
            if version := current(partition):
                written = (version / "experiments.parquet").stat()
                digest.update(
                    f"{partition.relative_to(places.outcomes)} {written.st_mtime_ns} {written.st_size}".encode()
                )
    own = [
        places.prices,
        book.own_assumptions(places),
        *sorted(places.conformance.glob("[!.]*.parquet")),
        *sorted(places.grids.glob("[!.]*/growth_limits.parquet")),
        *scenario_files(places).values(),
        model.file_in_use(places, comparison_id),
    ]
    for file in own:
        if file.exists():
            digest.update(f"{file.name} ".encode() + file.read_bytes())
    return digest.hexdigest()


def _made(places: Places, comparison_id: str, names: Iterable[str]) -> dict[str, pa.Table]:
    steps = {name: choose(_STEPS, name, "judgement") for name in names}
    _check_whole(places, comparison_id)
    made_of = fingerprint(places, comparison_id)  # first: what changes meanwhile must not pass for judged
    with scratch(places.temporary) as folder, connect_current(places, folder) as connection:
        tables = {name: step(places, connection, comparison_id) for name, step in steps.items()}
    for name, table in tables.items():
        write_judgement(places, comparison_id, name, table)
        _note(places, comparison_id, name, made_of)
    return tables


def _compared_with(connection: duckdb.DuckDBPyConnection, comparison_id: str) -> list[str]:
    """The comparison, the simulated one beside it, and where it is of a night the other nights, which history and
    pooled claims read."""
    origins = dict(connection.execute("SELECT comparison_id, origin FROM comparisons ORDER BY ALL").fetchall())
    if comparison_id not in origins:
        raise UsageError(f"there is no comparison {comparison_id!r} in the results")
    nightly = origins[comparison_id] == "nightly"
    return [
        name
        for name, origin in origins.items()
        if name in {comparison_id, beside(comparison_id)} or (nightly and origin == "nightly")
    ]


@cache
def _digest_of_code() -> str:
    digest = hashlib.blake2b(" ".join(packages()).encode(), digest_size=16)
    for package in _CODE:
        for path in sorted((REPOSITORY / package).rglob("*")):
            if path.suffix in {".py", ".sql", ".toml"}:
                digest.update(path.read_bytes())
    return digest.hexdigest()


def _note(places: Places, comparison_id: str, name: str, made_of: str) -> None:
    file = _note_of(places, comparison_id, name)
    try:
        with replacing(file) as hidden:
            hidden.write_text(made_of)
    except OSError as error:
        raise ArchduelError(f"cannot write {file}: {error.strerror or error}") from error


def _made_of(places: Places, comparison_id: str, name: str) -> str | None:
    with contextlib.suppress(OSError):
        return _note_of(places, comparison_id, name).read_text()
    return None


def _note_of(places: Places, comparison_id: str, name: str) -> Path:
    return places.judgements / comparison_id / f"{name}.fingerprint"


def _rows(connection: duckdb.DuckDBPyConnection, name: str, comparison_id: str) -> pa.Table:
    return connection.sql(
        f"FROM {name} WHERE comparison_id = $comparison_id", params={"comparison_id": comparison_id}
    ).to_arrow_table()


def _pairwise(places: Places, connection: duckdb.DuckDBPyConnection, comparison_id: str) -> pa.Table:
    return pairwise(connection, comparison_id, places)


def _noise(_: Places, connection: duckdb.DuckDBPyConnection, comparison_id: str) -> pa.Table:
    return noise(connection, comparison_id, _rows(connection, "pairwise", comparison_id))


def _cost(places: Places, connection: duckdb.DuckDBPyConnection, comparison_id: str) -> pa.Table:
    return cost_of(connection, comparison_id, book.prices(places), book.assumptions(places))


def _claims(_: Places, connection: duckdb.DuckDBPyConnection, comparison_id: str) -> pa.Table:
    return judge_claims(connection, comparison_id)


def _history(_: Places, connection: duckdb.DuckDBPyConnection, comparison_id: str) -> pa.Table:
    return history(connection, comparison_id)


def _requirements(places: Places, connection: duckdb.DuckDBPyConnection, comparison_id: str) -> pa.Table:
    asked = model.read(model.file_in_use(places, comparison_id))
    bills = _bills(places, connection, comparison_id, asked)
    return judge_requirements(connection, comparison_id, asked, bills, places)


def _recommendations(places: Places, connection: duckdb.DuckDBPyConnection, comparison_id: str) -> pa.Table:
    asked = model.read(model.file_in_use(places, comparison_id))
    judged = _rows(connection, "requirements", comparison_id)
    bills = _bills(places, connection, comparison_id, asked)
    return recommend(connection, comparison_id, requirements=asked, judged=judged, bills=bills, places=places)


def _decisions(places: Places, connection: duckdb.DuckDBPyConnection, comparison_id: str) -> pa.Table:
    asked = model.read(model.file_in_use(places, comparison_id))
    return decide(connection, comparison_id, _bills(places, connection, comparison_id, asked), places)


def _bills(
    places: Places, connection: duckdb.DuckDBPyConnection, comparison_id: str, asked: model.Requirements
) -> Bills:
    prices, assumptions = book.prices(places), book.assumptions(places)
    taken = {
        Contender(one.workload, one.variant, one.architecture): one
        for one in counted(connection, comparison_id, assumptions)
    }

    def usd_at(contender: Contender, requests_per_month: float) -> float | None:
        one = taken.get(contender)
        if one is None or not one.counts.committed:
            return None
        return monthly_usd(one, prices, assumptions, requests_per_month=requests_per_month)

    return Bills(_rows(connection, "cost", comparison_id).to_pylist(), asked.assumptions, usd_at)


_NEWEST = """\
SELECT arg_max(comparison_id, started_at) FROM comparisons
WHERE beside IS NULL OR beside NOT IN (SELECT comparison_id FROM comparisons)"""

_STEPS: Mapping[str, Step] = {
    "pairwise": _pairwise,
    "noise": _noise,
    "cost": _cost,
    "claims": _claims,
    "history": _history,
    "requirements": _requirements,
    "recommendations": _recommendations,
    "decisions": _decisions,
}
