"""Suggesting a mapping for a recording: its routes and static files.

Put here how routes are written as YAML for people to edit. Keep out how they are found (`workloads.recordings.routes`)
and what a mapping means (`workloads.importers.rules.mapping`).
"""

import json
import re
from collections import Counter
from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from workloads.recordings.recording import Recording, operation_of
from workloads.recordings.routes import PLACEHOLDER, Shape, collapsed, named, shapes

_STATIC = "css|js|map|png|jpg|jpeg|gif|svg|ico|webp|avif|woff|woff2|ttf|eot|otf|txt|xml|pdf|zip|mp4|webm|webmanifest"
_IS_STATIC = re.compile(rf"\.(?:{_STATIC})$", re.IGNORECASE)
_MAX_ROUTES = 60


def suggested(recording: Recording) -> str:
    """Write a mapping that gives ``recording`` the operations it has, and its routes an entity each.

    Returns:
        YAML with comments.
    """
    dropped: Counter[str] = Counter()
    kept: Counter[Shape] = Counter()
    for (method, segments), count in shapes(recording.table).items():
        static = _IS_STATIC.search(segments[-1]) if segments else None
        if static and operation_of(method) == "query":
            dropped[static[0].lower()] += count
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
        "# {{ pick('a', 'b') }}, {{ integer(1, 9) }}, {{ text(40) }} bytes.",
    ]


def _drops(dropped: Mapping[str, int]) -> list[str]:
    if not dropped:
        return []
    lines = ["drop:"]
    for extension, count in sorted(dropped.items(), key=lambda item: (-item[1], item[0])):
        lines.append(f'  - match: "GET|HEAD /**{extension}"  # {count:,} requests')
        lines.append("    why: static files")
    return lines


def _body(name: str | None, size: int) -> str:
    """A line with a template of a JSON object in about so many bytes."""
    start = f'{{"{name or "id"}": "{{{{ {"entity" if name else "request_id"} }}}}", "text": "'
    return f"    body: '{start}{{{{ text({max(0, size - len(start))}) }}}}\"}}'"


def _routes(routes: Mapping[Shape, int], sizes: Mapping[str, int]) -> list[str]:
    if not routes:
        return []
    lines = ["routes:"]
    ordered = sorted(routes.items(), key=lambda item: (item[0][1].count(PLACEHOLDER), -item[1], item[0]))
    for (method, segments), count in ordered[:_MAX_ROUTES]:
        pattern, name = named(segments)
        lines.append(f"  - match: {json.dumps(f'{method} {pattern}', ensure_ascii=False)}  # {count:,} requests")
        operation = operation_of(method) or "command"
        lines.append(f"    operation: {operation}")
        lines += [f"    entity: {name}"] if name else []
        if operation == "command" and (size := sizes.get(f"{method} {pattern}")) is not None:
            lines.append(_body(name, size))
    if len(ordered) > _MAX_ROUTES:
        rest = sum(count for _route, count in ordered[_MAX_ROUTES:])
        lines.append(f"  # and {len(ordered) - _MAX_ROUTES} more with {rest:,} requests, which their methods decide")
    return lines
