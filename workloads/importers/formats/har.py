"""HAR 1.2, in which browsers and proxies save their requests; a request is an entry.

Put here where in the document a request's parts are. Keep out headers, cookies and bodies: of a body only the size is
taken.
"""

import decimal
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import ijson
import pyarrow as pa

from workloads.errors import ArchduelError
from workloads.importers.files.reading import Readable, Source
from workloads.importers.formats.lines import entries
from workloads.importers.formats.named import fields
from workloads.importers.importer import Entries, Format

_ENTRIES_AT_ONCE = 4096
_DEEPEST = 100
# The parser scans an incomplete value from its beginning after every read: with small reads a body of 100 MB takes
# minutes.
_READ_BYTES = 4 << 20
_LONGEST_NUMBER = 1000
_OF_NUMBERS = b"0123456789.eE+-"
_LONG_RUN = re.compile(b"[0-9.eE+-]{%d,}" % (_LONGEST_NUMBER + 1))
_ITEM = "[]"
_ENTRY = ["log", "entries", _ITEM]
_USED_PLACES = {
    ("startedDateTime",): "timestamp",
    ("time",): "latency_ms",
    ("request", "method"): "method",
    ("request", "url"): "path",
    ("request", "bodySize"): "payload_bytes",
    ("request", "postData", "text"): "body",
    ("response", "status"): "status",
}
_PROBLEM = "CASE WHEN timestamp IS NULL THEN 'names no startedDateTime, the time it began' END"
_USED = tuple(role for role in _USED_PLACES.values() if role != "body")


@dataclass(frozen=True, kw_only=True)
class HarImporter(Format):
    """Reads value by value, so that a file of any size takes the memory of its largest values."""

    def entries(self, source: Source) -> Iterator[Entries]:
        """See `Importer.entries`."""
        query = fields({role: role for role in _USED}, relation="lines", problem=_PROBLEM)
        with source.open() as stream:
            rows = _rows(source, stream)
            while batch := list(islice(rows, _ENTRIES_AT_ONCE if source.max_bytes is None else 1)):
                columns = {role: pa.array([row.get(role) for row in batch], pa.string()) for role in _USED}
                numbers = pa.array(range(source.items_read + 1, source.items_read + 1 + len(batch)), pa.int64())
                texts = [" ".join(row.get(role) or "-" for role in ("timestamp", "method", "path")) for row in batch]
                source.items_read += len(batch)
                yield entries(
                    pa.table({"line_number": numbers, "line": pa.array(texts, pa.string()), **columns}), query
                )


class _Bounded:
    """A stream of JSON that ends with an `ArchduelError` before a number of too many characters.

    Python refuses to make one of over 4,300 digits, in the middle of the parser's C code, which then ends the process.
    """

    def __init__(self, source: Source, stream: Readable) -> None:
        self._source = source
        self._stream = stream
        self._before = b""  # what may be a number's beginning, or half of an escape
        self._in_text = False  # where it begins

    def read(self, size: int, /) -> bytes:
        """See `Readable`."""
        data = self._stream.read(size)
        text = self._before + data
        at = 0
        for run in _LONG_RUN.finditer(text):
            self._pass(text[at : run.start()])
            at = run.start()
            if not self._in_text:
                raise ArchduelError(
                    f"{self._source.path} holds a number of over {_LONGEST_NUMBER} characters, as no HAR file does"
                )
        end = max(len(text.rstrip(_OF_NUMBERS)), len(text) - _LONGEST_NUMBER, at)
        if end == len(text) and (len(text) - len(text.rstrip(b"\\"))) % 2:
            end -= 1
        self._pass(text[at:end])
        self._before = text[end:]
        return data

    def _pass(self, text: bytes) -> None:
        quotes = text.replace(b"\\\\", b"").replace(b'\\"', b"").count(b'"')
        self._in_text ^= quotes % 2 == 1


def _rows(source: Source, stream: Readable) -> Iterator[dict[str, str]]:
    """By role the values of each entry. `ArchduelError` for a file that is no HAR, or is cut off."""
    # The place in the document: for each object its last key, for each array a mark. ijson's own prefixes take memory
    # that grows with the square of the depth.
    place: list[str] = []
    found = False
    row: dict[str, str] = {}
    try:
        for event, value in ijson.basic_parse(_Bounded(source, stream), buf_size=_READ_BYTES):
            if event == "map_key":
                place[-1] = value
            elif event in ("start_map", "start_array"):
                found = found or (event == "start_array" and place == ["log", "entries"])
                place.append(_ITEM if event == "start_array" else "")
                if len(place) > _DEEPEST:
                    raise ArchduelError(f"{source.path} is nested more than {_DEEPEST} deep, as no HAR file is")
            else:
                if event in ("end_map", "end_array"):
                    place.pop()
                elif len(place) > len(_ENTRY) and place[: len(_ENTRY)] == _ENTRY:
                    _note(row, tuple(place[len(_ENTRY) :]), value)
                if place == _ENTRY:  # an entry has ended, or is a plain value
                    yield row
                    row = {}
    except decimal.DecimalException:  # an exponent out of all bounds
        raise ArchduelError(f"{source.path} holds a number that nothing can read") from None
    except (ijson.JSONError, ValueError):
        if not source.bytes_read:
            return
        raise ArchduelError(f"{source.path} is no JSON, as HAR is, or is cut off; save it again") from None
    if not found:
        raise ArchduelError(f"{source.path} is no HAR file: it has no log.entries")


def _note(row: dict[str, str], place: tuple[str, ...], value: object) -> None:
    role = _USED_PLACES.get(place)
    if role is None or value is None:
        return
    text = str(value).encode(errors="backslashreplace")
    if role == "body":  # escaped, decoded or empty, as programs please: it counts where no size is stated
        row.setdefault("payload_bytes", str(len(text)))
    elif role != "payload_bytes" or text != b"-1":  # unknown
        row[role] = text.decode()


IMPORTER = HarImporter(
    name="har",
    description="HAR 1.2, as browsers and proxies save it; stamped to the millisecond when the request began",
    example='{"log": {"version": "1.2", "entries": [{"startedDateTime": ..., "request": {...}}]}}',
)
