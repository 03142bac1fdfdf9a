"""The outcome of each entry: accepted, dropped by rule, quarantined, blank or header; the same for all formats.

Put here what decides the outcome, and the columns of a recording that one entry determines. Keep out order and
arrivals, which take the whole recording (`workloads.recordings.writing`), and how lines are read
(`workloads.importers.formats`).
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from workloads.importers.files.reading import Source
from workloads.importers.importer import Entries
from workloads.importers.rules.mapping import EMPTY_MAPPING, Mapping, Route, Rule
from workloads.importers.rules.privacy import BARE_PATH, PLAIN_PATH, SHAPE, decoded, masked, may_hold_secrets
from workloads.recordings.recording import operation_of
from workloads.sql import quoted

# Registered methods are named in the rule that drops them. Any other token is counted without naming it: it is the
# client's text, and rules are shown and stored.
_METHODS = (
    *("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PRI", "PURGE", "QUERY"),
    *("PROPFIND", "PROPPATCH", "MKCOL", "COPY", "MOVE", "LOCK", "UNLOCK", "SEARCH", "REPORT"),
)
_OTHER = "OTHER"
_COMMANDS = [method for method in _METHODS if operation_of(method) == "command"]
_QUERIES = [method for method in _METHODS if operation_of(method) == "query"]

OUTCOMES = ("accepted", "dropped", "quarantined", "blank", "header")

# For logs without sizes of requests: about the size of an order in JSON.
DEFAULT_COMMAND_BYTES = 300

# Later dates are errors, and one of them would stretch a recording over centuries.
_LATEST_US = 4_102_444_800_000_000

# Browsers list what they read from extensions, files and memory beside their requests. Only http, https, ws and wss
# lead to a server.
_ELSEWHERE = r"""CASE
    WHEN starts_with(target, '/') OR starts_with(target, 'http') OR method = 'CONNECT' THEN false
    ELSE regexp_matches(target, '^(?:[A-Za-z][A-Za-z0-9+.-]*://|'
        || '(?i)(?:about|blob|data|file|filesystem|javascript|mailto|tel|urn|view-source):)')
        AND NOT regexp_matches(target, '^(?i)(?:https?|wss?)://')
END"""

# A command to a path that ends in an id is about the same entity as queries of that path; any other makes a new one.
_ENDS_IN_AN_ID = r"(?i)/(?:[0-9]+|[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|[0-9a-f]{12,})/*$"

_CLASSIFIED = """
WITH entries AS ({{entries}}),
read AS ({read}),
routed AS (
    SELECT *,
        CASE {routes} END AS route,
        CASE
            WHEN kind <> 'request' THEN CASE kind WHEN 'rejected' THEN reason END
            WHEN stamp_us NOT BETWEEN 0 AND $latest_us THEN 'its date is not between 1970 and 2100'
            WHEN NOT starts_with(path, '/') THEN 'its request target is no path'
        END AS fault
    FROM read
),
decided AS (
    SELECT *,
        coalesce(
            CASE {operations} END,
            CASE WHEN method IN ({queries}) THEN {query} WHEN method IN ({commands}) THEN {command} END
        ) AS operation
    FROM routed
),
ruled AS (
    SELECT *,
        CASE
            WHEN kind <> 'request' THEN CASE kind WHEN 'dropped' THEN reason END
            WHEN method = '-' THEN 'a connection without a request'
            WHEN {elsewhere} THEN 'no request to a server'
            WHEN fault IS NULL AND stamp_us < $from_us THEN 'before --from'
            WHEN fault IS NULL AND stamp_us >= $to_us THEN 'not before --to'
            {drops}
            WHEN operation IS NOT NULL THEN NULL
            WHEN method IN ({methods}) THEN 'method ' || method || ' is neither command nor query'
            ELSE 'an unregistered method is neither command nor query'
        END AS rule,
        {entity} AS entity_name,
        {secret} AS entity_secret
    FROM decided
)
SELECT
    line_number,
    CASE
        WHEN rule IS NOT NULL THEN {dropped}
        WHEN fault IS NOT NULL THEN {quarantined}
        WHEN kind = 'request' THEN {accepted}
        WHEN kind = 'blank' THEN {blank}
        ELSE {header}
    END AS outcome,
    coalesce(rule, fault) AS reason,
    CASE WHEN rule IS NULL AND fault IS NOT NULL THEN {shape} END AS shape,
    stamp_us,
    whole_second,
    operation,
    entity_name AS entity,
    entity_secret AS secret,
    client,
    CASE method WHEN 'GET' THEN {get} WHEN 'POST' THEN {post}
        ELSE coalesce(try_cast(method AS {method_type}), {other}) END AS method,
    path,
    CASE WHEN operation = 'query' THEN 0
        ELSE greatest(0, least(coalesce(payload_bytes, $default_bytes), 2147483647)) END::INTEGER AS payload_bytes,
    CASE WHEN status BETWEEN 100 AND 599 THEN status END AS recorded_status,
    latency_us AS recorded_latency_us,
    settled
FROM ruled
"""  # of this package's own texts, and of a mapping's, quoted

# Columns of a few different words: Arrow reads enums as dictionaries, which are several times as fast from then on.
_ENUMS = {
    name: f"ENUM({', '.join(map(quoted, words))})"
    for name, words in {
        "outcome": OUTCOMES,
        "operation": ("command", "query"),
        "method": (*_METHODS, _OTHER),
    }.items()
}


def _word(column: str, word: str) -> str:
    return f"{quoted(word)}::{_ENUMS[column]}"


_PARAMETERS = {
    "default_bytes": DEFAULT_COMMAND_BYTES,
    "latest_us": _LATEST_US,
}


@dataclass(frozen=True)
class Rules:
    """The user's rules: which requests count, and what they are.

    Attributes:
        mapping: Which are commands, queries or nothing, and what each is about.
        from_us: Requests before it are dropped; microseconds since 1970, None for no limit.
        to_us: Requests from it on are dropped.
    """

    mapping: Mapping = EMPTY_MAPPING
    from_us: int | None = None
    to_us: int | None = None


EVERYTHING = Rules()


# Nearly every path is plain and needs no mask. The expressions for masks cost more than all others together, even if no
# row reaches them: so they are in a second query, over the rows that need it.
_PLAIN = f"""
    SELECT *, bare AS path, kind <> 'request' OR method = '-' AS settled
    FROM (SELECT *, {PLAIN_PATH} AS bare FROM entries)
"""
_MASKED = f"""
    SELECT *, CASE WHEN decoded_mask = as_it_reads THEN bare ELSE decoded_mask END AS path, true AS settled
    FROM (
        SELECT *, {masked("as_it_reads")} AS decoded_mask
        FROM (SELECT *, {decoded("bare")} AS as_it_reads FROM (SELECT *, {BARE_PATH} AS bare FROM entries))
    )
"""


def classified(entries: Entries, source: Source, rules: Rules = EVERYTHING) -> pa.Table:
    """Decide the outcome of some entries of a file.

    Returns:
        A row per entry, in order: ``line_number``, ``outcome`` (one of `OUTCOMES`), ``reason`` (the rule that drops it
        or the fault, in fixed words), ``shape`` (of a quarantined line), and the columns of a recording. ``client`` is
        still an address, ``secret`` is the part of an entity that its name must not contain.
    """
    bounds = {"from_us": rules.from_us or 0, "to_us": _LATEST_US + 1 if rules.to_us is None else rules.to_us}
    parameters = {**entries.parameters, **_PARAMETERS, **bounds}
    lines = entries.prepared()

    def read(how: str, part: pa.Table) -> pa.Table:
        query = _query(rules.mapping, how).replace(_ENTRIES_HERE, entries.query, 1)
        return source.select(query, parameters, lines=part)

    rows = read(_PLAIN, lines)
    settled = np.asarray(rows.column("settled")) | ~may_hold_secrets(rows.column("path"))
    if not settled.all():
        copied = lines.cast(pa.schema([_copied(column) for column in lines.schema]))
        unsettled = rows.column("line_number").filter(pa.array(~settled))
        others = copied.filter(pc.is_in(lines.column("line_number"), unsettled))
        rows = pa.concat_tables([rows.filter(pa.array(settled)), read(_MASKED, others)])
    rows = rows.drop_columns("settled")
    numbers = rows.column("line_number").to_numpy()
    return rows if np.all(numbers[1:] > numbers[:-1]) else rows.sort_by("line_number")


def _copied(column: "pa.Field[Any]") -> "pa.Field[Any]":
    """As strings: pyarrow cannot filter string views yet."""
    return column.with_type(pa.string()) if column.type == pa.string_view() else column


def outcomes(rows: pa.Table) -> npt.NDArray[np.uint8]:
    """For each row of `classified` the index of its outcome in `OUTCOMES`."""
    return np.concatenate([np.zeros(0, np.uint8), *(part.indices.to_numpy() for part in rows.column("outcome").chunks)])


def having(rows: pa.Table, outcome: str) -> pa.Table:
    """The rows of `classified` with an outcome."""
    has_it = outcomes(rows) == OUTCOMES.index(outcome)
    return rows if has_it.all() else rows.filter(pa.array(has_it))


@lru_cache(maxsize=8)
def _query(mapping: Mapping, read: str) -> str:
    drops = [f"WHEN fault IS NULL AND {_fits(drop)} THEN {quoted(drop.why)}" for drop in mapping.drops]
    routes = [f"WHEN {_fits(route)} THEN {number}" for number, route in enumerate(mapping.routes)]
    operations = [
        f"WHEN route = {number} THEN {_word('operation', route.operation)}"
        for number, route in enumerate(mapping.routes)
        if route.operation
    ]
    ends_in_an_id = f"regexp_matches(bare, {quoted(_ENDS_IN_AN_ID)})"
    named = [(number, route) for number, route in enumerate(mapping.routes) if route.entity]
    entities = [f"WHEN route = {number} THEN {_entity(route)}" for number, route in named]
    secrets = [f"WHEN route = {number} THEN {_secret(route)}" for number, route in named]
    # A route without an entity says so on purpose: a command to it makes something new.
    unnamed = [str(number) for number, route in enumerate(mapping.routes) if not route.entity]
    new = f"WHEN operation = 'command' AND route IN ({', '.join(unnamed)}) THEN NULL" if unnamed else ""
    of_its_own = f"operation = 'query' OR {ends_in_an_id}"
    mask = _NO_RULE if read == _PLAIN else f"WHEN path <> bare AND ({of_its_own}) THEN bare"
    return _CLASSIFIED.format(
        read=read,
        commands=", ".join(map(quoted, _COMMANDS)),
        queries=", ".join(map(quoted, _QUERIES)),
        methods=", ".join(map(quoted, _METHODS)),
        shape=SHAPE,
        # A plain path leads to a server. What is none is looked at with the masked ones.
        elsewhere="false" if read == _PLAIN else _ELSEWHERE,
        routes=" ".join(routes) or "WHEN false THEN NULL::INTEGER",
        operations=" ".join(operations) or f"WHEN false THEN NULL::{_ENUMS['operation']}",
        query=_word("operation", "query"),
        command=_word("operation", "command"),
        **{outcome: _word("outcome", outcome) for outcome in OUTCOMES},
        get=_word("method", "GET"),
        post=_word("method", "POST"),
        other=_word("method", _OTHER),
        method_type=_ENUMS["method"],
        drops=" ".join(drops),
        # In separate conditions, or the second would run for queries too: it costs more than everything else here.
        entity=f"CASE {' '.join(entities)} {new} WHEN operation = 'query' THEN path WHEN {ends_in_an_id} THEN path END",
        secret=f"CASE {' '.join(secrets)} {new} {mask} END",
    )


_ENTRIES_HERE = "{entries}"
_NO_RULE = "WHEN false THEN NULL::VARCHAR"


def _fits(rule: Rule) -> str:
    path = f"regexp_full_match(path, {quoted(rule.pattern)})"
    methods = ", ".join(map(quoted, rule.methods))
    return f"method IN ({methods}) AND {path}" if rule.methods else path


def _entity(route: Route) -> str:
    name = quoted(f"{route.entity}-")
    return f"{name} || {_part('path', route)}" if route.in_path else f"CASE WHEN {_secret(route)} <> '' THEN {name} END"


def _secret(route: Route) -> str:
    """What is hashed for the entity's name; null where that may be shown. Values of queries are always hashed."""
    if route.in_path:
        shown, real = _part("path", route), _part("bare", route)
        return f"CASE WHEN path <> bare AND {shown} <> {real} THEN {real} END"
    pattern = rf"[?&]{re.escape(route.parameter or '')}=([^&#]+)"
    return f"nullif(regexp_extract(target, {quoted(pattern)}, 1), '')"


def _part(path: str, route: Route) -> str:
    return f"regexp_extract({path}, {quoted('^' + route.pattern + '$')}, 1)"
