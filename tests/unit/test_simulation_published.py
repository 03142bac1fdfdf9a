"""Published measurements of AWS beside the simulation's predictions: the page shows what comes out, misses included."""

import pytest

from resources.simulation import kernel, oracle, published
from resources.simulation.parameters import bundled
from tests.pages import PAGES


def test_the_page_shows_every_measurement_with_what_is_predicted_today() -> None:
    text = PAGES["docs/simulation.md"].read_text()
    assert [row for row in published.rows(kernel.simulate) if row not in text] == []


def test_no_measurement_is_a_parameter_handed_back() -> None:
    known = {(quantile, us / 1000) for one in bundled().values() if one.is_time for quantile, us in one.quantiles_us}
    assert not [one.id for one in published.measurements() if (one.quantile, one.ms) in known]


@pytest.mark.parametrize("name", ["lambda.invoke_latency", "gateway.latency"])
def test_predictions_follow_from_the_parameters(name: str) -> None:
    slower = bundled().with_changes({name: {"value": 500}}, "mine.toml")
    [warm] = [one for one in published.measurements() if one.id == "http_p50"]
    assert published.predicted_ms(warm, oracle.simulate, slower) > 500
