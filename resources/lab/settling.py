"""Settling: waiting until nothing moves any more after a replay, and naming the messages that are left.

Put here what decides between a message that is lost and one that is still on its way. Keep out how queues and tables
are read (`resources.lab.observation`) and what a lost message means (`assets.analysis.outcomes`).
"""

import time
from collections.abc import Callable
from typing import Any

from resources.architectures.parts.asynchronous_invocation import ASYNCHRONOUS_INVOCATION, LONGEST_PAUSE_S
from resources.architectures.parts.event_source_mapping import EVENT_SOURCE_MAPPING
from resources.architectures.stack import Stack
from resources.aws.clients import Pace
from resources.faults.policies import NoConsuming
from resources.lab import observation
from resources.lab.observation import Backlog
from workloads.replay.schedule import WARM_UP_PREFIX, Schedule

_SPARE_S = 5.0  # of patience, beyond the longest time in which a message may move without being counted
_QUIET_POLLS_WITHOUT_QUEUE = 3


def quiet_polls(pace: Pace, *, queued: bool) -> int:
    """How often in a row nothing may have moved until a replay has settled."""
    return pace.quiet_polls if queued else _QUIET_POLLS_WITHOUT_QUEUE


def settle(
    stack: Stack,
    schedule: Schedule,
    sample: Callable[[], Backlog],
    *,
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Return when the queues are empty and nothing was stored for a moment, or when nothing will ever move again.

    A message that fails comes back after its visibility timeout until it was received too often, and one held back
    comes after its delay: meanwhile no count need change. Nothing moves any more once that long has passed without a
    change.

    Args:
        stack: The architecture's resources.
        schedule: What was replayed, with the delays of its messages.
        sample: Takes one sample of the queues, as the replay did.
        now: A clock in seconds.
        sleep: Waits for a number of seconds.
    """
    pace = stack.clients.pace
    enough = quiet_polls(pace, queued=bool(stack.queue_urls))
    retries_s = stack.settings.visibility_timeout_s * stack.settings.max_receive_count
    if ASYNCHRONOUS_INVOCATION in stack.facts:
        retries_s = LONGEST_PAUSE_S
    delays_s = (extra["delivery"]["delay_s"] for extra in schedule.extras.values() if "delivery" in extra)
    patience_s = max([retries_s, *delays_s]) + _SPARE_S + enough * pace.settle_poll_s
    seen: tuple[Backlog, int] | None = None
    quiet, moved_at = 0, now()
    while True:
        backlog = sample()
        counts = (backlog, observation.stored_items(stack))
        if counts != seen:
            seen, quiet, moved_at = counts, 0, now()
        if not backlog.waiting:
            quiet += 1
        if quiet >= enough or now() - moved_at > patience_s:
            return
        sleep(pace.settle_poll_s)


def take_leftovers(
    stack: Stack,
    *,
    consuming: bool,
    now: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> list[dict[str, Any]]:
    """Take the messages that never made it out of the queues.

    Consuming ends first, or they would be taken away meanwhile; those in flight are waited for until they are visible.

    Args:
        stack: The architecture's resources.
        consuming: Whether messages are waiting that its consumer could still take.
        now: A clock in seconds.
        sleep: Waits for a number of seconds.

    Returns:
        A row of the table `messages` for each, warm-up messages left out.
    """
    if not stack.queue_urls:
        return []
    if consuming and EVENT_SOURCE_MAPPING in stack.facts:
        NoConsuming(stack).on()
    deadline = now() + stack.settings.visibility_timeout_s + 2
    backlog = observation.backlog(stack)
    expected = backlog.waiting + backlog.dead_letters  # of what Lambda queues itself the latter alone
    taken: list[dict[str, Any]] = []
    # All queues each time: to receive a message once too often, as this may, is to move it to the dead letters.
    while len(taken) < expected and now() < deadline:
        taken += observation.take_messages(stack)
        if len(taken) < expected:
            sleep(stack.clients.pace.settle_poll_s)
    return [row for row in taken if not row["request_id"].startswith(WARM_UP_PREFIX)]
