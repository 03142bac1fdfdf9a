"""What the pages show works: queries find their columns in an empty database, quick commands really run."""

import json
import re
import shlex
from collections.abc import Iterator

import duckdb
import pytest

from resources.warehouse.publish import publish
from resources.warehouse.reading import connect
from tests import pages
from tests.functional.conftest import Call
from tests.functional.test_definitions import SNAPSHOT
from tests.pages import PAGES
from workloads.places import REPOSITORY, Places

SHOWN = {command for path in PAGES.values() for command in pages.commands(path)}
QUERIES = sorted({one.arguments[1] for one in SHOWN if one.whole and one.arguments[:1] == ("sql",)})
# What needs neither an emulator nor results, of what the pages show.
QUICK = [
    "--help",
    "workloads",
    "scenarios",
    "architectures",
    "prices",
    "permissions",
    "template hybrid",
    "record --customers lunch --describe",
    "doctor --machine-only",
]
COLUMN = re.compile(r"([a-z_]+)\.(?!(?:parquet|html|json|toml)$)([a-z_]+)")


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """What is published where nothing was replayed yet: every table and view, without rows."""
    places = Places(tmp_path_factory.mktemp("home"))
    publish(places)
    with connect(places) as connection:
        yield connection


@pytest.mark.parametrize("query", QUERIES)
def test_every_query_shown_runs(database: duckdb.DuckDBPyConnection, query: str) -> None:
    assert database.sql(query).columns
    database.sql(query).fetchall()


@pytest.mark.parametrize("page", PAGES)
def test_tables_and_columns_named_exist(database: duckdb.DuckDBPyConnection, page: str) -> None:
    rows = database.execute("SELECT table_name, column_name FROM information_schema.columns").fetchall()
    tables = {table for table, _ in rows}
    named = [match.groups() for span in pages.spans(PAGES[page]) if (match := COLUMN.fullmatch(span))]
    assert [column for column in named if column[0] in tables and column not in rows] == []


def test_the_page_about_the_graph_names_all_of_it() -> None:
    graph = json.loads(SNAPSHOT.read_text())
    nodes = {key.rpartition("/")[2] for key in graph["assets"] if key.startswith("comparison/")}
    text = PAGES["docs/dagster.md"].read_text()
    one_of_each = {name for name in graph["jobs"] if not name.startswith("one_architecture_")}
    assert not [
        name for name in {*nodes, *one_of_each, *graph["schedules"], *graph["sensors"]} if f"`{name}`" not in text
    ]


@pytest.mark.parametrize("line", QUICK)
def test_quick_commands_run_and_are_shown(call: Call, line: str) -> None:
    assert tuple(shlex.split(line)) in {one.arguments for one in SHOWN if one.program == "archduel"}
    done = call(*shlex.split(line))
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def test_the_python_query_shown_reads_the_results(places: Places) -> None:
    (code,) = (one.arguments[1] for one in SHOWN if one.program == "python" and one.arguments[0] == "-c")
    publish(places)
    exec(code.replace(".archduel/archduel.duckdb", str(places.database)), {})  # noqa: S102 - the page's own


def test_no_page_holds_a_path_of_this_machine() -> None:
    assert not [page for page, path in PAGES.items() if str(REPOSITORY) in path.read_text()]
