"""Logs with one JSON object per line.

Put here how values are extracted from an object. Keep out what the names of values mean
(`workloads.importers.formats.named`) and nginx's own names (`workloads.importers.formats.nginx_json`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from workloads.errors import UsageError
from workloads.importers.files.reading import Source
from workloads.importers.formats.lines import entries
from workloads.importers.formats.named import NAMES, check_columns, chosen_name, fields
from workloads.importers.importer import Entries, Options, refuse_options

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


@dataclass(frozen=True)
class JsonImporter:
    """Reads objects by ``names``: for each role the names of its value, the likeliest first."""

    name: str
    description: str
    example: str
    names: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: NAMES)
    position: int = 1
    columns: Mapping[str, str] = field(default_factory=dict)

    def with_options(self, options: Options) -> "JsonImporter":
        """See `Importer.with_options`."""
        refuse_options(self.name, options, columns=True)
        check_columns(options.columns)
        for name in options.columns.values():
            if '"' in name:
                raise UsageError(f"--column ...={name}: a name cannot hold a quotation mark")
        return replace(self, columns=options.columns)

    def entries(self, source: Source) -> Iterator[Entries]:
        """See `Importer.entries`."""
        query, paths = json_fields(self.names, self.columns)
        for lines in source.lines():
            yield entries(lines, query, {"paths": paths})


def json_fields(names: Mapping[str, tuple[str, ...]], columns: Mapping[str, str]) -> tuple[str, list[str]]:
    """A query as `workloads.importers.formats.lines.entries` takes it, and its parameter ``paths``.

    Both ``names``, the likeliest first, and the user's ``columns`` are by role.
    """
    paths: list[str] = []
    cells: dict[str, str] = {}
    for role in [*names, *(role for role in columns if role not in names)]:
        literal = chosen_name(role, columns)
        if literal is not None:
            cells[role] = literal
            continue
        expressions = []
        # Nested names first: where there is url.path, url is an object.
        known = sorted(names.get(role, ()), key=lambda name: -name.count("."))
        for name in (columns[role],) if role in columns else known:
            for path in dict.fromkeys([f'$."{name}"', "$" + "".join(f'."{part}"' for part in name.split("."))]):
                paths.append(path)
                # An empty request line means a connection that sent no request.
                expressions.append(f"{'raw' if role == 'request' else 'value'}[{len(paths)}]")
        cells[role] = f"coalesce({', '.join(expressions)})"
    return fields(cells, relation=_VALUES, problem=_PROBLEM), paths


IMPORTER = JsonImporter(
    name="jsonl",
    description="one JSON object per line with timestamp, method and path; other names by --column",
    example='{"timestamp": "2026-05-17T10:05:03.250Z", "method": "GET", "path": "/orders/17", "status": 200}',
)
