"""From evidence to outcomes: every offered request is judged once, and the books balance or the experiment is invalid.

The evidence is written by hand (`tests.evidence_builder`). How it is gathered is tested with an emulator, elsewhere.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resources.evidence import Tables
from resources.reconciliation import imbalances, reconcile
from tests.evidence_builder import KEY, SETTLED_US, EvidenceBuilder, only, together, windows

OUTCOMES = ("answered", "accepted", "throttled", "failed", "timed_out", "unsent")
STATES = ("committed", "dead_lettered", "in_flight", "lost", "rejected")
GHOSTS = {"committed": "ghost_commits", "dead_lettered": "ghost_dead_lettered", "in_flight": "ghost_in_flight"}
KEPT = (*STATES, *GHOSTS.values())


def build() -> EvidenceBuilder:
    return EvidenceBuilder()


def limited() -> EvidenceBuilder:
    return build().experiment(limits=True)


def queued() -> EvidenceBuilder:
    return build().experiment(queued=["command", "query"])


# Evidence of one request; its outcome, its state and what AWS would have answered.
CASES = {
    "command answered once stored": (build().request(status=201).record().item(), "answered", "committed", 201),
    "command answered by any success": (build().request(status=204).record().item(), "answered", "committed", 204),
    "query answered": (
        build().request(status=200, operation="query").record(result="answered", found=True),
        "answered",
        "committed",
        200,
    ),
    "query for an order that is not there": (
        build().request(status=404, operation="query").record(result="answered", found=False),
        "answered",
        "committed",
        404,
    ),
    "command not found": (build().request(status=404), "failed", "rejected", 404),
    "command acknowledged by the queue and done": (
        queued().request(status=202).record(receive_count=1).item(),
        "accepted",
        "committed",
        202,
    ),
    "query acknowledged by the queue and its answer stored": (
        queued().request(status=202, operation="query").record(receive_count=1, found=True).item(found=True),
        "accepted",
        "committed",
        202,
    ),
    "query acknowledged by the queue and never done": (
        queued().request(status=202, operation="query"),
        "accepted",
        "lost",
        202,
    ),
    "acknowledged and dead-lettered": (
        queued().request(status=202).message(queue="dead_letter_queue", receive_count=3),
        "accepted",
        "dead_lettered",
        202,
    ),
    "acknowledged and still queued": (queued().request(status=202).message(), "accepted", "in_flight", 202),
    "acknowledged and gone": (queued().request(status=202), "accepted", "lost", 202),
    "answered and not in the table": (build().request(status=201), "answered", "lost", 201),
    "function throttled behind the API, on AWS a 500": (build().request(status=429), "throttled", "rejected", 500),
    "queue throttled, on AWS what it is": (queued().request(status=429), "throttled", "rejected", 429),
    "refused in no invocation under a limit": (limited().request(status=502), "throttled", "rejected", 500),
    "failed in an invocation under a limit": (
        limited().request(status=503).record(result="failed"),
        "failed",
        "rejected",
        503,
    ),
    "refused in no invocation without a limit": (build().request(status=503), "failed", "rejected", 503),
    "refused as wrong under a limit": (limited().request(status=400), "failed", "rejected", 400),
    "redirected": (build().request(status=302), "failed", "rejected", 302),
    "connection broken": (build().request(fate="broken"), "failed", "rejected", None),
    "connection broken under a limit": (limited().request(fate="broken"), "failed", "rejected", None),
    "timed out": (build().request(fate="timed_out"), "timed_out", "rejected", None),
    "unsent": (build().request(fate="unsent"), "unsent", "rejected", None),
    "failed and stored all the same": (
        build().request(status=500).record().item(),
        "failed",
        "committed",
        500,
    ),
    "timed out and stored all the same": (build().request(fate="timed_out").item(), "timed_out", "committed", None),
    "broken and dead-lettered": (
        queued().request(fate="broken").message(queue="dead_letter_queue"),
        "failed",
        "dead_lettered",
        None,
    ),
    "timed out and queued": (queued().request(fate="timed_out").message(), "timed_out", "in_flight", None),
    "committed wins over dead-lettered": (
        queued().request(status=202).item().message(queue="dead_letter_queue"),
        "accepted",
        "committed",
        202,
    ),
    "dead-lettered wins over queued": (
        queued().request(status=202).message().message(queue="dead_letter_queue"),
        "accepted",
        "dead_lettered",
        202,
    ),
    "an item without a commit is no commit": (
        queued().request(status=202).item(commits=0).message(),
        "accepted",
        "in_flight",
        202,
    ),
}


class Judged:
    """The outcomes of many cases, reconciled at once when the first is asked for."""

    def __init__(self, cases: Mapping[str, EvidenceBuilder]) -> None:
        self._cases = cases

    @cached_property
    def _outcomes(self) -> tuple[Tables, dict[str, int]]:
        evidence, numbers = together(self._cases)
        return reconcile(evidence), numbers

    def row(self, case: str, table: str, **where: Any) -> dict[str, Any]:
        outcomes, numbers = self._outcomes
        return only(outcomes[table], repetition=numbers[case], **where)


JUDGED = Judged({name: evidence for name, (evidence, *_) in CASES.items()})


class TestOneRequest:
    @pytest.mark.parametrize("case", CASES)
    def test_is_judged_by_what_was_seen_of_it(self, case: str) -> None:
        _, outcome, state, aws_status = CASES[case]
        request, effect = JUDGED.row(case, "requests"), JUDGED.row(case, "effects")
        assert (request["outcome"], effect["state"], request["aws_status"]) == (outcome, state, aws_status)

    @pytest.mark.parametrize("case", CASES)
    def test_is_booked_once_on_either_side(self, case: str) -> None:
        _, outcome, state, _ = CASES[case]
        acknowledged = outcome in ("answered", "accepted")
        column = state if acknowledged else GHOSTS.get(state, state)
        books = JUDGED.row(case, "ledger")
        assert {name: books[name] for name in OUTCOMES} == {name: int(name == outcome) for name in OUTCOMES}
        assert {name: books[name] for name in KEPT} == {name: int(name == column) for name in KEPT}
        assert books["offered"] == 1
        assert books["unknown_effects"] == 0
        assert JUDGED.row(case, "experiments")["invalid_reason"] is None

    def test_cases_cover_every_outcome_and_state_there_is(self) -> None:
        assert {outcome for _, outcome, _, _ in CASES.values()} == set(OUTCOMES)
        assert {state for _, _, state, _ in CASES.values()} == set(STATES)
        ghosts = {state for _, outcome, state, _ in CASES.values() if outcome not in ("answered", "accepted")}
        assert ghosts == {*GHOSTS, "rejected"}

    def test_carries_the_experiments_key_in_every_outcome(self) -> None:
        evidence = build().experiment(architecture="hybrid", scenario="backend_outage", fault_windows=windows((0, 9)))
        outcomes = reconcile(evidence.request().record().item().invocation().sample(1).tables())
        for name in ("requests", "effects", "ledger", "latency", "recovery", "invocations", "samples", "experiments"):
            row = outcomes[name].to_pylist()[0]
            expected = ["c1", "hybrid", "naive", "main", "food_orders", "backend_outage", 1]
            assert [row[key] for key in KEY] == expected, name


# Evidence; the clock that dates its commit, and the date.
CLOCKS: dict[str, tuple[EvidenceBuilder, str | None, int | None]] = {
    "handler's line": (build().request().record(at_us=500).item(stamp_us=400), "handler", 500),
    "first of two commits": (
        build().request().record(at_us=900).record(at_us=500).item(stamp_us=400, commits=2),
        "handler",
        500,
    ),
    "no line": (build().request().item(stamp_us=400), "item", 400),
    "a failed attempt is no commit": (
        build().request().record(result="failed", at_us=500).item(stamp_us=400),
        "item",
        400,
    ),
    "query answered directly": (
        build().request(status=200, operation="query", took_us=1000).record(result="answered", at_us=500),
        "client",
        1000,
    ),
    "never": (build().request(status=503), None, None),
}
CLOCKED = Judged({name: evidence for name, (evidence, *_) in CLOCKS.items()})


class TestTimes:
    def test_response_counts_from_the_schedule_and_service_from_the_sending(self) -> None:
        outcomes = reconcile(build().request(at_us=100, lag_us=30, took_us=500).record().item().tables())
        request = only(outcomes["requests"])
        assert (request["response_us"], request["service_us"]) == (530, 500)

    @pytest.mark.parametrize("case", CLOCKS)
    def test_commit_is_dated_by_the_best_clock_there_is(self, case: str) -> None:
        effect = CLOCKED.row(case, "effects")
        assert (effect["commit_clock"], effect["committed_us"]) == CLOCKS[case][1:]

    def test_completion_counts_from_the_schedule(self) -> None:
        outcomes = reconcile(queued().request(status=202, at_us=1000).record(at_us=9000).item().tables())
        assert only(outcomes["effects"])["completion_us"] == 8000

    def test_commits_are_numbered_in_their_order(self) -> None:
        evidence = queued()
        for name, at_us in (("a", 30), ("b", 10), ("c", 20)):
            evidence.request(name, 202).record(name, at_us=at_us).item(name)
        evidence.request("d", 202)
        order = {row["request_id"]: row["commit_order"] for row in reconcile(evidence.tables())["effects"].to_pylist()}
        assert order == {"b": 1, "c": 2, "a": 3, "d": None}


# Evidence; how often the request was delivered.
DELIVERIES = {
    "never seen by a handler": (queued().request(status=202).item(), 0),
    "once": (queued().request(status=202).record(receive_count=1).item(), 1),
    "failed, then done": (
        queued().request(status=202).record(result="failed", receive_count=1).record(receive_count=2).item(),
        2,
    ),
    "three deliveries left no line": (queued().request(status=202).record(receive_count=4).item(), 4),
    "given up": (queued().request(status=202).message(queue="dead_letter_queue", receive_count=10), 10),
}
DELIVERED = Judged({name: evidence for name, (evidence, _) in DELIVERIES.items()})


class TestRepeatedWork:
    @pytest.mark.parametrize(("commits", "duplicates"), [(1, 0), (2, 1), (4, 3)])
    def test_duplicates_are_commits_beyond_the_first(self, commits: int, duplicates: int) -> None:
        outcomes = reconcile(queued().request(status=202).record().item(commits=commits).tables())
        assert only(outcomes["ledger"])["duplicates"] == duplicates
        assert only(outcomes["effects"])["commits"] == commits

    def test_commits_in_two_items_are_of_one_request(self) -> None:
        outcomes = reconcile(queued().request(status=202).item(stamp_us=9).item(stamp_us=5).tables())
        effect = only(outcomes["effects"])
        assert (effect["commits"], effect["committed_us"]) == (2, 5)
        assert only(outcomes["ledger"])["offered"] == 1

    def test_duplicates_of_several_requests_add_up(self) -> None:
        evidence = queued()
        for name, commits in (("a", 1), ("b", 3), ("c", 2)):
            evidence.request(name, 202).item(name, commits=commits)
        assert only(reconcile(evidence.tables())["ledger"])["duplicates"] == 3

    @pytest.mark.parametrize("case", DELIVERIES)
    def test_redeliveries_are_deliveries_beyond_the_first(self, case: str) -> None:
        deliveries = DELIVERIES[case][1]
        assert DELIVERED.row(case, "effects")["deliveries"] == deliveries
        assert DELIVERED.row(case, "ledger")["redeliveries"] == max(0, deliveries - 1)


def sequence(*commands: tuple[str, str, int, int | None]) -> EvidenceBuilder:
    """Commands as (request id, entity, sent, committed)."""
    evidence = queued()
    for name, entity, sent_us, committed_us in commands:
        evidence.request(name, 202, entity=entity, at_us=sent_us)
        if committed_us is not None:
            evidence.record(name, at_us=committed_us).item(name)
    return evidence


SEQUENCES = {
    "in order": (sequence(("a", "x", 0, 10), ("b", "x", 1, 20)), 0),
    "swapped": (sequence(("a", "x", 0, 20), ("b", "x", 1, 10)), 1),
    "of different entities": (sequence(("a", "x", 0, 20), ("b", "y", 1, 10)), 0),
    "reversed": (sequence(("a", "x", 0, 30), ("b", "x", 1, 20), ("c", "x", 2, 10)), 2),
    "overtaken by two counts once": (sequence(("a", "x", 0, 30), ("b", "x", 1, 10), ("c", "x", 2, 20)), 1),
    "the later one never committed": (sequence(("a", "x", 0, 20), ("b", "x", 1, None)), 0),
    "given in another order than sent": (sequence(("b", "x", 9, 10), ("a", "x", 0, 20)), 1),
}
SEQUENCED = Judged({name: evidence for name, (evidence, _) in SEQUENCES.items()})


def asked(status: int, at_us: int, found: bool | None) -> EvidenceBuilder:
    """An order acknowledged at 2000 us, asked for at ``at_us``."""
    evidence = queued().request("w", 202, entity="x", at_us=1000, took_us=1000)
    evidence.request("q", status, operation="query", entity="x", at_us=at_us)
    if found is not None:
        evidence.record("q", "committed" if status == 202 else "answered", found=found)
        if status == 202:
            evidence.item("q", found=found)
    return evidence


READINGS = {
    "asked after the acknowledgement, not there": (asked(404, 3000, found=False), 1),
    "asked before the acknowledgement": (asked(404, 1500, found=False), 0),
    "there": (asked(200, 3000, found=True), 0),
    "queued, looked up and not there": (asked(202, 3000, found=False), 1),
    "queued and never looked up": (asked(202, 3000, found=None), 0),
    "failed": (asked(503, 3000, found=None), 0),
}
READ = Judged({name: evidence for name, (evidence, _) in READINGS.items()})


class TestOrder:
    @pytest.mark.parametrize("case", SEQUENCES)
    def test_reordered_counts_commands_committed_after_a_later_sent_one(self, case: str) -> None:
        assert SEQUENCED.row(case, "ledger")["reordered"] == SEQUENCES[case][1]

    def test_queries_are_never_reordered(self) -> None:
        evidence = queued().request("q1", 202, operation="query", entity="x").record("q1", at_us=90).item("q1")
        evidence.request("q2", 202, operation="query", entity="x", at_us=5).record("q2", at_us=10).item("q2")
        assert only(reconcile(evidence.tables())["ledger"])["reordered"] == 0

    @pytest.mark.parametrize("case", READINGS)
    def test_a_read_misses_what_was_acknowledged_before_it(self, case: str) -> None:
        assert READ.row(case, "ledger", operation="query")["read_your_writes_misses"] == READINGS[case][1]
        assert READ.row(case, "ledger", operation="command")["read_your_writes_misses"] == 0

    def test_an_order_never_acknowledged_cannot_be_missed(self) -> None:
        evidence = build().request("w", 503, entity="x").request("q", 404, operation="query", entity="x", at_us=9000)
        ledger = reconcile(evidence.record("q", "answered", found=False).tables())["ledger"]
        assert only(ledger, operation="query")["read_your_writes_misses"] == 0


@pytest.fixture(scope="module")
def balanced() -> Tables:
    return reconcile(build().request().record().item().tables())


class TestBooks:
    @pytest.mark.parametrize(
        ("evidence", "effects"),
        [
            pytest.param(build().request().item().item("stranger"), 1, id="in the table"),
            pytest.param(build().request().item().message("stranger"), 1, id="in the queue"),
            pytest.param(build().request().item().message("stranger", "dead_letter_queue"), 1, id="dead-lettered"),
            pytest.param(build().request().item().item("stranger").message("stranger"), 1, id="one in two places"),
            pytest.param(build().request().item().item("stranger").item("another"), 2, id="two"),
        ],
    )
    def test_an_effect_of_no_offered_request_makes_the_experiment_invalid(
        self, evidence: EvidenceBuilder, effects: int
    ) -> None:
        outcomes = reconcile(evidence.tables())
        assert only(outcomes["ledger"])["unknown_effects"] == effects
        reason = only(outcomes["experiments"])["invalid_reason"]
        assert f"{effects} effects of requests never offered" in reason
        assert reason.startswith("repetition 1, command: ")

    def test_unknown_effects_are_counted_once_over_both_operations(self) -> None:
        evidence = build().request("a").item("a").request("b", 200, operation="query").item("stranger")
        ledger = reconcile(evidence.tables())["ledger"]
        assert sum(row["unknown_effects"] for row in ledger.to_pylist()) == 1

    @pytest.mark.parametrize("repetition", [1, 11])
    def test_only_the_repetition_at_fault_is_invalid(self, repetition: int) -> None:
        evidence = build()
        for one in (1, 2, 11):
            evidence.request(repetition=one).record(repetition=one).item(repetition=one)
        outcomes = reconcile(evidence.item("stranger", repetition=repetition).tables())
        invalid = {row["repetition"] for row in outcomes["experiments"].to_pylist() if row["invalid_reason"]}
        assert invalid == {repetition}

    @pytest.mark.parametrize(("sent", "booked"), [(0, 0), (1, 1), (2, 2), (4, 4)])
    def test_a_missing_or_surplus_row_is_noticed(self, sent: int, booked: int) -> None:
        evidence = build().experiment(requests=3)
        for number in range(sent):
            evidence.request(str(number)).item(str(number))
        reason = only(reconcile(evidence.tables())["experiments"])["invalid_reason"]
        assert reason == f"repetition 1, all: the recording offered 3 requests, {booked} are booked"

    def test_a_reason_of_the_replay_is_kept(self) -> None:
        evidence = build().experiment(invalid_reason="send lag").request().item("stranger")
        assert only(reconcile(evidence.tables())["experiments"])["invalid_reason"] == "send lag"

    @pytest.mark.parametrize(
        ("column", "complaint"),
        [
            ("answered", "offered is not"),
            ("committed", "acknowledged is not"),
            ("rejected", "refused is not"),
            ("unknown_effects", "effects of requests never offered"),
        ],
    )
    def test_a_falsified_ledger_is_noticed(self, balanced: Tables, column: str, complaint: str) -> None:
        experiments, ledger = balanced["experiments"], balanced["ledger"]
        assert imbalances(ledger, experiments) == []
        at = ledger.schema.get_field_index(column)
        falsified = ledger.set_column(at, ledger.schema.field(at), [[ledger.column(at)[0].as_py() + 1]])
        assert any(complaint in sentence for sentence in imbalances(falsified, experiments))

    def test_repetitions_are_reconciled_apart(self) -> None:
        evidence = build().request(repetition=1).item(repetition=1).request(repetition=2)
        ledger = reconcile(evidence.tables())["ledger"]
        assert [(row["repetition"], row["committed"], row["lost"]) for row in ledger.to_pylist()] == [
            (1, 1, 0),
            (2, 0, 1),
        ]

    def test_an_experiment_without_requests_has_empty_books(self) -> None:
        outcomes = reconcile(build().experiment(requests=0).tables())
        assert outcomes["ledger"].num_rows == 0
        assert only(outcomes["experiments"])["invalid_reason"] is None


def hundred(evidence: EvidenceBuilder, timed_out: int = 0) -> EvidenceBuilder:
    """Queries answered after 1, 2, ... ms; the last of them never."""
    for number in range(1, 101):
        fate = "timed_out" if number > 100 - timed_out else "responded"
        evidence.request(str(number), 200, operation="query", took_us=number * 1000, fate=fate)
    return evidence


def padded(status: int | None, fate: str = "responded") -> EvidenceBuilder:
    """A hundred that were answered and fifty that were refused at once."""
    evidence = hundred(build())
    for number in range(101, 151):
        evidence.request(str(number), status, operation="query", took_us=1, fate=fate)
    return evidence


PADDINGS = {
    "failed": padded(500),
    "throttled": padded(429),
    "broken": padded(None, "broken"),
    "unsent": padded(None, "unsent"),
}
PADDED = Judged({**PADDINGS, "nothing": hundred(build())})


class TestLatency:
    def test_quantiles_are_observed_values(self) -> None:
        row = only(reconcile(hundred(build()).tables())["latency"], measure="response")
        assert [row[f"{name}_us"] for name in ("p50", "p90", "p99", "p999", "max")] == [
            50_000,
            90_000,
            99_000,
            100_000,
            100_000,
        ]
        assert (row["n"], row["n_censored"], row["n_excluded"]) == (100, 0, 0)
        assert [row[f"{name}_low_us"] for name in ("p50", "p90", "p99", "p999")] == [None] * 4

    def test_a_quantile_among_the_timed_out_is_null_with_its_lower_bound(self) -> None:
        latency = reconcile(hundred(build(), timed_out=5).tables())["latency"]
        for measure in ("response", "service"):
            row = only(latency, measure=measure)
            assert (row["n"], row["n_censored"], row["n_excluded"]) == (100, 5, 0)
            assert (row["p90_us"], row["p90_low_us"]) == (90_000, None)
            assert (row["p99_us"], row["p99_low_us"]) == (None, 29_000_000)
            assert row["max_us"] == 95_000

    def test_completion_is_censored_when_watching_ended(self) -> None:
        evidence = queued()
        for number in range(10):
            evidence.request(str(number), 202, at_us=1000 * number)
            if number < 5:
                evidence.record(str(number), at_us=1000 * number + 400).item(str(number))
        row = only(reconcile(evidence.tables())["latency"], measure="completion")
        assert (row["n"], row["n_censored"], row["n_excluded"]) == (10, 5, 0)
        assert (row["p50_us"], row["p50_low_us"]) == (400, None)
        # The latest one was watched the shortest: of the five lost, the bounds are settled minus 9, 8, ... 5 ms.
        assert (row["p90_us"], row["p90_low_us"]) == (None, SETTLED_US - 6000)
        assert row["p99_low_us"] == SETTLED_US - 5000

    @pytest.mark.parametrize("measure", ["response", "service", "completion"])
    @pytest.mark.parametrize("case", PADDINGS)
    def test_failing_fast_improves_nothing(self, case: str, measure: str) -> None:
        honest = PADDED.row("nothing", "latency", measure=measure)
        padded = PADDED.row(case, "latency", measure=measure)
        assert padded == {**honest, "repetition": padded["repetition"], "n_excluded": 50}

    def test_operations_are_measured_apart(self) -> None:
        evidence = build().request("c", took_us=7).record("c", at_us=7).item("c")
        evidence.request("q", 200, operation="query", took_us=3)
        latency = reconcile(evidence.tables())["latency"]
        assert only(latency, measure="response", operation="command")["p50_us"] == 7
        assert only(latency, measure="response", operation="query")["p50_us"] == 3

    def test_nothing_acknowledged_leaves_no_quantile(self) -> None:
        row = only(reconcile(build().request(status=500).tables())["latency"], measure="response")
        assert (row["n"], row["n_excluded"], row["p50_us"], row["p50_low_us"], row["max_us"]) == (
            0,
            1,
            None,
            None,
            None,
        )


SECOND = 1_000_000


def outage() -> EvidenceBuilder:
    """A queued command a second for 30 s. Out of order between 10 and 20 s; what was due then is done at 24 s.

    Two of the ten of the window were refused and one never done; due after it, those of 20 and 21 s were late.
    """
    evidence = build().experiment(queued=["command"], fault_windows=windows((10 * SECOND, 20 * SECOND)))
    for second in range(30):
        name, at_us = str(second), second * SECOND
        if second in (12, 13):
            evidence.request(name, 503, at_us=at_us)
            continue
        evidence.request(name, 202, at_us=at_us)
        if second == 14:
            continue
        late = 10 <= second <= 21
        done_us = 24 * SECOND if late else at_us + 100_000
        evidence.record(name, at_us=done_us).item(name)
    for second in range(40):
        waiting = max(0, second - 10) if second < 24 else 0
        evidence.sample(second * SECOND, visible=waiting, in_flight=int(waiting > 0))
    return evidence


class TestRecovery:
    def test_figures_of_an_outage_computed_by_hand(self) -> None:
        row = only(reconcile(outage().tables())["recovery"])
        assert (row["target"], row["kind"]) == ("table", "down")
        assert (row["start_us"], row["end_us"]) == (10 * SECOND, 20 * SECOND)
        assert row["error_share_in_window"] == pytest.approx(2 / 10)
        assert row["recovered_share"] == pytest.approx(7 / 8)
        assert row["backlog_max"] == 13 + 1
        assert row["drain_us"] == 3 * SECOND
        assert row["back_to_normal_us"] == 1 * SECOND

    @pytest.mark.parametrize(("queued", "drain_us"), [(["command"], 0), ([], None)])
    def test_an_outage_nobody_noticed_costs_nothing(self, queued: list[str], drain_us: int | None) -> None:
        evidence = build().experiment(queued=queued, fault_windows=windows((10 * SECOND, 20 * SECOND)))
        for second in range(30):
            name, at_us = str(second), second * SECOND
            evidence.request(name, at_us=at_us).record(name, at_us=at_us + 500).item(name)
        row = only(reconcile(evidence.sample(5 * SECOND).sample(25 * SECOND).tables())["recovery"])
        names = ("error_share_in_window", "backlog_max", "drain_us", "back_to_normal_us", "recovered_share")
        assert [row[name] for name in names] == [0.0, 0, drain_us, 0, 1.0]

    def test_a_window_over_the_whole_replay_has_no_normal_before_it(self) -> None:
        evidence = build().experiment(limits=True, fault_windows=windows((0, 30 * SECOND), kind="concurrency_limit"))
        evidence.request("a").record("a").item("a").request("b", 429, at_us=SECOND)
        row = only(reconcile(evidence.sample(0).tables())["recovery"])
        assert (row["error_share_in_window"], row["back_to_normal_us"], row["recovered_share"]) == (0.5, None, 1.0)

    def test_queries_are_no_part_of_it(self) -> None:
        evidence = outage().request("q", 503, operation="query", at_us=15 * SECOND)
        evidence.seen["experiments"][0]["requests"] = None
        assert only(reconcile(evidence.tables())["recovery"])["error_share_in_window"] == pytest.approx(2 / 10)

    def test_every_window_has_a_row(self) -> None:
        evidence = build().experiment(fault_windows=windows((10, 20), (30, 40)))
        for at_us in (0, 15, 35, 50):
            evidence.request(str(at_us), 201 if at_us == 15 else 503, at_us=at_us).item("15")
        evidence.seen["items"] = evidence.seen["items"][:1]
        recovery = reconcile(evidence.tables())["recovery"].to_pylist()
        assert [(row["start_us"], row["error_share_in_window"]) for row in recovery] == [(10, 0.0), (30, 1.0)]

    def test_no_window_no_row(self) -> None:
        assert reconcile(build().request().item().tables())["recovery"].num_rows == 0


@st.composite
def evidences(draw: st.DrawFn) -> EvidenceBuilder:
    """Anything that could have been seen, contradictions included."""
    evidence = build()
    for repetition in range(1, draw(st.integers(1, 4)) + 1):
        evidence.experiment(
            repetition,
            limits=draw(st.booleans()),
            queued=draw(st.sampled_from([[], ["command"], ["command", "query"]])),
            fault_windows=draw(st.sampled_from(["[]", windows((5, 20)), windows((0, 50))])),
        )
        ids = [str(number) for number in range(draw(st.integers(1, 8)))]
        for name in ids:
            evidence.request(
                name,
                draw(st.sampled_from([200, 201, 202, 302, 400, 404, 429, 500, 502, 503])),
                operation=draw(st.sampled_from(["command", "query"])),
                entity=draw(st.sampled_from("xyz")),
                at_us=draw(st.integers(0, 60)),
                lag_us=draw(st.integers(0, 3)),
                took_us=draw(st.integers(0, 40)),
                fate=draw(st.sampled_from(["responded", "responded", "broken", "timed_out", "unsent"])),
                repetition=repetition,
            )
        named = st.sampled_from([*ids, "stranger"] if draw(st.booleans()) else ids)
        for name in draw(st.lists(named, max_size=6)):
            evidence.item(
                name,
                commits=draw(st.integers(0, 3)),
                stamp_us=draw(st.integers(0, 90)),
                found=draw(st.sampled_from([None, True, False])),
                repetition=repetition,
            )
        for name in draw(st.lists(named, max_size=4)):
            queue = draw(st.sampled_from(["queue", "dead_letter_queue"]))
            evidence.message(name, queue, receive_count=draw(st.integers(0, 9)), repetition=repetition)
        for name in draw(st.lists(named, max_size=8)):
            evidence.record(
                name,
                draw(st.sampled_from(["committed", "answered", "failed"])),
                at_us=draw(st.integers(0, 90)),
                receive_count=draw(st.sampled_from([None, 1, 2, 5])),
                found=draw(st.sampled_from([None, True, False])),
                repetition=repetition,
            )
        for t_us in draw(st.lists(st.integers(0, 60), max_size=3)):
            evidence.sample(t_us, draw(st.integers(0, 5)), repetition=repetition)
    return evidence


class TestWhateverWasSeen:
    @given(evidences())
    @settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    def test_the_books_balance_and_every_request_is_judged_once(self, evidence: EvidenceBuilder) -> None:
        tables = evidence.tables()
        outcomes = reconcile(tables)
        offered = sorted((row["repetition"], row["request_id"]) for row in tables["sent"].to_pylist())
        for name in ("requests", "effects"):
            rows = outcomes[name].to_pylist()
            assert sorted((row["repetition"], row["request_id"]) for row in rows) == offered, name
        assert {row["outcome"] for row in outcomes["requests"].to_pylist()} <= set(OUTCOMES)
        assert {row["state"] for row in outcomes["effects"].to_pylist()} <= set(STATES)

        known = set(offered)
        seen = [(row["repetition"], row["request_id"]) for row in evidence.seen["items"] + evidence.seen["messages"]]
        strangers = {one for one in seen if one not in known}
        books = outcomes["ledger"].to_pylist()
        for row in books:
            acknowledged = row["answered"] + row["accepted"]
            refused = row["throttled"] + row["failed"] + row["timed_out"] + row["unsent"]
            assert row["offered"] == acknowledged + refused
            assert acknowledged == row["committed"] + row["dead_lettered"] + row["in_flight"] + row["lost"]
            assert refused == row["rejected"] + sum(row[name] for name in GHOSTS.values())
        assert sum(row["offered"] for row in books) == len(offered)
        assert sum(row["unknown_effects"] for row in books) == len(strangers)

        invalid = {row["repetition"] for row in outcomes["experiments"].to_pylist() if row["invalid_reason"]}
        assert invalid == {repetition for repetition, _ in strangers}

        self.check_latency(outcomes)

    def check_latency(self, outcomes: Tables) -> None:
        offered = {(row["repetition"], row["operation"]): row for row in outcomes["ledger"].to_pylist()}
        for row in outcomes["latency"].to_pylist():
            books = offered[row["repetition"], row["operation"]]
            assert row["n"] + row["n_excluded"] == books["offered"]
            assert 0 <= row["n_censored"] <= row["n"]
            for name in ("p50", "p90", "p99", "p999"):
                value, low = row[f"{name}_us"], row[f"{name}_low_us"]
                assert (value is None) or (low is None), "a quantile is known or bounded"
                assert row["n"] == 0 or (value is not None) or (low is not None)
        assert len(outcomes["latency"].to_pylist()) == 3 * len(offered)
        for row in outcomes["recovery"].to_pylist():
            for name in ("error_share_in_window", "recovered_share"):
                assert row[name] is None or 0 <= row[name] <= 1
            assert row["drain_us"] is None or row["drain_us"] >= 0
