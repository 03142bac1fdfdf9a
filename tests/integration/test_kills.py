"""Every command that writes, killed at random moments: nothing lost, nothing torn, no process and no file left over.

``KILLS=100 .venv/bin/pytest -m long tests/integration/test_kills.py`` kills each a hundred times; ``SEED`` repeats the
moments of a run.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pyarrow as pa
import pytest
import requests

from resources.machine.leash import free_port
from resources.warehouse.reading import query
from tests.report_builder import file_replay
from tests.shell import BESIDE_OTHERS
from tests.waiting import until
from tests.web_server import Answering, serving_with
from workloads.places import REPOSITORY, Places
from workloads.recordings.library import Library

# A kill takes as long as what it cuts short and the look at what it left: from seconds to a minute.
pytestmark = [pytest.mark.long, pytest.mark.timeout(6 * 3600)]

KILLS = int(os.environ.get("KILLS", "3"))
SEED = int(os.environ.get("SEED", str(time.time_ns() % 2**32)))
LINE = '203.0.113.{client} - - [17/May/2015:10:{minute:02}:{second:02} +0000] "GET /{n} HTTP/1.1" 200 12 "-" "curl"\n'
COMPARE = (
    *("compare", "--scenario", "steady", "--architecture", "synchronous", "--speed", "20", "--limit", "60"),
    *("--observed-only", *BESIDE_OTHERS),
)
# What stays of a good run, beside what it is for: locks, the key of pseudonyms, Dagster's own.
EXPECTED_HIDDEN = {".key", ".lock", ".library.lock", ".telemetry", ".nux"}


@dataclass
class Home:
    """A home with results and a recording, and a folder for temporary files that is its own."""

    folder: Path
    chance: random.Random = field(default_factory=lambda: random.Random(SEED))
    dagsters_own: set[Path] = field(default_factory=set)  # hidden files that Dagster keeps in a home never killed

    def __post_init__(self) -> None:
        self.places = Places(self.folder / "home")
        self.temporary = self.folder / "tmp"
        self.temporary.mkdir()
        self.environment = {**os.environ, "ARCHDUEL_HOME": str(self.places.home), "TMPDIR": str(self.temporary)}
        for comparison in ("c1", "c2"):
            file_replay(self.places, comparison)
        self.logs = self.folder / "logs"
        self.logs.mkdir()
        for file in range(8):
            lines = (
                LINE.format(client=n % 250, minute=n // 60 % 60, second=n % 60, n=n)
                for n in range(20_000 * file, 20_000 * (file + 1))
            )
            (self.logs / f"{file}.log").write_text("".join(lines))

    def start(self, *arguments: str) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "orchestration.commands.main", *arguments]
        output = (self.folder / "output").open("ab")
        with output:
            return subprocess.Popen(command, env=self.environment, cwd=REPOSITORY, stdout=output, stderr=output)

    def well(self, *arguments: str) -> float:
        """Runs a command to its good end; returns its seconds."""
        begun = time.monotonic()
        assert self.start(*arguments).wait(600) == 0, (self.folder / "output").read_text()[-2000:]
        return time.monotonic() - begun

    def kill(self, process: "subprocess.Popen[bytes]", within_s: float) -> None:
        """Kills a process at a moment between now and then, if it is still there."""
        with suppress(subprocess.TimeoutExpired):
            process.wait(self.chance.uniform(0, within_s))
        process.kill()
        process.wait()

    def strays(self) -> list[str]:
        """Processes that work for this home, after a while for them to end."""
        until(lambda: not self._processes(), 30)
        return [" ".join(process.cmdline()) for process in self._processes()]

    def _processes(self) -> list[psutil.Process]:
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                about = (process.environ().get("ARCHDUEL_HOME", ""), *process.cmdline())
                if process.pid != os.getpid() and any(str(self.places.home) in text for text in about):
                    found.append(process)
        return found

    def left_over(self) -> list[Path]:
        """Hidden files of the home, and temporary ones, that nothing needs any more."""
        hidden = [
            path
            for path in self.places.home.rglob(".*")
            if path.name not in EXPECTED_HIDDEN and path.relative_to(self.places.home) not in self.dagsters_own
        ]
        kept = self.places.temporary
        return [*hidden, *self.temporary.iterdir(), *(kept.iterdir() if kept.exists() else ())]

    def results(self) -> pa.Table:
        return query(self.places, "FROM experiments WHERE comparison_id IN ('c1', 'c2') ORDER BY ALL")

    def whole(self) -> None:
        """What is published and what is in the library can be read whole."""
        query(self.places, "SELECT count(*), any_value(entity) FROM requests")
        library = Library(self.places)
        for name in library.paths():
            library.load(name)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    sys.stderr.write(f"SEED={SEED}\n")  # of the moments, which pytest shows with a failure
    made = Home(tmp_path_factory.mktemp("kills"))
    made.well("report")
    yield made
    for process in made._processes():
        process.kill()


def killed_often(home: Home, start: Callable[[], "subprocess.Popen[bytes]"], within_s: float) -> None:
    """Kills a command again and again; the results stand each time, and no process stays."""
    before = home.results()
    for _ in range(KILLS):
        home.kill(start(), within_s)
        assert home.strays() == []
        assert home.results().equals(before)
        home.whole()


@pytest.mark.parametrize("name", ["first", "again"])
def test_an_import_killed_anywhere_is_all_or_nothing(home: Home, name: str) -> None:
    arguments = ("import", "combined", str(home.logs), "--name", "shop")
    if name == "again":
        home.well(*arguments)
    took_s = home.well("import", "combined", str(home.logs), "--name", "timed")

    def start() -> "subprocess.Popen[bytes]":
        library = Library(home.places)
        rows = len(library.load("shop").table) if name == "again" or "shop" in library.paths() else None
        assert rows in {160_000, None}
        return home.start(*arguments)

    killed_often(home, start, took_s)
    home.well(*arguments)
    assert home.left_over() == []


@pytest.mark.parametrize("command", ["report", "publish"])
def test_publishing_killed_anywhere_leaves_one_result_or_the_other(home: Home, command: str) -> None:
    program = (
        "from resources.warehouse.publish import publish; from workloads.places import Places;"
        " publish(Places.from_environment())"
    )
    took_s = home.well("report")
    number = iter(range(10**6))

    def start() -> "subprocess.Popen[bytes]":
        file_replay(home.places, f"new-{command}-{next(number)}")  # or there would be nothing to publish
        if command == "report":
            return home.start("report")
        return subprocess.Popen([sys.executable, "-c", program], env=home.environment, cwd=REPOSITORY)

    killed_often(home, start, took_s)
    home.well("report")
    sql = f"SELECT DISTINCT comparison_id FROM experiments WHERE comparison_id ^@ 'new-{command}'"
    assert query(home.places, sql).num_rows == KILLS
    assert home.left_over() == []


SIMULATED = ("--limit", "200", "--architecture", "hybrid", "--yes")
WRITING = {
    "vary": ("vary", "--vary", "batch_size=1,2,5,10", "--vary", "rate=1..40:20", *SIMULATED),
    "growth": ("growth", "--traffic", "1,10,100", *SIMULATED),
    "size": ("size", "--objective", "refused < 1 %", *SIMULATED),
    "nights": ("nights", "--simulate", "2"),
    "prune": ("prune", "--all", "--keep", "1"),
    "export": ("export", "results", "{folder}/copy", "--format", "csv"),
    "service": ("service", "check", str(REPOSITORY / "tests" / "services" / "shortener" / "service.toml")),
}


@pytest.mark.parametrize("name", WRITING)
def test_what_simulates_prunes_or_copies_killed_anywhere_leaves_nothing(home: Home, name: str) -> None:
    number = iter(range(10**6))
    copy = home.folder / "copy"
    arguments = tuple(argument.format(folder=home.folder) for argument in WRITING[name])

    def start() -> "subprocess.Popen[bytes]":
        if name == "prune":  # or there would be nothing to prune
            file_replay(home.places, f"old-{next(number)}")
            home.well("report")
        if copy.exists():  # the kill came too late: a copy is never written over
            shutil.rmtree(copy)
        return home.start(*arguments)

    def ended_well() -> float:
        begun = time.monotonic()
        assert start().wait(600) == 0, (home.folder / "output").read_text()[-2000:]
        return time.monotonic() - begun

    killed_often(home, start, ended_well())
    ended_well()
    assert home.left_over() == []
    assert not [path for path in home.folder.iterdir() if path.name.startswith(".")]
    shutil.rmtree(copy, ignore_errors=True)


class Shop(Answering):
    """A server whose traffic is recorded."""

    def do_GET(self) -> None:  # noqa: N802 - the library's name
        self.answer(200, b"yes")


def test_a_recorder_killed_anywhere_loses_nothing_older_than_a_second(home: Home) -> None:
    with serving_with(Shop) as upstream:
        for number in range(KILLS):
            name, port = f"recorded-{number}", free_port()
            recorder = home.start("record", "--name", name, "--upstream", upstream, "--listen", f"127.0.0.1:{port}")
            assert until(partial(answered, port), 60)
            answers_s = [time.monotonic()]
            ends_s = time.monotonic() + home.chance.uniform(0, 4)
            while time.monotonic() < ends_s:
                if answered(port):
                    answers_s.append(time.monotonic())
            killed_s = time.monotonic()
            recorder.kill()
            recorder.wait()
            assert home.strays() == []
            home.well("workloads")  # any command recovers
            old = sum(answer_s < killed_s - 1.5 for answer_s in answers_s)
            if old:
                recorded = len(Library(home.places).load(name).table)
                assert old <= recorded <= len(answers_s) + 1
            home.whole()
    assert home.left_over() == []


def answered(port: int) -> bool:
    try:
        return requests.get(f"http://127.0.0.1:{port}/orders/1", timeout=10).status_code == 200
    except requests.RequestException:
        return False


@pytest.mark.emulator
def test_a_comparison_killed_anywhere_leaves_the_old_results(home: Home) -> None:
    took_s = home.well(*COMPARE)
    killed_often(home, lambda: home.start(*COMPARE), took_s)
    home.well(*COMPARE)
    assert home.left_over() == []


LAUNCH = """mutation ($tags: [ExecutionTag!], $config: RunConfigData) { launchRun(executionParams: {
  selector: {repositoryLocationName: "archduel", repositoryName: "__repository__", pipelineName: "one_cell"},
  runConfigData: $config, executionMetadata: {tags: $tags}}) { __typename ... on PythonError { message } } }"""


@pytest.mark.emulator
def test_dagster_killed_in_the_middle_of_a_run_takes_all_of_it_along(home: Home) -> None:
    home.dagsters_own = hidden_of_a_dagster_never_killed(home)
    before = home.results()
    for _ in range(KILLS):
        port = free_port()
        dev = home.start("dev", "--port", str(port))
        try:
            assert until(partial(launched, port), 180), (home.folder / "output").read_text()[-2000:]
            assert until(lambda: any("ministack" in " ".join(one.cmdline()) for one in home._processes()), 120)
            with suppress(subprocess.TimeoutExpired):
                dev.wait(home.chance.uniform(0, 15))
        finally:
            dev.send_signal(home.chance.choice([signal.SIGKILL, signal.SIGINT, signal.SIGTERM]))
            dev.wait(60)
        assert home.strays() == []
        assert home.results().equals(before)
        home.whole()
    home.well(*COMPARE)
    assert home.left_over() == []


def hidden_of_a_dagster_never_killed(home: Home) -> set[Path]:
    """Hidden files, relative to a home of their own, whose Dagster served its pages and was ended as people end it."""
    places, port = Places(home.folder / "never-killed"), free_port()
    command = [sys.executable, "-m", "orchestration.commands.main", "dev", "--port", str(port)]
    environment = {**home.environment, "ARCHDUEL_HOME": str(places.home)}
    with (home.folder / "output").open("ab") as output:
        dev = subprocess.Popen(command, env=environment, cwd=REPOSITORY, stdout=output, stderr=output)
    try:
        assert until(partial(schedules_known, port), 180), (home.folder / "output").read_text()[-2000:]
    finally:
        dev.send_signal(signal.SIGINT)
        dev.wait(60)
    return {path.relative_to(places.home) for path in places.home.rglob(".*")}


def schedules_known(port: int) -> bool:
    """Whether Dagster has looked for its schedules in what runs left: what it keeps for itself is there then."""
    question = """{ instigationStatesOrError: schedulesOrError(repositorySelector: {
      repositoryLocationName: "archduel", repositoryName: "__repository__"}) {
      ... on Schedules { results { name } } } assetNodes { assetMaterializations(limit: 1) { runId } } }"""
    try:
        answer = requests.post(f"http://127.0.0.1:{port}/graphql", json={"query": question}, timeout=60)
        return bool(answer.json()["data"])
    except (requests.RequestException, TypeError, KeyError):
        return False


def launched(port: int) -> bool:
    """Whether Dagster took the order to replay a cell."""
    tags = {"dagster/partition/cell": "food_orders__steady", "dagster/partition/night": f"{datetime.now(UTC):%Y-%m-%d}"}
    tags["dagster/partition"] = f"{tags['dagster/partition/cell']}|{tags['dagster/partition/night']}"
    settings = {"limit": 200, "others_at_most": 1.0, "quiet_within_s": 0.0}
    variables: Any = {
        "tags": [{"key": key, "value": value} for key, value in tags.items()],
        "config": {"resources": {"lab": {"config": settings}}},
    }
    try:
        answer = requests.post(
            f"http://127.0.0.1:{port}/graphql", json={"query": LAUNCH, "variables": variables}, timeout=60
        )
        return bool(answer.json()["data"]["launchRun"]["__typename"] == "LaunchRunSuccess")
    except (requests.RequestException, TypeError, KeyError):
        return False
