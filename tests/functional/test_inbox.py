"""Recordings as assets, and the sensors that bring them in, without an emulator."""

import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from assets.recorded_traffic import BOOKS, CLOCK, GAPS, recorded_traffic_asset, recording_checks
from orchestration.build import build_definitions
from orchestration.inbox import IMPORT_TAG
from orchestration.inbox_place import inbox_from_environment
from orchestration.jobs import COMPARISON, IMPORT_RECORDING, ONE_CELL
from orchestration.partitions import CELLS, MAX_OFFERED, NIGHTS, RECORDED, RECORDINGS, declare
from resources.lab.cell import Cell
from resources.targets import targets
from resources.targets.availability import why_unavailable
from workloads.errors import UsageError
from workloads.importers.formats import importers
from workloads.importers.ingest import ingest
from workloads.inbox.folder import FolderInbox
from workloads.inbox.ledger import Ledger, State
from workloads.places import BUNDLED_RECORDINGS, Places
from workloads.recordings.figures import figures
from workloads.recordings.library import Library
from workloads.recordings.recording import COLUMNS, SCHEMA
from workloads.recordings.traffic import Course, Gap, course
from workloads.scenarios import DEFAULT_SCENARIOS, scenarios

LINE = '203.0.113.9 - - [17/May/2015:10:{minute:02d}:{second:02d} +0000] "GET /menu HTTP/1.1" 200 12 "-" "curl"\n'


def log(lines: int) -> str:
    return "".join(LINE.format(minute=n // 60, second=n % 60) for n in range(lines))


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as alone:  # ticks look partitions up in one that is stored
        yield alone


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "inbox"
    folder.mkdir()
    return folder


@pytest.fixture
def definitions(places: Places, folder: Path) -> dg.Definitions:
    return build_definitions(places, inbox=FolderInbox(folder))


def put(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    os.utime(path, (1e9, 1e9))
    return path


@dataclass
class Daemon:
    """What Dagster's daemon does: the ticks of sensors, and the runs they ask for."""

    definitions: dg.Definitions
    instance: dg.DagsterInstance

    def tick(self, sensor: str) -> Any:
        with dg.build_sensor_context(
            instance=self.instance,
            instance_ref=self.instance.get_ref(),
            repository_def=self.definitions.get_repository_def(),
        ) as context:
            data = self.definitions.resolve_sensor_def(sensor).evaluate_tick(context)
        for request in data.dynamic_partitions_requests or []:
            self.instance.add_dynamic_partitions(request.partitions_def_name, list(request.partition_keys))
        return data

    def requested(self, sensor: str = "inbox") -> list[dg.RunRequest]:
        return list(self.tick(sensor).run_requests or [])

    def bring(self, request: dg.RunRequest) -> bool:
        """Run an import."""
        job = self.definitions.resolve_job_def(IMPORT_RECORDING)
        return job.execute_in_process(
            instance=self.instance,
            partition_key=str(request.partition_key),
            run_config=request.run_config,
            tags={key: value for key, value in request.tags.items() if key.startswith("archduel/")},
            raise_on_error=False,
        ).success

    def ended(self, request: dg.RunRequest, status: dg.DagsterRunStatus) -> None:
        """As if the requested run had ended."""
        tags = {**request.tags, "dagster/run_key": request.run_key or ""}
        if isinstance(request.partition_key, dg.MultiPartitionKey):
            tags |= {f"dagster/partition/{name}": key for name, key in request.partition_key.keys_by_dimension.items()}
        else:
            tags["dagster/partition"] = str(request.partition_key)
        run = dg.DagsterRun(
            job_name=request.job_name or IMPORT_RECORDING, run_id=str(uuid.uuid4()), status=status, tags=tags
        )
        self.instance.add_run(run)


@pytest.fixture
def daemon(definitions: dg.Definitions, instance: dg.DagsterInstance) -> Daemon:
    return Daemon(definitions, instance)


def test_a_recording_shows_its_figures_its_rate_and_that_it_can_be_trusted(
    places: Places, instance: dg.DagsterInstance
) -> None:
    declare(instance, places)
    result = dg.materialize(
        [recorded_traffic_asset(places, RECORDED, None)], instance=instance, partition_key="food_orders"
    )
    [shown] = result.asset_materializations_for_node("recorded_traffic")
    assert shown.metadata["dagster/row_count"].value == shown.metadata["requests"].value == 1533
    assert shown.metadata["peak_per_s"].value == 27
    assert "data:image/png;base64," in str(shown.metadata["rate_over_time"].value)
    assert {check.check_name: check.passed for check in result.get_asset_check_evaluations()} == dict.fromkeys(
        (BOOKS, CLOCK, GAPS), True
    )


def test_every_replay_is_downstream_of_what_was_recorded(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    replays = {key for key in graph.get_all_asset_keys() if key.path[-1] == "replay"}
    assert graph.get(dg.AssetKey("recorded_traffic")).child_keys == replays


def test_a_log_with_its_clock_put_back_and_an_hour_missing_is_warned_of(places: Places, tmp_path: Path) -> None:
    lines = [LINE.format(minute=n // 60, second=n % 60) for n in range(600)]
    later = [line.replace(":10:", ":14:") for line in lines]
    (tmp_path / "shop.log").write_text("".join([*lines, *later, lines[3]]))
    ingest(importers()["combined"], [tmp_path / "shop.log"], "shop", Library(places))
    checks = _checks(places, "shop")
    assert {name: check.passed for name, check in checks.items()} == {BOOKS: True, CLOCK: False, GAPS: False}
    assert {checks[CLOCK].severity, checks[GAPS].severity} == {dg.AssetCheckSeverity.WARN}
    assert checks[CLOCK].metadata["requests"].value == 1
    assert checks[GAPS].metadata["gaps"].value == 1


def test_logs_of_several_files_each_in_order_have_no_clock_put_back(places: Places, tmp_path: Path) -> None:
    for number in (1, 2):
        (tmp_path / f"{number}.log").write_text(log(120))
    ingest(importers()["combined"], [tmp_path / "1.log", tmp_path / "2.log"], "shop", Library(places))
    assert _checks(places, "shop")[CLOCK].passed


def _checks(places: Places, name: str) -> dict[str | None, dg.AssetCheckResult]:
    library = Library(places)
    found = recording_checks(name, figures(library, name), course(library.paths()[name]))
    return {check.check_name: check for check in found}


@pytest.mark.parametrize(
    ("books", "unaccounted"),
    [
        ({"lines": 12, "accepted": 10, "dropped": 1, "quarantined": 0, "blank": 0, "header": 0}, 1),
        ({"lines": 9, "accepted": 9, "dropped": 0, "quarantined": 0, "blank": 0, "header": 0}, -1),
        ({"lines": 10, "accepted": 10, "dropped": 0, "quarantined": 0, "blank": 0, "header": 0}, 0),
        ({"requests": 11}, 1),
        ({}, 0),
    ],
)
def test_a_line_without_a_known_fate_fails_the_books(places: Places, books: dict[str, int], unaccounted: int) -> None:
    amounts = replace(figures(Library(places), "food_orders"), requests=10, provenance=books)
    over_time = Course(10, 9.0, 1.0, {}, 1.0, (Gap(1.0, 2.0),), 0.0)
    [check] = [one for one in recording_checks("x", amounts, over_time) if one.check_name == BOOKS]
    assert (check.passed, check.metadata["unaccounted"].value) == (unaccounted == 0, unaccounted)


def test_a_recording_brought_in_by_hand_is_a_partition_at_once_and_is_shown_once(
    daemon: Daemon, places: Places, folder: Path
) -> None:
    ingest(importers()["combined"], [put(folder.parent, "shop.log", log(3))], "shop", Library(places))
    requests = daemon.requested("library")
    assert [request.partition_key for request in requests] == ["food_orders", "shop"]
    assert set(daemon.instance.get_dynamic_partitions(RECORDINGS)) == {"food_orders", "shop"}
    assert "shop__steady" in daemon.instance.get_dynamic_partitions(CELLS)
    assert all(daemon.bring(request) for request in requests)
    assert daemon.requested("library") == []


def test_a_recording_whose_showing_was_killed_is_shown_once_more(daemon: Daemon) -> None:
    keys = []
    while requests := daemon.requested("library"):
        [request] = requests
        keys.append(request.run_key)
        daemon.ended(request, dg.DagsterRunStatus.FAILURE)
    assert len(set(keys)) == len(keys) == 2


def test_a_recording_that_is_gone_is_no_partition(instance: dg.DagsterInstance, places: Places) -> None:
    instance.add_dynamic_partitions(RECORDINGS, ["gone"])
    instance.add_dynamic_partitions(CELLS, ["gone__steady"])
    declare(instance, places)
    assert instance.get_dynamic_partitions(RECORDINGS) == ["food_orders"]
    assert not [cell for cell in instance.get_dynamic_partitions(CELLS) if cell.startswith("gone")]


def test_every_column_of_a_recording_is_described() -> None:
    assert list(COLUMNS) == SCHEMA.names


def test_cells_that_cannot_run_here_are_not_offered(
    instance: dg.DagsterInstance, places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{places.home / 'no-engine'}")
    declare(instance, places)
    offered = [Cell.parse(key) for key in instance.get_dynamic_partitions(CELLS)]
    assert {cell.target for cell in offered} == {"ministack", "localstack", "simulated"}
    assert [cell for cell in offered if why_unavailable(scenarios()[cell.scenario], targets()[cell.target])] == []
    assert {cell.scenario for cell in offered if cell.target == "ministack"} == set(scenarios())


def test_of_very_many_recordings_all_are_partitions_and_the_cells_of_the_latest_are_offered(
    instance: dg.DagsterInstance, places: Places
) -> None:
    bundled = next(BUNDLED_RECORDINGS.glob("*.parquet"))
    for number in range(MAX_OFFERED + 5):
        path = places.recordings / f"r{number}" / "requests.parquet"
        path.parent.mkdir(parents=True)
        path.write_bytes(bundled.read_bytes())
        os.utime(path, (1e9 + number, 1e9 + number))
    os.utime(places.recordings / "r7" / "requests.parquet", (3e9, 3e9))
    declare(instance, places)
    assert len(instance.get_dynamic_partitions(RECORDINGS)) == MAX_OFFERED + 6
    offered = {cell.partition("__")[0] for cell in instance.get_dynamic_partitions(CELLS)}
    assert len(offered) == MAX_OFFERED
    assert "r7" in offered
    assert not {f"r{number}" for number in range(5)} & offered


def test_without_an_inbox_its_sensor_is_off_and_says_why(places: Places, instance: dg.DagsterInstance) -> None:
    definitions = build_definitions(places)
    assert definitions.resolve_sensor_def("inbox").default_status is dg.DefaultSensorStatus.STOPPED
    assert "ARCHDUEL_INBOX is not set" in Daemon(definitions, instance).tick("inbox").skip_message


def test_a_new_file_is_imported_then_compared_and_then_nothing_is_asked_for(
    daemon: Daemon, places: Places, folder: Path
) -> None:
    assert daemon.definitions.resolve_sensor_def("inbox").default_status is dg.DefaultSensorStatus.RUNNING
    put(folder, "shop.log", log(5))
    [request] = daemon.requested()
    assert (request.job_name, request.partition_key) == (IMPORT_RECORDING, "shop")
    [again] = daemon.requested()
    assert again.run_key == request.run_key, "killed before it was launched: the same run is requested"
    assert daemon.bring(request)
    assert Library(places).load("shop").requests == 5

    cells = daemon.requested()
    assert {request.job_name for request in cells} == {ONE_CELL}
    assert [str(request.partition_key).partition("|")[0] for request in cells] == [
        f"shop__{scenario}" for scenario in DEFAULT_SCENARIOS
    ]
    assert set(daemon.instance.get_dynamic_partitions(CELLS)) >= {f"shop__{scenario}" for scenario in DEFAULT_SCENARIOS}
    for cell in cells[1:]:
        daemon.ended(cell, dg.DagsterRunStatus.SUCCESS)
    daemon.ended(cells[0], dg.DagsterRunStatus.STARTED)
    assert daemon.requested() == []
    [started] = daemon.instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED]))
    daemon.instance.report_run_failed(started)

    [retried] = daemon.requested()
    assert retried.partition_key == cells[0].partition_key
    assert retried.run_key != cells[0].run_key
    daemon.ended(retried, dg.DagsterRunStatus.SUCCESS)
    [compared] = daemon.requested()
    assert (compared.job_name, compared.partition_key) == (COMPARISON, NIGHTS.get_last_partition_key())
    [named] = {
        request.run_config["resources"]["comparison"]["config"]["comparison_id"] for request in [*cells, compared]
    }
    assert named.startswith("inbox-shop-")
    daemon.ended(compared, dg.DagsterRunStatus.STARTED)
    assert daemon.requested() == []
    assert Ledger(places.inbox_ledger).open_comparisons() == []


def test_a_newer_version_gives_up_what_has_not_begun_of_the_older_ones_comparison(daemon: Daemon, folder: Path) -> None:
    for lines in (5, 9):
        put(folder, "shop.log", log(lines))
        [request] = [one for one in daemon.requested() if one.job_name == IMPORT_RECORDING]
        assert daemon.bring(request)
        if lines == 5:
            old = daemon.requested()
            for cell, status in zip(
                old, (dg.DagsterRunStatus.STARTED, *[dg.DagsterRunStatus.NOT_STARTED] * 2), strict=True
            ):
                daemon.ended(cell, status)
    new = daemon.requested()
    assert {cell.partition_key for cell in new} == {cell.partition_key for cell in old}
    assert not {cell.run_key for cell in new} & {cell.run_key for cell in old}
    statuses = [run.status for run in daemon.instance.get_runs(dg.RunsFilter(job_name=ONE_CELL))]
    assert sorted(status.value for status in statuses) == ["CANCELED", "CANCELED", "STARTED"]


def test_an_import_that_was_killed_is_asked_for_again(daemon: Daemon, folder: Path) -> None:
    put(folder, "shop.log", log(5))
    [request] = daemon.requested()
    daemon.ended(request, dg.DagsterRunStatus.FAILURE)
    assert daemon.requested() == []
    [again] = daemon.requested()
    assert again.tags[IMPORT_TAG] != request.tags[IMPORT_TAG]
    assert daemon.bring(again)


def test_an_unreadable_file_fails_one_run_and_stops_no_other(daemon: Daemon, places: Places, folder: Path) -> None:
    put(folder, "bad.log", "not a log\n" * 30)
    put(folder, "good.log", log(5))
    done = {str(request.partition_key): daemon.bring(request) for request in daemon.requested()}
    assert done == {"bad": False, "good": True}
    assert {request.job_name for request in daemon.requested()} == {ONE_CELL}
    states = {Path(file.address).name: file.state for file in Ledger(places.inbox_ledger).files().values()}
    assert states == {"bad.log": State.REFUSED, "good.log": State.IMPORTED}


@pytest.mark.parametrize(
    ("named", "endpoint", "complaint"),
    [
        ("https://example.com/x", "", "name a folder or s3://"),
        ("s3://bucket/x", "", "ARCHDUEL_INBOX_ENDPOINT_URL"),
        ("s3://b/x", "https://s3.amazonaws.com", "on this machine"),
        ("/", "", "archduel's own home"),
        ("{recordings}/shop", "", "where archduel keeps recordings"),
    ],
)
def test_what_cannot_be_an_inbox_is_one_sentence(places: Places, named: str, endpoint: str, complaint: str) -> None:
    named = named.format(recordings=places.recordings)
    with pytest.raises(UsageError, match=complaint):
        inbox_from_environment(places, {"ARCHDUEL_INBOX": named, "ARCHDUEL_INBOX_ENDPOINT_URL": endpoint})
