"""`archduel sql` and everything else that runs somebody's SQL: not one byte changes, whatever the statement."""

from contextlib import suppress
from pathlib import Path

import duckdb
import pytest

from assets.analysis.outcomes import reconcile
from resources.warehouse.outcomes import write_outcomes
from resources.warehouse.publish import publish
from resources.warehouse.reading import connect, query, rows
from tests.observations_builder import ObservationsBuilder
from workloads.errors import UsageError
from workloads.places import Places

# One of every kind that writes, installs, attaches or sets. {file} is a new file, {result} one of the results.
WRITES = {
    "copy": "COPY (SELECT 1) TO '{file}'",
    "copy over a result": "COPY (SELECT 1 AS a) TO '{result}' (FORMAT parquet, USE_TMP_FILE false)",
    "copy by the results' scheme": "COPY (SELECT 1 AS a) TO 'results://{result}' (FORMAT parquet)",
    "copy partitioned": "COPY (SELECT 1 AS a, 2 AS b) TO '{file}' (PARTITION_BY a, FORMAT parquet)",
    "copy a table": "COPY ledger TO '{file}'",
    "copy from": "COPY ledger FROM '{result}'",
    "copy the database": "COPY FROM DATABASE archduel TO memory",
    "export": "EXPORT DATABASE '{file}'",
    "import": "IMPORT DATABASE '{file}'",
    "attach": "ATTACH '{file}' AS fresh",
    "attach to write": "ATTACH '{database}' AS again",
    "detach": "DETACH archduel",
    "insert": "INSERT INTO ledger SELECT * FROM ledger",
    "update": "UPDATE ledger SET offered = 0",
    "delete": "DELETE FROM ledger",
    "merge": "MERGE INTO ledger USING ledger AS o ON false WHEN NOT MATCHED THEN INSERT",
    "truncate": "TRUNCATE ledger",
    "create a table": "CREATE TABLE fresh AS SELECT 1 AS a",
    "create a view": "CREATE VIEW fresh AS SELECT 1 AS a",
    "create a macro": "CREATE MACRO fresh(a) AS TABLE SELECT a",
    "create a sequence": "CREATE SEQUENCE fresh",
    "create a secret": "CREATE PERSISTENT SECRET fresh (TYPE s3, KEY_ID 'a', SECRET 'b')",
    "alter": "ALTER TABLE ledger ADD COLUMN fresh INTEGER",
    "drop": "DROP TABLE ledger",
    "comment": "COMMENT ON TABLE ledger IS 'fresh'",
    "checkpoint": "FORCE CHECKPOINT archduel",
    "vacuum": "VACUUM ANALYZE",
    "install": "INSTALL httpfs",
    "load": "LOAD '{file}'",
    "set": "SET disabled_filesystems = ''",
    "set a spill": "SET temp_directory = '{file}'",
    "reset": "RESET disabled_filesystems",
    "pragma": "PRAGMA enable_profiling = 'json'",
    "profile to a file": "PRAGMA profiling_output = '{file}'",
    "log to files": "CALL enable_logging(storage = 'file', storage_path = '{file}')",
    "call": "CALL dbgen(sf = 0.001)",
    "prepare": "PREPARE fresh AS COPY (SELECT 1) TO '{file}'",
    "transaction": "BEGIN",
}
# Ways to put a statement into one that looks as if it read.
WAYS = {
    "bare": "{statement}",
    "in a common table expression": "WITH t AS ({statement}) SELECT * FROM t",
    "materialized": "WITH t AS MATERIALIZED ({statement}) SELECT 1",
    "explained": "EXPLAIN {statement}",
    "explained and carried out": "EXPLAIN ANALYZE {statement}",
    "explained in a common table expression": "EXPLAIN ANALYZE WITH t AS ({statement}) SELECT * FROM t",
    "as a text": "FROM query({quoted})",
    "in a subquery": "SELECT * FROM ({statement})",
    "after another": "SELECT 1; {statement}",
}
READS = {
    "another file": "SELECT content FROM read_text('{secret}')",
    "another file by the results' scheme": "SELECT * FROM read_text('results://{secret}')",
    "by a way up": "SELECT * FROM read_text('results://{result}/../../../../../../../secret.txt')",
    "a folder": "SELECT * FROM glob('{home}/*')",
    "a database": "SELECT * FROM read_duckdb('{database}', table_name = 'ledger')",
    "the environment": "SELECT getenv('HOME')",
    "the network": "SELECT * FROM 'http://127.0.0.1:1/a.csv'",
}


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Places:
    places = Places(tmp_path_factory.mktemp("one's") / "home")
    tables = ObservationsBuilder().experiment().request("1").item("1").tables()
    write_outcomes(places, "c1", "food_orders__steady", "synchronous", reconcile(tables))
    publish(places)
    return places


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def names(places: Places, elsewhere: Path) -> dict[str, str]:
    result = next(iter(sorted(places.outcomes.rglob("requests.parquet"))))
    secret = elsewhere / "secret.txt"
    secret.write_text("a secret")
    paths = {"result": result, "database": places.database, "home": places.home, "secret": secret}
    paths["file"] = elsewhere / "fresh"
    return {name: str(path).replace("'", "''") for name, path in paths.items()}


def bytes_under(*folders: Path) -> dict[str, tuple[bytes, int]]:
    return {
        str(path): (path.read_bytes() if path.is_file() else b"", path.stat().st_mtime_ns)
        for folder in folders
        for path in sorted(folder.rglob("*"))
    }


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_no_statement_changes_a_byte(published: Places, elsewhere: Path, way: str) -> None:
    known = names(published, elsewhere)
    before = bytes_under(published.home, elsewhere)
    with connect(published) as connection:
        for statement in (text.format(**known) for text in WRITES.values()):
            sql = way.format(statement=statement, quoted="'" + statement.replace("'", "''") + "'")
            with suppress(duckdb.Error, UsageError):
                rows(connection, sql)
            assert bytes_under(published.home, elsewhere) == before, sql


def test_the_connection_itself_can_change_nothing(published: Places, elsewhere: Path) -> None:
    """Without the look at what kind of statement it is."""
    known = names(published, elsewhere)
    before = bytes_under(published.home, elsewhere)
    for statement in (text.format(**known) for text in WRITES.values()):
        with connect(published) as connection, suppress(duckdb.Error):
            connection.execute(statement).fetchall()
        assert bytes_under(published.home, elsewhere) == before, statement


@pytest.mark.parametrize("statement", READS.values(), ids=READS)
def test_nothing_but_results_is_read(published: Places, elsewhere: Path, statement: str) -> None:
    with pytest.raises(duckdb.Error):
        assert query(published, statement.format(**names(published, elsewhere))).num_rows == 0


def test_what_results_hold_is_read_all_the_same(published: Places, elsewhere: Path) -> None:
    assert query(
        published, "SELECT count(*) AS n FROM last_requests JOIN effects USING (experiment_id, request_id)"
    ).to_pylist() == [{"n": 1}]
    assert query(published, "EXPLAIN ANALYZE FROM by_route").num_rows
    assert not list(elsewhere.iterdir())


def test_no_file_stays_open_when_a_connection_is_closed(published: Places) -> None:
    """Each night's comparison would leave hundreds."""

    def held() -> list[str]:
        # By /proc, since DuckDB lets go of them without a word.
        links = (one.readlink() for one in Path("/proc/self/fd").iterdir() if one.is_symlink())
        return [str(link) for link in links if link.suffix == ".parquet" and link.is_relative_to(published.home)]

    if not Path("/proc/self/fd").exists():
        pytest.skip("no /proc here to see open files in")
    with connect(published) as connection:
        assert rows(connection, "SELECT entity FROM requests LIMIT 1").num_rows
    assert held() == []
