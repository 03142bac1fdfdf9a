"""Files that could end the interpreter within a parser's C code, read in a process of its own: it always survives."""

import random
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest

from tests.unit.test_any_bytes import ODD, REQUESTS
from tests.unit.traffic_samples import FORMATS
from workloads.errors import ArchduelError
from workloads.importers.files.queries import Queries
from workloads.importers.files.reading import Source
from workloads.importers.formats import importers
from workloads.places import REPOSITORY

_PARSED = ("har", "har", "har", "parquet")  # by yajl, and by Arrow
_LONG = (
    b"1" * 5_000,
    b"9." + b"0" * 9_000,
    b"1e" + b"9" * 400,
    b"[" * 9_000,
    b'{"a":' * 5_000,
    b"\\" * 4_097,
    b'"' * 4_099,
)

# What ended it once: a number of a million digits after a text that fills most of what is read at a time.
_ENDED = b'{"log": {"entries": [{"text": "%s", "n": %s}]}}' % (b"x" * 3_200_000, b"7" * 1_000_000)


def changed(chance: random.Random, data: bytes) -> bytes:
    """``data`` with up to four places changed, where JSON has values rather than anywhere."""
    changing = bytearray(data)
    for _ in range(chance.randint(0, 4)):
        places = [at for at, byte in enumerate(changing) if byte in b':,[{"'] or [0]
        start = chance.choice(places) + 1 if chance.random() < 0.7 else chance.randint(0, len(changing))
        put = chance.choice((*ODD, *_LONG, chance.randbytes(4)))
        changing[start : start + chance.randint(0, 12)] = put * chance.choice((1,) * 20 + (300,))
    return bytes(changing)


def read_all(folder: Path, seed: int, seconds: float) -> None:
    """Read one file after another, each kept under its number until it was read."""
    texts = [FORMATS[name].write(REQUESTS) for name in _PARSED]
    known: bytes | None = _ENDED
    ends_s = time.monotonic() + seconds
    with duckdb.connect() as database:
        queries = Queries(database)
        while time.monotonic() < ends_s:
            chance = random.Random(seed)
            form, text = chance.choice(list(zip(_PARSED, texts, strict=True)))
            file = folder / f"{seed}.{form}"
            file.write_bytes(changed(chance, text) if known is None else known)
            form, known = form if known is None else "har", None
            importer = importers()[FORMATS[form].form]
            source = Source(file, database, queries=queries)
            try:
                with source.explained():
                    for entries in importer.entries(source):
                        entries.table(source)
            except ArchduelError:
                pass
            file.unlink()
            seed += 1
    sys.stdout.write(f"{seed}\n")


@pytest.mark.parametrize("seconds", [1.0, pytest.param(60.0, marks=pytest.mark.long)])
def test_no_file_ends_the_process_that_reads_it(tmp_path: Path, seconds: float) -> None:
    begun = random.randrange(1 << 30)
    arguments = [sys.executable, "-X", "faulthandler", "-m", __name__, str(tmp_path), str(begun), str(seconds)]
    done = subprocess.run(arguments, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{[path.name for path in tmp_path.iterdir()]}: {done.stderr[-3000:]}"
    assert int(done.stdout) > begun


if __name__ == "__main__":
    read_all(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
