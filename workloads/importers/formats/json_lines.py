"""Logs with one JSON object per line.

Put here how values are extracted from an object. Keep out what the names of values mean
(`workloads.importers.formats.named`) and nginx's own names (`workloads.importers.formats.nginx_json`).
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Self

from workloads.errors import UsageError
from workloads.importers.files.reading import Source
from workloads.importers.formats.lines import entries
from workloads.importers.formats.named import (
    A_NAME,
    NAMES,
    NamedFormat,
    chosen_name,
    fields,
    first_of,
    joined,
    names_by_role,
    parts_of,
)
from workloads.importers.importer import Entries, Options

# Without the check, a single line that is no JSON makes TRY evaluate thousands one by one, in two hundred times the
# time.
_VALUES = """(
    SELECT *, list_transform(raw, lambda one: nullif(nullif(trim(one), ''), '-')) AS value
    FROM (
        SELECT line_number, line, CASE WHEN json_valid(line) THEN TRY(json_extract_string(line, $paths)) END AS raw
        FROM lines
    )
)"""
_PROBLEM = """CASE
    WHEN value IS NULL THEN 'is no JSON'
    WHEN NOT starts_with(ltrim(line), '{') THEN 'is no JSON object'
END"""


@dataclass(frozen=True, kw_only=True)
class JsonImporter(NamedFormat):
    """Reads objects by ``names``: for each role the names of its value, the likeliest first."""

    names: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: NAMES)
    position: int = 2
    dropped: str = "NULL::VARCHAR"
    reads_each_line_alone: bool = True

    def advice(self, line: str) -> str:
        """See `Importer.advice`."""
        try:
            found = json.loads(line)
        except ValueError:
            return ""
        names = [name for name in _names_in(found) if A_NAME.fullmatch(name) and "@" not in name[1:]][:20]
        if not names:
            return ""
        return f"; its names are {', '.join(names)}: say which is which, as in --column timestamp=NAME"

    def with_options(self, options: Options) -> Self:
        """See `Importer.with_options`."""
        chosen = super().with_options(options)
        for role, name in options.columns.items():
            if '"' in name:
                raise UsageError(f"--column {role}={name}: a name cannot hold a quotation mark")
            if name == "*":
                raise UsageError(f"--column {role}={name}: give one name")
        return chosen

    def entries(self, source: Source) -> Iterator[Entries]:
        """See `Importer.entries`."""
        query, paths = json_fields(self.names, self.columns)
        for lines in source.lines():
            yield entries(lines, query, {"paths": paths}, dropped=self.dropped)


def _names_in(value: object, above: str = "", depth: int = 3) -> Iterator[str]:
    """The names of an object's values, those of objects in it with dots."""
    if not isinstance(value, dict) or not depth:
        return
    for name, inner in value.items():
        if isinstance(inner, dict) and depth > 1:
            yield from _names_in(inner, f"{above}{name}.", depth - 1)
        else:
            yield f"{above}{name}"


def json_fields(names: Mapping[str, tuple[str, ...]], columns: Mapping[str, str]) -> tuple[str, list[str]]:
    """A query as `workloads.importers.formats.lines.entries` takes it, and its parameter ``paths``.

    Both ``names``, the likeliest first, and the user's ``columns`` are by role.
    """
    paths: list[str] = []

    def value(role: str, name: str) -> list[str]:
        # An empty request line means a connection that sent no request.
        values = "raw" if role == "request" else "value"
        # What is no path into an object, such as "..", may still be a name.
        inner = name.split(".")
        nested = [inner] if "" not in inner and "*" not in inner else []
        found = dict.fromkeys("$" + "".join(f'."{part}"' for part in parts) for parts in ([name], *nested))
        paths.extend(found)
        return [f"{values}[{len(paths) - at}]" for at in reversed(range(len(found)))]

    cells: dict[str, str] = {}
    for role, known in names_by_role(columns, names).items():
        literal = chosen_name(role, columns)
        if literal is not None:
            cells[role] = literal
            continue
        expressions: list[str] = []
        # Nested names first: where there is url.path, url is an object.
        for name in sorted(known, key=lambda name: -name.count(".")):
            expressions += value(role, name)
            if len(parts := parts_of(name)) > 1:
                expressions.append(joined([f"coalesce({', '.join(value(role, part))})" for part in parts]))
        if expressions:
            cells[role] = first_of(expressions, role)
    return fields(cells, relation=_VALUES, problem=_PROBLEM), paths


IMPORTER = JsonImporter(
    name="jsonl",
    description="one JSON object per line with timestamp, method and path; other names by --column",
    example='{"timestamp": "2026-05-17T10:05:03.250Z", "method": "GET", "path": "/orders/17", "status": 200}',
)
