"""The reference of all tables as a page of the documentation: ``python -m resources.warehouse.reference`` writes it.

Put here how the page looks. Keep out what it says (the comments in `resources/warehouse/*.sql`).
"""

from collections.abc import Iterable
from pathlib import Path

from resources.warehouse.schema import Table, observed, published
from workloads.atomic import replacing
from workloads.places import REPOSITORY

PAGE = REPOSITORY / "docs" / "reference" / "tables.md"
_HEAD = """\
# Tables

Written by `python -m resources.warehouse.reference` from the comments in `resources/warehouse/*.sql`; change those.

`archduel sql "DESCRIBE ledger"` shows a table's columns, and

```sh
archduel sql "SELECT column_name, comment FROM duckdb_columns() WHERE table_name = 'ledger'"
```

what they mean. Times within an experiment are integer microseconds on one monotonic clock, from the replay's start.
"""
_OBSERVATIONS = """\
## Observations

What a replay leaves behind before anything is judged: Parquet files in `.archduel/observations/`. The tables above are
made of these, which are in no database.
"""


def page() -> str:
    """The page, in Markdown: a section for each table and view, with a line for each column."""
    return "\n".join(
        [_HEAD, *_sections("##", published().values()), _OBSERVATIONS, *_sections("###", observed().values())]
    )


def write(file: Path = PAGE) -> Path:
    """Write the page whole; returns its path."""
    with replacing(file) as hidden:
        hidden.write_text(page(), encoding="utf-8")
    return file


def _sections(level: str, tables: Iterable[Table]) -> Iterable[str]:
    for table in tables:
        columns = (f"| `{one.name}` | `{one.type}` | {one.comment} |" for one in table.columns)
        yield "\n".join(
            [
                f"{level} {table.name}",
                "",
                table.comment,
                "",
                "| column | type | meaning |",
                "|---|---|---|",
                *columns,
                "",
            ]
        )


if __name__ == "__main__":
    write()
