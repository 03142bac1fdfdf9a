"""Suggesting a mapping for a recording: its routes, found by collapsing ids, and static files.

Put here how routes are found and written as YAML for people to edit. Keep out what a mapping means
(`workloads.importers.rules.mapping`).
"""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

import pyarrow as pa

from workloads.recordings.recording import Recording, operation_of

_STATIC = "css|js|map|png|jpg|jpeg|gif|svg|ico|webp|avif|woff|woff2|ttf|eot|otf|txt|xml|pdf|zip|mp4|webm|webmanifest"
_IS_STATIC = re.compile(rf"\.(?:{_STATIC})$", re.IGNORECASE)
_AN_ID = re.compile(
    r"[0-9]+|[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|[0-9a-f]{12,}|.*:(?:email|token|card|iban|phone|address).*|"
    r"[A-Za-z]{0,8}[-_]?[0-9]{3,}[A-Za-z0-9_-]*",
    re.IGNORECASE,
)
# So many different names in one place of a path, most of them rare, are ids.
_MANY = 30
_USES_OF_A_WORD = 20
_MAX_ROUTES = 60


def suggested(recording: Recording) -> str:
    """Write a mapping that gives ``recording`` the operations it has, and its routes an entity each.

    Returns:
        YAML with comments.
    """
    counts = _counts(recording.table)
    dropped: Counter[str] = Counter()
    kept: Counter[tuple[str, tuple[str, ...]]] = Counter()
    for (method, path), count in counts.items():
        static = _IS_STATIC.search(path)
        if static and operation_of(method) == "query":
            dropped[static[0].lower()] += count
        else:
            kept[method, tuple(path.split("/")[1:])] += count
    routes = _collapsed(kept)
    return "\n".join([*_head(recording), *_drops(dropped), *_routes(routes), ""])


def _counts(table: pa.Table) -> Mapping[tuple[str, str], int]:
    groups = table.group_by(["method", "path"]).aggregate([([], "count_all")])
    columns = (groups.column(name).to_pylist() for name in ("method", "path", "count_all"))
    return {(method, path): count for method, path, count in zip(*columns, strict=True)}


def _collapsed(paths: Mapping[tuple[str, tuple[str, ...]], int]) -> Counter[tuple[str, tuple[str, ...]]]:
    """The same with ``{}`` for ids: first for what looks like one, then for too many different names in one place."""
    shaped: Counter[tuple[str, tuple[str, ...]]] = Counter()
    for (method, segments), count in paths.items():
        known = tuple("{}" if segment and _AN_ID.fullmatch(segment) else segment for segment in segments)
        shaped[method, known] += count
    deepest = max((len(segments) for _method, segments in shaped), default=0)
    for depth in range(deepest):
        words: dict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
        for (_method, segments), count in shaped.items():
            if depth < len(segments) and segments[depth]:
                words[segments[:depth]][segments[depth]] += count
        many = {
            place
            for place, names in words.items()
            if len(names) >= _MANY and sum(names.values()) / len(names) < _USES_OF_A_WORD
        }
        merged: Counter[tuple[str, tuple[str, ...]]] = Counter()
        for (method, segments), count in shaped.items():
            within = depth < len(segments) and segments[depth] and segments[:depth] in many
            merged[method, (*segments[:depth], "{}", *segments[depth + 1 :]) if within else segments] += count
        shaped = merged
    return shaped


def _named(segments: Iterable[str]) -> tuple[str, str | None]:
    """The pattern with a name for each placeholder, and the last of these."""
    parts: list[str] = []
    names: list[str] = []
    for segment in segments:
        if segment != "{}":
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


def _head(recording: Recording) -> list[str]:
    return [
        f"# Proposed from the {recording.requests:,} requests of {recording.name}. Edit it, and import again:",
        f"#   archduel import FORMAT PATH... --name {recording.name} --mapping FILE",
        "# match: a method (or GET|HEAD, or *) and a path, in which {name} is one part, * anything within a part and",
        "# ** anything at all. The first that fits counts. entity: what requests are about; ?name: part of the query.",
    ]


def _drops(dropped: Mapping[str, int]) -> list[str]:
    if not dropped:
        return []
    lines = ["drop:"]
    for extension, count in sorted(dropped.items(), key=lambda item: (-item[1], item[0])):
        lines.append(f'  - match: "GET|HEAD /**{extension}"  # {count:,} requests')
        lines.append("    why: static files")
    return lines


def _routes(routes: Mapping[tuple[str, tuple[str, ...]], int]) -> list[str]:
    if not routes:
        return []
    lines = ["routes:"]
    ordered = sorted(routes.items(), key=lambda item: (item[0][1].count("{}"), -item[1], item[0]))
    for (method, segments), count in ordered[:_MAX_ROUTES]:
        pattern, name = _named(segments)
        lines.append(f"  - match: {json.dumps(f'{method} {pattern}', ensure_ascii=False)}  # {count:,} requests")
        lines.append(f"    operation: {operation_of(method) or 'command'}")
        lines += [f"    entity: {name}"] if name else []
    if len(ordered) > _MAX_ROUTES:
        rest = sum(count for _route, count in ordered[_MAX_ROUTES:])
        lines.append(f"  # and {len(ordered) - _MAX_ROUTES} more with {rest:,} requests, which their methods decide")
    return lines
