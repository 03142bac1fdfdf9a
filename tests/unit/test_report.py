"""The report's page: from observations through the warehouse to one HTML file. No emulator, no Dagster, no browser.

What became of a request is tested with the reconciliation; here, what the page says of it and what it must never do.
"""

import base64
import hashlib
import html
import json
import re
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assets.report.charts.style import styles
from assets.report.files import write_report
from resources.warehouse.publish import publish
from resources.warehouse.reading import connect
from resources.warehouse.schema import schema
from tests.observations_builder import windows
from tests.report_builder import (
    HOSTILE,
    LABEL,
    LATE,
    Page,
    file_judged_night,
    file_outages,
    file_outcomes,
    file_replay,
    home_of,
    outage,
    outage_experiment,
    report_page,
)
from workloads.errors import ArchduelError, UsageError
from workloads.places import Places


@pytest.fixture(scope="module")
def outages(tmp_path_factory: pytest.TempPathFactory) -> Places:
    return home_of(tmp_path_factory, file_outages)


@pytest.fixture(scope="module")
def page(outages: Places) -> Page:
    return report_page(outages)


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Places:
    return home_of(tmp_path_factory, file_judged_night)


@pytest.fixture(scope="module", params=["outages", "judged", "claims"])
def case(request: pytest.FixtureRequest) -> str:
    """Which page: of outages, of a night with every judgement, or of that night's claims."""
    return str(request.param)


@pytest.fixture(scope="module")
def home(case: str, outages: Places, judged: Places) -> Places:
    return outages if case == "outages" else judged


@pytest.fixture(scope="module")
def any_page(case: str, home: Places) -> Page:
    return report_page(home, "c1", claims=case == "claims")


class TestAnyPage:
    """Whatever was replayed and judged."""

    def test_nothing_is_fetched_from_anywhere(self, any_page: Page) -> None:
        """Opened without a network the page is whole; of links out of it, only web addresses of sources."""
        assert not {"link", "iframe", "object", "embed", "base", "img", "image"} & {tag for tag, _ in any_page.elements}
        for name in ("src", "action", "data", "poster", "srcset"):
            assert not any_page.attributes(name)
        outside = {link for link in any_page.attributes("href") if not link.startswith("#")}
        assert outside <= {"https://docs.example.com/page", "claims.html", "index.html"}
        assert not any("url(" in style or "@import" in style for style in any_page.held["style"])
        fetching = re.compile(r"""\bimport\s*\(|\bimport\s+['"]|\bfrom\s+['"]https?:""")
        assert not any(fetching.search(script) for script in any_page.held["script"])

    def test_recorded_texts_cannot_break_out(self, any_page: Page) -> None:
        """An entity, a recording's name, a reason or a sentence with a script in it stays text, escaped once."""
        assert HOSTILE not in any_page.source
        assert html.escape(HOSTILE) in any_page.source
        assert any_page.text.count(HOSTILE) >= 1, "shown as text, where it is shown"
        (code,) = any_page.held["script"]
        assert "alert(1)" not in code

    def test_only_the_reports_own_script_may_run(self, any_page: Page) -> None:
        """The policy allows the script it was made for, by its digest, and no request at all."""
        (policy,) = [one["content"] or "" for tag, one in any_page.elements if tag == "meta" and "http-equiv" in one]
        digest = base64.b64encode(hashlib.sha256(any_page.held["script"][0].encode()).digest()).decode()
        assert f"script-src 'sha256-{digest}'" in policy
        assert "default-src 'none'" in policy

    def test_every_figure_says_where_its_numbers_come_from(self, any_page: Page) -> None:
        """A chart or table without its label would pass for AWS."""
        assert any_page.held["figure"]
        assert all(LABEL in figure or "simulated" in figure for figure in any_page.held["figure"])
        charts = [one for _, one in any_page.elements if one.get("class") == "chart"]
        assert all(re.search(f"{LABEL}|simulated", one["aria-label"] or "") for one in charts)

    def test_the_sql_under_a_figure_runs(self, home: Places, any_page: Page) -> None:
        """What stands under a figure gives it, as it stands there."""
        assert len(any_page.held["pre"]) >= 3
        with connect(home) as connection:
            for sql in any_page.held["pre"]:
                assert connection.sql(sql).fetchall() is not None

    def test_no_number_is_made_up(self, any_page: Page) -> None:
        """What is not there is a dash, in tables and in charts."""
        assert not re.search(r"\b(NaN|nan|None|inf|Infinity)\b", any_page.text)
        assert not re.search(r"NaN|Infinity|undefined|null", " ".join(any_page.attributes("d")))

    def test_links_within_the_page_lead_somewhere(self, any_page: Page) -> None:
        anchors = {f"#{name}" for name in any_page.attributes("id")}
        assert {link for link in any_page.attributes("href") if link.startswith("#")} <= anchors

    def test_numbers_are_sorted_as_numbers(self, any_page: Page) -> None:
        """A cell's value is there unrounded, and nothing where there is none."""
        values = any_page.attributes("data-value", "td")
        assert any("." in value for value in values)
        assert all(value == "" or float(value) == float(value) for value in values)

    def test_names_within_the_page_are_its_own(self, any_page: Page) -> None:
        """Charts are drawn apart, and each has names for what it is clipped by."""
        names = any_page.attributes("id")
        assert len(names) == len(set(names))


def test_invalid_replays_are_named_and_left_out(page: Page) -> None:
    """An invalid replay appears with its reason, in no figure."""
    assert f"Hybrid, repetition 1: {LATE}" in page.text
    assert "There is nothing to say: no replay of it was valid." in page.text
    assert "Hybrid" not in page.drawn


def test_the_answer_comes_before_the_figures(page: Page) -> None:
    """What happened under a scenario is read in words without unfolding it."""
    answer = (
        "Synchronous refused 30 % of the 10 commands (3 with an error) and stored none of those, but stored all"
        " 7 it acknowledged; event-driven acknowledged all 10 commands and stored them all, the last one due in the"
        " fault 12.4 s (31.0 s recorded) after its end."
    )
    assert page.text.index(answer) < page.text.index("Summary")
    assert "one repetition cannot judge them" in page.text
    assert "--limit 15 --repetitions 8" in page.text, "with the options of this comparison"


def test_where_everything_failed_the_page_says_so(places: Places) -> None:
    """In words and dashes, and that there was no query."""
    observations = outage_experiment(fault_windows=windows((0, 1_000_000)))
    observations.request("a", 502).request("b", None, fate="timed_out").request("c", None, fate="unsent")
    file_outcomes(places, observations, "c1/cell/synchronous")
    page = report_page(places)
    assert (
        "Synchronous refused all 3 commands (1 with an error, 1 left without an answer and 1 not sent in time)"
        " and stored none of those." in page.text
    )
    assert "The recording holds none." in page.text
    assert not re.search(r"\b(NaN|nan|None|inf|Infinity)\b", page.text)


def test_the_newest_comparison_is_reported_unless_one_is_named(places: Places) -> None:
    """Newest is by when it started, not by name."""
    for comparison_id, day in (("a", 22), ("b", 21)):
        started_at = datetime(2026, 11, day, tzinfo=UTC)
        observations = outage_experiment(comparison_id=comparison_id, started_at=started_at)
        file_outcomes(places, observations.request().item().record(), f"{comparison_id}/cell/synchronous")
    assert "comparison a" in report_page(places).text
    assert "comparison b" in report_page(places, "b").text
    apart = write_report(places, "a", "elsewhere")
    assert apart.parent == places.report.parent / "elsewhere"
    assert "comparison a" in Page(apart.read_text()).text
    assert {path.name for path in apart.parent.iterdir()} == {"index.html", "report.md", "report.json"}
    assert "comparison b" in Page(places.report.read_text()).text, "no other is replaced"


def test_repetitions_are_pooled_and_invalid_ones_left_out(places: Places) -> None:
    """Counts are per repetition; of three the one that is invalid is named and counts nowhere."""
    observations = outage_experiment(repetition=1)
    for repetition in (1, 2, 3):
        if repetition > 1:
            outage_experiment(observations, repetition=repetition, invalid_reason=LATE if repetition == 3 else None)
        observations.request(repetition=repetition).item(repetition=repetition).record(repetition=repetition)
    file_outcomes(places, observations, "c1/cell/synchronous")
    text = report_page(places).text
    assert "Synchronous acknowledged all 1 × 2 commands and stored them all." in text
    assert f"Synchronous, repetition 3: {LATE}" in text
    assert "Latencies are medians over the repetitions" in text
    assert "one repetition cannot" not in text


def contest(places: Places, scenario: str, variant: str, *, speed: float = 2.5, duplicates: int = 0) -> None:
    """Ten commands, some of them delivered and stored twice."""
    faults: list[dict[str, Any]] = [
        {"target": "deliveries", "kind": "twice", "due_us": 0, "start_us": 0, "end_us": 30_000_000, "requests": 4},
        {"target": "queue", "kind": "down", "due_us": 0, "start_us": 1_000_000, "end_us": 2_000_000, "present": False},
    ]
    observations = outage_experiment(
        architecture="event_driven",
        queued=["command"],
        scenario=scenario,
        variant=variant,
        speed=speed,
        fault_windows=json.dumps(faults),
    )
    for number in range(10):
        name, at_us = str(number), number * 100_000
        observations.request(name, 202, at_us=at_us).record(name, at_us=at_us + 900)
        observations.item(name, commits=2 if number < duplicates else 1)
    file_outcomes(places, observations, f"c1/food_orders__{scenario}/event_driven~{variant}")


def test_variants_are_distinct_and_naivety_has_its_price(places: Places) -> None:
    """In the sentences, the tables and the charts."""
    contest(places, "duplicate_delivery", "idempotent")
    contest(places, "duplicate_delivery", "naive", duplicates=4)
    page = report_page(places)
    assert "4 duplicates among 10 commands in naive event-driven, none in event-driven." in page.text
    assert "Delivered twice (from the first request to the last, 4 commands)" in page.text
    assert "Event-driven and naive event-driven have no queue: that was done to the others only." in page.text
    dashes = set(page.attributes("stroke-dasharray", "path"))
    for style in styles(["event_driven~idempotent", "event_driven~naive"]):
        assert ",".join(f"{one:g}" for one in style.dash) in dashes


def test_cells_of_different_speeds_each_say_theirs(places: Places) -> None:
    """A burst is played slower, so the comparison has no single speed."""
    contest(places, "steady", "idempotent", speed=7.5)
    contest(places, "burst", "idempotent", speed=2.5)
    text = report_page(places).text
    assert "2.5 to 7.5 times as fast as recorded" in text
    assert "Played at 7.5 times the recorded speed:" in text
    assert "Played at 2.5 times the recorded speed:" in text


def test_times_of_a_replay_stand_beside_those_of_the_recording(places: Places) -> None:
    """A drain of twelve seconds at four times the speed was fifty as recorded."""
    file_outcomes(places, outage("event_driven", speed=4.0), "c1/food_orders__backend_outage/event_driven")
    text = report_page(places).text
    assert "the last one due in the fault 12.4 s (49.6 s recorded) after its end" in text
    assert "12.4 (49.6)" in text


def test_everything_but_the_answer_is_folded(page: Page) -> None:
    assert not [one for tag, one in page.elements if tag == "details" and "open" in one]
    headings = ["What was replayed", "Scenario by scenario", "Cost", "Verdicts", "How it was measured"]
    places = [page.text.index(heading) for heading in headings]
    assert places == sorted(places)


def test_what_was_replayed_is_counted_from_the_replay(page: Page) -> None:
    """Rate, mix, the busiest minute and the routes."""
    for text in ("15 in ", "10 commands (67 %), 5 queries (33 %)", "minute 1, with 15 requests", "GET /orders/{order}"):
        assert text in page.text


def test_recorded_and_replayed_service_times_stand_beside_each_other(places: Places) -> None:
    config = {"worked": {"kind": "recorded", "overhead_us": 2000, "mean_us": 50_000}, "busiest_s": [60.0, 400.0]}
    observations = outage_experiment(scenario="steady", config=json.dumps(config))
    observations.request(recorded_us=52_000, work_us=50_000, took_us=54_000).item().record(worked_us=50_100)
    file_outcomes(places, observations, "c1/food_orders__steady/synchronous~idempotent")
    text = report_page(places).text
    assert "Recorded and replayed service time, ms" in text
    assert "commands · Synchronous 52.0 54.0 52.0 54.0 50.0 50.1 0.1" in text
    assert "Part the busiest, seconds 60 to 400 of the recording" in text
    assert "Work handlers worked as long as was recorded, less 2.0 ms for gateway and hop" in text


def test_latency_is_drawn_over_time(page: Page) -> None:
    labels = page.attributes("aria-label", "div")
    assert any("Time until commands were done, over time" in label for label in labels)


def test_claims_are_a_page_of_their_own_where_they_are_asked_for(places: Places) -> None:
    """Of a night always; of another comparison by wish, and the page of an earlier one does not stay."""
    file_replay(places, "night", night="2026-11-20", origin="nightly")
    file_replay(places, "adhoc")
    claims = places.report.with_name("claims.html")
    assert "claims.html" not in report_page(places, "adhoc").attributes("href")
    assert not claims.exists()
    assert "claims.html" in report_page(places, "night").attributes("href")
    assert claims.exists()
    report_page(places, "adhoc")
    assert not claims.exists()
    assert "No claim was judged" in report_page(places, "adhoc", claims=True).text


def test_what_the_target_does_otherwise_is_listed(places: Places) -> None:
    """Of the comparison's own target, and only what differs; before `archduel doctor` ran, the page names it."""
    contest(places, "steady", "idempotent")
    assert "archduel doctor does that" in report_page(places).text
    columns = ("target", "behaviour", "expected", "observed", "status", "affects")
    known = [
        ("MiniStack 1.5.33", "messages come twice", "now and then", HOSTILE, "absent", "E4"),
        ("MiniStack 1.5.33", "unknown paths", "403", "403", "reproduced", ""),
        ("another", "integration timeout", "504", "200", "different", ""),
    ]
    places.conformance.mkdir(parents=True)
    rows = [dict(zip(columns, row, strict=True)) for row in known]
    table = pa.Table.from_pylist(rows, schema=schema("conformance"))
    pq.write_table(table, places.conformance / "x.parquet")
    page = report_page(places)
    assert "Of 2 documented behaviours that were probed on MiniStack 1.5.33, 1 are as on AWS." in page.text
    (figure,) = [figure for figure in page.held["figure"] if "Differences" in figure]
    assert "messages come twice" in figure
    assert HOSTILE in figure
    assert "unknown paths" not in figure
    assert "integration timeout" not in page.text


def test_a_scenario_that_rests_on_what_the_target_lacks_says_so_in_its_title(places: Places) -> None:
    for name in ("steady", "burst"):
        contest(places, name, "idempotent")
    lacks = {"target": "MiniStack 1.5.33", "behaviour": "pollers of a mapping scale up", "status": "absent"}
    places.conformance.mkdir(parents=True)
    pq.write_table(
        pa.Table.from_pylist([lacks], schema=schema("conformance")), places.conformance / "ministack.parquet"
    )
    says = "rests on what MiniStack 1.5.33 does not show: pollers of a mapping scale up"
    assert report_page(places).text.count(says) == 1
    leads = (places.report.parent / "report.md").read_text()
    assert f"**Burst** ({says}):" in leads
    assert "**Steady**:" in leads


def test_a_scenario_of_the_users_own_has_its_title(places: Places) -> None:
    """As its file says it."""
    places.scenarios.mkdir(parents=True)
    (places.scenarios / "mine.toml").write_text('title = "My own trouble"\ndescription = "Something breaks."\n')
    contest(places, "mine", "idempotent")
    assert "My own trouble" in report_page(places).text


def test_without_results_one_line_says_what_to_do(places: Places) -> None:
    """No database, an empty one and a damaged one: each one line, never a traceback."""
    with pytest.raises(ArchduelError, match=r"\Athere are no results yet [^\n]*archduel compare[^\n]*\Z"):
        write_report(places)
    publish(places)
    with pytest.raises(ArchduelError, match=r"\Athere are no results yet[^\n]*archduel compare[^\n]*\Z"):
        write_report(places)
    places.database.write_bytes(b"no database" * 1000)
    with pytest.raises(ArchduelError, match=r"\A[^\n]* cannot be opened: [^\n]*archduel report[^\n]*\Z"):
        write_report(places)
    assert not places.report.exists()


def test_an_unknown_comparison_is_a_wrong_usage(outages: Places) -> None:
    """The known ones are listed."""
    with pytest.raises(UsageError, match=r"\Aunknown comparison 'x': choose from c1\Z"):
        write_report(outages, "x")


@pytest.mark.parametrize("folder", ["index.html", "report.md", "report.json"])
def test_one_file_that_cannot_be_replaced_leaves_all_as_they_were(outages: Places, tmp_path: Path, folder: str) -> None:
    """The three files are written all or none, and nothing half written stays beside them."""
    places = Places(tmp_path / "home")
    shutil.copytree(outages.outcomes, places.outcomes)
    publish(places)
    before = write_report(places).parent
    names = {path.name for path in before.iterdir()}
    assert names == {"index.html", "report.md", "report.json"}
    for path in before.iterdir():
        path.write_text("old")
    (before / folder).unlink()
    (before / folder).mkdir()
    with pytest.raises(ArchduelError, match=r"\Acannot write [^\n]*\Z"):
        write_report(places)
    assert {path.name for path in before.iterdir()} == names
    assert all(path.read_text() == "old" for path in before.iterdir() if path.is_file())
