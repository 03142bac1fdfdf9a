"""Building ``archduel.duckdb`` beside the published one and renaming it over. The only writer of that file.

Outcomes stay Parquet behind views; everything aggregated becomes a table.
"""

import json
import re
import uuid
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path

import duckdb
import filelock

from resources.architectures.stack import StackSettings
from resources.warehouse import schema
from resources.warehouse.outcomes import CONDENSED, JUDGEMENTS
from resources.warehouse.partitions import current
from resources.warehouse.schema import declaration, published
from workloads.errors import ArchduelError
from workloads.places import Places
from workloads.sql import quoted

VIEWS = ("requests", "effects", "invocations", "samples")
TABLES = ("ledger", "latency", "recovery", *CONDENSED)
# What becomes a table is small, and on a machine that is shared threads wait longer for each other than they work.
_ONE_THREAD: dict[str, str | bool | int | float | list[str]] = {"threads": 1}
_STORAGE_VERSION = "v1.5.0"  # so that the 1.5 command-line client can open it
# What a scenario or a contender decides: in `experiments`, not said of a whole comparison.
_OF_A_CELL = tuple(field.name for field in fields(StackSettings))


def publish(places: Places) -> Path:
    """Publish what is on disk now; returns the database's path. Readers of the old file are not disturbed."""
    places.home.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(places.home / "publish.lock"):
        for leftover in places.home.glob(".archduel.*"):  # of killed publishers: we hold the lock
            leftover.unlink()
        hidden = places.home / f".archduel.{uuid.uuid4().hex}.duckdb"
        try:
            _build(places, hidden)
            _check(hidden)
            hidden.replace(places.database)
        except (OSError, duckdb.Error) as error:
            first = str(error).partition("\n")[0]
            raise ArchduelError(f"cannot publish {places.database}: {first}; the old results stand") from error
        finally:
            hidden.unlink(missing_ok=True)
    return places.database


def _build(places: Places, file: Path) -> None:
    versions = [version for partition in places.outcomes.glob("*/*/*") if (version := current(partition))]
    with duckdb.connect(config=_ONE_THREAD) as connection:
        connection.execute(f"ATTACH {quoted(file)} AS archduel (STORAGE_VERSION '{_STORAGE_VERSION}')")
        connection.execute("USE archduel")
        connection.execute(declaration("tables"))
        if versions:
            for name in VIEWS:
                connection.execute(f"DROP TABLE {name}")
                connection.execute(f"CREATE VIEW {name} AS SELECT * FROM {_files(versions, name)}")
                connection.execute(published()[name].view_comments)
            for name in TABLES:
                connection.execute(f"INSERT INTO {name} BY NAME SELECT * FROM {_files(versions, name)}")
            _insert_experiments(connection, versions)
        for name in JUDGEMENTS:
            judged = [version for partition in places.judgements.glob(f"*/{name}") if (version := current(partition))]
            if judged:
                connection.execute(f"INSERT INTO {name} BY NAME SELECT * FROM {_files(judged, name)}")
        for quarantine in sorted(places.recordings.glob("[!.]*/quarantine.parquet")):
            connection.execute(
                f"INSERT INTO quarantine BY NAME SELECT * FROM read_parquet({quoted(_unglobbed(quarantine))})"
            )
        for target in sorted(places.conformance.glob("[!.]*.parquet")):
            connection.execute(
                f"INSERT INTO conformance BY NAME SELECT * FROM read_parquet({quoted(_unglobbed(target))})"
            )
        for view in schema.VIEWS:
            connection.execute(declaration(view))
        # Written out here, where a full disk is an error: on closing DuckDB keeps it to itself.
        connection.execute("CHECKPOINT archduel")
        connection.execute("USE memory")
        connection.execute("DETACH archduel")


def _check(file: Path) -> None:
    """Raise where ``file`` does not hold everything: a database cut short by a full disk opens without complaint."""
    with duckdb.connect(file, read_only=True, config=_ONE_THREAD) as connection:
        for name in ("comparisons", *schema.VIEWS, *VIEWS, *TABLES, *JUDGEMENTS):
            connection.execute(f"SELECT count(*) FROM {name}")


def _insert_experiments(connection: duckdb.DuckDBPyConnection, versions: Iterable[Path]) -> None:
    columns = [row[0] for row in connection.execute("DESCRIBE experiments").fetchall()]
    known = ", ".join("invalid_reason IS NULL AS valid" if column == "valid" else column for column in columns)
    files = _files(versions, "experiments")
    connection.execute(f"INSERT INTO experiments SELECT {known} FROM {files}")
    nulls = json.dumps(dict.fromkeys(_OF_A_CELL))  # a merge patch removes what it has null for
    connection.execute(
        "INSERT INTO comparisons SELECT comparison_id, any_value(origin), any_value(night), any_value(evidence),"
        " any_value(target), CASE WHEN count(DISTINCT speed) = 1 THEN any_value(speed) END, max(repetition),"
        f" any_value(seed), min(started_at), max(finished_at), json_merge_patch(any_value(config), '{nulls}'),"
        f" any_value(code_version) FROM {files} GROUP BY comparison_id"
    )


def _files(versions: Iterable[Path], name: str) -> str:
    paths = ", ".join(quoted(_unglobbed(version / f"{name}.parquet")) for version in sorted(versions))
    return f"read_parquet([{paths}])"


def _unglobbed(path: Path) -> Path:
    """``path`` for DuckDB's readers, which take every path for a pattern."""
    return Path(re.sub(r"([*?\[])", r"[\1]", str(path)))
