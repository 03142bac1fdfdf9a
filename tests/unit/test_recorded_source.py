"""Which requests of a recording's file are sent to a service, when, and as what."""

import itertools
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from workloads.recordings.recording import SCHEMA
from workloads.replay.recorded import Source


def recorded(folder: Path, count: int = 10, **columns: list[Any]) -> str:
    """A recording of ``count`` requests a second apart, from second 5 on; returns its file."""
    rows: dict[str, list[Any]] = {
        "request_id": list(range(count)),
        "arrival_us": [5_000_000 + 1_000_000 * number for number in range(count)],
        "operation": ["query"] * count,
        "entity": [f"e{number % 3}" for number in range(count)],
        "client": [f"c{number % 4}" for number in range(count)],
        "method": ["GET"] * count,
        "path": [f"/items/{number}" for number in range(count)],
        "payload_bytes": [0] * count,
        "recorded_status": [200] * count,
        "recorded_latency_us": [1000] * count,
        "subsecond": ["recorded"] * count,
    }
    path = folder / "requests.parquet"
    pq.write_table(pa.table({**rows, **columns}, schema=SCHEMA), path, row_group_size=4)
    return str(path)


def due_us(source: Source, size: int = 3) -> list[int]:
    return [int(due) for part in source.parts(size) for due in part.due_us]


def ids(source: Source) -> list[str]:
    return [name for part in source.parts(3) for name in part.request_ids]


def test_times_are_those_between_the_recorded_ones_at_the_speed(tmp_path: Path) -> None:
    source = Source(recorded(tmp_path), speed=4.0)
    assert due_us(source) == [250_000 * number for number in range(10)]
    assert (source.requests, source.duration_us) == (10, 2_250_000)


def test_rounds_follow_each_other_after_the_mean_pause_and_have_ids_of_their_own(tmp_path: Path) -> None:
    source = Source(recorded(tmp_path, 4), loop=3, limit=10)
    assert due_us(source) == [1_000_000 * number for number in range(10)]
    assert ids(source) == ["0", "1", "2", "3", "0~r2", "1~r2", "2~r2", "3~r2", "0~r3", "1~r3"]
    assert source.duration_us == 9_000_000


@pytest.mark.parametrize(
    ("rate", "due"),
    [
        pytest.param(((4.0, 0.0),), [0, 250_000, 500_000, 750_000, 1_000_000, 1_250_000], id="even"),
        pytest.param(((1.0, 2.0), (4.0, 0.0)), [0, 1_000_000, 2_000_000, 2_250_000, 2_500_000, 2_750_000], id="steps"),
        pytest.param(((2.0, 1.0), (1.0, 2.0)), [0, 500_000, 1_000_000, 2_000_000, 3_000_000, 4_000_000], id="goes on"),
    ],
)
def test_a_rate_takes_the_place_of_recorded_times(
    tmp_path: Path, rate: tuple[tuple[float, float], ...], due: list[int]
) -> None:
    source = Source(recorded(tmp_path, 6), rate=rate)
    assert due_us(source, 4) == due
    assert source.duration_us == due[-1]


def test_processes_share_the_requests_out_by_client(tmp_path: Path) -> None:
    path = recorded(tmp_path, 40, client=[f"c{number % 9}" for number in range(40)])
    shares = [ids(Source(path, shard=shard, shards=3)) for shard in range(3)]
    assert sorted(itertools.chain(*shares)) == sorted(map(str, range(40)))
    clients = [{int(name) % 9 for name in share} for share in shares]
    assert sum(map(len, clients)) == 9, "no client is in two"


def test_requests_have_their_own_method_and_path(tmp_path: Path) -> None:
    path = recorded(
        tmp_path,
        3,
        method=["GET", "PUT", "DELETE"],
        path=["/a b/%20?x\r\nX: y", "no-slash", "/v1/ä"],
        payload_bytes=[0, 120, 50],
    )
    (part,) = Source(path, replaced=(("/v1", "/v2"), ("/v", "/w"))).parts(10)
    messages = [part.message(index, "/base", "host:1") for index in range(3)]
    lines = [message.split(b"\r\n")[0] for message in messages]
    assert lines == [
        b"GET /base/a%20b/%20%3Fx%0D%0AX:%20y HTTP/1.1",
        b"PUT /base/no-slash HTTP/1.1",
        b"DELETE /base/v2/%C3%A4 HTTP/1.1",
    ]
    bodies = [message.partition(b"\r\n\r\n")[2] for message in messages]
    assert [len(body) for body in bodies] == [0, 120, 0]
    assert b"Content-Length: 120\r\n" in messages[1]


def test_settings_go_through_json(tmp_path: Path) -> None:
    source = Source(recorded(tmp_path), rate=((1.0, 2.0), (3.0, 0.0)), replaced=(("/a", "/b"),), shards=2, shard=1)
    assert Source.of({**source.settings, "rate": [[1.0, 2.0], [3.0, 0.0]], "replaced": [["/a", "/b"]]}) == source
