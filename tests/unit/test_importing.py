"""``archduel import``, ``workloads`` and ``mapping suggest``: what they take and print. No Dagster runs."""

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from orchestration.commands.importing import ImportRequest, import_recording
from orchestration.commands.mapping import suggest_mapping
from orchestration.commands.terminal import PlainConsole
from orchestration.commands.workloads import show_workloads
from tests.unit.traffic_samples import FORMATS, Sent
from workloads.errors import ArchduelError, UsageError
from workloads.places import Places
from workloads.recordings.library import Library


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(tmp_path / "home")


@pytest.fixture
def import_request(tmp_path: Path) -> ImportRequest:
    path = tmp_path / "access.log"
    path.write_bytes(FORMATS["combined"].write([Sent(), Sent("POST", "/orders")]) + b"junk\n\n")
    return ImportRequest("auto", [str(path)], "shop")


@pytest.fixture
def output() -> tuple[PlainConsole, Callable[[], str]]:
    file = io.StringIO()
    return PlainConsole(file=file, width=200), file.getvalue


Output = tuple[PlainConsole, Callable[[], str]]


def test_an_import_says_what_became_of_every_line(
    places: Places, import_request: ImportRequest, output: Output
) -> None:
    console, text = output
    import_recording(places, import_request, console)
    lines = text().splitlines()
    assert lines[0] == "shop: 4 lines = 2 accepted + 0 dropped + 1 quarantined + 1 blank + 0 header"
    assert lines[1] == "  took 1 file as combined"
    assert "2026-05-17 10:05:03 to 2026-05-17 10:05:03 UTC" in lines[2]
    assert "50.0% commands, sub-seconds synthetic" in lines[2]
    assert lines[3].startswith("  rate  ")
    assert "█" in lines[3]
    assert lines[4] == '  quarantined: 1 x is not client ident user [date] "request" status bytes'


def test_a_terminal_is_shown_progress(places: Places, import_request: ImportRequest) -> None:
    file = io.StringIO()
    import_recording(places, import_request, PlainConsole(file=file, force_terminal=True, width=120))
    assert "importing shop" in file.getvalue()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"format_name": "nope"}, "unknown format 'nope': choose from alb, api_gateway, auto"),
        ({"name": "../shop"}, "cannot name a recording"),
        ({"columns": ["timestamp"]}, "say --column ROLE=NAME"),
        ({"format_name": "alb", "columns": ["timestamp=when"]}, "alb takes no --column"),
        ({"template": "$request"}, "--template"),
        ({"first": "noon"}, "--from noon: give a time such as"),
        ({"first": "2026-05-18", "last": "2026-05-17"}, "--from must be before --to"),
        ({"mapping": Path("none.yaml")}, "none.yaml"),
        ({"paths": ["s3://bucket/key"]}, "no object store was given"),
    ],
)
def test_a_request_that_makes_no_sense_is_wrong_usage_and_leaves_nothing(
    places: Places, import_request: ImportRequest, output: Output, changed: dict[str, object], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        import_recording(places, replace(import_request, **changed), output[0])  # type: ignore[arg-type]  # some are wrong on purpose
    assert not Library(places, bundled=places.home).paths()


def test_strict_leaves_nothing_either(places: Places, import_request: ImportRequest, output: Output) -> None:
    with pytest.raises(ArchduelError, match="line 3 is not client ident"):
        import_recording(places, replace(import_request, strict=True), output[0])
    assert not Library(places, bundled=places.home).paths()


def test_workloads_are_listed_with_their_figures(places: Places, import_request: ImportRequest, output: Output) -> None:
    console, text = output
    import_recording(places, import_request, PlainConsole(file=io.StringIO()))
    broken = places.recordings / "broken"
    broken.mkdir()
    (broken / "requests.parquet").write_bytes(b"junk")
    show_workloads(places, console)
    (row,) = [line.split() for line in text().splitlines() if line.strip().startswith("shop")]
    assert row[:5] == ["shop", "1", "of", "4", "2"]
    assert "50.0%" in row


def test_a_suggested_mapping_can_be_imported_with(
    places: Places, import_request: ImportRequest, output: Output, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    console, text = output
    import_recording(places, import_request, console)
    suggest_mapping(places, "shop", None)
    assert 'match: "GET /orders/{order}"' in capsys.readouterr().out
    out = tmp_path / "shop.yaml"
    suggest_mapping(places, "shop", out)
    import_recording(places, replace(import_request, mapping=out), console)
    assert text().count("2 accepted") == 2
    with pytest.raises(UsageError, match="exists"):
        suggest_mapping(places, "shop", out)
