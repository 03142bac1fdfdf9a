"""The table ``validation``: what the simulation predicts of cells that were observed, with parameters fitted to others.

Put here how observed cells are predicted and set beside what was seen. Keep out how parameters are fitted
(`resources.simulation.calibrating`) and figures that others published (`resources.simulation.published`).
"""

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from assets.analysis.outcomes import reconcile
from resources.lab.cell import Cell, Comparison, Contender
from resources.lab.lab import Lab
from resources.lab.settings import FOR_A_P99, SIMULATED, LabSettings
from resources.progress import Reporter
from resources.simulation.calibrating import Calibration, calibrate
from resources.simulation.parameters import bundled
from resources.warehouse.current import connect_current
from resources.warehouse.observations import ObservationStore, Tables
from resources.warehouse.schema import schema
from workloads.atomic import replacing
from workloads.databases import in_memory
from workloads.errors import ArchduelError, UsageError, choose
from workloads.places import Places

REPETITIONS = 8
_NAME = "calibration"
_TIMES = ("response_p50_us", "response_p99_us", "completion_p50_us", "completion_p99_us", "drain_us")
_SHARES = ("refused_share", "done_share")
_COUNTS = ("backlog_max",)
_MEASURES = (*_TIMES, *_SHARES, *_COUNTS)
_OF_THE_QUEUE = ("drain_us", "backlog_max")  # not of an operation

Row = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Observed:
    """A cell and a contender with a valid replay; each is itself only, since settings cannot be hashed."""

    cell: Cell
    contender: Contender
    speed: float
    config: Mapping[str, Any]


@dataclass(frozen=True)
class Validated:
    """What came of a calibration.

    Attributes:
        calibration: What was fitted.
        file: Where its parameters are kept.
        rows: The table ``validation``, cells that were fitted to included.
    """

    calibration: Calibration
    file: Path
    rows: pa.Table


def validate(places: Places, comparison_id: str, fit: Sequence[str], reporter: Reporter) -> Validated:
    """Fit parameters to some scenarios of a comparison, predict all of its cells, and keep both.

    Args:
        places: The home with the comparison.
        comparison_id: One that was observed.
        fit: The scenarios whose cells are fitted to.
        reporter: Called with the progress.

    Raises:
        UsageError: The comparison was not observed, has no such scenario, or nothing in it can be fitted.
    """
    with connect_current(places) as connection:
        about = connection.execute(
            "SELECT target, evidence FROM comparisons WHERE comparison_id = ?", [comparison_id]
        ).fetchone()
        if about is None:
            raise UsageError(f"there is no comparison {comparison_id!r} in the results")
        target, evidence = about
        if evidence != "observed":
            raise UsageError(f"{comparison_id} was simulated: there is nothing to fit the simulation to")
        cells = _observed(connection, comparison_id)
        for name in fit:
            choose({one.cell.scenario: one for one in cells}, name, "scenario of this comparison")
        seen = {one: _measured(connection, comparison_id, one) for one in cells}
    store = ObservationStore(places)
    fitted = [one for one in cells if one.cell.scenario in fit]
    reporter.stage(f"fitting to {len(fitted)} of {len(cells)} replayed cells and architectures")
    calibration = calibrate(store.read(comparison_id, str(one.cell), one.contender.partition) for one in fitted)
    file = places.calibrations / f"{_file_name(target)}.toml"
    _keep(file, calibration.toml(bundled(), f"{', '.join(fit)} of {comparison_id}, {target}"))
    rows = []
    for one in cells:
        reporter.stage(f"{one.cell.scenario} · {one.contender}: predicting")
        pooled, *predicted = _predicted(places, one, file)
        for operation, measure, value in seen[one]:
            key = (operation, measure)
            values = [found[key] for found in predicted if key in found]
            if not values and key in pooled:  # a p99 of repetitions that are too small for one, together
                values = [pooled[key]]
            rows.append(_row(comparison_id, target, one, operation, measure, value, values, one in fitted))
    table = pa.Table.from_pylist(rows, schema=schema("validation"))
    _keep_table(places.calibrations / f"{_file_name(target)}.parquet", table)
    return Validated(calibration, file, table)


def _observed(connection: duckdb.DuckDBPyConnection, comparison_id: str) -> list[Observed]:
    rows = connection.execute(_CELLS, [comparison_id]).fetchall()
    return [
        Observed(
            Cell(workload, scenario, _target_of(json.loads(config))),
            Contender(architecture, variant),
            speed,
            json.loads(config),
        )
        for workload, scenario, architecture, variant, speed, config in rows
    ]


def _target_of(config: Mapping[str, Any]) -> str:
    return str(config.get("target", LabSettings().target))


def _predicted(places: Places, one: Observed, file: Path) -> Iterator[dict[tuple[str, str], float]]:
    """Every measure of a cell, simulated with what was fitted: of all repetitions together, then of each."""
    settings = settings_of(one, file)
    cell, comparison = Cell(one.cell.workload, one.cell.scenario, SIMULATED), Comparison(_NAME, "adhoc", "")
    try:
        with Lab(places, settings) as lab:
            list(lab.replay([one.contender.architecture], cell, comparison))
            tables = lab.observations.read(_NAME, str(cell), one.contender.partition)
    finally:
        shutil.rmtree(places.observations / _NAME, ignore_errors=True)
    with _connected(reconcile(tables)) as connection:
        for own in ("true", *(f"repetition = {number}" for number in range(1, REPETITIONS + 1))):
            connection.execute(f"CREATE OR REPLACE VIEW experiments AS FROM all_experiments WHERE {own}")
            yield {
                (operation, measure): value
                for operation, measure, value in _measured(connection, _NAME, one)
                if value is not None
            }


def settings_of(one: Observed, file: Path) -> LabSettings:
    """How a cell is predicted with the parameters in a file: the requests that were replayed, at the same speed."""
    config = one.config
    options = {name: value for name, value in config.items() if name in LabSettings.model_fields}
    # Of a replay `busiest_s` is which part was played; of settings, how long it is to be.
    return LabSettings(**{**options, "busiest_s": config.get("busiest_length_s")}).simulated(
        config.get("busiest_s"),
        target_options={"parameters": str(file)},
        speed=one.speed,
        longest_pause_s=config.get("pauses_cut_to_s", 0.0),
        repetitions=REPETITIONS,
        variants=[one.contender.variant],
    )


def _connected(outcomes: Tables) -> duckdb.DuckDBPyConnection:
    connection = in_memory(threads=1)
    for name, table in outcomes.items():
        connection.register("raw_experiments" if name == "experiments" else name, table)
    connection.execute("CREATE TABLE all_experiments AS SELECT *, invalid_reason IS NULL AS valid FROM raw_experiments")
    return connection


def _measured(
    connection: duckdb.DuckDBPyConnection, comparison_id: str, one: Observed
) -> list[tuple[str, str, float | None]]:
    """Operation, measure and value; of what is of the queue the operation is ''."""
    parameters = {
        "comparison_id": comparison_id,
        "workload": one.cell.workload,
        "scenario": one.cell.scenario,
        "architecture": one.contender.architecture,
        "variant": one.contender.variant,
    }
    rows = connection.sql(_SQL, params=parameters).to_arrow_table().to_pylist()
    found: dict[tuple[str, str], float | None] = {}
    for row in rows:
        for measure in _MEASURES:
            if measure in _OF_THE_QUEUE:
                found["", measure] = row[measure]
            elif "p99" not in measure or (row["acknowledged"] or 0) >= FOR_A_P99:
                found[row["operation"], measure] = row[measure]
    return [(*key, value) for key, value in found.items() if value is not None]


def _row(  # noqa: PLR0917 - a row's columns
    comparison_id: str,
    target: str,
    one: Observed,
    operation: str,
    measure: str,
    observed: float | None,
    predicted: Sequence[float],
    fitted: bool,
) -> Row:
    middle = sorted(predicted)[len(predicted) // 2] if predicted else None
    ratio = middle / observed if middle is not None and observed and measure not in _SHARES else None
    return {
        "comparison_id": comparison_id,
        "target": target,
        "workload": one.cell.workload,
        "scenario": one.cell.scenario,
        "architecture": one.contender.architecture,
        "variant": one.contender.variant,
        "operation": operation,
        "measure": measure,
        "observed": observed,
        "predicted": middle,
        "predicted_low": min(predicted, default=None),
        "predicted_high": max(predicted, default=None),
        "ratio": ratio,
        "difference": middle - observed if middle is not None and observed is not None and measure in _SHARES else None,
        "fitted": fitted,
    }


def _file_name(target: str) -> str:
    return "".join(letter if letter.isalnum() or letter == "." else "-" for letter in target.lower())


def _keep(file: Path, text: str) -> None:
    try:
        with replacing(file) as hidden:
            hidden.write_text(text)
    except OSError as error:
        raise ArchduelError(f"cannot write {file}: {error.strerror or error}") from error


def _keep_table(file: Path, table: pa.Table) -> None:
    import pyarrow.parquet as pq  # noqa: PLC0415

    try:
        with replacing(file) as hidden:
            pq.write_table(table, hidden)
    except OSError as error:
        raise ArchduelError(f"cannot write {file}: {error.strerror or error}") from error


_CELLS = """\
SELECT workload, scenario, architecture, variant, any_value(speed), any_value(config)
FROM experiments
WHERE comparison_id = ? AND arm = 'main' AND valid
GROUP BY ALL
ORDER BY ALL"""

_SQL = (Path(__file__).with_name("validation.sql")).read_text(encoding="utf-8")
