"""What takes an emulator uses nothing that was planted either: see `tests/functional/test_planted_credentials.py`."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from resources.machine.leash import free_port
from tests.functional.test_planted_credentials import Proxy
from tests.shell import BESIDE_OTHERS, archduel
from tests.waiting import until
from tests.watching import OF_THIS_MACHINE, watched, with_planted_credentials
from tests.web_server import serving_with
from workloads.places import REPOSITORY, Places

pytestmark = pytest.mark.emulator


@pytest.fixture
def proxied(tmp_path: Path) -> Iterator[dict[str, str]]:
    """With a proxy that works, and a profile that is not there any more."""
    Proxy.asked = []
    with serving_with(Proxy) as url:
        yield with_planted_credentials(tmp_path, url) | {"AWS_PROFILE": "stale-planted"}


def assert_nothing_was_used(planted: dict[str, str]) -> None:
    assert "127.0.0.1" in watched(planted), "the network was watched"
    assert watched(planted) <= OF_THIS_MACHINE
    assert Proxy.asked == []


@pytest.mark.long  # the doctor waits for what AWS documents, customers order in real time, and Dagster takes its time
@pytest.mark.timeout(900)
def test_what_takes_an_emulator_uses_nothing_that_was_planted(proxied: dict[str, str], places: Places) -> None:
    for command in (
        ("doctor",),
        ("record", "--customers", "lunch", "--minutes", "0.2", "--peak", "10", "--name", "noon"),
        ("compare", "--scenario", "steady", "--architecture", "event_driven", "--limit", "40", *BESIDE_OTHERS),
    ):
        done = archduel(places, *command, timeout_s=400, environment=proxied)
        assert done.returncode == 0, done.stdout + done.stderr
    port = free_port()
    dev = subprocess.Popen(
        [sys.executable, "-m", "orchestration.commands.main", "dev", "--port", str(port)],
        env={**os.environ, **proxied, "ARCHDUEL_HOME": str(places.home), "no_proxy": ""},
        cwd=REPOSITORY,
        start_new_session=True,
    )

    def answers() -> bool:
        try:
            with urlopen(f"http://127.0.0.1:{port}/server_info", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    try:
        assert until(answers, 120)
    finally:
        dev.send_signal(signal.SIGINT)
        dev.wait(60)
    assert_nothing_was_used(proxied)
