"""The small pictures of judgements in Dagster's metadata: drawn where there is something, absent where there is not."""

import base64
from dataclasses import replace

import pyarrow as pa
import pytest

from assets import plots
from assets.plots import Plot, comparison_plots
from assets.report.charts.style import Drawing
from resources.warehouse.publish import publish
from tests.report_builder import claim, file_outcomes, file_replay, judge, night, outage_experiment, price, verdict
from workloads.places import Places

PLOTS = (plots.PAIRWISE, plots.COST, plots.CLAIMS, plots.HISTORY)


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> Places:
    """A night with something of every judgement, and one before it."""
    places = Places(tmp_path_factory.mktemp("plots"))
    for number, comparison_id in ((19, "c0"), (20, "c1")):
        file_replay(places, comparison_id, night=f"2026-11-{number}", origin="nightly")
        judge(places, "history", [night(number, 1e4 * number)], comparison_id)
    judge(places, "pairwise", [verdict(), verdict(metric="done_share", unit="share", difference=0.4)])
    judge(places, "cost", [price("synchronous", "api_gateway_requests", 3.5)])
    judge(places, "claims", [claim("S1"), claim("S2", verdict="refuted"), claim("E1", verdict="not_testable_here")])
    publish(places)
    return places


@pytest.mark.parametrize("plot", PLOTS, ids=lambda plot: plot.name)
def test_a_judgement_has_a_picture(nights: Places, plot: Plot) -> None:
    """Within the metadata itself, since Dagster's UI loads nothing else."""
    (picture,) = comparison_plots(nights, "c1", plot).values()
    text = str(picture.value)
    head, _, encoded = text.removesuffix(")").partition("base64,")
    assert head == "![chart](data:image/png;"
    assert base64.b64decode(encoded).startswith(b"\x89PNG")
    assert len(text) < 150_000


def test_every_recording_of_a_scenario_has_its_picture(places: Places) -> None:
    """Two recordings under one scenario are two cells."""
    for workload in ("food_orders", "another"):
        observations = outage_experiment(scenario="steady", workload=workload)
        file_outcomes(places, observations.request().item().record(), f"c1/{workload}__steady/synchronous~idempotent")
    publish(places)
    assert set(comparison_plots(places, "c1", plots.LEDGER)) == {"ledger_food_orders_steady", "ledger_another_steady"}


@pytest.mark.parametrize("plot", PLOTS, ids=lambda plot: plot.name)
def test_where_nothing_was_judged_there_is_no_picture(nights: Places, plot: Plot) -> None:
    """Nor an error: an asset of a night with nothing to show still has its table."""
    assert comparison_plots(nights, "c0", plot) == {}
    assert comparison_plots(nights, "unknown", plot) == {}


@pytest.mark.parametrize("plot", PLOTS, ids=lambda plot: plot.name)
def test_a_misspelt_column_fails_instead_of_showing_nothing(nights: Places, plot: Plot) -> None:
    """A query that names a column otherwise than the chart is a fault, and no judgement that is missing."""

    def misspelt(table: plots.Table, label: str) -> Drawing:
        def renamed(sql: str) -> pa.Table:
            rows = table(sql)
            return rows.rename_columns(
                [{"verdict": "veredict", "usd": "us"}.get(one, one) for one in rows.column_names]
            )

        return plot.draw(renamed, label)

    with pytest.raises(KeyError, match=r"verdict|usd"):
        comparison_plots(nights, "c1", replace(plot, draw=misspelt))
