"""The report: from evidence through the warehouse to one HTML page. No emulator, no Dagster, no browser.

What became of a request is tested with the reconciliation; here, what the page says of it and what it must never do.
"""

import base64
import dataclasses
import hashlib
import html
import json
import random
import re
import shutil
from collections.abc import Iterable
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assets.analysis.outcomes import reconcile
from assets.report import queries
from assets.report.charts.fates import ledger_figure, ledger_panel
from assets.report.charts.latency import latency_figure
from assets.report.charts.looks import FATES, Drawing, styles
from assets.report.charts.over_time import BACKLOG, lines_panel, over_time_figure
from assets.report.charts.rendering import markdown_image, png, specification
from assets.report.files import write_report
from assets.report.words import answers, judged, numbers
from assets.report.words.answers import Answer, Outcome, Window, answer
from assets.report.words.titles import fault_title, source_title
from resources.warehouse.partitions import write_partition
from resources.warehouse.publish import publish
from resources.warehouse.reading import connect
from tests.observations_builder import ObservationsBuilder, windows
from workloads.errors import ArchduelError, UsageError
from workloads.places import Places
from workloads.scenarios import scenarios

HOSTILE = "</script><script>alert(1)</script>"
LABEL = "observed on MiniStack 1.5.33"
LATE = "send lag p99 633.7 ms is over 50 ms: the load was late"


class Page(HTMLParser):
    """What a browser would make of a page: its elements, the content of its scripts and styles, and its text."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.styles: list[str] = []
        self.figures: list[str] = []
        self.codes: list[str] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag in {"script", "style", "figure", "pre"}:
            self._open.append(tag)
            {"script": self.scripts, "style": self.styles, "figure": self.figures, "pre": self.codes}[tag].append("")

    def handle_endtag(self, tag: str) -> None:
        if self._open and self._open[-1] == tag:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        innermost = self._open[-1] if self._open else None
        if innermost == "script":
            self.scripts[-1] += data
        elif innermost == "style":
            self.styles[-1] += data
        else:
            self.words.append(data)
            if "figure" in self._open:
                self.figures[-1] += data
            if innermost == "pre":
                self.codes[-1] += data

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def file_outcomes(places: Places, evidence: ObservationsBuilder, folder: str) -> None:
    """Reconcile and write one partition, as an asset does; ``folder`` is comparison/cell/architecture."""
    write_partition(places.outcomes / folder, reconcile(evidence.tables()))


def described(evidence: ObservationsBuilder, **more: Any) -> ObservationsBuilder:
    """An experiment on the target the label names."""
    usual = {"target": "MiniStack 1.5.33", "scenario": "backend_outage", "variant": "idempotent"}
    return evidence.experiment(**{**usual, **more})


def outage(architecture: str, **more: Any) -> ObservationsBuilder:
    """Ten commands and five queries over ten seconds, the table down from the third second to the sixth."""
    queued = architecture != "synchronous"
    evidence = described(
        ObservationsBuilder(),
        architecture=architecture,
        queued=["command", "query"] if queued else [],
        fault_windows=windows((3_000_000, 6_000_000)),
        duration_us=10_000_000,
        settled_us=20_000_000,
        **more,
    )
    for number in range(10):
        at_us, down = number * 1_000_000, 3 <= number < 6
        done_us = 18_400_000 if down else at_us + 5000
        if queued or not down:
            evidence.request(f"o{number}", 202 if queued else 201, at_us=at_us, entity=HOSTILE)
            evidence.item(f"o{number}").record(f"o{number}", at_us=done_us)
        else:
            evidence.request(f"o{number}", 502, at_us=at_us, entity=HOSTILE)
    for number in range(5):
        evidence.request(
            f"q{number}", 202 if queued else 200, operation="query", at_us=number * 2_000_000, entity=HOSTILE
        )
        if queued:
            evidence.item(f"q{number}", found=True).record(f"q{number}", at_us=number * 2_000_000 + 9000, found=True)
    for second in range(20):
        evidence.sample(second * 1_000_000, visible=3 if queued and 3 <= second < 18 else 0)
    return evidence


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Places:
    """An outage with two valid replays and a scenario whose only one is invalid; every recorded text is hostile."""
    places = Places(tmp_path_factory.mktemp("report"))
    config = json.dumps({"visibility_timeout_s": 12, "limit": 15, "repetitions": 1, "work_us": 0, "note": HOSTILE})
    for architecture in ("synchronous", "event_driven"):
        file_outcomes(places, outage(architecture, workload=HOSTILE, config=config), f"c1/outage/{architecture}")
    bad = described(
        ObservationsBuilder(),
        workload=HOSTILE,
        scenario=HOSTILE,
        invalid_reason=LATE + HOSTILE,
        architecture="hybrid",
        config=config,
    )
    file_outcomes(places, bad.request("r").item("r").record("r"), "c1/hostile/hybrid")
    publish(places)
    return places


@pytest.fixture(scope="module")
def source(published: Places) -> str:
    return write_report(published).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(source: str) -> Page:
    return Page(source)


def test_nothing_is_fetched_from_anywhere(page: Page) -> None:
    """Opened without a network the page is whole: no address to load, only links within it."""
    for tag, attributes in page.elements:
        assert tag not in {"link", "iframe", "object", "embed", "base", "img"}
        for name, value in attributes.items():
            if name in {"src", "href", "action", "data", "poster", "srcset"}:
                assert (value or "").startswith("#"), f"<{tag} {name}={value}>"
    assert not any("url(" in style or "@import" in style for style in page.styles)
    assert not any(re.search(r"""\bimport\s*\(|\bimport\s+['"]|\bfrom\s+['"]https?:""", one) for one in page.scripts)


def test_recorded_texts_cannot_break_out(source: str, page: Page) -> None:
    """An entity, a recording's name, a scenario or a reason with a script in it stays text."""
    assert HOSTILE not in source
    assert HOSTILE in page.text, "shown as text, where it is shown"
    data, code = page.scripts
    assert "alert(1)" not in code
    assert isinstance(json.loads(data), dict)
    assert "<" not in data


def test_only_our_own_script_may_run(page: Page) -> None:
    """The policy allows the script it was made for, by its digest, and no request at all."""
    (policy,) = [one["content"] or "" for tag, one in page.elements if tag == "meta" and "http-equiv" in one]
    digest = base64.b64encode(hashlib.sha256(page.scripts[1].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy


def test_every_figure_says_where_it_was_observed(page: Page) -> None:
    """A chart or table without its label would pass for AWS."""
    assert len(page.figures) >= 7
    assert all(LABEL in figure for figure in page.figures)
    places = [one for _, one in page.elements if "data-chart" in one]
    assert places
    assert all(LABEL in (one["aria-label"] or "") for one in places)
    assert {one["data-chart"] for one in places} == set(json.loads(page.scripts[0]))


def test_invalid_replays_are_named_and_left_out(page: Page) -> None:
    """An invalid replay appears with its reason, in no figure."""
    assert f"Hybrid, repetition 1: {LATE}" in page.text
    assert "There is nothing to say: no replay of it was valid." in page.text
    assert not any("Hybrid" in json.dumps(spec) for spec in json.loads(page.scripts[0]).values())


def test_the_answer_comes_before_the_figures(page: Page) -> None:
    """The first thing to read is what happened, in words."""
    text = page.text.replace("\u00a0", " ")
    answer = (
        "Synchronous refused 30 % of the 10 commands (3 with an error) and stored none of those, but stored all"
        " 7 it acknowledged; event-driven acknowledged all 10 commands and stored them all, the last one due in the"
        " fault 12.4 s after its end."
    )
    assert answer in text
    assert text.index(answer) < text.index("Summary")
    assert "one repetition cannot judge them" in text
    assert "--limit 15 --repetitions 8" in text, "what was asked for then is asked for again"


def test_the_sql_under_a_figure_runs(published: Places, page: Page) -> None:
    """What stands under a figure gives it, as it stands there."""
    assert len(page.codes) >= 8
    with connect(published) as connection:
        for sql in page.codes:
            assert connection.sql(sql).fetchall() is not None


def test_no_figure_is_missing_its_number(places: Places) -> None:
    """Where everything failed and there is no query, the page says so in words and dashes."""
    evidence = described(ObservationsBuilder(), fault_windows=windows((0, 1_000_000)))
    evidence.request("a", 502).request("b", None, fate="timed_out").request("c", None, fate="unsent")
    file_outcomes(places, evidence, "c1/cell/synchronous")
    publish(places)
    page = Page(write_report(places).read_text(encoding="utf-8"))
    assert (
        "Synchronous refused all 3 commands (1 with an error, 1 left without an answer and 1 not sent in time)"
        " and stored none of those." in page.text
    )
    assert "The recording holds none." in page.text
    assert not re.search(r"\b(NaN|nan|None|inf|Infinity)\b", page.text)
    assert not re.search(r"\b(NaN|Infinity)\b", page.scripts[0])


def test_the_newest_comparison_is_reported_unless_told(places: Places) -> None:
    """Newest is by when it started, not by name."""
    for comparison_id, day in (("a", 22), ("b", 21)):
        evidence = described(
            ObservationsBuilder(), comparison_id=comparison_id, started_at=datetime(2026, 11, day, tzinfo=UTC)
        )
        file_outcomes(places, evidence.request().item().record(), f"{comparison_id}/cell/synchronous")
    publish(places)
    assert "comparison a ·" in Page(write_report(places).read_text()).text
    assert "comparison b ·" in Page(write_report(places, "b").read_text()).text
    apart = write_report(places, "a", "elsewhere")
    assert apart.parent == places.report.parent / "elsewhere"
    assert "comparison a ·" in Page(apart.read_text()).text
    assert {path.name for path in apart.parent.iterdir()} == {"index.html", "report.md", "report.json"}
    assert "comparison b ·" in Page(places.report.read_text()).text, "no other is replaced"


def test_repetitions_are_pooled_and_invalid_ones_left_out(places: Places) -> None:
    """Two valid repetitions are two commands; the third, invalid, is named and counts nowhere."""
    evidence = ObservationsBuilder()
    for repetition in (1, 2, 3):
        described(evidence, repetition=repetition, invalid_reason=LATE if repetition == 3 else None)
        evidence.request(repetition=repetition).item(repetition=repetition).record(repetition=repetition)
    file_outcomes(places, evidence, "c1/cell/synchronous")
    publish(places)
    text = Page(write_report(places).read_text(encoding="utf-8")).text
    assert "Synchronous acknowledged all 2 commands and stored them all." in text
    assert f"Synchronous, repetition 3: {LATE}" in text
    assert "Latencies are medians over the repetitions" in text
    assert "one repetition cannot" not in text


def outages(places: Places, *empty_at_s: int | None) -> list[dict[str, Any]]:
    """Two outages of one queue, a repetition for each time it was empty after the second; the rows of both queries."""
    evidence = ObservationsBuilder()
    for repetition, empty_s in enumerate(empty_at_s, 1):
        faults = windows((2_000_000, 4_000_000), (12_000_000, 14_000_000))
        described(
            evidence,
            repetition=repetition,
            architecture="event_driven",
            queued=["command"],
            fault_windows=faults,
        )
        evidence.request(repetition=repetition).item(repetition=repetition).record(repetition=repetition)
        for second in range(30):
            waiting = 2 <= second <= 9 or (second >= 12 and (empty_s is None or second < empty_s))
            evidence.sample(second * 1_000_000, visible=5 * waiting, repetition=repetition)
    file_outcomes(places, evidence, "c1/cell/event_driven")
    publish(places)
    ((summary),) = _table(places, queries.SUMMARY, "food_orders").to_pylist()
    return [summary, *_table(places, queries.RECOVERY, "food_orders").to_pylist()]


@pytest.mark.parametrize(
    ("empty_at_s", "drain_us"),
    [
        pytest.param((17, 20), 5_000_000, id="the longest of the repetitions"),
        pytest.param((17, None), None, id="never in one of them"),
    ],
)
def test_the_queue_drained_where_it_did_in_every_repetition(
    places: Places, empty_at_s: tuple[int | None, ...], drain_us: int | None
) -> None:
    """The summary tells the last outage's drain; the first one's is known all the same."""
    summary, first, last = outages(places, *empty_at_s)
    assert (summary["drain_us"], first["drain_us"], last["drain_us"]) == (drain_us, 5_000_000, drain_us)


def contest(places: Places, scenario: str, variant: str, *, speed: float = 2.5, duplicates: int = 0) -> None:
    """Ten commands, some of them delivered and stored twice."""
    faults = [
        {"target": "deliveries", "kind": "twice", "due_us": 0, "start_us": 0, "end_us": 30_000_000, "requests": 4},
        {"target": "queue", "kind": "down", "due_us": 0, "start_us": 1_000_000, "end_us": 2_000_000, "present": False},
    ]
    evidence = described(
        ObservationsBuilder(),
        architecture="event_driven",
        queued=["command"],
        scenario=scenario,
        variant=variant,
        speed=speed,
        fault_windows=json.dumps(faults),
    )
    for number in range(10):
        name, at_us = str(number), number * 100_000
        commits = 2 if number < duplicates else 1
        evidence.request(name, 202, at_us=at_us).record(name, at_us=at_us + 900).item(name, commits=commits)
    file_outcomes(places, evidence, f"c1/food_orders__{scenario}/event_driven~{variant}")


def test_variants_are_told_apart_and_naivety_has_its_price(places: Places) -> None:
    """In the sentences, the tables and the charts."""
    contest(places, "duplicate_delivery", "idempotent")
    contest(places, "duplicate_delivery", "naive", duplicates=4)
    publish(places)
    page = Page(write_report(places).read_text(encoding="utf-8"))
    assert "4 duplicates among 10 commands in naive event-driven, none in event-driven." in page.text
    assert "Delivered twice (from the first request to the last, 4 commands)" in page.text.replace("\u00a0", " ")
    assert "Event-driven and naive event-driven have no queue: that was done to the others only." in page.text
    dashes = [style.dash for style in styles(["event_driven~idempotent", "event_driven~naive"])]
    lines = json.dumps(json.loads(page.scripts[0]))
    assert all(json.dumps(list(dash)) in lines for dash in dashes)
    assert page.text.startswith("archduel")
    assert "Event-driven: what became of the same recorded traffic" in page.text, "one architecture, in two variants"


def test_cells_of_different_speeds_each_say_theirs(places: Places) -> None:
    """A burst is played slower: no one speed is that of the comparison."""
    contest(places, "steady", "idempotent", speed=7.5)
    contest(places, "burst", "idempotent", speed=2.5)
    publish(places)
    text = Page(write_report(places).read_text(encoding="utf-8")).text
    assert "at 2.5 to 7.5 times their recorded speed (each scenario says its own)" in text
    assert "Played at 7.5 times the recorded speed." in text
    assert "Played at 2.5 times the recorded speed." in text


def test_a_page_of_many_scenarios_begins_with_its_contents(places: Places) -> None:
    """Links to each of them, and what came of it; the page of a few needs none."""
    names = ["steady", "burst", "ramp", "poison", "flapping"]
    for name in names[:-1]:
        contest(places, name, "idempotent")
    publish(places)
    assert "nav" not in [tag for tag, _ in Page(write_report(places).read_text(encoding="utf-8")).elements]
    contest(places, names[-1], "idempotent")
    publish(places)
    page = Page(write_report(places).read_text(encoding="utf-8"))
    assert "nav" in [tag for tag, _ in page.elements]
    links = {one["href"] for tag, one in page.elements if tag == "a"}
    anchors = {f"#{one['id']}" for tag, one in page.elements if one.get("id")}
    assert links <= anchors
    assert len([link for link in links if (link or "").startswith("#scenario-")]) == len(names)


def test_what_the_target_does_otherwise_is_listed(places: Places) -> None:
    """Of the comparison's own target, and only what differs; unasked, the page says who asks."""
    contest(places, "steady", "idempotent")
    publish(places)
    assert "archduel doctor fills it" in Page(write_report(places).read_text(encoding="utf-8")).text
    columns = ("target", "behaviour", "expected", "observed", "status", "affects")
    known = [
        ("MiniStack 1.5.33", "messages come twice", "now and then", HOSTILE, "absent", "E4"),
        ("MiniStack 1.5.33", "unknown paths", "403", "403", "reproduced", ""),
        ("another", "integration timeout", "504", "200", "different", ""),
    ]
    places.conformance.mkdir(parents=True)
    pq.write_table(
        pa.Table.from_pylist([dict(zip(columns, row, strict=True)) for row in known]), places.conformance / "x.parquet"
    )
    publish(places)
    page = Page(write_report(places).read_text(encoding="utf-8"))
    assert "Of 2 documented behaviours that were provoked on MiniStack 1.5.33, 1 are as on AWS." in page.text
    (figure,) = [figure for figure in page.figures if "Differences" in figure]
    assert "messages come twice" in figure
    assert HOSTILE in figure
    assert "unknown paths" not in figure
    assert "integration timeout" not in page.text


def test_a_scenario_of_the_users_own_has_its_title(places: Places) -> None:
    """As its file says it."""
    places.scenarios.mkdir(parents=True)
    (places.scenarios / "mine.toml").write_text('title = "My own trouble"\ndescription = "Something breaks."\n')
    contest(places, "mine", "idempotent")
    publish(places)
    assert "My own trouble" in Page(write_report(places).read_text(encoding="utf-8")).text


def test_without_results_one_line_says_what_to_do(places: Places) -> None:
    """No database, an empty one, a damaged one and an unknown comparison: each one line, never a traceback."""
    with pytest.raises(ArchduelError, match=r"\Athere are no results yet [^\n]*archduel compare[^\n]*\Z"):
        write_report(places)
    publish(places)
    with pytest.raises(ArchduelError, match=r"\Athere are no results yet[^\n]*archduel compare[^\n]*\Z"):
        write_report(places)
    places.database.write_bytes(b"no database" * 1000)
    with pytest.raises(ArchduelError, match=r"\A[^\n]* cannot be opened: [^\n]*archduel report[^\n]*\Z"):
        write_report(places)
    assert not places.report.exists()


def test_an_unknown_comparison_is_a_wrong_usage(published: Places) -> None:
    """The known ones are listed."""
    with pytest.raises(UsageError, match=r"\Aunknown comparison 'x': choose from c1\Z"):
        write_report(published, "x")


def test_an_unwritable_place_is_one_line_and_leaves_nothing(published: Places, tmp_path: Path) -> None:
    """The page is written whole or not at all."""
    places = Places(tmp_path / "home")
    shutil.copytree(published.outcomes, places.outcomes)
    publish(places)
    places.report.mkdir(parents=True)
    with pytest.raises(ArchduelError, match=r"\Acannot write [^\n]*\Z"):
        write_report(places)
    assert [path.name for path in places.report.parent.iterdir()] == ["index.html"]


def _table(places: Places, sql: str, workload: str = HOSTILE) -> Any:
    with connect(places) as connection:
        text = queries.bound(sql, comparison_id="c1", workload=workload, scenario="backend_outage")
        return connection.sql(text).to_arrow_table()


def test_what_was_refused_keeps_the_curve_below_one(published: Places) -> None:
    """Seven of ten commands answered: the synchronous curve ends at 70 %, the event-driven one at 100 %."""
    rows = _table(published, queries.LATENCY).to_pylist()
    ends: dict[tuple[str, str], float] = {}
    for row in rows:
        if row["operation"] == "command":
            key = row["contender"].removesuffix("~idempotent"), row["measure"]
            ends[key] = max(ends.get(key, 0.0), row["share"])
    assert ends == {
        ("synchronous", "response"): 0.7,
        ("synchronous", "completion"): 0.7,
        ("event_driven", "response"): 1.0,
        ("event_driven", "completion"): 1.0,
    }


def test_a_chart_does_not_grow_with_the_traffic(places: Places) -> None:
    """A curve keeps its exact points at some 150 steps, however many requests there were."""
    evidence = described(ObservationsBuilder(), workload="many", duration_us=3_000_000_000, settled_us=3_000_000_000)
    for number in range(3000):
        evidence.request(str(number), at_us=number * 1_000_000, took_us=1000 + number * number)
        evidence.item(str(number), stamp_us=number * 1_000_000 + 900).sample(number * 1_000_000)
    file_outcomes(places, evidence, "c1/cell/synchronous")
    publish(places)
    curves = _table(places, queries.LATENCY, "many").to_pylist()
    response = [row for row in curves if row["measure"] == "response"]
    assert 100 < len(response) <= 153
    for row in response[1:-1]:
        exact = sum(1000 + number * number <= row["us"] for number in range(3000)) / 3000
        assert row["share"] == pytest.approx(exact, abs=1e-5)
    assert _table(places, queries.ANSWERS, "many").num_rows < 1300
    assert _table(places, queries.BACKLOG, "many").num_rows < 450


def drawn(architecture: str, arm: str = "main") -> ObservationsBuilder:
    """Three repetitions, the third invalid, of anything that can become of a request; the same ones every time."""
    chance = random.Random(f"{architecture} {arm}")
    evidence = ObservationsBuilder()
    queue = architecture != "synchronous"
    for repetition in (1, 2, 3):
        described(
            evidence,
            architecture=architecture,
            arm=arm,
            repetition=repetition,
            queued=["command"] if queue else [],
            fault_windows=windows((3_200_000, 5_100_000), (8_000_000, 8_900_000)),
            duration_us=12_000_000,
            settled_us=chance.choice([20_000_000, 900_000_000]),
            invalid_reason=LATE if repetition == 3 else None,
        )
        for number in range(120):
            name, at_us = str(number), int(chance.uniform(0, 12e6))
            operation = chance.choice(["command", "query"])
            status = chance.choice([202, 202, 202, 429, 503] if queue else [200, 200, 200, 404, 429, 502])
            took_us = chance.choice([0, 40, int(chance.lognormvariate(9, 1.5))])
            fate = chance.choice(["responded"] * 8 + ["timed_out", "unsent"])
            told: dict[str, Any] = {"operation": operation, "at_us": at_us, "took_us": took_us, "fate": fate}
            evidence.request(name, status, repetition=repetition, **told)
            if fate != "unsent" and chance.random() < 0.7:  # whatever was told: ghosts too
                done_us = at_us + chance.choice([0, int(chance.lognormvariate(12, 2))])
                evidence.item(name, stamp_us=done_us, repetition=repetition)
                evidence.record(name, at_us=done_us, repetition=repetition)
            elif fate != "unsent" and chance.random() < 0.5:
                evidence.message(name, chance.choice(["queue", "dead_letter_queue"]), repetition=repetition)
        for look in range(-2, 60):
            evidence.sample(look * 250_000 + 17, chance.randrange(50), chance.randrange(9), repetition=repetition)
        evidence.sample(15_000_017, repetition=repetition)  # in the end nothing waits that nobody found
    return evidence


@pytest.fixture(scope="module")
def drawn_places(tmp_path_factory: pytest.TempPathFactory) -> Places:
    """What `drawn` gives of two architectures, and of one of them in the other arm, which no query may count."""
    places = Places(tmp_path_factory.mktemp("drawn"))
    for architecture, arm in (("synchronous", "main"), ("event_driven", "main"), ("event_driven", "aa")):
        file_outcomes(places, drawn(architecture, arm), f"c1/cell/{architecture}~{arm}")
    publish(places)
    return places


# What each query says, from every single request: as it was asked before outcomes were condensed.
_FROM_REQUESTS = {
    "RECOVERY": f"""{queries.REPLAYS}
SELECT contender, fault, max(committed_us - end_us) AS last_commit_us
FROM replays JOIN recovery w USING ({queries.KEY})
LEFT JOIN (
    SELECT * FROM requests r JOIN effects f USING ({queries.KEY}, request_id)
    WHERE r.operation = 'command' AND outcome IN ('answered', 'accepted') AND state = 'committed'
) c ON (c.architecture, c.arm, c.repetition) = (w.architecture, w.arm, w.repetition)
    AND c.scheduled_us >= start_us AND c.scheduled_us < end_us
GROUP BY ALL
ORDER BY fault, contender""",
    "ANSWERS": f"""{queries._BINS},
bins AS (
    SELECT contender, count(*) AS repetitions, bin_s, unnest(range(0, (floor(us / 1e6 / bin_s) + 2)::BIGINT)) AS bin
    FROM replays, longest GROUP BY contender, bin_s, us
),
fates AS (SELECT unnest(['acknowledged', 'throttled', 'failed']) AS fate),
counted AS (
    SELECT contender, floor(scheduled_us / 1e6 / bin_s)::BIGINT AS bin, count(*) AS n,
        CASE WHEN outcome IN ('answered', 'accepted') THEN 'acknowledged'
            WHEN outcome = 'throttled' THEN 'throttled' ELSE 'failed' END AS fate
    FROM longest, replays JOIN requests r USING ({queries.KEY})
    GROUP BY ALL
)
SELECT contender, fate, (bin * bin_s)::DOUBLE AS t_s, bin_s::DOUBLE AS bin_s,
    round(coalesce(n, 0) / bin_s / repetitions, 3)::DOUBLE AS per_s
FROM bins CROSS JOIN fates LEFT JOIN counted USING (contender, bin, fate)
ORDER BY ALL""",
    "BACKLOG": f"""{queries._BINS},
watched AS (
    SELECT contender, bin_s, floor(t_us / 1e6 / bin_s)::BIGINT AS bin, t_us,
        queue_visible + queue_in_flight AS waiting
    FROM longest, replays JOIN samples s USING ({queries.KEY})
    WHERE t_us >= 0
)
SELECT contender, (bin * bin_s)::DOUBLE AS t_s, max(waiting) AS waiting
FROM watched GROUP BY contender, bin, bin_s
UNION ALL
SELECT contender, ((max(bin) + 1) * bin_s)::DOUBLE, arg_max(waiting, (t_us, waiting))
FROM watched GROUP BY contender, bin_s
ORDER BY ALL""",
    "GOODPUT": f"""{queries._BINS},
done AS (
    SELECT contender, floor(committed_us / 1e6 / bin_s)::BIGINT AS bin, count(*) AS n
    FROM longest, replays JOIN effects f USING ({queries.KEY})
    WHERE f.operation = 'command' AND state = 'committed'
    GROUP BY ALL
),
bins AS (
    SELECT contender, count(DISTINCT repetition) AS repetitions, bin_s,
        unnest(range(0, (SELECT max(bin) + 2 FROM done)::BIGINT)) AS bin
    FROM replays, longest GROUP BY contender, bin_s
)
SELECT contender, (bin * bin_s)::DOUBLE AS t_s, round(coalesce(n, 0) / bin_s / repetitions, 3)::DOUBLE AS per_s
FROM bins LEFT JOIN done USING (contender, bin)
ORDER BY ALL""",
    "FATES": f"""{queries.REPLAYS}
SELECT r.operation, contender,
    CASE WHEN outcome IN ('answered', 'accepted') THEN state WHEN state <> 'rejected' THEN 'ghost'
        WHEN outcome = 'throttled' THEN 'throttled' ELSE 'failed' END AS fate,
    count(*) AS requests
FROM replays
JOIN requests r USING ({queries.KEY})
JOIN effects f USING ({queries.KEY}, request_id)
GROUP BY ALL
ORDER BY ALL""",
    "SUMMARY": f"""{queries.REPLAYS}
SELECT operation, contender, max(queue_visible + queue_in_flight) AS backlog_max
FROM replays JOIN samples s USING ({queries.KEY})
CROSS JOIN (SELECT unnest(['command', 'query']) AS operation)
GROUP BY ALL
ORDER BY operation, contender""",
}


@pytest.mark.parametrize("name", _FROM_REQUESTS)
def test_condensed_outcomes_say_what_the_requests_say(drawn_places: Places, name: str) -> None:
    """To the last digit, with what is unusual: ghosts, zeros, looks before the start, bins of several seconds."""
    expected = _table(drawn_places, _FROM_REQUESTS[name], "food_orders")
    found = _table(drawn_places, getattr(queries, name), "food_orders")
    assert expected.num_rows >= 4
    assert found.select(expected.column_names).to_pylist() == expected.to_pylist()


def test_a_curve_of_bins_is_that_of_the_requests(drawn_places: Places) -> None:
    """Every point is on the exact curve, both ends are where they were, and no step of the curve is left out."""
    found = _table(drawn_places, queries.LATENCY, "food_orders").to_pylist()
    exact_sql = f"""{queries.REPLAYS}
    SELECT contender, r.operation, unnest(['response', 'completion']) AS measure,
        unnest([response_us, completion_us]) AS us, outcome IN ('answered', 'accepted') AS acknowledged
    FROM replays JOIN requests r USING ({queries.KEY}) JOIN effects f USING ({queries.KEY}, request_id)"""
    exact = _table(drawn_places, exact_sql, "food_orders").to_pylist()
    span = {
        operation: sorted(
            row["us"]
            for row in exact
            if row["operation"] == operation and row["acknowledged"] and row["us"] is not None
        )
        for operation in ("command", "query")
    }
    keys = {(row["contender"], row["operation"], row["measure"]) for row in exact}
    assert len(keys) == 8
    for contender, operation, measure in keys:
        here = [row for row in exact if (row["contender"], row["operation"]) == (contender, operation)]
        timed = [row for row in here if row["measure"] == measure]
        reached = sorted(row["us"] for row in timed if row["acknowledged"] and row["us"] is not None)
        points = [
            (row["us"], row["share"])
            for row in found
            if (row["contender"], row["operation"], row["measure"]) == (contender, operation, measure)
        ]
        low_us, high_us = max(span[operation][0], 1), span[operation][-1]
        assert points[0] == (round(low_us * 0.8), 0)
        assert points[-1] == (round(high_us * 1.25), points[-2][1])
        for us, share in points[1:]:
            assert share == pytest.approx(sum(one <= us for one in reached) / len(timed), abs=6e-6)
        step = ((high_us + 1) / low_us) ** (1 / 150)
        marks = [us for us, _ in points[1:-1]]
        for us in reached:
            assert any(us <= mark <= max(us, 1) * step * (1 + 1 / 64) + 1 for mark in marks), us


def test_the_backlog_is_shown_until_it_is_gone(published: Places) -> None:
    """The line ends at what was left when watching ended."""
    rows = [
        row for row in _table(published, queries.BACKLOG).to_pylist() if row["contender"] == "event_driven~idempotent"
    ]
    assert max(row["waiting"] for row in rows) == 3
    assert rows[-1]["waiting"] == 0


def test_a_fault_is_known_for_each_contender(published: Places) -> None:
    """Its window, in seconds."""
    fault = {"fault": 0, "target": "table", "kind": "down", "present": True, "start_s": 3.0, "end_s": 6.0}
    assert _table(published, queries.WINDOWS).to_pylist() == [
        {"contender": f"{architecture}~idempotent", **fault} for architecture in ("event_driven", "synchronous")
    ]


def test_the_bars_add_up_to_what_was_offered(published: Places) -> None:
    """Every offered request is in one part of one bar."""
    rows = _table(published, queries.FATES).to_pylist()
    offered: dict[tuple[str, str], int] = {}
    for row in rows:
        key = row["contender"], row["operation"]
        offered[key] = offered.get(key, 0) + row["requests"]
    assert set(offered.values()) == {10, 5}
    assert {row["fate"] for row in rows} == {"committed", "failed"}


def test_charts_become_pictures_for_dagster(published: Places) -> None:
    """Panels and figures alike, as PNG in a data URI, with the label in what stands alone."""
    curves, fates, *over_time = (
        _table(published, sql)
        for sql in (
            queries.LATENCY,
            queries.FATES,
            queries.ANSWERS,
            queries.GOODPUT,
            queries.BACKLOG,
            queries.WINDOWS,
        )
    )
    figures: list[Drawing] = [
        latency_figure(curves, operation="command", label=LABEL),
        over_time_figure(*over_time, label=LABEL),
        ledger_figure(fates, label=LABEL),
    ]
    for figure in figures:
        assert LABEL in json.dumps(figure.to_dict())
        assert png(figure).startswith(b"\x89PNG")
    picture = markdown_image(ledger_panel(fates, operation="command"), width=320)
    assert picture.startswith("![chart](data:image/png;base64,")
    assert len(picture) < 60_000


def _spans(chart: dict[str, Any]) -> list[tuple[float, float, str]]:
    """Where a chart is shaded, and under which name."""
    layers = [layer for layer in chart["layer"] if layer["mark"]["type"] == "rect"]
    drawn = [one for layer in layers for one in chart["datasets"][layer["data"]["name"]]]
    return [(one["t_s"], one["until_s"], one["name"]) for one in drawn]


def _shaded(*windows: tuple[float, float, str, str], **more: Any) -> list[dict[str, Any]]:
    return [
        {
            "contender": "synchronous~idempotent",
            "fault": number,
            "target": target,
            "kind": kind,
            "present": True,
            "start_s": start_s,
            "end_s": end_s,
            **more,
        }
        for number, (start_s, end_s, target, kind) in enumerate(windows)
    ]


def _drawn_with(windows: list[dict[str, Any]]) -> dict[str, Any]:
    backlog = pa.table({"contender": ["synchronous~idempotent"] * 2, "t_s": [0.0, 20.0], "waiting": [0, 5]})
    table = pa.Table.from_pylist(windows, schema=WINDOWS)
    return specification(lines_panel(BACKLOG, backlog, table, end_s=20.0))


WINDOWS = pa.schema(
    [
        ("contender", pa.string()),
        ("fault", pa.int32()),
        ("target", pa.string()),
        ("kind", pa.string()),
        ("present", pa.bool_()),
        ("start_s", pa.float64()),
        ("end_s", pa.float64()),
    ]
)


def test_every_fault_is_shaded_and_named_in_time() -> None:
    """One after another, each under its name."""
    chart = _drawn_with(_shaded((3.0, 6.0, "table", "down"), (12.0, 20.0, "queue", "down")))
    assert _spans(chart) == [(3.0, 6.0, "table down"), (12.0, 20.0, "queue down")]
    assert [layer["mark"]["type"] for layer in chart["layer"]] == ["rect", "text", "line"]


def test_faults_at_the_same_time_share_a_band_and_a_name() -> None:
    """They differ by the milliseconds it takes to switch them."""
    chart = _drawn_with(_shaded((0.0, 20.0, "api", "latency"), (0.004, 20.0, "table", "latency")))
    assert _spans(chart) == [(0.0, 20.0, "API slow, table slow")]


def test_names_that_would_cover_each_other_stand_above_each_other() -> None:
    """Overlapping faults, and those too narrow for their names."""
    chart = _drawn_with(
        _shaded((3.0, 9.0, "table", "down"), (3.5, 4.0, "functions", "down"), (8.0, 9.0, "api", "down"))
    )
    lanes = [layer["encoding"]["y"]["value"] for layer in chart["layer"] if layer["mark"]["type"] == "text"]
    assert len(set(lanes)) == len(lanes) == 2
    assert max(lanes) < 0, "above the data, which they would cover"


def test_what_could_not_be_done_is_not_shaded() -> None:
    """An architecture without a queue has no fault of its queue; one with it has."""
    assert _spans(_drawn_with(_shaded((3.0, 6.0, "queue", "down"), present=False))) == []
    both = _shaded((3.0, 6.0, "queue", "down"), present=False) + _shaded((3.0, 6.0, "queue", "down"))
    assert len(_spans(_drawn_with(both))) == 1


def test_variants_share_their_architectures_colour_and_differ_in_dash_and_title() -> None:
    """So that a plot tells them apart without a third colour."""
    usual, naive = styles(["hybrid~naive", "hybrid~idempotent"])
    assert (usual.title, naive.title) == ("Hybrid", "Hybrid (naive)")
    assert usual.colour == naive.colour
    assert usual.dash != naive.dash


def test_an_architecture_keeps_its_colour_when_others_are_left_out() -> None:
    """The registry decides, so that pages can be laid side by side; strangers follow after it."""
    everyone = {style.title: style.colour for style in styles(["synchronous", "event_driven", "hybrid"])}
    (alone,) = styles(["hybrid"])
    assert alone.colour == everyone["Hybrid"]
    assert len(set(everyone.values())) == 3
    stranger = styles(["hybrid", "other"])[-1]
    assert stranger.title == "other"
    assert stranger.colour not in everyone.values()


def test_architectures_and_fates_share_no_colour() -> None:
    """No colour has two meanings on a page."""
    lines = {style.colour for style in styles(["synchronous", "event_driven", "hybrid"])}
    assert not lines & {colour for _, colour in FATES.values()}


def test_a_value_cannot_leave_its_literal() -> None:
    """Names are data in the shown SQL, even those that look like SQL or like a placeholder."""
    assert queries.bound("a = $x AND b = $y", x="it's", y="$x") == "a = 'it''s' AND b = '$x'"


PLAIN = Outcome(
    contender="Synchronous",
    operation="command",
    offered=1000,
    acknowledged=1000,
    throttled=0,
    failed=0,
    timed_out=0,
    unsent=0,
    committed=1000,
    dead_lettered=0,
    in_flight=0,
    lost=0,
    ghost_commits=0,
    ghosts=0,
    duplicates=0,
    redeliveries=0,
    reordered=0,
    read_your_writes_misses=0,
    response_p50_us=1500.0,
    completion_p50_us=46_700.0,
)
FAULT = Window(
    "Synchronous",
    fault=0,
    target="table",
    kind="down",
    passing=True,
    present=True,
    start_us=6e6,
    end_us=12e6,
    requests=None,
    backlog_max=9,
    drain_us=2e6,
    last_commit_us=3e6,
)
LIMIT = dataclasses.replace(FAULT, target="functions", kind="concurrency_limit", passing=False)


def said(outcomes: Iterable[Outcome], faults: Iterable[Window] = ()) -> Answer:
    """The answer, its unbreakable spaces made plain."""
    found = answer(list(outcomes), list(faults), [])
    points = tuple((heading, text.replace("\u00a0", " ")) for heading, text in found.points)
    return Answer(found.lead.replace("\u00a0", " "), points)


@pytest.mark.parametrize(
    ("changes", "lead"),
    [
        ({}, "Synchronous acknowledged all 1,000 commands and stored them all."),
        (
            {"committed": 990, "lost": 4, "in_flight": 1, "dead_lettered": 5},
            (
                "Synchronous acknowledged all 1,000 commands, of which 990 were stored, 5 ended in the dead-letter"
                " queue, 1 still waited when watching ended and 4 were lost."
            ),
        ),
        (
            {"acknowledged": 0, "committed": 0, "failed": 1000},
            "Synchronous refused all 1,000 commands (1,000 with an error) and stored none of those.",
        ),
        (
            {"acknowledged": 999, "committed": 999, "throttled": 1},
            (
                "Synchronous refused 0.1 % of the 1,000 commands (1 throttled) and stored none of those, but stored all"
                " 999 it acknowledged."
            ),
        ),
        (
            {"acknowledged": 900, "committed": 890, "lost": 10, "timed_out": 60, "unsent": 40, "ghosts": 7},
            (
                "Synchronous refused 10 % of the 1,000 commands (60 left without an answer and 40 not sent in time),"
                " though 7 of those had an effect all the same; of the 900 it acknowledged, 890 were stored and 10"
                " were lost."
            ),
        ),
    ],
)
def test_the_lead_says_what_the_ledger_says(changes: dict[str, Any], lead: str) -> None:
    """Counts and shares of the books in words, nothing rounded away."""
    assert said([dataclasses.replace(PLAIN, **changes)]).lead == lead


def test_architectures_of_which_the_same_is_true_are_named_together() -> None:
    """Saying the same thing three times is not reading."""
    others = [dataclasses.replace(PLAIN, contender=name) for name in ("Event-driven", "FIFO")]
    assert said([PLAIN, *others]).lead == (
        "Synchronous, event-driven and FIFO acknowledged all 1,000 commands and stored them all."
    )


def test_acknowledgement_is_never_without_completion() -> None:
    """A 202 is not a result: both medians, always."""
    medians = dict(said([PLAIN]).points)["Medians"]
    assert (
        medians
        == "Half of the acknowledged commands were acknowledged and stored within: synchronous 1.5 ms and 47 ms."
    )


def test_unknown_medians_are_said_to_be_unknown() -> None:
    """A quantile among the censored has no value, and no number is made up for it."""
    unknown = dataclasses.replace(PLAIN, completion_p50_us=None)
    assert "synchronous 1.5 ms and an unknown time (too few came)" in dict(said([unknown]).points)["Medians"]
    none = dataclasses.replace(PLAIN, acknowledged=0, committed=0, failed=1000)
    assert "synchronous acknowledged none" in dict(said([none]).points)["Medians"]


def test_a_limit_that_is_on_throughout_is_no_outage() -> None:
    """Its backlog counts from the last request, and no order is the last one due in it."""
    answer = said([PLAIN], [LIMIT])
    assert "due in the fault" not in answer.lead
    told = dict(answer.points)
    assert told["Queue"] == ("At most 9 messages in synchronous, empty 2.0 s after the last request.")
    assert told["Fault"] == "Concurrency limit (from the first request to the last)."


def test_what_was_done_is_said_whatever_its_kind() -> None:
    """When, to how many requests, and where there was nothing to do it to."""
    faults = [
        dataclasses.replace(FAULT, kind="truncate"),
        dataclasses.replace(FAULT, contender="Hybrid", kind="truncate"),
        dataclasses.replace(FAULT, fault=1, target="queue", present=False),
        dataclasses.replace(FAULT, contender="Hybrid", fault=1, target="queue"),
        dataclasses.replace(FAULT, fault=2, target="commands", kind="poison", passing=False, requests=17.0),
    ]
    told = dict(said([PLAIN], faults).points)
    assert "Fault" not in told
    assert told["Faults"] == (
        "Table answers cut off (6.0 to 12.0 s), queue down (6.0 to 12.0 s) and invalid commands (from the first request"
        " to the last, 17 commands). Synchronous has no queue: that was done to the others only."
    )


@pytest.mark.parametrize(
    ("target", "kind", "words"),
    [
        ("table", "down", "table down"),
        ("api", "latency", "API slow"),
        ("event_source_mapping", "disabled", "consumer switched off"),
        ("requests", "burst", "burst"),
        ("deliveries", "twice", "delivered twice"),
        ("moon", "new_kind", "moon: new kind"),
    ],
)
def test_every_fault_has_words(target: str, kind: str, words: str) -> None:
    """Those of a kind nobody has named yet as well."""
    assert fault_title(target, kind) == words


def test_every_kind_a_scenario_may_name_has_words_of_its_own() -> None:
    """A new kind needs an entry, or its key stands in every chart."""
    kinds = {fault.kind for scenario in scenarios().values() for fault in scenario.faults}
    assert not [kind for kind in kinds if ": " in fault_title("x", kind)]


def test_of_several_faults_no_order_is_said_to_be_the_last() -> None:
    """Which of them it would be due in, nobody could tell."""
    several = [FAULT, dataclasses.replace(FAULT, fault=1, start_us=20e6, end_us=22e6, drain_us=0.0, backlog_max=30)]
    answer = said([PLAIN], several)
    assert answer.lead == "Synchronous acknowledged all 1,000 commands and stored them all."
    assert dict(answer.points)["Queue"] == ("At most 30 messages in synchronous, empty at the last fault's end.")


def test_a_queue_that_never_emptied_is_not_said_to_have() -> None:
    """Whether a message was left, or the queue was never seen down."""
    left = dataclasses.replace(PLAIN, committed=999, in_flight=1)
    never = dataclasses.replace(FAULT, drain_us=None)
    for found in (said([left], [FAULT]), said([PLAIN], [never])):
        assert "At most 9 messages in synchronous, not empty when watching ended" in dict(found.points)["Queue"]


def test_what_was_refused_and_done_all_the_same_is_said() -> None:
    """A client that repeats it would do it twice."""
    ghost = dataclasses.replace(PLAIN, acknowledged=990, committed=990, failed=10, ghosts=10, ghost_commits=10)
    told = dict(said([ghost]).points)["Correctness"]
    assert "Requests whose client was told of a failure, and which were done: 10 in synchronous." in told


def test_what_naivety_cost_is_said_where_both_were_run() -> None:
    """The duplicates of either variant, of an architecture against itself."""
    safe = dataclasses.replace(PLAIN, architecture="event_driven", contender="Event-driven")
    naive = dataclasses.replace(safe, contender="Event-driven (naive)", variant="naive", duplicates=61)
    assert dict(said([safe, naive]).points)["Naivety"] == (
        "What it cost to write again whatever is delivered again: 61 duplicates among 1,000 commands in naive"
        " event-driven, none in event-driven."
    )
    harmless = dataclasses.replace(naive, duplicates=0)
    assert "cost nothing here" in dict(said([safe, harmless]).points)["Naivety"]
    assert "Naivety" not in dict(said([naive]).points)


def test_nothing_offered_is_said_in_words() -> None:
    """No rows, no offered requests, only one operation: sentences, not gaps."""
    assert said([]).lead == "There is nothing to say: no replay of it was valid."
    assert said([dataclasses.replace(PLAIN, offered=0)]).lead == "There is nothing to say: no request was offered."
    only_queries = said([dataclasses.replace(PLAIN, operation="query")])
    assert only_queries.lead == "Synchronous acknowledged all 1,000 queries and answered them all."
    assert dict(only_queries.points)["Commands"] == "The recording holds none: what it says is about reading only."


@pytest.mark.parametrize(
    ("part", "whole", "text"),
    [
        (0, 7, "0 %"),
        (7, 7, "100 %"),
        (1, 3, "33 %"),
        (1, 40, "2.5 %"),
        (1, 100_000, "under 0.1 %"),
        (99_999, 100_000, "over 99.9 %"),
        (997, 1000, "99.7 %"),
        (0, 0, "–"),
    ],
)
def test_rounding_hides_no_request(part: int, whole: int, text: str) -> None:
    """Only nothing is 0 % and only everything is 100 %."""
    assert numbers.share(part, whole).replace("\u00a0", " ") == text


@pytest.mark.parametrize(
    ("us", "text"),
    [
        (None, "–"),
        (999.4, "999 µs"),
        (999.6, "1.0 ms"),
        (9_940.0, "9.9 ms"),
        (9_960.0, "10 ms"),
        (999_400.0, "999 ms"),
        (999_600.0, "1.0 s"),
        (119_940_000.0, "119.9 s"),
        (119_960_000.0, "2 min 0 s"),
    ],
)
def test_a_time_is_rounded_into_the_next_unit(us: float | None, text: str) -> None:
    """Never ``1000 ms``."""
    assert numbers.duration(us).replace("\u00a0", " ") == text


def test_a_moment_before_an_end_is_not_a_negative_nothing() -> None:
    """A time that rounds to none is none."""
    assert [numbers.seconds(us) for us in (-20_000.0, 0.0, -160_000.0)] == ["0.0", "0.0", "-0.2"]


@pytest.mark.parametrize(
    ("value", "text"), [(None, "–"), (float("nan"), "–"), (0.0, "0.0"), (1.0, "100.0"), (0.9999, "99.9"), (1e-6, "0.1")]
)
def test_a_share_in_a_table_is_rounded_inwards(value: float | None, text: str) -> None:
    """As in the sentences."""
    assert numbers.percent(value) == text


def test_one_repetition_judges_no_latency_and_says_what_would() -> None:
    """The note names a command that can be run and how long it takes."""
    command = judged.judging_command("food orders", ["steady"], ["hybrid"], {"--limit": 500})
    assert command == (
        "archduel compare --workload 'food orders' --scenario steady --architecture hybrid --limit 500 --repetitions 8"
    )
    minutes = judged.judging_minutes(replayed_s=90.0, repetitions=1)
    note = judged.latency_note(1, False, command, minutes)
    assert note == (
        "Differences of latency are shown, not judged: one repetition cannot judge them;"
        f" `{command}` can, in about 12 min."
    )
    assert "pairwise" in judged.latency_note(8, True, command, minutes)
    assert "not judged" in judged.latency_note(8, False, command, None)


def test_no_loss_seen_is_not_never() -> None:
    """Rule of three, for the architecture that acknowledged the fewest."""
    few = dataclasses.replace(PLAIN, contender="Hybrid", acknowledged=300)
    assert "300 acknowledged requests" in (answers.rule_of_three([PLAIN, few]) or "")
    assert "up to 1 %" in (answers.rule_of_three([PLAIN, few]) or "")
    assert answers.rule_of_three([dataclasses.replace(PLAIN, lost=1)]) is None


def test_simulated_figures_are_never_called_observed() -> None:
    """The label is the evidence's own word."""
    assert source_title("observed", "MiniStack 1.5.33") == LABEL
    assert source_title("simulated", "AWS") == "simulated"


def test_text_in_the_page_is_escaped_once(source: str) -> None:
    """No entity shows as such: what was escaped twice would."""
    assert "&amp;lt;" not in source
    assert html.escape(HOSTILE) in source
