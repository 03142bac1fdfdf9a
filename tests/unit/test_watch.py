"""What is seen of the queues while a replay runs."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest
from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError

from resources.lab.bench import Bench
from resources.lab.experiment import Watch
from workloads.replay.client import Gauge


def watch(answers: list[str | Exception]) -> Watch:
    """On a queue that gives these answers in turn: how many messages are visible, or an error."""
    left = iter(answers)

    def attributes(**_arguments: object) -> dict[str, Any]:
        if isinstance(answer := next(left), Exception):
            raise answer
        names = [f"ApproximateNumberOfMessages{where}" for where in ("", "NotVisible", "Delayed")]
        return {"Attributes": dict(zip(names, [answer, "0", "0"], strict=True))}

    clients = SimpleNamespace(sqs=SimpleNamespace(get_queue_attributes=attributes))
    stack = SimpleNamespace(clients=clients, queue_urls={"queue": ["http://127.0.0.1:1/queue"]})
    return Watch(cast("Bench", SimpleNamespace(stack=stack)), 0)


@pytest.mark.parametrize("kind", [ConnectTimeoutError, ReadTimeoutError])
def test_a_target_that_stands_still_leaves_a_gap_and_ends_nothing(kind: Callable[..., Exception]) -> None:
    watching = watch(["3", kind(endpoint_url="http://127.0.0.1:1"), "5"])
    assert [watching.sample(Gauge()).waiting for _ in range(3)] == [3, 3, 5]
    assert [sample["queue_visible"] for sample in watching.samples] == [3, None, 5]


def test_any_other_fault_of_the_target_is_raised() -> None:
    with pytest.raises(OSError, match="gone"):
        watch([OSError("gone")]).sample(Gauge())
