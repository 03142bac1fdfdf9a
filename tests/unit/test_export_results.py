"""A portable copy of the results holds every row, and works where nothing else of the home is."""

import json
import shutil
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from resources.warehouse.exporting import export
from resources.warehouse.reading import query
from resources.warehouse.schema import published
from tests.report_builder import file_outcomes, home_of, outage
from workloads.errors import ArchduelError, UsageError
from workloads.places import REPOSITORY, Places

COUNTED = ("experiments", "requests", "effects", "ledger", "summary", "last_requests")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Places:
    def file(places: Places) -> None:
        for architecture in ("synchronous", "hybrid"):
            file_outcomes(places, outage(architecture), f"c1/food_orders__backend_outage/{architecture}")

    return home_of(tmp_path_factory, file)


def count(connection: duckdb.DuckDBPyConnection, relation: str) -> int:
    [(rows,)] = connection.execute(f"SELECT count(*) FROM {relation}").fetchall()
    return int(rows)


@pytest.mark.parametrize("form", ["parquet", "csv", "duckdb"])
def test_a_copy_holds_every_row_and_names_no_place(home: Places, tmp_path: Path, form: str) -> None:
    expected = {name: query(home, f"SELECT count(*) AS n FROM {name}").to_pylist()[0]["n"] for name in COUNTED}
    assert expected["requests"] > 0
    path = tmp_path / "here" / "copy"
    assert export(home, form, path) == list(published())
    moved = Path(shutil.move(path, tmp_path / "elsewhere"))
    if form == "duckdb":
        with duckdb.connect(moved, read_only=True) as copy:
            found = {name: count(copy, name) for name in COUNTED}
            [(comment,)] = copy.execute(
                "SELECT comment FROM duckdb_columns() WHERE table_name = 'requests' AND column_name = 'status'"
            ).fetchall()
            assert comment
    else:
        read = {"parquet": pq.read_table, "csv": pyarrow.csv.read_csv}[form]
        found = {name: read(moved / f"{name}.{form}").num_rows for name in COUNTED}
        assert {one.stem for one in moved.iterdir()} == set(published())
    assert found == expected
    texts = b"".join(one.read_bytes() for one in ([moved] if form == "duckdb" else moved.iterdir()))
    assert str(home.home).encode() not in texts


def test_nothing_is_replaced_and_nothing_is_left_of_a_failure(home: Places, tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.write_text("mine")
    with pytest.raises(UsageError, match="taken exists"):
        export(home, "csv", taken)
    with pytest.raises(ArchduelError, match="no results yet"):
        export(Places(tmp_path / "empty"), "csv", tmp_path / "none")
    assert [one.name for one in tmp_path.iterdir()] == ["taken"]
    assert taken.read_text() == "mine"


def test_the_notebook_reads_a_copy_and_draws(home: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    export(home, "duckdb", Path("results.duckdb"))
    cells = json.loads((REPOSITORY / "docs" / "results.ipynb").read_text(encoding="utf-8"))["cells"]
    names: dict[str, Any] = {}
    for cell in cells:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == [], "results of somebody's machine"
            exec("".join(cell["source"]), names)  # noqa: S102 - the repository's own
    try:
        drawn = [names[name].to_dict() for name in ("what_became", "how_long", "over_time")]
        rows = [next(iter(one["datasets"].values())) for one in drawn]
    finally:
        names["results"].close()
    assert all(rows)
    assert {row["architecture"] for row in rows[0]} == {"synchronous", "hybrid"}
    assert sum(row["requests"] for row in rows[0]) == 2 * 15
