"""Recordings for other load generators: what is written can be read by them, and says what was recorded."""

import base64
import json
import re
from pathlib import Path

import pytest

from tests.recordings import recording_of
from workloads.errors import UsageError
from workloads.exporters import exporters
from workloads.exporters.targets import check_base, targets
from workloads.recordings.recording import Recording
from workloads.recordings.shape import Shape

BASE = "http://127.0.0.1:8080/prod"


@pytest.fixture
def recording() -> Recording:
    requests = [
        (0, "command", "POST", "/orders", 300),
        (500_000, "query", "GET", "/orders/17 and/é?#%20", 0),
        (2_000_000, "command", "DELETE", "/orders/17", 300),
        (2_500_000, "command", "PUT", "/orders/18", 5),
    ]
    names = ("arrival_us", "operation", "method", "path", "payload_bytes")
    return recording_of((dict(zip(names, one, strict=True)) for one in requests), "shop")


def test_there_are_two_tools() -> None:
    assert list(exporters()) == ["k6", "vegeta"]


def test_targets_are_the_recorded_requests_when_they_are_due(recording: Recording) -> None:
    found = list(targets(recording, BASE, speed=2.0, seed=1))
    assert [one.at_ms for one in found] == [0, 250, 1000, 1250]
    assert [one.method for one in found] == ["POST", "GET", "DELETE", "PUT"]
    assert found[1].url == f"{BASE}/orders/17%20and/%C3%A9%3F%23%20"
    assert [one.body is None for one in found] == [False, True, True, False]
    assert len(found[0].body or "") == 300


def test_vegeta_reads_a_target_a_line(recording: Recording, tmp_path: Path) -> None:
    (path,) = exporters()["vegeta"].write(recording, BASE, tmp_path, speed=1.0, seed=1)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert (lines[0]["method"], lines[0]["url"]) == ("POST", f"{BASE}/orders")
    assert json.loads(base64.b64decode(lines[0]["body"]))["request_id"] == "0"
    assert lines[0]["header"] == {"Content-Type": ["application/json"]}
    assert "body" not in lines[1]


def test_k6_reads_its_targets_beside_its_script(recording: Recording, tmp_path: Path) -> None:
    data, script = exporters()["k6"].write(recording, BASE, tmp_path, speed=1.0, seed=1)
    found = json.loads(data.read_text())
    assert [one["at_ms"] for one in found] == [0, 500, 2000, 2500]
    text = script.read_text()
    opened = re.search(r"open\('\./(.+)'\)", text)
    assert opened
    assert opened[1] == data.name
    assert "iterations: 4," in text
    assert "%(" not in text


def test_the_same_seed_writes_the_same_bytes(recording: Recording, tmp_path: Path) -> None:
    for exporter in exporters().values():
        texts = []
        for folder in ("one", "two"):
            (tmp_path / folder).mkdir(exist_ok=True)
            paths = exporter.write(recording, BASE, tmp_path / folder, speed=1.0, seed=1)
            texts.append([path.read_bytes() for path in paths])
        assert texts[0] == texts[1]


def test_what_was_amplified_can_be_exported(recording: Recording, tmp_path: Path) -> None:
    more = Shape(amplify=2).of(recording, 1)
    assert len({one.body for one in targets(more, BASE, speed=1.0, seed=1) if one.body}) == 4


def test_what_is_no_base_is_wrong_usage() -> None:
    for base in ("", "shop.example", "ftp://shop.example", "http://", "http://x/?a=1", "http://x/#a"):
        with pytest.raises(UsageError, match="is no base URL"):
            check_base(base)
