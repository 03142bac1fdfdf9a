"""How long a night takes: as its cells took the last time a night ran them so, else as they are planned."""

import uuid
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, cast

import dagster as dg
import pytest

from orchestration.commands.night_length import cell_lengths, night_estimator
from orchestration.jobs import ONE_CELL
from orchestration.night_history import run_config
from orchestration.nights import NightCell, Nights, cells_of_night, read
from orchestration.partitions import CELL_TAG
from resources.dagster_resources import NIGHT_TAG
from workloads.places import Places

NOW = datetime(2026, 11, 20, tzinfo=UTC)


@dataclass
class Instance:
    """What succeeded, the latest first, in place of Dagster's own instance."""

    records: list[dg.RunRecord] = field(default_factory=list)

    def ran(self, one: NightCell, nights: Nights, seconds: float, tags: dict[str, str]) -> None:
        """Have had a cell run, before all others there are."""
        tags = {CELL_TAG: str(one.cell), **tags}
        run = dg.DagsterRun(ONE_CELL, str(uuid.uuid4()), run_config(one, nights), tags=tags)
        self.records.append(dg.RunRecord(len(self.records), run, NOW, NOW, 1000.0, 1000.0 + seconds))

    def get_run_records(self, *_: Any, **__: Any) -> list[dg.RunRecord]:
        """As `dg.DagsterInstance.get_run_records`."""
        return self.records

    @property
    def itself(self) -> dg.DagsterInstance:
        return cast("dg.DagsterInstance", self)


@pytest.fixture
def nights(places: Places) -> Nights:
    places.home.mkdir(parents=True)
    places.nights.write_text(
        'targets = ["simulated"]\narchitectures = ["synchronous"]\nrepetitions = 2\n'
        '[[cells]]\nscenarios = ["steady", "backend_outage"]\n'
    )
    return read(places.nights)


def test_a_cell_takes_as_long_as_the_last_time_a_night_ran_it_so(places: Places, nights: Nights) -> None:
    steady, outage = cells_of_night(nights, "simulated", places)
    instance, of_night = Instance(), {NIGHT_TAG: "2026-11-20"}
    instance.ran(steady, nights, 11.0, {})  # by hand
    instance.ran(steady, nights.model_copy(update={"repetitions": 3}), 22.0, of_night)  # otherwise
    instance.ran(steady, nights, 33.0, of_night)
    instance.ran(steady, nights, 44.0, of_night)  # earlier
    found = cell_lengths(places, instance.itself, nights, [steady, outage])
    assert (found[steady.cell].seconds, found[steady.cell].how) == (33.0, "as last time")
    planned = found[outage.cell]
    assert planned.how == "planned"
    assert planned.seconds is not None
    total_s = night_estimator(places)(instance.itself, nights, [steady, outage])
    assert total_s is not None
    assert total_s > 33 + planned.seconds, "its comparison takes some time as well"


def test_it_is_not_known_while_one_cell_was_never_run_on_a_target_that_was_never_measured(
    places: Places, nights: Nights
) -> None:
    steady, outage = (
        replace(one, cell=replace(one.cell, target="ministack")) for one in cells_of_night(nights, "simulated", places)
    )
    instance = Instance()
    instance.ran(steady, nights, 33.0, {NIGHT_TAG: "2026-11-20"})
    assert night_estimator(places)(instance.itself, nights, [steady]) is not None
    assert night_estimator(places)(instance.itself, nights, [steady, outage]) is None
    assert "not known" in cell_lengths(places, instance.itself, nights, [outage])[outage.cell].how
