"""What `archduel sql` prints on a terminal: tables that can be read, and records where one could not be."""

import io

import duckdb
import pytest

from orchestration.commands.sql import print_table
from orchestration.commands.terminal import PlainConsole

LONG = 123456789012345.5


def printed(statement: str, width: int = 100) -> list[str]:
    out = io.StringIO()
    with duckdb.connect() as connection:
        print_table(connection.sql(statement).to_arrow_reader(), PlainConsole(file=out, width=width))
    return out.getvalue().splitlines()


def test_few_columns_are_a_table() -> None:
    lines = printed("SELECT 'synchronous' AS architecture, 342 AS offered")
    assert any("synchronous" in line and "342" in line for line in lines)
    assert any("architecture" in line and "offered" in line for line in lines)


def test_more_columns_than_fit_are_records() -> None:
    wanted = ", ".join(f"{LONG}::DOUBLE + {number} AS column_{number}" for number in range(29))
    lines = printed(f"SELECT {wanted} FROM range(2)")
    assert [line.strip() for line in lines if line.startswith("row ")] == ["row 1", "row 2"]
    for number in range(29):
        assert sum(f"column_{number} " in line and str(LONG + number) in line for line in lines) == 2


@pytest.mark.parametrize("columns", [2, 4, 9])
def test_a_number_is_never_cut_or_broken_beside_a_long_text(columns: int) -> None:
    wanted = ", ".join(f"{LONG}::DOUBLE + {number} AS c{number}" for number in range(columns))
    lines = printed(f"SELECT repeat('word ', 60) AS sentence, {wanted}")
    for number in range(columns):
        assert any(str(LONG + number) in line for line in lines)
    assert sum(line.count("word") for line in lines) == 60, "nor is the text"


def test_what_is_left_out_is_said() -> None:
    assert printed("FROM range(1001)")[-1].startswith("These are the first 1,000 rows")
    assert not printed("FROM range(1000)")[-1].startswith("These")
    wide = ", ".join(f"range AS a_rather_long_name_{number}" for number in range(9))
    assert printed(f"SELECT {wide} FROM range(101)")[-1].startswith("These are the first 100 rows")


def test_no_rows_are_a_table_without_any() -> None:
    assert any("architecture" in line for line in printed("SELECT 'a' AS architecture WHERE false"))
