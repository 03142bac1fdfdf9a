"""Orders that are delivered oddly, or can never be carried out: what both variants make of them, and where they end."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from typing import Any

import pytest

from resources.lab.bench import Bench
from resources.warehouse.observations import Tables
from tests.replaying import lunch, replay, warm_bench
from workloads.scenarios.model import Scenario

pytestmark = pytest.mark.emulator

Replay = Callable[..., Tables]
REQUESTS, SECONDS = 100, 3.0
SOON = {"visibility_timeout_s": 2}  # a message that failed comes again
SOON_AND_ONCE_MORE = {**SOON, "max_receive_count": 2}
TWICE = {"kind": "twice", "share": 0.5, "delay_s": 1}


def scenario(fault: dict[str, Any], **settings: int) -> Scenario:
    """A fault from the first request to the last."""
    faults = [{"start": 0, "length": 1, **fault}]
    return Scenario.model_validate({"name": "odd", "title": "Odd", "description": "", "faults": faults, **settings})


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replay]:
    """Replays a scenario on a bench that others with the same settings share."""
    folder = tmp_path_factory.mktemp("deliveries")
    with ExitStack() as running:

        @cache
        def bench(architecture: str, variant: str, **settings: int) -> Bench:
            some = scenario(TWICE, **settings)
            offered = lunch(folder, REQUESTS, SECONDS, some)
            return running.enter_context(warm_bench(architecture, some, offered, folder, variant))

        def run(
            odd: Scenario,
            architecture: str = "event_driven",
            variant: str = "idempotent",
            *,
            requests: int = REQUESTS,
            seconds: float = SECONDS,
        ) -> Tables:
            offered = lunch(folder, requests, seconds, odd)
            settings = odd.model_dump(include={"visibility_timeout_s", "max_receive_count"}, exclude_none=True)
            tables = replay(bench(architecture, variant, **settings), offered, odd)
            assert tables["requests"].num_rows == requests
            return tables

        yield run


def commands(tables: Tables) -> dict[str, Any]:
    [books] = [row for row in tables["ledger"].to_pylist() if row["operation"] == "command"]
    return dict(books)


@pytest.mark.parametrize(("variant", "twice"), [("idempotent", False), ("naive", True)])
def test_what_is_delivered_twice_is_stored_twice_only_by_the_naive(replayed: Replay, variant: str, twice: bool) -> None:
    books = commands(replayed(scenario(TWICE), variant=variant))
    assert books["redeliveries"] > 5
    assert books["duplicates"] == (books["redeliveries"] if twice else 0)
    assert books["committed"] == books["accepted"] == books["offered"]


def test_what_is_delivered_late_is_overtaken_and_not_lost(replayed: Replay) -> None:
    tables = replayed(scenario({"kind": "late", "share": 0.5, "delay_s": 2}))
    books = commands(tables)
    assert books["committed"] == books["offered"]
    assert books["duplicates"] == books["redeliveries"] == 0
    late = [row for row in tables["effects"].to_pylist() if row["completion_us"] > 2_000_000]
    assert len(late) > 5


def test_a_write_whose_answer_is_cut_off_is_a_ghost_behind_a_function_and_done_behind_a_queue(replayed: Replay) -> None:
    cut = scenario({"kind": "truncate", "target": "table", "share": 0.3, "operations": ["UpdateItem"]}, **SOON)
    ghosts = commands(replayed(cut, "synchronous"))
    queued = commands(replayed(cut))
    assert ghosts["ghost_commits"] == ghosts["failed"] > 3
    assert queued["committed"] == queued["offered"]
    assert queued["redeliveries"] > 3
    assert queued["duplicates"] == 0


def test_poison_is_refused_by_the_synchronous_and_ends_as_dead_letters_behind_a_queue(replayed: Replay) -> None:
    poison = {"kind": "poison", "share": 0.3}
    refused = commands(replayed(scenario(poison, **SOON), "synchronous"))
    accepted = commands(replayed(scenario(poison, **SOON_AND_ONCE_MORE)))
    assert refused["failed"] == refused["rejected"] > 3
    assert accepted["accepted"] == accepted["offered"]
    assert accepted["dead_lettered"] == refused["failed"], "the same orders"
    assert accepted["committed"] == accepted["offered"] - accepted["dead_lettered"]


@pytest.mark.long
def test_what_outlasts_its_receives_is_dead_lettered_and_booked_so(replayed: Replay) -> None:
    # Two receives two seconds apart are over long before the fault is.
    broken = scenario({"kind": "down", "target": "table"}, **SOON_AND_ONCE_MORE)
    outcomes = replayed(broken, requests=60, seconds=10.0)
    books = outcomes["ledger"].to_pylist()
    assert sum(row["accepted"] for row in books) == 60
    assert sum(row["dead_lettered"] for row in books) > 30
    assert sum(row["dead_lettered"] + row["committed"] for row in books) == 60
    dead = [row for row in outcomes["effects"].to_pylist() if row["state"] == "dead_lettered"]
    assert {row["commits"] for row in dead} == {0}
    assert min(row["deliveries"] for row in dead) == 2
