"""All judgements of a comparison, through the real files: written, published, and made again only when it matters."""

from pathlib import Path

import pytest

from assets.analysis.judge import is_current, judge, judge_one, newest, refresh
from assets.analysis.outcomes import reconcile
from resources.warehouse.outcomes import JUDGEMENTS, write_outcomes
from resources.warehouse.partitions import current
from resources.warehouse.publish import publish
from resources.warehouse.reading import query
from tests.observations_builder import ObservationsBuilder
from workloads.errors import ArchduelError, UsageError
from workloads.places import Places


def replay(places: Places, architecture: str, requests: int = 20) -> None:
    """Outcomes of one uneventful replay, on disk."""
    builder = ObservationsBuilder().experiment(architecture=architecture, variant="idempotent", requests=requests)
    for number in range(requests):
        name, at_us = str(number), number * 100_000
        builder.request(name, at_us=at_us, took_us=1000).item(name).record(name, at_us=at_us + 500)
    outcomes = reconcile(builder.tables())
    write_outcomes(places, "c1", "food_orders__steady", f"{architecture}~idempotent", outcomes)


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Places:
    places = Places(tmp_path_factory.mktemp("home"))
    for architecture in ("synchronous", "event_driven"):
        replay(places, architecture)
    publish(places)
    judge(places, "c1")
    return places


def versions(places: Places) -> dict[str, Path | None]:
    return {name: current(places.judgements / "c1" / name) for name in JUDGEMENTS}


def test_every_judgement_is_published(judged: Places) -> None:
    counts = {name: query(judged, f"FROM {name} WHERE comparison_id = 'c1'").num_rows for name in JUDGEMENTS}
    assert {name for name, rows in counts.items() if rows} >= {"pairwise", "cost", "claims", "recommendations"}
    assert counts["pairwise"] == 12, "six measures of commands, and of the queries there were none of"
    assert counts["noise"] == counts["history"] == 0, "no A/A arm, no night"


def test_what_is_current_is_not_judged_again(judged: Places) -> None:
    assert is_current(judged, "c1")
    before = versions(judged)
    refresh(judged, "c1")
    assert versions(judged) == before


def test_new_prices_are_judged_anew_and_old_ones_are_current_again(judged: Places) -> None:
    judged.prices.write_text("")
    try:
        assert not is_current(judged, "c1")
    finally:
        judged.prices.unlink()
    assert is_current(judged, "c1")


def test_outcomes_of_another_replay_are_judged_anew(tmp_path: Path) -> None:
    places = Places(tmp_path)
    for architecture in ("synchronous", "event_driven"):
        replay(places, architecture)
    publish(places)
    refresh(places, "c1")
    before = versions(places)
    replay(places, "synchronous", requests=30)
    publish(places)
    assert not is_current(places, "c1")
    refresh(places, "c1")
    assert is_current(places, "c1")
    assert all(now != before[name] for name, now in versions(places).items())


def test_the_newest_comparison_is_named(judged: Places) -> None:
    assert newest(judged) == "c1"


def test_what_is_not_there_is_refused(judged: Places, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing"):
        judge(judged, "nothing")
    with pytest.raises(UsageError, match="pairwise"):
        judge_one(judged, "c1", "guess")
    empty = Places(tmp_path)
    publish(empty)
    with pytest.raises(ArchduelError, match="archduel compare"):
        newest(empty)
    assert not is_current(empty, "c1")
