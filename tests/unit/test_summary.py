"""The comparison as a terminal shows it: from rows of `summary` to tables that can be read at 160 columns."""

from typing import Any

import pyarrow as pa
import pytest

from assets.report.words.titles import rests_on
from orchestration.commands.summary import comparison_tables, limits_bound
from orchestration.commands.terminal import PlainConsole
from resources.warehouse.exporting import flat

ROW: dict[str, Any] = {
    "workload": "food_orders",
    "scenario": "duplicate_delivery",
    "operation": "command",
    "architecture": "event_driven",
    "variant": "idempotent",
    "repetitions": 1,
    "offered": 1_191,
    "acknowledged": 1_191,
    "throttled": 0,
    "failed": 0,
    "committed": 1_190,
    "in_flight": 0,
    "dead_lettered": 0,
    "lost": 0,
    "ghost_commits": 0,
    "duplicates": 0,
    "reordered": 0,
    "response_p50_us": 123_000.0,
    "response_p99_us": 9_999_000.0,
    "completion_p50_us": 123_000.0,
    "completion_p99_us": 13_100_000.0,
    "backlog_max": 2_619,
}
RARE_COLUMNS = {
    "in_flight": "wait-",
    "dead_lettered": "letters",
    "duplicates": "cates",
    "reordered": "turn",
    "ghost_commits": "ghost",
}


def shown(*rows: dict[str, Any]) -> list[str]:
    """The lines of the tables of these rows, on a terminal of 160 columns."""
    console = PlainConsole(width=160, record=True, force_terminal=False)
    with console.capture() as capture:
        for table in comparison_tables(pa.Table.from_pylist([{**ROW, **row} for row in rows])):
            console.print(table)
    return capture.get().splitlines()


def test_a_title_says_what_its_scenario_rests_on_and_the_target_lacks() -> None:
    rested = rests_on(["pollers of a mapping scale up"], "MiniStack 1.5.33")
    [table] = comparison_tables(pa.Table.from_pylist([ROW]), {"duplicate_delivery": rested})
    assert table.title == (
        "duplicate_delivery  (food_orders)  rests on what MiniStack 1.5.33 does not show: pollers of a mapping scale up"
    )
    [table] = comparison_tables(pa.Table.from_pylist([ROW]), {"duplicate_delivery": rests_on([], "MiniStack 1.5.33")})
    assert table.title == "duplicate_delivery  (food_orders)"


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.split("│")]


def test_a_variant_is_named_where_it_is_not_the_usual_one() -> None:
    lines = shown({}, {"variant": "naive"})
    assert [cells(line)[0] for line in lines if "event_driven" in line] == ["event_driven", "event_driven (naive)"]


@pytest.mark.parametrize("name", RARE_COLUMNS)
def test_what_seldom_happens_has_a_column_where_it_did(name: str) -> None:
    assert not any(RARE_COLUMNS[name] in line for line in shown({}))
    happened = {name: 61}
    lines = shown({}, {"variant": "naive", **happened})
    assert sum(RARE_COLUMNS[name] in line for line in lines) == 1
    assert [line for line in lines if "naive" in line and "61" in cells(line)]


def test_a_scenario_decides_for_itself() -> None:
    text = "\n".join(shown({"duplicates": 3}, {"scenario": "poison", "dead_lettered": 2}))
    duplicated, poisoned = text.split("poison")
    assert "cates" in duplicated
    assert "cates" not in poisoned
    assert "letters" in poisoned


def test_lost_waiting_and_dead_lettered_are_counted_apart() -> None:
    """As in the ledger: lost is in no queue, and what died waits no longer."""
    (line,) = [line for line in shown({"in_flight": 2, "dead_lettered": 5, "lost": 1}) if "event_driven" in line]
    assert cells(line)[5:8] == ["1", "2", "5"]


def test_the_books_close_in_a_row() -> None:
    """Acknowledged is done, lost, still waiting and dead-lettered, and no share is rounded to all or nothing."""
    row = {"offered": 10_000, "acknowledged": 9_999, "throttled": 1, "committed": 1, "lost": 9_998}
    (line,) = [line for line in shown(row) if "event_driven" in line]
    assert cells(line)[1:6] == ["10,000", "99.9", "1", "0.1", "9,998"]


def test_counts_are_per_repetition() -> None:
    """Of three repetitions, so that contenders of which fewer are valid still compare."""
    row = {"repetitions": 3, "offered": 1_026, "acknowledged": 1_026, "throttled": 3, "committed": 1_026, "lost": 1}
    (line,) = [line for line in shown(row) if "event_driven" in line]
    assert cells(line)[1:6] == ["342 × 3", "100.0", "1", "100.0", "0.3"]


def test_everything_at_once_fits_into_160_columns() -> None:
    worst = dict.fromkeys(RARE_COLUMNS, 345) | {"variant": "naive", "operation": "query", "failed": 342}
    lines = shown({}, worst)
    (line,) = [line for line in lines if "event_driven (naive)" in line]
    assert "queries" in cells(lines[lines.index(line) - 1]), "each operation is named above its rows"
    assert {"123 ms / 10.0 s", "123 ms / 13.1 s"} <= set(cells(line)), "no cell is broken or cut"


def test_lists_and_structures_are_json_where_a_format_has_none() -> None:
    rows = pa.table({"n": [1, 2], "because": [["one", "ü"], None], "window": [{"start": 1}, None]})
    assert flat(rows).to_pylist() == [
        {"n": 1, "because": '["one", "\\u00fc"]', "window": '{"start": 1}'},
        {"n": 2, "because": None, "window": None},
    ]


@pytest.mark.parametrize(
    ("scenario", "throttled", "speed", "said"),
    [
        ("concurrency_limit", 3, 6.4, True),
        ("gateway_throttle", 3, 6.4, True),
        ("concurrency_limit", 0, 6.4, False),  # it did not bind
        ("concurrency_limit", 3, 1.0, False),
        ("backend_outage", 3, 6.4, False),
    ],
)
def test_what_a_limit_means_at_another_speed_is_said_where_it_binds(
    scenario: str, throttled: int, speed: float, *, said: bool
) -> None:
    lines = limits_bound([{**ROW, "scenario": scenario, "throttled": throttled}], {scenario: speed})
    assert [line.startswith(f"{scenario}: at 6.4 times the recorded speed its limit meets") for line in lines] == [
        True
    ] * said
