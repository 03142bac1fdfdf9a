"""Counts per interval as recordings: how many requests there are, when, and what is refused."""

from pathlib import Path

import duckdb
import numpy as np
import pytest

from workloads.errors import ArchduelError
from workloads.importers.files.reading import Source
from workloads.importers.formats import importers
from workloads.importers.ingest import ingest
from workloads.places import Places
from workloads.recordings.library import Library

MINUTE_US = 60_000_000


def drawn(folder: Path, text: str) -> list[dict[str, object]]:
    path = folder / "counts.csv"
    path.write_text(text)
    with duckdb.connect() as database:
        source = Source(path, database)
        return [row for part in importers()["counts"].entries(source) for row in part.table(source).to_pylist()]


def test_each_interval_has_as_many_requests_as_are_counted_all_over_it(tmp_path: Path) -> None:
    rows = drawn(tmp_path, "time,count\n2026-05-17T10:00:00Z,3000\n2026-05-17T10:01:00Z,0\n2026-05-17T10:02:00Z,500\n")
    minutes = np.array([row["stamp_us"] for row in rows]) - 1_779_012_000_000_000
    assert np.bincount(minutes // MINUTE_US).tolist() == [3000, 0, 500]
    quarters = np.bincount(minutes[:3000] // (MINUTE_US // 4), minlength=4)
    assert (abs(quarters - 750) < 5 * np.sqrt(750)).all()
    assert {row["method"] for row in rows} == {"POST"}


def test_they_are_the_same_whenever_the_file_is_read(tmp_path: Path) -> None:
    text = "0,5\n1,7\n"
    assert drawn(tmp_path, text) == drawn(tmp_path, text)


def test_a_route_says_method_and_path(tmp_path: Path) -> None:
    rows = drawn(tmp_path, "time,count,route\n10,2,GET /orders/1\n10,1,/orders\n11,1,\n")
    assert [(row["method"], row["target"]) for row in rows] == [
        ("GET", "/orders/1"),
        ("GET", "/orders/1"),
        ("POST", "/orders"),
        ("POST", "/requests"),
    ]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("10,-1", "its count is no whole number from 0 on"),
        ("10,nan", "its count is no whole number from 0 on"),
        ("10,inf", "its count is no whole number from 0 on"),
        ("10,1.5", "its count is no whole number from 0 on"),
        ("10,", "its count is no whole number from 0 on"),
        ("10", "its count is no whole number from 0 on"),
        ("ten,1", "its time cannot be read"),
        ("4,1", "its time is before that of the line above"),
    ],
)
def test_a_line_that_makes_no_sense_is_rejected_and_the_others_are_read(tmp_path: Path, line: str, reason: str) -> None:
    rows = drawn(tmp_path, f"time,count\n5,1\n{line}\n11,2\n")
    assert [(row["kind"], row["reason"]) for row in rows] == [
        ("request", None),
        ("rejected", reason),
        ("request", None),
        ("request", None),
    ]


def test_more_requests_than_a_recording_has_room_for_are_refused_before_any_is_drawn(tmp_path: Path) -> None:
    with pytest.raises(ArchduelError, match=r"counts 999,999,999,999,999,998 requests, more than the 20,000,000"):
        drawn(tmp_path, "0,499999999999999999\n60,499999999999999999\n")


def test_a_file_of_counts_is_known_by_its_first_line_and_imported(tmp_path: Path) -> None:
    path = tmp_path / "counts.csv"
    path.write_text("time,count,route\n" + "".join(f"{60 * one},{one % 7},POST /orders\n" for one in range(100)))
    library = Library(Places(tmp_path))
    ingest(importers()["auto"], [path], "mine", library)
    assert library.load("mine").table.num_rows == sum(one % 7 for one in range(100))
