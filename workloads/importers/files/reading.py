"""From paths to the bytes and physical lines of their files, each line exactly once.

Put here how files are found, unpacked and cut into lines. Keep out what a line means (`workloads.importers.formats`).
Lines end at line feeds alone. A CSV reader would not do: after a quote that is never closed it reads the next line as
part of this one, and it skips blank lines without counting them.
"""

import bz2
import glob
import gzip
import io
import os
import stat
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, ClassVar, Protocol

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
from isal import igzip, igzip_lib

from workloads.errors import ArchduelError, UsageError
from workloads.importers.files.envelopes import without_envelopes
from workloads.importers.files.queries import Queries
from workloads.importers.files.views import string_views
from workloads.prefetch import prefetch

# A query takes milliseconds to begin with, however few the lines. Larger blocks take more memory, not less time.
BLOCK_BYTES = 16 << 20
_FIRST_BLOCK_BYTES = 1 << 18  # most files are small, and what follows can begin at once

# No server accepts a request line near this long. A longer line is kept up to here, so that a file without line feeds
# does not end up in memory whole.
LONGEST_LINE_BYTES = 1 << 20

# Read at a time: so much stays in the processor's cache until its line feeds are found.
_PIECE_BYTES = 1 << 20
_MAX_LINES = 1 << 18  # in a block: one of blank lines would have millions
_MANY_BLANK = 10_000  # of them

# Logs pack to a tenth or a thirtieth. What unpacks to this many times its size was made to fill a disk.
_MAX_EXPANSION = 250
_EXPANSION_COUNTS_FROM_BYTES = 8 << 20  # less than a block: it is refused before anything of it is parsed

_PACKED: dict[bytes, tuple[str, Callable[["_Counted"], Any]]] = {
    b"\x1f\x8b": ("gzip", lambda stream: igzip.IGzipFile(fileobj=stream, mode="rb")),  # type: ignore[no-untyped-call]  # untyped in its stubs
    b"BZh": ("bzip2", bz2.BZ2File),
    b"\x28\xb5\x2f\xfd": ("zstd", lambda stream: pa.CompressedInputStream(pa.PythonFile(stream, mode="r"), "zstd")),
}
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_LINE_FEED = 10
_CARRIAGE_RETURN = 13
_LAST_OF_ASCII = 127
_WHITESPACE = np.frombuffer(b" \t\v\f\r", np.uint8)


class DamagedError(ArchduelError):
    """A file that no format can be read from: cut off, damaged, or packed to fill a disk."""


class ObjectStore(Protocol):
    """Where ``s3://`` addresses lead. The caller of an import brings it: `workloads` does not know AWS."""

    def download(self, uri: str, folder: Path) -> list[Path]:
        """Download the object at ``uri``, or every object whose key begins with it.

        Args:
            uri: An ``s3://`` address.
            folder: Where to put the files, each named after the last part of its key.

        Returns:
            The files in the order of their keys; none if there are no objects.

        Raises:
            ArchduelError: An object cannot be downloaded.
        """


class Readable(Protocol):
    """A stream of bytes that is read once, from first to last."""

    def read(self, size: int, /) -> bytes:
        """Return at most ``size`` bytes; none at the end."""


@dataclass
class Source:
    """One file being read.

    Attributes:
        path: The file.
        database: Where queries over its lines run. It holds no data.
        max_bytes: How many unpacked bytes are read, to see a file's format; None reads all.
        format: The name of the format that `auto` found the file to be in; empty where the user named one.
        queries: Queries on ``database`` shared with other files, so that each is planned once for all of them.
        items_read: Lines or entries read so far.
        bytes_read: Bytes read so far, as they are stored: of a packed file, packed ones.
        blank_read: Blank lines that were read and that `lines` left out, since there were very many.
    """

    leaves_out_blank: ClassVar[bool] = True

    path: Path
    database: duckdb.DuckDBPyConnection
    max_bytes: int | None = None
    format: str = ""
    queries: Queries | None = None
    items_read: int = field(default=0, init=False)
    bytes_read: int = field(default=0, init=False)
    blank_read: int = field(default=0, init=False)

    @property
    def name(self) -> str:
        """The file's name without its folder: all that is ever stored of where it was."""
        return self.path.name.encode(errors="surrogateescape").decode(errors="backslashreplace")

    def bytes_stored(self) -> int:
        """Return the file's size in bytes, as it is stored.

        Raises:
            ArchduelError: It does not exist, or is a folder, a pipe or a device.
        """
        with self.explained():
            status = self.path.stat()
            if stat.S_ISDIR(status.st_mode):
                raise IsADirectoryError
            if not stat.S_ISREG(status.st_mode):
                raise ArchduelError(f"{self.path} is a pipe or a device, not a file: write it to a file first")
            return status.st_size

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Turn any error of reading the file within the block into an `ArchduelError` that names it."""
        try:
            yield
        except EOFError:
            raise DamagedError(f"{self.path} is cut off: its packed data end too early; get the file again") from None
        except (gzip.BadGzipFile, zlib.error, igzip_lib.IsalError) as error:  # type: ignore[misc]  # stubbed as no class
            raise DamagedError(f"{self.path} is damaged gzip ({error}); get the file again") from None
        except FileNotFoundError:
            raise ArchduelError(f"{self.path} does not exist") from None
        except IsADirectoryError:
            raise ArchduelError(f"{self.path} is a folder: name the files in it, as in {self.path}/*") from None
        except OSError as error:
            raise ArchduelError(f"{self.path} cannot be read: {error.strerror or error}") from None

    @contextmanager
    def open(self) -> Iterator["Content"]:
        """Open the file for reading: without a byte order mark, unpacked if it is gzip, bzip2 or zstd.

        How it is packed shows in its first bytes, not in its name: servers rename logs they have packed.
        """
        with self.path.open("rb") as stored:
            counted = _Counted(stored, self)
            beginning = stored.peek(8)
            for mark, (kind, unpack) in _PACKED.items():
                if beginning.startswith(mark):
                    with self._unpacking(kind), unpack(counted) as unpacked:
                        yield Content(_Limited(unpacked, self), self.max_bytes)
                    return
            yield Content(counted, self.max_bytes)

    @contextmanager
    def _unpacking(self, kind: str) -> Iterator[None]:
        """Give the errors of all compression libraries the same types."""
        try:
            yield
        except OSError as error:
            if error.errno is not None or isinstance(error, gzip.BadGzipFile):
                raise
            if "truncated" in str(error).lower():
                raise EOFError from None
            raise DamagedError(f"{self.path} is damaged {kind} ({error}); get the file again") from None

    def select(self, query: str, parameters: Mapping[str, Any], lines: pa.Table) -> pa.Table:
        """Run an SQL query as `Queries.select` does. Several threads may call it at once."""
        if self.queries is None:
            self.queries = Queries(self.database)
        return self.queries.select(query, parameters, lines)

    def lines(self) -> Iterator[pa.Table]:
        """Yield the physical lines, block by block.

        Yields:
            Tables with the columns ``line_number`` (from 1, within the file) and ``line``, without its line feed or
            carriage return and line feed. Bytes that are not UTF-8 read as ``\\xff``, which is how nginx and Apache
            write them. A line over `LONGEST_LINE_BYTES` is cut to one byte more than that. What shippers put around
            lines is taken off. Very many blank lines are left out, and counted.
        """
        with self.open() as stream:
            yield from lines_in(stream, self)


def lines_in(stream: "Content", source: Source) -> Iterator[pa.Table]:
    """Yield the lines of an opened file as `Source.lines` does, and count them in ``source``."""
    for block in prefetch(_whole_lines(stream)):
        lines, blank = _lines_of(block, first=source.items_read + 1, all_of_them=not source.leaves_out_blank)
        source.items_read += lines.num_rows + blank
        source.blank_read += blank
        if lines.num_rows:
            yield without_envelopes(lines, source.select)


class _Counted(io.RawIOBase):
    """A stream that counts in its source how far it has been read."""

    def __init__(self, stream: BinaryIO, source: Source) -> None:
        self._stream = stream
        self._source = source

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:  # the inherited one copies once more
        data = self._stream.read(size)
        self._source.bytes_read += len(data)
        return data

    def readinto(self, buffer: Any, /) -> int:
        count: int = self._stream.readinto(buffer)  # type: ignore[attr-defined]  # a buffered file has it
        self._source.bytes_read += count
        return count


class _Fills(Protocol):
    """A stream that a `Content` reads from."""

    def readinto(self, buffer: memoryview, /) -> int:
        """Fill ``buffer`` from its beginning, and return with how many bytes; 0 at the end."""


class _Limited:
    """An unpacked stream that ends with an `ArchduelError` where it grows out of all proportion."""

    def __init__(self, stream: _Fills, source: Source) -> None:
        self._stream = stream
        self._source = source
        self._unpacked = 0

    def readinto(self, buffer: memoryview, /) -> int:
        count = self._stream.readinto(buffer)
        self._unpacked += count
        if self._unpacked > max(_MAX_EXPANSION * self._source.bytes_read, _EXPANSION_COUNTS_FROM_BYTES):
            raise DamagedError(
                f"{self._source.path} unpacks to over {_MAX_EXPANSION} times its size, as no log does; "
                "if it is one, unpack it and import that"
            )
        return count


class Content:
    """The unpacked bytes of a file, without the byte order mark it may begin with, and at most ``max_bytes`` of them.

    Every read but the last gives as many bytes as it was to give.
    """

    def __init__(self, stream: _Fills, max_bytes: int | None) -> None:
        self._stream = stream
        self._left = sys.maxsize if max_bytes is None else max_bytes
        self._first = True

    def read(self, size: int, /) -> bytes:
        block = bytearray(size)
        count = self.readinto(block)
        return bytes(block[:count])

    def readinto(self, buffer: bytearray | memoryview, /) -> int:
        view = memoryview(buffer)
        count = self._fill(view)
        if self._first and count >= len(_BYTE_ORDER_MARK):
            self._first = False
            if view[: len(_BYTE_ORDER_MARK)] == _BYTE_ORDER_MARK:
                count -= len(_BYTE_ORDER_MARK)
                view[:count] = view[len(_BYTE_ORDER_MARK) :][:count]
                count += self._fill(view[count:])
        return count

    def _fill(self, buffer: memoryview) -> int:
        room = buffer[: self._left]
        filled = 0
        while filled < len(room) and (count := self._stream.readinto(room[filled:])):
            filled += count
        self._left -= filled
        return filled


class _Buffers:
    """Memory for blocks, used again when nothing points into it: new memory takes the system as long as unpacking."""

    def __init__(self) -> None:
        self._buffers: list[bytearray] = []

    def take(self, size: int) -> bytearray:
        """A buffer of at least ``size`` bytes that is not in use."""
        for buffer in [buffer for buffer in self._buffers if len(buffer) >= size]:
            try:
                buffer.append(buffer.pop())  # which Python refuses while anything points into it
            except BufferError:
                continue
            return buffer
        self._buffers = [buffer for buffer in self._buffers if len(buffer) >= size]
        self._buffers.append(bytearray(size + size // 8))
        return self._buffers[-1]


@dataclass(frozen=True)
class _Block:
    """Whole lines, each with its line feed."""

    content: memoryview
    line_feeds: npt.NDArray[np.intp]  # where they are
    ascii: bool


def _whole_lines(stream: Content) -> Iterator[_Block]:
    """The stream in blocks that end where a line ends. The last line gets a line feed if it has none."""
    buffers = _Buffers()
    block_bytes = _FIRST_BLOCK_BYTES
    rest = b""
    cutting = False
    while True:
        begun = len(rest)
        with memoryview(buffers.take(begun + block_bytes)) as view:
            view[:begun] = rest
            line_feeds, filled, is_ascii = _fill(view[: begun + block_bytes], begun, stream)
            block_bytes = min(4 * block_bytes, BLOCK_BYTES)
            if filled == begun:
                break
            if cutting and not len(line_feeds):  # the line's beginning waits in rest; the rest of it is cut off
                continue
            if cutting:
                surplus = int(line_feeds[0]) - begun
                view[begun : filled - surplus] = view[begun + surplus : filled]
                line_feeds, filled, cutting = line_feeds - surplus, filled - surplus, False
            end = int(line_feeds[-1]) + 1 if len(line_feeds) else 0
            is_ascii = is_ascii and rest.isascii()
            rest = bytes(view[end:filled])
            if end:
                yield _Block(view[:end], line_feeds, is_ascii)
        if len(rest) > LONGEST_LINE_BYTES:
            rest, cutting = rest[: LONGEST_LINE_BYTES + 1], True
    if rest:
        yield _Block(memoryview(rest + b"\n"), np.array([len(rest)]), rest.isascii())


def _fill(view: memoryview, begun: int, stream: Content) -> tuple[npt.NDArray[np.intp], int, bool]:
    """Fill ``view`` from ``begun`` on.

    Each piece is searched while it is in the processor's cache, where reading has just put it.

    Returns:
        The places of line feeds, where what was read ends, and whether all of it is ASCII.
    """
    filled, lines, is_ascii = begun, 0, True
    parts: list[npt.NDArray[np.intp]] = []
    while lines < _MAX_LINES and (room := min(_PIECE_BYTES, len(view) - filled)):
        count = stream.readinto(view[filled : filled + room])
        if not count:
            break
        characters = np.frombuffer(view[filled : filled + count], np.uint8)
        is_ascii = is_ascii and int(characters.max()) <= _LAST_OF_ASCII
        parts.append(filled + _places(characters == _LINE_FEED))
        filled, lines = filled + count, lines + len(parts[-1])
    return np.concatenate(parts) if parts else np.zeros(0, np.intp), filled, is_ascii


def _lines_of(block: _Block, first: int, *, all_of_them: bool) -> tuple[pa.Table, int]:
    """The lines of a block, numbered from ``first``, and how many blank ones were left out.

    Blank ones are left out where there are very many: of a byte each in a file, they take a hundred in a query.
    """
    content, ends = block.content, block.line_feeds
    if not block.ascii:
        try:
            str(content, "utf-8")
        except UnicodeDecodeError:
            content = memoryview(str(content, "utf-8", errors="backslashreplace").encode())
            ends = _places(np.frombuffer(content, np.uint8) == _LINE_FEED)
    starts = np.concatenate(([0], ends[:-1] + 1))
    lengths = ends - starts
    characters = np.frombuffer(content, np.uint8)
    lengths -= (lengths > 0) & (characters[ends - 1] == _CARRIAGE_RETURN)
    numbers = np.arange(first, first + len(ends), dtype=np.int64)
    blank = 0
    if not all_of_them and np.count_nonzero(lengths < 2) >= _MANY_BLANK:
        kept = (lengths > 1) | ((lengths == 1) & ~np.isin(characters[starts], _WHITESPACE))
        blank = len(kept) - int(np.count_nonzero(kept))
        starts, lengths, numbers = starts[kept], lengths[kept], numbers[kept]
    return pa.table([pa.array(numbers), string_views(content, starts, lengths)], names=["line_number", "line"]), blank


def _places(found: npt.NDArray[np.bool_]) -> npt.NDArray[np.intp]:
    """Where ``found`` is true. Testing eight at once halves the time where few are."""
    eights = found[: len(found) // 8 * 8].view("<u8")
    some = np.flatnonzero(eights != 0)
    found_there = eights[some]
    if len(found) % 8 or np.any(found_there & (found_there - 1)):  # more than one in the same eight
        return np.flatnonzero(found)
    places: npt.NDArray[np.intp] = some * 8 + (np.frexp(found_there)[1] >> 3)
    return places


def files_of(paths: Sequence[str | Path], folder: Path, object_store: ObjectStore | None) -> list[Path]:
    """Find the files to read.

    Args:
        paths: Files, folders, patterns, and ``s3://`` addresses as strings (a `Path` would fold their slashes).
        folder: Where objects of ``s3://`` addresses are downloaded to.
        object_store: What downloads them; None if there is none.

    Returns:
        The files in the order of ``paths``; those of a folder (hidden ones apart) and of a pattern by name.

    Raises:
        UsageError: No path is given, a file is named twice (its requests would count twice), or an ``s3://`` address
            has no store.
        ArchduelError: There is nothing at a path, or an object cannot be downloaded.
    """
    files: list[Path] = []
    for index, path in enumerate(paths):
        if not str(path).startswith("s3://"):
            files += _local(Path(path))
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
    seen: set[str] = set()
    for file in files:
        place = os.path.realpath(file)  # unlike `Path.resolve`, not stopped by links in a circle
        if place in seen:
            raise UsageError(f"{file} is named twice: its requests would count twice")
        seen.add(place)
    return files


def _local(path: Path) -> list[Path]:
    if path.is_dir():
        return _in_folder(path)
    if not glob.has_magic(str(path)) or os.path.lexists(path):  # a name may hold a bracket
        return [path]
    found = [Path(name) for name in sorted(glob.glob(str(path), recursive=True))]  # noqa: PTH207  # `Path.glob` takes no absolute patterns
    if not found:
        raise ArchduelError(f"{path} does not exist: no file matches it")
    return _once(file for one in found for file in (_in_folder(one) if one.is_dir() else [one]))


def _in_folder(folder: Path) -> list[Path]:
    """Every file below ``folder``, hidden ones apart. A link to a folder is an error: following it may never end."""
    files: list[Path] = []
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in folders:
            if (Path(parent) / name).is_symlink():
                raise ArchduelError(f"{Path(parent) / name} is a link to a folder: name that folder itself")
        files += [Path(parent) / name for name in sorted(names) if not name.startswith(".")]
    if not files:
        raise ArchduelError(f"{folder} is a folder without files: nothing to import")
    return _once(iter(files))


def _once(files: Iterator[Path]) -> list[Path]:
    """Of a file and links to it beside it, the first."""
    first: dict[str, Path] = {}
    for file in files:
        first.setdefault(os.path.realpath(file), file)
    return list(first.values())
