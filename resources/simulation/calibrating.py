"""Parameters fitted to what was observed in one or two cells: of an emulator, or of AWS itself.

Put here how observations become distributions of the model's parameters. Keep out predicting other cells with them
(`assets.analysis.validation`) and the bundled parameters, which are fitted to nothing (`parameters.toml`).

The model has one latency before a function and none after it, so what a call takes beside its handler is one figure:
`lambda.invoke_latency`. What a queue's answer takes is `sqs.send_latency`; `gateway.latency` is 0 beside them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from resources.simulation.parameters import Parameters
from resources.warehouse.observations import Tables
from workloads.databases import in_memory
from workloads.errors import UsageError

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)
MIN_SAMPLES = 20  # of a distribution; fewer leave the parameter as it is
_RESAMPLES = 200
_LEAST_US = 10.0
Microseconds = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Fitted:
    """One fitted distribution.

    Attributes:
        name: The parameter.
        quantiles: Pairs of a share and a time in microseconds.
        max_us: The longest time seen.
        n: How many times it is made of.
        p50_low_us, p50_high_us: The 95 % interval of the median, by resampling.
    """

    name: str
    quantiles: tuple[tuple[float, float], ...]
    max_us: float
    n: int
    p50_low_us: float
    p50_high_us: float


@dataclass
class Calibration:
    """What was fitted, and what could not be."""

    fitted: list[Fitted] = field(default_factory=list)
    numbers: dict[str, float] = field(default_factory=dict)
    unknown: dict[str, str] = field(default_factory=dict)

    def parameters(self, known: Parameters) -> Parameters:
        """``known`` with what was fitted in place of some."""
        return known.with_changes(self.changes(known), "calibration")

    def changes(self, known: Parameters) -> dict[str, object]:
        """What was fitted, as a user's file of parameters has it; within the ranges that make sense."""
        changes: dict[str, object] = {}
        for one in self.fitted:
            low, high = known[one.name].range_us
            values = [(share, min(max(us, low), high)) for share, us in one.quantiles]
            changes[one.name] = {
                "quantiles": [[share, us] for share, us in values],
                "max": min(max(one.max_us, values[-1][1]), high),
                "unit": "us",
            }
        for name, value in self.numbers.items():
            low, high = known[name].range
            changes[name] = {"value": min(max(value, low), high)}
        return changes

    def toml(self, known: Parameters, about: str) -> str:
        """The file of parameters; ``about`` says what it was fitted to."""
        lines = [f"# Fitted by `archduel calibrate` to {about}. Use it with --target simulated --parameters FILE."]
        fitted = {one.name: one for one in self.fitted}
        for name, change in self.changes(known).items():
            lines += ["", f"[{name}]"]
            if name in fitted:
                lines.append(f"# {fitted[name].n:,} times")
            assert isinstance(change, Mapping)  # noqa: S101 - as `changes` makes them
            for key, value in change.items():
                lines.append(f"{key} = {_written(value)}")
        for name, why in self.unknown.items():
            lines += ["", f"# {name} stays as it was: {why}"]
        return "\n".join(lines) + "\n"


def calibrate(cells: Iterable[Tables]) -> Calibration:
    """Fit parameters to the observations of some contenders and cells.

    Args:
        cells: The observations of each, by table.

    Raises:
        UsageError: Nothing in them can be fitted.
    """
    samples: dict[str, list[Microseconds]] = {}
    pollers, colds = 0, []
    for tables in map(_valid, cells):
        with in_memory(threads=1) as connection:
            for name in ("sent", "records", "invocations", "samples"):
                connection.register(name, tables[name])
            for name, sql in _TIMES.items():
                found = connection.execute(sql).fetchnumpy()["us"]
                samples.setdefault(name, []).append(np.asarray(found, float))
            colds.append(np.asarray(connection.execute(_COLD).fetchnumpy()["us"], float))
            [(busy,)] = connection.execute(_AT_ONCE).fetchall()
            pollers = max(pollers, int(busy or 0))
    found = {name: np.maximum(np.concatenate(parts), _LEAST_US) for name, parts in samples.items()}
    calibration = Calibration()
    for name, us in found.items():
        if us.size < MIN_SAMPLES:
            calibration.unknown[name] = f"{us.size:,} times were seen, and it takes {MIN_SAMPLES}"
        else:
            calibration.fitted.append(_fitted(name, us))
    if not calibration.fitted:
        raise UsageError("there is nothing to fit in these cells: they have no valid replay with answers")
    calibration.fitted.append(Fitted("gateway.latency", ((0.5, 0.0), (0.99, 0.0)), 0.0, 0, 0.0, 0.0))
    _fit_cold(calibration, np.concatenate(colds), found["lambda.invoke_latency"])
    if pollers:  # it does not grow as AWS's does: what was at work at once is all there is
        calibration.numbers |= {
            "mapping.pollers": pollers,
            "mapping.max_pollers": pollers,
            "mapping.pollers_per_minute": 0,
        }
    return calibration


def _valid(tables: Tables) -> Tables:
    """Without the repetitions that are invalid."""
    experiments = tables["experiments"]
    valid = experiments.filter(pc.is_null(experiments.column("invalid_reason"))).column("repetition")
    return {name: table.filter(pc.is_in(table.column("repetition"), valid)) for name, table in tables.items()}


def _fit_cold(calibration: Calibration, cold_us: Microseconds, warm_us: Microseconds) -> None:
    """What a new environment takes beside a call to a warm one, all of it as `lambda.init`."""
    if cold_us.size < MIN_SAMPLES or not warm_us.size:
        calibration.unknown["lambda.init"] = f"{cold_us.size:,} cold starts were seen, and it takes {MIN_SAMPLES}"
        return
    calibration.fitted.append(_fitted("lambda.init", np.maximum(cold_us - np.median(warm_us), _LEAST_US)))
    calibration.fitted.append(Fitted("lambda.placement", ((0.5, 0.0), (0.99, 0.0)), 0.0, 0, 0.0, 0.0))


def _fitted(name: str, us: Microseconds) -> Fitted:
    quantiles = tuple((share, float(value)) for share, value in zip(QUANTILES, np.quantile(us, QUANTILES), strict=True))
    generator = np.random.default_rng(1)
    # One at a time: all together would take 1,600 bytes for each time that was seen.
    medians = [float(np.median(generator.choice(us, us.size))) for _ in range(_RESAMPLES)]
    low, high = np.quantile(medians, (0.025, 0.975))
    return Fitted(name, quantiles, float(us.max()), us.size, float(low), float(high))


def _written(value: object) -> str:
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, list):
        return f"[{', '.join(_written(one) for one in value)}]"
    return f"{value:g}" if isinstance(value, float) and value == round(value, 4) else f"{float(str(value)):.4f}"


_HANDLED = """\
WITH handled AS (  -- each request's first handling, with its invocation
    SELECT r.repetition, r.request_id, r.result, r.at_us, r.worked_us, r.receive_count, i.started_us, i.duration_us,
        i.cold, i.batch_size
    FROM records r JOIN invocations i USING (repetition, function, invocation_id)
    WHERE i.duration_us > 0
    QUALIFY row_number() OVER (PARTITION BY r.repetition, r.request_id ORDER BY r.at_us) = 1
)"""
_DIRECT = f"""\
{_HANDLED}
SELECT s.responded_us - s.sent_us - h.duration_us AS us
FROM sent s JOIN handled h USING (repetition, request_id)
WHERE s.status BETWEEN 200 AND 299 AND h.receive_count IS NULL AND s.attempts = 1"""
_TABLE = f"""\
{_HANDLED}
SELECT duration_us - coalesce(worked_us, 0) AS us
FROM handled
WHERE NOT coalesce(cold, false) AND coalesce(batch_size, 1) = 1"""
# By parameter, the times it is made of, microseconds.
_TIMES = {
    "lambda.invoke_latency": f"{_DIRECT} AND NOT coalesce(h.cold, false)",
    "sqs.send_latency": "SELECT responded_us - sent_us AS us FROM sent WHERE status = 202 AND attempts = 1",
    # When hardly anything waits: behind a backlog a message waits for its turn, which the model does itself.
    "sqs.delivery_latency": f"""\
{_HANDLED},
waiting AS (SELECT repetition, t_us, queue_visible + queue_in_flight AS n FROM samples)
SELECT greatest(h.started_us - s.responded_us, 0) AS us
FROM sent s JOIN handled h USING (repetition, request_id)
ASOF LEFT JOIN waiting w ON s.repetition = w.repetition AND s.responded_us >= w.t_us
WHERE s.status = 202 AND h.receive_count = 1 AND coalesce(w.n, 0) <= 2""",
    "table.write_latency": f"{_TABLE} AND result = 'committed'",
    "table.read_latency": f"{_TABLE} AND result = 'answered'",
}
_COLD = f"{_DIRECT} AND h.cold"
# How many batches the consumer works on at once.
_AT_ONCE = """\
WITH ends AS (
    SELECT repetition, started_us AS at_us, 1 AS n FROM invocations WHERE function = 'consumer' AND duration_us > 0
    UNION ALL
    SELECT repetition, started_us + duration_us, -1 FROM invocations WHERE function = 'consumer' AND duration_us > 0
)
SELECT max(busy) FROM (SELECT sum(n) OVER (PARTITION BY repetition ORDER BY at_us, n) AS busy FROM ends)"""
