"""Secrets planted in recorded traffic, looked for in everything a user's commands say and leave behind them.

What an import writes is tested format by format in tests/unit/test_secrets.py; here it goes on to a replay on the
emulator, whose logs, whose run in Dagster, whose database and whose report are searched as well.
"""

import gzip
import json
import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import duckdb
import pyarrow.parquet as pq
import pytest

from tests.shell import BESIDE_OTHERS, archduel
from tests.unit.traffic_samples import AT, AZURE, FORMATS, SECRETS, TEMPLATE, Sent
from workloads.places import Places

pytestmark = [pytest.mark.emulator, pytest.mark.long, pytest.mark.timeout(900)]

ADDRESSES = ("203.0.113.77", "2001:db8:dead:beef::77")


def planted() -> list[Sent]:
    """Requests with a secret in every place there is, and some that no importer can use."""
    requests = []
    for number, secret in enumerate(SECRETS.values()):
        at = AT + timedelta(milliseconds=250 * number)
        client = ADDRESSES[number % 2]
        requests += [
            Sent("POST", f"/orders?token={secret}", at, client, secret=secret),
            Sent("GET", f"/orders/{quote(secret, safe='')}", at, client, secret=secret),
            Sent("PUT", f"/orders/17;session={secret}", at, secret, secret=secret),
            Sent("GET", secret, at, client, secret=secret),
            Sent(f"G{secret}", f"/{secret}", at, client, secret=secret),
        ]
    return requests


def azure_lines() -> bytes:
    """Invocations of an app and a function whose names are secrets, and lines that no importer can use."""
    lines = [
        line for one in SECRETS.values() for line in (f"{one},{one},57.158,57.154", f"{one},{one},{one},{one}", one)
    ]
    return "".join(f"{line}\n" for line in lines).encode()


def as_it_reads(path: Path) -> Iterator[str]:
    """The file's bytes, and what they hold for those who know their format."""
    data = path.read_bytes()
    yield data.decode("utf-8", "replace")
    if data.startswith(b"\x1f\x8b"):
        yield gzip.decompress(data).decode("utf-8", "replace")
    if data.startswith(b"PAR1"):
        yield str(pq.read_table(path).to_pylist())
    if path.suffix == ".duckdb":
        with duckdb.connect(str(path), read_only=True) as database:
            for schema, name in database.execute("SELECT schema_name, table_name FROM duckdb_tables()").fetchall():
                yield str(database.execute(f'SELECT * FROM "{schema}"."{name}"').fetchall())
    if data.startswith(b"SQLite format 3"):
        with sqlite3.connect(path) as storage:
            yield "\n".join(storage.iterdump())


def test_nothing_planted_is_found_after_an_import_and_a_replay(places: Places, tmp_path: Path) -> None:
    traffic = tmp_path / "traffic"
    traffic.mkdir()
    for name, form in FORMATS.items():
        if not form.options.template:
            (traffic / f"{name.replace(' ', '-')}.log").write_bytes(form.write(planted()))
    # Apart from the rest: only its template identifies the one format, and the other's times begin in 1970.
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "gateway.log").write_bytes(FORMATS["gateway template"].write(planted()))
    (elsewhere / "azure.csv").write_bytes(AZURE.write(planted()) + azure_lines())
    exported = places.home / "exported"
    commands = [
        ["import", "auto", str(traffic), "--name", "mine"],
        ["import", "combined", str(traffic / "combined.log"), "--name", "other", "--strict"],
        ["import", "alb", str(traffic / "combined.log"), "--name", "other"],
        ["import", "api_gateway", str(elsewhere / "gateway.log"), "--name", "gateway", "--template", TEMPLATE],
        ["import", "auto", str(elsewhere / "azure.csv"), "--name", "azure"],
        ["workloads"],
        ["mapping", "suggest", "mine"],
        ["export", "k6", "mine", "--base-url", "http://127.0.0.1:1", "--out", str(exported)],
        ["export", "vegeta", "mine", "--base-url", "http://127.0.0.1:1", "--out", str(exported)],
        [
            *("compare", "--workload", "mine", "--scenario", "steady", "--architecture", "event_driven"),
            *("--limit", "60", *BESIDE_OTHERS),
        ],
        ["sql", "FROM quarantine"],
    ]
    output = ""
    codes = []
    for command in commands:
        done = archduel(places, *command, timeout_s=250)
        codes.append(done.returncode)
        output += done.stdout + done.stderr
    assert [bool(code) for code in codes] == [False, True, True, *[False] * 8], output

    texts = {"the output": [output]}
    texts |= {str(path): list(as_it_reads(path)) for path in places.home.rglob("*") if path.is_file()}
    assert {"archduel.duckdb", "index.html", "mine.k6.json", "requests.parquet"} <= {Path(name).name for name in texts}
    assert any(name.endswith(".log") for name in texts), "no emulator has logged"
    for secret in [*SECRETS.values(), *ADDRESSES]:
        for way in {secret, quote(secret, safe=""), json.dumps(secret)[1:-1]}:
            found = [name for name, inside in texts.items() if any(way.lower() in text.lower() for text in inside)]
            assert not found, way
