"""A tick of the inbox's sensor over 10,000 known files, beside two simpler ways to know what is new.

Run ``python -m tests.benchmarks.bench_inbox``: about a minute. Every file was imported as a recording of its own.
*names in a cursor* is what tutorials do: all that was seen, as JSON in the sensor's cursor; it misses files that grow.
*hash everything* misses nothing and reads every file every time. ``--files`` and ``--kilobytes`` say how much there is.
"""

import argparse
import hashlib
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import dagster as dg
from rich.console import Console
from rich.table import Table

from orchestration.build import build_definitions
from orchestration.partitions import RECORDINGS
from workloads.inbox.folder import FolderInbox
from workloads.inbox.ledger import Ledger, State
from workloads.inbox.watching import Watcher
from workloads.places import BUNDLED_RECORDINGS, Places
from workloads.recordings.library import Library

_WRITTEN_S = 1e9
_NIGHT = "2026-11-24"


def _prepare(places: Places, folder: Path, files: int, kilobytes: int) -> None:
    """That many files, each imported, as if each had been by a run."""
    for number in range(files):
        path = folder / f"{number % 100:02d}" / f"access{number}.log"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(f"{number:08d}".encode() * 128 * kilobytes)
        os.utime(path, (_WRITTEN_S, _WRITTEN_S))
    ledger = Ledger(places.inbox_ledger)
    entries = list(FolderInbox(folder).entries())
    ledger.notice(entries, _WRITTEN_S)
    bundled = next(BUNDLED_RECORDINGS.glob("*.parquet"))
    rows = []
    for number, entry in enumerate(entries):
        name = f"r{number}"
        digest = hashlib.blake2b(Path(entry.address).read_bytes(), digest_size=20).hexdigest()
        rows.append((State.IMPORTED, name, digest, entry.size, entry.address))
        recording = places.recordings / name / "requests.parquet"
        recording.parent.mkdir(parents=True)
        recording.symlink_to(bundled)
    with ledger._open() as database:  # at once: one by one, as imports do, it would take minutes
        database.executemany("UPDATE files SET state = ?, recording = ?, digest = ?, size = ? WHERE address = ?", rows)
        database.executemany("INSERT INTO contents VALUES (?, ?, ?)", [(row[2], row[1], row[4]) for row in rows])
        database.executemany(
            "INSERT INTO comparisons VALUES (?, ?, 'compared', ?)",
            [(f"inbox-{row[1]}", row[1], _NIGHT) for row in rows],
        )


def _timed(repeat: int, work: Callable[[], object]) -> float:
    """Seconds, the least of some."""
    took = []
    for _ in range(repeat):
        began = time.perf_counter()
        work()
        took.append(time.perf_counter() - began)
    return min(took)


def _names_in_a_cursor(folder: Path, cursor: str) -> str:
    seen = json.loads(cursor or "{}")
    new = [path for path in folder.rglob("*") if path.is_file() and str(path) not in seen]
    return json.dumps(seen | {str(path): path.stat().st_mtime for path in new})


def _hash_everything(folder: Path, known: set[str]) -> list[Path]:
    def digest(path: Path) -> str:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "blake2b").hexdigest()

    return [path for path in folder.rglob("*") if path.is_file() and digest(path) not in known]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--kilobytes", type=int, default=16, help="of each file")
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    console = Console(width=120)
    with tempfile.TemporaryDirectory() as scratch, dg.instance_for_test() as instance:
        places, folder = Places(Path(scratch) / "home"), Path(scratch) / "inbox"
        folder.mkdir()
        _prepare(places, folder, options.files, options.kilobytes)
        definitions = build_definitions(places, inbox=FolderInbox(folder))
        repository = definitions.get_repository_def()
        names = list(Library(places).paths())
        for start in range(0, len(names), 500):
            instance.add_dynamic_partitions(RECORDINGS, names[start : start + 500])

        def tick(sensor: str) -> object:
            with dg.build_sensor_context(
                instance=instance, instance_ref=instance.get_ref(), repository_def=repository
            ) as context:
                return definitions.resolve_sensor_def(sensor).evaluate_tick(context)

        watcher = Watcher(FolderInbox(folder), Ledger(places.inbox_ledger))
        counts = watcher.scan(names).counts
        assert counts == {State.IMPORTED: options.files}, counts
        cursor = _names_in_a_cursor(folder, "")
        known = {content.digest for content in Ledger(places.inbox_ledger).contents().values()}
        measured = {
            "the sensor's tick": _timed(options.repeat, lambda: tick("inbox")),
            "the library's tick": _timed(options.repeat, lambda: tick("library")),
            "the look alone": _timed(options.repeat, lambda: watcher.scan(names)),
            "names in a cursor": _timed(options.repeat, lambda: _names_in_a_cursor(folder, cursor)),
            "hash everything": _timed(1, lambda: _hash_everything(folder, known)),
        }
        table = Table("way", "seconds", "of the tick", title=f"{options.files:,} known files of {options.kilobytes} kB")
        tick_s = measured["the sensor's tick"]
        for way, seconds in measured.items():
            table.add_row(way, f"{seconds:.3f}", f"{seconds / tick_s:.2f}")
        console.print(table)


if __name__ == "__main__":
    main()
