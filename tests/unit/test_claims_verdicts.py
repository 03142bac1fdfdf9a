"""Claims judged on planted outcomes: each true, false and undecidable, and the verdict follows.

What is planted is small, synthetic and seeded; the rules themselves are `test_claims`.
"""

import itertools
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from assets.analysis.claims import claims
from assets.analysis.claims.composing import compose
from assets.analysis.claims.verdicts import judge_claims
from assets.analysis.statistics.verdicts import MIN_PAIRS
from resources.conformance.running import probes
from resources.warehouse.outcomes import beside
from resources.warehouse.schema import schema
from tests.published_tables import published_tables
from workloads.errors import ArchduelError

KEY = "comparison_id, architecture, variant, arm, workload, scenario, repetition"
TARGET = "MiniStack"
SECOND = 1_000_000
LENGTH_S = 36  # of every planted replay
DELAYS_MS = {6: 200, 12: 100, 18: 300, 24: 150}  # second in which a stretch of three begins


def windows(scenario: str) -> list[dict[str, Any]]:
    """What the scenario did, as the lab stores it."""

    def window(target: str, kind: str, start_s: float, length_s: float, **more: Any) -> dict[str, Any]:
        start_us = round(start_s * SECOND)
        return {
            "target": target,
            "kind": kind,
            "start_us": start_us,
            "end_us": start_us + round(length_s * SECOND),
            **more,
        }

    match scenario:
        case "backend_outage" | "outage_beyond_retries":
            return [window("table", "down", 12, 12)]
        case "component_down":
            away = [("api", "down"), ("functions", "down"), ("queue", "down"), ("event_source_mapping", "disabled")]
            return [window(*one, 3 + 6 * number, 3) for number, one in enumerate([*away, ("table", "down")])]
        case "handler_delay":
            return [window("commands", "work", at_s, 3, work_ms=ms) for at_s, ms in DELAYS_MS.items()]
    return []


@dataclass
class Planted:
    """A database with the warehouse's tables, and outcomes put into it by SQL over ``i``, the request's number."""

    connection: duckdb.DuckDBPyConnection

    def comparison(
        self,
        name: str = "c1",
        *,
        origin: str = "adhoc",
        night: str = "2026-11-20",
        target: str = TARGET,
        evidence: str = "observed",
    ) -> None:
        self.connection.execute(
            "INSERT INTO comparisons BY NAME SELECT ? AS comparison_id, ? AS origin, ? AS night, ? AS target,"
            " ? AS evidence",
            [name, origin, night, target, evidence],
        )

    def conformance(self, status: str = "reproduced", *, but: dict[str, str] | None = None) -> None:
        """What the target does of every behaviour there is a probe of."""
        rows = [
            {
                "target": TARGET,
                "behaviour": one.behaviour,
                "status": (but or {}).get(one.behaviour, status),
                "seen_status": one.aws_status,
            }
            for one in probes()
        ]
        table = pa.Table.from_pylist(rows)
        self.connection.register("rows", table)
        self.connection.execute("INSERT INTO conformance BY NAME FROM rows")

    def cell(
        self,
        scenario: str,
        architecture: str,
        *,
        repetitions: int = 8,
        requests: int = 480,
        comparison: str = "c1",
        valid: bool = True,
        reserved: int | None = None,
        **columns: str,
    ) -> None:
        """Replays of one architecture under one scenario: evenly spaced requests, every fourth a command.

        ``columns`` are SQL for columns of requests and effects that are not as in an uneventful replay.
        """
        queued = architecture == "event_driven"
        mixed = architecture == "hybrid"
        usual = {
            "operation": "CASE WHEN i % 4 = 0 THEN 'command' ELSE 'query' END",
            "entity": "(i // 4)::VARCHAR",
            "sent_us": "scheduled_us",
            "response_us": "30000 + (i * 7919 + repetition * 104729) % 1000",
            "status": "202" if queued else "CASE WHEN i % 4 = 0 THEN 202 ELSE 200 END" if mixed else "200",
            "outcome": "CASE WHEN status IS NULL THEN 'failed' WHEN status = 202 THEN 'accepted'"
            " WHEN status < 300 THEN 'answered' WHEN status = 429 THEN 'throttled' ELSE 'failed' END",
            "state": "CASE WHEN outcome IN ('answered', 'accepted') THEN 'committed' ELSE 'rejected' END",
            "committed_us": "scheduled_us + 20000",
            "deliveries": "1",
            "found": "true",
        } | columns
        settings = {"reserved_concurrency": reserved, "function_timeout_s": 2, "table_timeout_ms": 1000}
        self.connection.execute(
            f"""
            INSERT INTO experiments BY NAME
            SELECT ? AS comparison_id, ? AS architecture, 'idempotent' AS variant, 'main' AS arm,
                'food_orders' AS workload, ? AS scenario, unnest(range(1, ? + 1))::INTEGER AS repetition,
                {LENGTH_S * SECOND} AS duration_us, {60 * SECOND} AS settled_us, ? AS valid,
                CASE WHEN NOT valid THEN 'send lag p99 80.0 ms is over 50 ms' END AS invalid_reason,
                ? AS fault_windows, ? AS config, 'observed' AS evidence
            """,
            [
                comparison,
                architecture,
                scenario,
                repetitions,
                valid,
                json.dumps(windows(scenario)),
                json.dumps(settings),
            ],
        )
        computed = "".join(f", {sql} AS {name}" for name, sql in usual.items())
        self.connection.execute(
            f"""
            CREATE OR REPLACE TEMP TABLE drawn AS
            SELECT {KEY}, i, i::VARCHAR AS request_id, i * {LENGTH_S * SECOND} // {requests} AS scheduled_us{computed}
            FROM experiments CROSS JOIN range({requests}) requests(i)
            WHERE comparison_id = '{comparison}' AND architecture = '{architecture}' AND scenario = '{scenario}'
            """
        )
        self.connection.execute(
            f"""
            INSERT INTO requests BY NAME
            SELECT {KEY}, request_id, operation, entity, scheduled_us, sent_us, status, outcome, response_us,
                response_us AS service_us, scheduled_us + response_us AS responded_us FROM drawn;
            INSERT INTO effects BY NAME
            SELECT {KEY}, request_id, operation, entity, state, deliveries, found,
                CASE WHEN state = 'committed' THEN committed_us END AS committed_us FROM drawn;
            INSERT INTO ledger BY NAME
            SELECT {KEY}, operation, count(*) AS offered, count(*) FILTER (outcome = 'answered') AS answered,
                count(*) FILTER (outcome = 'accepted') AS accepted,
                count(*) FILTER (outcome = 'throttled') AS throttled,
                count(*) FILTER (state = 'lost') AS lost FROM drawn GROUP BY ALL;
            INSERT INTO latency BY NAME
            SELECT {KEY}, operation, 'response' AS measure, count(*) AS n,
                quantile_disc(response_us, 0.99) FILTER (outcome IN ('answered', 'accepted')) AS p99_us
            FROM drawn GROUP BY ALL;
            INSERT INTO recovery BY NAME
            SELECT {KEY}, 0 AS fault, 'table' AS target,
                count(*) FILTER (outcome = 'accepted' AND state = 'committed')
                    / nullif(count(*) FILTER (outcome = 'accepted'), 0) AS recovered_share
            FROM drawn WHERE scenario = 'backend_outage' AND operation = 'command' GROUP BY ALL;
            """
        )

    def invocations(
        self, scenario: str, architecture: str, function: str, *, every_us: str, lasting_us: str, count: int = 100
    ) -> None:
        """Invocations of a function, number ``j`` starting at ``j * every_us``."""
        self.connection.execute(
            f"""
            INSERT INTO invocations BY NAME
            SELECT {KEY}, '{function}' AS function, j::VARCHAR AS invocation_id,
                (j * ({every_us}))::BIGINT AS started_us,
                ({lasting_us})::BIGINT AS duration_us, 'succeeded' AS outcome
            FROM experiments CROSS JOIN range({count}) numbers(j)
            WHERE architecture = '{architecture}' AND scenario = '{scenario}'
            """
        )

    def samples(self, scenario: str, waiting: int) -> None:
        self.connection.execute(
            f"INSERT INTO samples BY NAME SELECT {KEY}, unnest([0, {SECOND}]) AS t_us, {waiting} AS queue_visible,"
            f" 0 AS queue_in_flight FROM experiments WHERE scenario = '{scenario}' AND architecture = 'event_driven'"
        )

    def pairwise(self, metric: str, difference: float, low: float | None, high: float | None, **more: Any) -> None:
        row = {
            "comparison_id": "c1", "workload": "food_orders", "scenario": "steady", "operation": "command",
            "variant": "idempotent", "arm": "main", "baseline": "synchronous", "candidate": "event_driven",
            "metric": metric, "unit": "ratio", "difference": difference, "ci_low": low, "ci_high": high, "pairs": 8,
            **more,
        }  # fmt: skip
        self.connection.register("rows", pa.Table.from_pylist([row]))
        self.connection.execute("INSERT INTO pairwise BY NAME FROM rows")

    def cost(self, architecture: str, usd: float, gateway: str = "rest") -> None:
        self.connection.execute(
            "INSERT INTO cost BY NAME SELECT 'c1' AS comparison_id, ? AS architecture, 'idempotent' AS variant,"
            " 'food_orders' AS workload, ? AS gateway, 'x86' AS processor, unnest([?, 1.0]) AS usd",
            [architecture, gateway, usd - 1.0],
        )

    def judged(self, *names: str, comparison: str = "c1") -> dict[tuple[str, str], dict[str, Any]]:
        """Rows of the table `claims`, of all claims or the named, by claim and part; each one checked."""
        rows = judge_claims(self.connection, comparison, names or None).to_pylist()
        for row in rows:
            check(self.connection, row)
        return {(row["claim_id"], row["part"]): row for row in rows}


def check(connection: duckdb.DuckDBPyConnection, row: dict[str, Any]) -> None:
    """What holds of every row: no figure that is none, a reason, and a query that gives the same figure."""
    assert row["verdict"] in {"supported", "refuted", "partly", "inconclusive", "not_testable_here"}
    assert row["evidence"] in {"observed", "simulated", "modelled", "documented"}
    assert row["reason"]
    assert not {"nan", "None", "NULL", "inf"} & set(row["reason"].replace(",", " ").split())
    figures = [row[name] for name in ("value", "ci_low", "ci_high", "threshold")]
    assert all(figure is None or math.isfinite(figure) for figure in figures)
    if row["query"] is not None:
        relation = connection.sql(row["query"])
        assert relation.columns[0] == "value"
        [again] = relation.fetchall()
        assert again[0] == row["value"]
    if row["value"] is None and row["part"]:
        assert row["verdict"] in {"inconclusive", "not_testable_here"} or row["evidence"] == "documented"


@pytest.fixture
def empty() -> Iterator[Planted]:
    with published_tables() as connection:
        yield Planted(connection)


@pytest.fixture
def simulated(empty: Planted) -> Planted:
    """A comparison on a target whose times are those of AWS."""
    empty.comparison(evidence="simulated")
    return empty


@pytest.fixture
def planted(empty: Planted) -> Planted:
    empty.comparison()
    empty.conformance()
    return empty


def verdict(planted: Planted, claim: str, part: str = "") -> str:
    return str(planted.judged(claim)[claim, part]["verdict"])


class TestTable:
    def test_has_the_warehouses_columns(self, empty: Planted) -> None:
        assert [row[0] for row in empty.connection.execute("DESCRIBE claims").fetchall()] == schema("claims").names

    def test_fits_into_the_warehouse_with_every_claim_and_part_once(self, planted: Planted) -> None:
        rows = judge_claims(planted.connection, "c1")
        assert rows.schema == schema("claims")
        planted.connection.register("judged", rows)
        planted.connection.execute("INSERT INTO claims BY NAME FROM judged")
        expected = {(one.id, "") for one in claims()} | {(one.id, part.part) for one in claims() for part in one.parts}
        assert {(row["claim_id"], row["part"]) for row in rows.to_pylist()} == expected
        positions = rows.column("position").to_pylist()
        assert positions == sorted(set(positions))

    def test_says_that_there_is_no_such_comparison(self, planted: Planted) -> None:
        with pytest.raises(ArchduelError, match="no comparison 'c9'"):
            judge_claims(planted.connection, "c9")


class TestKind:
    @pytest.mark.parametrize(
        ("claim", "part", "kind"),
        [
            ("S13", "", "demonstrated"),
            ("S5", "", "demonstrated"),  # as each of its parts
            ("S6", "", "measured"),
            ("S14", "", "measured"),  # as one of its parts is
            ("S14", "one limit is the tight one", "demonstrated"),
            ("S12", "", None),
            ("S4", "gateway", None),
        ],
    )
    def test_tells_what_could_have_come_out_otherwise(
        self, planted: Planted, claim: str, part: str, kind: str | None
    ) -> None:
        assert planted.judged(claim)[claim, part]["kind"] == kind

    def test_is_explained_where_a_part_is_decided_that_could_not_have_come_out_otherwise(
        self, planted: Planted
    ) -> None:
        planted.cell("backend_outage", "synchronous", status=during(12, 24, "503")["status"])
        row = planted.judged("S13")["S13", ""]
        assert row["verdict"] == "supported"
        assert "could not have come out otherwise: the lab's handler answers 503" in row["reason"]


class TestNothingToJudge:
    def test_decides_only_what_is_documented_or_probed(self, planted: Planted) -> None:
        decided = {key for key, row in planted.judged().items() if row["verdict"] in ("supported", "refuted", "partly")}
        documented = {(one.id, part.part) for one in claims() for part in one.parts if part.kind == "documented"}
        probed = {("S15", "Lambda's own answer"), ("S15", "")}
        of_documented_parts = {("S12", ""), ("E12", "")}
        assert decided == documented | probed | of_documented_parts

    def test_says_the_same_of_who_manages_either_architecture(self, planted: Planted) -> None:
        rows = planted.judged("S12", "E12")
        assert rows["S12", ""]["verdict"] == rows["E12", ""]["verdict"] == "partly"

    def test_names_the_command_that_would_measure_it(self, planted: Planted) -> None:
        reason = planted.judged("S2")["S2", "one comparison"]["reason"]
        assert "`archduel compare --scenario steady --architecture synchronous --repetitions 8`" in reason

    def test_says_why_a_replay_does_not_count(self, planted: Planted) -> None:
        planted.cell("steady", "synchronous", valid=False)
        row = planted.judged("S1")["S1", ""]
        assert (row["verdict"], row["value"]) == ("inconclusive", None)
        assert "none of 8 replays" in row["reason"]
        assert "send lag" in row["reason"]

    @pytest.mark.parametrize(
        "columns",
        [
            {"status": "NULL::INTEGER"},
            {"operation": "'query'"},
            {"operation": "'command'"},
            {
                "sent_us": "NULL::BIGINT",
                "response_us": "NULL::BIGINT",
                "status": "NULL::INTEGER",
                "outcome": "'unsent'",
            },
            {"response_us": "1000"},
        ],
        ids=["all failed", "no commands", "no queries", "nothing sent", "constant latencies"],
    )
    def test_gives_a_sentence_for_any_replays(self, planted: Planted, columns: dict[str, Any]) -> None:
        for scenario, architecture in sorted(
            {cell for one in claims() for part in one.measured for cell in part.cells}
        ):
            planted.cell(scenario, architecture, repetitions=2, requests=48, reserved=4, **columns)
        assert planted.judged()  # checks every row

    def test_gives_a_sentence_for_replays_without_any_request(self, planted: Planted) -> None:
        planted.cell("steady", "synchronous", repetitions=1)
        planted.connection.execute("DELETE FROM requests; DELETE FROM ledger; UPDATE experiments SET duration_us = 0")
        row = planted.judged("S1")["S1", ""]
        assert (row["verdict"], row["n"]) == ("inconclusive", 0)


class TestFidelity:
    BEHAVIOUR = "a function's time-out behind a REST API"

    @pytest.mark.parametrize("status", ["different", "absent", "unknown"])
    def test_judges_nothing_that_rests_on_what_the_target_lacks(self, empty: Planted, status: str) -> None:
        empty.comparison()
        empty.conformance(but={self.BEHAVIOUR: status})
        empty.cell("function_timeout", "synchronous", status="502", response_us="2100000")
        rows = empty.judged("S4")
        assert rows["S4", "function"]["verdict"] == "not_testable_here"
        assert self.BEHAVIOUR in rows["S4", "function"]["reason"]
        assert (rows["S4", ""]["verdict"], rows["S4", ""]["evidence"]) == ("supported", "documented")

    def test_sends_to_the_doctor_where_the_target_was_never_probed(self, empty: Planted) -> None:
        empty.comparison()
        empty.cell("function_timeout", "synchronous", status="502", response_us="2100000")
        row = empty.judged("S4")["S4", "function"]
        assert (row["verdict"], row["value"], row["query"]) == ("inconclusive", None, None)
        assert "archduel doctor" in row["reason"]

    def test_ignores_probes_of_other_targets(self, empty: Planted) -> None:
        empty.comparison(target="LocalStack")
        empty.conformance()
        assert "archduel doctor" in empty.judged("S4")["S4", "function"]["reason"]


STEADY = "steady"


OUTAGE, DOWN, DELAY, BEYOND = "backend_outage", "component_down", "handler_delay", "outage_beyond_retries"
SYNC, EVENT = "synchronous", "event_driven"
BROKEN = {"status": "NULL::INTEGER"}
ERROR = {"status": "500"}
GIVEN_UP = {"state": "'dead_lettered'"}
LONGER = {"requests": 2000}
ENOUGH = {"requests": 960}  # in a window of a twelfth


def during(start_s: int, end_s: int, status: str) -> dict[str, str]:
    """Another status for what is due between these seconds."""
    return {"status": f"CASE WHEN scheduled_us BETWEEN {start_s}000000 AND {end_s}000000 THEN {status} ELSE 200 END"}


def now_and_then(column: str, every: int, then: str, usual: str) -> dict[str, str]:
    """Another value for one request in so many."""
    return {column: f"CASE WHEN i % {every} = 0 THEN {then} ELSE {usual} END"}


HELD = {"response_us": "200000"}
FEW_5XX = now_and_then("status", 20, "200", "503") | {"operation": "'command'"}
LATE = {"committed_us": "scheduled_us + 90000"}
SELDOM_LATE = now_and_then("committed_us", 384, "scheduled_us + 90000", "scheduled_us")
SELDOM_LOST = now_and_then("state", 900, "'lost'", "'committed'")
# What to plant so that a part is supported, refuted and undecidable (None: too little of anything makes it so).
CASES: list[tuple[str, str, str, str, tuple[dict[str, Any] | None, ...]]] = [
    ("S1", "", STEADY, SYNC, ({}, ERROR, now_and_then("status", 900, "NULL", "200"))),
    ("S2", "one comparison", STEADY, SYNC, ({}, LATE, SELDOM_LATE)),
    ("S5", "gateway", DOWN, SYNC, (ENOUGH | during(3, 6, "NULL"), {}, None)),
    ("S5", "functions", DOWN, SYNC, (ENOUGH | during(9, 12, "429"), {}, None)),
    ("S5", "table", DOWN, SYNC, (ENOUGH | during(27, 30, "503"), {}, None)),
    ("S6", "one comparison", DELAY, SYNC, (HELD | now_and_then("status", 4, "200", "503"), HELD, None)),
    ("S13", "", OUTAGE, SYNC, (during(12, 24, "503"), {}, FEW_5XX)),
    ("E1", "", STEADY, EVENT, ({}, {"state": "'lost'"}, SELDOM_LOST)),
    ("E2", "", STEADY, EVENT, ({"status": "200"}, {}, now_and_then("status", 100, "200", "202"))),
    ("E5", "gateway", DOWN, EVENT, ({}, ENOUGH | BROKEN, None)),
    ("E5", "queue", DOWN, EVENT, ({}, ENOUGH | ERROR, None)),
    ("E5", "consumer", DOWN, EVENT, ({}, ENOUGH | GIVEN_UP, None)),
    ("E5", "table", DOWN, EVENT, ({}, ENOUGH | GIVEN_UP, None)),
    ("E6", "gateway", DOWN, EVENT, (LONGER, BROKEN, {})),
    ("E6", "queue", DOWN, EVENT, (LONGER, ERROR, {})),
    ("E6", "consumer", DOWN, EVENT, (LONGER, ERROR, {})),
    ("E6", "table", DOWN, EVENT, (LONGER, ERROR, {})),
    ("E13", "retries outlast the outage", OUTAGE, EVENT, (LONGER, {"state": "'lost'"}, {})),
    ("E13", "the outage outlasts the retries", BEYOND, EVENT, (LONGER, GIVEN_UP, {})),
    ("T2", "around an outage", OUTAGE, "hybrid", ({}, {"found": "i % 20 <> 1"}, {"found": "i % 100 <> 1"})),
]
PLANTED = [
    (claim, part, scenario, architecture, expected, columns)
    for claim, part, scenario, architecture, cases in CASES
    for expected, columns in zip(("supported", "refuted", "inconclusive"), cases, strict=True)
    if columns is not None
]
SLOPES = [(1.0, "refuted", "refuted"), (0.0, "inconclusive", "supported"), (0.5, "inconclusive", "refuted")]
CUT_OFF = {
    "status": "CASE WHEN i = 48 THEN 502 ELSE 200 END",
    "response_us": "CASE WHEN i = 48 THEN 2050000 ELSE 9 END",
}
REDELIVERED = {"deliveries": "CASE WHEN i = 48 THEN 2 ELSE 1 END"}
SLOW_COMMANDS = {"response_us": "CASE WHEN i % 4 = 0 THEN 90000 ELSE 30000 + i % 99 END"}
SLOW_QUERIES = {"response_us": "CASE WHEN i % 4 = 1 THEN 90000 ELSE 30000 + i % 99 END"}
REFUSED_COMMANDS = {"status": "CASE WHEN i % 4 > 0 THEN 200 WHEN i % 40 = 0 THEN 503 ELSE 202 END"}
REFUSED_QUERIES = {"status": "CASE WHEN i % 4 = 0 THEN 202 WHEN i % 40 = 1 THEN 503 ELSE 200 END"}


class TestShares:
    @pytest.mark.parametrize(("claim", "part", "scenario", "architecture", "expected", "columns"), PLANTED)
    def test_follow_what_was_planted(
        self,
        planted: Planted,
        claim: str,
        part: str,
        scenario: str,
        architecture: str,
        expected: str,
        columns: dict[str, Any],
    ) -> None:
        planted.cell(scenario, architecture, **columns)
        assert verdict(planted, claim, part) == expected

    def test_show_the_pooled_count_and_the_interval(self, planted: Planted) -> None:
        planted.cell(STEADY, "synchronous", repetitions=8, requests=480)
        row = planted.judged("S1")["S1", ""]
        assert (row["value"], row["n"], row["ci_high"]) == (1.0, 3840, 1.0)
        assert 0.999 < row["ci_low"] < 1
        assert "says nothing of AWS" in row["reason"]

    def test_say_how_many_repetitions_more_would_tell(self, planted: Planted) -> None:
        planted.cell(STEADY, "synchronous", repetitions=2)
        row = planted.judged("S1")["S1", ""]
        assert row["verdict"] == "inconclusive"
        assert "--repetitions 8" in row["reason"]

    def test_pool_the_nights_of_one_target_and_no_others(self, empty: Planted) -> None:
        empty.conformance()
        for night in range(1, 4):
            empty.comparison(f"n{night}", origin="nightly", night=f"2026-11-0{night}")
            empty.cell(STEADY, "synchronous", comparison=f"n{night}", repetitions=8, requests=480)
        empty.comparison("other", origin="nightly", night="2026-11-01", target="LocalStack")
        empty.cell(STEADY, "synchronous", comparison="other", status="NULL::INTEGER")
        empty.comparison("mine")
        empty.cell(STEADY, "synchronous", comparison="mine", status="NULL::INTEGER")
        counts = {name: empty.judged("S1", comparison=name)["S1", ""]["n"] for name in ("n1", "n2", "n3", "mine")}
        assert counts == {"n1": 3840, "n2": 7680, "n3": 11520, "mine": 3840}
        of_night = empty.judged("S2", comparison="n3")
        assert of_night["S2", "one comparison"]["n"] == 960
        assert of_night["S2", "nights together"]["n"] == 2880

    def test_pool_no_more_than_fourteen_nights(self, empty: Planted) -> None:
        empty.conformance()
        for night in range(1, 17):
            empty.comparison(f"n{night}", origin="nightly", night=f"2026-11-{night:02}")
            empty.cell(STEADY, "synchronous", comparison=f"n{night}", repetitions=1, requests=40)
        assert empty.judged("S1", comparison="n16")["S1", ""]["n"] == 14 * 40


class TestFigures:
    @pytest.mark.parametrize(("slope", "of_s3", "of_e3"), SLOPES)
    def test_of_response_time_on_delay_decide_who_waits(
        self, planted: Planted, slope: float, of_s3: str, of_e3: str
    ) -> None:
        delay = "".join(
            f" WHEN scheduled_us >= {at * SECOND} AND scheduled_us < {(at + 3) * SECOND} THEN {ms}"
            for at, ms in DELAYS_MS.items()
        )
        slow = f"30000 + (i * 7919 + repetition * 104729) % 1000 + {slope} * 1000 * CASE{delay} ELSE 0 END"
        for architecture in ("synchronous", "event_driven"):
            planted.cell("handler_delay", architecture, response_us=f"({slow})::BIGINT")
        rows = planted.judged("S3", "E3")
        assert (rows["S3", ""]["verdict"], rows["E3", ""]["verdict"]) == (of_s3, of_e3)
        assert rows["S3", ""]["value"] == pytest.approx(slope, abs=0.01)

    def test_of_few_repetitions_decide_nothing(self, planted: Planted) -> None:
        planted.cell("handler_delay", "event_driven", repetitions=5)
        row = planted.judged("E3")["E3", ""]
        assert (row["verdict"], row["ci_low"]) == ("inconclusive", None)
        assert "too few repetitions" in row["reason"]
        assert "--repetitions 8" in row["reason"]

    @pytest.mark.parametrize(
        ("refused_below", "refused_above", "expected"),
        [(50, 0, "refuted"), (50, 49, "supported"), (0, 0, "inconclusive")],
        ids=["raising helps", "raising gains nothing", "the limit never bound"],
    )
    def test_of_throughput_decide_whether_one_limit_is_enough(
        self, planted: Planted, refused_below: int, refused_above: int, expected: str
    ) -> None:
        def throttled(percent: int) -> str:
            return f"CASE WHEN (i * 7919 + repetition) % 100 < {percent} THEN 429 ELSE 200 END"

        planted.cell("function_limit", "synchronous", reserved=2, status=throttled(refused_below))
        planted.cell("function_limit_raised", "synchronous", reserved=4, status=throttled(refused_above))
        assert verdict(planted, "S14", "one limit is the tight one") == expected
        assert verdict(planted, "S11", "all of them must") == expected

    @pytest.mark.parametrize(
        ("refused", "of_functions_raised", "of_gateway_raised", "expected"),
        [
            (50, 50, 49, ("supported", "supported")),  # whichever is raised, the other one binds
            (50, 10, 50, ("refuted", "supported")),
            (50, 50, 10, ("supported", "refuted")),
            (3, 0, 0, ("inconclusive", "inconclusive")),
        ],
        ids=["near each other", "functions the tighter", "gateway the tighter", "neither bound"],
    )
    def test_of_two_limits_decide_whether_one_raised_alone_gains_nothing(
        self,
        planted: Planted,
        refused: int,
        of_functions_raised: int,
        of_gateway_raised: int,
        expected: tuple[str, str],
    ) -> None:
        refusing = {
            "two_limits": refused,
            "two_limits_raised": of_functions_raised,
            "function_limit": of_gateway_raised,
        }
        for scenario, percent in refusing.items():
            status = f"CASE WHEN (i * 7919 + repetition) % 100 < {percent} THEN 429 ELSE 200 END"
            planted.cell(scenario, "synchronous", reserved=4, status=status)
        rows = planted.judged("S14")
        found = [rows["S14", f"two near each other: the {limit} raised"] for limit in ("functions'", "gateway's")]
        assert tuple(row["verdict"] for row in found) == expected

    @pytest.mark.parametrize(
        ("environment", "lasting_us", "expected"),
        [
            ("i % (1 + i // 40)", 400_000, "supported"),
            ("0", 400_000, "refuted"),  # one server, however busy
            ("i % 4", 400_000, "refuted"),  # four of them
            ("i % (1 + i // 40)", 4_000, "inconclusive"),  # so little to do that one would be enough
        ],
        ids=["more with the load", "one server", "a fixed fleet", "hardly any load"],
    )
    def test_of_environments_decide_whether_they_follow_the_load(
        self, planted: Planted, environment: str, lasting_us: int, expected: str
    ) -> None:
        # Four times as many requests due at the end as at the start, and as many invocations.
        rising = f"((sqrt(1 + 15 * i / 480.0) - 1) / 3 * {LENGTH_S * SECOND})::BIGINT"
        for architecture, function in (("synchronous", "command"), ("event_driven", "consumer")):
            planted.cell("scaling", architecture)
            planted.connection.execute(
                f"""
                UPDATE requests SET scheduled_us = {rising.replace("i /", "request_id::BIGINT /")}
                WHERE architecture = '{architecture}';
                INSERT INTO invocations BY NAME
                SELECT {KEY}, '{function}' AS function, request_id AS invocation_id, scheduled_us AS started_us,
                    {lasting_us} AS duration_us, 'succeeded' AS outcome, ({environment})::VARCHAR AS environment
                FROM (SELECT *, request_id::BIGINT AS i FROM requests) WHERE architecture = '{architecture}'
                """
            )
        assert verdict(planted, "S11", "scale with the traffic") == expected
        assert verdict(planted, "E11", "consumer") == expected

    @pytest.mark.parametrize(("in_a_second", "expected"), [(20, "supported"), (40, "refuted"), (10, "inconclusive")])
    def test_of_the_busiest_second_show_the_limit(self, planted: Planted, in_a_second: int, expected: str) -> None:
        planted.cell("function_limit", "synchronous", reserved=2, status="CASE WHEN i % 4 = 1 THEN 429 ELSE 200 END")
        every = SECOND // in_a_second
        planted.invocations(
            "function_limit", "synchronous", "query", every_us=str(every), lasting_us="100000 + repetition"
        )
        assert verdict(planted, "S9", "function") == expected

    def test_of_a_limit_that_never_refused_show_none(self, planted: Planted) -> None:
        planted.cell("function_limit", "synchronous", reserved=2)
        planted.invocations("function_limit", "synchronous", "query", every_us="50000", lasting_us="100000")
        row = planted.judged("S9")["S9", "function"]
        assert (row["verdict"], row["value"]) == ("inconclusive", None)
        assert "never bound" in row["reason"]

    @pytest.mark.parametrize(("waiting", "expected"), [(90, "refuted"), (3, "inconclusive")])
    def test_of_the_backlog_show_the_consumers_limit(self, planted: Planted, waiting: int, expected: str) -> None:
        for scenario in ("function_limit", STEADY):
            planted.cell(scenario, "event_driven", requests=40)
        planted.samples("function_limit", waiting)
        planted.samples(STEADY, 4)
        assert verdict(planted, "E9", "consumer") == expected


class TestWitnesses:
    @pytest.mark.parametrize(
        ("claim", "part", "architecture", "columns", "expected"),
        [
            ("S4", "function", SYNC, CUT_OFF, "supported"),
            ("S4", "function", SYNC, {}, "inconclusive"),
            ("S4", "function", SYNC, {"status": "503", "response_us": "900"}, "inconclusive"),
            ("E4", "function and visibility", EVENT, REDELIVERED, "refuted"),
            (
                "E4",
                "function and visibility",
                EVENT,
                {"state": "CASE WHEN i = 48 THEN 'dead_lettered' ELSE 'committed' END"},
                "refuted",
            ),
            ("E4", "function and visibility", EVENT, {}, "inconclusive"),
        ],
        ids=["cut off", "not cut off", "failed at once", "redelivered", "given up", "delivered once"],
    )
    def test_one_is_enough_and_none_proves_nothing(
        self, planted: Planted, claim: str, part: str, architecture: str, columns: dict[str, Any], expected: str
    ) -> None:
        planted.cell("function_timeout", architecture, **columns)
        row = planted.judged(claim)[claim, part]
        assert (row["verdict"], row["ci_low"], row["ci_high"]) == (expected, None, None)
        assert expected != "inconclusive" or "proves nothing" in row["reason"]

    @pytest.mark.parametrize(("lasting_us", "overlap", "of_s10", "of_e10"), [
        (30_000, 3, "refuted", "supported"),
        (10_000, 1, "inconclusive", "inconclusive"),  # one ends as the next starts
    ])  # fmt: skip
    def test_of_an_overlap(self, planted: Planted, lasting_us: int, overlap: int, of_s10: str, of_e10: str) -> None:
        for architecture, function in (("synchronous", "command"), ("event_driven", "consumer")):
            planted.cell("handler_delay", architecture, repetitions=1)
            planted.invocations("handler_delay", architecture, function, every_us="10000", lasting_us=str(lasting_us))
        rows = planted.judged("S10", "E10")
        assert (rows["S10", ""]["verdict"], rows["E10", ""]["verdict"]) == (of_s10, of_e10)
        assert rows["S10", ""]["value"] == overlap

    @pytest.mark.parametrize(("seen", "expected"), [(429, "supported"), (500, "inconclusive")])
    def test_of_lambdas_own_answer(self, planted: Planted, seen: int, expected: str) -> None:
        planted.connection.execute("UPDATE conformance SET seen_status = ?", [seen])
        assert verdict(planted, "S15", "Lambda's own answer") == expected

    @pytest.mark.parametrize(("status", "expected"), [(429, "supported"), (500, "refuted")])
    def test_do_not_stand_for_the_clients_status(self, planted: Planted, status: int, expected: str) -> None:
        planted.cell("function_limit", "synchronous", status=str(status), outcome="'throttled'")
        assert verdict(planted, "S15", "the client's status here") == expected
        assert verdict(planted, "S15") == "partly"


class TestJudgements:
    @pytest.mark.parametrize(
        ("low", "high", "of_s7", "of_e7"),
        [
            (0.3, 0.6, "refuted", "refuted"),
            (-0.6, -0.3, "supported", "supported"),
            (0.02, 0.08, "refuted", "supported"),
            (-0.1, 0.3, "inconclusive", "inconclusive"),
            (None, None, "inconclusive", "inconclusive"),
        ],
    )
    @pytest.mark.parametrize("mirrored", [False, True])
    def test_of_pairs_decide_latency_with_either_as_the_baseline(
        self, simulated: Planted, *, mirrored: bool, low: float | None, high: float | None, of_s7: str, of_e7: str
    ) -> None:
        planted = simulated
        middle = 0.0 if low is None or high is None else (low + high) / 2
        if mirrored:
            middle = 1 / (1 + middle) - 1
            low, high = (
                (1 / (1 + high) - 1, 1 / (1 + low) - 1) if low is not None and high is not None else (None, None)
            )
            planted.pairwise("completion_p99", middle, low, high, baseline="event_driven", candidate="synchronous")
        else:
            planted.pairwise("completion_p99", middle, low, high)
        planted.pairwise("completion_p99", 9.0, 8.0, 10.0, candidate="hybrid")
        planted.pairwise("completion_p99", 9.0, 8.0, 10.0, arm="aa", baseline="event_driven", candidate="event_driven")
        rows = planted.judged("S7", "E7")
        assert (rows["S7", "commands"]["verdict"], rows["E7", "completion"]["verdict"]) == (of_s7, of_e7)
        assert rows["E7", "acknowledgement"]["verdict"] == "inconclusive"
        assert (rows["S7", "commands"]["n"], rows["S7", "commands"]["n_of"]) == (8, "pairs")

    @pytest.mark.parametrize(("pairs", "decides"), [(5, False), (6, True)])
    def test_of_fewer_than_six_pairs_decide_no_latency(self, simulated: Planted, pairs: int, *, decides: bool) -> None:
        simulated.pairwise("completion_p99", 0.5, 0.4, 0.6, pairs=pairs)
        row = simulated.judged("S7")["S7", "commands"]
        assert row["verdict"] == ("refuted" if decides else "inconclusive")
        assert (row["ci_low"] is not None) == decides
        assert decides or "5 pairs of repetitions: too few" in row["reason"]

    @pytest.mark.parametrize("part", [("S7", "commands"), ("E7", "completion"), ("E7", "acknowledgement")])
    def test_of_latency_between_services_are_none_on_an_emulator(self, planted: Planted, part: tuple[str, str]) -> None:
        for metric in ("completion_p99", "response_p99"):
            planted.pairwise(metric, -0.9, -0.95, -0.8)
        row = planted.judged(part[0])[part]
        assert (row["verdict"], row["value"]) == ("not_testable_here", None)
        assert "different services" in row["reason"]

    @pytest.mark.parametrize(
        ("found", "expected"), [("true", "supported"), ("false", "refuted"), ("i % 100 <> 1", "inconclusive")]
    )
    def test_of_the_race_between_status_and_queue_are_none_on_an_emulator(
        self, empty: Planted, found: str, expected: str
    ) -> None:
        empty.conformance()
        for name, evidence in (("c1", "simulated"), ("c2", "observed")):
            empty.comparison(name, evidence=evidence)
            empty.cell(STEADY, "hybrid", comparison=name, found=found)
        assert verdict(empty, "T2", "steady") == expected
        assert empty.judged("T2", comparison="c2")["T2", "steady"]["verdict"] == "not_testable_here"

    @pytest.mark.parametrize(
        ("found", "verdict", "evidence"),
        [
            ("true", "supported", "simulated"),
            ("false", "refuted", "simulated"),
            ("i % 100 <> 1", "not_testable_here", "observed"),  # which the simulation does not decide either
        ],
    )
    def test_that_an_emulator_cannot_make_are_made_by_the_simulation_beside_it(
        self, planted: Planted, found: str, verdict: str, evidence: str
    ) -> None:
        planted.comparison(beside("c1"), target="simulated", evidence="simulated")
        for name, seen in (("c1", "true"), (beside("c1"), found)):
            planted.cell(STEADY, "hybrid", comparison=name, found=seen)
        row = planted.judged("T2")["T2", "steady"]
        assert (row["verdict"], row["evidence"], row["comparison_id"]) == (verdict, evidence, "c1")
        assert row["target"] == ("simulated" if evidence == "simulated" else TARGET)

    def test_that_an_emulator_can_make_are_its_own_whatever_is_simulated(self, planted: Planted) -> None:
        planted.comparison(beside("c1"), target="simulated", evidence="simulated")
        planted.cell("function_timeout", "synchronous", status="504", response_us="2100000")
        alone = planted.judged("S4")
        planted.cell("function_timeout", "synchronous", status="200", comparison=beside("c1"))
        assert planted.judged("S4") == alone
        assert alone["S4", "function"]["evidence"] == "observed"

    @pytest.mark.parametrize(
        ("synchronous", "event_driven", "of_s8", "of_e8"),
        [(6.0, 5.0, "supported", "supported"), (5.0, 6.0, "refuted", "refuted"), (5.1, 5.0, "refuted", "supported")],
    )
    def test_of_cost_are_modelled(
        self, planted: Planted, synchronous: float, event_driven: float, of_s8: str, of_e8: str
    ) -> None:
        planted.cost("synchronous", synchronous)
        planted.cost("event_driven", event_driven)
        rows = planted.judged("S8", "E8")
        assert (rows["S8", "REST API"]["verdict"], rows["E8", "REST API"]["verdict"]) == (of_s8, of_e8)
        assert rows["S8", "REST API"]["evidence"] == "modelled"
        assert rows["S8", "REST API"]["value"] == pytest.approx(synchronous / event_driven - 1)
        assert rows["S8", "HTTP API"]["verdict"] == "inconclusive"

    def test_of_the_mix_must_all_hold(self, planted: Planted) -> None:
        for scenario in (STEADY, "backend_outage"):
            for architecture in ("synchronous", "event_driven", "hybrid"):
                planted.cell(scenario, architecture)
        assert verdict(planted, "T1") == "supported"

    @pytest.mark.parametrize(
        ("part", "scenario", "columns"),
        [
            ("commands: acknowledgement", STEADY, SLOW_COMMANDS),
            ("commands: accepted", STEADY, REFUSED_COMMANDS),
            ("commands: recovered", OUTAGE, now_and_then("state", 20, "'lost'", "'committed'")),
            ("queries: response", STEADY, SLOW_QUERIES),
            ("queries: answered", STEADY, REFUSED_QUERIES),
        ],
    )  # fmt: skip
    def test_of_the_mix_fail_with_any_part(
        self, planted: Planted, part: str, scenario: str, columns: dict[str, Any]
    ) -> None:
        for cell in (STEADY, "backend_outage"):
            for architecture in ("synchronous", "event_driven", "hybrid"):
                planted.cell(cell, architecture, **(columns if (cell, architecture) == (scenario, "hybrid") else {}))
        rows = planted.judged("T1")
        assert {key[1] for key, row in rows.items() if key[0] == "T1" and row["verdict"] == "refuted"} == {"", part}


EVERY_CELL = sorted({cell for one in claims() for part in one.measured for cell in part.cells})


@pytest.fixture(scope="module")
def everything() -> Iterator[Planted]:
    """A comparison with every cell that any claim reads."""
    with published_tables() as connection:
        planted = Planted(connection)
        planted.comparison()
        planted.conformance()
        for scenario, architecture in EVERY_CELL:
            planted.cell(scenario, architecture, repetitions=MIN_PAIRS, requests=96, reserved=4)
        for (name, other), metric, operation in itertools.product(
            itertools.permutations((SYNC, EVENT, "hybrid"), 2),
            ("response_p99", "completion_p99"),
            ("command", "query"),
        ):
            planted.pairwise(metric, 0.0, 0.0, 0.0, operation=operation, baseline=other, candidate=name)
        yield planted


def slow_down(planted: Planted, of_queued: float) -> None:
    """Let everything that goes through a queue take so many times as long as it does now."""
    factor = f"CASE WHEN {{}} THEN {of_queued}::DOUBLE ELSE 1 END"
    of_request = factor.format("architecture = 'event_driven' OR architecture = 'hybrid' AND operation = 'command'")
    ratio = (factor.format(f"{name} IN ('event_driven', 'hybrid')") for name in ("candidate", "baseline"))
    planted.connection.execute(
        f"""
        UPDATE requests SET response_us = response_us * {of_request};
        UPDATE requests SET responded_us = scheduled_us + response_us;
        UPDATE effects SET committed_us = committed_us + 100000 * ln({of_request});
        UPDATE latency SET p99_us = p99_us * {of_request};
        UPDATE pairwise SET difference = (1 + difference) * {" / ".join(ratio)} - 1;
        UPDATE pairwise SET ci_low = (1 + difference) * 0.99 - 1, ci_high = (1 + difference) * 1.01 - 1;
        """
    )


def verdicts_where(planted: Planted, of_queued: float, *, pairs: int, evidence: str) -> dict[tuple[str, str], str]:
    """The verdict on every claim and part, with queues so many times as slow."""
    planted.connection.execute("UPDATE comparisons SET evidence = ?", [evidence])
    planted.connection.execute("UPDATE experiments SET valid = repetition <= ?", [pairs])
    planted.connection.execute("UPDATE pairwise SET pairs = ?", [pairs])
    slow_down(planted, of_queued)
    judged = judge_claims(planted.connection, "c1").to_pylist()
    slow_down(planted, 1 / of_queued)
    return {(row["claim_id"], row["part"]): row["verdict"] for row in judged}


class TestTimes:
    @pytest.mark.parametrize(
        ("pairs", "evidence"),
        [(MIN_PAIRS - 1, "simulated"), (MIN_PAIRS, "observed")],
        ids=["of few repetitions", "of other services on an emulator"],
    )
    def test_that_prove_nothing_move_no_verdict_of_the_register(
        self, everything: Planted, pairs: int, evidence: str
    ) -> None:
        slow, quick = (verdicts_where(everything, factor, pairs=pairs, evidence=evidence) for factor in (7.0, 1 / 7))
        assert slow == quick
        assert {"supported", "refuted"} <= set(slow.values())

    def test_of_enough_repetitions_that_are_those_of_aws_decide(self, everything: Planted) -> None:
        slow, quick = (
            verdicts_where(everything, factor, pairs=MIN_PAIRS, evidence="simulated") for factor in (7.0, 1 / 7)
        )
        assert {claim for claim, part in slow if slow[claim, part] != quick[claim, part]} == {"S7", "E7"}


class TestQueries:
    def test_take_names_for_what_they_are(self) -> None:
        part = next(one for one in claims() if one.id == "S1").measured[0]
        query = compose(part, ["it's {key}"], "a target")
        assert "comparison_id IN ('it''s {key}')" in query.figure

    @pytest.mark.parametrize("part", [part for one in claims() for part in one.measured], ids=lambda part: part.metric)
    def test_are_one_statement_that_reads(self, empty: Planted, part: Any) -> None:
        for sql in (compose(part, ["c1"], TARGET).judged, compose(part, ["c1"], TARGET).figure):
            [statement] = empty.connection.extract_statements(sql)
            assert statement.type == duckdb.StatementType.SELECT
            assert "{" not in sql.replace('{"', "")
