"""The report for machines: a comparison's tables as plain data, under the tables' own names and columns.

Belongs here: what ``report.json`` holds. Its schema is stable: keys are added, and `SCHEMA_VERSION` counts up when one
goes or changes its meaning.
"""

import datetime as dt
import json
import math
from decimal import Decimal
from typing import Any

import duckdb

from assets.report.cells import table_of
from assets.report.evidence_queries import TABLES
from assets.report.queries import bound

SCHEMA_VERSION = 1


def render(connection: duckdb.DuckDBPyConnection, comparison_id: str) -> str:
    """The whole of ``report.json``: ``schema_version``, ``comparison`` (one row), and a list of rows for each table
    that does not grow with the traffic; ``conformance`` is of the comparison's target. What is no number is null; times
    are ISO 8601.
    """

    def rows(sql: str, **values: str) -> list[dict[str, Any]]:
        return [_plain(row) for row in table_of(connection, bound(sql, **values)).to_pylist()]

    [comparison] = rows("FROM comparisons WHERE comparison_id = $comparison_id", comparison_id=comparison_id)
    document = {
        "schema_version": SCHEMA_VERSION,
        "comparison": comparison,
        **{
            name: rows(f"FROM {name} WHERE comparison_id = $comparison_id ORDER BY ALL", comparison_id=comparison_id)
            for name in TABLES
        },
        "conformance": rows("FROM conformance WHERE target = $target ORDER BY ALL", target=str(comparison["target"])),
    }
    return json.dumps(document, allow_nan=False, ensure_ascii=False, indent=1) + "\n"


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Decimal):
        return float(value) if value.is_finite() else None
    if isinstance(value, dt.datetime | dt.date):
        return value.isoformat()
    return value
