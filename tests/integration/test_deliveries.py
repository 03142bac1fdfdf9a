"""Orders that are delivered oddly, or can never be carried out, and what the two variants make of it."""

from pathlib import Path
from typing import Any

import pytest

from resources.warehouse.observations import Tables
from tests.replaying import lunch, replay, warm_bench
from workloads.scenarios.model import Scenario

pytestmark = pytest.mark.emulator


def scenario(*faults: dict[str, Any], **settings: Any) -> Scenario:
    whole = [{"start": 0, "length": 1, **fault} for fault in faults]
    return Scenario.model_validate({"name": "odd", "title": "Odd", "description": "", "faults": whole, **settings})


def outcomes(folder: Path, odd: Scenario, architecture: str = "event_driven", variant: str = "idempotent") -> Tables:
    offered = lunch(folder, 150, 6.0, odd)
    with warm_bench(architecture, odd, offered, folder, variant) as bench:
        tables = replay(bench, offered, odd)
    assert tables["requests"].num_rows == 150
    return tables


def commands(tables: Tables) -> dict[str, Any]:
    [books] = [row for row in tables["ledger"].to_pylist() if row["operation"] == "command"]
    return dict(books)


@pytest.mark.parametrize(("variant", "twice"), [("idempotent", False), ("naive", True)])
def test_what_is_delivered_twice_is_stored_twice_only_by_the_naive(tmp_path: Path, variant: str, twice: bool) -> None:
    odd = scenario({"kind": "twice", "share": 0.5, "delay_s": 1})
    books = commands(outcomes(tmp_path, odd, variant=variant))
    assert books["redeliveries"] > 5
    assert books["duplicates"] == (books["redeliveries"] if twice else 0)
    assert books["committed"] == books["accepted"] == books["offered"]


def test_what_is_delivered_late_is_overtaken_and_not_lost(tmp_path: Path) -> None:
    tables = outcomes(tmp_path, scenario({"kind": "late", "share": 0.5, "delay_s": 2}))
    books = commands(tables)
    assert books["committed"] == books["offered"]
    assert books["duplicates"] == books["redeliveries"] == 0
    late = [row for row in tables["effects"].to_pylist() if row["completion_us"] > 2_000_000]
    assert len(late) > 5


def test_poison_is_refused_by_the_synchronous_and_ends_as_dead_letters_behind_a_queue(tmp_path: Path) -> None:
    poison = scenario({"kind": "poison", "share": 0.3}, max_receive_count=2, visibility_timeout_s=2)
    refused = commands(outcomes(tmp_path, poison, "synchronous"))
    accepted = commands(outcomes(tmp_path, poison, "event_driven"))
    assert refused["failed"] == refused["rejected"] > 3
    assert accepted["accepted"] == accepted["offered"]
    assert accepted["dead_lettered"] == refused["failed"], "the same orders"
    assert accepted["committed"] == accepted["offered"] - accepted["dead_lettered"]


def test_a_write_whose_answer_is_cut_off_is_a_ghost_behind_a_function_and_done_behind_a_queue(tmp_path: Path) -> None:
    cut = scenario(
        {"kind": "truncate", "target": "table", "share": 0.3, "operations": ["UpdateItem"]}, visibility_timeout_s=2
    )
    ghosts = commands(outcomes(tmp_path, cut, "synchronous"))
    queued = commands(outcomes(tmp_path, cut, "event_driven"))
    assert ghosts["ghost_commits"] == ghosts["failed"] > 3
    assert queued["committed"] == queued["offered"]
    assert queued["redeliveries"] > 3
    assert queued["duplicates"] == 0
