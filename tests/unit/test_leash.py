"""Child processes on a leash: they and all they started end with `close`, or with us, however we end."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from resources.machine.leash import LeashedProcess, free_port, run_leashed
from tests.waiting import until
from workloads.places import REPOSITORY

# A shell with two children, one of which has a child of its own. None would end by itself.
TREE = ["/bin/sh", "-c", "echo growing; sleep 600 & (sleep 600; true) & wait"]
PROCESSES = 4


@pytest.fixture
def leashed(tmp_path: Path) -> Iterator[LeashedProcess]:
    process = LeashedProcess(TREE, environment=os.environ, log=tmp_path / "logs" / "tree.log")
    yield process
    process.close()


def grown(process: LeashedProcess) -> list[psutil.Process]:
    """The tree, once it is all there."""
    assert until(lambda: len(process.processes()) > PROCESSES)
    return process.processes()


def gone(pids: list[int]) -> bool:
    """Whether none of them is left, within five seconds. One that waits to be reaped has ended."""
    return until(lambda: not any(_runs(pid) for pid in pids), 5)


def _runs(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


class TestClose:
    def test_ends_the_process_and_all_it_started(self, leashed: LeashedProcess) -> None:
        pids = [process.pid for process in grown(leashed)]
        assert all(_runs(pid) for pid in pids)
        leashed.close()
        assert not leashed.alive
        assert gone(pids)
        assert leashed.processes() == []

    def test_ends_what_is_left_when_the_leash_itself_was_killed(self, leashed: LeashedProcess) -> None:
        pids = [process.pid for process in grown(leashed)]
        os.kill(leashed._shell.pid, signal.SIGKILL)
        assert until(lambda: not leashed.alive)
        assert any(_runs(pid) for pid in pids), "nothing is tested"
        leashed.close()
        assert gone(pids)

    def test_twice_is_fine(self, leashed: LeashedProcess) -> None:
        leashed.close()
        leashed.close()
        assert not leashed.alive

    def test_ends_children_that_ignore_sigterm(self, tmp_path: Path) -> None:
        stubborn = ["/bin/sh", "-c", "trap '' TERM INT HUP; sleep 600 & wait; sleep 600"]
        process = LeashedProcess(stubborn, environment=os.environ, log=tmp_path / "log")
        pids = [one.pid for one in process.processes()]
        process.close()
        assert gone(pids)

    def test_leaves_others_alone(self, leashed: LeashedProcess, tmp_path: Path) -> None:
        other = LeashedProcess(TREE, environment=os.environ, log=tmp_path / "other.log")
        try:
            pids = [process.pid for process in grown(other)]
            leashed.close()
            assert other.alive
            assert all(_runs(pid) for pid in pids)
        finally:
            other.close()


class TestEnd:
    def test_of_the_process_is_noticed_and_takes_its_children_along(self, tmp_path: Path) -> None:
        brief = ["/bin/sh", "-c", "sleep 600 & echo $!; exit 3"]
        process = LeashedProcess(brief, environment=os.environ, log=tmp_path / "log")
        assert until(lambda: not process.alive)
        assert gone([int(line) for line in process.last_log_lines()])
        process.close()

    @pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
    def test_of_ours_ends_the_whole_tree(self, tmp_path: Path, how: signal.Signals) -> None:
        script = (
            "import os, pathlib, sys, time\n"
            "from resources.machine.leash import LeashedProcess\n"
            "process = LeashedProcess(sys.argv[2:], environment=os.environ, log=pathlib.Path(sys.argv[1]))\n"
            f"while len(process.processes()) <= {PROCESSES}:\n"
            "    time.sleep(0.01)\n"
            "print(*(one.pid for one in process.processes()), process._shell.pid, flush=True)\n"
            "time.sleep(600)\n"
        )
        with subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path / "log"), *TREE],
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as parent:
            assert parent.stdout is not None
            pids = [int(pid) for pid in parent.stdout.readline().split()]
            assert len(pids) > PROCESSES
            assert all(_runs(pid) for pid in pids)
            parent.send_signal(how)
            parent.wait(10)
        assert gone(pids)


class TestWhatIsKnownOfIt:
    def test_output_is_in_its_log(self, tmp_path: Path) -> None:
        talker = ["/bin/sh", "-c", "for word in one two three; do echo $word; done; echo four >&2; sleep 600"]
        process = LeashedProcess(talker, environment=os.environ, log=tmp_path / "deep" / "log")
        try:
            assert until(lambda: len(process.last_log_lines()) >= 4)
            assert process.last_log_lines(2) == ["three", "four"]
        finally:
            process.close()

    def test_environment_is_the_one_given(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("ARCHDUEL_SECRET", "seen")
        environment = {"PATH": os.environ["PATH"], "GIVEN": "yes"}
        process = LeashedProcess(["/usr/bin/env"], environment=environment, log=tmp_path / "log")
        until(lambda: not process.alive)
        process.close()
        lines = process.last_log_lines(50)
        assert "GIVEN=yes" in lines
        assert not any("ARCHDUEL_SECRET" in line for line in lines)

    def test_processor_time_of_the_tree_is_counted(self, tmp_path: Path) -> None:
        busy = ["/bin/sh", "-c", "(while :; do :; done) & wait"]
        process = LeashedProcess(busy, environment=os.environ, log=tmp_path / "log")
        try:
            assert until(lambda: process.cpu_seconds() >= 0.05, 20)
        finally:
            process.close()
        assert process.cpu_seconds() == 0.0

    def test_a_log_that_is_gone_has_no_lines(self, leashed: LeashedProcess) -> None:
        grown(leashed)
        assert leashed.log is not None
        leashed.log.unlink()
        assert leashed.last_log_lines() == []


class TestRunToTheEnd:
    @pytest.mark.parametrize(
        ("script", "outcome"),
        [("echo one; echo two >&2; exit 3", (3, "one\ntwo\n")), ("true", (0, ""))],
    )
    def test_reports_the_exit_code_and_the_last_output(self, script: str, outcome: tuple[int, str]) -> None:
        assert run_leashed(["/bin/sh", "-c", script], timeout_s=10) == outcome

    def test_of_what_is_not_there_or_is_killed_is_a_failure(self) -> None:
        code, output = run_leashed(["/nowhere/program"], timeout_s=10)
        assert code == 127
        assert run_leashed(["/bin/sh", "-c", "kill -9 $$"], timeout_s=10)[0] == 128 + signal.SIGKILL
        assert "not found" in output

    def test_does_not_last_longer_than_it_may(self, tmp_path: Path) -> None:
        code, output = run_leashed(["/bin/sh", "-c", f"sleep 600 & echo $! >{tmp_path}/pid; wait"], timeout_s=0.5)
        assert code == -1
        assert output.endswith("ended after 0.5 s at most")
        assert gone([int((tmp_path / "pid").read_text())])

    def test_ends_with_us(self, tmp_path: Path) -> None:
        script = (
            "import sys\n"
            "from resources.machine.leash import run_leashed\n"
            "run_leashed(['/bin/sh', '-c', 'sleep 600 & echo $! $$ >$0; wait', sys.argv[1]], timeout_s=60)\n"
        )
        pid_file = tmp_path / "pids"
        with subprocess.Popen([sys.executable, "-c", script, str(pid_file)], cwd=REPOSITORY) as parent:
            assert until(lambda: pid_file.exists() and pid_file.read_text().endswith("\n"), 20)
            parent.kill()
            parent.wait(10)
        assert gone([int(pid) for pid in pid_file.read_text().split()])


class TestFreePort:
    def test_is_below_those_the_kernel_hands_out(self) -> None:
        assert all(1024 < free_port() < 32_768 for _ in range(50))

    def test_can_be_listened_on(self) -> None:
        with socket.socket() as server:
            server.bind(("127.0.0.1", free_port()))
            server.listen()

    def test_is_not_always_the_same(self) -> None:
        assert len({free_port() for _ in range(20)}) > 1
