"""The public graph, the night and single selections, with a lab that needs no emulator."""

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import dagster as dg
import psutil
import pyarrow as pa
import pytest
from dagster._core.events import EngineEventData  # noqa: TID251 - a code server's event has no public name

from assets.agreement import agreement_asset
from assets.analysis.claims import claims
from assets.analysis.outcomes import reconcile
from assets.architectures import architecture_assets
from assets.claims import claims_asset
from assets.comparison import comparison_assets
from assets.judgements import judgement_assets
from orchestration.build import build_definitions
from orchestration.commands.running import failure_reason
from orchestration.instance import _running, end_dead_runs, process_tags
from orchestration.jobs import jobs
from orchestration.nightly import alerts_sensor, nightly_schedule
from orchestration.nights import BUNDLED, cells_of_night, nightly_targets, read
from orchestration.partitions import CELL_TAG, CELLS_BY_NIGHT, NIGHTS, cell_key, declare, declare_cells
from resources.alerting import Addresses
from resources.architectures import architectures
from resources.architectures.stack import SDK_DEFAULTS
from resources.dagster_resources import NIGHT_TAG, ComparisonResource, warehouse_resource
from resources.lab.cell import Cell, Comparison
from resources.targets import DEFAULT_TARGET, targets
from resources.warehouse.outcomes import write_judgement, write_outcomes
from resources.warehouse.publish import publish
from resources.warehouse.reading import query
from resources.warehouse.schema import schema
from tests.functional.fakes import FakeLab
from tests.observations_builder import ObservationsBuilder
from workloads.errors import ArchduelError
from workloads.places import Places
from workloads.scenarios import scenarios

CELL, NIGHT = Cell("food_orders", "steady"), "2026-11-20"
SNAPSHOT = Path(__file__).with_name("public_graph.json")


def nightly_cells(target: str = DEFAULT_TARGET) -> list[Cell]:
    """The cells of the nights that the bundled file describes."""
    return [one.cell for one in cells_of_night(read(BUNDLED), target, Places(Path("unused")))]


@pytest.fixture(scope="module")
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as shared:
        yield shared


@pytest.fixture(scope="module")
def definitions(tmp_path_factory: pytest.TempPathFactory) -> dg.Definitions:
    return build_definitions(Places(tmp_path_factory.mktemp("home")))


def public_graph(definitions: dg.Definitions) -> dict[str, Any]:
    graph = definitions.resolve_asset_graph()
    return {
        "assets": {
            key.to_user_string(): sorted(parent.to_user_string() for parent in graph.get(key).parent_keys)
            for key in sorted(graph.get_all_asset_keys(), key=lambda key: key.to_user_string())
        },
        "checks": sorted(f"{key.asset_key.to_user_string()}:{key.name}" for key in graph.asset_check_keys),
        "jobs": sorted(job.name for job in definitions.resolve_all_job_defs() if not job.name.startswith("__")),
        "schedules": sorted(schedule.name for schedule in definitions.schedules or []),
        "sensors": sorted(sensor.name for sensor in definitions.sensors or []),
    }


def test_the_public_graph_is_what_users_script_against(definitions: dg.Definitions) -> None:
    """Change the snapshot on purpose only: `python -m tests.functional.test_definitions` writes it."""
    assert public_graph(definitions) == json.loads(SNAPSHOT.read_text())


def test_definitions_load_without_an_error(definitions: dg.Definitions) -> None:
    dg.Definitions.validate_loadable(definitions)


def nightly_requests(schedule: dg.ScheduleDefinition, definitions: dg.Definitions, instance: dg.DagsterInstance) -> Any:
    """The runs that a tick of 23 November 2026 requests, and their cells."""
    with dg.build_schedule_context(
        instance=instance,
        scheduled_execution_time=datetime(2026, 11, 23, 2, 0, tzinfo=UTC),
        repository_def=definitions.get_repository_def(),
    ) as context:
        requests = schedule.evaluate_tick(context).run_requests or []
    return requests, {Cell.parse(request.partition_key.keys_by_dimension["cell"]) for request in requests}  # type: ignore[union-attr]


def test_the_nightly_schedule_is_on_and_requests_one_run_per_declared_cell(
    definitions: dg.Definitions, instance: dg.DagsterInstance
) -> None:
    schedule = definitions.resolve_schedule_def("nightly")
    requests, cells = nightly_requests(schedule, definitions, instance)
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING
    assert schedule.cron_schedule == "0 2 * * *"
    assert schedule.execution_timezone == "UTC"
    assert cells == set(nightly_cells())
    assert {request.tags[NIGHT_TAG] for request in requests} == {"2026-11-23"}
    labs = [request.run_config["resources"]["lab"]["config"] for request in requests]
    assert {lab["repetitions"] for lab in labs} == {8}
    assert sum(lab["aa"] for lab in labs) == 1, "the noise is measured, and in one cell only"
    assert [lab["variants"] for lab in labs].count(["idempotent", SDK_DEFAULTS]) == 1, "what handlers' retries change"
    assert any(scenarios()[cell.scenario].client_retries for cell in cells), "and what callers' do"


@pytest.mark.parametrize("target", [name for name in nightly_targets() if name != DEFAULT_TARGET])
def test_a_night_on_another_target_has_to_be_turned_on_and_runs_what_is_available_there(
    definitions: dg.Definitions, instance: dg.DagsterInstance, target: str
) -> None:
    schedule = definitions.resolve_schedule_def(f"nightly_{target}")
    _, cells = nightly_requests(schedule, definitions, instance)
    assert schedule.default_status is dg.DefaultScheduleStatus.STOPPED
    assert cells == set(nightly_cells(target))
    assert {cell.target for cell in cells} == {target}
    assert {cell.scenario for cell in cells} <= {cell.scenario for cell in nightly_cells()}


def a_run(tags: dict[str, str], status: dg.DagsterRunStatus = dg.DagsterRunStatus.STARTED) -> dg.DagsterRun:
    return dg.DagsterRun(job_name="one_cell", run_id=str(uuid.uuid4()), status=status, tags=tags)


NIGHTS_FILE = """
start = "03:30"
targets = ["simulated"]
architectures = ["synchronous", "hybrid"]
repetitions = 3
[[cells]]
scenarios = ["steady"]
variants = ["naive"]
"""


@pytest.fixture
def own(places: Places) -> dg.Definitions:
    """Definitions of a home with a file of nights of its own."""
    places.home.mkdir(parents=True, exist_ok=True)
    file = places.nights
    file.write_text(NIGHTS_FILE)
    return build_definitions(places, nights=read(file))


def test_what_a_night_runs_is_what_the_users_file_says(own: dg.Definitions, instance: dg.DagsterInstance) -> None:
    schedule = own.resolve_schedule_def("nightly_simulated")
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING
    assert schedule.cron_schedule == "30 3 * * *"
    assert own.resolve_schedule_def("nightly").default_status is dg.DefaultScheduleStatus.STOPPED
    [request], cells = nightly_requests(schedule, own, instance)
    assert {str(cell) for cell in cells} == {"food_orders__steady__simulated"}
    lab = request.run_config["resources"]["lab"]["config"]
    assert (lab["repetitions"], lab["variants"], lab["aa"]) == (3, ["naive"], False)
    assert {key.path[0] for key in request.asset_selection} == {"synchronous", "hybrid"}
    own.resolve_job_def("one_cell").get_subset(asset_selection=set(request.asset_selection))


@pytest.mark.parametrize(("missed", "hours", "runs"), [("mark", 12, 0), ("mark", 1, 1), ("catch_up", 12, 1)])
def test_a_night_that_is_due_too_late_is_caught_up_or_marked(
    own: dg.Definitions, places: Places, instance: dg.DagsterInstance, missed: str, hours: int, runs: int
) -> None:
    places.nights.write_text(f'missed = "{missed}"\n' + NIGHTS_FILE)
    nights = read(places.nights)
    due = datetime(2026, 11, 23, 3, 30, tzinfo=UTC)
    schedule = nightly_schedule(
        next(job for job in jobs() if job.name == "one_cell"),
        "simulated",
        places,
        nights,
        now=lambda: due + timedelta(hours=hours),
    )
    repository = own.get_repository_def()
    with dg.build_schedule_context(
        instance=instance, scheduled_execution_time=due, repository_def=repository
    ) as context:
        tick = schedule.evaluate_tick(context)
    assert len(tick.run_requests or []) == runs
    assert ("missed: it was due at 03:30 UTC" in (tick.skip_message or "")) == (not runs)


def test_a_name_that_is_wrong_in_the_file_fails_the_schedule_and_not_the_definitions(
    own: dg.Definitions, places: Places, instance: dg.DagsterInstance
) -> None:
    places.nights.write_text(NIGHTS_FILE.replace("steady", "stedy"))
    with pytest.raises(dg.DagsterError) as error:
        nightly_requests(own.resolve_schedule_def("nightly_simulated"), own, instance)
    assert "stedy" in str(error.value.__cause__)


def alerted(
    places: Places, runs: Iterable[dg.DagsterRun], hour: int, alerts: str = 'webhook = "http://127.0.0.1:9/x"'
) -> list[tuple[str, list[str]]]:
    """What the sensor of alerts sends of the night 2026-11-23 at this hour, asked twice."""
    places.nights.write_text(f"{NIGHTS_FILE}[alerts]\n{alerts}")
    sent: list[tuple[str, list[str]]] = []
    sensor = alerts_sensor(
        places,
        read(places.nights),
        latest=lambda: ["2026-11-23"],
        sending=lambda _addresses, subject, lines: sent.append((subject, lines)),
        now=lambda: datetime(2026, 11, 23, hour, tzinfo=UTC),
    )
    with dg.DagsterInstance.ephemeral() as instance:
        for run in runs:
            instance.add_run(run)
        first = sensor.evaluate_tick(dg.build_sensor_context(instance=instance))
        sensor.evaluate_tick(dg.build_sensor_context(instance=instance, cursor=first.cursor))
    return sent


def of_night(status: dg.DagsterRunStatus, date: str = "2026-11-23") -> dg.DagsterRun:
    return a_run({NIGHT_TAG: date, CELL_TAG: "food_orders__steady__simulated"}, status)


@pytest.mark.parametrize(
    ("runs", "hour", "told"),
    [
        ([of_night(dg.DagsterRunStatus.FAILURE)], 5, "no cell succeeded"),
        ([of_night(dg.DagsterRunStatus.STARTED)], 5, ""),
        ([of_night(dg.DagsterRunStatus.STARTED)], 9, "it has not ended in time: 0 of 1 cells have"),
        ([of_night(dg.DagsterRunStatus.SUCCESS, "2026-11-22")], 5, ""),
        ([of_night(dg.DagsterRunStatus.SUCCESS, "2026-11-22")], 9, "it was missed"),
        ([], 9, ""),
    ],
    ids=["failed", "running", "running late", "not due", "missed", "nights had not begun"],
)
def test_people_are_told_once_of_a_night_that_went_wrong(
    own: dg.Definitions, places: Places, runs: list[dg.DagsterRun], hour: int, told: str
) -> None:
    sent = alerted(places, runs, hour)
    if told:
        [(subject, lines)] = sent
        assert subject == "archduel: the night 2026-11-23 on simulated went wrong"
        assert any(told in line for line in lines)
    else:
        assert sent == []


def test_an_address_that_takes_nothing_has_the_other_told_no_more_than_once(places: Places) -> None:
    alerts = 'webhook = "http://127.0.0.1:9/x"\nemail = "me@example.org"\nsmtp = "mail.example.org:25"'
    places.home.mkdir(parents=True)
    places.nights.write_text(f"{NIGHTS_FILE}[alerts]\n{alerts}")
    taken: list[str] = []
    broken = [True]

    def sending(addresses: Addresses, _subject: str, _lines: list[str]) -> None:
        if addresses.email and broken:
            raise ArchduelError("cannot send the alert to me@example.org")
        taken.append(next(iter(addresses.each())))

    sensor = alerts_sensor(
        places,
        read(places.nights),
        latest=lambda: ["2026-11-23"],
        sending=sending,
        now=lambda: datetime(2026, 11, 23, 9, tzinfo=UTC),
    )
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_run(of_night(dg.DagsterRunStatus.FAILURE))
        cursor = sensor.evaluate_tick(dg.build_sensor_context(instance=instance)).cursor
        with pytest.raises(ArchduelError, match="cannot send the alert"):
            sensor.evaluate_tick(dg.build_sensor_context(instance=instance, cursor=cursor))
        broken.clear()
        sensor.evaluate_tick(dg.build_sensor_context(instance=instance, cursor=cursor))
    assert taken == ["webhook", "email"]


def test_nobody_is_told_anything_by_default(own: dg.Definitions, places: Places) -> None:
    assert own.resolve_sensor_def("alerts").default_status is dg.DefaultSensorStatus.STOPPED
    assert alerted(places, [of_night(dg.DagsterRunStatus.FAILURE)], 9, alerts="") == []


def test_no_night_is_on_what_is_paid_for_and_a_run_launched_on_it_makes_nothing(
    definitions: dg.Definitions, instance: dg.DagsterInstance
) -> None:
    assert "aws" in targets()
    assert "aws" not in nightly_targets()
    declare_cells(instance, [replace(CELL, target="aws")])
    result = definitions.resolve_job_def("one_cell").execute_in_process(
        instance=instance,
        partition_key=dg.MultiPartitionKey({"cell": f"{CELL}__aws", "night": NIGHT}),
        asset_selection=[dg.AssetKey(["synchronous", "table"])],
        raise_on_error=False,
    )
    assert not result.success
    assert failure_reason(result) == "--target aws needs --profile"


def comparisons_of_last_night(
    definitions: dg.Definitions, statuses: Iterable[tuple[Cell, dg.DagsterRunStatus | None]]
) -> tuple[str, list[dg.RunRequest]]:
    """The night, and what its sensor requests once its cells have these statuses."""
    night = NIGHTS.get_last_partition_key()
    assert night is not None
    with dg.DagsterInstance.ephemeral() as instance:
        for cell, status in statuses:
            if status is not None:
                instance.add_run(a_run({NIGHT_TAG: night, CELL_TAG: str(cell)}, status))
        context = dg.build_sensor_context(instance=instance, repository_def=definitions.get_repository_def())
        return night, list(definitions.resolve_sensor_def("night_is_over").evaluate_tick(context).run_requests or [])


def test_a_night_on_another_target_is_compared_by_itself(definitions: dg.Definitions) -> None:
    cells = nightly_cells("localstack")
    night, [request] = comparisons_of_last_night(definitions, [(cell, dg.DagsterRunStatus.SUCCESS) for cell in cells])
    assert request.run_key == f"{night}/localstack/{len(cells)}"
    assert request.tags[NIGHT_TAG] == night
    config = request.run_config["resources"]
    assert (config["lab"]["config"], config["comparison"]["config"]) == ({"target": "localstack"},) * 2


def launched(resource: ComparisonResource, tags: dict[str, str]) -> ComparisonResource:
    """The resource as a run with these tags has it."""
    resource.setup_for_execution(cast("dg.InitResourceContext", SimpleNamespace(run=a_run(tags))))
    return resource


ELSEWHERE = replace(CELL, target="localstack")


@pytest.mark.parametrize(
    ("comparison", "tags", "cell", "comparison_id", "origin"),
    [
        (ComparisonResource(), {NIGHT_TAG: NIGHT}, None, f"nightly-{NIGHT}", "nightly"),
        (ComparisonResource(), {NIGHT_TAG: NIGHT}, CELL, f"nightly-{NIGHT}", "nightly"),
        (ComparisonResource(), {NIGHT_TAG: NIGHT}, ELSEWHERE, f"nightly-{NIGHT}-localstack", "nightly"),
        (ComparisonResource(target="localstack"), {NIGHT_TAG: NIGHT}, None, f"nightly-{NIGHT}-localstack", "nightly"),
        (ComparisonResource(), {}, CELL, f"byhand-{NIGHT}", "adhoc"),
        (ComparisonResource(), {}, None, f"byhand-{NIGHT}", "adhoc"),
        (ComparisonResource(), {}, ELSEWHERE, f"byhand-{NIGHT}-localstack", "adhoc"),
        (ComparisonResource(), {NIGHT_TAG: "2026-11-19"}, CELL, f"byhand-{NIGHT}", "adhoc"),
        (ComparisonResource(comparison_id="adhoc-1"), {}, ELSEWHERE, "adhoc-1", "adhoc"),
        (ComparisonResource(comparison_id="adhoc-1"), {NIGHT_TAG: NIGHT}, CELL, "adhoc-1", "adhoc"),
    ],
)
def test_a_comparison_is_of_one_target_and_a_nights_only_where_its_schedule_launched_the_run(
    comparison: ComparisonResource, tags: dict[str, str], cell: Cell | None, comparison_id: str, origin: str
) -> None:
    assert launched(comparison, tags).of(NIGHT, cell) == Comparison(comparison_id, origin, NIGHT)


def test_the_agreement_of_a_night_is_a_node_and_open_where_two_targets_decided_otherwise(
    places: Places, instance: dg.DagsterInstance
) -> None:
    verdicts = {f"nightly-{NIGHT}": ("MiniStack", "better"), f"nightly-{NIGHT}-localstack": ("LocalStack", "worse")}
    for comparison_id, (target, verdict) in verdicts.items():
        cell = f"food_orders__steady{comparison_id.removeprefix(f'nightly-{NIGHT}').replace('-', '__')}"
        observations = ObservationsBuilder().experiment(requests=1, comparison_id=comparison_id, target=target)
        tables = reconcile(observations.request("0").item("0").record("0").tables())
        write_outcomes(places, comparison_id, cell, "synchronous", tables)
        key = dict.fromkeys(("workload", "scenario", "operation", "variant", "baseline", "candidate"), "x")
        judged = {"metric": "response_p99", "arm": "main", "verdict": verdict, "decides": True}
        row = {**key, "comparison_id": comparison_id, **judged}
        write_judgement(places, comparison_id, "pairwise", pa.Table.from_pylist([row], schema=schema("pairwise")))
    publish(places)
    result = dg.materialize(
        [agreement_asset(places, NIGHTS)],
        instance=instance,
        partition_key=NIGHT,
        tags={NIGHT_TAG: NIGHT},
        resources={"comparison": ComparisonResource()},
    )
    [shown] = result.asset_materializations_for_node("comparison__agreement")
    assert shown.metadata["open"].value == shown.metadata["dagster/row_count"].value == 1
    [check] = result.get_asset_check_evaluations()
    assert not check.passed
    assert check.severity is dg.AssetCheckSeverity.WARN


@pytest.mark.parametrize(
    ("others", "last", "compared"),
    [
        (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.SUCCESS, True),
        (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, True),
        (dg.DagsterRunStatus.CANCELED, dg.DagsterRunStatus.SUCCESS, True),
        (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.STARTED, False),
        (dg.DagsterRunStatus.SUCCESS, None, False),
        (dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.FAILURE, False),
    ],
)
def test_a_night_is_compared_once_all_its_cells_have_ended_and_one_succeeded(
    definitions: dg.Definitions, others: dg.DagsterRunStatus, last: dg.DagsterRunStatus | None, compared: bool
) -> None:
    cells = nightly_cells()
    statuses = zip(cells, [*[others] * (len(cells) - 1), last], strict=True)
    night, requests = comparisons_of_last_night(definitions, statuses)
    assert [request.run_key for request in requests] == ([f"{night}/{len(cells)}"] if compared else [])


def test_a_run_whose_command_line_was_killed_is_ended_and_no_other() -> None:
    killed = subprocess.Popen([sys.executable, "-c", ""])
    killed.wait()
    mine = process_tags()
    number, since = mine
    with dg.DagsterInstance.ephemeral() as instance:
        for tags in ({**mine, number: str(killed.pid)}, {**mine, since: "1"}, {number: str(os.getpid())}, mine, {}):
            instance.add_run(a_run(tags))
        assert len(end_dead_runs(instance)) == 3
        running = [run for run in instance.get_runs() if run.status is dg.DagsterRunStatus.STARTED]
        cancelled = [run for run in instance.get_runs() if run.status is dg.DagsterRunStatus.CANCELED]
    assert {number: str(os.getpid()), since: mine[since]}.items() <= mine.items()
    assert sorted(run.tags.get(since, "") for run in running) == ["", mine[since]]
    assert len(cancelled) == 3, "one's process is gone, another process has that of two others by now"


@pytest.mark.parametrize(("said_s", "found"), [(2.0, True), (-10.0, False), (1000.0, False)])
def test_a_process_is_a_runs_if_it_started_when_that_said_so(said_s: float, found: bool) -> None:
    me = psutil.Process()
    assert (_running(me.pid, me.create_time() + said_s) == me) is found


@pytest.mark.parametrize("killed", [True, False])
def test_a_run_of_the_daemon_whose_process_was_killed_has_failed_and_holds_the_lab_no_longer(
    instance: dg.DagsterInstance, definitions: dg.Definitions, killed: bool
) -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    run = a_run({".dagster/grpc_info": "{}"})
    instance.add_run(run)
    started = EngineEventData(metadata={"pid": dg.MetadataValue.text(str(process.pid))})
    instance.report_engine_event("Started process for run", run, started)
    if killed:
        process.kill()
        process.wait()
    with dg.build_sensor_context(instance=instance, repository_def=definitions.get_repository_def()) as context:
        definitions.resolve_sensor_def("dead_runs").evaluate_tick(context)
    process.kill()
    process.communicate()
    found = instance.get_run_by_id(run.run_id)
    assert found is not None
    assert found.status is (dg.DagsterRunStatus.FAILURE if killed else dg.DagsterRunStatus.STARTED)


def materialize(
    places: Places,
    instance: dg.DagsterInstance,
    selection: list[dg.AssetKey],
    tags: dict[str, str] | None = None,
    **fake: Any,
) -> tuple[dg.ExecuteInProcessResult, FakeLab]:
    lab = FakeLab(places, **fake)
    declare(instance, places)
    result = dg.materialize(
        architecture_assets(CELLS_BY_NIGHT),
        instance=instance,
        partition_key=cell_key(CELL, NIGHT),
        resources={"lab": lab, "comparison": ComparisonResource(), "warehouse": warehouse_resource(places)},
        selection=selection,
        raise_on_error=False,
        tags=tags,
    )
    return result, lab


@pytest.mark.parametrize("architecture", architectures())
def test_a_graph_provisions_replays_and_books_every_request(
    architecture: str, places: Places, instance: dg.DagsterInstance
) -> None:
    nodes = [*architectures()[architecture].nodes, "replay", "outcomes"]
    chosen = [dg.AssetKey([architecture, node]) for node in nodes]
    result, lab = materialize(places, instance, chosen, {NIGHT_TAG: NIGHT})
    assert result.success
    assert {call[2] for call in lab.calls if call[0] == "ensure"} == set(nodes) - {"replay", "outcomes"}
    assert query(places, "SELECT architecture, sum(offered) AS n FROM ledger GROUP BY ALL").to_pylist() == [
        {"architecture": architecture, "n": 2}
    ]
    assert query(places, "SELECT comparison_id, origin FROM comparisons").to_pylist() == [
        {"comparison_id": f"nightly-{NIGHT}", "origin": "nightly"}
    ]


def test_a_run_launched_by_hand_replaces_nothing_of_its_dates_night(
    places: Places, instance: dg.DagsterInstance
) -> None:
    chosen = [dg.AssetKey(["synchronous", "outcomes"])]
    for tags in ({NIGHT_TAG: NIGHT}, None):
        materialize(places, instance, chosen, tags)
    found = query(places, "SELECT comparison_id, origin, night FROM comparisons ORDER BY ALL").to_pylist()
    assert found == [
        {"comparison_id": f"byhand-{NIGHT}", "origin": "adhoc", "night": NIGHT},
        {"comparison_id": f"nightly-{NIGHT}", "origin": "nightly", "night": NIGHT},
    ]


def test_outcomes_alone_replay_where_nothing_was_recorded_and_say_so(
    places: Places, instance: dg.DagsterInstance
) -> None:
    result, lab = materialize(places, instance, [dg.AssetKey(["synchronous", "outcomes"])])
    [materialization] = result.asset_materializations_for_node("synchronous__outcomes")
    assert materialization.metadata["replayed_alone"].value is True
    assert ("replay", "synchronous") in lab.calls


def test_a_subset_of_the_replay_interleaves_only_what_was_selected(
    places: Places, instance: dg.DagsterInstance
) -> None:
    chosen = [dg.AssetKey([name, "replay"]) for name in ("synchronous", "hybrid")]
    _, lab = materialize(places, instance, chosen)
    assert lab.calls == [("replay", "synchronous", "hybrid")]


def test_outcomes_show_their_plot_first_and_the_books_identities_with_their_numbers(
    places: Places, instance: dg.DagsterInstance
) -> None:
    result, _ = materialize(places, instance, [dg.AssetKey(["synchronous", "outcomes"])])
    [made] = result.asset_materializations_for_node("synchronous__outcomes")
    assert next(iter(made.metadata)) == "over_time"
    books = {check.check_name: check for check in result.get_asset_check_evaluations()}["books_balance"]
    shown = str(books.metadata["identities"].value)
    assert "2 = 2 + 0 + 0 + 0 + 0 + 0" in shown
    assert "offered = answered + accepted + throttled" in shown.replace("\\", "")
    assert "faults" not in books.metadata


def test_an_api_shows_the_way_of_requests_before_it_is_made_and_each_resource_says_what_arrows_are(
    definitions: dg.Definitions,
) -> None:
    graph = definitions.resolve_asset_graph()
    for architecture in architectures().values():
        for name, node in architecture.nodes.items():
            shown = graph.get(dg.AssetKey([architecture.name, name]))
            assert "order in which resources are made" in str(shown.description)
            assert ("way_of_requests" in shown.metadata) == bool(node.routes)


def test_each_claim_is_a_check_of_one_node_and_warns_where_it_is_contradicted(
    places: Places, instance: dg.DagsterInstance
) -> None:
    keys = [dg.AssetKey([name, "outcomes"]) for name in ("synchronous", "hybrid")]
    materialize(places, instance, keys)
    result = dg.materialize(
        [claims_asset(NIGHTS)],
        instance=instance,
        partition_key=NIGHT,
        resources={"comparison": ComparisonResource(), "warehouse": warehouse_resource(places)},
    )
    checks = {check.check_name: check for check in result.get_asset_check_evaluations()}
    rows = query(places, "SELECT claim_id, verdict FROM claims WHERE part = ''").to_pylist()
    assert {row["claim_id"] for row in rows} == set(checks) == {claim.id for claim in claims()}
    for row in rows:
        check = checks[row["claim_id"]]
        assert check.metadata["verdict"].value == row["verdict"]
        assert check.passed == (row["verdict"] not in ("refuted", "partly"))
        assert check.severity is dg.AssetCheckSeverity.WARN


def test_books_that_do_not_balance_fail_the_blocking_check_and_mark_the_replay_invalid(
    places: Places, instance: dg.DagsterInstance
) -> None:
    result, _ = materialize(places, instance, [dg.AssetKey(["synchronous", "outcomes"])], stranger=True)
    books = {check.check_name: check for check in result.get_asset_check_evaluations()}["books_balance"]
    assert not books.passed
    assert not result.success
    [row] = query(places, "SELECT valid, invalid_reason FROM experiments").to_pylist()
    assert row["valid"] is False
    assert "never offered" in row["invalid_reason"]


def test_a_replay_disturbed_by_others_fails_its_check_with_their_share_and_stays_in_the_tables(
    places: Places, instance: dg.DagsterInstance
) -> None:
    result, _ = materialize(places, instance, [dg.AssetKey(["synchronous", "outcomes"])], disturbed=True)
    check = {check.check_name: check for check in result.get_asset_check_evaluations()}["replay_valid"]
    assert not check.passed
    assert check.metadata["reasons"].value == ["other programs"]
    assert check.metadata["others_cpu_share"].value == [0.6]
    assert result.success, "the check warns, it does not block"
    [row] = query(places, "SELECT valid, others_cpu_share FROM experiments").to_pylist()
    assert row == {"valid": False, "others_cpu_share": 0.6}
    assert query(places, "FROM summary").num_rows == 0


def test_the_comparison_of_a_night_shows_its_tables_and_writes_the_report(
    places: Places, instance: dg.DagsterInstance
) -> None:
    keys = [dg.AssetKey([name, node]) for name in architectures() for node in ("replay", "outcomes")]
    assert materialize(places, instance, keys)[0].success
    result = dg.materialize(
        comparison_assets(places, NIGHTS),
        instance=instance,
        partition_key=NIGHT,
        resources={"comparison": ComparisonResource()},
    )
    [ledger] = result.asset_materializations_for_node("comparison__ledger")
    assert ledger.metadata["dagster/row_count"].value == len(architectures())
    assert "data:image/png;base64," in str(ledger.metadata["ledger_food_orders_steady"].value)
    assert places.report.exists()


@pytest.mark.parametrize(
    ("resource", "tags", "apart"),
    [
        (ComparisonResource(), {NIGHT_TAG: NIGHT}, False),
        (ComparisonResource(target="localstack"), {NIGHT_TAG: NIGHT}, True),
        (ComparisonResource(target="localstack"), {}, False),
        (ComparisonResource(target="localstack", comparison_id="adhoc-1"), {}, False),
    ],
    ids=["a night", "a night on another target", "launched by hand", "an ad hoc comparison"],
)
def test_a_night_on_another_target_replaces_no_report_of_the_default_ones(
    resource: ComparisonResource, tags: dict[str, str], apart: bool
) -> None:
    assert (launched(resource, tags).night_on != DEFAULT_TARGET) == apart


def test_a_rerun_of_a_partition_replaces_its_own_rows_and_nothing_else(
    places: Places, instance: dg.DagsterInstance
) -> None:
    keys = [dg.AssetKey([name, "outcomes"]) for name in ("synchronous", "hybrid")]
    materialize(places, instance, keys)
    materialize(places, instance, keys[:1])
    counts = query(places, "SELECT architecture, count(*) AS n FROM requests GROUP BY ALL ORDER BY ALL").to_pylist()
    assert counts == [{"architecture": "hybrid", "n": 2}, {"architecture": "synchronous", "n": 2}]


def test_a_comparison_is_judged_by_the_requirements_that_its_configuration_names(
    places: Places, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    materialize(places, instance, [dg.AssetKey(["synchronous", "outcomes"])])
    file = tmp_path / "own.toml"
    file.write_text('[[requirement]]\nname = "mine"\nmeasure = "lost_share"\nat_most = 0.1\n')
    result = dg.materialize(
        judgement_assets(NIGHTS),
        instance=instance,
        partition_key=NIGHT,
        resources={
            "comparison": ComparisonResource(requirements=str(file)),
            "warehouse": warehouse_resource(places),
        },
        selection=[dg.AssetKey(["comparison", "requirements"])],
    )
    assert result.success
    assert query(places, "SELECT DISTINCT requirement FROM requirements").to_pylist() == [{"requirement": "mine"}]


@pytest.mark.parametrize("judgement", ["pairwise", "recommendations"])
def test_a_judgement_made_alone_is_published_when_its_run_ends(
    places: Places, instance: dg.DagsterInstance, judgement: str
) -> None:
    keys = [dg.AssetKey([name, "outcomes"]) for name in ("synchronous", "hybrid")]
    materialize(places, instance, keys)
    assert query(places, f"FROM {judgement}").num_rows == 0
    result = dg.materialize(
        judgement_assets(NIGHTS),
        instance=instance,
        partition_key=NIGHT,
        resources={"comparison": ComparisonResource(), "warehouse": warehouse_resource(places)},
        selection=[dg.AssetKey(["comparison", judgement])],
    )
    [made] = result.asset_materializations_for_node(f"comparison__{judgement}")
    rows = query(places, f"FROM {judgement}").num_rows
    assert rows > 0
    assert made.metadata["dagster/row_count"].value == rows
    columns = made.metadata["dagster/column_schema"].value.columns  # type: ignore[union-attr]
    assert all(column.description for column in columns)


def test_a_run_that_cannot_publish_says_so_and_keeps_what_it_wrote(
    places: Places, instance: dg.DagsterInstance, capfd: pytest.CaptureFixture[str]
) -> None:
    places.database.mkdir(parents=True)
    result, _ = materialize(places, instance, [dg.AssetKey(["synchronous", "outcomes"])])
    assert result.success
    assert f"cannot publish {places.database}" in capfd.readouterr().err
    places.database.rmdir()
    publish(places)
    assert query(places, "SELECT architecture FROM ledger").num_rows == 1


def test_no_results_is_one_sentence(places: Places) -> None:
    with pytest.raises(ArchduelError, match="archduel compare"):
        query(places, "SELECT 1")


if __name__ == "__main__":
    SNAPSHOT.write_text(json.dumps(public_graph(build_definitions(Places(Path("unused")))), indent=2) + "\n")
