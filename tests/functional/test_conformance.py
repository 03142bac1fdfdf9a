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
from tests.functional.fakes import FakeLab
from tests.shell import archduel
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
        Status.UNKNOWN: 0,
    }
    differences = str(shown.metadata["differences"].value)
    assert "otherwise" in differences
    assert "as on AWS" not in differences
    publish(places)
    assert query(places, "SELECT count(*) AS n FROM conformance").to_pylist() == [{"n": 2}]


def test_help_says_what_the_doctor_does(places: Places) -> None:
    done = archduel(places, "doctor", "--help")
    assert done.returncode == 0
    assert "--target" in done.stdout


def test_an_unknown_target_exits_2_and_lists_the_valid_ones(places: Places) -> None:
    done = archduel(places, "doctor", "--target", "nope")
    assert done.returncode == 2
    assert "ministack" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_the_machine_alone_is_looked_at_without_an_emulator(places: Places) -> None:
    done = archduel(places, "doctor", "--machine-only")
    assert "stray emulators" in done.stdout
    assert not places.emulator_logs.exists()


def test_the_exit_code_tells_whether_the_machine_lacks_something(places: Places) -> None:
    done = archduel(places, "doctor", "--machine-only", "--format", "json")
    told = json.loads(done.stdout)
    assert told["conformance"] is None
    # Whether this machine lacks something is its own affair.
    lacks = any(check["level"] == Level.MISSING for check in told["machine"])
    assert done.returncode == (1 if lacks else 0), done.stderr


def test_a_machine_that_lacks_something_exits_1_and_says_what_mends_it(places: Places) -> None:
    places.home.parent.mkdir(parents=True, exist_ok=True)
    places.home.write_text("a file where the home should be")
    done = archduel(places, "doctor")
    assert done.returncode == 1
    assert "export ARCHDUEL_HOME=" in done.stdout
    assert re.search(r"\(.*\bhome\b.*\)", done.stderr)
    assert len(done.stderr.splitlines()) == 1
