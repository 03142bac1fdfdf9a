"""The conformance node and `archduel doctor`, without an emulator."""

import json
import re

import dagster as dg

from assets.conformance import conformance_asset
from orchestration.partitions import NIGHTS
from resources.conformance.probes import Status
from resources.machine.checks import Level
from resources.warehouse.publish import publish
from resources.warehouse.reading import query
from tests.functional.conftest import Call
from tests.functional.fakes import FakeLab
from workloads.places import Places


def test_the_node_shows_what_differs_and_stores_what_the_warehouse_publishes(places: Places) -> None:
    lab = FakeLab(places)
    with dg.instance_for_test() as instance:
        result = dg.materialize(
            [conformance_asset(NIGHTS)],
            instance=instance,
            partition_key="2026-11-20",
            resources={"lab": lab},
        )
    assert lab.calls == [("conformance",)]
    [shown] = result.asset_materializations_for_node("comparison__conformance")
    assert shown.metadata["dagster/row_count"].value == 2
    assert {status: shown.metadata[status].value for status in Status} == {
        Status.REPRODUCED: 1,
        Status.DIFFERENT: 1,
        Status.ABSENT: 0,
        Status.NOT_PROVOCABLE: 0,
        Status.UNKNOWN: 0,
    }
    differences = str(shown.metadata["differences"].value)
    assert "otherwise" in differences
    assert "as on AWS" not in differences
    publish(places)
    assert query(places, "SELECT count(*) AS n FROM conformance").to_pylist() == [{"n": 2}]


def test_the_machine_alone_is_checked_without_an_emulator_and_its_state_is_the_exit_code(
    places: Places, call: Call
) -> None:
    done = call("doctor", "--machine-only")
    assert "stray emulators" in done.stdout
    assert not places.emulator_logs.exists()
    in_json = call("doctor", "--machine-only", "--format", "json")
    findings = json.loads(in_json.stdout)
    assert findings["conformance"] is None
    # Whether this machine lacks something is its own affair.
    lacks = any(check["level"] == Level.MISSING for check in findings["machine"])
    assert done.returncode == in_json.returncode == (1 if lacks else 0), done.stderr


def test_a_machine_that_lacks_something_exits_1_and_says_what_mends_it(places: Places, call: Call) -> None:
    places.home.parent.mkdir(parents=True, exist_ok=True)
    places.home.write_text("a file where the home should be")
    done = call("doctor")
    assert done.returncode == 1
    assert "export ARCHDUEL_HOME=" in done.stdout
    assert re.search(r"\(.*\bhome\b.*\)", done.stderr)
    assert len(done.stderr.splitlines()) == 1
