"""`archduel status` tells which of Dagster's runs are under way and which wait, and no run whose process is gone."""

import uuid

import dagster as dg
import pytest

from orchestration.commands.status import running, waiting
from orchestration.instance import prepare_instance, process_tags
from orchestration.jobs import ONE_CELL
from workloads.places import Places


def test_runs_under_way_and_waiting_are_told_and_dead_ones_are_not(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("DAGSTER_HOME", "ARCHDUEL_HOME"):
        monkeypatch.setenv(name, "unused")  # which are set, and as before afterwards
    prepare_instance(places)
    here = process_tags()
    dead = dict.fromkeys(here, "1")
    with dg.DagsterInstance.get() as instance:
        for status, partition, tags in (
            (dg.DagsterRunStatus.STARTED, "a|2026-11-20", here),
            (dg.DagsterRunStatus.STARTED, "b|2026-11-20", dead),
            (dg.DagsterRunStatus.NOT_STARTED, "c|2026-11-20", {}),
            (dg.DagsterRunStatus.NOT_STARTED, "", {}),
        ):
            of = {"dagster/partition": partition} if partition else {}
            instance.add_run(dg.DagsterRun(ONE_CELL, str(uuid.uuid4()), tags=tags | of, status=status))
    [under_way] = running(places)
    assert under_way.startswith("one_cell a|2026-11-20: started since 20")
    without, queued = sorted(waiting(places), key=len)
    assert without.startswith("one_cell: not started since 20")
    assert queued.startswith("one_cell c|2026-11-20: not started since 20")
