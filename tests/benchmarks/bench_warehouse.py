"""How long a warehouse of many million outcomes takes to publish, query, judge and draw, beside the bounds set.

Run ``python -m tests.benchmarks.bench_warehouse [--rows N]``: most of the time goes into making them; 100 million take
some 5 GB of disk, given back at the end. Outcomes are drawn at random, not replayed: lognormal times, an outage after
which the queue drains, in the real layout of files. What is derived of them is made by the real rules. All nights are
the same, which no query knows: one is drawn and written under several names. Every step runs in a process of its own,
whose peak memory is shown; a step is timed without starting Python and importing.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from assets.analysis.outcomes import rule
from resources.warehouse.observations import rows
from resources.warehouse.outcomes import CONDENSED, write_outcomes
from resources.warehouse.partitions import current, write_partition
from resources.warehouse.publish import publish
from resources.warehouse.reading import connect
from tests.observations_builder import ObservationsBuilder, windows
from workloads.places import REPOSITORY, Places

COMPARISONS = 4
SCENARIOS = ("steady", "burst", "backend_outage")
# Medians in ms, of a response and of what a queued command takes beyond that; whether commands are queued, and queries.
ARCHITECTURES = {
    "synchronous": (13.0, 0.0, False, False),
    "event_driven": (1.6, 60.0, True, True),
    "hybrid": (1.5, 45.0, True, False),
}
REPETITIONS = 8
RATE_PER_S = 400
_DERIVED = ("ledger", "latency", "recovery", *CONDENSED)
_BOUNDS = {"exact quantiles of response": (5.0, 1.5), "the comparison group": (60.0, None), "report": (5.0, None)}

_NORMAL = "sqrt(-2 * ln(1 - random())) * cos(2 * pi() * random())"
# One row per request. Within the outage what goes to the table fails, or waits in the queue and drains afterwards.
_DRAWN = f"""\
CREATE OR REPLACE TABLE drawn AS
WITH offered AS (
    SELECT repetition::INTEGER AS repetition, i, i * 1000000 // {RATE_PER_S} AS scheduled_us,
        CASE WHEN hash(i, 1) % 9 < 2 THEN 'command' ELSE 'query' END AS operation,
        exp(0.6 * {_NORMAL}) AS slower, exp(0.8 * {_NORMAL}) AS later, random() AS luck
    FROM range(1, $repetitions + 1) r(repetition), range($requests) t(i)
),
fated AS (
    SELECT *,
        (operation = 'command' AND $commands_queued) OR (operation = 'query' AND $queries_queued) AS by_queue,
        scheduled_us >= $start_us AND scheduled_us < $end_us AS broken,
        (30 + 60 * luck)::BIGINT AS lag_us
    FROM offered
)
SELECT *,
    scheduled_us + lag_us AS sent_us,
    greatest((1000 * slower * CASE WHEN by_queue THEN 1.5 ELSE $response_ms END)::BIGINT, 200) AS service_us,
    (1000 * later * $queue_ms)::BIGINT
        + CASE WHEN broken THEN (($end_us - scheduled_us) + (scheduled_us - $start_us) * luck)::BIGINT ELSE 0 END
        AS queue_us,
    CASE WHEN broken AND NOT by_queue THEN 'failed' WHEN luck < 0.0002 THEN 'throttled'
        WHEN by_queue THEN 'accepted' ELSE 'answered' END AS outcome
FROM fated
"""
_KEY = (
    "$comparison_id AS comparison_id, $architecture AS architecture, 'idempotent' AS variant, 'main' AS arm,"
    " 'food_orders' AS workload, $scenario AS scenario, repetition"
)
_OUTCOMES = {
    "requests": f"""\
SELECT {_KEY}, 'r' || i AS request_id, operation, 'order-' || (hash(i, 2) % 100000) AS entity, operation AS route,
    300::BIGINT AS payload_bytes, scheduled_us, sent_us,
    (lag_us // 10)::BIGINT AS client_queue_us, 0::BIGINT AS connect_us, sent_us + service_us AS responded_us,
    CASE outcome WHEN 'answered' THEN 200 WHEN 'accepted' THEN 202 WHEN 'failed' THEN 502 ELSE 429 END AS status,
    NULL::VARCHAR AS broken_cause, status AS aws_status, outcome, lag_us + service_us AS response_us, service_us,
    1::BIGINT AS attempts
FROM drawn""",
    "effects": f"""\
SELECT {_KEY}, 'r' || i AS request_id, operation, 'order-' || (hash(i, 2) % 100000) AS entity, operation AS route,
    CASE WHEN outcome IN ('answered', 'accepted') THEN 'committed' ELSE 'rejected' END AS state,
    CASE WHEN state = 'committed' THEN sent_us + if(by_queue, queue_us, service_us) END AS committed_us,
    committed_us - scheduled_us AS completion_us,
    CASE WHEN by_queue THEN 1 ELSE 0 END::BIGINT AS deliveries,
    (operation = 'command' AND state = 'committed')::BIGINT AS commits,
    CASE WHEN committed_us IS NOT NULL THEN i END AS commit_order,
    CASE WHEN committed_us IS NOT NULL THEN 'handler' END AS commit_clock,
    CASE WHEN operation = 'query' THEN true END AS found,
    NULL::BIGINT AS fetches, NULL::BIGINT AS fetched_us
FROM drawn""",
    "invocations": f"""\
SELECT {_KEY}, 'command' AS function, 'i' || i AS invocation_id, sent_us AS started_us, 900::BIGINT AS duration_us,
    false AS cold, 1::BIGINT AS batch_size, 'succeeded' AS outcome, 'e' || i % 10 AS environment
FROM drawn
WHERE i % 1000 = 0""",
    "samples": f"""\
SELECT {_KEY}, t * 250000 AS t_us, (waiting * hash(t) % 100)::BIGINT AS queue_visible, waiting AS queue_in_flight,
    0::BIGINT AS queue_delayed, 0::BIGINT AS dead_letters, 3::BIGINT AS in_flight
FROM (SELECT t, CASE WHEN $commands_queued AND t * 250000 BETWEEN $start_us AND $end_us THEN t ELSE 0 END AS waiting
    FROM range($looks) r(t)), experiments e
ORDER BY repetition, t_us""",
}


def _experiments(comparison: int, architecture: str, scenario: str, requests: int) -> pa.Table:
    duration_us = requests * 1_000_000 // RATE_PER_S
    started_at = datetime(2026, 11, 20, 2, tzinfo=UTC) + timedelta(days=comparison)
    _, _, commands_queued, queries_queued = ARCHITECTURES[architecture]
    about: dict[str, Any] = {
        "comparison_id": f"night-{comparison}",
        "night": f"2026-11-{20 + comparison}",
        "origin": "nightly",
        "architecture": architecture,
        "variant": "idempotent",
        "scenario": scenario,
        "speed": 1.0,
        "target": "drawn, not replayed",
        "evidence": "simulated",
        "requests": requests,
        "started_at": started_at,
        "finished_at": started_at + timedelta(microseconds=duration_us),
        "duration_us": duration_us,
        "settled_us": 2 * duration_us,
        "queued": [name for name, queued in (("command", commands_queued), ("query", queries_queued)) if queued],
        "fault_windows": windows((duration_us // 3, duration_us // 2)) if scenario == "backend_outage" else "[]",
    }
    built = ObservationsBuilder()
    for repetition in range(1, REPETITIONS + 1):
        built.experiment(repetition, **about)
    return rows("experiments", built.seen["experiments"])


def _of_comparison(table: pa.Table, comparison_id: str) -> pa.Table:
    return table.set_column(0, "comparison_id", pa.repeat(pa.scalar(comparison_id), table.num_rows))


def generate(places: Places, total: int, console: Console) -> dict[str, float]:
    """Write ``total`` outcome rows, as many to each partition; returns the seconds of each rule for one night, and of
    writing for all.
    """
    cells = [(scenario, architecture) for scenario in SCENARIOS for architecture in ARCHITECTURES]
    requests = max(total // (COMPARISONS * len(cells)) // REPETITIONS, 1)
    seconds: dict[str, float] = {"writing": 0.0}
    with Progress(console=console) as progress:
        for scenario, architecture in progress.track(cells, description="outcomes"):
            with duckdb.connect() as connection:
                connection.execute("SELECT setseed(0.5)").fetchall()
                connection.register("experiments", found := _experiments(1, architecture, scenario, requests))
                duration_us = found["duration_us"][0].as_py()
                response_ms, queue_ms, commands_queued, queries_queued = ARCHITECTURES[architecture]
                outage = scenario == "backend_outage"
                values = {
                    "comparison_id": "night-1",
                    "architecture": architecture,
                    "scenario": scenario,
                    "repetitions": REPETITIONS,
                    "requests": requests,
                    "response_ms": response_ms,
                    "queue_ms": queue_ms,
                    "commands_queued": commands_queued,
                    "queries_queued": queries_queued,
                    "start_us": duration_us // 3 if outage else -1,
                    "end_us": duration_us // 2 if outage else -1,
                    "looks": 2 * duration_us // 250_000,
                }
                for name, sql in {"drawn": _DRAWN, **_OUTCOMES}.items():
                    statement = sql if name == "drawn" else f"CREATE TABLE {name} AS {sql}"
                    connection.execute(statement, {key: value for key, value in values.items() if f"${key}" in sql})
                connection.execute("DROP TABLE drawn")
                connection.register("items", rows("items", []))
                connection.register("messages", rows("messages", []))
                for name in _DERIVED:
                    began = time.perf_counter()
                    connection.execute(f"CREATE TABLE {name} AS {rule(name)}")
                    seconds[name] = seconds.get(name, 0.0) + time.perf_counter() - began
                tables = {name: connection.table(name).to_arrow_table() for name in (*_OUTCOMES, *_DERIVED)}
            for comparison in range(1, COMPARISONS + 1):
                named = {name: _of_comparison(table, f"night-{comparison}") for name, table in tables.items()}
                night = _experiments(comparison, architecture, scenario, requests)
                began = time.perf_counter()
                write_outcomes(
                    places,
                    f"night-{comparison}",
                    f"food_orders__{scenario}",
                    f"{architecture}~idempotent",
                    {**named, "experiments": night},
                )
                seconds["writing"] += time.perf_counter() - began
    return seconds


# The steps, by name: each is given the places, does its imports, and returns what is timed.

_EXACT = (
    "SELECT architecture, scenario, operation, quantile_disc({us}, [0.5, 0.9, 0.99, 0.999]) FROM {table} GROUP BY ALL"
)
_VALID = """\
SELECT architecture, scenario, operation, quantile_disc(response_us, [0.5, 0.9, 0.99, 0.999])
FROM requests JOIN experiments USING (comparison_id, architecture, variant, arm, workload, scenario, repetition)
WHERE valid AND outcome IN ('answered', 'accepted')
GROUP BY ALL"""
_SKETCH = _EXACT.replace("quantile_disc", "approx_quantile")
# Each quantile's bin, between whose least and greatest it lies.
_BINS = """\
WITH bins AS (
    SELECT architecture, scenario, operation, from_us, sum(requests) AS requests, min(min_us) AS min_us,
        max(max_us) AS max_us
    FROM distributions
    WHERE measure = 'response'
    GROUP BY ALL
),
reached AS (
    SELECT *, sum(requests) OVER (PARTITION BY architecture, scenario, operation ORDER BY from_us) AS reached,
        sum(requests) OVER (PARTITION BY architecture, scenario, operation) AS n
    FROM bins
)
SELECT architecture, scenario, operation, q, arg_min(min_us, from_us), arg_min(max_us, from_us)
FROM reached
CROSS JOIN (SELECT unnest([0.5, 0.9, 0.99, 0.999]) AS q)
WHERE reached >= q * n
GROUP BY ALL"""


def _querying(sql: str) -> Callable[[Places], Callable[[], object]]:
    def prepared(places: Places) -> Callable[[], object]:
        connection = connect(places)
        return lambda: connection.sql(sql).fetchall()

    return prepared


def _numpy(places: Places) -> Callable[[], object]:
    """A peer: one group after the other as an array, its quantiles by selection."""
    connection = connect(places)

    def run() -> None:
        groups = connection.execute("SELECT DISTINCT architecture, scenario, operation FROM ledger").fetchall()
        for group in groups:
            found = connection.execute(
                "SELECT response_us FROM requests WHERE architecture = ? AND scenario = ? AND operation = ?"
                " AND response_us IS NOT NULL",
                list(group),
            ).fetchnumpy()
            np.quantile(found["response_us"], [0.5, 0.9, 0.99, 0.999], method="inverted_cdf")

    return run


def _tables(places: Places) -> Callable[[], object]:
    """What the nodes of the comparison group show: their rows and their pictures."""
    from assets import plots  # noqa: PLC0415 - imports Dagster, which takes seconds
    from resources.warehouse.reading import query  # noqa: PLC0415

    def run() -> None:
        for name, plot in (("ledger", plots.LEDGER), ("latency", plots.LATENCY), ("recovery", plots.OVER_TIME)):
            query(places, f"SELECT * FROM {name} WHERE comparison_id = ?", [_NEWEST])
            plots.comparison_plots(places, _NEWEST, plot)

    return run


def _judging(places: Places) -> Callable[[], object]:
    """All judgements of the newest comparison, published once."""
    from assets.analysis.judge import judge  # noqa: PLC0415 - only where it is timed

    return lambda: judge(places, _NEWEST)


def _publishing_one(places: Places) -> Callable[[], object]:
    """One partition of the newest night is written again, as a rerun of its cell does."""
    partition = next(places.outcomes.glob(f"{_NEWEST}/*/*"))
    version = current(partition)
    assert version is not None
    write_partition(partition, {file.stem: pq.read_table(file) for file in version.iterdir()})
    return lambda: publish(places)


def _report(places: Places) -> Callable[[], object]:
    from assets.report.files import write_report  # noqa: PLC0415 - only where it is timed

    return lambda: write_report(places, _NEWEST)


_NEWEST = f"night-{COMPARISONS}"
STEPS: dict[str, Callable[[Places], Callable[[], object]]] = {
    "publish from nothing": lambda places: lambda: publish(places),
    "publish again, nothing changed": lambda places: lambda: publish(places),
    "publish again, one partition of all changed": _publishing_one,
    "exact quantiles of response": _querying(_EXACT.format(us="response_us", table="requests")),
    "exact quantiles of completion": _querying(_EXACT.format(us="completion_us", table="effects")),
    "exact quantiles of valid, acknowledged": _querying(_VALID),
    "bins of quantiles (distributions)": _querying(_BINS),
    "peer: approx_quantile": _querying(_SKETCH.format(us="response_us", table="requests")),
    "peer: numpy, group by group": _numpy,
    "judge": _judging,
    "rows and pictures of the nodes": _tables,
    "report": _report,
}


def _measured(step: str, places: Places) -> dict[str, Any]:
    """The step in a process of its own: ``seconds`` and ``peak_gb``, or the ``error`` it ended with."""
    command = [sys.executable, "-m", "tests.benchmarks.bench_warehouse", "--step", step, "--home", str(places.home)]
    ended = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    if ended.returncode:
        return {"error": ended.stderr.strip().rpartition("\n")[2]}
    figures: dict[str, Any] = json.loads(ended.stdout)
    return figures


def _peak_kb() -> int:
    """This process's own: what `resource` reports is at least its parent's."""
    (line,) = [one for one in Path("/proc/self/status").read_text().splitlines() if one.startswith("VmHWM")]
    return int(line.split()[1])


def run_step(step: str, places: Places) -> None:
    """Print, as JSON, what a step took."""
    run = STEPS[step](places)
    began, began_cpu = time.perf_counter(), time.process_time()
    run()
    seconds, cpu = time.perf_counter() - began, time.process_time() - began_cpu
    peak_gb = _peak_kb() * 1024 / 1e9
    print(json.dumps({"seconds": seconds, "cpu_s": cpu, "peak_gb": peak_gb}))  # noqa: T201 - read by the parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000_000)
    parser.add_argument("--home", type=Path, help="outcomes made before, which are kept")
    parser.add_argument("--keep", type=Path, help="make them there and keep them")
    parser.add_argument("--step", choices=STEPS, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.step:
        run_step(given.step, Places(given.home))
        return
    console = Console()
    with tempfile.TemporaryDirectory(prefix="archduel-bench-") as temporary:
        places = Places(given.home or given.keep or Path(temporary))
        if not given.home:
            seconds = generate(places, given.rows, console)
            rules = ", ".join(f"{name} {taken:.1f}" for name, taken in seconds.items())
            console.print(f"{given.rows:,} rows; seconds of each rule for one night, and of writing all: {rules}")
        table = Table("step", "seconds", "CPU seconds", "peak GB", "bound", "share of the bound")
        for step in STEPS:
            found = _measured(step, places)
            if "error" in found:
                table.add_row(step, found["error"])
                continue
            bound_s, bound_gb = _BOUNDS.get(step, (None, None))
            table.add_row(
                step,
                f"{found['seconds']:.2f}",
                f"{found['cpu_s']:.2f}",
                f"{found['peak_gb']:.2f}",
                "" if bound_s is None else f"{bound_s:g} s" + ("" if bound_gb is None else f", {bound_gb:g} GB"),
                ""
                if bound_s is None
                else f"{found['seconds'] / bound_s:.2f}"
                + ("" if bound_gb is None else f", {found['peak_gb'] / bound_gb:.2f}"),
            )
        console.print(table)


if __name__ == "__main__":
    main()
