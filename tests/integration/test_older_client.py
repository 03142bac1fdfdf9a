"""The published file read by the DuckDB client that most people have: older than the one that writes it."""

import subprocess
import sys
from pathlib import Path

import pytest

from assets.analysis.outcomes import reconcile
from resources.warehouse.outcomes import write_outcomes
from resources.warehouse.publish import publish
from resources.warehouse.schema import published
from tests.observations_builder import ObservationsBuilder
from workloads.places import Places

READ = """
import sys
sys.path.insert(0, sys.argv[1])
import duckdb
assert duckdb.__version__.startswith("1.5."), duckdb.__version__
connection = duckdb.connect(sys.argv[2], read_only=True)
for name in sys.argv[3:]:
    connection.execute(f"FROM {name}").fetchall()
    print(name)
"""


@pytest.mark.long
def test_every_table_and_view_is_read_by_duckdb_1_5(tmp_path: Path) -> None:
    client = tmp_path / "client"
    installing = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--target", str(client), "duckdb>=1.5,<1.6"]
    installed = subprocess.run(installing, check=False, capture_output=True, text=True)
    if installed.returncode:
        pytest.skip(f"DuckDB 1.5 cannot be installed here: {installed.stderr.strip()[-200:]}")
    places = Places(tmp_path / "home")
    tables = ObservationsBuilder().experiment().request("1").item("1").record("1").sample(1).tables()
    write_outcomes(places, "c1", "food_orders__steady", "synchronous", reconcile(tables))
    publish(places)
    reading = [sys.executable, "-c", READ, str(client), str(places.database), *published()]
    done = subprocess.run(reading, check=False, capture_output=True, text=True)
    assert done.stdout.split() == list(published()), done.stderr
