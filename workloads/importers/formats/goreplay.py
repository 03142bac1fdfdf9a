"""GoReplay recordings (``.gor``): raw HTTP between separators; a message is an entry.

Put here how messages are cut and their first lines read. Keep out headers and bodies: of a body only the size is taken.
A message begins with ``type id timestamp_ns [latency_ns]``; type 1 is a request. Messages are in no order.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import pyarrow as pa

from workloads.importers.files.reading import BLOCK_BYTES, Readable, Source
from workloads.importers.formats.lines import entries, request_part
from workloads.importers.importer import Entries, Options, refuse_options

# Three monkeys, on a line of their own after every message.
_SEPARATOR = "\n\N{MONKEY FACE}\N{SEE-NO-EVIL MONKEY}\N{HEAR-NO-EVIL MONKEY}\n".encode()
_LONGEST_HEAD_BYTES = 1 << 18  # only the first two lines of a head are used
_MESSAGES_AT_ONCE = 8192

_FIELDS = rf"""
    SELECT
        line_number,
        line,
        CASE
            WHEN NOT regexp_full_match(head, '[123] [!-~]+ [0-9]{{15,19}}(?: -?[0-9]+)?')
                THEN 'has no line of type, id and time'
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


@dataclass(frozen=True)
class GoReplayImporter:
    """Reads message by message; a body is counted and not kept in memory, however long."""

    name: str
    description: str
    example: str
    position: int = 0

    def with_options(self, options: Options) -> "GoReplayImporter":
        """See `Importer.with_options`."""
        refuse_options(self.name, options)
        return self

    def entries(self, source: Source) -> Iterator[Entries]:
        """See `Importer.entries`."""
        with source.open() as stream:
            messages = _messages(stream)
            while batch := list(islice(messages, _MESSAGES_AT_ONCE)):
                first = source.items_read + 1
                source.items_read += len(batch)
                yield entries(_table(batch, first), _FIELDS, dropped="dropped")


def _messages(stream: Readable) -> Iterator[tuple[bytes, int]]:
    """Each message, cut to the longest head there may be, and the size of all of it in bytes."""
    rest, passed = b"", 0
    while block := stream.read(BLOCK_BYTES):
        *whole, rest = (rest + block).split(_SEPARATOR)
        for message in whole:
            yield message[:_LONGEST_HEAD_BYTES], passed + len(message)
            passed = 0
        if len(rest) > 2 * _LONGEST_HEAD_BYTES:  # a body: drop what is between its head and where it may end
            passed += len(rest) - _LONGEST_HEAD_BYTES - len(_SEPARATOR)
            rest = rest[:_LONGEST_HEAD_BYTES] + rest[-len(_SEPARATOR) :]
    if rest.strip():
        yield rest[:_LONGEST_HEAD_BYTES], passed + len(rest)


def _table(messages: list[tuple[bytes, int]], first: int) -> pa.Table:
    heads: list[str] = []
    requests: list[str] = []
    texts: list[str] = []
    bodies: list[int | None] = []
    for message, size in messages:
        text = message.lstrip(b"\r\n")
        head, _, raw = text.partition(b"\n")
        request, _, headers = raw.partition(b"\n")
        before_body = headers.find(b"\r\n\r\n") if headers[:2] != b"\r\n" else -2
        bodies.append(size - len(message) + len(headers) - before_body - 4 if before_body != -1 else None)
        heads.append(head.rstrip(b"\r").decode(errors="backslashreplace"))
        requests.append(request.rstrip(b"\r").decode(errors="backslashreplace"))
        texts.append(f"{heads[-1]} {requests[-1]}")
    return pa.table(
        {
            "line_number": pa.array(range(first, first + len(messages)), pa.int64()),
            "line": pa.array(texts, pa.string()),
            "head": pa.array(heads, pa.string()),
            "request": pa.array(requests, pa.string()),
            "body_bytes": pa.array(bodies, pa.int64()),
        }
    )


IMPORTER = GoReplayImporter(
    name="goreplay",
    description="GoReplay recordings (.gor): raw requests, stamped to the nanosecond when they arrived",
    example="1 and an id and nanoseconds in the first line, and below them GET /orders/17 HTTP/1.1 with its headers",
)
