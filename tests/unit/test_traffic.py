"""A recording's course: what came when, and which pauses are gaps."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.report.charts.rendering import png
from assets.report.charts.traffic import rate_figure
from tests.recordings import table_of
from workloads.errors import ArchduelError
from workloads.places import BUNDLED_RECORDINGS
from workloads.recordings.traffic import Gap, course


def recording(path: Path, arrival_s: list[float], *, group: int = 1 << 20) -> Path:
    table = table_of(
        {
            "arrival_us": round(second * 1e6),
            "operation": "query" if index % 3 else "command",
            "recorded_latency_us": None if index else 2_000_000,
        }
        for index, second in enumerate(arrival_s)
    )
    pq.write_table(table, path, row_group_size=group)
    return path


def test_an_hour_missing_among_seconds_is_a_gap_and_short_pauses_are_none(tmp_path: Path) -> None:
    arrivals = [*range(1000), *range(4600, 5600)]
    found = course(recording(tmp_path / "r.parquet", [float(second) for second in arrivals]))
    assert found.gaps == (Gap(999.0, 3601.0),)
    assert found.typical_pause_s == pytest.approx(1, rel=0.1)


def test_a_quiet_site_has_no_gaps(tmp_path: Path) -> None:
    generator = np.random.default_rng(1)
    arrivals = np.cumsum(generator.exponential(40, 5000)).tolist()
    assert course(recording(tmp_path / "r.parquet", [0.0, *arrivals])).gaps == ()


def test_it_is_the_same_however_the_file_is_cut(tmp_path: Path) -> None:
    arrivals = [0.0, 1.0, 1.5, 200.0, 201.0, 500.0, 500.0]
    whole, cut = (course(recording(tmp_path / f"{group}.parquet", arrivals, group=group)) for group in (100, 2))
    assert [gap.length_s for gap in whole.gaps] == [gap.length_s for gap in cut.gaps]
    assert {name: rates.tolist() for name, rates in whole.per_s.items()} == {
        name: rates.tolist() for name, rates in cut.per_s.items()
    }


@given(st.lists(st.floats(0, 1e5), min_size=1, max_size=40))
def test_every_request_is_in_one_bin(tmp_path_factory: pytest.TempPathFactory, pauses_s: list[float]) -> None:
    path = tmp_path_factory.mktemp("course") / "r.parquet"
    arrivals = np.concatenate([[0.0], np.cumsum(pauses_s)[:-1]]).tolist()
    found = course(recording(path, arrivals))
    assert sum(rates.sum() for rates in found.per_s.values()) * found.bin_s == pytest.approx(len(arrivals))
    assert found.longest_latency_s == 2


def test_one_request_alone_has_a_course_and_a_chart(tmp_path: Path) -> None:
    found = course(recording(tmp_path / "r.parquet", [0.0]))
    assert (found.requests, found.duration_s, found.gaps) == (1, 0.0, ())
    assert png(rate_figure(found, width=200)).startswith(b"\x89PNG")


def test_the_bundled_recording_can_be_drawn() -> None:
    found = course(next(BUNDLED_RECORDINGS.glob("*.parquet")))
    assert set(found.per_s) == {"command", "query"}
    assert png(rate_figure(found, width=200)).startswith(b"\x89PNG")


def test_what_is_no_recording_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "r.parquet").write_text("no Parquet")
    with pytest.raises(ArchduelError, match="import it again"):
        course(tmp_path / "r.parquet")
