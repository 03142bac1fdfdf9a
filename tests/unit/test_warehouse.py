"""The warehouse: partitions replaced whole or not at all, and a database published for readers who are not disturbed.

What the rows mean is `test_reconciliation`.
"""

import dataclasses
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import filelock
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assets.analysis.outcomes import reconcile
from resources.architectures.stack import StackSettings
from resources.warehouse import partitions, reference, sources
from resources.warehouse.current import connect_current
from resources.warehouse.observations import SCHEMAS, ObservationStore, Tables, combine
from resources.warehouse.outcomes import write_judgement, write_outcomes
from resources.warehouse.partitions import SCHEMA_VERSION, current, read_table, write_partition
from resources.warehouse.publish import is_published, publish
from resources.warehouse.reading import connect, query, write_log
from resources.warehouse.schema import VIEWS, Column, Table, observed, published, schema
from resources.warehouse.sources import SINGLE_OUTCOMES
from tests.every_line import before_every_line
from tests.observations_builder import ObservationsBuilder, windows
from workloads.errors import ArchduelError, UsageError
from workloads.importers.ingest import QUARANTINE
from workloads.places import REPOSITORY, Places

CELL = "food_orders__steady"


@pytest.fixture
def partition(tmp_path: Path) -> Path:
    return tmp_path / "outcomes" / "c1" / CELL / "synchronous"


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(tmp_path / "home of one's own")  # a space and a quote: paths end up in SQL


def table(*values: object) -> pa.Table:
    return pa.table({"value": list(values)})


def values(partition: Path, name: str = "one") -> list[object]:
    return list(read_table(partition, name).column("value").to_pylist())


class TestPartition:
    def test_holds_what_was_written_last(self, partition: Path) -> None:
        for number in range(4):
            write_partition(partition, {"one": table(number), "two": table(-number)})
            assert (values(partition), values(partition, "two")) == ([number], [-number])

    def test_is_replaced_whole_and_not_added_to(self, partition: Path) -> None:
        write_partition(partition, {"one": table(1), "two": table(2)})
        version = write_partition(partition, {"one": table(3)})
        assert [path.name for path in version.iterdir()] == ["one.parquet"]

    def test_keeps_the_version_before_for_those_who_read_it(self, partition: Path) -> None:
        versions = [write_partition(partition, {"one": table(number)}) for number in range(5)]
        assert [version.exists() for version in versions] == [False, False, False, True, True]

    def test_carries_the_version_of_its_schema(self, partition: Path) -> None:
        version = write_partition(partition, {"one": table(1)})
        metadata = pq.read_schema(version / "one.parquet").metadata
        assert metadata == {b"schema_version": SCHEMA_VERSION.encode()}

    @pytest.mark.parametrize(
        ("tables", "error"),
        [
            pytest.param({"one": table(2), "no/such/folder": table(2)}, ArchduelError, id="a file cannot be written"),
            pytest.param({"one": table(2), "two": "no table"}, AttributeError, id="a defect in the code"),
        ],
    )
    def test_a_failure_leaves_the_old_version(
        self, partition: Path, tables: Mapping[str, pa.Table], error: type[Exception]
    ) -> None:
        write_partition(partition, {"one": table(1), "two": table(1)})
        with pytest.raises(error):
            write_partition(partition, tables)
        assert (values(partition), values(partition, "two")) == ([1], [1])
        assert sorted(path.name for path in partition.iterdir()) == [".lock", "v000001"], "nothing half-written is left"

    def test_a_place_that_cannot_be_written_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("no folder")
        with pytest.raises(ArchduelError, match=r"cannot write .*file/c1"):
            write_partition(tmp_path / "file" / "c1", {"one": table(1)})

    def test_being_killed_in_the_middle_of_writing_does_not_matter(self, partition: Path) -> None:
        write_partition(partition, {"one": table(1)})
        hidden = partition / ".0123456789abcdef"
        hidden.mkdir()
        (hidden / "one.parquet").write_bytes(b"PAR1 half a file")
        assert values(partition) == [1]
        write_partition(partition, {"one": table(2)})
        assert values(partition) == [2]

    def test_being_killed_while_removing_an_old_version_does_not_matter(self, partition: Path) -> None:
        for number in (1, 2):
            write_partition(partition, {"one": table(number)})
        (partition / "v000001" / "one.parquet").unlink()
        assert values(partition) == [2]
        write_partition(partition, {"one": table(3)})
        assert values(partition) == [3]

    def test_never_written_has_an_error_of_its_own(self, partition: Path) -> None:
        assert current(partition) is None
        with pytest.raises(ArchduelError, match="nothing was ever written"):
            read_table(partition, "one")

    @pytest.mark.parametrize("stamp", [{"schema_version": "0"}, None])
    def test_of_another_version_is_not_read(self, partition: Path, stamp: dict[str, str] | None) -> None:
        version = write_partition(partition, {"one": table(1)})
        pq.write_table(table(1).replace_schema_metadata(stamp), version / "one.parquet")
        with pytest.raises(
            ArchduelError, match=r"cannot be read: its schema_version is (0|none), and this archduel reads"
        ):
            read_table(partition, "one")

    def test_from_before_a_column_was_added_is_not_read(self, partition: Path) -> None:
        write_partition(partition, {"one": table(1)})
        with pytest.raises(ArchduelError, match=r"no column requests, .*: run that comparison again"):
            read_table(partition, "one", ["value", "requests"])

    def test_two_writers_at_once_leave_one_of_them_whole(self, partition: Path) -> None:
        script = (
            "import sys, pathlib, pyarrow as pa\n"
            "from resources.warehouse.partitions import write_partition\n"
            "for number in range(25):\n"
            "    mine = pa.table({'value': [sys.argv[2]] * 50})\n"
            "    write_partition(pathlib.Path(sys.argv[1]), {name: mine for name in ('one', 'two', 'three')})\n"
        )
        writers = [
            subprocess.Popen([sys.executable, "-W", "error", "-c", script, str(partition), name], cwd=REPOSITORY)
            for name in ("left", "right")
        ]
        assert [writer.wait(60) for writer in writers] == [0, 0]
        assert values(partition) in (["left"] * 50, ["right"] * 50)
        assert values(partition) == values(partition, "two") == values(partition, "three")
        assert sorted(path.name for path in partition.iterdir()) == [".lock", "v000049", "v000050"]

    def test_no_result_is_published_under_an_older_number_while_others_write(self, partition: Path) -> None:
        written = [write_partition(partition, {"one": table(0)})]
        lock = filelock.FileLock(partition / ".lock")

        def others_write() -> None:
            try:
                lock.acquire(blocking=False)
            except filelock.Timeout:
                return  # they would wait
            lock.release()
            written.extend(write_partition(partition, {"one": table(number)}) for number in range(3))

        with before_every_line((partitions,), others_write):
            written.append(write_partition(partition, {"one": table("mine")}))
        assert len(written) > 20
        assert sorted({one.name for one in written}) == [f"v{number:06d}" for number in range(1, len(written) + 1)]


class TestEvidence:
    def test_comes_back_as_it_was_stored(self, places: Places) -> None:
        store = ObservationStore(places)
        tables = ObservationsBuilder().request().record().item().message().invocation().sample(1).tables()
        assert not store.exists("c1", CELL, "synchronous")
        store.write("c1", CELL, "synchronous", tables)
        assert store.exists("c1", CELL, "synchronous")
        read = store.read("c1", CELL, "synchronous")
        assert {name: one.to_pylist() for name, one in read.items()} == {
            name: one.to_pylist() for name, one in tables.items()
        }

    def test_of_several_repetitions_is_combined(self) -> None:
        one, two = (ObservationsBuilder().request(repetition=number).tables() for number in (1, 2))
        assert combine([one, two])["sent"].column("repetition").to_pylist() == [1, 2]
        assert {name: (one.num_rows, one.schema) for name, one in combine([]).items()} == {
            name: (0, schema) for name, schema in SCHEMAS.items()
        }


Small = Mapping[str, Tables]
TABLES = {name: table for name, table in published().items() if name not in VIEWS}


def outcomes(architecture: str, *statuses: int, comparison: str = "c1") -> Tables:
    """The outcomes of a small experiment with a request for every status."""
    observations = ObservationsBuilder().experiment(
        architecture=architecture, comparison_id=comparison, fault_windows=windows((0, 10))
    )
    for number, status in enumerate(statuses):
        observations.request(str(number), status).record(str(number)).item(str(number))
    return reconcile(observations.invocation().sample(5).tables())


@pytest.fixture(scope="module")
def small() -> Small:
    """Made once: reconciling is not what is tested here."""
    return {
        "synchronous": outcomes("synchronous", 201, 201, 503),
        "hybrid": outcomes("hybrid", 201, 500),
        "synchronous again": outcomes("synchronous", 201),
    }


def rows(places: Places, name: str) -> list[str]:
    return sorted(str(row) for row in query(places, f"SELECT * FROM {name}").to_pylist())


class TestSchema:
    @pytest.mark.parametrize("tables", [published(), observed()], ids=["published", "observed"])
    def test_every_table_and_column_says_what_it_is(self, tables: Mapping[str, Table]) -> None:
        comments = {f"{table.name}.{one.name}": one.comment for table in tables.values() for one in table.columns}
        comments |= {table.name: table.comment for table in tables.values()}
        assert [name for name, comment in comments.items() if len(comment) < 5] == []

    def test_the_reference_says_the_same(self) -> None:
        assert reference.PAGE.read_text() == reference.page(), "run `python -m resources.warehouse.reference`"

    def test_outcomes_have_the_columns_declared(self, small: Small) -> None:
        made = small["synchronous"]
        assert made["experiments"].schema == SCHEMAS["experiments"]
        for name in made.keys() - {"experiments"}:
            columns = [(field.name, field.type) for field in made[name].schema]
            declared = [(field.name, field.type) for field in schema(name) if field.name != "experiment_id"]
            assert columns == declared, name

    def test_an_imports_quarantine_has_the_columns_declared(self) -> None:
        assert {(one.name, one.type) for one in QUARANTINE} == {(one.name, one.type) for one in schema("quarantine")}


def described(connection: duckdb.DuckDBPyConnection) -> dict[str, Table]:
    """The tables of a published database, with their columns and comments as a client sees them."""
    found = connection.execute(
        "SELECT table_name, coalesce(t.comment, v.comment), column_name, data_type, is_nullable, c.comment"
        " FROM duckdb_columns() c LEFT JOIN (FROM duckdb_tables()) t USING (database_name, schema_name, table_name)"
        " LEFT JOIN (SELECT *, view_name AS table_name FROM duckdb_views()) v"
        " USING (database_name, schema_name, table_name)"
        " WHERE database_name = 'archduel' AND schema_name = 'main' ORDER BY table_name, column_index"
    ).fetchall()
    return {
        name: Table(name, comment, tuple(Column(*row[2:]) for row in rows))
        for (name, comment), rows in itertools.groupby(found, key=lambda row: row[:2])
    }


class TestPublishing:
    def test_an_empty_home_gives_every_table_with_its_columns_and_no_row(self, places: Places) -> None:
        assert publish(places) == places.database
        with connect(places) as connection:
            assert described(connection) == published()
            for name in published():
                assert connection.execute(f"SELECT count(*) FROM {name}").fetchall() == [(0,)], name

    def test_results_have_the_contracts_columns_as_well(self, places: Places, small: Small) -> None:
        write_outcomes(places, "c1", CELL, "synchronous", small["synchronous"])
        publish(places)
        with connect(places) as connection:
            assert described(connection) == published()
            counted = {
                name: connection.execute(f"SELECT count(*) FROM {name}").fetchall()[0][0]
                for name in (*SINGLE_OUTCOMES, *sources.TABLES, "summary")
            }
        assert counted == {
            "requests": 3,
            "effects": 3,
            "effect_parts": 0,  # of architectures in which a command has several effects
            "invocations": 1,
            "samples": 1,
            "ledger": 1,
            "latency": 5,
            "recovery": 1,
            "distributions": 3,
            "service_times": 1,
            "concurrency": 1,
            "sensitivity": 0,  # of a simulated replay alone
            "timeline": 1,
            "backlog": 1,
            "fates": 2,
            "last_commits": 1,
            "experiments": 1,
            "comparisons": 1,
            "summary": 1,
        }

    def test_an_experiment_is_valid_without_a_reason_against_it(self, places: Places) -> None:
        unbalanced = ObservationsBuilder().experiment(requests=9, architecture="hybrid").request().item()
        write_outcomes(places, "c1", CELL, "hybrid", reconcile(unbalanced.tables()))
        write_outcomes(places, "c1", CELL, "synchronous", outcomes("synchronous", 201))
        publish(places)
        found = query(
            places, "SELECT architecture, valid, invalid_reason IS NULL AS clean FROM experiments ORDER BY ALL"
        )
        assert found.to_pylist() == [
            {"architecture": "hybrid", "valid": False, "clean": False},
            {"architecture": "synchronous", "valid": True, "clean": True},
        ]
        assert query(places, "SELECT DISTINCT architecture FROM summary").to_pylist() == [
            {"architecture": "synchronous"}
        ]

    def test_what_a_cell_lacks_is_named_with_the_reasons(self, places: Places, small: Small) -> None:
        write_outcomes(places, "c1", CELL, "synchronous", small["synchronous"])
        disturbed = ObservationsBuilder()
        for repetition in (1, 2, 3):
            about = {
                "comparison_id": "c1",
                "architecture": "hybrid",
                "config": '{"repetitions": 2}',
                "instance": repetition,
            }
            disturbed.experiment(repetition, requests=0, invalid_reason="others were busy", **about)
        write_outcomes(places, "c1", CELL, "hybrid", reconcile(disturbed.tables()))
        elsewhere = ObservationsBuilder().experiment(requests=0, comparison_id="c1", scenario="burst")
        write_outcomes(places, "c1", "food_orders__burst", "synchronous", reconcile(elsewhere.tables()))
        publish(places)
        columns = "architecture, replays, valid, invalid, made_up, instances, reasons"
        lacking = query(places, f"SELECT scenario, {columns} FROM replays WHERE valid = 0 ORDER BY scenario DESC")
        assert [tuple(row.values()) for row in lacking.to_pylist()] == [
            ("steady", "hybrid", 3, 0, 3, 1, 3, ["others were busy"]),
            ("burst", "hybrid", 0, 0, 0, 0, 0, None),
        ]
        whole = query(places, "SELECT scenario, replays, valid FROM replays WHERE valid > 0 ORDER BY scenario DESC")
        assert [tuple(row.values()) for row in whole.to_pylist()] == [("steady", 1, 1), ("burst", 1, 1)]

    def test_one_column_joins_an_experiments_tables(self, places: Places, small: Small) -> None:
        for architecture, tables in small.items():
            write_outcomes(places, "c1", CELL, architecture, tables)
        publish(places)
        with connect(places) as connection:
            for name in ("requests", "effects", "invocations", "samples", "ledger", "latency", "recovery"):
                key = "comparison_id, architecture, variant, arm, workload, scenario, repetition"
                (short,), (whole,) = (
                    connection.execute(f"SELECT count(*) FROM {name} JOIN experiments USING ({columns})").fetchall()
                    for columns in ("experiment_id", key)
                )
                assert short == whole, name

    def test_quarantine_of_the_imports_is_included(self, places: Places) -> None:
        for recording in ("mine", ".half.1234"):
            quarantined(places, recording)
        publish(places)
        assert query(places, "SELECT recording, line_number FROM quarantine").to_pylist() == [
            {"recording": "mine", "line_number": 7}
        ]

    def test_rewriting_one_partition_changes_exactly_that_one(self, places: Places, small: Small) -> None:
        for architecture in ("synchronous", "hybrid"):
            write_outcomes(places, "c1", CELL, architecture, small[architecture])
        publish(places)
        names = (*SINGLE_OUTCOMES, *set(sources.TABLES) - {"comparisons"})
        hybrid = {name: rows(places, f"(FROM {name} WHERE architecture = 'hybrid')") for name in names}
        files = {path: path.read_bytes() for path in (places.outcomes / "c1" / CELL / "hybrid").rglob("*.parquet")}

        write_outcomes(places, "c1", CELL, "synchronous", small["synchronous again"])
        publish(places)
        assert {name: rows(places, f"(FROM {name} WHERE architecture = 'hybrid')") for name in names} == hybrid
        assert {path: path.read_bytes() for path in files} == files
        offered = query(places, "SELECT architecture, offered FROM ledger ORDER BY ALL").to_pylist()
        assert offered == [{"architecture": "hybrid", "offered": 2}, {"architecture": "synchronous", "offered": 1}]
        assert len(rows(places, "requests")) == 3

    def test_comparisons_are_kept_apart(self, places: Places) -> None:
        for comparison in ("c1", "c2"):
            write_outcomes(places, comparison, CELL, "synchronous", outcomes("synchronous", 201, comparison=comparison))
        publish(places)
        found = query(places, "SELECT comparison_id, origin, speed, repetitions FROM comparisons ORDER BY ALL")
        assert [tuple(row.values()) for row in found.to_pylist()] == [("c1", "adhoc", 2.5, 1), ("c2", "adhoc", 2.5, 1)]

    def test_variants_stand_beside_each_other(self, places: Places) -> None:
        for variant in ("idempotent", "naive"):
            observations = ObservationsBuilder().experiment(variant=variant).request()
            write_outcomes(places, "c1", CELL, f"synchronous~{variant}", reconcile(observations.tables()))
        publish(places)
        found = query(places, "SELECT comparison_id, architecture, variant, offered FROM summary ORDER BY ALL")
        assert [tuple(row.values()) for row in found.to_pylist()] == [
            ("c1", "synchronous", "idempotent", 1),
            ("c1", "synchronous", "naive", 1),
        ]

    @pytest.mark.parametrize(("speeds", "published"), [((2.5, 2.5), 2.5), ((2.5, 1.5), None)])
    def test_a_comparison_has_a_speed_where_all_its_cells_have_it(
        self, places: Places, speeds: tuple[float, float], published: float | None
    ) -> None:
        for cell, speed in zip(("w__steady", "w__burst"), speeds, strict=True):
            observations = ObservationsBuilder().experiment(speed=speed, scenario=cell).request()
            write_outcomes(places, "c1", cell, "synchronous~naive", reconcile(observations.tables()))
        publish(places)
        assert query(places, "SELECT speed FROM comparisons").to_pylist() == [{"speed": published}]
        assert sorted(query(places, "SELECT speed FROM experiments").column("speed").to_pylist()) == sorted(speeds)

    def test_what_differs_from_cell_to_cell_is_null_for_a_comparison(self, places: Places) -> None:
        config = json.dumps({**dataclasses.asdict(StackSettings()), "limit": 400})
        observations = ObservationsBuilder().experiment(config=config).request()
        write_outcomes(places, "c1", CELL, "synchronous~naive", reconcile(observations.tables()))
        publish(places)
        (row,) = query(places, "SELECT c.config AS of_all, e.config FROM comparisons c, experiments e").to_pylist()
        assert json.loads(row["of_all"]) == {"limit": 400}
        assert json.loads(row["config"])["visibility_timeout_s"] == 12

    def test_the_summary_tells_apart_what_can_become_of_a_request(self, places: Places) -> None:
        observations = ObservationsBuilder().experiment(queued=["command"])
        observations.request("dead", 202).message("dead", "dead_letter_queue", receive_count=3)
        observations.request("twice", 202).record("twice").record("twice", at_us=900).item("twice", commits=2)
        observations.request("ghost", 503).item("ghost")
        write_outcomes(places, "c1", CELL, "synchronous~naive", reconcile(observations.tables()))
        publish(places)
        names = ("in_flight", "dead_lettered", "lost", "ghost_commits", "duplicates", "redeliveries", "reordered")
        (row,) = query(places, f"SELECT {', '.join(names)} FROM summary").to_pylist()
        assert tuple(row.values()) == (0, 1, 0, 1, 1, 3, 0)

    def test_a_route_that_failed_and_when_is_one_query(self, places: Places) -> None:
        older, newer = (
            ObservationsBuilder()
            .experiment(comparison_id=name, finished_at=datetime(2026, 11, day, tzinfo=UTC))
            .experiment(2, comparison_id=name, finished_at=datetime(2026, 11, day, tzinfo=UTC), invalid_reason="late")
            .request("1", 500, route="POST /checkout", at_us=7)
            .request("2", route="POST /cart")
            .item("2")
            .request("1", 500, route="POST /checkout", repetition=2)
            .tables()
            for day, name in ((1, "c1"), (2, "c2"))
        )
        for name, tables in (("c1", older), ("c2", newer)):
            write_outcomes(places, name, CELL, "synchronous", reconcile(tables))
        publish(places)
        failed = "SELECT comparison_id, route, scheduled_us FROM last_requests WHERE outcome = 'failed'"
        assert query(places, failed).to_pylist() == [
            {"comparison_id": "c2", "route": "POST /checkout", "scheduled_us": 7}
        ]
        books = "SELECT DISTINCT route, offered, acknowledged, failed, committed FROM by_route ORDER BY route"
        assert [tuple(row.values()) for row in query(places, books).to_pylist()] == [
            ("POST /cart", 1, 1, 0, 1),
            ("POST /checkout", 1, 0, 1, 0),
        ]
        assert set(query(places, "FROM last_summary").column("comparison_id").to_pylist()) == {"c2"}

    def test_a_failure_leaves_the_old_database_and_no_other_file(self, places: Places, small: Small) -> None:
        write_outcomes(places, "c1", CELL, "synchronous", small["synchronous"])
        publish(places)
        before = places.database.read_bytes()
        write_outcomes(places, "c1", CELL, "hybrid", small["hybrid"])
        script = (
            "import pathlib, resource, sys\n"
            "from resources.warehouse.publish import publish\n"
            "from workloads.places import Places\n"
            "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))  # as on a full disk\n"
            "publish(Places(pathlib.Path(sys.argv[1])))\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", script, str(places.home)], cwd=REPOSITORY, check=False, stderr=subprocess.PIPE
        )
        assert b"the old results stand" in done.stderr
        assert places.database.read_bytes() == before
        assert not list(places.home.glob(".archduel.*"))

    def test_what_another_program_wrote_beside_it_is_named_and_goes_with_the_next(
        self, places: Places, small: Small
    ) -> None:
        write_outcomes(places, "c1", CELL, "synchronous", small["synchronous"])
        publish(places)
        script = (
            "import duckdb, os, sys\n"
            "os.chmod(sys.argv[1], 0o644)\n"
            "connection = duckdb.connect(sys.argv[1])\n"
            "connection.execute('CREATE TABLE mine AS SELECT 1')\n"
            "os._exit(0)\n"  # killed: its log of writes stays
        )
        subprocess.run([sys.executable, "-c", script, str(places.database)], check=True)
        assert write_log(places).exists()
        with pytest.raises(ArchduelError, match=r"archduel\.duckdb\.wal.*archduel report"):
            connect(places)
        assert not is_published(places)
        publish(places)
        assert not write_log(places).exists()
        assert query(places, "SELECT offered FROM ledger").to_pylist() == [{"offered": 3}]

    def test_nobody_is_invited_to_write_to_it(self, places: Places) -> None:
        publish(places)
        assert places.database.stat().st_mode & 0o222 == 0

    def test_the_published_file_is_replaced_and_never_written_into(self, places: Places) -> None:
        publish(places)
        with places.database.open("rb") as old:
            before = old.read()
            publish(places)
            old.seek(0)
            assert old.read() == before
            assert os.fstat(old.fileno()).st_nlink == 0, "another file has its name now"

    def test_what_a_killed_publisher_left_is_swept(self, places: Places) -> None:
        places.home.mkdir(parents=True)
        (places.home / ".archduel.0123.duckdb").write_bytes(b"half a database")
        publish(places)
        assert not list(places.home.glob(".archduel.*"))


def contents(places: Places, opened: Callable[[Places], duckdb.DuckDBPyConnection] = connect) -> dict[str, list[str]]:
    with opened(places) as connection:
        found = {name: connection.execute(f"FROM {name}").fetchall() for name in published()}
    return {name: sorted(map(str, rows)) for name, rows in found.items()}


def from_nothing(places: Places) -> dict[str, list[str]]:
    """What is published where there was no database to build upon."""
    places.database.unlink()
    publish(places)
    return contents(places)


def verdicts(comparison: str, *values: str) -> pa.Table:
    listed = [{"comparison_id": comparison, "arm": "main", "verdict": verdict} for verdict in values]
    return pa.Table.from_pylist(listed, schema=schema("pairwise"))


def quarantined(places: Places, recording: str) -> None:
    file = places.recordings / recording / "quarantine.parquet"
    file.parent.mkdir(parents=True)
    row = {"recording": recording, "file": "a.log", "line_number": 7, "reason": "no date", "shape": "aaa 999"}
    pq.write_table(pa.Table.from_pylist([row], schema=QUARANTINE), file)


CHANGES: dict[str, Callable[[Places, Small], object]] = {
    "nothing": lambda places, small: None,
    "outcomes replaced": lambda places, small: write_outcomes(
        places, "c1", CELL, "synchronous", small["synchronous again"]
    ),
    "outcomes added": lambda places, small: write_outcomes(places, "c1", "w__burst", "hybrid", small["hybrid"]),
    "a comparison added": lambda places, small: write_outcomes(
        places, "c3", CELL, "synchronous", outcomes("synchronous", 201, comparison="c3")
    ),
    "outcomes removed": lambda places, small: shutil.rmtree(places.outcomes / "c1" / CELL / "synchronous"),
    "a comparison removed": lambda places, small: shutil.rmtree(places.outcomes / "c2"),
    "all outcomes removed": lambda places, small: shutil.rmtree(places.outcomes),
    "a verdict replaced": lambda places, small: write_judgement(places, "c1", "pairwise", verdicts("c1", "equivalent")),
    "a verdict added": lambda places, small: write_judgement(places, "c2", "pairwise", verdicts("c2", "better")),
    "verdicts removed": lambda places, small: shutil.rmtree(places.judgements),
    "a file quarantined": lambda places, small: quarantined(places, "other"),
    "an import removed": lambda places, small: shutil.rmtree(places.recordings / "mine"),
    "the database damaged": lambda places, small: os.truncate(places.database, 5000),
    "the database of another version": lambda places, small: (
        duckdb.connect(str(places.database))
        .execute("UPDATE internal.published SET stamp = 'older' WHERE kind = 'declared'; DELETE FROM ledger")
        .close()
    ),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, small: Small) -> tuple[Places, Path]:
    """A home with results, and a copy of it: to publish takes longer than to copy."""
    folder = tmp_path_factory.mktemp("made")
    places = Places(folder / "home of one's own")
    for architecture in ("synchronous", "hybrid"):
        write_outcomes(places, "c1", CELL, architecture, small[architecture])
    write_outcomes(places, "c2", CELL, "hybrid", outcomes("hybrid", 201, comparison="c2"))
    write_judgement(places, "c1", "pairwise", verdicts("c1", "better", "worse"))
    quarantined(places, "mine")
    publish(places)
    return places, shutil.copytree(places.home, folder / "copy")


class TestPublishingAgain:
    @pytest.fixture
    def before(self, made: tuple[Places, Path]) -> Places:
        places, copy = made
        shutil.rmtree(places.home)
        shutil.copytree(copy, places.home)
        return places

    @pytest.mark.parametrize("change", CHANGES)
    def test_gives_what_is_on_disk(self, before: Places, small: Small, change: str) -> None:
        CHANGES[change](before, small)
        assert is_published(before) == (change == "nothing")
        current = contents(before, connect_current)
        publish(before)
        assert is_published(before)
        assert contents(before) == contents(before, connect_current) == current
        with connect(before) as connection:
            assert described(connection) == published()

    @pytest.mark.parametrize(
        "lines", [35, *(pytest.param(lines, marks=pytest.mark.long) for lines in (5, 15, 25, 45, 55))]
    )
    def test_after_being_killed_gives_what_publishing_from_nothing_gives(
        self, before: Places, small: Small, lines: int
    ) -> None:
        write_outcomes(before, "c1", CELL, "synchronous", small["synchronous again"])
        old = contents(before)
        script = (
            "import itertools, os, pathlib, signal, sys\n"
            "from resources.warehouse import publish\n"
            "from tests.every_line import before_every_line\n"
            "from workloads.places import Places\n"
            "left = itertools.count(int(sys.argv[2]), -1)\n"
            "with before_every_line((publish,), lambda: next(left) or os.kill(os.getpid(), signal.SIGKILL)):\n"
            "    publish.publish(Places(pathlib.Path(sys.argv[1])))\n"
        )
        killed = subprocess.run(
            [sys.executable, "-c", script, str(before.home), str(lines)], cwd=REPOSITORY, check=False
        )
        assert killed.returncode == -signal.SIGKILL
        assert contents(before) == old
        publish(before)
        assert not list(before.home.glob(".archduel.*"))
        assert contents(before) == from_nothing(before) != old

    @pytest.mark.parametrize(
        ("damage", "words"),
        [
            ("version", "schema_version is 0, and this archduel reads"),
            ("column", "it has no column offered, which this archduel reads: run that comparison again"),
            ("comparison", "its rows are of c1"),
            ("cut", "ledger.parquet cannot be read"),
            ("missing", "requests.parquet cannot be read"),
            ("data", "ledger.parquet cannot be read"),
        ],
    )
    def test_leaves_out_what_it_cannot_read_and_names_it(
        self, before: Places, small: Small, caplog: pytest.LogCaptureFixture, damage: str, words: str
    ) -> None:
        tables = small["hybrid"] if damage == "comparison" else outcomes("hybrid", 201, comparison="c2")
        strange = write_outcomes(before, "c2", "w__burst", "hybrid", tables)
        if damage == "version":
            for file in strange.iterdir():
                pq.write_table(pq.read_table(file).replace_schema_metadata({"schema_version": "0"}), file)
        file = strange / ("requests.parquet" if damage == "missing" else "ledger.parquet")
        if damage == "cut":
            file.write_bytes(file.read_bytes()[:-20])
        elif damage == "missing":
            file.unlink()
        elif damage == "column":
            pq.write_table(pq.read_table(file).drop_columns("offered"), file)
        elif damage == "data":
            whole = file.read_bytes()
            file.write_bytes(whole[:4] + b"\xff" * 200 + whole[204:])
        expected = contents(before)
        publish(before)
        assert contents(before) == expected
        caplog.clear()
        publish(before)
        [line] = caplog.messages
        assert str(strange) in line
        assert words in line
        if damage != "data":  # which shows when all of it is read, as only publishing does
            assert contents(before, connect_current) == expected


class TestReading:
    def test_before_anything_was_published_says_what_to_do(self, places: Places) -> None:
        with pytest.raises(ArchduelError, match="archduel compare"):
            connect(places)

    @pytest.fixture
    def published(self, places: Places, small: Small) -> Places:
        write_outcomes(places, "c1", CELL, "synchronous", small["synchronous"])
        publish(places)
        return places

    def test_cannot_write(self, published: Places) -> None:
        with pytest.raises(UsageError, match="one statement that reads"):
            query(published, "DELETE FROM ledger")
        with connect(published) as connection, pytest.raises(duckdb.Error, match="read-only"):
            connection.execute("DELETE FROM ledger")

    def test_reaches_no_other_file(self, published: Places, tmp_path: Path) -> None:
        secret = tmp_path / "secret.txt"
        secret.write_text("secret")
        with pytest.raises(duckdb.Error, match="disabled"):
            query(published, f"SELECT content FROM read_text('{secret}')")

    def test_goes_on_while_another_is_published(self, published: Places, small: Small) -> None:
        with connect(published) as reader:
            offered = "SELECT sum(offered)::INT, (SELECT count(*)::INT FROM requests) FROM ledger"
            assert reader.execute("SELECT count(*) FROM experiments").fetchall() == [(1,)], "the rest is yet unread"
            write_outcomes(published, "c1", CELL, "synchronous", small["synchronous again"])
            publish(published)
            assert reader.execute(offered).fetchall() == [(3, 3)], "the whole of one moment, views included"

    def test_a_new_reader_sees_what_was_published_last_though_an_old_one_is_open(
        self, published: Places, small: Small
    ) -> None:
        with connect(published) as old:
            old.execute("SELECT 1").fetchall()
            write_outcomes(published, "c1", CELL, "synchronous", small["synchronous again"])
            publish(published)
            assert query(published, "SELECT offered FROM ledger").to_pylist() == [{"offered": 1}]

    def test_in_another_process_does_not_prevent_publishing(self, published: Places, small: Small) -> None:
        script = (
            "import duckdb, sys\n"
            "connection = duckdb.connect(sys.argv[1], read_only=True)\n"
            "print(connection.execute('SELECT offered FROM ledger').fetchall()[0][0], flush=True)\n"
            "sys.stdin.readline()\n"
            "print(connection.execute('SELECT offered FROM ledger').fetchall()[0][0], flush=True)\n"
        )
        with subprocess.Popen(
            [sys.executable, "-c", script, str(published.database)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as reader:
            assert reader.stdin is not None
            assert reader.stdout is not None
            assert reader.stdout.readline() == "3\n"
            write_outcomes(published, "c1", CELL, "synchronous", small["synchronous again"])
            publish(published)
            reader.stdin.write("\n")
            reader.stdin.flush()
            assert reader.stdout.readline() == "3\n"
        assert query(published, "SELECT offered FROM ledger").to_pylist() == [{"offered": 1}]

    def test_takes_parameters(self, published: Places) -> None:
        found = query(published, "SELECT request_id FROM requests WHERE status = ?", [503])
        assert found.to_pylist() == [{"request_id": "2"}]
