"""Whatever is asked of archduel, nothing reaches AWS but `--target aws`: with credentials planted that look real, in
the environment and in the files of profiles, and with the network watched.

What takes an emulator is watched in `tests/integration/test_endpoint.py`.
"""

from pathlib import Path

import pytest

from tests.shell import archduel
from tests.watching import OF_THIS_MACHINE, watched, with_planted_credentials
from workloads.places import Places

LOG = '203.0.113.9 - - [17/May/2026:12:00:0{} +0000] "POST /orders HTTP/1.1" 201 12 "-" "x"\n'


@pytest.fixture
def planted(tmp_path: Path) -> dict[str, str]:
    return with_planted_credentials(tmp_path)


def test_the_watch_sees_what_leaves_this_machine(planted: dict[str, str], places: Places) -> None:
    """The tests below are worth what this finds: AWS itself is asked for by name, and here alone."""
    done = archduel(
        places,
        *(
            "compare",
            "--target",
            "aws",
            "--profile",
            "planted",
            "--region",
            "eu-west-3",
            "--scenario",
            "steady",
            "--yes",
        ),
        environment=planted,
    )
    assert done.returncode == 1
    assert "archduel: AWS eu-west-3 cannot be reached: is there a network?" in done.stderr
    # By the profile's credentials where AWS is, wherever anything planted would redirect it.
    assert {one for one in watched(planted) - OF_THIS_MACHINE if not one[:1].isdigit()} == {
        "sts.eu-west-3.amazonaws.com"
    }


@pytest.mark.parametrize(
    ("command", "exit_code"),
    [
        (("workloads",), 0),
        (("scenarios",), 0),
        (("template", "hybrid"), 0),
        (("prices",), 0),
        (("doctor", "--machine-only"), 0),
        (("sweep",), 0),
        (("sql", "SELECT 1"), None),
        (("report",), None),
        (("import", "combined", "LOG", "--name", "shop"), 0),
        (("compare", "--target", "aws", "--yes"), 2),
        (("sweep", "--target", "aws", "--yes"), 2),
    ],
)
def test_nothing_else_does(
    command: tuple[str, ...], exit_code: int | None, planted: dict[str, str], places: Places, tmp_path: Path
) -> None:
    (tmp_path / "access.log").write_text("".join(LOG.format(second) for second in range(9)))
    arguments = [str(tmp_path / "access.log") if one == "LOG" else one for one in command]
    done = archduel(places, *arguments, environment=planted)
    assert exit_code is None or done.returncode == exit_code, done.stderr
    assert watched(planted) <= OF_THIS_MACHINE
    assert "planted" not in (done.stdout + done.stderr).replace(str(tmp_path), "")
