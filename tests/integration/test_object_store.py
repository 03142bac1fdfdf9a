"""Recordings from ``s3://``, on the embedded emulator's S3."""

import gzip
from collections.abc import Iterator
from pathlib import Path

import pytest

from resources.object_store import AwsObjectStore, S3Inbox, S3ObjectStore
from tests.aws_profiles import profiles, standing_in
from tests.platforms import somebodys
from workloads.errors import ArchduelError
from workloads.importers.formats import importers
from workloads.importers.ingest import ingest
from workloads.inbox.importing import bring_in
from workloads.inbox.ledger import Ledger, State
from workloads.inbox.watching import Watcher
from workloads.places import Places
from workloads.recordings.library import Library

pytestmark = pytest.mark.emulator

LINE = '203.0.113.9 - - [17/May/2015:10:05:{second:02d} +0000] "GET /menu HTTP/1.1" 200 12 "-" "curl"\n'


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with somebodys(tmp_path_factory.mktemp("emulators")) as url:
        client = S3ObjectStore(url).client
        client.create_bucket(Bucket="logs")
        client.put_object(Bucket="logs", Key="shop/a.log", Body="".join(LINE.format(second=s) for s in range(3)))
        packed = gzip.compress("".join(LINE.format(second=s) for s in range(10, 14)).encode())
        client.put_object(Bucket="logs", Key="shop/b.log.gz", Body=packed)
        client.put_object(Bucket="logs", Key="shop/a.log.1", Body=LINE.format(second=50))
        yield url


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


def test_a_prefix_is_an_inbox_like_a_folder(s3: str, places: Places) -> None:
    client = S3ObjectStore(s3).client
    client.create_bucket(Bucket="inbox")

    def put(key: str, lines: int, first: int = 0) -> None:
        text = "".join(LINE.format(second=s) for s in range(first, first + lines))
        client.put_object(Bucket="inbox", Key=key, Body=text)

    put("new/shop.log", 3)
    put("new/eu/a#1?.log", 4)
    put("new/eu/copy.log", 3)
    put("new/.hidden.log", 5)
    put("newer/other.log", 6)
    client.put_object(
        Bucket="inbox", Key="new/mapping.yaml", Body='routes:\n  - match: "GET /menu"\n    operation: command\n'
    )
    inbox, ledger, library = S3Inbox("s3://inbox/new", s3), Ledger(places.inbox_ledger), Library(places)
    watcher = Watcher(inbox, ledger)

    def bring() -> dict[str, int]:
        watcher.scan(library.paths())
        files = ledger.queued()
        for file in files:
            bring_in(file.address, inbox, ledger, library, "2026-11-24")
        return {file.recording or "": library.load(file.recording or "").requests for file in files}

    assert bring() == {"eu_a_1": 4, "eu_copy": 3}
    assert library.load("eu_copy").command_share == 1.0, "by the mapping"
    assert {file.state for file in ledger.files().values()} == {State.IMPORTED, State.DUPLICATE}
    assert bring() == {}
    put("new/eu/copy.log", 7)
    assert bring() == {"eu_copy": 7}
    client.delete_object(Bucket="inbox", Key="new/eu/copy.log")
    with pytest.raises(FileNotFoundError):
        inbox.entry("s3://inbox/new/eu/copy.log")
    with inbox.open("s3://inbox/new/shop.log", 10) as stream:
        assert stream.read(5) == LINE.format(second=0).encode()[10:15]


def test_an_object_that_cannot_be_read_is_named_without_where_it_was_downloaded_to(s3: str, places: Places) -> None:
    client = S3ObjectStore(s3).client
    client.create_bucket(Bucket="broken")
    client.put_object(Bucket="broken", Key="shop.log", Body="not a log\n" * 30)
    inbox, ledger = S3Inbox("s3://broken", s3), Ledger(places.inbox_ledger)
    Watcher(inbox, ledger).scan([])
    with pytest.raises(ArchduelError):
        bring_in("s3://broken/shop.log", inbox, ledger, Library(places), "2026-11-24")
    file = ledger.file("s3://broken/shop.log")
    assert file is not None
    assert file.message.startswith("shop.log is in none of the formats")


@pytest.mark.parametrize("uri", ["s3://nowhere/x", "s3://"])
def test_an_inbox_that_is_not_there_is_one_sentence(s3: str, uri: str) -> None:
    with pytest.raises(ArchduelError, match="s3://"):
        list(S3Inbox(uri, s3).entries())


def test_downloads_stay_in_their_folder(s3: str, tmp_path: Path) -> None:
    files = S3ObjectStore(s3).download("s3://logs/shop/", tmp_path)
    assert all(tmp_path in file.parents for file in files)


def test_of_an_account_the_agreed_is_read_and_nothing_can_be_written(
    s3: str, places: Places, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The emulator in AWS's place, reached with a profile."""
    profiles(tmp_path, monkeypatch)
    services = standing_in(s3).services("lab", "eu-west-1")
    store = AwsObjectStore(services, ["s3://logs/shop/"])
    assert (store.reading.objects, store.reading.bytes > 100) == (3, True)
    store.agree()
    done = ingest(importers()["combined"], ["s3://logs/shop/"], "shop", Library(places), object_store=store)
    assert done.accepted == 8
    with pytest.raises(ArchduelError, match="DeleteObject was not sent"):
        store.client.delete_object(Bucket="logs", Key="shop/a.log")
    with pytest.raises(ArchduelError, match="cannot read s3://nowhere/x"):
        AwsObjectStore(services, ["s3://nowhere/x"])
