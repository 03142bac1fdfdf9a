"""What a night runs: the file, what is wrong with a wrong one, and the cells that follow from it."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from assets.analysis.claims import scenarios_needed
from orchestration.nightly import length
from orchestration.nights import BUNDLED, cells_of_night, check, daily, file_in_use, read
from resources.architectures.stack import SDK_DEFAULTS
from resources.targets import DEFAULT_TARGET
from workloads.errors import UsageError
from workloads.places import Places
from workloads.scenarios import DEFAULT_SCENARIOS, scenarios

CELLS = '[[cells]]\nscenarios = ["steady"]\n'


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "nights.toml"
    file.write_text(text)
    return file


def test_the_bundled_nights_run_the_default_scenarios_those_that_claims_need_and_two_on_retries(places: Places) -> None:
    nights = read(BUNDLED)
    check(nights, places)
    cells = cells_of_night(nights, DEFAULT_TARGET, places)
    names = [one.cell.scenario for one in cells]
    assert set(names) == {*DEFAULT_SCENARIOS, *scenarios_needed(), "backend_hang", "callers_retry"}
    assert len(names) == len(set(names))
    assert [one.cell.scenario for one in cells if one.aa] == ["steady"], "the noise is measured, and in one cell only"
    assert [one.cell.scenario for one in cells if SDK_DEFAULTS in one.variants] == ["backend_hang"]
    assert nights.compared == ("synchronous", "event_driven", "hybrid")
    assert not nights.alerts.any


def test_what_a_target_lacks_something_for_is_left_out_on_it(places: Places) -> None:
    nights = read(BUNDLED)
    here, elsewhere = (
        {one.cell.scenario for one in cells_of_night(nights, target, places)} for target in ("ministack", "localstack")
    )
    assert elsewhere < here


def test_the_users_own_file_and_scenarios_count(places: Places) -> None:
    assert file_in_use(places) == BUNDLED
    places.home.mkdir(parents=True, exist_ok=True)
    (places.home / "nights.toml").write_text('targets = ["simulated"]\n[[cells]]\nscenarios = ["slow_lunch"]\n')
    places.scenarios.mkdir()
    own = (Path(scenarios.__code__.co_filename).parent / "steady.toml").read_text()
    (places.scenarios / "slow_lunch.toml").write_text(own.replace("steady", "slow_lunch"))
    nights = read(file_in_use(places))
    check(nights, places)
    [one] = cells_of_night(nights, "simulated", places)
    assert str(one.cell) == "food_orders__slow_lunch__simulated"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("cells = 3", "cells"),
        ("[[cells]]\nrecordings = ['food_orders']", "cells 1: needs scenarios, or claims = true"),
        (CELLS + "scenario = 'steady'", "unknown key 'cells 1 scenario'"),
        ("start = '2:00'\n" + CELLS, "start: write it as HH:MM, such as 02:00"),
        ("start = '24:00'\n" + CELLS, "start: write it as HH:MM"),
        ("missed = 'ignore'\n" + CELLS, "missed"),
        ("repetitions = 0\n" + CELLS, "repetitions"),
        ("keep_nights = -1\n" + CELLS, "keep_nights"),
        (CELLS + "[alerts]\nemail = 'me@example.org'", "email needs smtp"),
        (CELLS + "[alerts]\nwebhook = 'http://example.org/x'", "webhook must be an https:// address"),
        ("not toml", "is not a TOML file"),
    ],
)
def test_a_wrong_file_is_one_sentence_that_names_the_place(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(UsageError) as error:
        read(written(tmp_path, text))
    assert complaint in str(error.value)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (CELLS.replace("steady", "stedy"), "steady"),
        (CELLS + "recordings = ['food_ordes']", "food_orders"),
        (CELLS + "variants = ['idempotant']", "idempotent"),
        ("architectures = ['hybird']\n" + CELLS, "hybrid"),
        ("targets = ['simulatd']\n" + CELLS, "simulated"),
        ("targets = ['aws']\n" + CELLS, "aws"),
    ],
)
def test_a_name_that_does_not_exist_is_found_before_the_night(
    tmp_path: Path, places: Places, text: str, complaint: str
) -> None:
    nights = read(written(tmp_path, 'targets = ["ministack"]\n' * (not text.startswith("targets")) + text))
    with pytest.raises(UsageError, match=complaint):
        check(nights, places)


@pytest.mark.parametrize(
    ("start", "end", "by"), [("02:00", "08:00", "2026-11-30 08:00"), ("22:30", "06:00", "2026-12-01 06:00")]
)
def test_a_night_may_begin_before_midnight(tmp_path: Path, start: str, end: str, by: str) -> None:
    nights = read(written(tmp_path, f"start = '{start}'\nend = '{end}'\n{CELLS}"))
    hour, minute = map(int, start.split(":"))
    assert f"{nights.ends_by(datetime(2026, 11, 30, hour, minute, tzinfo=UTC)):%Y-%m-%d %H:%M}" == by
    assert daily(nights.start) == f"{minute} {hour} * * *"


@pytest.mark.parametrize(("hours", "late"), [(5.9, False), (6.1, True)])
def test_a_night_that_cannot_end_by_morning_says_so(hours: float, late: bool) -> None:
    start, end = (datetime(2026, 11, 30, hour, tzinfo=UTC) for hour in (2, 8))
    takes = length(hours * 3600, start, end)
    assert takes.late == late
    assert ("cannot end by 08:00" in takes.text) == late
    assert f"about {hours * 60:.0f} minutes: from 02:00 to" in takes.text
