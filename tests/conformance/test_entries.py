"""What every entry of the four registries that plug-ins extend has to be, plug-ins included; no emulator is started.

The author of a plug-in installs it beside archduel and runs ``pytest tests/conformance -k NAME``: this file, and the
suites of architectures and targets, which take it in as they do archduel's own.
"""

from itertools import islice
from pathlib import Path

import duckdb
import pytest

from assets.report.charts.way_of_requests import markdown_way
from resources.architectures import architectures
from resources.architectures import faults_of as faults_of_architecture
from resources.architectures.template import template
from resources.lab.cell import Cell
from resources.targets import Limits, targets
from workloads.errors import ArchduelError
from workloads.importers.files.reading import Source
from workloads.importers.formats import importers
from workloads.importers.importer import ENTRIES, faults_of
from workloads.plugins import plugin_of
from workloads.scenarios import scenarios


@pytest.mark.parametrize("name", architectures())
def test_an_architecture_is_whole_and_can_be_deployed(name: str) -> None:
    architecture = architectures()[name]
    assert list(faults_of_architecture(architecture)) == []
    assert architecture.title
    assert architecture.description
    assert markdown_way(architecture)
    assert template(architecture)["Resources"]


@pytest.mark.parametrize("name", scenarios())
def test_a_scenario_names_a_cell_and_fits_into_a_replay(name: str) -> None:
    assert Cell.parse(str(Cell("food_orders", name))).scenario == name
    assert len(scenarios()[name].windows(600_000_000)) == len(scenarios()[name].faults)


@pytest.mark.parametrize("name", importers())
def test_an_importer_gives_every_line_as_a_row_and_reads_a_plug_ins_example(name: str, tmp_path: Path) -> None:
    importer = importers()[name]
    assert list(faults_of(importer)) == []
    (tmp_path / "log").write_text(f"{importer.example}\nno line of any format\n")
    with duckdb.connect() as database:
        source = Source(tmp_path / "log", database)
        try:
            rows = [row for one in islice(importer.entries(source), 10) for row in one.table(source).to_pylist()]
        except ArchduelError:
            assert plugin_of("importer", name) is None, "it cannot read a file of its own example"
            return
    assert all(set(row) == set(ENTRIES.names) for row in rows)
    if plugin_of("importer", name):
        assert [row["kind"] for row in rows] == ["request", "rejected"]


@pytest.mark.parametrize("name", targets())
def test_a_target_says_what_it_can_run_and_what_its_options_mean(name: str) -> None:
    target = targets()[name]
    assert isinstance(target.limits, Limits)
    assert target.description
    assert all(target.options.values())
    assert target.absent() is None or target.absent()
