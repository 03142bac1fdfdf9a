"""Parameters fitted to observations, from simulated ones of which it is known what they were made with."""

from pathlib import Path

import pytest

from resources.lab.cell import Cell, Comparison
from resources.lab.lab import Lab
from resources.lab.settings import LabSettings
from resources.simulation.calibrating import MIN_SAMPLES, Calibration, calibrate
from resources.simulation.parameters import bundled, load
from resources.warehouse.observations import Tables
from workloads.errors import UsageError
from workloads.places import Places

KNOWN = """\
[gateway.latency]
value = 4
[lambda.invoke_latency]
value = 20
[sqs.send_latency]
value = 9
[sqs.delivery_latency]
value = 30
[table.write_latency]
value = 7
[table.read_latency]
value = 3
"""


@pytest.fixture(scope="module")
def observed(tmp_path_factory: pytest.TempPathFactory) -> list[Tables]:
    """Of synchronous and hybrid."""
    folder: Path = tmp_path_factory.mktemp("observed")
    (folder / "known.toml").write_text(KNOWN)
    settings = LabSettings(
        target="simulated", target_options={"parameters": str(folder / "known.toml")}, duration_s=40.0
    )
    cell = Cell("food_orders", "steady", "simulated")
    with Lab(Places(folder), settings) as lab:
        list(lab.replay(["synchronous", "hybrid"], cell, Comparison("c1", "adhoc", "2026-11-20")))
        contenders = settings.contenders(["synchronous", "hybrid"])
        return [lab.observations.read("c1", str(cell), one.partition) for one in contenders]


@pytest.fixture(scope="module")
def fitted(observed: list[Tables]) -> Calibration:
    return calibrate(observed)


@pytest.mark.parametrize(
    ("name", "ms"),
    [
        ("lambda.invoke_latency", 4 + 20),  # of which a caller cannot tell what the API adds
        ("sqs.send_latency", 4 + 9),
        ("sqs.delivery_latency", 30),
        ("table.write_latency", 7),
        ("table.read_latency", 3),
    ],
)
def test_what_it_was_made_with_is_found_again(fitted: Calibration, name: str, ms: float) -> None:
    [one] = [one for one in fitted.fitted if one.name == name]
    assert dict(one.quantiles)[0.5] == pytest.approx(ms * 1000, rel=0.02)
    assert one.p50_low_us <= dict(one.quantiles)[0.5] <= one.p50_high_us
    assert one.n >= MIN_SAMPLES


def test_the_file_is_one_that_the_simulation_takes(fitted: Calibration, tmp_path: Path) -> None:
    file = tmp_path / "fitted.toml"
    file.write_text(fitted.toml(bundled(), "a test"))
    loaded = load(file)
    assert {"lambda.invoke_latency", "gateway.latency", "mapping.pollers"} <= loaded.changed
    assert dict(loaded["sqs.send_latency"].quantiles_us)[0.5] == pytest.approx(13_000, rel=0.02)


def test_what_was_hardly_seen_stays_as_it_is_and_is_said(observed: list[Tables]) -> None:
    alone = calibrate(observed[:1])
    assert "sqs.send_latency" in alone.unknown
    assert "sqs.send_latency" not in alone.changes(bundled())
    assert "# sqs.send_latency stays as it was: 0 times were seen" in alone.toml(bundled(), "a test")


def test_nothing_to_fit_is_refused(observed: list[Tables]) -> None:
    with pytest.raises(UsageError, match="nothing to fit"):
        calibrate([{name: table.slice(0, 0) for name, table in observed[0].items()}])
