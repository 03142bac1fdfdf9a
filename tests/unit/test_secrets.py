"""Secrets planted in every place of every format, and looked for in every file that an import writes."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import duckdb
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from resources.warehouse.publish import publish
from tests.unit.traffic_samples import FORMATS, SECRETS, Format, Sent
from workloads.exporters import exporters
from workloads.importers.formats import importers
from workloads.importers.ingest import ingest
from workloads.importers.rules.suggestion import suggested
from workloads.places import Places
from workloads.recordings.library import Library
from workloads.replay.schedule import schedule


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def library(home: Path) -> Library:
    return Library(Places(home), bundled=home / "no-bundled")


def texts(home: Path) -> Iterator[str]:
    """Every file under ``home``, as it is and as it reads."""
    for path in home.rglob("*"):
        if path.is_file():
            yield path.read_bytes().decode("utf-8", "replace")
            if path.suffix == ".parquet":
                yield str(pq.read_table(path).to_pylist())
                yield str(duckdb.execute(f"SELECT * FROM parquet_metadata('{path}')").fetchall())


def planted(requests: list[Sent], written: Format, library: Library, tmp_path: Path) -> str:
    """Import requests, and return all that the import and a suggestion of a mapping show."""
    path = tmp_path / "traffic.log"
    path.write_bytes(written.write(requests))
    done = ingest(importers()[written.form].with_options(written.options), [path], "mine", library)
    return repr(done) + suggested(library.load("mine"))


def assert_nowhere(home: Path, shown: str) -> None:
    found = "\0".join([*texts(home), shown]).lower()
    for secret in SECRETS.values():
        for form in (secret, quote(secret, safe="")):
            assert form.lower() not in found, form


@pytest.mark.parametrize("written", FORMATS.values(), ids=FORMATS)
def test_nothing_planted_anywhere_is_in_any_file(written: Format, library: Library, home: Path, tmp_path: Path) -> None:
    harmless = [Sent(method, "/orders", secret=secret) for secret in SECRETS.values() for method in ("GET", "POST")]
    requests = [*harmless, *(Sent(client=secret) for secret in SECRETS.values())]
    for secret in SECRETS.values():
        encoded = quote(secret, safe="").replace(".", "%2E").replace("-", "%2D")
        targets = [
            f"/a/{secret}",
            f"/a/{secret}/b",
            f"/a/{encoded}",
            f"/a/{quote(encoded, safe='')}",
            f"/a?token={secret}&b=1",
            f"/a;session={secret}/b",
            f"/a/token={secret}",
            f"/a#{secret}",
            f"/a%3Ft={secret}",
        ]
        requests += [Sent(method, target) for target in targets for method in ("GET", "PUT", "OPTIONS")]
    used = len(requests)
    for secret in SECRETS.values():  # lines that cannot be used
        requests += [
            Sent(secret, "/a"),
            Sent("GET", secret),
            Sent("GET", f"/a/{secret}", status=99999),
            Sent(f"G{secret}T", f"/{secret}"),
        ]
    shown = planted(requests, written, library, tmp_path)
    recording = library.load("mine")
    assert recording.requests > used / 2
    assert pc.sum(pc.equal(recording.table.column("path"), "/orders")).as_py() >= len(harmless)
    assert_nowhere(home, shown)


def test_nothing_planted_is_sent_to_an_emulator_nor_exported(library: Library, home: Path, tmp_path: Path) -> None:
    requests = [Sent(method, f"/a/{secret}", secret=secret) for secret in SECRETS.values() for method in ("GET", "PUT")]
    shown = planted(requests, FORMATS["jsonl"], library, tmp_path)
    recording = library.load("mine")
    due = schedule(recording, speed=1.0, seed=1)
    sent = b"".join(due.message(index, "/prod", "127.0.0.1") for index in range(len(due)))
    for exporter in exporters().values():
        exporter.write(recording, "http://127.0.0.1", home, speed=1.0, seed=1)
    assert_nowhere(home, shown + sent.decode() + str(due.entities))


def test_what_is_no_secret_stays_as_it_is(library: Library, tmp_path: Path) -> None:
    targets = [
        "/orders/507f1f77bcf86cd799439011",
        "/orders/6f1c2d3e-4b5a-6978-8796-a5b4c3d2e1f0",
        "/orders/1234567890",
        "/static/main.3c74189a.css",
        "/static/amazon_s3.d41d8cd98f00b204e9800998ecf8427e.svg",
        "/blog/2015/05/a-rather-long-title-about-version-2-0-of-things",
        "/presentations/logstash-monitorama-2013/images/kibana-dashboard3.png",
        "/events/1779012303250",
        "/days/2026-05-17T10:05:03",
        "/reference/std::vector",
        "/search/iphone+15",
        "/posts/c++20260517",
        "/products/DE12-3456",
        "/flights/NL1234/seats/12A",
        "/authors/anne-frank",
        "/basic/signup",
        "/sessions",
        "/caf%C3%A9",
    ]
    planted([Sent(target=target) for target in targets], FORMATS["combined"], library, tmp_path)
    assert library.load("mine").table.column("path").to_pylist() == targets


def test_entities_that_are_masked_keep_apart(library: Library, tmp_path: Path) -> None:
    triples = []
    for secret in SECRETS.values():
        at = next(index for index in range(len(secret) // 2, len(secret)) if secret[index].isalnum())
        changed = {"0": "1", "a": "b"}.get(secret[at], "0" if secret[at].isdigit() else "a")
        triples.append((secret, secret[:at] + changed + secret[at + 1 :], secret))
    requests = [Sent(target=f"/a/{secret}") for triple in triples for secret in triple]
    planted(requests, FORMATS["combined"], library, tmp_path)
    entities = library.load("mine").table.column("entity").to_pylist()
    for number, (secret, _, _) in enumerate(triples):
        one, two, three = entities[3 * number : 3 * number + 3]
        assert one == three != two, secret


def test_the_database_of_results_holds_the_shape_of_a_line_and_nothing_else(
    home: Path, library: Library, tmp_path: Path
) -> None:
    shown = planted([Sent(), Sent("GET", SECRETS["e-mail"])], FORMATS["combined"], library, tmp_path)
    places = Places(home)
    publish(places)
    with duckdb.connect(str(places.database), read_only=True) as database:
        rows = database.execute("SELECT * FROM quarantine").fetchall()
    assert rows
    assert_nowhere(home, shown + str(rows))
