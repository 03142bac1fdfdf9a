"""What pruning takes for old: nights, other comparisons where asked, Dagster's ended runs, logs. Nothing else goes."""

import os
import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import dagster as dg
import pytest

from orchestration import retention
from orchestration.jobs import IMPORT_RECORDING, ONE_CELL
from orchestration.retention import old_comparisons, prune_all
from resources.dagster_resources import NIGHT_TAG
from resources.warehouse.publish import publish
from resources.warehouse.retention import is_whole
from tests.functional.conftest import Call
from tests.unit.test_retention import replay
from workloads.places import Places

OLD, NEW, BY_HAND = "nightly-2026-11-20", "nightly-2026-11-25", "20261120-abc"
TODAY = date(2026, 11, 29)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as one:
        yield one


@pytest.fixture
def results(places: Places) -> Places:
    """Two nights and another comparison, none of them judged."""
    for comparison_id in (OLD, NEW):
        replay(places, comparison_id, "synchronous", 3)
    replay(places, BY_HAND, "synchronous", 3, origin="adhoc", night="2026-11-20")
    publish(places)
    return places


def test_old_are_nights_from_before_so_many_days_and_others_where_asked(results: Places) -> None:
    assert old_comparisons(results, TODAY, 9) == [OLD]
    assert old_comparisons(results, TODAY, 10) == []
    assert old_comparisons(results, TODAY, 4) == [OLD, NEW]
    assert old_comparisons(results, TODAY, 9, everything=True) == [BY_HAND, OLD]


def test_one_that_was_never_judged_is_judged_before_it_is_pruned_and_named_before(
    results: Places, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch, call: Call
) -> None:
    days = (datetime.now(UTC).date() - date(2026, 11, 20)).days
    assert call("prune", "--keep", str(days), "--dry-run").stdout.splitlines() == [OLD]
    judged = []
    monkeypatch.setattr(retention, "judge", lambda places, name: judged.append((name, is_whole(places, name))))
    pruned = prune_all(results, instance, TODAY, 9)
    assert judged == [(OLD, True)]
    assert pruned.comparisons == (OLD,)
    assert pruned.freed_bytes > 0
    assert [is_whole(results, name) for name in (OLD, NEW, BY_HAND)] == [False, True, True]


def test_ended_runs_from_before_go_and_those_under_way_of_later_or_of_recordings_stay(
    places: Places, instance: dg.DagsterInstance
) -> None:
    places.home.mkdir(parents=True)
    ended, today = dg.DagsterRunStatus.SUCCESS, datetime.now(UTC).date()
    a_week_ago = {NIGHT_TAG: (today - timedelta(days=7)).isoformat()}
    runs = {
        "old": (ONE_CELL, ended, a_week_ago),
        "new": (ONE_CELL, ended, {}),
        "under way": (ONE_CELL, dg.DagsterRunStatus.STARTED, a_week_ago),
        "of a recording": (IMPORT_RECORDING, ended, a_week_ago),
    }
    for job, status, tags in runs.values():
        instance.add_run(dg.DagsterRun(job_name=job, run_id=str(uuid.uuid4()), status=status, tags=tags))
    assert prune_all(places, instance, today, 8).runs == 0
    assert prune_all(places, instance, today, 7).runs == 1
    kept = {(run.job_name, run.status, bool(run.tags)) for run in instance.get_runs()}
    assert kept == {(job, status, bool(tags)) for name, (job, status, tags) in runs.items() if name != "old"}
    assert prune_all(places, instance, today + timedelta(days=9), 7).runs == 1, "by when it was made, where of no night"


def test_logs_go_by_when_they_were_written_last(places: Places, instance: dg.DagsterInstance) -> None:
    places.emulator_logs.mkdir(parents=True)
    now = datetime.now(UTC)
    for name, days in (("old", 5), ("new", 1)):
        log = places.emulator_logs / f"{name}.log"
        log.write_text("")
        os.utime(log, (now.timestamp() - days * 86_400,) * 2)
    assert prune_all(places, instance, now.date(), 3).logs == 1
    assert [log.name for log in places.emulator_logs.iterdir()] == ["new.log"]
