"""Dagster's UI as its users have it: the graph, launching, watching, ending and judging runs, in a real browser.

`make test-browser` runs it. Cells are simulated, so that no emulator is needed. The tests share one UI and go on from
each other, in this order; each is a thing that people do.
"""

import re
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest

from tests.ui.driving import PATIENCE_S, Ui
from tests.waiting import until

# Dagster takes ten seconds to start and as long again for each run's process: all of it takes minutes.
pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]

CELL = "food_orders__steady__simulated"
JOB = "one_architecture_synchronous"
TODAY = datetime.now(UTC).date()
CONFIG = "resources:\n  lab:\n    config:\n      limit: 60\n      repetitions: 2\n"
LONG = "resources:\n  lab:\n    config:\n      repetitions: 1000\n"
ENDED = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)


def partition(ago: int = 0) -> str:
    return f"{CELL}|{TODAY - timedelta(days=ago)}"


def test_the_graph_of_the_comparison_can_be_read_and_claims_are_one_node(ui: Ui) -> None:
    page = ui.open("/locations/archduel/asset-groups/comparison/lineage")
    for node in ("warehouse", "claims", "recommendations", "report"):
        page.get_by_text(node, exact=True).first.wait_for()


def test_the_api_shows_the_way_of_requests_before_anything_ran(ui: Ui) -> None:
    page = ui.open("/assets/hybrid/api")
    page.get_by_text("order in which resources are made").first.wait_for()
    page.get_by_text("[Show Markdown]").first.click()
    picture = page.get_by_alt_text("the way of requests")
    picture.wait_for()
    assert picture.evaluate("image => image.complete && image.naturalWidth > 500")
    assert picture.evaluate("image => image.naturalWidth") <= 1100, "it fits into the dialog"


def test_a_cell_is_launched_with_changed_configuration_watched_and_shows_plots_and_tables(ui: Ui) -> None:
    run_id = ui.launch(JOB, partition(), CONFIG)
    ui.page.get_by_text("RUN_STARTING").first.wait_for()
    ui.page.get_by_text("RUN_SUCCESS").first.wait_for()
    assert ui.status(run_id) is dg.DagsterRunStatus.SUCCESS
    page = ui.open(f"/assets/synchronous/outcomes?partition={partition()}")
    keys = page.locator("tbody tr td:first-child")
    page.get_by_text("over_time", exact=True).first.wait_for()
    assert [text for text in keys.all_inner_texts() if text in ("over_time", "ledger")] == ["over_time", "ledger"]
    page.get_by_text("[Show Markdown]").first.click()
    assert page.get_by_alt_text("chart").evaluate("image => image.naturalWidth") > 100


def test_the_books_show_their_identities_with_numbers(ui: Ui) -> None:
    page = ui.open("/assets/synchronous/outcomes?view=checks&checkDetail=books_balance")
    page.get_by_text("books_balance").first.wait_for()
    page.get_by_text("identities").first.wait_for()


def test_a_backfill_of_two_cells_runs_both(ui: Ui) -> None:
    page = ui.open("/assets/synchronous/table")
    page.get_by_role("button", name=re.compile("Materialize")).first.click()
    page.get_by_text("Select a partition or create one").first.click()
    page.keyboard.type(CELL)
    page.get_by_role("menuitem").or_(page.locator("[role=option], .bp5-menu-item")).filter(has_text=CELL).first.click()
    page.keyboard.press("Escape")
    page.get_by_placeholder(re.compile("^ex: ")).fill(f"[{TODAY - timedelta(days=2)}...{TODAY - timedelta(days=1)}]")
    page.keyboard.press("Tab")
    page.get_by_text("2 partitions").first.wait_for()
    page.get_by_role("button", name="Launch backfill").click()

    def both() -> bool:
        with dg.DagsterInstance.from_config(str(ui.places.dagster)) as instance:
            runs = [run for run in instance.get_runs() if "dagster/backfill" in run.tags]
            return len(runs) == 2 and all(run.is_success for run in runs)

    assert until(both, PATIENCE_S)


def test_a_run_ends_when_it_is_terminated_during_set_up(ui: Ui) -> None:
    run_id = ui.launch(JOB, partition(3), LONG)
    ui.terminate()
    ui.wait_for(run_id, dg.DagsterRunStatus.CANCELED)


def test_a_run_ends_when_it_is_terminated_in_the_middle_and_the_lab_is_free_again(ui: Ui) -> None:
    run_id = ui.launch(JOB, partition(4), LONG)
    ui.wait_for(run_id, dg.DagsterRunStatus.STARTED)
    assert until(lambda: ui.has_begun(run_id, "replay"), PATIENCE_S)
    ui.terminate()
    ui.wait_for(run_id, dg.DagsterRunStatus.CANCELED)
    again = ui.launch(JOB, partition(4), CONFIG)
    ui.wait_for(again, dg.DagsterRunStatus.SUCCESS)


def test_schedules_and_sensors_are_there_and_those_of_the_nights_are_on(ui: Ui) -> None:
    page = ui.open("/automation")
    for name in ("nightly_simulated", "nightly", "retention", "night_is_over", "library", "dead_runs", "alerts"):
        page.get_by_text(name, exact=True).first.wait_for()
    row = page.locator("div, tr").filter(has=page.get_by_text("nightly_simulated", exact=True)).last
    row.wait_for()


def test_the_checks_of_the_last_comparison_say_what_they_found(ui: Ui) -> None:
    run_id = ui.launch("comparison", str(TODAY), "resources:\n  comparison:\n    config:\n      target: simulated\n")
    ui.wait_for(run_id, *ENDED)
    assert ui.status(run_id) is dg.DagsterRunStatus.SUCCESS
    for claim in ("S1", "E1", "T2"):  # the list shows no more than fit; the chosen one is always there
        page = ui.open(f"/assets/comparison/claims?view=checks&checkDetail={claim}")
        page.get_by_text(claim, exact=True).first.wait_for()
    ui.open("/assets/comparison/ledger?view=checks").get_by_text("every_replay_valid").first.wait_for()


def test_no_page_said_an_error_or_asked_another_host(ui: Ui) -> None:
    """Of all that was done above."""
    assert ui.said == []
    assert ui.hosts - {"data", "blob"} == {ui.address.removeprefix("http://")}
