"""How observations become statuses: every status can be reached; what cannot be provoked is reported, not raised."""

import dataclasses
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.client import RemoteDisconnected
from pathlib import Path
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from hypothesis import given
from hypothesis import strategies as st

from resources.aws.clients import Services
from resources.conformance import behaviours, running
from resources.conformance.behaviours import functions, gateway, payloads, queue, table
from resources.conformance.bench import Api, HttpAnswer, ProbeBench, Reply, largest_overlap, wait_until
from resources.conformance.probes import Answer, Observation, Probe, Status, absent, different, probe, reproduced
from resources.targets import Platform, targets
from workloads.errors import ArchduelError

CLAIMS = {*(f"S{n}" for n in range(1, 16)), *(f"E{n}" for n in range(1, 14)), "T1", "T2"}
NO_BENCH = cast("ProbeBench", None)


def fake_probe(provoke: Callable[[ProbeBench], Observation | Answer], aws_status: int | None = None) -> Probe:
    make = probe(
        "b", expected="e", documented_at="https://docs.aws.amazon.com/x", affects=("S4",), aws_status=aws_status
    )
    return make(provoke)


def failing(error: BaseException) -> Callable[[ProbeBench], Observation]:
    """Provokes nothing but ``error``."""

    def fail(_: ProbeBench) -> Observation:
        raise error

    return fail


class TestJudging:
    @pytest.mark.parametrize(
        ("seen", "status"),
        [(500, Status.REPRODUCED), (429, Status.DIFFERENT), (502, Status.DIFFERENT), (200, Status.ABSENT)],
    )
    def test_a_status_is_judged_by_the_one_aws_answers_with(self, seen: int, status: Status) -> None:
        judged = fake_probe(lambda _: Answer(seen, "words"), aws_status=500).observe(NO_BENCH)
        assert judged == Observation(status, f"{seen} words", seen)

    def test_another_expectation_of_the_same_answer_is_another_status(self) -> None:
        as_expected = fake_probe(lambda _: Answer(429), aws_status=429)
        assert as_expected.observe(NO_BENCH).status is Status.REPRODUCED
        assert dataclasses.replace(as_expected, aws_status=418).observe(NO_BENCH).status is Status.DIFFERENT

    def test_the_status_of_a_target_that_takes_no_notice_may_be_another_than_200(self) -> None:
        deleted_queue = fake_probe(lambda _: Answer(202, unaffected=202), aws_status=500)
        assert deleted_queue.observe(NO_BENCH).status is Status.ABSENT

    @pytest.mark.parametrize("say", [reproduced, different, absent])
    def test_an_observation_is_taken_as_it_was_judged(self, say: Callable[[str], Observation]) -> None:
        assert fake_probe(lambda _: say("seen")).observe(NO_BENCH) == say("seen")

    @pytest.mark.parametrize(
        "error",
        [
            ClientError({"Error": {"Code": "501", "Message": "not\nimplemented"}}, "PutUsagePlan"),
            EndpointConnectionError(endpoint_url="http://127.0.0.1:1"),
            ConnectionRefusedError(111, "refused"),
            RemoteDisconnected("two\nlines"),
        ],
    )
    def test_what_a_target_refuses_is_absent_with_the_reason_on_one_line(self, error: Exception) -> None:
        judged = fake_probe(failing(error)).observe(NO_BENCH)
        assert judged.status is Status.ABSENT
        assert judged.observed.startswith(f"could not be provoked: {type(error).__name__}")
        assert "\n" not in judged.observed

    def test_what_the_bench_could_not_wait_for_is_no_fact_about_the_target(self) -> None:
        judged = fake_probe(failing(ArchduelError("it did not become active"))).observe(NO_BENCH)
        assert judged == Observation(Status.UNKNOWN, "could not be provoked: it did not become active")

    @pytest.mark.parametrize("error", [KeyError("ApiId"), ValueError("no number"), KeyboardInterrupt()], ids=repr)
    def test_a_defect_of_a_probe_and_an_interrupt_are_no_observations(self, error: BaseException) -> None:
        with pytest.raises(type(error)):
            running.run([fake_probe(failing(error))], NO_BENCH, "Fake 1.0")

    @pytest.mark.parametrize("reply", [Reply(429, "TooManyRequestsException", None), Reply(200, "Unhandled", {})])
    def test_an_invocation_that_failed_has_no_facts_to_judge_by(self, reply: Reply) -> None:
        with pytest.raises(ArchduelError, match=str(reply.error)):
            reply.facts  # noqa: B018 - reading it raises


class TestRegistry:
    def test_every_behaviour_is_there_once(self) -> None:
        names = [entry.behaviour for entry in running.probes()]
        assert len(names) == len(set(names)) > 50

    @pytest.mark.parametrize("entry", running.probes(), ids=lambda entry: entry.behaviour)
    def test_a_probe_says_what_aws_does_where_that_is_written_and_what_rests_on_it(self, entry: Probe) -> None:
        assert entry.expected
        assert entry.documented_at.startswith("https://docs.aws.amazon.com/")
        assert set(entry.affects) <= CLAIMS
        assert len(entry.affects) == len(set(entry.affects))

    @pytest.mark.parametrize("claim", ["S4", "S6", "S9", "S10", "S15", "E4", "E9", "E10", "E11", "E13", "T2"])
    def test_claims_that_are_observed_have_their_probes(self, claim: str) -> None:
        assert any(claim in entry.affects for entry in running.probes())

    def test_no_probe_knows_a_target(self) -> None:
        sources = [path.read_text() for path in Path(behaviours.__path__[0]).glob("*.py")]
        assert len(sources) > 5
        assert not [source for source in sources if re.search("ministack|localstack", source, re.IGNORECASE)]

    def test_a_row_holds_what_was_seen_beside_what_aws_answers(self) -> None:
        [row] = running.run([fake_probe(lambda _: Answer(429), 500)], NO_BENCH, "Fake 1.0").to_pylist()
        assert (row["target"], row["status"], row["affects"]) == ("Fake 1.0", "different", "S4")
        assert (row["seen_status"], row["aws_status"], row["observed"]) == (429, 500, "429")

    def test_rows_keep_the_order_of_the_probes(self) -> None:
        order = [dataclasses.replace(fake_probe(lambda _: reproduced("")), behaviour=str(n)) for n in range(30)]
        rows = running.run(order, NO_BENCH, "Fake 1.0").to_pylist()
        assert [row["behaviour"] for row in rows] == [str(n) for n in range(30)]


@dataclass
class FakeApi:
    """Answers with these statuses, in turn."""

    statuses: Iterator[int]
    api_id: str = "api"
    stage: str = "lab"

    def post(self, headers: Any = None, **event: Any) -> HttpAnswer:
        return HttpAnswer(next(self.statuses), '{"probe": 1}', 0.1)


class Anything:
    """Every attribute and every call returns itself."""

    def __getattr__(self, name: str) -> "Anything":
        return self

    def __call__(self, *_: Any, **__: Any) -> "Anything":
        return self

    def __getitem__(self, _: Any) -> "Anything":
        return self


@dataclass
class FakeBench(Anything):
    """A target whose APIs answer with given statuses and whose other calls all succeed with nothing."""

    statuses: list[int]
    dynamodb: Any = None

    def rest_api(self, *_: Any, **__: Any) -> Api:
        return cast("Api", FakeApi(iter(self.statuses)))

    http_api = rest_api


@pytest.mark.parametrize(
    ("entry", "statuses", "status"),
    [
        (gateway.rest_throttled_function, [200, 500], Status.REPRODUCED),
        (gateway.rest_throttled_function, [200, 429], Status.DIFFERENT),
        (gateway.rest_throttled_function, [200, 200], Status.ABSENT),
        (gateway.rest_integration_timeout, [504], Status.REPRODUCED),
        (gateway.rest_integration_timeout, [502], Status.DIFFERENT),
        (gateway.rest_integration_timeout, [200], Status.ABSENT),
        (gateway.rest_malformed_answer, [502], Status.REPRODUCED),
        (gateway.rest_malformed_answer, [500], Status.DIFFERENT),
        (gateway.rest_malformed_answer, [200], Status.ABSENT),
        (gateway.rest_stage_throttle, [200, 429, 200, 429, 429, 429], Status.REPRODUCED),
        (gateway.rest_stage_throttle, [200, 503, 503, 503, 503, 503], Status.DIFFERENT),
        (gateway.rest_stage_throttle, [200] * 6, Status.ABSENT),
        (payloads.beyond_the_gateway, [413], Status.REPRODUCED),
        (payloads.beyond_the_gateway, [500], Status.DIFFERENT),
        (payloads.beyond_the_gateway, [200], Status.ABSENT),
        (payloads.beyond_a_message_through_an_api, [500], Status.REPRODUCED),
        (payloads.beyond_a_message_through_an_api, [502], Status.DIFFERENT),
        (payloads.beyond_a_message_through_an_api, [202], Status.ABSENT),
        (gateway.missing_api_key, [403], Status.REPRODUCED),
        (gateway.missing_api_key, [401], Status.DIFFERENT),
        (gateway.missing_api_key, [200], Status.ABSENT),
        (gateway.rest_to_deleted_queue, [500], Status.REPRODUCED),
        (gateway.rest_to_deleted_queue, [504], Status.DIFFERENT),
        (gateway.rest_to_deleted_queue, [202], Status.ABSENT),
    ],
    ids=lambda value: value.behaviour if isinstance(value, Probe) else str(value),
)
def test_a_gateway_is_judged_by_what_its_clients_see(entry: Probe, statuses: list[int], status: Status) -> None:
    assert entry.observe(cast("ProbeBench", FakeBench(statuses))).status is status


@dataclass
class FakeTable:
    """A DynamoDB whose second write fails with ``second``; None lets it through."""

    second: str | None
    writes: int = 0

    def put_item(self, **_: Any) -> None:
        self.writes += 1
        if self.writes > 1 and self.second:
            raise ClientError({"Error": {"Code": self.second, "Message": ""}}, "PutItem")


@pytest.mark.parametrize(
    ("second", "status"),
    [
        ("ConditionalCheckFailedException", Status.REPRODUCED),
        ("InternalServerError", Status.DIFFERENT),
        (None, Status.ABSENT),
    ],
)
def test_a_condition_is_judged_by_what_becomes_of_the_second_write(second: str | None, status: Status) -> None:
    bench = FakeBench([], FakeTable(second))
    assert table.conditional_put.observe(cast("ProbeBench", bench)).status is status


@dataclass
class FakeFunction:
    """A function whose invocations end in these statuses, in turn."""

    statuses: Iterator[int]

    def invoke(self, **_: Any) -> Reply:
        return Reply(next(self.statuses), None, {})

    def invoke_at_once(self, times: int, **event: Any) -> list[Reply]:
        return [self.invoke(**event) for _ in range(times)]


@pytest.mark.parametrize(
    ("room", "of_consumer", "of_query", "status"),
    [
        (3, [200, 200, 200], 429, Status.REPRODUCED),
        (3, [200, 200, 200], 200, Status.ABSENT),
        (3, [200, 200, 429], 200, Status.DIFFERENT),  # something else was in the pool
        (1000, [], 200, Status.NOT_PROVOCABLE),  # more than a probe may fill
    ],
)
def test_a_pool_is_one_if_a_function_that_fills_it_leaves_another_nothing(
    room: int, of_consumer: list[int], of_query: int, status: Status
) -> None:
    made = iter([FakeFunction(iter(of_consumer)), FakeFunction(iter([of_query]))])

    class Bench(FakeBench):
        def function(self, **_: Any) -> FakeFunction:
            return next(made)

        def get_account_settings(self) -> dict[str, Any]:
            return {"AccountLimit": {"ConcurrentExecutions": room}}

    assert functions.account_pool.observe(cast("ProbeBench", Bench([]))).status is status


@dataclass
class FakeInstance(Anything):
    """An instance with room for as many environments."""

    environments: int
    prefix: str = "archduel"

    def death(self) -> None:
        return None


def test_a_probe_that_needs_a_pool_of_its_own_has_an_instance_to_itself() -> None:
    started: list[int] = []
    chosen = [dataclasses.replace(fake_probe(lambda _: reproduced("")), behaviour=name) for name in ("a", "b", "c")]
    chosen[1] = dataclasses.replace(chosen[1], environments=3)

    def start(_label: str, environments: int) -> Any:
        started.append(environments)
        return FakeInstance(environments)

    target = targets()["ministack"]
    table = running.probe_target(Platform(target, "Fake 1.0", start, lambda *_: cast("Services", Anything())), chosen)
    assert started == [target.limits.environments, 3]
    assert table.column("behaviour").to_pylist() == ["a", "c", "b"]


@dataclass
class FakeQueue:
    """A queue that delivers fixed messages, whatever was sent."""

    delivered: list[int]

    def send(self, count: int) -> None:
        assert count >= len(set(self.delivered))

    def take_all(self) -> Iterator[dict[str, Any]]:
        yield from ({"MessageId": str(number), "Body": json.dumps({"id": number})} for number in self.delivered)


@pytest.mark.parametrize(
    ("entry", "delivered", "status", "words"),
    [
        (queue.duplicates, [0, 1, 1, 2], Status.REPRODUCED, "1 of 3"),
        (queue.duplicates, [0, 2, 1], Status.NOT_PROVOCABLE, "never in 3"),
        (queue.reordering, [0, 2, 1], Status.REPRODUCED, "1 in 3"),
        (queue.reordering, [0, 1, 2], Status.NOT_PROVOCABLE, "never in 3"),
    ],
)
def test_a_queue_that_never_repeats_or_reorders_says_how_many_were_tried(
    entry: Probe, delivered: list[int], status: Status, words: str
) -> None:
    class Bench(FakeBench):
        def queue(self, **_: Any) -> FakeQueue:
            return FakeQueue(delivered)

    judged = entry.observe(cast("ProbeBench", Bench([])))
    assert judged.status is status
    assert words in judged.observed


@pytest.mark.parametrize(
    ("waited_s", "status"),
    [
        (2.0, Status.REPRODUCED),
        (5.9, Status.REPRODUCED),
        (1.5, Status.DIFFERENT),
        (None, Status.DIFFERENT),
        (0.0, Status.ABSENT),
    ],
)
def test_a_message_must_stay_hidden_for_its_delay(waited_s: float | None, status: Status) -> None:
    assert queue._judge_wait(waited_s, 2).status is status


def facts(*spans: tuple[int, int]) -> list[dict[str, Any]]:
    return [{"began_ns": began, "ended_ns": ended} for began, ended in spans]


class TestOverlap:
    @pytest.mark.parametrize(
        ("spans", "overlap"),
        [([], 0), ([(0, 5)], 1), ([(0, 5), (5, 9)], 1), ([(0, 5), (4, 9)], 2), ([(0, 9), (1, 2), (3, 4)], 2)],
    )
    def test_counts_what_ran_at_the_same_moment(self, spans: list[tuple[int, int]], overlap: int) -> None:
        assert largest_overlap(facts(*spans)) == overlap

    @given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 20)), max_size=12))
    def test_is_what_counting_at_every_moment_gives(self, spans: list[tuple[int, int]]) -> None:
        ran = [(began, began + length) for began, length in spans]
        brute = max((sum(began <= moment < ended for began, ended in ran) for moment in range(71)), default=0)
        assert largest_overlap(facts(*ran)) == brute


def test_waiting_ends_with_what_was_seen_last() -> None:
    seen = iter([0, 0, 7])
    assert wait_until(lambda: next(seen), seconds=5, pause_s=0) == 7
    assert wait_until(list, seconds=0, pause_s=0) == []
