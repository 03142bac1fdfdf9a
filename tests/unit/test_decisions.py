"""The decision table: what is asked of every architecture, from planted requests of which the answers are known."""

from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from assets.analysis.decisions.answers import decide
from assets.analysis.decisions.questions import QUESTIONS
from assets.analysis.requirements.bills import Bills
from assets.analysis.requirements.model import Assumptions
from assets.report.decisions import decision_table, evidence, in_words
from assets.report.files import write_report
from assets.report.words.decisions import HEADINGS
from orchestration.commands.summary import print_decisions
from orchestration.commands.terminal import PlainConsole
from resources.architectures import architectures
from tests.report_builder import HOSTILE, file_outages, home_of, judge
from tests.requirements_builder import Asked, bills
from workloads.places import Places

Row = dict[str, Any]
COST = bills(synchronous=20.0, hybrid=15.0)


def decided(builder: Asked, cost: list[Row] | None = None) -> list[Row]:
    with builder.connect() as connection:
        rows: list[Row] = decide(connection, "c1", Bills(cost or [], Assumptions())).to_pylist()
    return rows


def cell(rows: list[Row], question: str, architecture: str = "hybrid", operation: str | None = "command") -> Row:
    [row] = [
        row
        for row in rows
        if (row["question"], row["architecture"], row["operation"]) == (question, architecture, operation)
    ]
    return row


def outage(evidence: str = "observed", target: str = "MiniStack 1.5.33", **more: Any) -> Asked:
    """Six repetitions of steady and of an outage in which synchronous refuses nine commands in ten."""
    found = Asked(evidence=evidence, target=target, **more)
    for repetition in range(1, 7):
        for architecture in ("synchronous", "hybrid"):
            queued = ["command"] if architecture == "hybrid" else []
            took_us = 3_000 if architecture == "hybrid" else 9_000
            found.replay(architecture, "steady", repetition, queued=queued, response_us=took_us + repetition)
        found.replay("synchronous", "backend_outage", repetition, refused=0.9, in_window_only=True)
        found.replay("hybrid", "backend_outage", repetition, queued=["command"], out_of_turn=5)
    return found


@pytest.fixture(scope="module")
def simulated() -> list[Row]:
    return decided(outage("simulated", "simulated"), COST)


@pytest.fixture(scope="module")
def observed() -> list[Row]:
    return decided(outage(), COST)


def test_every_question_is_answered_for_every_architecture_and_operation(simulated: list[Row]) -> None:
    asked = [(one.name, operation) for one in QUESTIONS for operation in one.operations or (None,)]
    for architecture in ("synchronous", "hybrid"):
        assert [
            (row["question"], row["operation"]) for row in simulated if row["architecture"] == architecture
        ] == asked
    assert all((row["reason"] is None) == (row["state"] == "measured") for row in simulated)
    assert all((row["evidence"] is None) == (row["state"] in {"not_measured", "not_shown_here"}) for row in simulated)


def test_an_outage_counts_only_what_was_due_in_it(simulated: list[Row]) -> None:
    refusing = cell(simulated, "acknowledged_in_outage", "synchronous")
    assert (refusing["value"], refusing["n"], refusing["standing"]) == (pytest.approx(0.1), 1200, "behind")
    assert refusing["scenario"] == "backend_outage"
    accepting = cell(simulated, "acknowledged_in_outage", "hybrid")
    assert (accepting["value"], accepting["standing"]) == (1.0, "ahead")
    assert cell(simulated, "acknowledged_in_outage", "hybrid", "query")["standing"] == "level", "nobody is better"
    assert cell(simulated, "done_after_outage", "synchronous")["value"] == pytest.approx(0.1)


def test_the_worst_scenario_answers_for_order_and_duplicates(simulated: list[Row]) -> None:
    overtaken = cell(simulated, "out_of_turn", "hybrid")
    assert (overtaken["scenario"], overtaken["value"]) == ("backend_outage", pytest.approx(5 / 600))
    assert cell(simulated, "duplicated", "hybrid")["value"] == 0.0


def test_times_are_of_steady_and_ahead_only_where_intervals_lie_apart(simulated: list[Row]) -> None:
    quick, slow = (cell(simulated, "response_p99", name) for name in ("hybrid", "synchronous"))
    assert (quick["value"], quick["standing"]) == (pytest.approx(3.0035), "ahead")
    assert (slow["value"], slow["standing"]) == (pytest.approx(9.0035), "behind")
    assert quick["ci_high"] < slow["ci_low"]
    assert (quick["ticket"], slow["ticket"]) == (True, False), "what is quick is no result"
    assert cell(simulated, "completion_p99", "hybrid")["ticket"] is None


def test_what_an_emulator_cannot_show_says_so_and_has_no_standing(observed: list[Row]) -> None:
    time = cell(observed, "response_p99")
    assert (time["state"], time["value"], time["standing"], time["evidence"]) == ("not_shown_here", None, None, None)
    assert "says nothing of AWS" in time["reason"]
    assert cell(observed, "acknowledged_in_outage")["evidence"] == "observed"


def test_what_an_emulator_cannot_show_is_taken_from_the_simulation_beside_it() -> None:
    beside = outage("simulated", "simulated", name="c1-simulated")
    rows = decided(outage(beside=beside), COST)
    time = cell(rows, "response_p99")
    assert (time["state"], time["evidence"], time["target"]) == ("measured", "simulated", "simulated")
    assert "'c1-simulated'" in time["query"]
    assert cell(rows, "acknowledged_in_outage")["target"] == "MiniStack 1.5.33"


def test_too_few_repetitions_leave_a_time_undecided_and_shown() -> None:
    rows = decided(Asked(evidence="simulated", target="simulated").replay("hybrid", response_us=4_000))
    time = cell(rows, "response_p99")
    assert (time["state"], time["value"], time["standing"]) == ("undecided", 4.0, None)
    assert "6 repetitions" in time["reason"]


@pytest.mark.parametrize(
    ("question", "operation", "reason"),
    [
        (
            "acknowledged_in_outage",
            "command",
            "No scenario of the class outage was replayed: `--scenario backend_outage`",
        ),
        ("out_of_turn", "command", "No entity has two commands"),
        ("usd_per_million", None, "Nothing was committed"),
        ("first_limit", None, "`archduel growth --workload food_orders`"),
    ],
)
def test_what_was_not_measured_says_why(question: str, operation: str | None, reason: str) -> None:
    row = cell(decided(Asked().replay("hybrid")), question, operation=operation)
    assert (row["state"], row["value"], row["standing"]) == ("not_measured", None, None)
    assert reason in row["reason"]


def test_an_architecture_without_a_valid_replay_says_why() -> None:
    row = cell(decided(Asked().replay("hybrid", "backend_outage", invalid="it was late")), "acknowledged_in_outage")
    assert (row["state"], row["reason"]) == ("not_measured", "It has no valid replay under backend_outage: it was late")


def test_the_worst_of_several_scenarios_is_unknown_while_one_has_no_valid_replay() -> None:
    found = outage()
    found.replay("hybrid", "burst", invalid="it was late")
    row = cell(decided(found), "out_of_turn")
    assert (row["state"], row["value"], row["scenario"]) == ("not_measured", None, "burst")
    assert row["reason"] == "It has no valid replay under burst: it was late"
    assert cell(decided(found), "out_of_turn", "synchronous")["value"] == 0.0


def test_answers_of_other_scenarios_do_not_stand_beside_each_other() -> None:
    found = outage()
    assert [cell(decided(found), "out_of_turn", who)["standing"] for who in ("hybrid", "synchronous")] == [
        "behind",
        "ahead",
    ]
    found.replay("hybrid", "burst", queued=["command"])
    assert [cell(decided(found), "out_of_turn", who)["standing"] for who in ("hybrid", "synchronous")] == [None, None]


def test_the_first_limit_is_that_of_the_finest_growth() -> None:
    with outage().connect() as connection:
        for grid, cells, traffic in (("g1", 3, 50.0), ("g2", 9, 12.0)):
            connection.execute(f"INSERT INTO grids BY NAME SELECT '{grid}' AS grid_id, 'growth' AS kind")
            connection.execute(
                "INSERT INTO grid_cells BY NAME SELECT ? AS grid_id, 'food_orders' AS workload, 'steady' AS scenario,"
                " unnest(['hybrid', 'synchronous']) AS architecture, n::VARCHAR AS cell, n::DOUBLE AS traffic"
                " FROM range(1, ?) AS numbers(n)",
                [grid, cells + 1],
            )
            connection.execute(
                "INSERT INTO growth_limits BY NAME SELECT ? AS grid_id, 'food_orders' AS workload,"
                " 'steady' AS scenario, 'hybrid' AS architecture, 'mapping.pollers' AS limited_by,"
                " 1 AS position, ? AS traffic",
                [grid, traffic],
            )
        rows = decide(connection, "c1", Bills(COST, Assumptions())).to_pylist()
    row = cell(rows, "first_limit", operation=None)
    assert (row["words"], row["value"], row["evidence"]) == ("mapping.pollers", 12.0, "simulated")
    free = cell(rows, "first_limit", "synchronous", None)
    assert (free["state"], free["words"], free["value"]) == ("measured", None, 9.0), (
        "none up to the most that was tried"
    )
    assert row["standing"] is free["standing"] is None, "a limit that delays is not like one that refuses"


def test_parts_and_bills_are_what_they_are(observed: list[Row]) -> None:
    assert cell(observed, "parts", operation=None)["value"] == len(architectures()["hybrid"].nodes)
    bill = cell(observed, "usd_per_million", operation=None)
    assert (bill["evidence"], bill["standing"]) == ("modelled", "ahead")
    assert cell(observed, "usd_per_million", "synchronous", None)["standing"] == "behind"


def test_each_query_gives_its_figures() -> None:
    beside = Asked(evidence="simulated", target="simulated", name="c1-simulated")
    few = {"command": 300, "query": 250}
    for repetition in range(1, 14):  # too few requests for a p99 each: two together make a sample, three the last
        beside.replay("hybrid", "steady", repetition, offered=few, response_us=1_000 * repetition, completion_us=9_000)
    own = Asked().replay("hybrid", offered=few).replay("hybrid", "backend_outage", offered=few, out_of_turn=5)
    own.beside = beside
    own.replay("hybrid", "backend_outage", 2, offered=few, refused=0.5, in_window_only=True)
    with own.connect() as connection:
        connection.executemany(
            "INSERT INTO cost BY NAME SELECT 'c1' AS comparison_id, 'food_orders' AS workload, 'idempotent' AS variant,"
            " $architecture AS architecture, $gateway AS gateway, $processor AS processor, $usd AS usd",
            [{name: row[name] for name in ("architecture", "gateway", "processor", "usd")} for row in COST],
        )
        rows = decide(connection, "c1", Bills(COST, Assumptions())).to_pylist()
        checked = 0
        for row in rows:
            if row["query"] is None or row["state"] != "measured":
                continue
            found = connection.sql(row["query"]).to_arrow_table().to_pylist()
            values = [
                one["value"]
                for one in found
                if one["architecture"] == row["architecture"]
                and one.get("scenario", row["scenario"]) == row["scenario"]
            ]
            assert values == [pytest.approx(row["value"])], row
            checked += 1
    assert checked == 11, "six shares, four times and a bill"


class TestReading:
    def test_columns_are_the_questions_in_their_order(self) -> None:
        assert list(HEADINGS) == [question.name for question in QUESTIONS]

    def test_a_cell_has_commands_before_queries_and_one_text_where_both_are_the_same(
        self, simulated: list[Row]
    ) -> None:
        table = decision_table(simulated)
        texts = {line.style.title: [in_words(cell) for cell in line.cells] for line in table.lines}
        assert texts["Synchronous"][0].replace("\u00a0", " ") == "▼ 10 % / 100 %"
        assert texts["Hybrid"][1].replace("\u00a0", " ") == "▲ 100 % / 100 %"
        assert texts["Hybrid"][7] == "–"
        assert texts["Hybrid"][4].replace("\u00a0", " ") == "▲ 3.0 ms (202) / ▲ 3.0 ms"
        assert evidence(table) == [*["simulated"] * 6, "modelled", "–", "documented"]
        assert [line.style.title for line in table.lines] == ["Synchronous", "Hybrid"]

    def test_the_terminal_has_queries_below_commands_the_evidence_and_every_reason(self, observed: list[Row]) -> None:
        output = StringIO()
        print_decisions(decision_table(observed), PlainConsole(file=output, width=160))
        printed = output.getvalue().replace("\u00a0", " ")
        cells = [[cell.strip() for cell in line.split("│")] for line in printed.splitlines() if "│" in line]
        [at] = [number for number, line in enumerate(cells) if line[0] == "Synchronous"]
        assert (cells[at][1], cells[at + 1][:2]) == ("▼ 10 %", ["", "100 %"])
        assert "observed on MiniStack 1.5.33" in printed
        assert "evidence" in printed
        assert all(row["reason"].rstrip(".") in printed for row in observed if row["reason"])

    def test_each_reason_is_told_once(self, observed: list[Row]) -> None:
        table = decision_table(observed)
        assert len(table.notes) == len(set(table.notes)) < len([row for row in observed if row["reason"]])

    def test_it_holds_any_number_of_architectures(self, simulated: list[Row]) -> None:
        more = [
            {**row, "architecture": f"own_{n}"}
            for n in range(12)
            for row in simulated
            if row["architecture"] == "hybrid"
        ]
        table = decision_table([*simulated, *more])
        assert len(table.lines) == 14
        assert all(len(line.cells) == len(QUESTIONS) for line in table.lines)

    def test_its_page_shows_recorded_texts_as_text_and_goes_with_the_comparison(
        self, tmp_path_factory: pytest.TempPathFactory, simulated: list[Row]
    ) -> None:
        def file(places: Places) -> None:
            file_outages(places)
            judge(places, "decisions", [{**row, "workload": HOSTILE, "reason": HOSTILE} for row in simulated])

        path = write_report(home_of(tmp_path_factory, file))
        page = path.with_name("which-one.html").read_text(encoding="utf-8")
        assert HOSTILE not in page
        assert "Which one?" in path.read_text(encoding="utf-8")
        assert "## Which one?" in Path(path.with_name("report.md")).read_text(encoding="utf-8")
