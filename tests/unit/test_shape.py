"""The shape a recording is replayed in: parts of it, samples, clones, rounds; and times as people say them."""

import time
from collections import defaultdict
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.recordings import recording_of
from workloads.errors import ArchduelError, UsageError
from workloads.recordings.moments import moment_us, second_of
from workloads.recordings.recording import Recording, peak_rate
from workloads.recordings.shape import Shape
from workloads.replay.schedule import schedule

SECOND = 1_000_000


def recorded(*requests: tuple[float, str, str | None, str | None]) -> Recording:
    """Requests of (second, operation, entity, client)."""
    return recording_of(
        {"arrival_us": round(at_s * SECOND), "operation": operation, "entity": entity, "client": client}
        for at_s, operation, entity, client in sorted(requests, key=lambda one: one[0])
    )


def lunch(customers: int = 50) -> Recording:
    """Each customer orders and looks at the order twice."""
    return recorded(
        *(
            (number * 0.5 + step, operation, f"order-{number}", f"client-{number}")
            for number in range(customers)
            for step, operation in enumerate(("command", "query", "query"))
        )
    )


def rows(recording: Recording) -> list[dict[str, Any]]:
    return list(recording.table.to_pylist())


def by_entity(recording: Recording) -> dict[str, list[tuple[str, int]]]:
    found: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for row in rows(recording):
        found[row["entity"]].append((row["operation"], row["arrival_us"]))
    return found


class TestPart:
    def test_from_and_to_are_seconds_since_the_first_arrival(self) -> None:
        whole = recorded(*((10 + number, "query", "e", "c") for number in range(6)))
        assert [row["request_id"] for row in rows(Shape(start_s=1, end_s=3).of(whole, 1))] == [1, 2]
        assert Shape().of(whole, 1).table.equals(whole.table)

    def test_nothing_left_is_refused(self) -> None:
        with pytest.raises(ArchduelError, match="nothing is left of mine"):
            Shape(start_s=1000).of(lunch(), 1)

    def test_what_makes_no_sense_is_wrong_usage(self) -> None:
        settings: list[dict[str, Any]] = [
            *({"sample": 0}, {"sample": 1.5}, {"sample": float("nan")}, {"amplify": 0.5}, {"amplify": float("inf")}),
            *({"loop": 0}, {"start_s": -1}, {"start_s": 3, "end_s": 3}),
        ]
        for wrong in settings:
            with pytest.raises(UsageError):
                Shape(**wrong)


class TestSample:
    def test_an_entity_is_kept_whole_or_not_at_all(self) -> None:
        sampled = by_entity(Shape(sample=0.3).of(lunch(200), 1))
        assert 30 < len(sampled) < 90
        assert {len(requests) for requests in sampled.values()} == {3}

    def test_the_seed_decides_which(self) -> None:
        one, same, other = (set(by_entity(Shape(sample=0.5).of(lunch(), seed))) for seed in (1, 1, 2))
        assert one == same != other

    def test_requests_about_nothing_yet_stay_with_their_client(self) -> None:
        whole = recorded(*((number, "command", None, f"client-{number % 20}") for number in range(100)))
        kept = [row["client"] for row in rows(Shape(sample=0.5).of(whole, 1))]
        assert {kept.count(client) for client in set(kept)} == {5}


class TestAmplify:
    @pytest.mark.parametrize("factor", [2, 3, 2.5])
    def test_there_are_so_many_times_as_many_clients(self, factor: float) -> None:
        whole = lunch(400)
        more = Shape(amplify=factor).of(whole, 1)
        assert more.requests == pytest.approx(factor * whole.requests, rel=0.06)
        assert len({row["client"] for row in rows(more)}) == pytest.approx(factor * 400, rel=0.06)
        assert more.duration_s < whole.duration_s + 1
        assert peak_rate(more.arrival_us) > peak_rate(whole.arrival_us)

    def test_clones_do_what_their_originals_do_as_far_apart_about_orders_of_their_own(self) -> None:
        whole = lunch()
        more = by_entity(Shape(amplify=3).of(whole, 1))
        for entity, requests in by_entity(whole).items():
            for clone in ("", "~1", "~2"):
                assert [operation for operation, _at in more[entity + clone]] == ["command", "query", "query"]
                assert (
                    np.diff([at for _operation, at in more[entity + clone]]).tolist()
                    == np.diff([at for _operation, at in requests]).tolist()
                )

    def test_ids_say_which_clone_of_which_request(self) -> None:
        ids = {row["request_id"] for row in rows(Shape(amplify=2, loop=2).of(lunch(1), 1))}
        assert ids == {
            f"{number}{clone}{again}" for number in range(3) for clone in ("", "~1") for again in ("", "~r2")
        }

    def test_what_is_amplified_can_be_replayed(self) -> None:
        offered = schedule(Shape(amplify=2, loop=2).of(lunch(3), 1), speed=1.0, seed=1)
        assert len(set(offered.request_ids)) == 36
        assert len(set(offered.order_ids)) == 12


class TestLoop:
    def test_rounds_follow_each_other(self) -> None:
        whole = lunch()
        looped = Shape(loop=3).of(whole, 1)
        assert looped.requests == 3 * whole.requests
        assert 3 * whole.duration_s < looped.duration_s < 3.1 * whole.duration_s
        assert np.all(np.diff(looped.arrival_us) >= 0)

    def test_a_single_request_can_be_looped(self) -> None:
        assert Shape(loop=3).of(recorded((0, "query", "e", None)), 1).arrival_us.tolist() == [0, 1, 2]


@settings(max_examples=60, deadline=None)
@given(
    requests=st.lists(
        st.tuples(
            st.floats(0, 30),
            st.sampled_from(["command", "query"]),
            st.none() | st.sampled_from(["a", "b", "é~1"]),
            st.none() | st.sampled_from(["x", "y"]),
        ),
        min_size=1,
        max_size=20,
    ),
    amplify=st.floats(1, 4),
    loop=st.integers(1, 3),
    sample=st.floats(0.01, 1),
    limit=st.integers(1, 100),
)
def test_any_shape_of_any_recording_is_in_order_with_ids_of_its_own(
    requests: list[tuple[float, str, str | None, str | None]], amplify: float, loop: int, sample: float, limit: int
) -> None:
    shape = Shape(amplify=amplify, loop=loop, sample=sample)
    try:
        shaped = shape.of(recorded(*requests), 1)
    except ArchduelError:
        assert sample < 1
        return
    assert np.all(np.diff(shaped.arrival_us) >= 0)
    ids = [str(row["request_id"]) for row in rows(shaped)]
    assert len(set(ids)) == len(ids)
    assert shaped.requests % loop == 0
    first = shape.of(recorded(*requests), 1, limit).cut(limit=limit)
    assert first.table.equals(shaped.cut(limit=limit).table), "only what is not wanted is not made"


def test_no_more_requests_are_made_than_are_wanted_or_can_be_replayed() -> None:
    begun_s = time.process_time()
    assert Shape(loop=1_000_000_000).of(lunch(), 1, 100).requests < 500
    assert Shape(amplify=1_000).of(lunch(), 1, 100).requests < 100_000
    for shape in (Shape(loop=1_000_000_000), Shape(amplify=1e9), Shape(amplify=1e300, loop=1_000_000_000)):
        with pytest.raises(UsageError, match="10,000,000 are the most: lower --amplify or --loop"):
            shape.of(lunch(), 1)
    assert time.process_time() - begun_s < 5


class TestMoments:
    def test_a_time_without_a_zone_is_in_utc(self) -> None:
        times = {"1970-01-01": 0, "1970-01-01T00:00:01": SECOND, "1970-01-01T02:00+02:00": 0, None: None}
        assert {text: moment_us("--from", text) for text in times} == times

    def test_what_is_no_time_is_wrong_usage(self) -> None:
        for text in ("noon", "2026-13-01", "2026-05-17T25:00", ""):
            with pytest.raises(UsageError, match="give a time such as"):
                moment_us("--from", text)

    def test_seconds_count_from_the_first_arrival(self) -> None:
        assert second_of("--from", "1.5", None) == 1.5
        assert second_of("--from", "2026-05-17T10:00:30", "2026-05-17T10:00:00+00:00") == 30
        assert second_of("--from", "2026-05-17T09:00:00", "2026-05-17T10:00:00+00:00") == 0
        with pytest.raises(UsageError, match="so give seconds"):
            second_of("--from", "2026-05-17T10:00:30", None)
        with pytest.raises(UsageError, match="must be 0 or more"):
            second_of("--from", "nan", None)
