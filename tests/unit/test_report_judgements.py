"""The report's judged parts: what was decided reaches page, Markdown and JSON, whole, escaped, and without a made-up
number. No emulator, no Dagster, no browser; how it is decided is tested where it is.
"""

import datetime as dt
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.analysis.outcomes import reconcile
from assets.report import markdown
from assets.report.charts.cost import cost_panel
from assets.report.charts.intervals import intervals_panel
from assets.report.charts.nights import nights_of, spark
from assets.report.files import write_report
from assets.report.judgements.claims import links
from assets.report.words import judged as judged_words
from assets.report.words import numbers
from assets.report.words.titles import VERDICTS, Mark, mark
from resources.warehouse.outcomes import write_judgement, write_outcomes
from resources.warehouse.publish import publish
from resources.warehouse.reading import connect
from tests.observations_builder import ObservationsBuilder
from tests.unit.test_report import LABEL, Page
from workloads.errors import ArchduelError
from workloads.places import REPOSITORY, Places

HOSTILE = "</script><b>|x|</b>"
TARGET = "MiniStack 1.5.33"
NOT_A_NUMBER = re.compile(r"\b(NaN|nan|None|inf|Infinity)\b")


def judge(places: Places, table: str, rows: Iterable[Mapping[str, Any]], comparison_id: str = "c1") -> None:
    """File a judgement as its asset does, columns that a row says nothing of being null."""
    with duckdb.connect() as connection:
        connection.execute((REPOSITORY / "resources/warehouse/tables.sql").read_text())
        schema = connection.sql(f"FROM {table}").to_arrow_table().schema
    blank = dict.fromkeys(schema.names)
    listed = [{**blank, "comparison_id": comparison_id, **row} for row in rows]
    write_judgement(places, comparison_id, table, pa.Table.from_pylist(listed, schema=schema))


def verdict(**more: Any) -> dict[str, Any]:
    """One row of ``pairwise``."""
    usual = {
        "workload": "food_orders",
        "scenario": "steady",
        "operation": "command",
        "variant": "idempotent",
        "arm": "main",
        "baseline": "synchronous",
        "candidate": "event_driven",
        "metric": "response_p99",
        "unit": "ratio",
        "baseline_value": 13_000.0,
        "candidate_value": 5_000.0,
        "difference": -0.62,
        "ci_low": -0.7,
        "ci_high": -0.5,
        "margin": 0.1,
        "verdict": "better",
        "pairs": 8,
        "p_value": 0.0078,
        "p_adjusted": 0.047,
        "target": TARGET,
        "evidence": "observed",
    }
    return {**usual, **more}


def claim(claim_id: str, part: str = "", **more: Any) -> dict[str, Any]:
    """One row of ``claims``."""
    usual = {
        "claim_id": claim_id,
        "part": part,
        "position": 1,
        "text": f"what {claim_id} says",
        "reading": "how it is read",
        "metric": "share of requests",
        "value": 0.75,
        "verdict": "supported",
        "evidence": "observed",
        "source": "https://docs.example.com/page and javascript:alert(1)",
        "query": "SELECT 41 + 1 AS value",
    }
    return {**usual, **more}


def price(architecture: str, item: str, usd: float, **more: Any) -> dict[str, Any]:
    """One row of ``cost``."""
    usual = {
        "workload": "food_orders",
        "variant": "idempotent",
        "gateway": "rest",
        "processor": "x86",
        "quantity": 1e6,
        "unit": "requests",
        "quantity_evidence": "observed",
        "unit_price": usd / 1e6,
        "price_list_date": dt.date(2026, 11, 1),
        "source": "a page",
    }
    return {**usual, "architecture": architecture, "item": item, "usd": usd, **more}


def night(number: int, value: float | None, verdict: str = "usual", **more: Any) -> dict[str, Any]:
    """One row of ``history``."""
    usual = {
        "workload": "food_orders",
        "scenario": "steady",
        "architecture": "synchronous",
        "variant": "idempotent",
        "operation": "command",
        "metric": "response_p99",
        "unit": "ratio",
        "usual": 10_000.0,
        "low": 9_000.0,
        "high": 11_000.0,
        "nights": number,
        "target": TARGET,
    }
    return {**usual, "night": f"2026-11-{number:02}", "value": value, "verdict": verdict, **more}


def replay(places: Places, comparison_id: str = "c1", **more: Any) -> None:
    """One uneventful replay: without it there is no comparison."""
    evidence = ObservationsBuilder().experiment(
        target=TARGET, variant="idempotent", comparison_id=comparison_id, **more
    )
    tables = reconcile(evidence.request().item().record().tables())
    write_outcomes(places, comparison_id, "food_orders__steady", "synchronous~idempotent", tables)


RECOMMENDATION = {
    "workload": "food_orders",
    "operation": "command",
    "architecture": "event_driven",
    "sentence": f"Send orders through a queue {HOSTILE}.",
    "because": [f"it refused none {HOSTILE}"],
    "would_change": ["callers that need the result"],
    "evidence": "observed",
    "target": TARGET,
}


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Places:
    """A night with everything judged; some texts are hostile and some numbers are none."""
    places = Places(tmp_path_factory.mktemp("judged"))
    replay(places, night="2026-11-20", origin="nightly")
    nan, inf = float("nan"), float("inf")
    judge(places, "recommendations", [RECOMMENDATION])
    judge(
        places,
        "pairwise",
        [
            verdict(),
            verdict(candidate="hybrid", difference=0.04, ci_low=nan, ci_high=inf, verdict="inconclusive")
            | {"reason": f"too few {HOSTILE}", "pairs_needed": 14},
            verdict(metric="done_share", unit="share", difference=0.0, ci_low=-0.001, ci_high=0.001)
            | {"margin": 0.01, "verdict": "equivalent"},
            verdict(operation="query", difference=None, ci_low=None, ci_high=None, candidate_value=None, pairs=0)
            | {"verdict": "inconclusive", "reason": "the recording holds no queries"},
            verdict(arm="aa", baseline="hybrid", candidate="hybrid", difference=0.01, verdict="better"),
            verdict(arm="aa", baseline="hybrid", candidate="hybrid", metric="done_share", unit="share")
            | {"difference": 0.0, "verdict": "equivalent"},
        ],
    )
    judge(
        places,
        "noise",
        [
            {"metric": "response_p99", "unit": "ratio", "noise": 0.07, "margin": 0.1, "power_8": 0.91}
            | {"power_16": None, "verdict": "better", "architecture": "hybrid", "variant": "idempotent", "pairs": 8}
        ],
    )
    judge(
        places,
        "cost",
        [
            price("synchronous", "api_gateway_requests", 3.5),
            price("synchronous", "lambda_duration", 0.83, quantity_evidence="modelled"),
            price("event_driven", "api_gateway_requests", 3.5),
            price("event_driven", "sqs_requests", 1.2, gateway="http", quantity=nan),
        ],
    )
    judge(
        places,
        "claims",
        [
            claim("S1"),
            claim("S5", verdict="partly", value=None, query=None, source=None),
            claim("S5", "gateway", verdict="refuted", position=2, reason=HOSTILE),
            claim("S5", "table", position=3),
            claim("E12", verdict="supported", evidence="documented", value=0.0, metric="instances", position=4),
        ],
    )
    judge(places, "history", [night(20, 20_000.0, "worse")])
    replay(places, "c0", night="2026-11-19", origin="nightly")
    judge(places, "history", [night(19, 10_100.0)], "c0")
    publish(places)
    write_report(places, "c1")
    return places


@pytest.fixture(scope="module")
def page(judged: Places) -> Page:
    return Page(judged.report.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def document(judged: Places) -> dict[str, Any]:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    text = judged.report.with_name("report.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text, parse_constant=refuse)
    return found


@pytest.fixture(scope="module")
def summary(judged: Places) -> str:
    return judged.report.with_name("report.md").read_text(encoding="utf-8")


class TestPage:
    """What a reader sees."""

    def test_the_answer_is_first_and_how_far_to_trust_it_is_last(self, page: Page) -> None:
        """Recommendation, verdicts, claims, cost, nights, then the figures, the measuring and the noise."""
        headings = [
            "Send orders through a queue",
            "acknowledged all 1 commands",
            "a margin that was declared before the data",
            "what S1 says",
            "Prices of 2026-11-01",
            "Each figure beside the nights before it",
            "Ledger",
            "Open loop",
            "The noise floor",
        ]
        places = [page.text.index(heading) for heading in headings]
        assert places == sorted(places)

    def test_no_recorded_text_becomes_markup(self, judged: Places, page: Page) -> None:
        """Sentences, reasons and names are shown as they are."""
        assert HOSTILE not in judged.report.read_text(encoding="utf-8")
        assert page.text.count(HOSTILE) >= 3

    def test_every_figure_says_its_evidence(self, page: Page) -> None:
        """The target where it was observed; a model where it was not."""
        for figure in page.figures:
            assert LABEL in figure or "simulated" in figure, figure[:200]

    def test_no_number_is_made_up(self, page: Page) -> None:
        """What is not there is a dash, in tables and in charts."""
        assert not NOT_A_NUMBER.search(page.text)
        assert not re.search(r"\b(NaN|Infinity)\b", page.scripts[0])

    def test_a_web_address_is_linked_and_nothing_else(self, page: Page) -> None:
        """A source with a script in it stays text."""
        links = {one["href"] for tag, one in page.elements if tag == "a" and not (one["href"] or "").startswith("#")}
        assert links == {"https://docs.example.com/page"}

    def test_what_was_not_measured_has_its_reason(self, page: Page) -> None:
        """Instead of a line of dashes."""
        assert "queries: not judged. Event-driven: the recording holds no queries." in page.text

    def test_the_verdict_stands_in_words_with_its_figures(self, page: Page) -> None:
        """Which is better, by how much, how sure."""
        text = page.text.replace("\u00a0", " ")
        assert "event-driven against synchronous: better in response p99 (−62 %); equivalent in done (0.0 pp)" in text
        assert "−70 % to −50 %" in text
        assert "About 14 pairs would be needed." in text

    def test_the_noise_floor_counts_what_was_falsely_called_a_difference(self, page: Page) -> None:
        """With the power that is left."""
        text = page.text.replace("\u00a0", " ")
        assert "of 2 such verdicts 1 was falsely called a difference (50.0 %" in text
        assert "91.0" in text

    def test_the_sql_under_every_part_gives_rows(self, judged: Places, page: Page) -> None:
        """As it stands there, a claim's own included."""
        asked = [sql for sql in page.codes if re.search(r"\b(pairwise|cost|claims|history|recommendations|41)\b", sql)]
        assert len(asked) >= 8
        with connect(judged) as connection:
            for sql in asked:
                assert connection.sql(sql).fetchall(), sql

    def test_numbers_are_sorted_as_numbers(self, page: Page) -> None:
        """A cell's value is there unrounded, and nothing where there is none."""
        values = [one["data-value"] for tag, one in page.elements if tag == "td" and "data-value" in one]
        assert "-0.62" in values
        for value in values:
            assert value == "" or float(value or "") == float(value or "")

    def test_links_within_the_page_lead_somewhere(self, page: Page) -> None:
        """Contents and claims alike."""
        anchors = {f"#{one['id']}" for _, one in page.elements if one.get("id")}
        assert {
            one["href"] for tag, one in page.elements if tag == "a" and (one["href"] or "").startswith("#")
        } <= anchors

    def test_our_script_declares_nothing_beside_the_libraries(self, page: Page) -> None:
        """They stand in one script: a name declared twice there would stop all of it."""
        ours = (REPOSITORY / "assets/report/page.js").read_text(encoding="utf-8")
        outermost = [line for line in ours.splitlines() if line and not line.startswith((" ", "//"))]
        assert outermost == ["(() => {", "})();"]
        assert page.scripts[1].endswith(ours)


class TestMarkdown:
    """For pull requests."""

    def test_it_says_what_the_page_says(self, summary: str) -> None:
        """Recommendation, verdicts, claims, cost and how it was measured, in this order."""
        headings = re.findall(r"^## (.+)$", summary, re.MULTILINE)
        assert headings == [
            "Recommendation",
            "What happened",
            "Verdicts",
            "Claims",
            "Cost",
            "Nights",
            "How it was measured",
        ]
        assert "| S5 | what S5 says | ◐ partly |" in summary
        assert "4.33" in summary, "3.50 and 0.83"

    def test_a_first_night_says_what_it_lacks(self, places: Places) -> None:
        replay(places, "c1", night="2026-11-20", origin="nightly")
        judge(places, "history", [night(20, 20_000.0, "too_few_nights")])
        publish(places)
        write_report(places, "c1")
        text = places.report.with_name("report.md").read_text(encoding="utf-8")
        assert "It takes 5 nights before this one" in text
        assert "beyond the noise" not in text

    def test_tables_have_as_many_cells_as_headings(self, summary: str) -> None:
        """Whatever a recorded text holds."""
        for block in re.findall(r"(?:^\|.*\n)+", summary, re.MULTILINE):
            cells = {len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}
            assert len(cells) == 1, block

    def test_no_number_is_made_up(self, summary: str) -> None:
        assert not NOT_A_NUMBER.search(summary)
        assert "<b>" not in summary

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

    def test_columns_are_those_of_the_database(self, judged: Places, document: dict[str, Any]) -> None:
        with connect(judged) as connection:
            for name, rows in document.items():
                if isinstance(rows, list) and rows:
                    columns = [row[0] for row in connection.execute(f"DESCRIBE {name}").fetchall()]
                    assert list(rows[0]) == columns

    def test_what_is_no_number_is_null(self, document: dict[str, Any]) -> None:
        (row,) = [one for one in document["pairwise"] if one["candidate"] == "hybrid" and one["arm"] == "main"]
        assert (row["ci_low"], row["ci_high"]) == (None, None)


class TestWriting:
    """All three files or none."""

    def test_a_file_that_cannot_be_replaced_leaves_the_others_as_they_were(self, places: Places) -> None:
        replay(places)
        publish(places)
        folder = places.report.parent
        (folder / "report.md").mkdir(parents=True)
        (folder / "index.html").write_text("old")
        with pytest.raises(ArchduelError, match=r"\Acannot write [^\n]*\Z"):
            write_report(places)
        assert sorted(path.name for path in folder.iterdir()) == ["index.html", "report.md"]
        assert (folder / "index.html").read_text() == "old"

    def test_a_comparison_of_which_nothing_was_judged_has_sentences(self, places: Places) -> None:
        """Nothing is empty where nothing is known; only nothing is said of it."""
        replay(places)
        publish(places)
        page = Page(write_report(places).read_text(encoding="utf-8"))
        assert "verdicts" not in {one.get("id") for _, one in page.elements}
        assert "No architecture was compared with itself here" in page.text
        text = places.report.with_name("report.md").read_text(encoding="utf-8")
        assert "Recommendation\n\nNone was made" in text
        judge(places, "recommendations", [{**RECOMMENDATION, "sentence": None, "because": None, "would_change": None}])
        publish(places)
        page = Page(write_report(places).read_text(encoding="utf-8"))
        for sentence in (
            "Which to build for commands is undecided.",
            "No architecture was judged against another: one repetition",
            "No claim was judged on this comparison.",
            "There is no price here",
            "Only nightly comparisons have a history",
        ):
            assert sentence in page.text
        assert not NOT_A_NUMBER.search(page.text)


class TestWords:
    """Values as text."""

    @pytest.mark.parametrize(
        ("value", "unit", "text"),
        [
            (None, "share", "–"),
            (float("nan"), "ratio", "–"),
            (0.431, "share", "+43.1 pp"),
            (0.0, "share", "0.0 pp"),
            (-0.62, "ratio", "\u221262 %"),
            (0.042, "ratio", "+4.2 %"),
            (2.4, "ratio", "3.4×"),
            (400.0, "ratio", "401×"),
        ],
    )
    def test_a_difference_is_in_points_or_per_cent_or_times(self, value: float | None, unit: str, text: str) -> None:
        assert numbers.difference(value, unit).replace("\u00a0", " ") == text

    @pytest.mark.parametrize(
        ("value", "metric", "text"),
        [
            (0.9971, "share of commands answered", "99.71 %"),
            (0.99966, "share of commands answered", "99.966 %"),
            (1.0, "share of commands answered", "100 %"),
            (-0.012, "share of commands, hybrid less event-driven", "\u22121.2 pp"),
            (0.08, "USD per million, one against another: ratio less 1", "+8.0 %"),
            (3.0, "most invocations that ran at once", "3"),
            (None, "anything", "–"),
        ],
    )
    def test_a_claims_value_is_shown_as_its_metric_says(self, value: float | None, metric: str, text: str) -> None:
        assert judged_words.claim_value(value, metric).replace("\u00a0", " ") == text

    @pytest.mark.parametrize(("value", "text"), [(0.0, "< 0.001"), (0.0469, "0.047"), (None, "–"), (1.0, "1.000")])
    def test_a_probability_is_never_nothing(self, value: float | None, text: str) -> None:
        assert numbers.probability(value) == text

    def test_a_verdict_nobody_has_named_yet_is_open(self) -> None:
        assert mark("new_kind", VERDICTS) == Mark("new kind", "?", "open")

    @given(st.floats(), st.sampled_from(["share", "ratio", "us", None]))
    def test_no_number_becomes_a_word_of_programs(self, value: float, unit: str | None) -> None:
        for text in (
            numbers.difference(value, unit),
            numbers.number(value),
            numbers.usd(value),
            numbers.metric_value(value, "x", unit),
        ):
            assert not NOT_A_NUMBER.search(text)


class TestCharts:
    """What is drawn."""

    def panel(self, *rows: dict[str, Any], unit: str = "ratio") -> dict[str, Any]:
        """The panel's specification."""
        table = pa.Table.from_pylist([{**row, "contender": f"{row['candidate']}~idempotent"} for row in rows])
        drawn: dict[str, Any] = intervals_panel(table, operation="command", unit=unit).to_dict()
        return drawn

    def values(self, spec: dict[str, Any], layer: int) -> list[dict[str, Any]]:
        """What one of its layers draws."""
        found: list[dict[str, Any]] = spec["datasets"][spec["layer"][layer]["data"]["name"]]
        return found

    def test_the_band_is_the_margin_and_its_reciprocal(self) -> None:
        """A candidate a tenth slower mirrors a baseline a tenth slower."""
        (band,) = self.values(self.panel(verdict()), 0)
        assert (band["at"], band["until"]) == (pytest.approx(1 / 1.1), pytest.approx(1.1))

    def test_an_interval_beyond_the_edge_is_clipped_and_marked(self) -> None:
        """And only that one."""
        spec = self.panel(verdict(), verdict(candidate="hybrid", difference=0.02, ci_low=-0.1, ci_high=5000.0))
        (edge,) = self.values(spec, -1)
        assert (edge["contender"], edge["edge"]) == ("Hybrid", "triangle-right")
        high = spec["layer"][0]["encoding"]["x"]["scale"]["domain"][1]
        assert {row["high"] for row in self.values(spec, 2) if row["contender"] == "Hybrid"} == {high}

    def test_every_point_is_within_the_axis(self) -> None:
        spec = self.panel(verdict(difference=400.0, ci_low=100.0, ci_high=900.0))
        low, high = spec["layer"][0]["encoding"]["x"]["scale"]["domain"]
        assert all(low < row["at"] < high for row in self.values(spec, 3))

    def test_parts_of_a_bar_add_up_to_its_total(self) -> None:
        rows = [price("hybrid", name, usd) for name, usd in (("a", 1.25), ("b", 2.5), ("c", 0.01))]
        table = pa.Table.from_pylist([{**row, "contender": "hybrid~idempotent"} for row in rows])
        drawn = cost_panel(table, workload="food_orders", build=("rest", "x86")).to_dict()
        parts, totals = self.values(drawn, 0), self.values(drawn, 2)
        assert [part["item"] for part in parts] == ["A b", "B a", "C c"], "the dearest first"
        assert totals[0]["to"] == pytest.approx(3.76)
        assert parts[-1]["to"] == totals[0]["to"]

    def test_nights_that_changed_come_first(self) -> None:
        rows = [
            {**night(20, 1.0), "contender": "synchronous~idempotent"},
            {**night(20, 9.0, "worse", architecture="hybrid"), "contender": "hybrid~idempotent"},
        ]
        assert [figure[3] for figure in nights_of(rows)] == [
            "hybrid~idempotent",
            "synchronous~idempotent",
        ]

    def test_a_night_without_a_value_interrupts_the_line(self) -> None:
        found = spark([night(1, 1.0), night(2, None), night(3, 2.0, "worse"), night(4, 1.5)])
        assert [len(line.split()) for line in found.lines] == [1, 2]
        assert [kind for _, kind in found.marks] == ["worse"]
        assert "2026-11-02: –" in found.text

    @given(st.lists(st.none() | st.floats(0, 1e12), min_size=1, max_size=15), st.floats(0, 1e300), st.floats(0, 1e300))
    def test_a_small_line_stays_within_its_box(self, values: list[float | None], low: float, high: float) -> None:
        """However wide the band."""
        rows = [night(1, value, low=min(low, high), high=max(low, high)) for value in values]
        for line in spark(rows).lines:
            for point in line.split():
                x, y = map(float, point.split(","))
                assert 0 <= x <= 132
                assert 0 <= y <= 30


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


def test_the_report_keeps_three_files_and_nothing_hidden(judged: Places) -> None:
    """Nothing half written is left beside them."""
    names: list[str] = sorted(Path(path).name for path in judged.report.parent.iterdir())
    assert names == ["index.html", "report.json", "report.md"]
