"""Secrets planted in every place of every format, and looked for in every file that an import writes."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import duckdb
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from resources.warehouse.publish import publish
from tests.importing import Imports
from tests.unit.traffic_samples import FORMATS, SECRETS, Format, Sent
from workloads.exporters import exporters
from workloads.importers.rules.suggestion import suggested
from workloads.places import Places
from workloads.replay.schedule import schedule


def texts(home: Path) -> Iterator[str]:
    """Every file under ``home``, as it is and as it reads."""
    for path in home.rglob("*"):
        if path.is_file():
            yield path.read_bytes().decode("utf-8", "replace")
            if path.suffix == ".parquet":
                yield str(pq.read_table(path).to_pylist())
                yield str(duckdb.connect().execute(f"SELECT * FROM parquet_metadata('{path}')").fetchall())


def planted(requests: list[Sent], written: Format, imports: Imports) -> str:
    """Import requests, and return all that the import and a suggestion of a mapping show."""
    done = imports.run(written.write(requests), written.form, written.options)
    return repr(done) + suggested(imports.library.load("mine"))


def assert_nowhere(home: Path, shown: str) -> None:
    found = "\0".join([*texts(home), shown]).lower()
    for secret in SECRETS.values():
        for form in (secret, quote(secret, safe="")):
            assert form.lower() not in found, form


@pytest.mark.parametrize("written", FORMATS.values(), ids=FORMATS)
def test_nothing_planted_anywhere_is_in_any_file(written: Format, imports: Imports) -> None:
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
    shown = planted(requests, written, imports)
    recording = imports.library.load("mine")
    assert recording.requests > used / 2
    assert pc.sum(pc.equal(recording.table.column("path"), "/orders")).as_py() >= len(harmless)
    assert_nowhere(imports.home, shown)


def test_nothing_planted_is_sent_to_an_emulator_nor_exported(imports: Imports) -> None:
    requests = [Sent(method, f"/a/{secret}", secret=secret) for secret in SECRETS.values() for method in ("GET", "PUT")]
    shown = planted(requests, FORMATS["jsonl"], imports)
    recording = imports.library.load("mine")
    due = schedule(recording, speed=1.0, seed=1)
    sent = b"".join(due.message(index, "/prod", "127.0.0.1") for index in range(len(due)))
    for exporter in exporters().values():
        exporter.write(recording, "http://127.0.0.1", imports.home, speed=1.0, seed=1)
    assert_nowhere(imports.home, shown + sent.decode() + str(due.entities))


def test_what_is_no_secret_stays_as_it_is(imports: Imports) -> None:
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
    planted([Sent(target=target) for target in targets], FORMATS["combined"], imports)
    assert imports.column("path") == targets


def test_entities_that_are_masked_keep_apart(imports: Imports) -> None:
    triples = []
    for secret in SECRETS.values():
        at = next(index for index in range(len(secret) // 2, len(secret)) if secret[index].isalnum())
        changed = {"0": "1", "a": "b"}.get(secret[at], "0" if secret[at].isdigit() else "a")
        triples.append((secret, secret[:at] + changed + secret[at + 1 :], secret))
    requests = [Sent(target=f"/a/{secret}") for triple in triples for secret in triple]
    planted(requests, FORMATS["combined"], imports)
    entities = imports.column("entity")
    for number, (secret, _, _) in enumerate(triples):
        one, two, three = entities[3 * number : 3 * number + 3]
        assert one == three != two, secret


def test_the_database_of_results_holds_the_shape_of_a_line_and_nothing_else(imports: Imports) -> None:
    shown = planted([Sent(), Sent("GET", SECRETS["e-mail"])], FORMATS["combined"], imports)
    places = Places(imports.home)
    publish(places)
    with duckdb.connect(str(places.database), read_only=True) as database:
        rows = database.execute("SELECT * FROM quarantine").fetchall()
    assert rows
    assert_nowhere(imports.home, shown + str(rows))
