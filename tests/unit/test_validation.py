"""Predicting observed cells with parameters fitted to others: the same requests, side by side with what was seen."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from assets.analysis.outcomes import reconcile
from assets.analysis.validation import Observed, Validated, settings_of, validate
from assets.report.beside import beside_of
from assets.report.files import write_report
from assets.report.queries import COMPARISONS, table_of
from assets.report.words.validation import missed_sentence
from resources.architectures.stack import DEFAULT_VARIANT
from resources.lab.cell import Cell, Comparison, Contender
from resources.lab.lab import Lab
from resources.lab.settings import SIMULATED, LabSettings
from resources.progress import Silent
from resources.warehouse.observations import ObservationStore, Tables
from resources.warehouse.outcomes import beside, write_outcomes
from resources.warehouse.publish import publish
from resources.warehouse.reading import connect
from tests.report_builder import Page
from workloads.errors import UsageError
from workloads.places import Places
from workloads.recordings.library import Library

OUTAGE = "backend_outage"
CONTENDER = Contender("event_driven", DEFAULT_VARIANT)


def as_observed(tables: Tables) -> Tables:
    """What was simulated, as if an emulator had been seen to do it."""
    [row] = tables["experiments"].to_pylist()
    config = {**json.loads(row["config"]), "target": "ministack", "target_options": {}, "loop": None}
    seen = {**row, "evidence": "observed", "target": "MiniStack 0", "config": json.dumps(config)}
    return {**tables, "experiments": pa.Table.from_pylist([seen], schema=tables["experiments"].schema)}


def simulated(places: Places, comparison_id: str, scenario: str, **settings: Any) -> Tables:
    """What was seen of a simulated cell."""
    cell = Cell("food_orders", scenario, SIMULATED)
    with Lab(places, LabSettings(target=SIMULATED, **settings)) as lab:
        list(lab.replay([CONTENDER.architecture], cell, Comparison(comparison_id, "adhoc", "2026-11-20")))
        return lab.observations.read(comparison_id, str(cell), CONTENDER.partition)


def keep(places: Places, comparison_id: str, cell: Cell, tables: Tables) -> None:
    """Keep what was seen of a cell, and what became of it."""
    ObservationStore(places).write(comparison_id, str(cell), CONTENDER.partition, tables)
    write_outcomes(places, comparison_id, str(cell), CONTENDER.partition, reconcile(tables))


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Places:
    """A home in which one architecture was observed when nothing breaks and in an outage, the recording played once.

    In the outage it is simulated beside that.
    """
    home = Places(tmp_path_factory.mktemp("home"))
    for scenario in ("steady", OUTAGE):
        keep(home, "c1", Cell("food_orders", scenario), as_observed(simulated(home, "c1", scenario, loop=1)))
    keep(home, beside("c1"), Cell("food_orders", OUTAGE, SIMULATED), simulated(home, beside("c1"), OUTAGE, loop=1))
    publish(home)
    return home


@pytest.fixture(scope="module")
def found(places: Places) -> Validated:
    return validate(places, "c1", ["steady"], Silent())


def test_a_cell_that_was_not_fitted_to_is_predicted_from_the_same_requests(found: Validated) -> None:
    rows = {(row["scenario"], row["operation"], row["measure"]): row for row in found.rows.to_pylist()}
    assert {name: row["fitted"] for (name, _, _), row in rows.items()} == {"steady": True, OUTAGE: False}
    for measure in ("backlog_max", "drain_us"):  # those of a longer outage would be greater
        row = rows[OUTAGE, "", measure]
        assert row["ratio"] == pytest.approx(row["predicted"] / row["observed"])
        assert row["ratio"] == pytest.approx(1, abs=0.1)
        assert row["predicted_low"] <= row["predicted"] <= row["predicted_high"]
    share = rows[OUTAGE, "command", "refused_share"]
    assert share["ratio"] is None
    assert share["difference"] == share["predicted"] - share["observed"]
    assert LabSettings(target=SIMULATED, target_options={"parameters": str(found.file)})


@pytest.mark.parametrize(
    ("comparison_id", "fit", "message"),
    [("none", "steady", "no comparison 'none'"), ("c1", "burst", "burst"), ("c2", "steady", "was simulated")],
)
def test_what_cannot_be_fitted_to_is_refused(places: Places, comparison_id: str, fit: str, message: str) -> None:
    keep(places, "c2", Cell("food_orders", "steady", SIMULATED), simulated(places, "c2", "steady", limit=20))
    with pytest.raises(UsageError, match=message):
        validate(places, comparison_id, [fit], Silent())


def test_the_report_has_what_is_simulated_beside_it_and_how_well_that_predicts(
    places: Places, found: Validated
) -> None:
    publish(places)
    page = Page(write_report(places, "c1").read_text())
    assert "Observed, and predicted for AWS" in page.text
    assert missed_sentence(found.rows.to_pylist()) in page.text
    with connect(places) as connection:
        comparisons = table_of(connection, COMPARISONS).to_pylist()
        rows = {one["comparison_id"]: one for one in comparisons}
        shown = beside_of(connection, rows["c1"], rows[beside("c1")], {("food_orders", OUTAGE): "Outage"})
    [cell] = shown.cells.values()
    assert [(line.evidence, line.noun) for line in cell.lines] == [
        (evidence, noun) for noun in ("commands", "queries") for evidence in ("observed", "simulated")
    ]
    first, second = (cell.lines[at].row for at in (0, 1))
    assert first is not None
    assert first == second, "one was made from the other"
    assert first["backlog_max"] > 0
    assert first["drain_us"] > 0


def observed(**config: Any) -> Observed:
    stored = {**LabSettings().model_dump(mode="json"), "busiest_s": None, "pauses_cut_to_s": 1.0, **config}
    return Observed(Cell("food_orders", "steady"), CONTENDER, 4.0, stored)


def test_it_is_predicted_at_the_speed_and_with_the_pauses_of_the_replay(tmp_path: Path) -> None:
    settings = settings_of(observed(repetitions=3, budget_s=60, aa=True), tmp_path / "fitted.toml")
    assert (settings.target, settings.speed, settings.longest_pause_s) == (SIMULATED, 4.0, 1.0)
    assert (settings.repetitions, settings.budget_s, settings.aa, settings.loop) == (8, None, False, 1)


@pytest.mark.parametrize(
    ("config", "from_s", "to_s"),
    [
        ({"busiest_s": [10.0, 20.0]}, 10, 20),  # which the lab chose
        ({"busiest_length_s": 5.0}, None, None),  # which the user asked for
    ],
)
def test_where_only_the_busiest_part_was_replayed_that_is_predicted(
    tmp_path: Path, config: dict[str, Any], from_s: float | None, to_s: float | None
) -> None:
    settings = settings_of(observed(**config), tmp_path / "fitted.toml")
    recording = Library(Places(tmp_path)).load("food_orders")
    since_s = (settings.cut(recording).arrival_us - recording.arrival_us[0]) / 1e6
    if from_s is None:
        assert since_s.max() - since_s.min() <= 5
    else:
        assert (since_s.min() >= from_s, since_s.max() <= to_s) == (True, True)
