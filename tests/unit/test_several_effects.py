"""A command with several effects is done once all are stored; each has a row, a clock and duplicates of its own."""

from typing import Any

import pytest

from assets.analysis.outcomes import identities, imbalances, reconcile
from tests.observations_builder import ObservationsBuilder, only, windows

NOTE = "notification"


def build(status: int = 202, operation: str = "command", **more: Any) -> ObservationsBuilder:
    """A request whose command has two effects."""
    experiment = ObservationsBuilder().experiment(queued=["command"], effects=["order", NOTE], **more)
    return experiment.request(status=status, operation=operation)


def stored(observations: ObservationsBuilder, effect: str | None, at_us: int, **more: Any) -> ObservationsBuilder:
    return observations.record(effect=effect, at_us=at_us).item(effect=effect, stamp_us=at_us - 100, **more)


# Observations; the request's state, and its effects'.
CASES = {
    "both": (stored(stored(build(), None, 500), NOTE, 900), "committed", "committed", "committed"),
    "none, and no message": (build(), "lost", "lost", "lost"),
    "one stored, one gone": (stored(build(), None, 500), "lost", "committed", "lost"),
    "one stored, one waiting": (
        stored(build(), None, 500).message(effects=[NOTE]),
        "in_flight",
        "committed",
        "in_flight",
    ),
    "one stored, one given up": (
        stored(build(), NOTE, 500).message(queue="dead_letter_queue", effects=["order"]),
        "dead_lettered",
        "dead_lettered",
        "committed",
    ),
    "one given up, one waiting": (
        build().message(queue="dead_letter_queue", effects=["order"]).message(effects=[NOTE]),
        "dead_lettered",
        "dead_lettered",
        "in_flight",
    ),
    "one waiting, one gone": (build().message(effects=["order"]), "in_flight", "in_flight", "lost"),
    "both in one message": (build().message(), "in_flight", "in_flight", "in_flight"),
    "both stored, and a message of one left over": (
        stored(stored(build(), None, 500), NOTE, 900).message(queue="dead_letter_queue", effects=[NOTE]),
        "committed",
        "committed",
        "committed",
    ),
    "refused, and nothing stored": (build(500), "rejected", "rejected", "rejected"),
    "refused, and one stored": (stored(build(500), None, 500), "partly_committed", "committed", "rejected"),
    "refused, and both stored": (stored(stored(build(500), None, 5), NOTE, 9), "committed", "committed", "committed"),
    "refused, one stored, one waiting": (
        stored(build(500), None, 500).message(effects=[NOTE]),
        "in_flight",
        "committed",
        "in_flight",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_command_is_in_the_worst_state_of_its_effects_and_booked_once(case: str) -> None:
    observations, state, order, notification = CASES[case]
    outcomes = reconcile(observations.tables())
    parts = {row["effect"]: row["state"] for row in outcomes["effect_parts"].to_pylist()}
    assert (only(outcomes["effects"])["state"], parts) == (state, {"order": order, NOTE: notification})
    books = only(outcomes["ledger"])
    ghosts = {"committed": "ghost_commits", "partly_committed": "ghost_partly_committed"}
    column = state if books["accepted"] else ghosts.get(state, f"ghost_{state}" if state != "rejected" else state)
    kept = ("committed", "dead_lettered", "in_flight", "lost", "rejected", "ghost_commits", "ghost_dead_lettered")
    counted = {name: books[name] for name in (*kept, "ghost_in_flight", "ghost_partly_committed") if books[name]}
    assert counted == {column: 1}
    assert only(outcomes["experiments"])["invalid_reason"] is None


def test_a_command_is_done_when_the_last_effect_is_stored_by_that_ones_clock() -> None:
    observations = stored(build(), None, 500).item(effect=NOTE, stamp_us=7_000)
    outcomes = reconcile(observations.tables())
    effect = only(outcomes["effects"])
    assert (effect["committed_us"], effect["completion_us"], effect["commit_clock"]) == (7_000, 7_000, "item")
    clocks = {row["effect"]: (row["committed_us"], row["commit_clock"]) for row in outcomes["effect_parts"].to_pylist()}
    assert clocks == {"order": (500, "handler"), NOTE: (7_000, "item")}


def test_duplicates_and_redeliveries_are_those_of_each_effect() -> None:
    observations = build().record(at_us=1).record(at_us=2).item(commits=2)
    for at_us in (3, 4, 5):
        observations.record(effect=NOTE, at_us=at_us)
    outcomes = reconcile(observations.item(effect=NOTE, commits=3).tables())
    books = only(outcomes["ledger"])
    assert (books["duplicates"], books["redeliveries"]) == (1 + 2, 1 + 2)
    assert (only(outcomes["effects"])["commits"], only(outcomes["effects"])["deliveries"]) == (3, 3)
    assert {row["effect"]: row["duplicates"] for row in outcomes["effect_parts"].to_pylist()} == {"order": 1, NOTE: 2}


def test_what_a_publisher_passed_on_is_no_delivery() -> None:
    observations = stored(stored(build().record(result="published", function="publisher"), None, 500), NOTE, 900)
    outcomes = reconcile(observations.tables())
    assert only(outcomes["ledger"])["redeliveries"] == 0
    assert {row["deliveries"] for row in outcomes["effect_parts"].to_pylist()} == {1}


@pytest.mark.parametrize(("by_api", "outcome", "aws_status"), [([], "throttled", 500), (None, "failed", 502)])
def test_a_limit_refuses_what_a_function_takes_before_the_queue(
    by_api: list[str] | None, outcome: str, aws_status: int
) -> None:
    limit = windows((0, 30_000_000), kind="concurrency_limit")
    observations = build(502, queued_by_api=by_api, fault_windows=limit)
    request = only(reconcile(observations.tables())["requests"])
    assert (request["outcome"], request["aws_status"]) == (outcome, aws_status)


def test_once_each_is_no_duplicate() -> None:
    books = only(reconcile(stored(stored(build(), None, 500), NOTE, 900).tables())["ledger"])
    assert (books["duplicates"], books["redeliveries"]) == (0, 0)


def test_a_query_has_one_effect() -> None:
    outcomes = reconcile(build(200, "query").record(result="answered", found=True).tables())
    assert outcomes["effect_parts"].num_rows == 0
    assert only(outcomes["effects"])["state"] == "committed"


def test_a_command_with_one_effect_has_no_parts() -> None:
    outcomes = reconcile(ObservationsBuilder().request().record().item().tables())
    assert outcomes["effect_parts"].num_rows == 0
    assert only(outcomes["ledger"])["ghost_partly_committed"] == 0


def test_an_effect_that_the_architecture_does_not_have_makes_the_replay_invalid() -> None:
    observations = stored(stored(build(), None, 500), NOTE, 900).item(effect="invoice")
    tables = observations.tables()
    [reason] = imbalances(tables, reconcile(tables))
    assert reason == "repetition 1, all: effects that its architecture does not have: r (invoice)"


def test_the_books_name_partly_committed_only_where_there_are_any() -> None:
    with_one = identities(reconcile(stored(build(500), None, 500).tables())["ledger"]).to_pylist()
    without = identities(reconcile(build(500).tables())["ledger"]).to_pylist()
    assert [row["identity"].endswith("+ ghost_partly_committed") for row in (with_one[2], without[2])] == [True, False]
    assert [row["off_by"] for row in (*with_one, *without)] == [0] * 8
    assert with_one[2]["numbers"].endswith("0 + 0 + 0 + 0 + 1")
