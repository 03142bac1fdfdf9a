"""What the report's charts draw, as their specifications say it."""

import itertools
import json
import math
import re
from collections.abc import Iterable
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.report.charts.cost import cost_panel
from assets.report.charts.fates import ledger_figure, ledger_panel
from assets.report.charts.intervals import intervals_panel
from assets.report.charts.latency import latency_figure
from assets.report.charts.nights import nights_of, spark
from assets.report.charts.over_time import BACKLOG, lines_panel, over_time_figure
from assets.report.charts.rendering import encloses_nothing, markdown_image, png, specification, straightened
from assets.report.charts.style import ANSWERS, FATES, series_scales, styles
from resources.prices.model import ITEMS
from tests.report_builder import LABEL, night, price, verdict

CONTENDER = "synchronous~idempotent"
WINDOWS = pa.schema(
    [
        ("contender", pa.string()),
        ("fault", pa.int32()),
        ("target", pa.string()),
        ("kind", pa.string()),
        ("present", pa.bool_()),
        ("start_s", pa.float64()),
        ("end_s", pa.float64()),
    ]
)


def table(*rows: dict[str, Any]) -> pa.Table:
    """What a query gives of one contender."""
    return pa.Table.from_pylist([{"contender": CONTENDER, **row} for row in rows])


def drawn(spec: dict[str, Any], layer: int) -> list[dict[str, Any]]:
    """What one of a chart's layers draws."""
    found: list[dict[str, Any]] = spec["datasets"][spec["layer"][layer]["data"]["name"]]
    return found


class TestLooks:
    def test_however_many_architectures_there_are_other_lines_look_like_none_in_the_chart(self) -> None:
        names = ["synchronous", "event-driven, window 0 s", "event-driven, window 1 s", "event-driven, window 5 s"]
        colours, dashes = (scale.to_dict()["range"] for scale in series_scales(names))
        assert not set(colours[:2]) & set(colours[2:])
        assert len(set(zip(colours, map(tuple, dashes), strict=True))) == len(names)

    def test_no_two_architectures_look_the_same(self) -> None:
        looks = [(style.colour, style.dash) for style in styles([f"other{number}" for number in range(12)])]
        assert len(set(looks)) == len(looks)

    def test_variants_share_their_architectures_colour_and_differ_in_dash_and_title(self) -> None:
        """So that a plot shows which is which without a third colour."""
        usual, naive = styles(["hybrid~naive", "hybrid~idempotent"])
        assert (usual.title, naive.title) == ("Hybrid", "Hybrid (naive)")
        assert usual.colour == naive.colour
        assert usual.dash != naive.dash

    def test_an_architecture_keeps_its_colour_when_others_are_left_out(self) -> None:
        """The registry decides, so that pages can be laid side by side; strangers follow after it."""
        everyone = {style.title: style.colour for style in styles(["synchronous", "event_driven", "hybrid"])}
        (alone,) = styles(["hybrid"])
        assert alone.colour == everyone["Hybrid"]
        assert len(set(everyone.values())) == 3
        stranger = styles(["hybrid", "other"])[-1]
        assert stranger.title == "other"
        assert stranger.colour not in everyone.values()

    def test_architectures_and_fates_share_no_colour(self) -> None:
        """No colour has two meanings on a page."""
        lines = {style.colour for style in styles(["synchronous", "event_driven", "hybrid"])}
        assert not lines & {colour for _, colour in FATES.values()}


def measured(path: str) -> list[tuple[Any, ...]]:
    """Of each part of a path, how long its line is, its area, and where its ends and extremes are."""
    parts: list[list[tuple[float, float]]] = []
    for kind, text in re.findall(r"([MLlhvZz])([-\d.,]*)", path):
        numbers = [float(number) for number in re.findall(r"-?[\d.]+", text)]
        width = {"h": 1, "v": 1, "Z": 0, "z": 0}.get(kind, 2)
        if not width:
            parts[-1].append(parts[-1][0])
            continue
        for at in range(0, len(numbers), width):
            values = numbers[at : at + width]
            if kind == "M":
                parts.append([(values[0], values[1])])
                continue
            x, y = (0.0, 0.0) if kind == "L" else parts[-1][-1]
            parts[-1].append((x if kind == "v" else x + values[0], y if kind == "h" else y + values[-1]))
    found: list[tuple[Any, ...]] = []
    for points in parts:
        pairs = list(itertools.pairwise(points))
        length = sum(math.dist(a, b) for a, b in pairs)
        area = sum(a[0] * b[1] - a[1] * b[0] for a, b in pairs)
        marks = [(values[0], values[-1], min(values), max(values)) for values in zip(*points, strict=True)]
        found.append(tuple(round(value, 6) for value in (length, area, *marks[0], *marks[1])))
    return found


PLACES = st.tuples(*[st.integers(-30, 30).map(lambda tenths: tenths / 10) | st.integers(-2, 2)] * 2)


@given(st.lists(st.tuples(st.lists(PLACES, min_size=1, max_size=12), st.booleans()), min_size=1, max_size=3))
def test_a_path_in_fewer_letters_is_the_same_path(parts: list[tuple[list[tuple[float, float]], bool]]) -> None:
    path = "".join(
        "M" + "L".join(f"{x:g},{y:g}" for x, y in points) + ("Z" if closed else "") for points, closed in parts
    )
    assert measured(straightened(path)) == measured(path)


@pytest.mark.parametrize(
    ("path", "flat"),
    [
        ("M0,5L1,5L1,7L2,7L2,7L1,7L1,5L0,5Z", True),
        ("M0,5L1,5L1,7L2,7L2,9L1,9L1,5L0,5Z", False),
        ("M0,5L1,5", False),
        ("M0,5h1v3h-1Z", False),
    ],
)
def test_an_area_without_height_shows_nothing(path: str, flat: bool) -> None:
    assert encloses_nothing(path) == flat


class TestPictures:
    """As PNG in a data URI, with the label in what stands alone."""

    fates = table({"operation": "command", "fate": "committed", "requests": 7})

    def test_a_panel_has_its_width(self) -> None:
        picture = markdown_image(ledger_panel(self.fates, operation="command", width=320))
        assert picture.startswith("![chart](data:image/png;base64,")
        assert len(picture) < 60_000

    def test_figures_carry_their_label(self) -> None:
        curve = {"operation": "command", "us": 1000, "share": 0.7}
        curves = table(*({**curve, "measure": measure} for measure in ("response", "completion")))
        answers = table(*({"fate": fate, "t_s": 0.0, "bin_s": 1.0, "per_s": 3.0} for fate in ANSWERS))
        goodput, backlog = table({"t_s": 0.0, "per_s": 2.0}), table({"t_s": 0.0, "waiting": 5})
        windows = pa.Table.from_pylist(faults((3.0, 6.0, "table", "down")), schema=WINDOWS)
        for figure in (
            latency_figure(curves, operation="command", label=LABEL),
            over_time_figure(answers, goodput, backlog, windows, label=LABEL),
            ledger_figure(self.fates, label=LABEL),
        ):
            assert LABEL in json.dumps(figure.to_dict())
            assert png(figure).startswith(b"\x89PNG")


def faults(*windows: tuple[float, float, str, str], **more: Any) -> list[dict[str, Any]]:
    """Rows of `queries.WINDOWS`: from, to, target and kind of each."""
    return [
        {"contender": CONTENDER, "fault": number, "target": target, "kind": kind, "present": True}
        | {"start_s": start_s, "end_s": end_s, **more}
        for number, (start_s, end_s, target, kind) in enumerate(windows)
    ]


class TestShade:
    """Faults behind what changes over time."""

    def chart(self, windows: list[dict[str, Any]]) -> dict[str, Any]:
        backlog = table({"t_s": 0.0, "waiting": 0}, {"t_s": 20.0, "waiting": 5})
        return specification(lines_panel(BACKLOG, backlog, pa.Table.from_pylist(windows, schema=WINDOWS), end_s=20.0))

    def spans(self, windows: list[dict[str, Any]]) -> list[tuple[float, float, str]]:
        """Where the chart is shaded, and under which name."""
        chart = self.chart(windows)
        layers = [number for number, layer in enumerate(chart["layer"]) if layer["mark"]["type"] == "rect"]
        bands = [band for number in layers for band in drawn(chart, number)]
        return [(band["t_s"], band["until_s"], band["name"]) for band in bands]

    @pytest.mark.parametrize(
        ("windows", "spans"),
        [
            pytest.param(
                faults((3.0, 6.0, "table", "down"), (12.0, 20.0, "queue", "down")),
                [(3.0, 6.0, "table down"), (12.0, 20.0, "queue down")],
                id="one after another, each under its name",
            ),
            pytest.param(
                faults((0.0, 20.0, "api", "latency"), (0.004, 20.0, "table", "latency")),
                [(0.0, 20.0, "API slow, table slow")],
                id="together but for the milliseconds that switching takes",
            ),
            pytest.param(faults((3.0, 6.0, "queue", "down"), present=False), [], id="no queue, no fault of it"),
            pytest.param(
                faults((3.0, 6.0, "queue", "down"), present=False) + faults((3.0, 6.0, "queue", "down")),
                [(3.0, 6.0, "queue down")],
                id="one of two contenders has the queue",
            ),
        ],
    )
    def test_a_fault_is_shaded_and_named(
        self, windows: list[dict[str, Any]], spans: list[tuple[float, float, str]]
    ) -> None:
        assert self.spans(windows) == spans

    def test_names_that_would_cover_each_other_stand_above_each_other(self) -> None:
        """Overlapping faults, and those too narrow for their names."""
        chart = self.chart(
            faults((3.0, 9.0, "table", "down"), (3.5, 4.0, "functions", "down"), (8.0, 9.0, "api", "down"))
        )
        lanes = [layer["encoding"]["y"]["value"] for layer in chart["layer"] if layer["mark"]["type"] == "text"]
        assert len(set(lanes)) == len(lanes) == 2
        assert max(lanes) < 0, "above the data, which they would cover"


class TestIntervals:
    def panel(self, *rows: dict[str, Any]) -> dict[str, Any]:
        verdicts = table(*({**row, "contender": f"{row['candidate']}~idempotent"} for row in rows))
        spec: dict[str, Any] = intervals_panel(verdicts, operation="command", unit="ratio").to_dict()
        return spec

    def test_the_band_is_the_margin_and_its_reciprocal(self) -> None:
        """A candidate a tenth slower mirrors a baseline a tenth slower."""
        (band,) = drawn(self.panel(verdict()), 0)
        assert (band["at"], band["until"]) == (pytest.approx(1 / 1.1), pytest.approx(1.1))

    def test_an_interval_beyond_the_edge_is_clipped_and_marked(self) -> None:
        """And only that one."""
        spec = self.panel(verdict(), verdict(candidate="hybrid", difference=0.02, ci_low=-0.1, ci_high=5000.0))
        (edge,) = drawn(spec, -1)
        assert (edge["contender"], edge["edge"]) == ("Hybrid", "triangle-right")
        high = spec["layer"][0]["encoding"]["x"]["scale"]["domain"][1]
        assert {row["high"] for row in drawn(spec, 2) if row["contender"] == "Hybrid"} == {high}

    def test_every_point_is_within_the_axis(self) -> None:
        spec = self.panel(verdict(difference=400.0, ci_low=100.0, ci_high=900.0))
        low, high = spec["layer"][0]["encoding"]["x"]["scale"]["domain"]
        assert all(low < row["at"] < high for row in drawn(spec, 3))


def test_parts_of_a_bar_add_up_to_its_total() -> None:
    rows = [
        price("synchronous", name, usd) for name, usd in (("api_requests", 1.25), ("function_time", 2.5), ("c", 0.01))
    ]
    spec = cost_panel(table(*rows), workload="food_orders", build=("rest", "x86")).to_dict()
    parts, totals = drawn(spec, 0), drawn(spec, 2)
    letters = {item: chr(ord("A") + ITEMS.index(item)) for item in ("api_requests", "function_time")}
    assert [part["item"] for part in parts] == [
        f"{letters['api_requests']} api requests",
        f"{letters['function_time']} function time",
        f"{chr(ord('A') + len(ITEMS))} c",
    ], "each with its own letter, whoever pays what"
    assert totals[0]["to"] == pytest.approx(3.76)
    assert parts[-1]["to"] == totals[0]["to"]


class TestNights:
    def test_figures_that_changed_come_first(self) -> None:
        rows = table(night(20, 1.0), {**night(20, 9.0, "worse"), "contender": "hybrid~idempotent"}).to_pylist()
        assert [figure.contender for figure in nights_of(rows)] == ["hybrid~idempotent", CONTENDER]

    def test_a_night_without_a_value_interrupts_the_line(self) -> None:
        found = spark([night(1, 1.0), night(2, None), night(3, 2.0, "worse"), night(4, 1.5)])
        assert [len(line.split()) for line in found.lines] == [1, 2]
        assert [kind for _, kind in found.marks] == ["worse"]
        assert "2026-11-02: –" in found.text

    @given(st.lists(st.none() | st.floats(0, 1e12), min_size=1, max_size=15), st.floats(0, 1e300), st.floats(0, 1e300))
    def test_a_small_line_stays_within_its_box(self, values: Iterable[float | None], low: float, high: float) -> None:
        """However wide the band."""
        rows = [night(1, value, low=min(low, high), high=max(low, high)) for value in values]
        for point in (point for line in spark(rows).lines for point in line.split()):
            x, y = map(float, point.split(","))
            assert 0 <= x <= 132
            assert 0 <= y <= 30
