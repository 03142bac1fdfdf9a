"""GoReplay recordings (``.gor``): raw HTTP between separators; a message is an entry.

Put here how messages are cut and their first lines read. Keep out headers and bodies: of a body only the size is taken.
A message begins with ``type id timestamp_ns [latency_ns]``; type 1 is a request. Messages are in no order.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

import pyarrow as pa

from workloads.importers.files.reading import BLOCK_BYTES, Readable, Source
from workloads.importers.formats.lines import entries, request_part
from workloads.importers.importer import Entries, Format

# Three monkeys, on a line of their own after every message.
_MONKEYS = "\N{MONKEY FACE}\N{SEE-NO-EVIL MONKEY}\N{HEAR-NO-EVIL MONKEY}\n".encode()
_SEPARATOR = b"\n" + _MONKEYS
_CONTENT_LENGTH = re.compile(rb"(?im)^content-length:[ \t]*(\d{1,15})[ \t]*\r?$")
_CODED = re.compile(rb"(?im)^transfer-encoding:")
_REQUEST = re.compile(rb"[A-Z]{3,16} [!-~]+ HTTP/[0-9.]+\r?\n")
_LONGEST_HEAD_BYTES = 1 << 18  # only the first two lines of a head are used
_MESSAGES_AT_ONCE = 8192

_FIELDS = rf"""
    SELECT
        line_number,
        line,
        CASE
            WHEN NOT regexp_full_match(head, '[123] [!-~]+ [0-9]{{15,19}}(?: -?[0-9]+)?')
                THEN 'has no line of type, id and time'
            WHEN beyond THEN 'is beyond the length that the message before it states'
            WHEN head[1] = '1' AND request = '' THEN 'holds no request'
        END AS problem,
        CASE WHEN regexp_full_match(head, '[23] .*') THEN 'a recorded response' END AS dropped,
        try_cast(split_part(head, ' ', 3) AS BIGINT) // 1000 AS stamp_us,
        false AS whole_second,
        {request_part("request", "words", "method")} AS method,
        {request_part("request", "words", "target")} AS target,
        NULL::VARCHAR AS client,
        body_bytes AS payload_bytes,
        NULL::SMALLINT AS status,
        NULL::BIGINT AS latency_us
    FROM (SELECT *, string_split(request, ' ') AS words FROM lines)
    """


@dataclass(frozen=True, kw_only=True)
class GoReplayImporter(Format):
    """Reads message by message; a body is counted and not kept in memory, however long."""

    def entries(self, source: Source) -> Iterator[Entries]:
        """See `Importer.entries`."""
        with source.open() as stream:
            messages = _messages(stream)
            while batch := list(islice(messages, _MESSAGES_AT_ONCE)):
                parts = [part for message, size in batch for part in _parts(message, size)]
                first = source.items_read + 1
                source.items_read += len(parts)
                yield entries(_table(parts, first), _FIELDS, dropped="dropped")


def _messages(stream: Readable) -> Iterator[tuple[bytes, int]]:
    """Each message, cut to the longest head there may be, and the size of all of it in bytes."""
    # A separator may stand at the beginning, and several between two messages: they separate nothing.
    rest, passed = b"\n", 0
    while block := stream.read(BLOCK_BYTES):
        *whole, rest = (rest + block).split(_SEPARATOR)
        for message in whole:
            own = _without_separators(message)
            if own.strip(b"\r\n") or passed:
                yield own[:_LONGEST_HEAD_BYTES], passed + len(own)
            passed = 0
        if len(rest) > 2 * _LONGEST_HEAD_BYTES:  # a body: drop what is between its head and where it may end
            passed += len(rest) - _LONGEST_HEAD_BYTES - len(_SEPARATOR)
            rest = rest[:_LONGEST_HEAD_BYTES] + rest[-len(_SEPARATOR) :]
    rest = _without_separators(rest)
    if rest.strip():
        yield rest[:_LONGEST_HEAD_BYTES], passed + len(rest)


def _without_separators(message: bytes) -> bytes:
    while (stripped := message.lstrip(b"\r\n")).startswith(_MONKEYS):
        message = stripped.removeprefix(_MONKEYS)
    return message


class _Part(NamedTuple):
    head: str
    request: str
    body_bytes: int | None
    beyond: bool = False  # what follows where a message, by the length it states, has ended


def _parts(message: bytes, size: int) -> Iterator[_Part]:
    """The request in a message of ``size`` bytes, and what is glued to it where a separator was never written."""
    head, _, raw = message.lstrip(b"\r\n").partition(b"\n")
    cut_off = size - len(message)  # bytes behind the head that are not in memory
    shown = _text(head)
    while True:
        request, _, headers = raw.partition(b"\n")
        before_body = headers.find(b"\r\n\r\n") if headers[:2] != b"\r\n" else -2
        if before_body == -1:
            yield _Part(shown, _text(request), None)
            return
        body = headers[before_body + 4 :]
        body_bytes = cut_off + len(body)
        stated = _CONTENT_LENGTH.search(headers, 0, before_body + 2) if before_body > 0 else None
        if stated is None or int(stated[1]) >= body_bytes or _CODED.search(headers, 0, before_body + 2):
            yield _Part(shown, _text(request), body_bytes)
            return
        length = int(stated[1])
        rest = body[length:]
        if not cut_off and not rest.strip(b"\r\n"):  # an end of line more than stated
            yield _Part(shown, _text(request), length)
            return
        yield _Part(shown, _text(request), length)
        if cut_off or not _REQUEST.match(rest):
            yield _Part(shown, "", None, beyond=True)
            return
        raw = rest


def _text(line: bytes) -> str:
    return line.rstrip(b"\r").decode(errors="backslashreplace")


def _table(parts: list[_Part], first: int) -> pa.Table:
    return pa.table(
        {
            "line_number": pa.array(range(first, first + len(parts)), pa.int64()),
            "line": pa.array([f"{part.head} {part.request}" for part in parts], pa.string()),
            "head": pa.array([part.head for part in parts], pa.string()),
            "request": pa.array([part.request for part in parts], pa.string()),
            "body_bytes": pa.array([part.body_bytes for part in parts], pa.int64()),
            "beyond": pa.array([part.beyond for part in parts], pa.bool_()),
        }
    )


IMPORTER = GoReplayImporter(
    name="goreplay",
    description="GoReplay recordings (.gor): raw requests, stamped to the nanosecond when they arrived",
    example="1 and an id and nanoseconds in the first line, and below them GET /orders/17 HTTP/1.1 with its headers",
)
