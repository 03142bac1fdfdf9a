"""An import that is killed leaves the library as it was. Processes are started and killed here, so that it is seen."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.importing import Imports
from tests.unit.traffic_samples import FORMATS, Sent
from workloads.errors import ArchduelError
from workloads.live.recovery import recover
from workloads.places import REPOSITORY
from workloads.recordings.folders import is_interrupted

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
def log(imports: Imports) -> Path:
    return imports.file(FORMATS["combined"].write([Sent()] * 1000))


def visible(home: Path) -> dict[str, bytes]:
    """Every file of the library that is not hidden."""
    files = (path for path in (home / "recordings").rglob("*") if path.is_file())
    named = {str(path.relative_to(home / "recordings")): path.read_bytes() for path in files}
    return {name: data for name, data in named.items() if not name.startswith(".")}


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_library_is_as_it_was_and_the_next_import_clears_up(
    imports: Imports, log: Path, number: signal.Signals
) -> None:
    small = imports.file(FORMATS["combined"].write([Sent(target="/before")]), "small.log")
    imports.read(small, form="combined")
    before = visible(imports.home)
    process = subprocess.Popen(
        [sys.executable, "-c", IMPORT, str(imports.home), str(log)],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )
    assert process.stdout
    assert process.stdout.readline() == b"reading\n"
    os.kill(process.pid, number)
    process.communicate()
    assert visible(imports.home) == before
    assert imports.column("path") == ["/before"]
    imports.read(small, form="combined", name="other")
    assert sorted(path.name for path in (imports.home / "recordings").iterdir()) == [".key", "mine", "other"]


def test_an_import_in_progress_is_not_cleared_away(imports: Imports, log: Path) -> None:
    with imports.library.writing("mine") as folder:
        os.utime(folder, (time.time() - 7200, time.time() - 7200))
        imports.read(log, form="combined", name="other")
        assert folder.exists()


def test_a_recording_that_was_being_replaced_when_killed_comes_back(imports: Imports, log: Path) -> None:
    imports.read(log, form="combined")
    old = imports.home / "recordings" / ".mine.abc.old"
    (imports.home / "recordings" / "mine").rename(old)
    assert imports.library.paths() == {}, "a look at the library changes nothing"
    assert is_interrupted(imports.library.folder)
    recover(imports.library)
    assert imports.library.load("mine").requests == 1000
    assert not is_interrupted(imports.library.folder)


def test_a_name_that_is_a_link_is_refused(imports: Imports, log: Path, tmp_path: Path) -> None:
    (imports.home / "recordings").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    (imports.home / "recordings" / "mine").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ArchduelError, match="is a link"):
        imports.read(log, form="combined")
    assert not list((tmp_path / "elsewhere").iterdir())
