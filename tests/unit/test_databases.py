"""Databases in memory: what they write to disk, and where."""

import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from workloads.databases import in_memory
from workloads.places import REPOSITORY
from workloads.scratch import PREFIX, scratch

# More than may be in memory at once, sorted.
_MORE = """
CREATE TABLE t AS
SELECT range AS n, md5(range::VARCHAR) || md5(range::VARCHAR) AS x FROM range(200_000) ORDER BY hash(range)
"""
_SPILLING = f"""
import os, signal, sys
from pathlib import Path
from workloads.databases import in_memory
from workloads.scratch import scratch
with scratch(Path(sys.argv[1])) as folder:
    database = in_memory(spills_to=folder, threads=1, memory_limit="30MB")
    database.execute({_MORE!r})
    assert any(folder.rglob("*.tmp")), "nothing was spilled"
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_query_leaves_its_spilled_data_to_the_next_command(tmp_path: Path) -> None:
    work, temporary = tmp_path / "work", tmp_path / "home" / "tmp"
    work.mkdir()
    killed = subprocess.run(
        [sys.executable, "-c", _SPILLING, str(temporary)],
        cwd=work,
        env={"PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        check=False,
    )
    assert killed.returncode == -9, killed.stderr.decode()
    assert list(work.iterdir()) == []
    assert [path.name[: len(PREFIX)] for path in temporary.iterdir()] == [PREFIX]
    with scratch(temporary) as folder:
        assert list(temporary.iterdir()) == [folder]


def test_without_a_folder_what_does_not_fit_into_memory_fails_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with in_memory(threads=1, memory_limit="30MB") as database, pytest.raises(duckdb.OutOfMemoryException):
        database.execute(_MORE)
    assert list(tmp_path.iterdir()) == []
