"""The page of recordings that were sent straight to services: ``replays.html``.

Put here what is on it. Keep out its layout (``replays.html.j2``), sending and comparing (`resources.lab.direct`), and
architectures (`assets.report.content`).
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb

from assets.report.page import fill
from assets.report.queries import Rows, bound, table_of
from assets.report.words.numbers import NO_BREAK, duration, milliseconds
from resources.warehouse.reading import connect
from workloads.atomic import replace_all
from workloads.errors import ArchduelError
from workloads.places import Places

PAGE = "replays.html"
OUTCOMES = ("answered", "throttled", "failed", "timed_out", "unsent")
_SHOWN = 20  # replays; older ones are in the tables
_DOUBTED_FROM = 0.1  # of the shortest p99: more lag than that is seen in the times
_NEWEST = "SELECT DISTINCT replay, started_at FROM direct_replays ORDER BY started_at DESC, replay"
_SERVICES = "SELECT * FROM direct_replays WHERE replay = $replay ORDER BY service"
_PAIRS = "SELECT * FROM direct_pairs WHERE replay = $replay ORDER BY other_service"


def write_replays(places: Places) -> Path | None:
    """Write the page of what is published now; returns its path, or None where there is nothing to show.

    Raises:
        ArchduelError: The results cannot be read, or the page cannot be written. An earlier one is then as it was.
    """
    file = places.report.with_name(PAGE)
    try:
        with connect(places) as connection:
            names = [row["replay"] for row in table_of(connection, _NEWEST).to_pylist()]
            replays = [_replay(connection, name) for name in names[:_SHOWN]]
    except duckdb.Error as error:
        raise ArchduelError(f"cannot read the results in {places.database}: {str(error).splitlines()[0]}") from error
    try:
        if not replays:
            file.unlink(missing_ok=True)
            return None
        left_out = max(0, len(names) - _SHOWN)
        page = fill("replays.html.j2", replays=replays, outcomes=OUTCOMES, left_out=left_out, label="observed")
        replace_all({file: page})
    except OSError as error:
        raise ArchduelError(f"cannot write {file}: {error.strerror or error}") from error
    return file


def _replay(connection: duckdb.DuckDBPyConnection, name: str) -> dict[str, Any]:
    sql = [bound(text, replay=name) for text in (_SERVICES, _PAIRS)]
    services, pairs = (table_of(connection, text).to_pylist() for text in sql)
    first = services[0]
    for one in services:
        one["causes"] = ", ".join(f"{count:,} {cause}" for cause, count in json.loads(one["broken_causes"]).items())
        one["doubt"] = _doubt(one, services)
    for pair in pairs:
        pair["statuses"] = json.loads(pair["statuses"])
    return {
        "recording": first["recording"],
        "began": f"{first['started_at']:%Y-%m-%d %H:%M} UTC",
        "requests": first["requests"],
        "length": duration(first["duration_us"]),
        "protocol": first["protocol"],
        "pace": _pace(first),
        "services": services,
        "pairs": pairs,
        "sql": sql,
    }


def _pace(replay: Mapping[str, Any]) -> str:
    if replay["speed"] is None:
        return f"at {json.loads(replay['options']).get('rate', 'rates of its own')} a second"
    return "as fast as recorded" if replay["speed"] == 1 else f"{replay['speed']:g} times as fast as recorded"


def _doubt(one: Mapping[str, Any], services: Rows) -> str:
    shortest_us = min((other["response_p99_us"] or 0 for other in services), default=0)
    lag_us = one["client_lag_p99_us"] or 0
    if lag_us <= _DOUBTED_FROM * shortest_us or not shortest_us:
        return ""
    lag = f"{milliseconds(lag_us)}{NO_BREAK}ms"
    return f"The load generator's own lag at p99, {lag}, is more than a tenth of the shortest p99."
