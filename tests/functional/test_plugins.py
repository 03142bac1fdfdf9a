"""Plug-ins as users have them: two packages are installed, one of them with nothing but mistakes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.shell import archduel
from workloads.places import REPOSITORY, Places

LINES = (
    "2026-11-20T12:00:00.250000Z|POST|/orders|201|12.5\n"
    "2026-11-20T12:00:01.250000Z|GET|/orders/17|200|2.5\n"
    "2026-11-20T12:00:01.350000Z|GET|/orders/18|404|2.5\n"
)
LOADED = """
import json
from orchestration.definitions import defs
keys = [key.to_user_string() for key in defs.resolve_asset_graph().get_all_asset_keys()]
print(json.dumps([sorted(key for key in keys if "split" in key), len(keys), defs.metadata["plug_ins"].value]))
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of a process in which both packages are installed; nothing comes from a network."""
    folder = tmp_path_factory.mktemp("site")
    uv = Path(sys.executable).with_name("uv")
    packages = [REPOSITORY / "tests" / "plugins" / name for name in ("toy", "broken")]
    options = ["--quiet", "--offline", "--no-index", "--no-deps", "--no-cache", "--target", str(folder)]
    subprocess.run([uv, "pip", "install", *options, "--python", sys.executable, *packages], check=True)
    return {"PYTHONPATH": str(folder)}


def test_help_imports_no_plug_in(installed: dict[str, str], tmp_path: Path) -> None:
    result = archduel(Places(tmp_path), "--help", environment=installed)
    assert (result.returncode, result.stderr) == (0, "")


def test_those_that_can_be_used_are_listed_and_the_others_named(installed: dict[str, str], tmp_path: Path) -> None:
    result = archduel(Places(tmp_path), "plugins", environment=installed)
    assert result.returncode == 0
    assert [" ".join(line.split()) for line in result.stdout.splitlines()] == [
        "architecture split archduel-toy 1.0",
        "scenario short_outage archduel-toy 1.0",
        "importer fails archduel-broken 0.1",
        "importer pipes archduel-toy 1.0",
        "target slow_aws archduel-toy 1.0",
    ]
    left_out = result.stderr.splitlines()
    assert all(" of the plug-in archduel-broken 0.1 is left out: " in line for line in left_out)
    assert [line.split()[2:4] for line in left_out] == [
        ["architecture", "comparison"],
        ["architecture", "gone"],
        ["architecture", "half"],
        ["architecture", "in_circles"],
        ["architecture", "synchronous"],
        ["scenario", "a__cell"],
        ["scenario", "a_file"],
        ["scenario", "steady"],
        ["importer", "alias"],
        ["importer", "nothing"],
        ["target", "aws2"],
        ["target", "leaves"],
    ]


def test_a_format_that_fails_hides_no_other_from_auto(installed: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "pipes.log").write_text(LINES)
    options = ("import", "auto", str(tmp_path / "pipes.log"), "--name", "piped")
    result = archduel(Places(tmp_path / "home"), *options, environment=installed)
    assert result.returncode == 0, result.stderr
    assert "pipes" in result.stdout
    assert "the importer fails of the plug-in archduel-broken 0.1 is left out: TypeError: pipes.log" in result.stderr


def test_an_architecture_under_a_scenario_on_a_target_of_plug_ins_is_compared(
    installed: dict[str, str], tmp_path: Path
) -> None:
    places = Places(tmp_path)
    about = ("--architecture", "split", "--scenario", "short_outage", "--target", "slow_aws")
    compared = archduel(
        places, "compare", *about, "--limit", "60", "--repetitions", "1", environment=installed, timeout_s=240
    )
    assert compared.returncode == 0, compared.stderr
    assert "Split" in compared.stdout
    query = (
        "SELECT DISTINCT architecture, scenario, target, evidence, code_version"
        " FROM experiments JOIN comparisons USING (comparison_id, target, evidence)"
    )
    rows = archduel(places, "sql", "--format", "csv", query, environment=installed).stdout.splitlines()
    assert len(rows) == 2
    assert rows[1].startswith('"split","short_outage","slow-aws","simulated",')
    assert "archduel-toy 1.0" in rows[1]


def test_dagster_has_the_graph_of_a_plug_in_and_says_what_is_left_out(
    installed: dict[str, str], tmp_path: Path
) -> None:
    environment = {**os.environ, **installed, "ARCHDUEL_HOME": str(tmp_path)}
    loaded = subprocess.run(
        [sys.executable, "-c", LOADED], env=environment, cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    keys, count, told = json.loads(loaded.stdout.splitlines()[-1])
    assert {"split/replay", "split/outcomes", "split/api", "split/queue"} <= set(keys)
    assert count > len(keys), "everything else is there"
    assert "the architecture gone of the plug-in archduel-broken 0.1 is left out" in told
    assert "the scenario short_outage of the plug-in archduel-toy 1.0" in told.splitlines()
