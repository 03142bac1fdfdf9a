"""No command reaches AWS but one with `--target aws`: with credentials planted that look real, in the environment and
in the files of profiles, and with the network watched.

What takes an emulator is watched in `tests/integration/test_endpoint.py`.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.shell import YIELDING, archduel
from tests.watching import OF_THIS_MACHINE, watched, with_planted_credentials
from workloads.places import REPOSITORY, Places

LOG = '203.0.113.9 - - [17/May/2026:12:00:0{} +0000] "POST /orders HTTP/1.1" 201 12 "-" "x"\n'


@pytest.fixture
def planted(tmp_path: Path) -> dict[str, str]:
    return with_planted_credentials(tmp_path)


def test_the_watch_sees_what_leaves_this_machine(planted: dict[str, str], places: Places) -> None:
    """The test below is worth what this finds: AWS is looked up by name, and here alone."""
    options = "--target aws --profile planted --region eu-west-3 --scenario steady --yes"
    done = archduel(places, "compare", *options.split(), environment=planted)
    assert done.returncode == 1
    assert "archduel: AWS eu-west-3 cannot be reached: is there a network?" in done.stderr
    # By the profile's credentials where AWS is, wherever anything planted would redirect it.
    assert {one for one in watched(planted) - OF_THIS_MACHINE if not one[:1].isdigit()} == {
        "sts.eu-west-3.amazonaws.com"
    }


# Each runs in the process of those before it, which is watched as a whole.
RUN_ALL = """
import json, sys
from orchestration.commands.main import main

codes = []
for arguments in json.loads(sys.argv[1]):
    try:
        main(arguments)
    except SystemExit as ended:
        codes.append(ended.code)
print(*codes, sep=",", file=sys.stderr)
"""


def test_nothing_else_does(planted: dict[str, str], places: Places, tmp_path: Path) -> None:
    (tmp_path / "access.log").write_text("".join(LOG.format(second) for second in range(9)))
    exit_codes = {
        ("workloads",): 0,
        ("scenarios",): 0,
        ("template", "hybrid"): 0,
        ("prices",): 0,
        ("permissions",): 0,
        ("doctor", "--machine-only"): 0,
        ("sweep",): 0,
        ("sql", "SELECT 1"): 1,
        ("report",): 1,
        ("import", "combined", str(tmp_path / "access.log"), "--name", "shop"): 0,
        ("compare", "--target", "aws", "--yes"): 2,
        ("sweep", "--target", "aws", "--yes"): 2,
    }
    done = subprocess.run(
        [*YIELDING, sys.executable, "-c", RUN_ALL, json.dumps([*exit_codes])],
        env={**os.environ, **planted, "ARCHDUEL_HOME": str(places.home)},
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    codes = done.stderr.splitlines()[-1].split(",")
    assert dict(zip(exit_codes, map(int, codes), strict=True)) == exit_codes, done.stderr
    assert watched(planted) <= OF_THIS_MACHINE
    assert "planted" not in (done.stdout + done.stderr).replace(str(tmp_path), "")
