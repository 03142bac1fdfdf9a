"""Recordings and their library: their shape in time, cuts of them, and being written whole or not at all.

How a recording comes to be is `test_importers`.
"""

import os
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.recordings import recording_of
from workloads.errors import ArchduelError, UsageError
from workloads.places import BUNDLED_RECORDINGS, Places
from workloads.recordings.library import Library, check_name
from workloads.recordings.recording import SCHEMA, Recording, operation_of, peak_rate

SECOND = 1_000_000


def recorded(arrivals_us: Sequence[int], name: str = "mine", operations: Sequence[str] = ()) -> Recording:
    """A recording of queries, or of ``operations``, that arrived then."""
    return recording_of(
        (
            {
                "arrival_us": at_us,
                "operation": operations[number] if operations else "query",
                "entity": f"order-{number}",
            }
            for number, at_us in enumerate(arrivals_us)
        ),
        name,
    )


def moments(*values: int) -> npt.NDArray[np.int64]:
    return np.array(values, np.int64)


arrivals = st.lists(st.integers(0, 30 * SECOND), min_size=2, max_size=40).map(sorted)


def test_the_method_decides_on_the_operation() -> None:
    methods = {
        "command": ["POST", "PUT", "PATCH", "DELETE"],
        "query": ["GET", "HEAD"],
        None: ["OPTIONS", "TRACE", "CONNECT", "get", ""],
    }
    for operation, of_it in methods.items():
        assert {operation_of(method) for method in of_it} == {operation}


class TestPeakRate:
    @pytest.mark.parametrize(
        ("arrival_us", "window_s", "rate"),
        [
            pytest.param(moments(), 1.0, 0.0, id="none"),
            pytest.param(moments(5), 1.0, 1.0, id="one"),
            pytest.param(moments(0, 0, 0), 1.0, 3.0, id="at once"),
            pytest.param(moments(0, SECOND), 1.0, 1.0, id="a whole window apart"),
            pytest.param(moments(0, SECOND - 1), 1.0, 2.0, id="within a window"),
            pytest.param(moments(0, 900_000, 1_000_000, 1_100_000), 1.0, 3.0, id="across whole seconds"),
            pytest.param(moments(0, 100_000, 5 * SECOND), 0.5, 4.0, id="per second, whatever the window"),
        ],
    )
    def test_is_that_of_the_busiest_window(
        self, arrival_us: npt.NDArray[np.int64], window_s: float, rate: float
    ) -> None:
        assert peak_rate(arrival_us, window_s) == rate

    @given(arrivals)
    def test_is_what_counting_every_window_gives(self, arrival_us: list[int]) -> None:
        counted = max(sum(start <= one < start + SECOND for one in arrival_us) for start in arrival_us)
        assert peak_rate(np.array(arrival_us, np.int64)) == counted


class TestRecording:
    def test_tells_its_figures(self) -> None:
        recording = recorded([0, SECOND, 4 * SECOND], operations=["command", "query", "query"])
        assert (recording.requests, recording.duration_s) == (3, 4.0)
        assert recording.command_share == pytest.approx(1 / 3)

    def test_without_a_column_is_named_with_the_column(self) -> None:
        table = recorded([0]).table.drop_columns(["entity", "client"])
        with pytest.raises(ArchduelError, match="'mine' lacks the columns entity, client"):
            Recording("mine", table)

    def test_without_requests_is_refused(self) -> None:
        with pytest.raises(ArchduelError, match="'mine' holds no requests"):
            Recording("mine", SCHEMA.empty_table())


class TestCut:
    @pytest.mark.parametrize(
        ("duration_s", "limit", "kept"),
        [
            pytest.param(None, None, [0, 1, 2, 3], id="nothing"),
            pytest.param(2.0, None, [0, 1], id="what arrives at its end is out"),
            pytest.param(2.000001, None, [0, 1, 2], id="what arrives before is in"),
            pytest.param(None, 3, [0, 1, 2], id="by number"),
            pytest.param(2.5, 2, [0, 1], id="the tighter of both"),
            pytest.param(100.0, 100, [0, 1, 2, 3], id="longer than there is"),
        ],
    )
    def test_keeps_the_first_requests_and_their_ids(
        self, duration_s: float | None, limit: int | None, kept: list[int]
    ) -> None:
        recording = recorded([0, SECOND, 2 * SECOND, 3 * SECOND])
        cut = recording.cut(duration_s=duration_s, limit=limit)
        assert cut.table.column("request_id").to_pylist() == kept
        assert cut.name == recording.name

    def test_of_a_recording_that_starts_late_counts_from_its_start(self) -> None:
        late = Recording("mine", recorded([0, 5 * SECOND, 6 * SECOND, 9 * SECOND]).table.slice(1))
        assert late.cut(duration_s=2.0).table.column("request_id").to_pylist() == [1, 2]

    def test_to_nothing_is_refused(self) -> None:
        with pytest.raises(ArchduelError, match="no requests"):
            recorded([0, 1]).cut(limit=0)


class TestReplayed:
    @pytest.mark.parametrize(
        ("speed", "longest_pause_s", "due_us"),
        [
            pytest.param(1.0, None, [0, 500_000, 10_500_000, 10_600_000], id="as recorded"),
            pytest.param(2.0, None, [0, 250_000, 5_250_000, 5_300_000], id="twice as fast"),
            pytest.param(0.5, None, [0, 1_000_000, 21_000_000, 21_200_000], id="half as fast"),
            pytest.param(1.0, 1.0, [0, 500_000, 1_500_000, 1_600_000], id="a pause cut"),
            pytest.param(20.0, 1.0, [0, 25_000, 525_000, 530_000], id="a pause is measured in replayed time"),
        ],
    )
    def test_time_is_divided_by_the_speed_and_pauses_are_cut(
        self, speed: float, longest_pause_s: float | None, due_us: list[int]
    ) -> None:
        recording = recorded([0, 500_000, 10_500_000, 10_600_000])
        assert recording.replayed_us(speed=speed, longest_pause_s=longest_pause_s).tolist() == due_us

    @given(arrivals, st.floats(0.01, 1000), st.sampled_from([None, 0.1, 1.0, 5.0]))
    def test_shape_is_kept(self, arrival_us: list[int], speed: float, longest_pause_s: float | None) -> None:
        due_us = recorded(arrival_us).replayed_us(speed=speed, longest_pause_s=longest_pause_s)
        pauses_us = np.diff(arrival_us) / speed
        if longest_pause_s is not None:
            pauses_us = np.minimum(pauses_us, longest_pause_s * 1e6)
        assert due_us[0] == 0
        assert (np.diff(due_us) >= 0).all(), "in the order of arrival"
        assert np.abs(np.diff(due_us) - pauses_us).max() <= 1, "to the microsecond"

    def test_late_start_costs_no_waiting(self) -> None:
        late = Recording("mine", recorded([0, 3600 * SECOND, 3601 * SECOND]).table.slice(1))
        assert late.replayed_us(speed=1.0, longest_pause_s=None).tolist() == [0, SECOND]


class TestFastestSpeed:
    @pytest.mark.parametrize(
        ("arrival_us", "peak_per_s", "speed"),
        [
            pytest.param([number * SECOND for number in range(101)], 10, 10, id="one a second, ten allowed"),
            pytest.param([number * 10_000 for number in range(1000)], 10, 0.1, id="a hundred a second, ten allowed"),
            pytest.param([number * SECOND for number in range(101)], 10.5, 10, id="there is no half request"),
        ],
    )
    def test_is_close_to_the_speed_computed_by_hand(
        self, arrival_us: list[int], peak_per_s: float, speed: float
    ) -> None:
        assert recorded(arrival_us).fastest_speed(peak_per_s) == pytest.approx(speed, rel=1e-3)

    @given(arrivals, st.integers(1, 20))
    @settings(deadline=None)
    def test_holds_the_bounds_and_is_near_the_greatest_that_does(self, arrival_us: list[int], peak_per_s: int) -> None:
        recording = recorded(arrival_us)

        def holds(speed: float) -> bool:
            due_us = recording.replayed_us(speed=speed, longest_pause_s=None)
            clump = max(Counter(arrival_us).values()) - 1  # which no speed parts
            moment = max(2 * peak_per_s, 4) + 4 * clump
            return peak_rate(due_us) <= peak_per_s + clump and peak_rate(due_us, 0.25) <= moment

        assume(arrival_us[0] != arrival_us[-1] and holds(2e-6))  # else hardly any speed does
        speed = recording.fastest_speed(peak_per_s)
        assert holds(speed)
        # Where all fall into the same microsecond and that is within the bounds, faster is as good.
        assert speed > 1e8 or not holds(speed * 1.01)

    def test_requests_of_one_moment_do_not_hold_it_down(self) -> None:
        together = [0] * 200 + [SECOND + number * SECOND for number in range(100)]
        assert recorded(together).fastest_speed(10) == pytest.approx(10, rel=0.1)

    def test_a_clump_that_a_second_averages_away_holds_it_down(self) -> None:
        clumps = [clump * 500_000 + number * 5_000 for clump in range(10) for number in range(10)]
        assert peak_rate(recorded(clumps).replayed_us(speed=0.5, longest_pause_s=None)) <= 12
        assert recorded(clumps).fastest_speed(12) < 0.25, "ten in a twentieth of a second"

    def test_of_pauses_cut_is_within_the_bound_as_well(self) -> None:
        bursts = [burst * 60 * SECOND + number * 50_000 for burst in range(5) for number in range(20)]
        recording = recorded(bursts)
        speed = recording.fastest_speed(10)
        assert peak_rate(recording.replayed_us(speed=speed, longest_pause_s=1.0)) <= 10

    def test_of_requests_all_at_once_is_1(self) -> None:
        assert recorded([7, 7, 7]).fastest_speed(1) == 1.0


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(tmp_path / "home")


@pytest.fixture
def bundled(tmp_path: Path) -> Path:
    folder = tmp_path / "bundled"
    folder.mkdir()
    for name in ("lunch", "night"):
        pq.write_table(recorded([0, 1], name).table, folder / f"{name}.parquet")
    (folder / "lunch.json").write_text('{"source": "bundled"}')
    return folder


@pytest.fixture
def library(places: Places, bundled: Path) -> Library:
    return Library(places, bundled)


def fail(folder: Path, error: type[BaseException]) -> None:
    (folder / "requests.parquet").write_bytes(b"half")
    raise error


def write(library: Library, name: str, *arrivals_us: int) -> None:
    with library.writing(name) as folder:
        pq.write_table(recorded(arrivals_us, name).table, folder / "requests.parquet")
        (folder / "provenance.json").write_text('{"source": "own"}')


class TestNames:
    def test_taken(self) -> None:
        for name in ("a", "food_orders", "shop-2015", "a1", "x" * 64):
            assert check_name(name) == name

    def test_refused(self, library: Library) -> None:
        names = ["", "A", "1a", "_a", "a_", "a__b", "a--b", "a b", "a/b", "..", ".hidden", "a.b", "é", "a\n", "a|b"]
        for name in [*names, "x" * 65]:
            with pytest.raises(UsageError, match="cannot name a recording"):
                check_name(name)
            with pytest.raises(UsageError, match="cannot name a recording"), library.writing(name):
                pass
            with pytest.raises(UsageError, match="cannot name a recording"), library.keeping(name):
                pass


class TestLibrary:
    def test_lists_bundled_and_own_by_name(self, library: Library) -> None:
        write(library, "mine", 0)
        assert list(library.paths()) == ["lunch", "mine", "night"]

    def test_bundled_recording_is_never_written_over(self, library: Library) -> None:
        with pytest.raises(UsageError, match="'lunch' is the bundled recording"):
            write(library, "lunch", 0, 1, 2)
        assert library.load("lunch").requests == 2
        assert library.provenance("lunch") == {"source": "bundled"}
        assert library.provenance("night") == {}

    def test_own_recording_has_its_own_provenance(self, library: Library) -> None:
        write(library, "mine", 0, 1, 2)
        assert library.load("mine").requests == 3
        assert library.provenance("mine") == {"source": "own"}

    def test_unknown_name_lists_what_there_is(self, library: Library) -> None:
        with pytest.raises(UsageError, match=r"unknown workload 'dinner': choose from lunch, night$"):
            library.load("dinner")

    def test_unreadable_recording_is_named(self, library: Library, places: Places) -> None:
        write(library, "mine", 0)
        (places.recordings / "mine" / "requests.parquet").write_bytes(b"no Parquet")
        with pytest.raises(ArchduelError, match=r"recording 'mine' cannot be read .*import it again"):
            library.load("mine")

    def test_bundled_recordings_can_be_loaded(self, tmp_path: Path) -> None:
        library = Library(Places(tmp_path))
        assert len(library.paths()) == len(list(BUNDLED_RECORDINGS.glob("*.parquet")))
        for name in library.paths():
            recording = library.load(name)
            assert (np.diff(recording.arrival_us) >= 0).all()
            assert recording.table.column("request_id").to_pylist() == list(range(recording.requests))
            assert set(recording.table.column("operation").to_pylist()) <= {"command", "query"}


class TestWriting:
    def test_takes_the_names_place_at_the_end(self, library: Library, places: Places) -> None:
        with library.writing("mine") as folder:
            pq.write_table(recorded([0]).table, folder / "requests.parquet")
            assert "mine" not in library.paths()
        assert library.load("mine").requests == 1
        assert [path.name for path in places.recordings.iterdir()] == ["mine"]

    def test_replaces_the_recording_whole(self, library: Library, places: Places) -> None:
        write(library, "mine", 0)
        (places.recordings / "mine" / "quarantine.parquet").write_bytes(b"of the old one")
        write(library, "mine", 0, 1)
        assert library.load("mine").requests == 2
        assert not (places.recordings / "mine" / "quarantine.parquet").exists()

    @pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
    def test_failing_leaves_the_old_recording_whole(
        self, library: Library, places: Places, error: type[BaseException]
    ) -> None:
        write(library, "mine", 0, 1)
        with pytest.raises(error), library.writing("mine") as folder:
            fail(folder, error)
        assert library.load("mine").requests == 2
        assert library.provenance("mine") == {"source": "own"}
        assert [path.name for path in places.recordings.iterdir()] == ["mine"], "nothing half-written is left"

    def test_failing_leaves_no_recording_where_there_was_none(self, library: Library) -> None:
        with pytest.raises(RuntimeError), library.writing("mine"):
            raise RuntimeError
        assert "mine" not in library.paths()

    def test_what_a_killed_import_left_is_no_recording(self, library: Library, places: Places) -> None:
        leftover = places.recordings / ".mine.abc"
        leftover.mkdir(parents=True)
        pq.write_table(recorded([0]).table, leftover / "requests.parquet")
        assert list(library.paths()) == ["lunch", "night"]

    @pytest.mark.parametrize(
        ("file", "hours", "stays"),
        [(None, 0, True), (None, 2, False), (".alive.new", 0, True), ("access.log", 0, False)],
    )
    def test_what_a_killed_import_left_is_swept_once_no_process_can_use_it(
        self, library: Library, places: Places, file: str | None, hours: int, stays: bool
    ) -> None:
        leftover = places.recordings / ".other.abc"
        leftover.mkdir(parents=True)
        if file:  # files are written by who has the folder's lock
            (leftover / file).write_text("203.0.113.7 was here")
        then = time.time() - 3600 * hours
        os.utime(leftover, (then, then))
        write(library, "mine", 0)
        assert leftover.exists() is stays
