"""Recordings from ``s3://`` through dagster-aws, on the embedded emulator's S3."""

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest

from resources.clients import Clients
from resources.object_store import S3ObjectStore
from tests.platforms import platform
from workloads.errors import ArchduelError
from workloads.importers import importers
from workloads.importers.ingest import ingest
from workloads.library import Library
from workloads.places import Places

pytestmark = pytest.mark.emulator

LINE = '203.0.113.9 - - [17/May/2015:10:05:{second:02d} +0000] "GET /menu HTTP/1.1" 200 12 "-" "curl"\n'


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    emulator = platform(tmp_path_factory.mktemp("emulators")).start("s3", 1)
    try:
        emulator.wait_until_ready()
        client = Clients(emulator.endpoint_url).s3
        client.create_bucket(Bucket="logs")
        client.put_object(Bucket="logs", Key="shop/a.log", Body="".join(LINE.format(second=s) for s in range(3)))
        packed = gzip.compress("".join(LINE.format(second=s) for s in range(10, 14)).encode())
        client.put_object(Bucket="logs", Key="shop/b.log.gz", Body=packed)
        client.put_object(Bucket="logs", Key="shop/a.log.1", Body=LINE.format(second=50))
        yield emulator.endpoint_url
    finally:
        emulator.close()


@pytest.mark.parametrize(("uri", "lines"), [("s3://logs/shop/a.log", 3), ("s3://logs/shop/", 8)])
def test_an_object_or_all_below_a_prefix_become_one_recording(s3: str, places: Places, uri: str, lines: int) -> None:
    done = ingest(importers()["combined"], [uri], "shop", Library(places), object_store=S3ObjectStore(s3))
    assert done.lines == done.accepted == lines
    assert Library(places).load("shop").requests == lines


@pytest.mark.parametrize("uri", ["s3://nowhere/x.log", "s3://logs/nothing-here"])
def test_what_is_not_there_is_one_sentence_and_no_recording(s3: str, places: Places, uri: str) -> None:
    with pytest.raises(ArchduelError, match=uri.removeprefix("s3://")):
        ingest(importers()["combined"], [uri], "shop", Library(places), object_store=S3ObjectStore(s3))
    assert "shop" not in Library(places).paths()


def test_downloads_stay_in_their_folder(s3: str, tmp_path: Path) -> None:
    files = S3ObjectStore(s3).download("s3://logs/shop/", tmp_path)
    assert all(tmp_path in file.parents for file in files)
