"""What a killed process leaves behind is gone after the next one, and what a living one has stays."""

import signal
import subprocess
import sys
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from resources.warehouse.partitions import current, write_partition
from workloads.atomic import replacing
from workloads.places import REPOSITORY
from workloads.scratch import abandoned, scratch

_REPLACING = """
import os, sys
from pathlib import Path
from workloads.atomic import replace_all, replacing
folder = Path(sys.argv[1])
with replacing(folder / "a.txt") as hidden:
    hidden.write_text("half")
    with replacing(folder / "version") as other:
        other.mkdir()
        (other / "requests.parquet").write_text("half")
        os.kill(os.getpid(), 9)
"""
_SCRATCH = """
import os, sys
from pathlib import Path
from workloads.scratch import scratch
with scratch(Path(sys.argv[1])) as folder:
    (folder / "state").mkdir()
    os.kill(os.getpid(), 9)
"""


def killed(program: str, folder: Path) -> list[str]:
    """Run a program that kills itself; the names of what is in the folder then."""
    done = subprocess.run([sys.executable, "-c", program, str(folder)], cwd=REPOSITORY, check=False)
    assert done.returncode == -signal.SIGKILL
    return names(folder)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_hidden_files_and_folders_are_removed_by_who_writes_there_next(tmp_path: Path) -> None:
    foreign = tmp_path / ".cache.0123456789abcdef0123456789abcdef.txt"
    foreign.write_text("the user's")
    assert len(killed(_REPLACING, tmp_path)) == 3
    with replacing(tmp_path / "b.txt") as hidden:
        hidden.write_text("whole")
    assert names(tmp_path) == [foreign.name, "b.txt"]


def test_no_hidden_file_of_a_living_process_is_removed(tmp_path: Path) -> None:
    with replacing(tmp_path / "a.txt") as hidden:
        hidden.write_text("mine")
        assert len(killed(_REPLACING, tmp_path)) == 3
        with replacing(tmp_path / "b.txt") as other:
            other.write_text("whole")
    assert names(tmp_path)[-2:] == ["a.txt", "b.txt"]
    with replacing(tmp_path / "b.txt") as other:
        other.write_text("whole")
    assert names(tmp_path) == ["a.txt", "b.txt"]


def test_a_partition_written_again_has_nothing_of_one_killed_while_writing(tmp_path: Path) -> None:
    killed(_REPLACING, tmp_path)
    write_partition(tmp_path, {})
    assert names(tmp_path) == [".lock", str(getattr(current(tmp_path), "name", ""))]


def test_temporary_folders_are_removed_by_the_next_process_once_theirs_is_gone(tmp_path: Path) -> None:
    with scratch(tmp_path) as mine:
        left = killed(_SCRATCH, tmp_path)
        assert len(left) == 2
        assert abandoned(tmp_path) == [tmp_path / name for name in left if name != mine.name]
        with scratch(tmp_path) as other:
            assert names(tmp_path) == sorted([mine.name, other.name])
    assert names(tmp_path) == []


def test_nothing_stays_of_a_block_that_fails(tmp_path: Path) -> None:
    def fail(context: AbstractContextManager[Path]) -> None:
        with context as path:
            assert path.parent.is_dir()
            raise ZeroDivisionError

    for context in (replacing(tmp_path / "there"), scratch(tmp_path)):
        with pytest.raises(ZeroDivisionError):
            fail(context)
    assert names(tmp_path) == []
