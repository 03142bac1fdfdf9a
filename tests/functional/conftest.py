"""The command line, called in the tests' own process: a process of its own costs a second or two."""

import signal
import subprocess
from collections.abc import Callable, Iterator

import pytest

from orchestration.commands.main import main
from workloads.places import REPOSITORY, Places

Call = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def call(places: Places, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Iterator[Call]:
    """Runs ``archduel`` with the given arguments; returns its exit code and what it printed."""
    monkeypatch.setenv("ARCHDUEL_HOME", str(places.home))
    monkeypatch.chdir(REPOSITORY)
    before = signal.getsignal(signal.SIGTERM)

    def call(*arguments: str) -> "subprocess.CompletedProcess[str]":
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(arguments, prog_name="archduel")
        code = ended.value.code
        assert code is None or isinstance(code, int), "a message would be printed by Python"
        return subprocess.CompletedProcess(arguments, code or 0, *capfd.readouterr())

    yield call
    signal.signal(signal.SIGTERM, before)
