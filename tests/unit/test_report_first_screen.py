"""The first screen: five things, all of what was judged, alike on the page, in Markdown and in a terminal."""

import re
from typing import Any

import pytest

from assets.report.first_screen import FirstScreen, first_screens
from assets.report.queries import EXPERIMENTS, bound, table_of
from orchestration.commands.request import CompareRequest
from orchestration.commands.summary import print_first_screen, print_summary
from orchestration.commands.terminal import PlainConsole
from resources.architectures import chosen_architectures
from resources.lab.settings import LabSettings
from resources.warehouse.publish import publish
from resources.warehouse.reading import connect
from tests.report_builder import (
    HOSTILE,
    RECOMMENDATION,
    Page,
    file_answer,
    file_outcomes,
    file_replay,
    home_of,
    judge,
    outage,
    report_page,
    requirement,
)
from workloads.places import Places


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Places:
    return home_of(tmp_path_factory, file_answer)


@pytest.fixture(scope="module")
def page(home: Places) -> Page:
    return report_page(home)


@pytest.fixture(scope="module")
def markdown(home: Places, page: Page) -> str:
    """``report.md`` up to its first rule."""
    text = home.report.with_name("report.md").read_text(encoding="utf-8")
    return text.partition("\n---\n")[0]


def screens(places: Places) -> list[FirstScreen]:
    publish(places)
    with connect(places) as connection:
        [comparison] = connection.sql("FROM comparisons").to_arrow_table().to_pylist()
        experiments = table_of(connection, bound(EXPERIMENTS, comparison_id="c1")).to_pylist()
        return first_screens(connection, comparison, experiments, {"backend_outage": "Backend outage"})


def terminal(places: Places, width: int = 160) -> str:
    console = PlainConsole(width=width, force_terminal=False)
    with console.capture() as capture:
        for screen in screens(places):
            print_first_screen(screen, console)
    return capture.get()


@pytest.fixture(params=["page", "markdown", "terminal"])
def shown(request: pytest.FixtureRequest, home: Places, page: Page, markdown: str) -> str:
    """What each of the three says, with plain spaces and without marks of its own."""
    text = {"page": lambda: page.text, "markdown": lambda: markdown, "terminal": lambda: terminal(home)}[
        request.param
    ]()
    return re.sub(r"[\s\u00a0*│|`]+", " ", text.replace("\\", ""))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("It misses nothing that was asked; synchronous would refuse about 8,240 commands", id="headline"),
        pytest.param("15 requests, 1 repetition, observed on MiniStack 1.5.33, 2026-11", id="what it rests on"),
        pytest.param("answers is not counted, in time or cost (--answers poll)", id="what is not counted"),
        pytest.param("✗ 0.042 % observed", id="a missed requirement: sign, figure with unit, kind of evidence"),
        pytest.param("8,240 a month", id="in units that people feel"),
        pytest.param("? 0.083 % observed", id="an undecided one"),
        pytest.param("– not shown", id="one that this target cannot show"),
        pytest.param("44 ms observed", id="a time"),
        pytest.param("at least 98 %", id="a limit"),
        pytest.param("108.40 modelled", id="USD a month"),
        pytest.param("POST /orders/{order}/items/0", id="a route"),
        pytest.param("Backend outage: commands a second", id="the picture, of the requirement that decided"),
        pytest.param("Under 10 outage minutes a month", id="what would change it"),
        pytest.param("archduel compare --target simulated , about 3 min", id="what only another target adds"),
    ],
)
def test_page_markdown_and_terminal_say_the_same(shown: str, text: str) -> None:
    said = re.sub(r"(met|missed|undecided|not shown): ", "", shown)  # the page has the word for who hears it
    assert text.replace(" , ", ", ") in said.replace(" , ", ", ")


def test_the_terminal_ends_with_it_in_thirty_lines(home: Places) -> None:
    """Of the usual width in a file; what is printed after it are three lines."""
    assert len(terminal(home).strip().splitlines()) <= 27


def test_what_compare_prints_ends_with_it_and_names_the_report(home: Places) -> None:
    """Below the tables of its scenarios."""
    request = CompareRequest("food_orders", {}, chosen_architectures(), LabSettings())
    console = PlainConsole(width=160, force_terminal=False)
    with console.capture() as capture:
        assert print_summary(home, request, "c1", console)
    printed = capture.get()
    last = [line for line in printed.splitlines() if line.strip()][-30:]
    assert "backend_outage  (food_orders)" in printed
    assert any("It misses nothing that was asked" in line for line in last)
    assert last[-1] == f"Report: {home.report}"


def test_ten_routes_are_shown_the_busiest_first(home: Places, page: Page) -> None:
    [screen] = screens(home)
    assert [one.requests for one in screen.wanted] == [str(400 - number) for number in range(10)]
    assert screen.more_routes == 2
    assert "And 2 more." in page.text


def test_what_would_change_it_is_three_sentences_at_most(places: Places) -> None:
    file_replay(places)
    judge(places, "recommendations", [{**RECOMMENDATION, "would_change": list("abcd")}])
    [screen] = screens(places)
    assert screen.changes == ["a", "b", "c"]


def test_an_architecture_without_a_valid_replay_is_said_first(places: Places) -> None:
    file_replay(places)
    judge(places, "recommendations", [{**RECOMMENDATION, "lacking": ["Hybrid has no valid replay."]}])
    page = report_page(places)
    assert page.text.index("Hybrid has no valid replay.") < page.text.index("What was replayed")
    assert "Hybrid has no valid replay." in terminal(places).partition("What would")[0]


def test_what_a_target_saw_and_cannot_show_is_no_figure(places: Places) -> None:
    """It stands in the table of every requirement."""
    file_replay(places)
    judge(places, "requirements", [requirement("synchronous", "not_shown_here", value=0.0, per_month=12.0)])
    [screen] = screens(places)
    [met] = screen.lines[0].met
    assert met
    assert (met.figure, met.per_month, met.evidence) == ("not shown", "", "")
    assert screen.requirements[0]["figure"] == "0\u00a0%"


def test_nothing_is_decided_in_the_page(places: Places) -> None:
    """Without stored requirements and recommendations there is a sentence, and no table."""
    file_replay(places)
    page = report_page(places)
    assert "No answer was worked out for this comparison." in page.text
    assert not {"asked"} & set(page.attributes("class", "table"))


def test_the_picture_is_of_the_scenario_under_which_most_is_missed(places: Places) -> None:
    """An outage before others; without any missed, an outage; without one, the first scenario."""
    for scenario in ("steady", "backend_outage", "concurrency_limit"):
        file_outcomes(places, outage("synchronous", scenario=scenario), f"c1/food_orders__{scenario}/synchronous")

    def pictured(*rows: dict[str, Any]) -> str:
        judge(places, "requirements", [requirement("synchronous", **row) for row in rows])
        [screen] = screens(places)
        assert screen.over_time
        return screen.over_time.scenario

    assert pictured({}) == "backend_outage", "nothing missed, no outage asked about: the first in the page's order"
    assert pictured({"state": "missed", "scenario": "concurrency_limit"}) == "concurrency_limit"
    missed = {"state": "missed", "scenario": "backend_outage", "under": "outage", "position": 2}
    assert pictured({"state": "missed", "scenario": "concurrency_limit"}, missed) == "backend_outage"


def test_bars_show_what_the_chart_shows(home: Places) -> None:
    """Three of ten commands refused: a gap in what was acknowledged, none where a queue takes them."""
    [screen] = screens(home)
    assert screen.over_time
    legend, bars = screen.over_time.bars()
    assert legend == "a bar is 1\u00a0s, the highest 3 a second"
    by_name = {(title, what): line for title, what, line in bars}
    assert by_name["Synchronous", "acknowledged"] == "▃▃▃   ▃▃▃▃"
    assert by_name["Event-driven", "acknowledged"] == "▃▃▃▃▃▃▃▃▃▃"
    assert by_name["Event-driven", "stored"].endswith(" █")


def test_code_within_a_sentence_is_code_in_markdown(places: Places) -> None:
    file_replay(places)
    sentence = "AWS itself (`--target aws`) can, `--repetitions 8` too: <b>."
    judge(places, "recommendations", [{**RECOMMENDATION, "would_change": [sentence]}])
    report_page(places)
    text = places.report.with_name("report.md").read_text(encoding="utf-8")
    assert "- AWS itself (`--target aws`) can, `--repetitions 8` too: &lt;b&gt;." in text


def test_the_page_is_small(page: Page) -> None:
    """Three scenarios come to less than half a megabyte: one, with the answer and what frames it, to less than half of
    that. A library among its scripts would be twice as much."""
    assert len(page.source.encode()) < 250_000
    assert not page.held["script"][0].count("vega")


def test_a_hostile_route_stays_text(home: Places, page: Page, markdown: str) -> None:
    assert HOSTILE not in page.source
    assert HOSTILE in page.text
    assert HOSTILE not in markdown
    assert HOSTILE in terminal(home)
