"""From paths to the bytes and physical lines of their files, each line exactly once. Knows no format.

Lines are cut here, on line feeds alone, and not by a CSV reader: those let an unterminated quote swallow the next line
and pass over blank ones without a word.
"""

import gzip
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import duckdb
import numpy as np
import pyarrow as pa

from workloads.errors import ArchduelError, UsageError

BLOCK_BYTES = 8 << 20

# No server accepts a request line near this long. A longer line is kept up to here, so that a file without line feeds
# does not end up in memory whole.
LONGEST_LINE_BYTES = 1 << 20

_ROWS_PER_PIECE = 4096

_GZIP = b"\x1f\x8b"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_LINE_FEED = 10


class ObjectStore(Protocol):
    """Where ``s3://`` addresses lead. Given to an import from outside: nothing here knows AWS."""

    def download(self, uri: str, folder: Path) -> list[Path]:
        """The object at ``uri``, or every object under it, as files in ``folder``, in the order of their keys.

        Empty if there are none. A file is named after the last part of its key; `ArchduelError` if it cannot be got.
        """


class Readable(Protocol):
    """Bytes to be read once, from first to last."""

    def read(self, size: int = -1, /) -> bytes:
        """At most ``size`` bytes; none at the end."""


@dataclass
class Source:
    """One file being read. ``database`` is scratch space to parse with; ``items_read`` and ``bytes_read`` only grow."""

    path: Path
    database: duckdb.DuckDBPyConnection
    items_read: int = field(default=0, init=False)
    bytes_read: int = field(default=0, init=False)  # of the file as it is stored: compressed ones count compressed

    @property
    def name(self) -> str:
        """The file's name without its folder: all that is ever stored of where it was."""
        return self.path.name.encode(errors="surrogateescape").decode(errors="backslashreplace")

    def bytes_stored(self) -> int:
        """The file's size. `ArchduelError` unless it is a file, so far as can be told without reading it."""
        with self.explained():
            if self.path.is_dir():
                raise IsADirectoryError
            return self.path.stat().st_size

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Whatever goes wrong with the file inside the block becomes an `ArchduelError` that names it."""
        try:
            yield
        except EOFError:
            raise ArchduelError(f"{self.path} is cut off: its gzip data end too early; get the file again") from None
        except (gzip.BadGzipFile, zlib.error) as error:
            raise ArchduelError(f"{self.path} is damaged gzip ({error}); get the file again") from None
        except FileNotFoundError:
            raise ArchduelError(f"{self.path} does not exist") from None
        except IsADirectoryError:
            raise ArchduelError(f"{self.path} is a folder: name the files in it, as in {self.path}/*") from None
        except OSError as error:
            raise ArchduelError(f"{self.path} cannot be read: {error.strerror or error}") from None

    @contextmanager
    def open(self) -> Iterator[Readable]:
        """The file's bytes, unpacked if it is gzip, whatever its name says: servers rename logs they have packed."""
        with self.path.open("rb") as stored:
            packed = stored.peek(len(_GZIP)).startswith(_GZIP)
            counted = _Counted(stored, self)
            if packed:
                with gzip.GzipFile(fileobj=counted, mode="rb") as unpacked:
                    yield unpacked
            else:
                yield counted

    def select(self, query: str, parameters: dict[str, Any], **tables: pa.Table) -> pa.Table:
        """The result of an SQL query over ``tables``, by their names."""
        for name, table in tables.items():
            # DuckDB gives each thread whole pieces of an Arrow table: in one piece it would use one.
            pieces = table.to_batches(max_chunksize=_ROWS_PER_PIECE)
            self.database.register(name, pa.Table.from_batches(pieces, schema=table.schema))
        relation = self.database.sql(query, params=parameters)
        if relation is None:
            raise TypeError("a query without a result")
        result: pa.Table = relation.to_arrow_table()
        return result

    def lines(self) -> Iterator[pa.Table]:
        """Every physical line as (``line_number``, ``line``), without its line feed or carriage return and line feed.

        Bytes that are no UTF-8 read as ``\\xff``, which is how nginx and Apache write them. A line over
        `LONGEST_LINE_BYTES` is cut to one byte more than that.
        """
        with self.open() as stream:
            for block in _whole_lines(stream):
                lines = _cut(block, first=self.items_read + 1)
                self.items_read += lines.num_rows
                yield lines


class _Counted:
    """A stream that tells its source how far it has been read."""

    def __init__(self, stream: BinaryIO, source: Source) -> None:
        self._stream = stream
        self._source = source

    def read(self, size: int = -1, /) -> bytes:
        data = self._stream.read(size)
        self._source.bytes_read += len(data)
        return data

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """Gzip asks for it and, reading forwards only, never calls it."""
        return self._stream.seek(offset, whence)


def _whole_lines(stream: Readable) -> Iterator[bytes]:
    """The stream in blocks that end where a line ends."""
    rest = stream.read(len(_BYTE_ORDER_MARK)).removeprefix(_BYTE_ORDER_MARK)
    cutting = False
    while block := stream.read(BLOCK_BYTES):
        if cutting:  # the line's beginning waits in rest; nothing more of it is wanted
            end = block.find(b"\n")
            if end < 0:
                continue
            block, cutting = block[end:], False
        end = block.rfind(b"\n") + 1
        if end:
            yield rest + block[:end]
            rest = block[end:]
        else:
            rest += block
        if len(rest) > LONGEST_LINE_BYTES:
            rest, cutting = rest[: LONGEST_LINE_BYTES + 1], True
    if rest:
        yield rest


def _cut(block: bytes, first: int) -> pa.Table:
    try:
        block.decode()
    except UnicodeDecodeError:
        block = block.decode(errors="backslashreplace").encode()
    block = block.replace(b"\r\n", b"\n")
    if not block.endswith(b"\n"):
        block += b"\n"
    characters = np.frombuffer(block, np.uint8)
    ends = np.flatnonzero(characters == _LINE_FEED)
    # The lines' bytes follow each other without the line feeds: each line ends earlier by those before it.
    offsets = np.concatenate(([0], ends - np.arange(len(ends)))).astype(np.int32)
    bare = characters[characters != _LINE_FEED]
    lines = pa.StringArray.from_buffers(len(ends), pa.py_buffer(offsets.tobytes()), pa.py_buffer(bare.tobytes()))
    numbers = pa.array(np.arange(first, first + len(ends), dtype=np.int64))
    return pa.table([numbers, lines], names=["line_number", "line"])


def files_of(paths: Sequence[str | Path], folder: Path, object_store: ObjectStore | None) -> list[Path]:
    """The files to read, in the order given; what ``s3://`` addresses lead to is downloaded into ``folder``.

    An address is a string: a `Path` would fold its slashes. `UsageError` for none, for a file named twice (its requests
    would count twice) and for ``s3://`` without a store; `ArchduelError` where nothing is.
    """
    files: list[Path] = []
    for index, path in enumerate(paths):
        if not str(path).startswith("s3://"):
            files.append(Path(path))
            continue
        if object_store is None:
            raise UsageError(f"{path} cannot be read here: no object store was given; copy it to a folder first")
        own = folder / str(index)
        own.mkdir(parents=True)
        downloaded = object_store.download(str(path), own)
        if not downloaded:
            raise ArchduelError(f"{path} does not exist: no object has this key or begins with it")
        files += downloaded
    if not files:
        raise UsageError("nothing to import: name at least one file")
    seen: set[Path] = set()
    for file in files:
        if file.absolute() in seen:
            raise UsageError(f"{file} is named twice: its requests would count twice")
        seen.add(file.absolute())
    return files
