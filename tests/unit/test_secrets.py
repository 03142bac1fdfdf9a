"""Secrets planted in every place of every format, and looked for in every file that an import writes."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import duckdb
import pyarrow.parquet as pq
import pytest

from resources.warehouse.publish import publish
from tests.unit.traffic_samples import FORMATS, SECRETS, Format, Sent
from workloads.errors import ArchduelError
from workloads.exporters import exporters
from workloads.importers.formats import importers
from workloads.importers.ingest import ingest
from workloads.importers.rules.suggestion import suggested
from workloads.places import Places
from workloads.recordings.library import Library
from workloads.replay.schedule import schedule

EVERY = pytest.mark.parametrize("written", FORMATS.values(), ids=FORMATS)


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
    """What an import says of requests, whether it succeeds or not."""
    path = tmp_path / "traffic.log"
    path.write_bytes(written.write(requests))
    try:
        done = ingest(importers()[written.form].with_options(written.options), [path], "mine", library)
    except ArchduelError as error:
        return str(error)
    return repr(done) + suggested(library.load("mine"))


def assert_nowhere(home: Path, said: str) -> None:
    found = [*texts(home), said]
    for secret in SECRETS.values():
        for form in (secret, quote(secret, safe="")):
            assert not [text for text in found if form.lower() in text.lower()], form


@EVERY
class TestPlanted:
    def test_in_every_field_that_is_none_of_our_business(
        self, written: Format, library: Library, home: Path, tmp_path: Path
    ) -> None:
        requests = [Sent(method, "/orders", secret=secret) for secret in SECRETS.values() for method in ("GET", "POST")]
        said = planted(requests, written, library, tmp_path)
        assert library.load("mine").requests == len(requests)
        assert_nowhere(home, said)

    def test_in_path_query_and_address(self, written: Format, library: Library, home: Path, tmp_path: Path) -> None:
        requests = [Sent(client=secret) for secret in SECRETS.values()]
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
        said = planted(requests, written, library, tmp_path)
        assert library.load("mine").requests > len(requests) / 2
        assert_nowhere(home, said)

    def test_in_lines_that_cannot_be_used(self, written: Format, library: Library, home: Path, tmp_path: Path) -> None:
        requests = [Sent()]
        for secret in SECRETS.values():
            requests += [
                Sent(secret, "/a"),
                Sent("GET", secret),
                Sent("GET", f"/a/{secret}", status=99999),
                Sent(f"G{secret}T", f"/{secret}"),
            ]
        said = planted(requests, written, library, tmp_path)
        assert_nowhere(home, said)


def test_nothing_planted_is_sent_to_an_emulator_nor_exported(library: Library, home: Path, tmp_path: Path) -> None:
    requests = [Sent(method, f"/a/{secret}", secret=secret) for secret in SECRETS.values() for method in ("GET", "PUT")]
    said = planted(requests, FORMATS["jsonl"], library, tmp_path)
    recording = library.load("mine")
    offered = schedule(recording, speed=1.0, seed=1)
    sent = b"".join(offered.message(index, "/prod", "127.0.0.1") for index in range(len(offered)))
    for exporter in exporters().values():
        exporter.write(recording, "http://127.0.0.1", home, speed=1.0, seed=1)
    assert_nowhere(home, said + sent.decode() + str(offered.entities))


@pytest.mark.parametrize(
    "target",
    [
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
    ],
)
def test_what_is_no_secret_stays_as_it_is(library: Library, tmp_path: Path, target: str) -> None:
    planted([Sent(target=target)], FORMATS["combined"], library, tmp_path)
    assert library.load("mine").table.column("path").to_pylist() == [target]


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
def test_entities_that_are_masked_keep_apart(library: Library, tmp_path: Path, secret: str) -> None:
    at = next(index for index in range(len(secret) // 2, len(secret)) if secret[index].isalnum())
    other = secret[:at] + {"0": "1", "a": "b"}.get(secret[at], "0" if secret[at].isdigit() else "a") + secret[at + 1 :]
    planted([Sent(target=f"/a/{one}") for one in (secret, other, secret)], FORMATS["combined"], library, tmp_path)
    one, two, three = library.load("mine").table.column("entity").to_pylist()
    assert one == three != two


def test_the_database_of_results_holds_the_shape_of_a_line_and_nothing_else(
    home: Path, library: Library, tmp_path: Path
) -> None:
    said = planted([Sent(), Sent("GET", SECRETS["e-mail"])], FORMATS["combined"], library, tmp_path)
    places = Places(home)
    publish(places)
    with duckdb.connect(str(places.database), read_only=True) as database:
        rows = database.execute("SELECT * FROM quarantine").fetchall()
    assert rows
    assert_nowhere(home, said + str(rows))
