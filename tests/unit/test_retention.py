"""Pruning: single requests and observations go, whatever was judged and published stays, a kill leaves no damage."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from assets.analysis.judge import is_current, judge, judge_one, refresh
from assets.analysis.outcomes import reconcile
from assets.report.files import write_report
from resources.warehouse import retention
from resources.warehouse.observations import ObservationStore
from resources.warehouse.outcomes import write_judgement, write_outcomes
from resources.warehouse.publish import publish
from resources.warehouse.reading import connect, query, rows
from resources.warehouse.retention import is_pruned, is_whole, prune
from resources.warehouse.schema import VIEWS, published, schema
from resources.warehouse.sources import SINGLE
from tests.observations_builder import ObservationsBuilder
from workloads.errors import UsageError
from workloads.places import Places

CELL, OLD, NEW = "food_orders__steady", "nightly-2026-11-20", "nightly-2026-11-21"


def replay(
    places: Places,
    comparison_id: str,
    architecture: str,
    requests: int = 20,
    *,
    origin: str = "nightly",
    night: str | None = None,
) -> None:
    builder = ObservationsBuilder().experiment(
        architecture=architecture,
        variant="idempotent",
        requests=requests,
        comparison_id=comparison_id,
        origin=origin,
        night=night or comparison_id.removeprefix("nightly-"),
    )
    for number in range(requests):
        name, at_us = str(number), number * 100_000
        builder.request(name, at_us=at_us, took_us=1000).item(name).record(name, at_us=at_us + 500)
    observations = builder.tables()
    ObservationStore(places).write(comparison_id, CELL, f"{architecture}~idempotent", observations)
    write_outcomes(places, comparison_id, CELL, f"{architecture}~idempotent", reconcile(observations))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Places, Path]:
    """A home with two nights and a verdict of each, and a copy of it: to publish takes longer than to copy."""
    folder = tmp_path_factory.mktemp("made")
    places = Places(folder / "home")
    for comparison_id in (OLD, NEW):
        replay(places, comparison_id, "synchronous")
        verdict = dict.fromkeys(("workload", "scenario", "operation", "metric", "verdict"), "x")
        judged = pa.Table.from_pylist([{**verdict, "comparison_id": comparison_id}], schema=schema("pairwise"))
        write_judgement(places, comparison_id, "pairwise", judged)
    publish(places)
    return places, shutil.copytree(places.home, folder / "copy")


@pytest.fixture
def nights(made: tuple[Places, Path]) -> Places:
    places, copy = made
    shutil.rmtree(places.home)
    shutil.copytree(copy, places.home)
    return places


def kept(places: Places) -> dict[str, list[dict[str, Any]]]:
    """Every table but those of single requests."""
    names = [name for name in published() if name not in {*SINGLE, *VIEWS}]
    with connect(places) as connection:
        return {name: rows(connection, f"FROM {name} ORDER BY ALL").to_pylist() for name in names}


def single(places: Places) -> dict[tuple[str, str], int]:
    names = [name for name in SINGLE if "comparison_id" in schema(name).names]
    counting = "UNION ALL ".join(
        f"SELECT '{name}' AS t, comparison_id, count(*) AS n FROM {name} GROUP BY ALL " for name in names
    )
    return {(row["t"], row["comparison_id"]): row["n"] for row in query(places, counting).to_pylist()}


def test_single_requests_and_observations_go_and_all_that_was_judged_stays(nights: Places) -> None:
    before, requests = kept(nights), single(nights)
    size = retention.size_bytes(nights)
    prune(nights, [OLD])
    assert kept(nights) == before
    assert single(nights) == {key: count for key, count in requests.items() if key[1] == NEW}
    assert ("requests", OLD) in requests
    assert not (nights.observations / OLD).exists()
    assert (nights.observations / NEW).exists()
    assert retention.size_bytes(nights) < size
    assert not is_whole(nights, OLD)
    assert is_whole(nights, NEW)


def test_what_was_pruned_is_not_judged_again_and_its_report_can_be_written(nights: Places) -> None:
    replay(nights, OLD, "event_driven")
    judge(nights, OLD)
    prune(nights, [OLD])
    before = kept(nights)
    nights.prices.write_text("")  # which makes every judgement out of date
    assert is_current(nights, OLD)
    assert not is_current(nights, NEW)
    refresh(nights, OLD)
    with pytest.raises(UsageError, match="was pruned and cannot be judged again"):
        judge_one(nights, OLD, "pairwise")
    assert kept(nights) == before
    assert OLD in write_report(nights, OLD).with_name("report.json").read_text()


def test_pruning_twice_changes_nothing(nights: Places) -> None:
    prune(nights, [OLD])
    files = sorted(path for path in nights.home.rglob("*") if "publish" not in path.name)
    prune(nights, [OLD])
    assert sorted(path for path in nights.home.rglob("*") if "publish" not in path.name) == files


class KilledError(BaseException):
    """What a kill looks like from within: nothing after it runs."""


def steps(monkeypatch: pytest.MonkeyPatch, after: int) -> Iterator[str]:
    """Have pruning end before its step number ``after``."""
    count = 0
    for name in ("_empty", "publish", "drop_older", "hidden_beside"):
        original = getattr(retention, name)

        def counted(*arguments: Any, original: Any = original, **options: Any) -> Any:
            nonlocal count
            count += 1
            if count > after:
                raise KilledError
            return original(*arguments, **options)

        monkeypatch.setattr(retention, name, counted)
        yield name


@pytest.mark.parametrize("after", range(4))
def test_a_kill_at_any_step_leaves_judgements_whole_and_the_next_pruning_finishes(
    nights: Places, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    before = kept(nights)
    with monkeypatch.context() as patched:
        list(steps(patched, after))
        with pytest.raises(KilledError):
            prune(nights, [OLD])
    publish(nights)  # as the next run does
    assert kept(nights) == before
    assert is_pruned(nights, OLD)
    assert is_current(nights, OLD)
    prune(nights, [OLD])
    assert kept(nights) == before
    assert {key[1] for key in single(nights)} == {NEW}
    assert len(list((nights.outcomes / OLD).glob("*/*/v*"))) == 1, "one version of the contender"
    assert not [path for path in nights.observations.iterdir() if path.name != NEW]


def test_what_a_pruning_left_that_was_killed_while_removing_goes_with_the_next(
    nights: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("workloads.atomic._remove", lambda _path: None)  # as a kill has it
        prune(nights, [OLD])
    assert [path for path in nights.observations.iterdir() if path.name != NEW]
    prune(nights, [])
    assert [path.name for path in nights.observations.iterdir()] == [NEW]


def test_a_damaged_file_of_one_contender_does_not_keep_the_others_from_being_pruned(nights: Places) -> None:
    replay(nights, OLD, "event_driven")
    publish(nights)
    [damaged] = (nights.outcomes / OLD / CELL / "synchronous~idempotent").glob("v*/effects.parquet")
    damaged.write_bytes(b"no longer Parquet")
    prune(nights, [OLD])
    assert not is_whole(nights, OLD)
    assert OLD not in {key[1] for key in single(nights)}


def test_views_of_single_requests_still_answer(nights: Places, tmp_path: Path) -> None:
    prune(nights, [OLD, NEW])
    for name in VIEWS:
        query(nights, f"FROM {name}")
