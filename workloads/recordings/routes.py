"""The route of each request of a recording: its method and its path, with names in place of ids.

Put here how routes are found and named. Keep out what a user's mapping means (`workloads.importers.rules.mapping`) and
writing one for a recording (`workloads.importers.rules.suggestion`).
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np
import pyarrow as pa

from workloads.databases import in_memory
from workloads.sql import quoted

PLACEHOLDER = "{}"
REST = "**"  # in a mapping anything at all: the segments of a path beyond the deepest that are looked at
DEEPEST = 32  # finding the names in one place of all paths takes time for every segment before it

Shape = tuple[str, tuple[str, ...]]
"""A method and the segments of a path, with ``{}`` for ids."""

# What looks like an id: numbers, UUIDs, digests, masked values, and short words with several digits.
_AN_ID = (
    r"(?i)[0-9]+|[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|[0-9a-f]{12,}"
    r"|.*:(?:email|token|card|iban|phone|address).*|[A-Za-z]{0,8}[-_]?[0-9]{3,}[A-Za-z0-9_-]*"
)
# So many different names in one place of a path, most of them rare, are ids.
_MANY = 30
_USES_OF_A_WORD = 20
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")  # what a mapping's * stands for where it gives a template


@dataclass(frozen=True)
class Template:
    """How requests of a route are sent where routes are the recorded ones, and what counts as their success.

    Attributes:
        body: The template of their bodies; None for made-up ones.
        headers: The names of their headers, each with its template.
        success: The statuses that are a success, such as ``200-299,404``; None for all below 500.
    """

    body: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    success: str | None = None

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> Self:
        """The template that was kept as JSON; fields that are missing are not given."""
        headers = tuple((name, template) for name, template in kept.get("headers") or ())
        return cls(kept.get("body"), headers, kept.get("success"))

    @property
    def statuses(self) -> list[tuple[int, int]]:
        """The statuses that are a success, as ranges with both ends; none where the mapping does not say."""
        ranges = (one.partition("-") for one in self.success.split(",")) if self.success else ()
        return [(int(least), int(most or least)) for least, _, most in ranges]


NO_TEMPLATE = Template()


@dataclass(frozen=True)
class Pattern:
    """A route that a mapping names.

    Attributes:
        methods: The methods; empty for any.
        pattern: A regular expression for the whole path.
        path: How the mapping writes the path, such as ``/orders/{order}``.
        template: How its requests are sent and judged.
    """

    methods: tuple[str, ...]
    pattern: str
    path: str
    template: Template = NO_TEMPLATE

    @property
    def kept(self) -> dict[str, Any]:
        """What a recording's provenance keeps of it."""
        named = {"methods": self.methods, "pattern": self.pattern, "path": self.path}
        return {**named, **{name: value for name, value in asdict(self.template).items() if value}}


def with_routes(table: pa.Table, mapped: Iterable[Mapping[str, Any]] = ()) -> pa.Table:
    """Add the column ``route`` to a recording's table.

    Args:
        table: A whole recording.
        mapped: The patterns of the mapping it was imported with, as its provenance keeps them.
    """
    known = [Pattern(tuple(one["methods"]), one["pattern"], one["path"]) for one in mapped]
    return table.append_column("route", routes(table, known))


def templates_of(mapped: Iterable[Mapping[str, Any]]) -> dict[str, Template]:
    """The templates that a mapping gives, by route.

    Args:
        mapped: As in `with_routes`. Of routes with the same path the first with a template counts.
    """
    found: dict[str, Template] = {}
    for one in mapped:
        if (template := Template.of(one)) != NO_TEMPLATE:
            for method in one["methods"] or _METHODS:
                found.setdefault(f"{method} {one['path']}", template)
    return found


def routes(table: pa.Table, mapped: Sequence[Pattern] = ()) -> pa.Array:
    """Name the route of every request.

    Args:
        table: A whole recording, with ``method`` and ``path``: which names are ids shows in all of it.
        mapped: The routes of the mapping it was imported with. What none of them matches is named by its shape.

    Returns:
        A text per request, such as ``GET /orders/{order}``.
    """
    found = _distinct(table, mapped)
    rows = list(zip(*(found.column(name).to_pylist() for name in ("method", "mapped", "segments")), strict=True))
    counts: Counter[Shape] = Counter()
    for (method, path, segments), count in zip(rows, found.column("count_all").to_pylist(), strict=True):
        if path is None:
            counts[method, tuple(segments)] += count
    _, became = collapsed(counts)
    names = [f"{method} {path or named(became[method, tuple(segments)][1])[0]}" for method, path, segments in rows]
    route_of = found.select(["method", "path"]).append_column("route", pa.array(names, pa.string()))
    requests = table.select(["method", "path"]).append_column("position", pa.array(np.arange(table.num_rows)))
    joined = requests.join(route_of, ["method", "path"]).sort_by("position")
    return joined.column("route").combine_chunks()


def shapes(table: pa.Table) -> Counter[Shape]:
    """How many requests have which method and path, with ``{}`` for what looks like an id by itself."""
    found = _distinct(table, ())
    counts: Counter[Shape] = Counter()
    for method, segments, count in zip(
        *(found.column(name).to_pylist() for name in ("method", "segments", "count_all")), strict=True
    ):
        counts[method, tuple(segments)] += count
    return counts


def collapsed(counts: Mapping[Shape, int]) -> tuple[Counter[Shape], dict[Shape, Shape]]:
    """Put ``{}`` where a place in a path has too many different names for words.

    Args:
        counts: Requests by shape.

    Returns:
        The requests by collapsed shape, and what each given shape became.
    """
    became = {shape: shape for shape in counts}
    shaped = Counter(dict(counts))
    deepest = max((len(segments) for _method, segments in shaped), default=0)
    for depth in range(deepest):
        words: dict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
        for (_method, segments), count in shaped.items():
            if depth < len(segments) and segments[depth]:
                words[segments[:depth]][segments[depth]] += count
        many = {
            place
            for place, found in words.items()
            if len(found) >= _MANY and sum(found.values()) / len(found) < _USES_OF_A_WORD
        }
        if not many:
            continue
        merged: Counter[Shape] = Counter()
        moved: dict[Shape, Shape] = {}
        for (method, segments), count in shaped.items():
            within = depth < len(segments) and segments[depth] and segments[:depth] in many
            now = (method, (*segments[:depth], PLACEHOLDER, *segments[depth + 1 :]) if within else segments)
            merged[now] += count
            moved[method, segments] = now
        shaped = merged
        became = {shape: moved[now] for shape, now in became.items()}
    return shaped, became


def named(segments: Iterable[str]) -> tuple[str, str | None]:
    """The path with a name for each placeholder, as a mapping writes it, and the last of these names."""
    parts: list[str] = []
    names: list[str] = []
    for depth, segment in enumerate(segments):
        if depth == DEEPEST:
            parts.append(REST)
            break
        if segment != PLACEHOLDER:
            # A segment that is special in a pattern, or not printable, becomes a wildcard.
            parts.append("*" if re.search(r"[{}*]", segment) or not segment.isprintable() else segment)
            continue
        before = re.sub(r"[^A-Za-z0-9]", "", parts[-1]) if parts else ""
        name = (re.sub(r"(?<=[a-z]{2})s$", "", before) if re.match(r"[A-Za-z]", before) else "") or "id"
        if name in names:
            name = f"{name}{len(names) + 1}"
        names.append(name)
        parts.append(f"{{{name}}}")
    return "/" + "/".join(parts), names[-1] if names else None


def _distinct(table: pa.Table, mapped: Sequence[Pattern]) -> pa.Table:
    """Every method and path once: how often it is there, the path a mapping names it by, and its segments."""
    fits = " ".join(f"WHEN {_fits(one)} THEN {quoted(one.path)}" for one in mapped)
    with in_memory(threads=1) as connection:
        connection.register("requests", table.select(["method", "path"]))
        return connection.sql(
            f"""
            SELECT method, path, count(*) AS count_all,
                CASE {fits or "WHEN false THEN NULL::VARCHAR"} END AS mapped,
                list_transform(
                    string_split(path, '/')[2:{DEEPEST + 1}],
                    lambda part: CASE WHEN regexp_full_match(part, {quoted(_AN_ID)}) THEN '{PLACEHOLDER}' ELSE part END
                ) || CASE WHEN len(string_split(path, '/')) > {DEEPEST + 1} THEN ['{REST}'] ELSE [] END AS segments
            FROM requests
            GROUP BY method, path
            """
        ).to_arrow_table()


def _fits(one: Pattern) -> str:
    path = f"regexp_full_match(path, {quoted(one.pattern)})"
    return f"method IN ({', '.join(map(quoted, one.methods))}) AND {path}" if one.methods else path
