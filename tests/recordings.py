"""Recordings built row by row.

Put here what a request of a recording is when a test does not say. Keep out imports of logs (in `tests.importing`).
"""

from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from workloads.recordings.recording import SCHEMA, Recording

_REQUEST = {
    "arrival_us": 0,
    "operation": "query",
    "method": "GET",
    "path": "/orders",
    "payload_bytes": 0,
    "subsecond": "recorded",
}


def table_of(requests: Iterable[dict[str, Any]]) -> pa.Table:
    """The requests in a recording's columns, numbered; what a request does not say is an uneventful query's."""
    rows = [{**_REQUEST, "request_id": number, **one} for number, one in enumerate(requests)]
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def recording_of(requests: Iterable[dict[str, Any]], name: str = "mine") -> Recording:
    return Recording(name, table_of(requests))
