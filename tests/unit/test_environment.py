"""What of a user's environment the processes get that archduel starts: what is named, and nothing else."""

import os

import pytest

from resources.machine.environment import passed_on
from workloads.places import REPOSITORY

USERS = {
    "PATH": "/usr/bin",
    "LC_ALL": "C.UTF-8",
    "ARCHDUEL_HOME": "/home/jane/.archduel",
    **dict.fromkeys(("AWS_PROFILE", "AWS_SECRET_ACCESS_KEY", "HTTPS_PROXY", "no_proxy", "HOME", "USER"), "planted"),
    **dict.fromkeys(("GITHUB_TOKEN", "DATABASE_URL", "LC_PASSWORD", "PYTHON_KEYRING_BACKEND", "KUBECONFIG"), "planted"),
    **dict.fromkeys(("MINISTACK_HOST", "LOCALSTACK_AUTH_TOKEN", "SSH_AUTH_SOCK", "DOCKER_HOST", "path"), "planted"),
}


def test_what_is_named_is_passed_on_and_nothing_else() -> None:
    kept = passed_on(USERS)
    assert "planted" not in str(kept)
    assert {name: kept[name] for name in ("PATH", "LC_ALL", "ARCHDUEL_HOME")} == {
        name: USERS[name] for name in ("PATH", "LC_ALL", "ARCHDUEL_HOME")
    }


@pytest.mark.parametrize("own", ["", "/opt/modules"])
def test_archduels_modules_are_found_first(own: str) -> None:
    folders = passed_on({"PYTHONPATH": own} if own else {})["PYTHONPATH"].split(os.pathsep)
    assert folders == [str(REPOSITORY), *filter(None, [own])]
