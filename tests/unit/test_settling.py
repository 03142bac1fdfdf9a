"""When a replay has settled, and which messages are left then: queues with a clock of their own."""

import json
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from resources.architectures.parts.event_source_mapping import CONSUMING
from resources.architectures.parts.table import table
from resources.architectures.stack import StackSettings
from resources.aws.clients import Pace
from resources.lab import observation
from resources.lab.settling import settle, take_leftovers
from workloads.replay.schedule import WARM_UP_PREFIX

PACE = Pace(settle_poll_s=1.0, quiet_polls=3)
VISIBILITY_S, MAX_RECEIVES = 10, 3


@dataclass
class Message:
    """One message: visible to receivers from ``visible_at_s`` on."""

    request_id: str
    visible_at_s: float = 0.0
    delayed: bool = False
    receives: int = 0
    queue: str = "queue"


@dataclass
class Queues:
    """A queue and its dead letters as SQS has them, a table, and the stack they belong to, in simulated time.

    The consumer receives whatever is visible once a second while it is enabled; it stores those in ``working`` and
    fails at the others.
    """

    messages: list[Message]
    working: bool = True
    consuming: bool = True
    stored: int = 0
    now_s: float = 0.0
    stack: Any = field(init=False)

    def __post_init__(self) -> None:
        clients = SimpleNamespace(pace=PACE, sqs=self, dynamodb=self, lambda_=self)
        self.stack = SimpleNamespace(
            clients=clients,
            settings=StackSettings(visibility_timeout_s=VISIBILITY_S, max_receive_count=MAX_RECEIVES),
            queue_urls={"queue": ["queue"], "dead_letter_queue": ["dead_letter_queue"]},
            nodes={"table": table(), **CONSUMING},
            facts={"table": {"name": "orders"}, "event_source_mapping": {"uuid": "u"}},
        )

    def now(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds
        if self.consuming:
            for message in self._receive("queue", VISIBILITY_S):
                if self.working:
                    self.messages.remove(message)
                    self.stored += 1

    def _receive(self, queue: str, hidden_s: float) -> list[Message]:
        received = []
        for message in self.messages:
            if message.queue == queue and message.visible_at_s <= self.now_s:
                if queue == "queue" and message.receives == MAX_RECEIVES:
                    message.queue = "dead_letter_queue"
                    continue
                message.receives += 1
                message.visible_at_s, message.delayed = self.now_s + hidden_s, False
                received.append(message)
        return received

    def get_queue_attributes(self, *, QueueUrl: str, AttributeNames: list[str]) -> dict[str, Any]:  # noqa: N803 - boto3's
        of_queue = [message for message in self.messages if message.queue == QueueUrl]
        hidden = [message for message in of_queue if message.visible_at_s > self.now_s]
        delayed = sum(message.delayed for message in hidden)
        counts = (len(of_queue) - len(hidden), len(hidden) - delayed, delayed)
        return {"Attributes": dict(zip(AttributeNames, map(str, counts), strict=True))}

    def receive_message(self, *, QueueUrl: str, VisibilityTimeout: int, **_more: Any) -> dict[str, Any]:  # noqa: N803
        return {
            "Messages": [
                {
                    "Body": json.dumps({"request_id": message.request_id}),
                    "Attributes": {"ApproximateReceiveCount": str(message.receives)},
                }
                for message in self._receive(QueueUrl, VisibilityTimeout)
            ]
        }

    def get_paginator(self, _operation: str) -> Any:
        return SimpleNamespace(paginate=lambda **_arguments: [{"Count": self.stored}])

    def update_event_source_mapping(self, *, UUID: str, Enabled: bool) -> None:  # noqa: N803
        self.consuming = Enabled


def settled_after(queues: Queues, delays_s: tuple[float, ...] = ()) -> float:
    """Seconds until `settle` returns."""
    extras = {number: {"delivery": {"delay_s": delay_s}} for number, delay_s in enumerate(delays_s)}
    schedule: Any = SimpleNamespace(extras=extras)
    settle(queues.stack, schedule, lambda: observation.backlog(queues.stack), now=queues.now, sleep=queues.sleep)
    return queues.now_s


def leftovers(queues: Queues, *, consuming: bool = False) -> list[tuple[str, str, int]]:
    rows = take_leftovers(queues.stack, consuming=consuming, now=queues.now, sleep=queues.sleep)
    return [(row["request_id"], row["queue"], row["receive_count"]) for row in rows]


class TestSettling:
    def test_takes_some_quiet_polls_where_nothing_waits(self) -> None:
        assert settled_after(Queues([])) == PACE.quiet_polls - 1

    def test_begins_the_quiet_polls_anew_with_everything_that_moves(self) -> None:
        queues = Queues([Message("one")])
        assert settled_after(queues) == 1 + PACE.quiet_polls - 1
        assert queues.stored == 1

    def test_waits_for_delayed_messages(self) -> None:
        queues = Queues([Message("late", visible_at_s=300.0, delayed=True)])
        assert settled_after(queues, delays_s=(300.0,)) >= 300
        assert queues.stored == 1

    def test_waits_for_messages_that_come_back_until_they_are_dead_letters(self) -> None:
        queues = Queues([Message("poison")], working=False)
        assert settled_after(queues) >= MAX_RECEIVES * VISIBILITY_S
        assert [message.queue for message in queues.messages] == ["dead_letter_queue"]

    @pytest.mark.parametrize(("delays_s", "patience_s"), [((), MAX_RECEIVES * VISIBILITY_S), ((90.0,), 90.0)])
    def test_gives_up_once_nothing_has_moved_for_longer_than_any_message_may_rest(
        self, delays_s: tuple[float, ...], patience_s: float
    ) -> None:
        queues = Queues([Message("stuck")], consuming=False)
        assert patience_s < settled_after(queues, delays_s) < patience_s + 15
        assert leftovers(queues) == [("stuck", "queue", 0)]

    def test_waits_for_what_is_still_being_stored_where_there_is_no_queue(self) -> None:
        queues = Queues([Message("one"), Message("two", visible_at_s=3.0)])
        queues.stack.queue_urls = {}  # its messages count for nothing: they stand for slow handlers
        assert settled_after(queues) == 3 + PACE.quiet_polls - 1
        assert queues.stored == 2


class TestLeftovers:
    def test_are_named_with_how_often_they_were_received_before(self) -> None:
        queues = Queues(
            [Message("waiting"), Message("tried", receives=2), Message("dead", queue="dead_letter_queue", receives=4)],
            consuming=False,
        )
        assert leftovers(queues) == [("waiting", "queue", 0), ("tried", "queue", 2), ("dead", "dead_letter_queue", 4)]

    def test_that_are_in_flight_are_waited_for(self) -> None:
        queues = Queues([Message("flying", visible_at_s=VISIBILITY_S, receives=1)], consuming=False)
        assert leftovers(queues) == [("flying", "queue", 1)]
        assert queues.now_s == VISIBILITY_S

    def test_that_stay_in_flight_end_the_waiting_after_the_visibility_timeout(self) -> None:
        queues = Queues([Message("flying", visible_at_s=1000.0)], consuming=False)
        assert leftovers(queues) == []
        assert VISIBILITY_S < queues.now_s < VISIBILITY_S + 5

    def test_received_once_too_often_are_found_among_the_dead_letters(self) -> None:
        queues = Queues([Message("spent", receives=MAX_RECEIVES)], consuming=False)
        assert leftovers(queues) == [("spent", "dead_letter_queue", MAX_RECEIVES)]

    def test_are_not_taken_by_the_consumer_meanwhile(self) -> None:
        queues = Queues([Message("flying", visible_at_s=VISIBILITY_S)])
        assert leftovers(queues, consuming=True) == [("flying", "queue", 0)]
        assert not queues.stored

    def test_of_warm_ups_are_ignored(self) -> None:
        queues = Queues([Message(f"{WARM_UP_PREFIX}1"), Message("mine")], consuming=False)
        assert leftovers(queues) == [("mine", "queue", 0)]

    def test_are_none_where_nothing_is_queued(self) -> None:
        queues = Queues([Message("any")])
        queues.stack.queue_urls.clear()
        assert leftovers(queues) == []
