"""The report for machines, ``report.json``: a comparison's tables as plain data, under their own names and columns.

Put here what the document holds. Keep words and rounding out, which are for people (`assets.report.words`). Its schema
is stable: keys are added, and `SCHEMA_VERSION` counts up when one goes or changes its meaning.
"""

import datetime as dt
import json
import math
from decimal import Decimal
from typing import Any

import duckdb

from assets.report.queries import Rows, bound, table_of

# Every table that is keyed by comparison and does not grow with the traffic.
TABLES = (
    "experiments",
    "summary",
    "ledger",
    "latency",
    "recovery",
    "pairwise",
    "noise",
    "cost",
    "claims",
    "history",
    "requirements",
    "recommendations",
    "decisions",
)

SCHEMA_VERSION = 1


def render(connection: duckdb.DuckDBPyConnection, comparison_id: str) -> str:
    """The whole document as JSON.

    Args:
        connection: To the published database.
        comparison_id: The comparison's name.

    Returns:
        An object with ``schema_version``, ``comparison`` (one row), a list of rows for each of `TABLES`, and
        ``conformance``, which is of the comparison's target. NaN and infinity are null; times are ISO 8601.
    """

    def rows(sql: str, **values: str) -> Rows:
        return [_jsonable(row) for row in table_of(connection, bound(sql, **values)).to_pylist()]

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
    return json.dumps(document, allow_nan=False, indent=1) + "\n"


def _jsonable(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(name): _jsonable(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_jsonable(one) for one in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Decimal):
        return float(value) if value.is_finite() else None
    if isinstance(value, dt.datetime | dt.date):
        return value.isoformat()
    return value
