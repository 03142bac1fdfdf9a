"""Comparisons of which the truth is known, from single requests through the rules of outcomes to `pairwise`.

Put here drawing the requests of many comparisons and judging them as those of replays are. Keep out what is asked of
the verdicts (the tests beside it) and the processes themselves (`tests.calibration.generators`).

A comparison is a workload of its own. Its architectures serve commands by the same components, so that what is planted
is all there is between them: commands are queued and done later, queries are answered directly.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from assets.analysis.outcomes import rule
from assets.analysis.verdicts.pairwise import pairwise
from resources.warehouse.observations import SCHEMAS
from resources.warehouse.schema import declaration
from tests.calibration.generators import Floats, Process, autoregressive

BASELINE, CANDIDATE = "hybrid", "event_driven"
OPERATIONS = ("command", "query")
REQUESTS = 600
"""Of each operation in a replay: enough for p99 to have six beyond it."""
_GAP_US = 20_000
_BATCH = 40
"""Comparisons that are judged at once: a million requests."""

Strings = npt.NDArray[np.object_]


@dataclass(frozen=True)
class Arm:
    """How one side's replays are drawn.

    Attributes:
        process: of the latencies within a replay.
        factor: by which all of its latencies are longer.
        noise: standard deviation of the log by which a replay is slower or quicker as a whole.
        instance: the same of an instance of the target; ``repetitions_per_instance`` follow each other on one.
        repetitions_per_instance: None for one instance through all repetitions.
        stalls: stops of the target in a replay, on average: requests of half a second wait until each is over.
        refused: the share of requests that are refused, which come in bursts.
    """

    process: Process = autoregressive(0.9, 0.3)  # noqa: RUF009 - frozen itself
    factor: float = 1.0
    noise: float = 0.05
    instance: float = 0.0
    repetitions_per_instance: int | None = None
    stalls: float = 1.0
    refused: float = 0.0


def judged(
    arms: tuple[Arm, Arm], comparisons: int, *, repetitions: int = 8, seed: int, looks: Sequence[int] = ()
) -> pa.Table:
    """Draw comparisons and judge them.

    Args:
        arms: baseline and candidate.
        comparisons: how many, each with requests of its own.
        repetitions: of each.
        seed: the same seed draws the same requests.
        looks: judge after each of these numbers of repetitions, as strictly as with ``--repetitions auto``; none: once.

    Returns:
        Rows of `pairwise`, with the comparison in ``workload`` and the number of repetitions in ``comparison_id``.
    """
    found = []
    for start in range(0, comparisons, _BATCH):
        count = min(_BATCH, comparisons - start)
        with duckdb.connect(config={"threads": 2}) as connection:
            _plant(connection, _observed(arms, count, repetitions, np.random.default_rng([seed, start]), start))
            for look in looks or (repetitions,):
                config = f'{{"baseline": "{BASELINE}", "repetitions": {repetitions}'
                config += ', "budget_s": 1}' if looks else "}"
                found.append(_judged(connection, look, config))
    return pa.concat_tables(found)


def replays(arm: Arm, count: int, generator: np.random.Generator) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Draw replays of one operation.

    Returns:
        Response times in microseconds and which requests are refused, each ``[count, REQUESTS]``, without the noise
        between replays.
    """
    times = arm.factor * arm.process.draw(generator, count, REQUESTS)
    refused = np.zeros(times.shape, dtype=bool)
    number = np.arange(REQUESTS)
    for _ in range(generator.poisson(arm.stalls * count)):
        replay, begin, lasts = generator.integers(count), generator.integers(REQUESTS), generator.integers(5, 26)
        waits = np.clip(lasts - (number - begin), 0, lasts) * (number >= begin) * _GAP_US
        times[replay] += waits
    if arm.refused:
        # In bursts of ten on average, so that counts of a replay vary more than those of single requests would.
        begins = generator.random(times.shape) < arm.refused / 10
        for shift in range(10):
            refused[:, shift:] |= begins[:, : REQUESTS - shift]
    return times, refused


def _observed(
    arms: tuple[Arm, Arm], comparisons: int, repetitions: int, generator: np.random.Generator, first: int
) -> dict[str, pa.Table]:
    """Observations of all replays, each of which has a number of its own for a repetition: `_plant` has them back."""
    replay = np.arange(2 * comparisons * repetitions)
    side, comparison = replay // (comparisons * repetitions), replay // repetitions % comparisons
    experiments = {
        "repetition": replay,
        "architecture": np.array([BASELINE, CANDIDATE])[side],
        "workload": np.array([f"w{first + number:04}" for number in range(comparisons)])[comparison],
    }
    sent: list[dict[str, Any]] = []
    done: list[dict[str, Any]] = []
    slower = np.concatenate([_slower(arm, comparisons, repetitions, generator) for arm in arms])
    for operation in OPERATIONS:
        drawn = [replays(arm, comparisons * repetitions, generator) for arm in arms]
        times = np.concatenate([times for times, _ in drawn]) * slower[:, None]
        refused = np.concatenate([refused for _, refused in drawn]).ravel()
        number = np.tile(np.arange(REQUESTS), replay.size)
        due_us = number * _GAP_US + (operation == "query") * _GAP_US // 2
        took_us = np.maximum(1, times.ravel()).astype(np.int64)
        names = np.array([f"{operation[0]}{one}" for one in range(REQUESTS)])[number]
        of = np.repeat(replay, REQUESTS)
        sent.append(
            {
                "repetition": of,
                "request_id": names,
                "operation": np.full(of.size, operation),
                "scheduled_us": due_us,
                "sent_us": due_us,
                "responded_us": due_us + took_us,
                "status": np.where(refused, 503, 202 if operation == "command" else 200),
            }
        )
        if operation == "command":
            waited = 20_000 * np.exp(0.3 * generator.standard_normal(of.size))
            at_us = due_us + took_us + (waited * np.repeat(slower, REQUESTS)).astype(np.int64)
            kept = ~refused
            done.append({"repetition": of[kept], "request_id": names[kept], "at_us": at_us[kept]})
    return {
        "experiments": pa.table(experiments),
        "sent": pa.concat_tables([pa.table(one) for one in sent]),
        "done": pa.concat_tables([pa.table(one) for one in done]),
    }


def _slower(arm: Arm, comparisons: int, repetitions: int, generator: np.random.Generator) -> Floats:
    """By which factor each replay is slower as a whole: itself, and its instance."""
    own = arm.noise / np.sqrt(2) * generator.standard_normal((comparisons, repetitions))
    per = arm.repetitions_per_instance or repetitions
    instances = arm.instance * generator.standard_normal((comparisons, -(-repetitions // per)))
    slower: Floats = np.exp(own + np.repeat(instances, per, axis=1)[:, :repetitions]).ravel()
    return slower


def _plant(connection: duckdb.DuckDBPyConnection, observed: dict[str, pa.Table]) -> None:
    """The published tables, made of what was observed by the rules that reconcile replays."""
    connection.execute("CREATE SCHEMA seen")
    for name, schema in SCHEMAS.items():
        empty = schema.empty_table()
        connection.register("empty", empty)
        connection.execute(f"CREATE TABLE seen.{name} AS FROM empty")
        connection.unregister("empty")
    for name, table in observed.items():
        connection.register(f"drawn_{name}", table)
    connection.execute(
        "INSERT INTO seen.experiments BY NAME SELECT *, 'c' AS comparison_id, 'idempotent' AS variant, 'main' AS arm,"
        f" 'steady' AS scenario, {REQUESTS * _GAP_US} AS duration_us, {REQUESTS * _GAP_US + 60_000_000} AS settled_us,"
        " ['command'] AS queued, '[]' AS fault_windows, 'MiniStack' AS target, 'observed' AS evidence"
        " FROM drawn_experiments"
    )
    connection.execute(
        "INSERT INTO seen.sent BY NAME SELECT *, request_id AS entity, 'responded' AS fate, 1 AS attempts"
        " FROM drawn_sent"
    )
    connection.execute(
        "INSERT INTO seen.items BY NAME SELECT repetition, request_id, 1 AS commits, at_us AS stamp_us FROM drawn_done"
    )
    connection.execute(
        "INSERT INTO seen.records BY NAME SELECT repetition, request_id, at_us, 'committed' AS result,"
        " 'consumer' AS function FROM drawn_done"
    )
    connection.execute("USE seen")
    for name in ("requests", "effect_parts", "effects", "ledger", "latency"):
        connection.execute(f"CREATE TABLE {name} AS {rule(name)}")
    connection.execute("USE main")
    connection.execute(declaration("tables"))


def _judged(connection: duckdb.DuckDBPyConnection, look: int, config: str) -> pa.Table:
    """The verdicts after so many repetitions."""
    name = str(look)
    repetition = "(SELECT repetition - min(repetition) OVER (PARTITION BY architecture, workload) + 1 AS own"
    for table in ("experiments", "ledger", "latency"):
        columns = {row[0] for row in connection.execute(f"DESCRIBE seen.{table}").fetchall()}
        known = [row[0] for row in connection.execute(f"DESCRIBE main.{table}").fetchall() if row[0] in columns]
        kept = ", ".join(one for one in known if one not in {"comparison_id", "repetition"})
        connection.execute(
            f"INSERT INTO main.{table} BY NAME SELECT '{name}' AS comparison_id, own AS repetition, {kept}"
            f"{', true AS valid' if table == 'experiments' else ''} FROM {repetition}, * FROM seen.{table})"
            f" WHERE own <= {look}"
        )
    connection.execute(
        "INSERT INTO comparisons BY NAME SELECT ? AS comparison_id, 'MiniStack' AS target, 'observed' AS evidence,"
        " ?::JSON AS config",
        [name, config],
    )
    return pairwise(connection, name)
