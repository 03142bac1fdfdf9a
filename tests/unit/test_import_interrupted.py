"""An import that is killed leaves the library as it was. Processes are started and killed here, so that it is seen."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.unit.traffic_samples import FORMATS, Sent
from workloads.errors import ArchduelError
from workloads.importers.formats import importers
from workloads.importers.ingest import ingest
from workloads.live.recovery import recover
from workloads.places import REPOSITORY, Places
from workloads.recordings.folders import is_interrupted
from workloads.recordings.library import Library

# Says when it is in the middle of the file, and then reads on without end.
IMPORT = """
import sys
from pathlib import Path
from workloads.importers.formats import importers
from workloads.importers.ingest import ingest
from workloads.recordings.library import Library
from workloads.places import Places

def progress(**counts):
    print("reading", flush=True)
    sys.stdin.readline()

ingest(importers()["combined"], sys.argv[2:], "mine", Library(Places(Path(sys.argv[1]))), progress=progress)
"""


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "access.log"
    path.write_bytes(FORMATS["combined"].write([Sent()] * 1000))
    return path


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def visible(home: Path) -> dict[str, bytes]:
    """Every file of the library that is not hidden."""
    files = (path for path in (home / "recordings").rglob("*") if path.is_file())
    named = {str(path.relative_to(home / "recordings")): path.read_bytes() for path in files}
    return {name: data for name, data in named.items() if not name.startswith(".")}


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_library_is_as_it_was_and_the_next_import_clears_up(home: Path, log: Path, number: signal.Signals) -> None:
    library = Library(Places(home), bundled=home / "no-bundled")
    small = log.with_name("small.log")
    small.write_bytes(FORMATS["combined"].write([Sent(target="/before")]))
    ingest(importers()["combined"], [small], "mine", library)
    before = visible(home)
    process = subprocess.Popen(
        [sys.executable, "-c", IMPORT, str(home), str(log)],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )
    assert process.stdout
    assert process.stdout.readline() == b"reading\n"
    os.kill(process.pid, number)
    process.communicate()
    assert visible(home) == before
    assert library.load("mine").table.column("path").to_pylist() == ["/before"]
    ingest(importers()["combined"], [small], "other", library)
    assert sorted(path.name for path in (home / "recordings").iterdir()) == [".key", "mine", "other"]


def test_an_import_in_progress_is_not_cleared_away(home: Path, log: Path) -> None:
    library = Library(Places(home), bundled=home / "no-bundled")
    with library.writing("mine") as folder:
        os.utime(folder, (time.time() - 7200, time.time() - 7200))
        ingest(importers()["combined"], [log], "other", library)
        assert folder.exists()


def test_a_recording_that_was_being_replaced_when_killed_comes_back(home: Path, log: Path) -> None:
    library = Library(Places(home), bundled=home / "no-bundled")
    ingest(importers()["combined"], [log], "mine", library)
    old = home / "recordings" / ".mine.abc.old"
    (home / "recordings" / "mine").rename(old)
    assert library.paths() == {}, "a look at the library changes nothing"
    assert is_interrupted(library.folder)
    recover(library)
    assert library.load("mine").requests == 1000
    assert not is_interrupted(library.folder)


def test_a_name_that_is_a_link_is_refused(home: Path, log: Path, tmp_path: Path) -> None:
    (home / "recordings").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    (home / "recordings" / "mine").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ArchduelError, match="is a link"):
        ingest(importers()["combined"], [log], "mine", Library(Places(home), bundled=home / "no-bundled"))
    assert not list((tmp_path / "elsewhere").iterdir())
