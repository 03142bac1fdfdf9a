"""What every test may ask for. Nothing here starts an emulator; that is the folders' own business."""

import os
import signal
import time
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.importing import Imports
from workloads.places import Places

# What a shell runs in the background ignores Ctrl-C and hands that on to every child: tests that interrupt one would
# wait for ever.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# How long each fuzz target is tried, with other examples each time; 0: as every test of properties is tried by default,
# with the same examples each time, so that a change is not judged by chance.
FUZZ_S = float(os.environ.get("FUZZ_S", "0"))

# Of a busy machine's 200 ms an example says nothing about the code.
settings.register_profile(
    "archduel", deadline=None, derandomize=not FUZZ_S, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("archduel")


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Try a fuzz target again with other examples, for as long as it is asked for."""
    ends_s = time.monotonic() + FUZZ_S
    result = yield
    while pyfuncitem.get_closest_marker("fuzz") and time.monotonic() < ends_s:
        pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames})
    return result


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """An empty home of the test's own."""
    return Places(tmp_path / "home")


@pytest.fixture
def imports(tmp_path: Path) -> Imports:
    """An empty library of the test's own."""
    return Imports(tmp_path)


@pytest.fixture(scope="session")
def emulator_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where targets are installed and log, once for all tests."""
    return tmp_path_factory.mktemp("emulators")


@pytest.fixture(scope="session", autouse=True)
def _no_real_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Whatever asks the environment for a home gets one that is thrown away, never the developer's results."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ARCHDUEL_HOME", str(tmp_path_factory.mktemp("environment-home")))
        patch.delenv("DAGSTER_HOME", raising=False)
        yield
