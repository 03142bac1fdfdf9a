"""What was judged reaches page, Markdown and JSON, whole, escaped, and without a made-up number. How it is judged is
tested where it is.
"""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.report import markdown
from assets.report.judgements.claims import links
from resources.warehouse.reading import connect
from tests.report_builder import (
    HOSTILE,
    RECOMMENDATION,
    Page,
    file_judged_night,
    file_replay,
    home_of,
    judge,
    night,
    report_page,
    verdict,
)
from workloads.places import Places


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Places:
    places = home_of(tmp_path_factory, file_judged_night)
    report_page(places, "c1")
    return places


@pytest.fixture(scope="module")
def page(judged: Places) -> Page:
    return Page(judged.report.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def claims(judged: Places, page: Page) -> Page:
    return Page(judged.report.with_name("claims.html").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def document(judged: Places) -> dict[str, Any]:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    text = judged.report.with_name("report.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text, parse_constant=refuse)
    return found


def summary_of(places: Places) -> str:
    """The report for pull requests."""
    return places.report.with_name("report.md").read_text(encoding="utf-8")


class TestPage:
    """What a reader sees. What holds for every page is in ``test_report.py``."""

    def test_the_answer_is_first_and_how_far_to_trust_it_is_last(self, page: Page) -> None:
        """The answer, the traffic, the scenarios, cost, verdicts, nights, then the measuring and the noise."""
        headings = [
            "Send orders through a queue",
            "What was replayed",
            "acknowledged all 1 commands",
            "Ledger",
            "Prices of 2026-11-01",
            "a margin that was declared before the data",
            "Each figure with those of earlier nights",
            "Open loop",
            "The noise floor",
        ]
        places = [page.text.index(heading) for heading in headings]
        assert places == sorted(places)

    def test_claims_stand_on_their_own_page_and_are_linked(self, page: Page, claims: Page) -> None:
        assert "what S1 says" in claims.text
        assert "what S1 says" not in page.text
        assert "2 supported, 1 partly" in page.text

    @pytest.mark.parametrize(
        "text",
        [
            pytest.param("queries: not judged. Event-driven: the recording holds no queries.", id="reason, no dashes"),
            "event-driven against synchronous: better in response p99 (−62 %); equivalent in done (0.0 pp)",
            "−70 % to −50 %",
            "About 14 pairs would be needed.",
            pytest.param("of 2 such verdicts 1 was falsely called a difference (50.0 %", id="the noise floor"),
            pytest.param("91.0", id="the power that noise leaves"),
        ],
    )
    def test_verdicts_stand_in_words_with_their_figures(self, page: Page, text: str) -> None:
        assert text in page.text

    def test_a_verdict_that_decides_nothing_here_is_marked(self, places: Places) -> None:
        """It stays, in brackets, and the reason stands once below the table of all."""
        file_replay(places)
        why = "On MiniStack a difference of times between different services says nothing of AWS."
        judge(places, "pairwise", [verdict(not_shown_here=why), verdict(not_shown_here=why, candidate="hybrid")])
        text = report_page(places).text
        assert text.count("(−62 %)") >= 2
        assert text.count(why) == 1
        assert "(▲ better −62 %)" in summary_of(places)

    def test_times_of_all_offered_stand_beside_those_of_the_acknowledged(self, places: Places) -> None:
        file_replay(places)
        of_all = verdict(requests="offered", difference=0.9, verdict="worse")
        judge(places, "pairwise", [verdict(requests="acknowledged"), of_all])
        text = report_page(places).text
        assert "response p99 response p99 of all" in text
        assert "worse in response p99 of all (+90 %)" in text

    def test_the_sql_under_every_part_gives_rows(self, judged: Places, page: Page, claims: Page) -> None:
        """As it stands there, a claim's own included."""
        about_judgements = re.compile(r"\b(pairwise|cost|claims|history|recommendations|41)\b")
        statements = [sql for sql in [*page.held["pre"], *claims.held["pre"]] if about_judgements.search(sql)]
        assert len(statements) >= 8
        with connect(judged) as connection:
            for sql in statements:
                assert connection.sql(sql).fetchall(), sql


class TestMarkdown:
    """For pull requests."""

    def test_it_says_what_the_page_says(self, judged: Places) -> None:
        """The answer, what was replayed, what happened, cost, verdicts, claims and how it was measured."""
        summary = summary_of(judged)
        assert re.findall(r"^## (.+)$", summary, re.MULTILINE) == [
            "Steady: commands a second",
            "What would change it",
            "Because: food\\_orders",
            "What was replayed: food\\_orders",
            "What happened",
            "Cost",
            "Verdicts",
            "Claims",
            "Nights",
            "How it was measured",
        ]
        assert "| S5 | what S5 says | ◐ partly |" in summary
        assert "4.33" in summary, "3.50 and 0.83"
        assert not re.search(r"\b(NaN|nan|None|inf|Infinity)\b|<b>", summary)

    def test_a_first_night_says_what_it_lacks(self, places: Places) -> None:
        file_replay(places, night="2026-11-20", origin="nightly")
        judge(places, "history", [night(20, 20_000.0, "too_few_nights")])
        report_page(places)
        assert "It takes 5 nights before this one" in summary_of(places)
        assert "beyond the noise" not in summary_of(places)

    def test_tables_have_as_many_cells_as_headings(self, judged: Places) -> None:
        """Whatever a recorded text holds."""
        for block in re.findall(r"(?:^\|.*\n)+", summary_of(judged), re.MULTILINE):
            cells = {len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}
            assert len(cells) == 1, block

    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            ("a|b", r"a\|b"),
            ("<img>", "&lt;img&gt;"),
            ("[x](y)", r"\[x\](y)"),
            ("a\nb", "a b"),
            ("- item", r"\- item"),
            ("1. item", r"1\. item"),
            ("99.7 %", "99.7 %"),
            ("# heading", r"\# heading"),
            ("@team", "@\u200bteam"),
            ("see #12", "see #\u200b12"),
            ("https://x.org", "https:\u200b//x.org"),
        ],
    )
    def test_text_is_text(self, text: str, shown: str) -> None:
        assert markdown.escaped(text) == shown

    @given(st.text())
    def test_no_text_ends_its_cell_or_line(self, text: str) -> None:
        """Nor opens an element."""
        shown = markdown.escaped(text)
        assert not re.search(r"(?<!\\)(?:\\\\)*\|", shown)
        assert "\n" not in shown
        assert "<" not in shown


class TestJson:
    """For machines."""

    def test_tables_stand_under_their_own_names(self, document: dict[str, Any]) -> None:
        assert document["schema_version"] == 1
        assert document["comparison"]["comparison_id"] == "c1"
        assert {len(document["pairwise"]), len(document["claims"])} == {6, 5}
        assert document["recommendations"][0]["because"] == [f"it refused none {HOSTILE}"]
        assert document["cost"][0]["price_list_date"] == "2026-11-01"
        assert document["requirements"] == []

    def test_columns_are_those_of_the_database(self, judged: Places, document: dict[str, Any]) -> None:
        with connect(judged) as connection:
            for name, rows in document.items():
                if isinstance(rows, list) and rows:
                    columns = [row[0] for row in connection.execute(f"DESCRIBE {name}").fetchall()]
                    assert list(rows[0]) == columns

    def test_what_is_no_number_is_null(self, document: dict[str, Any]) -> None:
        (row,) = [one for one in document["pairwise"] if one["candidate"] == "hybrid" and one["arm"] == "main"]
        assert (row["ci_low"], row["ci_high"]) == (None, None)


def test_a_comparison_of_which_nothing_was_judged_has_sentences(places: Places) -> None:
    """Nothing is empty where nothing is known."""
    file_replay(places)
    page = report_page(places)
    assert "No architecture was compared with itself here" in page.text
    assert "# No answer was worked out for this comparison." in summary_of(places)
    judge(places, "recommendations", [{**RECOMMENDATION, "sentence": None, "because": None, "would_change": None}])
    page = report_page(places)
    for sentence in (
        "No answer was worked out for this comparison.",
        "No architecture was judged against another: one repetition",
        "There is no price here",
    ):
        assert sentence in page.text
    assert not re.search(r"\b(NaN|nan|None|inf|Infinity)\b", page.text)


@pytest.mark.parametrize(
    ("source", "targets"),
    [
        (None, []),
        ("a page", [None, None]),
        ("(https://x.org/a).", ["https://x.org/a"]),
        ("data:text/html,x", [None]),
        ("https://[bad", [None]),
    ],
)
def test_only_web_addresses_become_links(source: str | None, targets: list[str | None]) -> None:
    assert [target for _, target in links(source)] == targets
