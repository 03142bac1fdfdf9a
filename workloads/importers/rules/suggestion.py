"""Suggesting a mapping for a recording: its routes, and what is no part of a service's work.

Put here how routes are written as YAML for people to edit. Keep out how they are found (`workloads.recordings.routes`),
what requests look like (`workloads.importers.rules.looks`) and what a mapping means
(`workloads.importers.rules.mapping`).
"""

import json
import re
from collections import Counter
from collections.abc import Collection, Mapping

import pyarrow as pa
import pyarrow.compute as pc

from workloads.importers.rules.looks import EXTENSIONS, HEALTH, LOOKS, PROBED, PROBES, SEARCHES, STATIC, probed
from workloads.recordings.recording import Recording, operation_of
from workloads.recordings.routes import PLACEHOLDER, Shape, collapsed, named, shapes

_IS_STATIC = re.compile(rf"\.(?:{EXTENSIONS})$", re.IGNORECASE)
_IS_HEALTH, _IS_SEARCH = (re.compile(LOOKS[name].pattern) for name in (HEALTH, SEARCHES))
_MAX_ROUTES = 60


def suggested(recording: Recording) -> str:
    """Write a mapping that gives ``recording`` the operations it has, and its routes an entity each.

    Returns:
        YAML with comments.
    """
    dropped: dict[str, Counter[str]] = {name: Counter() for name in (STATIC, HEALTH, PROBES)}
    dropped[PROBES].update({f"* {match}": count for match, count in probed(recording.table).items()})
    probes = [re.compile(PROBED[match.removeprefix("* ")]) for match in dropped[PROBES]]
    kept: Counter[Shape] = Counter()
    for (method, segments), count in shapes(recording.table).items():
        path = f"/{'/'.join(segments)}"
        if any(probe.search(path) for probe in probes):
            continue
        reads = method in LOOKS[STATIC].methods
        if reads and (static := _IS_STATIC.search(segments[-1])):
            dropped[STATIC][f"GET|HEAD /**{static[0].lower()}"] += count
        elif reads and _IS_HEALTH.search(path):
            dropped[HEALTH][f"GET|HEAD {named(segments)[0]}"] += count
        else:
            kept[method, segments] += count
    routes, _ = collapsed(kept)
    return "\n".join([*_head(recording), *_drops(dropped), *_routes(routes, _sizes(recording)), ""])


def _sizes(recording: Recording) -> dict[str, int]:
    """The median bytes of the commands' bodies, by route."""
    named_by = pa.table({"route": recording.routes, "bytes": recording.table.column("payload_bytes")})
    commands = named_by.filter(pc.equal(recording.table.column("operation"), "command"))
    medians = commands.group_by("route").aggregate([("bytes", "approximate_median")])
    return {row["route"]: round(row["bytes_approximate_median"]) for row in medians.to_pylist()}


def _head(recording: Recording) -> list[str]:
    return [
        f"# Proposed from the {recording.requests:,} requests of {recording.name}. Edit it, and import again:",
        f"#   archduel import FORMAT PATH... --name {recording.name} --mapping FILE",
        "# match: a method (or GET|HEAD, or *) and a path, in which {name} is one part, * anything within a part and",
        "# ** anything at all. The first that fits counts. entity: what requests are about; ?name: part of the query.",
        "# body: what is sent with --routes recorded, a Jinja template: {{ entity }}, {{ request_id }}, {{ n }},",
        "# {{ pick('a', 'b') }}, {{ integer(1, 9) }}, {{ text(40) }} bytes. headers: names, each with such a template.",
        "# success: statuses of your own handler that are one, such as 200-299, 404; without it, all below 500: edit",
        "# the bodies, for one that it refuses with 400 is done as well. archduel service check says which it refuses.",
    ]


def _drops(dropped: Mapping[str, Counter[str]]) -> list[str]:
    lines = []
    for why, matches in dropped.items():
        for match, count in sorted(matches.items(), key=lambda item: (-item[1], item[0])):
            lines.append(f"  - match: {json.dumps(match, ensure_ascii=False)}  # {count:,} requests")
            lines.append(f"    why: {why}")
    return ["drop:", *lines] if lines else []


def _body(name: str | None, size: int) -> str:
    """A line with a template of a JSON object in about so many bytes."""
    start = f'{{"{name or "id"}": "{{{{ {"entity" if name else "request_id"} }}}}", "text": "'
    return f"    body: '{start}{{{{ text({max(0, size - len(start))}) }}}}\"}}'"


def _entity(segments: tuple[str, ...], routes: Collection[Shape]) -> str | None:
    """What requests are about: with other paths beyond the same first id, that one, and else the last id."""
    if PLACEHOLDER not in segments:
        return None
    prefix = segments[: segments.index(PLACEHOLDER) + 1]
    shared = any(other[: len(prefix)] == prefix and other != segments for _method, other in routes)
    return named(prefix if shared else segments)[1]


def _routes(routes: Mapping[Shape, int], sizes: Mapping[str, int]) -> list[str]:
    if not routes:
        return []
    lines = ["routes:"]
    ordered = sorted(routes.items(), key=lambda item: (item[0][1].count(PLACEHOLDER), -item[1], item[0]))
    for (method, segments), count in ordered[:_MAX_ROUTES]:
        pattern, name = named(segments)[0], _entity(segments, routes)
        lines.append(f"  - match: {json.dumps(f'{method} {pattern}', ensure_ascii=False)}  # {count:,} requests")
        searches = method in LOOKS[SEARCHES].methods and _IS_SEARCH.search(pattern)
        operation = "query" if searches else operation_of(method) or "command"
        lines.append(f"    operation: {operation}" + ("  # by its name a search: confirm it" if searches else ""))
        lines += [f"    entity: {name}"] if name else []
        if operation == "command" and (size := sizes.get(f"{method} {pattern}")) is not None:
            lines.append(_body(name, size))
    if len(ordered) > _MAX_ROUTES:
        rest = sum(count for _route, count in ordered[_MAX_ROUTES:])
        lines.append(f"  # and {len(ordered) - _MAX_ROUTES} more with {rest:,} requests, which their methods decide")
    return lines
