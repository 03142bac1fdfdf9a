"""A run killed in the middle: no process stays, the old results stand, the next run is not disturbed."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import dagster as dg
import psutil
import pytest

from assets.analysis.outcomes import reconcile
from resources.warehouse.outcomes import write_outcomes
from resources.warehouse.publish import publish
from resources.warehouse.reading import query
from tests.observations_builder import ObservationsBuilder
from tests.shell import BESIDE_OTHERS, YIELDING
from tests.waiting import until
from workloads.places import REPOSITORY, Places

pytestmark = pytest.mark.emulator

ARGUMENTS = [
    *("--scenario", "steady", "--architecture", "synchronous", "--architecture", "event_driven", "--speed", "4"),
    *("--observed-only", *BESIDE_OTHERS),
]


def compare(places: Places, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*YIELDING, sys.executable, "-m", "orchestration.commands.main", "compare", *ARGUMENTS, *arguments],
        env={**os.environ, "ARCHDUEL_HOME": str(places.home)},
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def processes_of(places: Places) -> list[psutil.Process]:
    """Every process whose environment names this home: emulators, their workers, proxies, leashes."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("ARCHDUEL_HOME") == str(places.home):
                found.append(process)
        except psutil.Error:
            continue
    return [process for process in found if process.pid != os.getpid()]


def wait_for_lines(run: subprocess.Popen[str], words: str, count: int) -> None:
    assert run.stdout is not None
    for line in run.stdout:
        count -= words in line
        if not count:
            return
    raise AssertionError(f"{words!r} never came")


def wait_until_replaying(run: subprocess.Popen[str]) -> None:
    wait_for_lines(run, "steady · synchronous: ", 2)  # none yet, then a quarter


def wait_until_gone(places: Places) -> list[psutil.Process]:
    until(lambda: not processes_of(places))
    return processes_of(places)


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Places]:
    """A home with results, planted: to replay some takes half a minute."""
    places = Places(tmp_path_factory.mktemp("kill") / "home")
    observed = ObservationsBuilder().experiment().request().item().record().tables()
    write_outcomes(places, "c1", "food_orders__steady", "synchronous", reconcile(observed))
    publish(places)
    yield places
    for process in processes_of(places):
        process.kill()


@pytest.mark.parametrize(
    ("number", "code"),
    [
        pytest.param(signal.SIGKILL, -9, id="kill -9"),
        # Ctrl-C, below, ends a run in the same way.
        pytest.param(signal.SIGTERM, 130, id="kill", marks=pytest.mark.long),
    ],
)
def test_a_run_ended_in_the_middle_leaves_no_process_and_the_old_results_whole(
    compared: Places, number: signal.Signals, code: int
) -> None:
    before = query(compared, "SELECT * FROM requests ORDER BY ALL")
    with compare(compared, "--limit", "600") as run:
        wait_until_replaying(run)
        assert processes_of(compared)
        run.send_signal(number)
        run.communicate(timeout=30)
    assert run.returncode == code
    assert wait_until_gone(compared) == []
    assert query(compared, "SELECT * FROM requests ORDER BY ALL").equals(before)


@pytest.mark.long
def test_the_next_run_is_not_disturbed(compared: Places) -> None:
    with compare(compared, "--limit", "30", "--no-wait") as after:
        output, _ = after.communicate(timeout=120)
    assert after.returncode == 0, output


def test_an_emulator_that_dies_fails_the_run_with_its_last_words_and_leaves_nothing(compared: Places) -> None:
    before = query(compared, "SELECT comparison_id FROM comparisons")
    with compare(compared, "--limit", "600") as run:
        wait_until_replaying(run)
        for process in processes_of(compared):
            if process.cmdline()[-2:] == ["-m", "resources.emulators.ministack"] and process.cmdline()[0] != "nice":
                process.kill()
        output, _ = run.communicate(timeout=60)
    assert run.returncode == 1
    assert "the emulator of synchronous died in the middle" in output
    assert "Traceback" not in output
    assert wait_until_gone(compared) == []
    assert query(compared, "SELECT comparison_id FROM comparisons").equals(before)


def test_a_busy_lab_refuses_who_does_not_wait_and_ctrl_c_leaves_nothing(compared: Places) -> None:
    before = query(compared, "SELECT * FROM requests ORDER BY ALL")
    with compare(compared, "--limit", "600") as first:
        wait_until_replaying(first)
        with compare(compared, "--limit", "30", "--no-wait") as second:
            output, _ = second.communicate(timeout=150)  # niced, beside a replay: half a minute alone
        first.send_signal(signal.SIGINT)
        heard, _ = first.communicate(timeout=30)
    assert second.returncode == 1
    assert "the lab is busy with" in output
    assert first.returncode == 130
    assert "Traceback" not in heard
    with dg.DagsterInstance.from_config(str(compared.dagster)) as instance:
        ended = {run.status for run in instance.get_runs(limit=2)}
    assert ended == {dg.DagsterRunStatus.CANCELED, dg.DagsterRunStatus.FAILURE}, "interrupted, and refused"
    assert wait_until_gone(compared) == []
    assert query(compared, "SELECT * FROM requests ORDER BY ALL").equals(before)
