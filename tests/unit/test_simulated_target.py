"""The target in virtual time: replays of the lab without anything running, accounted for as any others."""

from pathlib import Path
from typing import Any, get_args

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from assets.analysis.outcomes import imbalances, reconcile
from assets.report.files import write_report
from resources.architectures import ALL, chosen_architectures
from resources.lab.cell import Cell, Comparison
from resources.lab.lab import Lab
from resources.lab.replaying import Setup
from resources.lab.settings import LabSettings
from resources.lab.simulating import SimulatingReplayer
from resources.progress import Silent
from resources.simulation.building import _KINDS
from resources.targets import open_target
from resources.warehouse import large
from resources.warehouse.observations import SCHEMAS, Tables
from resources.warehouse.outcomes import write_outcomes
from resources.warehouse.partitions import current
from resources.warehouse.publish import publish
from workloads.errors import ArchduelError, UsageError
from workloads.places import Places
from workloads.scenarios.faults import Disabled, Down, Fault, Throttle, TrafficFault

_EVERY_KIND = (
    "steady",
    "component_down",
    "answers_cut",
    "backend_throttled",
    "duplicate_delivery",
    "poison",
    "two_limits",
)


def replayed(tmp_path: Path, architecture: str, scenario: str = "steady", **settings: Any) -> Tables:
    """The observations of a recording's first minute."""
    few = LabSettings(target="simulated", **{"duration_s": 60.0, **settings})
    cell, comparison = Cell("food_orders", scenario, "simulated"), Comparison("c1", "adhoc", "2026-11-20")
    with Lab(Places(tmp_path), few) as lab:
        list(lab.replay([architecture], cell, comparison))
        [contender] = few.contenders([architecture])
        return lab.observations.read("c1", str(cell), contender.partition)


@pytest.mark.parametrize(
    ("architecture", "scenario"),
    [
        *(("hybrid", scenario) for scenario in _EVERY_KIND),
        *((name, "component_down") for name in chosen_architectures((ALL,), simulated=True)),
    ],
)
def test_every_request_is_accounted_for(tmp_path: Path, architecture: str, scenario: str) -> None:
    tables = replayed(tmp_path, architecture, scenario)
    outcomes = reconcile(tables)
    assert imbalances(tables, outcomes) == []
    assert outcomes["experiments"].column("invalid_reason").to_pylist() == [None]
    assert outcomes["experiments"].column("evidence").to_pylist() == ["simulated"]
    assert pc.sum(outcomes["ledger"].column("lost")).as_py() == 0


def test_recorded_time_is_its_time_and_pauses_stay(tmp_path: Path) -> None:
    [row] = replayed(tmp_path, "synchronous", duration_s=None, loop=1)["experiments"].to_pylist()
    assert row["speed"] == 1.0
    assert row["duration_us"] == row["recorded_us"]


def test_a_recording_is_repeated_until_a_p99_has_enough_requests_of_each_operation(tmp_path: Path) -> None:
    sent = replayed(tmp_path, "synchronous", duration_s=None)["sent"]
    counts = sent.group_by("operation").aggregate([("request_id", "count")]).to_pylist()
    assert {row["operation"]: row["request_id_count"] for row in counts} == {"command": 684, "query": 2382}


def same(one: Tables, other: Tables) -> bool:
    return all(one[name].equals(other[name]) for name in one if name != "experiments")


def test_a_replay_is_equal_wherever_it_is_computed_and_repetitions_differ(tmp_path: Path) -> None:
    once = replayed(tmp_path / "a", "event_driven", repetitions=2)
    assert same(once, replayed(tmp_path / "b", "event_driven", repetitions=2))

    def responses(repetition: int) -> pa.ChunkedArray:
        return once["sent"].filter(pc.field("repetition") == repetition).column("responded_us")

    assert not responses(1).equals(responses(2))


def test_the_arms_of_an_aa_comparison_differ(tmp_path: Path) -> None:
    settings = LabSettings(target="simulated", duration_s=30.0, aa=True)
    cell = Cell("food_orders", "steady", "simulated")
    with Lab(Places(tmp_path), settings) as lab:
        list(lab.replay(["synchronous"], cell, Comparison("c1", "adhoc", "2026-11-20")))
        main, aa = (
            lab.observations.read("c1", str(cell), one.partition) for one in settings.contenders(["synchronous"])
        )
    assert not same(main, aa)


def test_limits_of_the_account_throttle_and_are_booked_as_such(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("[lambda]\naccount_concurrency = 1\n")
    tables = replayed(tmp_path, "synchronous", amplify=5, target_options={"parameters": str(file)})
    outcomes = reconcile(tables)
    assert imbalances(tables, outcomes) == []
    totals = {name: pc.sum(outcomes["ledger"].column(name)).as_py() for name in ("throttled", "failed")}
    assert totals["throttled"] > 0
    assert totals["failed"] == 0
    assert tables["experiments"].column("target").to_pylist() == ["simulated with mine.toml"]


def test_parameters_that_make_no_sense_are_refused_before_anything_is_simulated(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("[lambda]\naccount_concurrency = -1\n")
    with pytest.raises(UsageError, match=r"lambda\.account_concurrency: -1"):
        open_target("simulated", Places(tmp_path), {"parameters": str(file)}, Silent())


def test_more_requests_than_there_is_room_for_are_refused(tmp_path: Path) -> None:
    def small(setup: Setup) -> SimulatingReplayer:
        return SimulatingReplayer(setup, Silent(), tmp_path, max_requests=1000)

    cell, comparison = Cell("food_orders", "steady", "simulated"), Comparison("c1", "adhoc", "2026-11-20")
    with (
        Lab(Places(tmp_path), LabSettings(target="simulated"), replayer=small) as lab,
        pytest.raises(UsageError, match=r"room for 1,000 requests, this one has 3,066"),
    ):
        list(lab.replay(["synchronous"], cell, comparison))


def on_disk(tmp_path: Path, scenario: str, **settings: Any) -> Tables:
    """The observations of a replay that has no room in memory, as the files that it left."""

    def held(setup: Setup) -> SimulatingReplayer:
        return SimulatingReplayer(setup, Silent(), tmp_path / "tmp", held=100)

    few = LabSettings(target="simulated", **{"duration_s": 60.0, **settings})
    cell, comparison = Cell("food_orders", scenario, "simulated"), Comparison("c1", "adhoc", "2026-11-20")
    with Lab(Places(tmp_path), few, replayer=held) as lab:
        list(lab.replay(["hybrid"], cell, comparison))
        [contender] = few.contenders(["hybrid"])
        version = current(lab.observations.places.observations / "c1" / str(cell) / contender.partition)
    assert version is not None
    return {name: large.on_disk([version / f"{name}.parquet"]) for name in SCHEMAS}


@pytest.mark.parametrize("scenario", ["steady", "component_down"])
def test_outcomes_are_the_same_where_a_replay_has_no_room_in_memory(tmp_path: Path, scenario: str) -> None:
    tables = {**on_disk(tmp_path / "a", scenario, repetitions=2)}
    expected = reconcile(replayed(tmp_path / "b", "hybrid", scenario, repetitions=2))
    tables["experiments"] = tables["experiments"].to_table()
    folder = tmp_path / "spilled"
    folder.mkdir()
    found = reconcile(tables, folder)
    assert imbalances(tables, found, folder) == []
    assert found["requests"].count_rows() > 100
    for name in ("requests", "effects", "effect_parts", "invocations", "samples"):
        found[name] = found[name].to_table()
        keys = [(column, "ascending") for column in found[name].column_names[6:9]]
        found[name], expected[name] = found[name].sort_by(keys), expected[name].sort_by(keys)
    differing = {name for name, table in found.items() if table.to_pylist() != expected[name].to_pylist()}
    assert differing == {"experiments", "sensitivity"}  # when it ran; and nothing is tried again


def test_what_has_several_messages_and_no_room_in_memory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"duplicate_delivery a request may have several messages.* room for 100"):
        on_disk(tmp_path, "duplicate_delivery")


def test_nothing_is_started(tmp_path: Path) -> None:
    platform = open_target("simulated", Places(tmp_path), {}, Silent())
    with pytest.raises(ArchduelError, match="runs nothing"):
        platform.start("synchronous", 1)
    assert not list(tmp_path.iterdir())


def test_a_lone_resource_is_described_without_being_made(tmp_path: Path) -> None:
    with Lab(Places(tmp_path), LabSettings(target="simulated")) as lab:
        facts = lab.ensure("hybrid", Cell("food_orders", "steady", "simulated"), "queue")
    assert facts["target"] == "simulated"


def test_conformance_says_that_nothing_was_probed(tmp_path: Path) -> None:
    with Lab(Places(tmp_path), LabSettings(target="simulated")) as lab:
        table = lab.conformance()
    assert set(table.column("status").to_pylist()) == {"not_provocable"}


def test_the_report_says_what_a_simulation_rests_on_and_nothing_of_emulators(tmp_path: Path) -> None:
    places, settings = Places(tmp_path), LabSettings(target="simulated", duration_s=30.0)
    cell, comparison = Cell("food_orders", "steady", "simulated"), Comparison("c1", "adhoc", "2026-11-20")
    with Lab(places, settings) as lab:
        lab.conformance()
        list(lab.replay(["synchronous"], cell, comparison))
        [contender] = settings.contenders(["synchronous"])
        tables = reconcile(lab.observations.read("c1", str(cell), contender.partition))
    write_outcomes(places, "c1", str(cell), contender.partition, tables)
    publish(places)
    write_report(places, "c1")
    page, lines = places.report.read_text(), places.report.with_name("report.md").read_text()
    assert "Nothing ran that could be probed" in page
    assert "Evidence: simulated; docs/simulation.md says what that rests on." in lines
    for text in (page, lines):
        assert "milliseconds are not those of AWS" not in text
        assert "were not seen" not in text


def test_every_kind_of_fault_is_simulated() -> None:
    """Or is one in the traffic itself, which the schedule has already."""
    kinds = set(get_args(get_args(Fault)[0]))
    assert kinds == set(_KINDS) | {Down, Disabled, Throttle} | set(get_args(TrafficFault))
