"""From observations to outcomes: every offered request is judged once; books that do not balance make it invalid.

Observations are written by hand (`tests.observations_builder`). How they are gathered is tested with an emulator.
"""

import json
import math
import random
from collections.abc import Collection, Mapping
from functools import cached_property
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assets.analysis.outcomes import identities, imbalances, reconcile
from resources.warehouse.observations import Tables, rows
from tests.observations_builder import KEY, SETTLED_US, ObservationsBuilder, only, together, window, windows

OUTCOMES = ("answered", "accepted", "throttled", "failed", "timed_out", "unsent")
STATES = ("committed", "dead_lettered", "in_flight", "lost", "rejected")
GHOSTS = {"committed": "ghost_commits", "dead_lettered": "ghost_dead_lettered", "in_flight": "ghost_in_flight"}
KEPT = (*STATES, *GHOSTS.values())


def build() -> ObservationsBuilder:
    return ObservationsBuilder()


def limited(**more: Any) -> ObservationsBuilder:
    """With at most so many environments, from the first request to the last."""
    return build().experiment(fault_windows=windows((0, 30_000_000), kind="concurrency_limit"), **more)


def throttled(**more: Any) -> ObservationsBuilder:
    """With a throttle of the API's stage in the first five milliseconds."""
    stage = [window(0, 5000, target="api", kind="throttle", throttled_status=429)]
    return build().experiment(fault_windows=json.dumps(stage), **more)


def queued(**more: Any) -> ObservationsBuilder:
    return build().experiment(**{"queued": ["command", "query"], **more})


def asked(**more: Any) -> ObservationsBuilder:
    """A queued query whose client asks for the answer by its ticket."""
    return queued().request(status=202, operation="query", **more)


# Observations of one request; its outcome, its state and what AWS would have answered.
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
    "throttled by the stage, on AWS a 429": (throttled().request(status=502), "throttled", "rejected", 429),
    "refused after the stage's throttle": (throttled().request(status=502, at_us=5000), "failed", "rejected", 502),
    "throttled by the stage in front of a queue": (
        throttled(queued=["command"]).request(status=429),
        "throttled",
        "rejected",
        429,
    ),
    "refused in front of a queue, which takes what a function's limit would refuse": (
        limited(queued=["command"]).request(status=503),
        "failed",
        "rejected",
        503,
    ),
    "invalid and refused": (build().request(status=400).record(result="failed"), "failed", "rejected", 400),
    "invalid and accepted": (
        queued()
        .request(status=202)
        .record(result="failed", receive_count=1)
        .record(result="failed", receive_count=2)
        .message(queue="dead_letter_queue", receive_count=2),
        "accepted",
        "dead_lettered",
        202,
    ),
    "written and its answer cut off, so that the client is told 503": (
        build().request(status=503).record(result="failed").item(),
        "failed",
        "committed",
        503,
    ),
    "one copy committed, the other dead-lettered": (
        queued()
        .request(status=202)
        .record(receive_count=1)
        .record(result="failed", receive_count=2)
        .item()
        .message(queue="dead_letter_queue", receive_count=2),
        "accepted",
        "committed",
        202,
    ),
    "delivered twice to a consumer that notices": (
        queued().request(status=202).record(at_us=500).record(result="duplicate", at_us=900).item(),
        "accepted",
        "committed",
        202,
    ),
    "a duplicate without anything in the table is lost": (
        queued().request(status=202).record(result="duplicate"),
        "accepted",
        "lost",
        202,
    ),
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
    "queued query whose answer its client has": (
        asked(fetches=2, fetched_us=900).record(found=True).item(found=True),
        "accepted",
        "committed",
        202,
    ),
    "queued query whose answer nobody waits for": (
        queued().request(status=202, operation="query").record(found=True).item(found=True),
        "accepted",
        "committed",
        202,
    ),
    "queued query whose answer is stored and was never got": (
        asked(fetches=11).record(found=True).item(found=True),
        "accepted",
        "in_flight",
        202,
    ),
    "queued query still in its queue, asked for in vain": (
        asked(fetches=11).message(),
        "accepted",
        "in_flight",
        202,
    ),
    "queued query that became a dead letter, asked for in vain": (
        asked(fetches=11).message(queue="dead_letter_queue", receive_count=10),
        "accepted",
        "dead_lettered",
        202,
    ),
    "queued query of which there is no trace, asked for in vain": (asked(fetches=11), "accepted", "lost", 202),
    "queued query asked for by its ticket before anything was done with it": (
        asked(fetches=1).record(result="answered", function="result", found=False),
        "accepted",
        "lost",
        202,
    ),
    "command tried again and answered": (
        build().request(status=201, attempts=2).record().item(),
        "answered",
        "committed",
        201,
    ),
    "command tried again to the end": (build().request(status=503, attempts=4), "failed", "rejected", 503),
    "command tried again to the end, and stored by an attempt": (
        build().request(status=503, attempts=4).record().item(),
        "failed",
        "committed",
        503,
    ),
}


class Judged:
    """The outcomes of many cases, reconciled at once when the first is asked for."""

    def __init__(self, cases: Mapping[str, ObservationsBuilder]) -> None:
        self._cases = cases

    @cached_property
    def _outcomes(self) -> tuple[Tables, dict[str, int]]:
        observations, numbers = together(self._cases)
        return reconcile(observations), numbers

    def row(self, case: str, table: str, **where: Any) -> dict[str, Any]:
        outcomes, numbers = self._outcomes
        return only(outcomes[table], repetition=numbers[case], **where)


JUDGED = Judged({name: observations for name, (observations, *_) in CASES.items()})


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
        observations = build().experiment(
            architecture="hybrid", scenario="backend_outage", fault_windows=windows((0, 9))
        )
        outcomes = reconcile(observations.request().record().item().invocation().sample(1).tables())
        for name in ("requests", "effects", "ledger", "latency", "recovery", "invocations", "samples", "experiments"):
            row = outcomes[name].to_pylist()[0]
            expected = ["c1", "hybrid", "naive", "main", "food_orders", "backend_outage", 1]
            assert [row[key] for key in KEY] == expected, name


# Observations; the clock that dates its commit, and the date.
CLOCKS: dict[str, tuple[ObservationsBuilder, str | None, int | None]] = {
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
    "first write in no log line, the second in one": (
        queued().request(status=202).record(at_us=12_000).item(stamp_us=400, commits=2),
        "item",
        400,
    ),
    "answer cut off, found done when delivered again": (
        queued()
        .request(status=202)
        .record(result="failed", at_us=600)
        .record(result="duplicate", at_us=12_000)
        .item(stamp_us=400),
        "item",
        400,
    ),
    "committed, and found done when delivered again": (
        queued().request(status=202).record(at_us=500).record(result="duplicate", at_us=12_000).item(stamp_us=400),
        "handler",
        500,
    ),
    "query answered directly": (
        build().request(status=200, operation="query", took_us=1000).record(result="answered", at_us=500),
        "client",
        1000,
    ),
    "never": (build().request(status=503), None, None),
}
CLOCKED = Judged({name: observations for name, (observations, *_) in CLOCKS.items()})


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
        observations = queued()
        for name, at_us in (("a", 30), ("b", 10), ("c", 20)):
            observations.request(name, 202).record(name, at_us=at_us).item(name)
        observations.request("d", 202)
        order = {
            row["request_id"]: row["commit_order"] for row in reconcile(observations.tables())["effects"].to_pylist()
        }
        assert order == {"b": 1, "c": 2, "a": 3, "d": None}


# Observations; how often the request was delivered.
DELIVERIES = {
    "never seen by a handler": (queued().request(status=202).item(), 0),
    "once": (queued().request(status=202).record(receive_count=1).item(), 1),
    "failed, then done": (
        queued().request(status=202).record(result="failed", receive_count=1).record(receive_count=2).item(),
        2,
    ),
    "three deliveries left no line": (queued().request(status=202).record(receive_count=4).item(), 4),
    "delivered twice, the second time for nothing": (
        queued().request(status=202).record(receive_count=1).record(result="duplicate", receive_count=1).item(),
        2,
    ),
    "cut off with its batch, then found done": (
        queued().request(status=202).record(result="duplicate", receive_count=2).item(),
        2,
    ),
    "given up": (queued().request(status=202).message(queue="dead_letter_queue", receive_count=10), 10),
}
DELIVERED = Judged({name: observations for name, (observations, _) in DELIVERIES.items()})


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
        observations = queued()
        for name, commits in (("a", 1), ("b", 3), ("c", 2)):
            observations.request(name, 202).item(name, commits=commits)
        assert only(reconcile(observations.tables())["ledger"])["duplicates"] == 3

    @pytest.mark.parametrize("case", DELIVERIES)
    def test_redeliveries_are_deliveries_beyond_the_first(self, case: str) -> None:
        deliveries = DELIVERIES[case][1]
        assert DELIVERED.row(case, "effects")["deliveries"] == deliveries
        assert DELIVERED.row(case, "ledger")["redeliveries"] == max(0, deliveries - 1)


def sequence(*commands: tuple[str, str, int, int | None]) -> ObservationsBuilder:
    """Commands as (request id, entity, sent, committed)."""
    observations = queued()
    for name, entity, sent_us, committed_us in commands:
        observations.request(name, 202, entity=entity, at_us=sent_us)
        if committed_us is not None:
            observations.record(name, at_us=committed_us).item(name)
    return observations


SEQUENCES = {
    "in order": (sequence(("a", "x", 0, 10), ("b", "x", 1, 20)), 0),
    "swapped": (sequence(("a", "x", 0, 20), ("b", "x", 1, 10)), 1),
    "of different entities": (sequence(("a", "x", 0, 20), ("b", "y", 1, 10)), 0),
    "reversed": (sequence(("a", "x", 0, 30), ("b", "x", 1, 20), ("c", "x", 2, 10)), 2),
    "overtaken by two counts once": (sequence(("a", "x", 0, 30), ("b", "x", 1, 10), ("c", "x", 2, 20)), 1),
    "the later one never committed": (sequence(("a", "x", 0, 20), ("b", "x", 1, None)), 0),
    "given in another order than sent": (sequence(("b", "x", 9, 10), ("a", "x", 0, 20)), 1),
    "sent in the same microsecond": (sequence(("a", "x", 5, 20), ("b", "x", 5, 10)), 0),
    "of an order and its clone": (sequence(("17", "x", 0, 20), ("17~1", "x~1", 1, 10)), 0),
}
SEQUENCED = Judged({name: observations for name, (observations, _) in SEQUENCES.items()})


def read_back(status: int, at_us: int, found: bool | None) -> ObservationsBuilder:
    """An order acknowledged at 2000 us, and a query for it at ``at_us``."""
    observations = queued().request("w", 202, entity="x", at_us=1000, took_us=1000)
    observations.request("q", status, operation="query", entity="x", at_us=at_us)
    if found is not None:
        observations.record("q", "committed" if status == 202 else "answered", found=found)
        if status == 202:
            observations.item("q", found=found)
    return observations


READS = {
    "queried after the acknowledgement, not there": (read_back(404, 3000, found=False), 1),
    "queried before the acknowledgement": (read_back(404, 1500, found=False), 0),
    "there": (read_back(200, 3000, found=True), 0),
    "queued, looked up and not there": (read_back(202, 3000, found=False), 1),
    "queued and never looked up": (read_back(202, 3000, found=None), 0),
    "failed": (read_back(503, 3000, found=None), 0),
    "of an order whose client was told of a failure": (
        queued()
        .request("w", 503, entity="x", at_us=1000)
        .item("w")
        .request("q", 404, operation="query", entity="x", at_us=3000)
        .record("q", "answered", found=False),
        0,
    ),
    "of an order never acknowledged nor stored": (
        build()
        .request("w", 503, entity="x")
        .request("q", 404, operation="query", entity="x", at_us=9000)
        .record("q", "answered", found=False),
        0,
    ),
}
READ = Judged({name: observations for name, (observations, _) in READS.items()})


class TestAttemptsAndFetches:
    def test_a_request_has_one_row_however_often_it_was_sent(self) -> None:
        outcomes = reconcile(build().request("a", 201, attempts=3, at_us=10, lag_us=5, took_us=900).tables())
        request = only(outcomes["requests"])
        assert (request["attempts"], request["response_us"], request["service_us"]) == (3, 905, 900)
        assert only(outcomes["ledger"])["offered"] == 1

    def test_the_ledger_counts_what_was_sent_by_operation(self) -> None:
        observations = queued().request("a", 202, attempts=3).request("b", 202).request("c", fate="unsent")
        observations.request("d", 202, operation="query", attempts=2, fetches=5, fetched_us=9000)
        observations.request("e", 202, operation="query", fetches=1).request("f", 202, operation="query")
        ledger = reconcile(observations.tables())["ledger"]
        command, query = (only(ledger, operation=operation) for operation in ("command", "query"))
        assert (command["attempts"], command["fetches"]) == (4, 0)
        assert (query["attempts"], query["fetches"]) == (4, 6)

    def test_a_queued_query_is_complete_when_its_client_has_the_answer(self) -> None:
        observations = asked(at_us=100, took_us=50, fetches=2, fetched_us=5100).record(at_us=700, found=True)
        effect = only(reconcile(observations.item(found=True).tables())["effects"])
        assert (effect["committed_us"], effect["completion_us"]) == (700, 5000)
        assert (effect["fetches"], effect["fetched_us"]) == (2, 5100)

    def test_an_answer_nobody_got_completes_nothing(self) -> None:
        outcomes = reconcile(asked(fetches=4).record(at_us=700, found=True).item(found=True).tables())
        effect = only(outcomes["effects"])
        assert (effect["committed_us"], effect["completion_us"]) == (None, None)
        assert only(outcomes["latency"], operation="query", measure="completion")["n_censored"] == 1

    def test_an_answer_nobody_waits_for_completes_its_query_when_it_is_stored(self) -> None:
        observations = queued().request(status=202, operation="query", at_us=100).record(at_us=700, found=True)
        assert only(reconcile(observations.item(found=True).tables())["effects"])["completion_us"] == 600

    def test_handing_out_an_answer_is_no_delivery_of_its_query(self) -> None:
        observations = asked(fetches=3, fetched_us=9000).record(found=True).item(found=True)
        for there in (False, False, True):
            observations.record(result="answered", function="result", found=there)
        effect = only(reconcile(observations.tables())["effects"])
        assert (effect["deliveries"], effect["found"]) == (1, True)

    @pytest.mark.parametrize(
        ("variant", "results", "commits", "duplicates"),
        [
            pytest.param("idempotent", ("committed", "duplicate"), 1, 0, id="idempotent"),
            pytest.param("naive", ("committed", "committed"), 2, 1, id="naive"),
        ],
    )
    def test_a_retry_of_what_had_taken_effect_is_a_duplicate_unless_writes_are_idempotent(
        self, variant: str, results: tuple[str, str], commits: int, duplicates: int
    ) -> None:
        observations = build().experiment(variant=variant).request(status=201, attempts=2).item(commits=commits)
        for at_us, result in zip((400, 2000), results, strict=True):
            observations.record(result=result, at_us=at_us)
        books = only(reconcile(observations.tables())["ledger"])
        assert (books["committed"], books["duplicates"], books["redeliveries"]) == (1, duplicates, 1)

    def test_two_accepted_copies_of_one_request_are_one_request(self) -> None:
        observations = queued().request(status=202, attempts=2).record(receive_count=1).item().message()
        outcomes = reconcile(observations.tables())
        assert only(outcomes["effects"])["state"] == "committed"
        assert only(outcomes["ledger"])["unknown_effects"] == 0


class TestOrder:
    @pytest.mark.parametrize("case", SEQUENCES)
    def test_reordered_counts_commands_committed_after_a_later_sent_one(self, case: str) -> None:
        assert SEQUENCED.row(case, "ledger")["reordered"] == SEQUENCES[case][1]

    def test_queries_are_never_reordered(self) -> None:
        observations = queued().request("q1", 202, operation="query", entity="x").record("q1", at_us=90).item("q1")
        observations.request("q2", 202, operation="query", entity="x", at_us=5).record("q2", at_us=10).item("q2")
        assert only(reconcile(observations.tables())["ledger"])["reordered"] == 0

    @pytest.mark.parametrize("case", READS)
    def test_a_read_misses_what_was_acknowledged_before_it(self, case: str) -> None:
        assert READ.row(case, "ledger", operation="query")["read_your_writes_misses"] == READS[case][1]
        assert READ.row(case, "ledger", operation="command")["read_your_writes_misses"] == 0


BALANCED = build().request().record().item()


@pytest.fixture(scope="module")
def balanced() -> Tables:
    return reconcile(BALANCED.tables())


class TestBooks:
    @pytest.mark.parametrize(
        ("observations", "effects", "named"),
        [
            pytest.param(build().request().item().item("a"), 1, "a (table)", id="in the table"),
            pytest.param(build().request().item().message("a"), 1, "a (queue)", id="in the queue"),
            pytest.param(
                build().request().item().message("a", "dead_letter_queue"), 1, "a (dead-letter queue)", id="dead"
            ),
            pytest.param(
                build().request().item().item("a").message("a").message("a"), 1, "a (table, queue)", id="in two places"
            ),
            pytest.param(build().request().item().item("a").item("b"), 2, "a (table), b (table)", id="two"),
            pytest.param(build().item("17~3"), 1, "17~3 (table)", id="where nothing was offered"),
        ],
    )
    def test_an_effect_of_no_offered_request_makes_the_experiment_invalid_and_is_named(
        self, observations: ObservationsBuilder, effects: int, named: str
    ) -> None:
        if not observations.seen["sent"]:
            observations.experiment(requests=0)
        outcomes = reconcile(observations.tables())
        assert sum(row["unknown_effects"] for row in outcomes["ledger"].to_pylist()) in {effects, 0}
        reason = only(outcomes["experiments"])["invalid_reason"]
        assert reason == f"repetition 1, all: {effects} effects of requests never offered: {named}"

    def test_of_many_at_fault_five_are_named(self) -> None:
        observations = build().request()
        for number in range(12):
            observations.item(str(number))
        (sentence,) = imbalances(observations.tables(), reconcile(observations.tables()))
        assert sentence.endswith(": 0 (table), 1 (table), 2 (table), 3 (table), 4 (table) and 7 more")

    def test_a_request_offered_twice_is_named(self) -> None:
        observations = build().request("7").request("7").request("8")
        found = imbalances(observations.tables(), reconcile(observations.tables()))
        assert "repetition 1, all: offered more than once: 7" in found

    @pytest.mark.parametrize("table", ["requests", "effects"])
    def test_a_request_without_its_row_is_named(self, table: str) -> None:
        observations = build().request("a").request("b").request("c").tables()
        outcomes = reconcile(observations)
        kept = outcomes[table].filter([row != "b" for row in outcomes[table].column("request_id").to_pylist()])
        found = imbalances(observations, {**outcomes, table: kept})
        assert found == [f"repetition 1, all: without exactly one row in {table}: b"]

    def test_a_row_of_a_request_never_offered_is_named(self) -> None:
        observations = build().request("a").request("b")
        outcomes = reconcile(observations.tables())
        offered = observations.tables()
        fewer = {**offered, "sent": offered["sent"].slice(0, 1)}
        assert "repetition 1, all: booked and never offered: b" in imbalances(fewer, outcomes)

    def test_what_was_never_sent_cannot_have_had_an_effect(self) -> None:
        observations = build().request("a", fate="unsent").item("a").request("b", fate="unsent")
        reason = only(reconcile(observations.tables())["experiments"])["invalid_reason"]
        assert reason == "repetition 1, command: never sent, and yet with an effect: a"

    @pytest.mark.parametrize(
        ("found", "balances"), [((), False), (("a",), False), (("a", "dead"), True)], ids=["none", "one", "both"]
    )
    def test_nothing_is_lost_while_messages_are_missing(self, found: tuple[str, ...], balances: bool) -> None:
        """Two were in the queues at the end: one that is not found there may be the one that seems lost."""
        observations = queued().request("a", 202).request("dead", 202).request("b", 202)
        observations.sample(5, visible=9).sample(6, visible=1, in_flight=1)
        for name in found:
            observations.message(name, "dead_letter_queue" if name == "dead" else "queue")
        reason = only(reconcile(observations.tables())["experiments"])["invalid_reason"]
        assert (reason is None) == balances
        if not balances:
            assert f"{2 - len(found)} messages were last seen in the queues and not found there" in reason
            assert reason.endswith("these may not be lost: b, dead" if found else "these may not be lost: a, b, dead")

    def test_a_request_that_fits_into_no_book_is_named(self, balanced: Tables) -> None:
        effects = balanced["effects"]
        at = effects.schema.get_field_index("state")
        strange = effects.set_column(at, "state", [["rejected"]])
        found = imbalances(BALANCED.tables(), {**balanced, "effects": strange})
        assert found == ["repetition 1, command: acknowledged is not committed + dead_lettered + in_flight + lost: r"]

    def test_unknown_effects_are_counted_once_over_both_operations(self) -> None:
        observations = build().request("a").item("a").request("b", 200, operation="query").item("stranger")
        ledger = reconcile(observations.tables())["ledger"]
        assert sum(row["unknown_effects"] for row in ledger.to_pylist()) == 1

    @pytest.mark.parametrize("repetition", [1, 11])
    def test_only_the_repetition_at_fault_is_invalid(self, repetition: int) -> None:
        observations = build()
        for one in (1, 2, 11):
            observations.request(repetition=one).record(repetition=one).item(repetition=one)
        outcomes = reconcile(observations.item("stranger", repetition=repetition).tables())
        invalid = {row["repetition"] for row in outcomes["experiments"].to_pylist() if row["invalid_reason"]}
        assert invalid == {repetition}

    @pytest.mark.parametrize(("sent", "booked"), [(0, 0), (1, 1), (2, 2), (4, 4)])
    def test_a_missing_or_surplus_row_is_noticed(self, sent: int, booked: int) -> None:
        observations = build().experiment(requests=3)
        for number in range(sent):
            observations.request(str(number)).item(str(number))
        reason = only(reconcile(observations.tables())["experiments"])["invalid_reason"]
        assert reason == f"repetition 1, all: the recording offered 3 requests, {booked} are booked"

    def test_a_reason_of_the_replay_is_kept(self) -> None:
        observations = build().experiment(invalid_reason="send lag").request().item("stranger")
        assert only(reconcile(observations.tables())["experiments"])["invalid_reason"] == "send lag"

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
        ledger = balanced["ledger"]
        assert imbalances(BALANCED.tables(), balanced) == []
        at = ledger.schema.get_field_index(column)
        falsified = ledger.set_column(at, ledger.schema.field(at), [[ledger.column(at)[0].as_py() + 1]])
        found = imbalances(BALANCED.tables(), {**balanced, "ledger": falsified})
        assert any(complaint in sentence for sentence in found)

    def test_repetitions_are_reconciled_apart(self) -> None:
        observations = build().request(repetition=1).item(repetition=1).request(repetition=2)
        ledger = reconcile(observations.tables())["ledger"]
        assert [(row["repetition"], row["committed"], row["lost"]) for row in ledger.to_pylist()] == [
            (1, 1, 0),
            (2, 0, 1),
        ]

    def test_an_experiment_without_requests_has_empty_books(self) -> None:
        outcomes = reconcile(build().experiment(requests=0).tables())
        assert outcomes["ledger"].num_rows == 0
        assert only(outcomes["experiments"])["invalid_reason"] is None


def hundred(observations: ObservationsBuilder, timed_out: int = 0) -> ObservationsBuilder:
    """Queries answered after 1, 2, ... ms; the last of them never."""
    for number in range(1, 101):
        fate = "timed_out" if number > 100 - timed_out else "responded"
        observations.request(str(number), 200, operation="query", took_us=number * 1000, fate=fate)
    return observations


def padded(status: int | None, fate: str = "responded") -> ObservationsBuilder:
    """A hundred that were answered and fifty that were refused at once."""
    observations = hundred(build())
    for number in range(101, 151):
        observations.request(str(number), status, operation="query", took_us=1, fate=fate)
    return observations


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
        observations = queued()
        for number in range(10):
            observations.request(str(number), 202, at_us=1000 * number)
            if number < 5:
                observations.record(str(number), at_us=1000 * number + 400).item(str(number))
        row = only(reconcile(observations.tables())["latency"], measure="completion")
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

    @pytest.mark.parametrize("measure", ["response_of_all", "completion_of_all"])
    @pytest.mark.parametrize("case", PADDINGS)
    def test_of_all_what_was_refused_never_came(self, case: str, measure: str) -> None:
        row = PADDED.row(case, "latency", measure=measure)
        assert (row["n"], row["n_censored"], row["n_excluded"]) == (150, 50, 0)
        assert row["p50_us"] == 75_000, "the 75th of 150, of whom 100 were answered"
        assert (row["p90_us"], row["p90_low_us"] >= 29_000_000) == (None, True)
        nothing_refused = PADDED.row("nothing", "latency", measure=measure)
        answered = PADDED.row("nothing", "latency", measure=measure.removesuffix("_of_all"))
        assert nothing_refused == {**answered, "measure": measure}

    def test_operations_are_measured_apart(self) -> None:
        observations = build().request("c", took_us=7).record("c", at_us=7).item("c")
        observations.request("q", 200, operation="query", took_us=3)
        latency = reconcile(observations.tables())["latency"]
        assert only(latency, measure="response", operation="command")["p50_us"] == 7
        assert only(latency, measure="response", operation="query")["p50_us"] == 3

    def test_a_quantile_stands_between_ends_from_blocks_of_time(self) -> None:
        took = random.Random(1)
        observations = build()
        for number in range(1000):
            at_us = 30_000 * number
            observations.request(
                str(number), 200, operation="query", at_us=at_us, took_us=round(took.lognormvariate(9, 0.5))
            )
        row = only(reconcile(observations.tables())["latency"], measure="service")
        truth_us = {name: math.exp(9 + 0.5 * sigmas) for name, sigmas in (("p50", 0), ("p90", 1.2816), ("p99", 2.3263))}
        for name, true in truth_us.items():
            low, value, high = (row[f"{name}{end}_us"] for end in ("_low", "", "_high"))
            assert low < value < high
            assert low < true < high
            assert high / low < 1.6
        # Of a thousand even the greatest may lie under the 99.9th percentile: nothing seen is an end above it.
        assert (row["p999_high_us"], row["p999_low_us"] < row["p999_us"]) == (None, True)

    def test_few_blocks_of_requests_have_no_ends(self) -> None:
        observations = build()
        for number in range(1000):  # in a fifth of the replay
            observations.request(str(number), 200, operation="query", at_us=6_000 * number, took_us=1000 + number)
        row = only(reconcile(observations.tables())["latency"], measure="service")
        assert (row["p50_us"], row["p50_low_us"], row["p50_high_us"]) == (1499, None, None)

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


def outage() -> ObservationsBuilder:
    """A queued command a second for 30 s. Out of order between 10 and 20 s; what was due then is done at 24 s.

    Two of the ten of the window were refused and one never done; due after it, those of 20 and 21 s were late.
    """
    observations = build().experiment(queued=["command"], fault_windows=windows((10 * SECOND, 20 * SECOND)))
    for second in range(30):
        name, at_us = str(second), second * SECOND
        if second in (12, 13):
            observations.request(name, 503, at_us=at_us)
            continue
        observations.request(name, 202, at_us=at_us)
        if second == 14:
            continue
        late = 10 <= second <= 21
        done_us = 24 * SECOND if late else at_us + 100_000
        observations.record(name, at_us=done_us).item(name)
    for second in range(40):
        waiting = max(0, second - 10) if second < 24 else 0
        observations.sample(second * SECOND, visible=waiting, in_flight=int(waiting > 0))
    return observations


def recovery(observations: ObservationsBuilder) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = reconcile(observations.tables())["recovery"].to_pylist()
    return rows


def every_second(
    observations: ObservationsBuilder, slow: Collection[int] = (), slow_us: int = 0
) -> ObservationsBuilder:
    """A command a second for 30 s, each acknowledged at once and done after 0.1 s; the ``slow`` after ``slow_us``."""
    for second in range(30):
        name, at_us = str(second), second * SECOND
        took_us = slow_us if second in slow else 100_000
        observations.request(name, at_us=at_us).record(name, at_us=at_us + took_us).item(name)
    return observations


class TestRecovery:
    def test_figures_of_an_outage_computed_by_hand(self) -> None:
        (row,) = recovery(outage())
        assert (row["fault"], row["target"], row["kind"], row["present"]) == (0, "table", "down", True)
        assert (row["start_us"], row["end_us"], row["requests"]) == (10 * SECOND, 20 * SECOND, None)
        assert row["error_share_in_window"] == pytest.approx(2 / 10)
        assert row["acknowledged_share"] == pytest.approx(8 / 10)
        assert row["success_share"] == pytest.approx(7 / 10)
        assert row["recovered_share"] == pytest.approx(7 / 8)
        assert row["goodput_before_per_s"] == pytest.approx(10 / 10)
        assert row["goodput_in_window_per_s"] == 0
        # Seven of the window and the ten after it, until the replay ends at 30 s: by then the queue is empty.
        assert row["goodput_after_per_s"] == pytest.approx(17 / 10)
        assert row["backlog_max"] == 13 + 1
        assert row["drain_us"] == 3 * SECOND
        assert (row["back_to_normal_us"], row["back_to_normal_low_us"]) == (1 * SECOND, None)

    @pytest.mark.parametrize(("queued", "drain_us"), [(["command"], 0), ([], None)])
    def test_an_outage_without_effect_costs_nothing(self, queued: list[str], drain_us: int | None) -> None:
        observations = build().experiment(queued=queued, fault_windows=windows((10 * SECOND, 20 * SECOND)))
        (row,) = recovery(every_second(observations).sample(5 * SECOND).sample(25 * SECOND))
        names = ("error_share_in_window", "backlog_max", "drain_us", "back_to_normal_us", "recovered_share")
        assert [row[name] for name in names] == [0.0, 0, drain_us, 0, 1.0]
        rates = ("goodput_before_per_s", "goodput_in_window_per_s", "goodput_after_per_s", "success_share")
        assert [row[name] for name in rates] == [1.0, 1.0, 1.0, 1.0]

    def test_a_window_over_the_whole_replay_has_nothing_before_or_after_it(self) -> None:
        whole = windows((0, 30 * SECOND), kind="concurrency_limit")
        observations = build().experiment(fault_windows=whole)
        observations.request("a").record("a").item("a").request("b", 429, at_us=SECOND)
        (row,) = recovery(observations.sample(0))
        assert (row["error_share_in_window"], row["back_to_normal_us"], row["recovered_share"]) == (0.5, None, 1.0)
        assert (row["goodput_before_per_s"], row["goodput_after_per_s"]) == (None, None)
        assert row["goodput_in_window_per_s"] == pytest.approx(1 / 30)

    def test_windows_that_begin_and_end_together_are_distinguished(self) -> None:
        both = [
            window(0, 30 * SECOND, target=target, kind="latency", median_ms=10, p99_ms=50)
            for target in ("api", "table")
        ]
        rows = recovery(build().experiment(fault_windows=json.dumps(both)).request().record().item())
        assert [(row["fault"], row["target"]) for row in rows] == [(0, "api"), (1, "table")]
        assert [row["success_share"] for row in rows] == [1.0, 1.0]

    def test_a_fault_in_the_traffic_says_how_many_requests_it_was_about(self) -> None:
        poison = [window(0, 30 * SECOND, target="commands", kind="poison", share=0.05, requests=17)]
        (row,) = recovery(build().experiment(fault_windows=json.dumps(poison)).request())
        assert (row["kind"], row["requests"], row["present"]) == ("poison", 17, True)

    def test_a_fault_of_what_is_not_there_is_measured_and_flagged(self) -> None:
        absent = [window(10 * SECOND, 20 * SECOND, target="queue", present=False)]
        (row,) = recovery(every_second(build().experiment(fault_windows=json.dumps(absent))))
        assert row["present"] is False
        assert (row["success_share"], row["goodput_before_per_s"], row["back_to_normal_us"]) == (1.0, 1.0, 0)

    @pytest.mark.parametrize(("queued", "present"), [([], False), (["query"], False), (["command"], True)])
    def test_deliveries_go_wrong_only_where_commands_are_delivered(self, queued: list[str], present: bool) -> None:
        twice = [window(0, 30 * SECOND, target="deliveries", kind="twice", requests=4)]
        (row,) = recovery(build().experiment(queued=queued, fault_windows=json.dumps(twice)).request())
        assert row["present"] is present

    def test_a_fault_whose_time_never_came_has_no_row(self) -> None:
        never = {"target": "table", "kind": "down", "due_us": 5}
        rows = recovery(build().experiment(fault_windows=json.dumps([never, window(0, 9)])).request())
        assert [row["fault"] for row in rows] == [1]

    def test_each_of_several_faults_is_measured_by_itself(self) -> None:
        """The second is not compared with the traces of the first, nor the first blamed for those of the second."""
        faults = json.dumps([window(10 * SECOND, 12 * SECOND), window(20 * SECOND, 22 * SECOND)])
        observations = queued(fault_windows=faults)
        for second in range(30):
            name, at_us = str(second), second * SECOND
            done_us = {10: 15, 11: 15, 20: 24, 21: 24, 22: 24, 23: 24}.get(second, second) * SECOND + 100_000
            observations.request(name, 202, at_us=at_us).record(name, at_us=done_us).item(name)
            observations.sample(at_us, 5 if 10 < second < 15 or 20 < second < 24 else 0)
        one, other = recovery(observations)
        assert (one["drain_us"], other["drain_us"]) == (2 * SECOND, 1 * SECOND)
        assert (one["back_to_normal_us"], other["back_to_normal_us"]) == (0, 1 * SECOND)
        # From one fault to the other: what was due then, and what the first one had delayed.
        assert one["goodput_before_per_s"] == pytest.approx(1.0)
        assert one["goodput_after_per_s"] == other["goodput_before_per_s"] == pytest.approx((8 + 2) / 8)

    def test_normal_is_what_was_due_outside_of_every_fault(self) -> None:
        """Nothing was due before the first one; what the second is compared with was due between them."""
        faults = json.dumps([window(0, 10 * SECOND), window(20 * SECOND, 22 * SECOND)])
        observations = every_second(build().experiment(fault_windows=faults), [*range(10), *range(20, 25)], 5 * SECOND)
        assert [row["back_to_normal_us"] for row in recovery(observations)] == [None, 2 * SECOND]

    def test_a_fault_that_begins_within_another_has_the_same_before(self) -> None:
        faults = json.dumps([window(10 * SECOND, 20 * SECOND), window(15 * SECOND, 25 * SECOND, target="api")])
        rows = recovery(every_second(build().experiment(fault_windows=faults)))
        assert [row["goodput_before_per_s"] for row in rows] == [1.0, 1.0]

    def test_a_fault_that_ends_within_another_has_no_after(self) -> None:
        """What was late and what was stored then is the other one's; of two that end together neither is left out."""
        faults = [window(5 * SECOND, 10 * SECOND, target="api", kind="latency"), window(8 * SECOND, 15 * SECOND)]
        observations = build().experiment(fault_windows=json.dumps([*faults, window(9 * SECOND, 15 * SECOND)]))
        rows = recovery(every_second(observations, range(8, 18), 3 * SECOND))
        names = ("goodput_after_per_s", "back_to_normal_us", "back_to_normal_low_us")
        assert [rows[0][name] for name in names] == [None, None, None]
        # Ten due before 15 s were stored before it; of the fifteen after, the last three late, all are in its time.
        assert [rows[1][name] for name in names] == [rows[2][name] for name in names]
        assert rows[1]["goodput_after_per_s"] == pytest.approx((3 + 15) / 15)
        assert rows[1]["back_to_normal_us"] == 2 * SECOND

    def test_after_a_fault_that_ends_with_the_replay_nothing_tells_of_normal(self) -> None:
        (row,) = recovery(every_second(build().experiment(fault_windows=windows((20 * SECOND, 30 * SECOND)))))
        assert (row["back_to_normal_us"], row["back_to_normal_low_us"]) == (None, None)

    def test_a_backlog_that_outlasts_the_next_fault_drains_when_it_does(self) -> None:
        faults = json.dumps([window(10 * SECOND, 12 * SECOND), window(14 * SECOND, 16 * SECOND)])
        observations = every_second(build().experiment(queued=["command"], fault_windows=faults))
        for second in range(30):
            observations.sample(second * SECOND, 9 if 10 <= second <= 18 else 0)
        assert [row["drain_us"] for row in recovery(observations)] == [6 * SECOND, 2 * SECOND]

    def test_what_waited_before_as_well_is_no_backlog_of_the_fault(self) -> None:
        observations = build().experiment(queued=["command"], fault_windows=windows((10 * SECOND, 20 * SECOND)))
        for second in range(30):
            observations.sample(second * SECOND, 40 if 10 <= second <= 22 else 3)
        assert recovery(every_second(observations))[0]["drain_us"] == 2 * SECOND

    def test_a_queue_that_never_drained_has_no_time_to_drain(self) -> None:
        observations = build().experiment(queued=["command"], fault_windows=windows((10 * SECOND, 20 * SECOND)))
        for second in range(30):
            observations.sample(second * SECOND, second)
        (row,) = recovery(every_second(observations))
        assert (row["drain_us"], row["backlog_max"]) == (None, 29)

    def test_the_rate_after_an_outage_counts_until_the_queue_is_empty(self) -> None:
        """Ten orders that wait until 40 s, when the replay was over at 30 s, are not more than were stored a second."""
        observations = build().experiment(queued=["command"], fault_windows=windows((10 * SECOND, 30 * SECOND)))
        for second in range(20):
            name, at_us = str(second), second * SECOND
            done_us = 39 * SECOND if second >= 10 else at_us + 100
            observations.request(name, 202, at_us=at_us).record(name, at_us=done_us).item(name)
        for second in range(45):
            observations.sample(second * SECOND, 10 if 20 <= second < 40 else 0)
        assert recovery(observations)[0]["goodput_after_per_s"] == pytest.approx(10 / 10)

    @pytest.mark.parametrize(
        ("late", "back_us", "at_least_us"),
        [
            pytest.param((), 0, None, id="never late"),
            pytest.param((25,), 0, None, id="one in twenty is what a p95 lets pass"),
            pytest.param((20, 21, 22), 2 * SECOND, None, id="three"),
            pytest.param((28, 29), None, 9 * SECOND, id="still late at the end"),
        ],
    )
    def test_back_to_normal_is_when_the_last_cluster_of_late_orders_is_over(
        self, late: tuple[int, ...], back_us: int | None, at_least_us: int | None
    ) -> None:
        observations = build().experiment(fault_windows=windows((10 * SECOND, 20 * SECOND)))
        (row,) = recovery(every_second(observations, late, 900_000))
        assert (row["back_to_normal_us"], row["back_to_normal_low_us"]) == (back_us, at_least_us)

    def test_acknowledged_and_lost_is_no_success(self) -> None:
        observations = queued(fault_windows=windows((0, SECOND))).request("a", 202).request("b", 202).item("b")
        (row,) = recovery(observations)
        assert (row["acknowledged_share"], row["success_share"]) == (1.0, 0.5)

    def test_stored_and_refused_is_no_success_but_stored(self) -> None:
        observations = build().experiment(fault_windows=windows((0, SECOND))).request("a", 503).item("a", stamp_us=5)
        (row,) = recovery(observations)
        assert (row["acknowledged_share"], row["success_share"], row["goodput_in_window_per_s"]) == (0.0, 0.0, 1.0)

    def test_queries_are_no_part_of_it(self) -> None:
        observations = outage().request("q", 503, operation="query", at_us=15 * SECOND)
        observations.seen["experiments"][0]["requests"] = None
        assert recovery(observations)[0]["error_share_in_window"] == pytest.approx(2 / 10)

    def test_no_window_no_row(self) -> None:
        assert recovery(build().request().item()) == []


_WINDOWS = st.builds(
    lambda start_us, length_us, more: window(start_us, start_us + length_us, **more),
    st.integers(0, 40),
    st.integers(0, 60),
    st.sampled_from(
        [
            {},
            {"present": False},
            {"target": "api", "throttled_status": 429},
            {"kind": "poison", "requests": 2},
            {"target": "functions", "kind": "concurrency_limit"},
        ]
    ),
)


BIG = 2**40 - 1, 127 * 2**33  # twelve days


class TestCondensed:
    @pytest.mark.parametrize(
        ("took_us", "from_us"),
        [(0, 0), (1, 1), (63, 63), (64, 64), (127, 127), (129, 128), (8191, 8128), (8319, 8192), (8320, 8320), BIG],
    )
    def test_a_time_is_in_the_bin_around_it(self, took_us: int, from_us: int) -> None:
        found = reconcile(build().request(took_us=took_us).tables())["distributions"]
        row = only(found, measure="response")
        assert (row["from_us"], row["min_us"], row["max_us"], row["requests"]) == (from_us, took_us, took_us, 1)

    @given(st.lists(st.integers(0, 3 * 10**8), min_size=1, max_size=40))
    @settings(max_examples=15, deadline=None)
    def test_bins_are_narrow_and_a_share_at_their_greatest_is_exact(self, times_us: list[int]) -> None:
        observations = build()
        for number, took_us in enumerate(times_us):
            observations.request(str(number), took_us=took_us)
        found = reconcile(observations.tables())["distributions"].to_pylist()
        bins = [row for row in found if row["measure"] == "service"]
        reached = 0
        for row in bins:
            reached += row["requests"]
            assert reached == sum(one <= row["max_us"] for one in times_us)
            assert row["from_us"] <= row["min_us"] <= row["max_us"] <= row["from_us"] * (1 + 1 / 64)
        assert reached == len(times_us)
        assert (bins[0]["min_us"], bins[-1]["max_us"]) == (min(times_us), max(times_us))

    def test_what_was_refused_or_never_done_is_in_no_bin(self) -> None:
        observations = queued().request("lost", 202).request("refused", 503).request("late", None, fate="timed_out")
        found = reconcile(observations.tables())["distributions"].to_pylist()
        assert [(row["measure"], row["requests"]) for row in found] == [("response", 1), ("service", 1)]

    def test_recorded_asked_worked_and_replayed_times_stand_beside_each_other(self) -> None:
        observations = build()
        for number, work_us in enumerate([10_000, 20_000, 30_000]):
            name = str(number)
            observations.request(name, took_us=work_us + 3000, recorded_us=work_us + 500, work_us=work_us)
            observations.record(name, worked_us=work_us + 100).item(name)
        observations.request("again", took_us=99, recorded_us=1, work_us=0).item("again")
        observations.record("again", "failed", at_us=1, worked_us=5).record("again", at_us=9, worked_us=70)
        found = {row["measure"]: row for row in reconcile(observations.tables())["service_times"].to_pylist()}
        assert {name: (row["requests"], row["p50_us"]) for name, row in found.items()} == {
            "recorded": (4, 15_500),
            "asked": (4, 15_000),
            "worked": (4, 15_100),
            "deviation": (4, 100),
            "service": (4, 18_000),
        }

    @pytest.mark.parametrize(
        ("status", "outcome"),
        [(201, "answered"), (302, "answered"), (409, "answered"), (429, "throttled"), (500, "failed")],
    )
    def test_what_a_service_of_the_users_own_answers_below_500_is_its_answer(self, status: int, outcome: str) -> None:
        own = build().experiment(config='{"service": "mine@0"}').request(status=status)
        assert reconcile(own.tables())["requests"].column("outcome").to_pylist() == [outcome]
        lab = reconcile(build().experiment(config='{"service": null}').request(status=status).tables())["requests"]
        assert lab.column("outcome").to_pylist() == ["failed" if status in (302, 409) else outcome]

    def test_a_ticket_has_no_service_time_and_what_was_not_recorded_no_recorded_one(self) -> None:
        found = reconcile(queued().request("a", 202).request("b", 404, operation="query").tables())["service_times"]
        assert [(row["operation"], row["measure"]) for row in found.to_pylist()] == [("query", "service")]

    def test_answers_are_in_the_second_they_were_due_and_commits_in_the_second_they_were_made(self) -> None:
        observations = queued()
        observations.request("a", 202, at_us=999_999).record("a", at_us=2_000_000).item("a")
        observations.request("b", 503, at_us=1_000_000).record("b", at_us=2_999_999).item("b")
        observations.request("c", 429, at_us=1_500_000).request("d", None, fate="unsent", at_us=1_999_999)
        names = ("second", "acknowledged", "throttled", "failed", "stored")
        found = reconcile(observations.tables())["timeline"].to_pylist()
        assert [tuple(row[name] for name in names) for row in found] == [
            (0, 1, 0, 0, 0),
            (1, 0, 1, 2, 0),
            (2, 0, 0, 0, 2),
        ]

    def test_latencies_of_a_second_are_of_those_due_in_it_and_acknowledged(self) -> None:
        """The middle one and the slowest; what was refused has none, and what was never done no completion."""
        observations = queued()
        for name, took_us in (("a", 5_000), ("b", 9_000), ("c", 1_700_000)):
            observations.request(name, 202, at_us=100_000, took_us=took_us // 2)
            observations.item(name).record(name, at_us=100_000 + took_us)
        observations.request("lost", 202, at_us=1_000_000, took_us=700)
        observations.request("refused", 503, at_us=2_000_000)
        names = ("second", "response_p50_us", "response_max_us", "completion_p50_us", "completion_max_us")
        found = reconcile(observations.tables())["timeline"].to_pylist()
        assert [tuple(row[name] for name in names) for row in found if row["response_p50_us"] or row["failed"]] == [
            (0, 4_500, 850_000, 9_000, 1_700_000),
            (1, 700, 700, None, None),
            (2, None, None, None, None),
        ]

    def test_the_backlog_keeps_the_most_and_the_last_of_a_second(self) -> None:
        observations = build().request().item()
        for t_us, visible in ((-1, 4), (0, 2), (999_999, 1), (250_000, 9), (3_000_000, 0)):
            observations.sample(t_us, visible, 1)
        names = ("second", "waiting_max", "waiting_last", "last_us")
        found = reconcile(observations.tables())["backlog"].to_pylist()
        assert [tuple(row[name] for name in names) for row in found] == [
            (-1, 5, 5, -1),
            (0, 10, 2, 999_999),
            (3, 1, 1, 3_000_000),
        ]

    def test_the_last_commit_is_of_those_due_in_the_window_and_acknowledged(self) -> None:
        observations = queued(fault_windows=windows((10, 20), (30, 40)))
        for name, at_us, status in (("before", 9, 202), ("in", 10, 202), ("after", 20, 202), ("ghost", 15, 503)):
            observations.request(name, status, at_us=at_us).item(name)
            observations.record(name, at_us={"before": 900, "in": 700, "after": 800, "ghost": 999}[name])
        found = reconcile(observations.tables())["last_commits"].to_pylist()
        assert [(row["fault"], row["last_commit_us"]) for row in found] == [(0, 680)]


@st.composite
def many_observations(draw: st.DrawFn) -> ObservationsBuilder:
    """Anything that could have been seen, contradictions included."""
    observations = build()
    for repetition in range(1, draw(st.integers(1, 4)) + 1):
        observations.experiment(
            repetition,
            queued=draw(st.sampled_from([[], ["command"], ["command", "query"]])),
            duration_us=60,
            settled_us=draw(st.integers(60, 90)),
            fault_windows=json.dumps(draw(st.lists(_WINDOWS, max_size=3))),
        )
        ids = [str(number) for number in range(draw(st.integers(1, 8)))]
        for name in ids:
            status = draw(st.sampled_from([200, 201, 202, 302, 400, 404, 429, 500, 502, 503]))
            operation = draw(st.sampled_from(["command", "query"]))
            fate = draw(st.sampled_from(["responded", "responded", "broken", "timed_out", "unsent"]))
            asks = (status, operation, fate) == (202, "query", "responded") and draw(st.booleans())
            observations.request(
                name,
                status,
                operation=operation,
                entity=draw(st.sampled_from("xyz")),
                at_us=draw(st.integers(0, 60)),
                lag_us=draw(st.integers(0, 3)),
                took_us=draw(st.integers(0, 40)),
                fate=fate,
                attempts=None if fate == "unsent" else draw(st.integers(1, 5)),
                fetches=draw(st.integers(0, 5)) if asks else None,
                fetched_us=draw(st.sampled_from([None, 99])) if asks else None,
                repetition=repetition,
            )
        named = st.sampled_from([*ids, "stranger"] if draw(st.booleans()) else ids)
        for name in draw(st.lists(named, max_size=6)):
            observations.item(
                name,
                commits=draw(st.integers(0, 3)),
                stamp_us=draw(st.integers(0, 90)),
                found=draw(st.sampled_from([None, True, False])),
                repetition=repetition,
            )
        for name in draw(st.lists(named, max_size=4)):
            queue = draw(st.sampled_from(["queue", "dead_letter_queue"]))
            observations.message(name, queue, receive_count=draw(st.integers(0, 9)), repetition=repetition)
        for name in draw(st.lists(named, max_size=8)):
            observations.record(
                name,
                draw(st.sampled_from(["committed", "duplicate", "answered", "failed"])),
                function=draw(st.sampled_from(["command", "result"])),
                at_us=draw(st.integers(0, 90)),
                receive_count=draw(st.sampled_from([None, 1, 2, 5])),
                found=draw(st.sampled_from([None, True, False])),
                repetition=repetition,
            )
        for t_us in draw(st.lists(st.integers(0, 60), max_size=3, unique=True)):
            observations.sample(t_us, draw(st.integers(0, 5)), repetition=repetition)
    return observations


_SUMS = ("acknowledged", "throttled", "failed", "stored")


class TestWhateverWasSeen:
    @given(many_observations())
    @settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    def test_the_books_balance_and_every_request_is_judged_once(self, observations: ObservationsBuilder) -> None:
        tables = observations.tables()
        outcomes = reconcile(tables)
        offered = sorted((row["repetition"], row["request_id"]) for row in tables["sent"].to_pylist())
        for name in ("requests", "effects"):
            rows = outcomes[name].to_pylist()
            assert sorted((row["repetition"], row["request_id"]) for row in rows) == offered, name
        assert {row["outcome"] for row in outcomes["requests"].to_pylist()} <= set(OUTCOMES)
        assert {row["state"] for row in outcomes["effects"].to_pylist()} <= set(STATES)

        known = set(offered)
        seen = [
            (row["repetition"], row["request_id"]) for row in observations.seen["items"] + observations.seen["messages"]
        ]
        strangers = {one for one in seen if one not in known}
        books = outcomes["ledger"].to_pylist()
        for row in books:
            acknowledged = row["answered"] + row["accepted"]
            refused = row["throttled"] + row["failed"] + row["timed_out"] + row["unsent"]
            assert row["offered"] == acknowledged + refused
            assert acknowledged == row["committed"] + row["dead_lettered"] + row["in_flight"] + row["lost"]
            assert refused == row["rejected"] + sum(row[name] for name in GHOSTS.values())
        assert sum(row["offered"] for row in books) == len(offered)
        for name in ("attempts", "fetches"):
            assert sum(row[name] for row in books) == sum(row[name] or 0 for row in tables["sent"].to_pylist()), name
        self.check_fetched(outcomes)
        assert sum(row["unknown_effects"] for row in books) == len(strangers)

        unsent = {
            (row["repetition"], row["request_id"]) for row in tables["sent"].to_pylist() if row["sent_us"] is None
        }
        haunted = unsent & {
            (row["repetition"], row["request_id"])
            for row in observations.seen["messages"] + [row for row in observations.seen["items"] if row["commits"]]
        }
        invalid = {row["repetition"]: row["invalid_reason"] for row in outcomes["experiments"].to_pylist()}
        faulty = {repetition for repetition, reason in invalid.items() if reason}
        assert faulty == {repetition for repetition, _ in strangers | haunted} | self.undecided(tables, outcomes)
        sentences = imbalances(tables, outcomes)
        for repetition, name in strangers:
            assert any(f"repetition {repetition}, all: " in one and name in one for one in sentences)

        self.check_latency(outcomes)
        self.check_recovery(tables, outcomes)
        self.check_condensed(outcomes)

    def check_fetched(self, outcomes: Tables) -> None:
        """A query whose client asks is done when, and only when, the client has the answer."""
        requests = {(row["repetition"], row["request_id"]): row for row in outcomes["requests"].to_pylist()}
        for row in outcomes["effects"].to_pylist():
            if row["fetches"] is not None:
                assert (row["state"] == "committed") == (row["fetched_us"] is not None)
                due_us = requests[row["repetition"], row["request_id"]]["scheduled_us"]
                assert row["completion_us"] == (None if row["fetched_us"] is None else row["fetched_us"] - due_us)

    def undecided(self, tables: Tables, outcomes: Tables) -> set[int]:
        """Repetitions in which something seems lost while messages are missing."""
        held: dict[int, int] = {}
        for row in sorted(tables["samples"].to_pylist(), key=lambda row: row["t_us"]):
            held[row["repetition"]] = row["queue_visible"] + row["queue_in_flight"] + row["dead_letters"]
        for row in tables["messages"].to_pylist():
            held[row["repetition"]] = held.get(row["repetition"], 0) - 1
        lost = {row["repetition"] for row in outcomes["effects"].to_pylist() if row["state"] == "lost"}
        return {repetition for repetition in lost if held.get(repetition, 0) > 0}

    def check_latency(self, outcomes: Tables) -> None:
        offered = {(row["repetition"], row["operation"]): row for row in outcomes["ledger"].to_pylist()}
        for row in outcomes["latency"].to_pylist():
            books = offered[row["repetition"], row["operation"]]
            assert row["n"] + row["n_excluded"] == books["offered"]
            assert 0 <= row["n_censored"] <= row["n"]
            for name in ("p50", "p90", "p99", "p999"):
                value, low, high = (row[f"{name}{end}_us"] for end in ("", "_low", "_high"))
                if value is None:
                    assert high is None
                    assert row["n"] == 0 or low is not None, "a quantile is known or bounded"
                else:
                    assert low is None or low <= value
                    assert high is None or high >= value
        assert len(outcomes["latency"].to_pylist()) == 5 * len(offered)

    def check_condensed(self, outcomes: Tables) -> None:
        """The ledger's sums are theirs."""
        summed: dict[tuple[int, str], dict[str, int]] = {}
        for row in outcomes["timeline"].to_pylist():
            of_one = summed.setdefault((row["repetition"], row["operation"]), dict.fromkeys(_SUMS, 0))
            for name in _SUMS:
                of_one[name] += row[name]
        books = outcomes["ledger"].to_pylist()
        assert summed == {
            (row["repetition"], row["operation"]): {
                "acknowledged": row["answered"] + row["accepted"],
                "throttled": row["throttled"],
                "failed": row["failed"] + row["timed_out"] + row["unsent"],
                "stored": row["committed"] + row["ghost_commits"],
            }
            for row in books
        }
        assert sum(row["requests"] for row in outcomes["fates"].to_pylist()) == sum(row["offered"] for row in books)
        binned = dict.fromkeys(("response", "service", "completion"), 0)
        for row in outcomes["distributions"].to_pylist():
            binned[row["measure"]] += row["requests"]
        answered, committed = (sum(row[name] for row in books) for name in ("answered", "committed"))
        acknowledged = answered + sum(row["accepted"] for row in books)
        assert binned == {"response": acknowledged, "service": acknowledged, "completion": committed}

    def check_recovery(self, tables: Tables, outcomes: Tables) -> None:
        windows_of_all = {
            (row["repetition"], number)
            for row in tables["experiments"].to_pylist()
            for number in range(len(json.loads(row["fault_windows"])))
        }
        rows = outcomes["recovery"].to_pylist()
        assert sorted((row["repetition"], row["fault"]) for row in rows) == sorted(windows_of_all)
        for row in rows:
            for name in ("error_share_in_window", "acknowledged_share", "success_share", "recovered_share"):
                assert row[name] is None or 0 <= row[name] <= 1
            if row["success_share"] is not None:
                assert row["success_share"] <= row["acknowledged_share"]
                assert row["acknowledged_share"] == pytest.approx(1 - row["error_share_in_window"])
            for name in ("before", "in_window", "after"):
                assert row[f"goodput_{name}_per_s"] is None or row[f"goodput_{name}_per_s"] >= 0
            for name in ("drain_us", "back_to_normal_us", "back_to_normal_low_us", "backlog_max"):
                assert row[name] is None or row[name] >= 0
            assert row["back_to_normal_us"] is None or row["back_to_normal_low_us"] is None


def test_the_identities_show_their_numbers_and_by_how_much_each_is_off() -> None:
    built = build().experiment(requests=2).request("0").item("0").record("0").request("1", status=500)
    ledger = reconcile(built.item("never-offered").tables())["ledger"]
    shown = {row["identity"]: (row["numbers"], row["off_by"]) for row in identities(ledger).to_pylist()}
    assert shown["offered = answered + accepted + throttled + failed + timed_out + unsent"] == (
        "2 = 1 + 0 + 0 + 1 + 0 + 0",
        0,
    )
    assert shown["unknown_effects = 0"] == ("1 = 0", 1)
    assert len(shown) == 4


class TestConcurrency:
    """How many environments are at work is counted from invocations, whatever function they are of."""

    def test_the_most_at_once_in_a_second_and_how_many_were_left_when_it_ended(self) -> None:
        tables = queued().request(status=202).tables()
        one = {"repetition": 1, "function": "command", "outcome": "succeeded"}
        spans = [(100_000, 500_000), (200_000, 1_500_000), (600_000, 100_000), (3_200_000, 10_000)]
        tables["invocations"] = rows(
            "invocations", [{**one, "started_us": start, "duration_us": length} for start, length in spans]
        )
        found = reconcile(tables)["concurrency"].to_pylist()
        # The third begins when the first has ended: two at once, not three.
        assert [(row["second"], row["busy_max"], row["busy_last"]) for row in found] == [
            (0, 2, 1),
            (1, 1, 0),
            (3, 1, 0),
        ]


@pytest.mark.parametrize(
    ("status", "outcome"), [(201, "answered"), (404, "answered"), (200, "failed"), (302, "failed"), (503, "failed")]
)
def test_an_answer_of_a_service_is_what_the_mapping_says_of_its_route(status: int, outcome: str) -> None:
    success = [{"route": "POST /orders", "least": least, "most": most} for least, most in ((201, 204), (404, 404))]
    config = json.dumps({"service": "mine@0", "success": success})
    of_route = build().experiment(config=config).request(status=status, route="POST /orders")
    assert only(reconcile(of_route.tables())["requests"])["outcome"] == outcome
    of_another = build().experiment(config=config).request(status=302, route="POST /carts")
    assert only(reconcile(of_another.tables())["requests"])["outcome"] == "answered"


@pytest.mark.parametrize(("queued", "outcome"), [([], "answered"), (["command"], "accepted")])
def test_a_202_of_a_service_is_a_queues_only_where_there_is_one(queued: list[str], outcome: str) -> None:
    found = build().experiment(config='{"service": "mine@0"}', queued=queued).request(status=202)
    assert only(reconcile(found.tables())["requests"])["outcome"] == outcome
