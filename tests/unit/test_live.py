"""What a recorder writes down: scrubbed, on disk, and one recording in the end, whatever happened to the recorder."""

import json
import random
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workloads.errors import ArchduelError, UsageError
from workloads.importers.formats import importers
from workloads.importers.ingest import ingest
from workloads.importers.rules.classify import Rules
from workloads.importers.rules.mapping import Drop, Mapping, Route
from workloads.importers.rules.privacy import library_key
from workloads.live.journal import BOOKS, SEGMENTS, Batch, Journal, Seen, journal
from workloads.live.recovery import Recovery, recover
from workloads.live.whole import make_whole
from workloads.places import Places
from workloads.recordings.alive import claimed
from workloads.recordings.folders import is_interrupted
from workloads.recordings.library import Library
from workloads.recordings.recording import SCHEMA

KEY = b"k" * 32
NOON_US = 1_780_000_000_000_000


def seen(offset_us: int = 0, target: str = "/orders/17", method: str = "GET", **facts: object) -> Seen:
    values: dict[str, object] = {
        "stamp_us": NOON_US + offset_us,
        "method": method,
        "target": target,
        "client": "203.0.113.7",
        "payload_bytes": 0,
        "status": 200,
        "latency_us": 1000,
        **facts,
    }
    return Seen(**values)  # type: ignore[arg-type]  # by name, as they are declared


def written(folder: Path, *batches: Batch, rules: Rules | None = None, total: int | None = None) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    with journal(folder, KEY, rules or Rules()) as one:
        for batch in batches:
            one.write(batch)
        if total is not None:
            one.close(total)
    return folder


@pytest.fixture
def target(tmp_path: Path) -> Path:
    made = tmp_path / "target"
    made.mkdir()
    return made


def rows(folder: Path) -> list[dict[str, object]]:
    found: list[dict[str, object]] = pq.read_table(folder / "requests.parquet").to_pylist()
    return found


SECRETS = [
    ("/orders/17?token=hushhush", "hushhush"),
    ("/u/jo.doe@example.com", "jo.doe"),
    ("/pay/4111111111111111", "4111111111111111"),
    ("/reset/eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc", "eyJhbGciOiJIUzI1NiJ9"),
    ("http://user:hushhush@here/orders/17", "hushhush"),
    ("/orders/17;jsessionid=hushhush", "hushhush"),
    ("/search%3Fq=hushhush", "hushhush"),
]


class TestPrivacy:
    def test_no_file_ever_holds_a_secret_or_an_address(self, tmp_path: Path) -> None:
        batches = [
            Batch(
                [seen(at, text), seen(at + 1, text, "POST"), seen(at + 2, text, "OPTIONS")],
                [seen(at + 3, text, "PUT")],
            )
            for at, (text, _) in zip(range(0, 10 * len(SECRETS), 10), SECRETS, strict=True)
        ]
        folder = written(tmp_path / "live", *batches)
        everything = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
        assert len(everything) > 500
        for secret in [*(secret for _, secret in SECRETS), "203.0.113.7"]:
            assert secret.encode() not in everything, secret

    def test_it_is_the_scrubbing_of_an_import(self, tmp_path: Path, target: Path) -> None:
        targets = [text for text, _ in SECRETS] + ["/", "/a/b/12", "/menus?page=2", "/orders/9#part", "//x//"]
        methods = ["GET", "POST", "PUT", "DELETE", "HEAD"]
        everything = [
            seen(index * 1000, text, method, payload_bytes=0 if method == "GET" else 70)
            for index, (text, method) in enumerate((text, method) for text in targets for method in methods)
        ]
        log = tmp_path / "log.jsonl"
        log.write_text(
            "\n".join(
                json.dumps(
                    {
                        "timestamp": one.stamp_us / 1e6,
                        "method": one.method,
                        "path": one.target,
                        "client": one.client,
                        "status": one.status,
                        "latency_us": one.latency_us,
                        "payload_bytes": one.payload_bytes,
                    }
                )
                for one in everything
            )
        )
        library = Library(Places(tmp_path / "home"))
        library_key_of_it = library_key(_made(Places(tmp_path / "home").recordings))
        ingest(importers()["jsonl"], [log], "imported", library)
        folder = tmp_path / "live"
        folder.mkdir()
        with journal(folder, library_key_of_it) as one:
            one.write(Batch(everything))
        make_whole(folder, target, "live")
        assert rows(target) == library.load("imported").table.select(SCHEMA.names).to_pylist()


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


@pytest.fixture(scope="module")
def segments(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight batches of ten requests."""
    folder = tmp_path_factory.mktemp("torn") / "live"
    return written(folder, *(Batch([seen(number * 10 + one) for one in range(10)]) for number in range(8)))


class TestWhole:
    def test_requests_come_in_order_of_arrival_not_in_the_order_they_ended(self, tmp_path: Path, target: Path) -> None:
        offsets = random.Random(1).sample(range(100_000), 500)
        folder = written(
            tmp_path / "live", *(Batch([seen(at) for at in offsets[i : i + 50]]) for i in range(0, 500, 50))
        )
        account = make_whole(folder, target, "live")
        assert account
        ordered = sorted(offsets)
        assert [row["arrival_us"] for row in rows(target)] == [at - ordered[0] for at in ordered]
        assert [row["request_id"] for row in rows(target)] == list(range(500))
        assert account.seen == account.recorded == 500
        assert not account.stopped

    def test_a_request_under_way_is_there_once_and_answered_in_the_end(self, tmp_path: Path, target: Path) -> None:
        waiting = seen(5, status=None, latency_us=None)
        lost = seen(6, status=None, latency_us=None)
        folder = written(
            tmp_path / "live",
            Batch([seen(0)], [waiting, lost]),
            Batch([seen(9)], settled_later=[seen(5, status=201, latency_us=700)]),
        )
        account = make_whole(folder, target, "live")
        assert account
        assert [(row["arrival_us"], row["recorded_status"]) for row in rows(target)] == [
            (0, 200),
            (5, 201),
            (6, None),
            (9, 200),
        ]
        assert (account.seen, account.recorded, account.unanswered) == (4, 4, 1)

    def test_the_books_balance(self, tmp_path: Path, target: Path) -> None:
        batch = Batch(
            [seen(0), seen(1, method="OPTIONS"), seen(2, reason="its client left"), seen(3, "*")],
            refused={"TLS": 2},
            upstream_errors=1,
        )
        account = make_whole(written(tmp_path / "live", batch, total=6), target, "live")
        assert account
        assert (account.seen, account.recorded, account.dropped, account.refused) == (6, 1, 3, 2)
        assert account.stopped
        assert account.upstream_errors == 1
        provenance = json.loads((target / "provenance.json").read_text())
        assert provenance["seen"] == provenance["requests"] + provenance["dropped"] + provenance["refused"]

    def test_books_that_do_not_balance_are_an_error(self, tmp_path: Path, target: Path) -> None:
        folder = written(tmp_path / "live", Batch([seen(0)]), total=2)
        with pytest.raises(ArchduelError, match="2 requests were seen, 1 are accounted for"):
            make_whole(folder, target, "live")

    def test_a_mapping_decides_as_for_an_import(self, tmp_path: Path, target: Path) -> None:
        mapping = Mapping(
            drops=(Drop((), "/static/.*", "static files"),),
            routes=(Route(("POST",), "/search", "query", "/search", entity="customer", parameter="customer"),),
        )
        batch = Batch([seen(0, "/static/a.css"), seen(1, "/search?customer=ann", "POST")])
        account = make_whole(written(tmp_path / "live", batch, rules=Rules(mapping=mapping)), target, "live")
        assert account
        assert account.dropped_by_rule == {"static files": 1}
        (row,) = rows(target)
        assert row["operation"] == "query"
        assert str(row["entity"]).startswith("customer-")
        assert "ann" not in str(row)

    def test_nothing_recorded_makes_nothing(self, tmp_path: Path, target: Path) -> None:
        assert make_whole(written(tmp_path / "live", Batch(refused={"TLS": 2})), target, "live") is None
        assert not list(target.iterdir())

    @given(share=st.floats(0, 1))
    @settings(max_examples=25, deadline=None)
    def test_a_torn_end_costs_what_was_torn_and_nothing_else(
        self, segments: Path, share: float, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        folder = tmp_path_factory.mktemp("cut")
        data = (segments / SEGMENTS).read_bytes()
        (folder / SEGMENTS).write_bytes(data[: round(share * len(data))])
        shutil.copy(segments / BOOKS, folder / BOOKS)
        target = _made(folder / "target")
        account = make_whole(folder, target, "live")
        recorded = account.recorded if account else 0
        assert recorded % 10 == 0
        assert recorded >= 80 * share - 25, "no more than a batch and the stream's head"
        if account:
            assert [row["arrival_us"] for row in rows(target)] == list(range(recorded))


@pytest.fixture
def library(tmp_path: Path) -> Library:
    return Library(Places(tmp_path / "home"), bundled=tmp_path / "no-bundled")


def abandoned(library: Library, name: str, requests: Sequence[Seen], *, replace: bool = False) -> Path:
    """What a recorder that is gone left behind."""
    with library.keeping(name, replace=replace) as folder:
        with journal(folder, KEY) as one:
            if requests:
                one.write(Batch(list(requests)))
        return folder


class TestRecovery:
    def test_makes_a_recording_of_what_a_killed_recorder_left(self, library: Library) -> None:
        folder = abandoned(library, "shop", [seen(0), seen(1)])
        assert library.paths() == {}, "a look at the library changes nothing"
        assert is_interrupted(library.folder)
        recover(library)
        assert not is_interrupted(library.folder)
        assert library.load("shop").requests == 2
        assert library.provenance("shop")["stopped"].startswith("killed")
        assert not folder.exists()
        assert [path.name for path in folder.parent.iterdir()] == ["shop"]

    def test_importing_does_not_sweep_it_away(self, library: Library) -> None:
        folder = abandoned(library, "shop", [seen(0)])
        with library.writing("other") as other:
            (other / "requests.parquet").write_bytes(b"")
        assert folder.exists()
        assert list(recover(library).accounts) == [folder]

    def test_a_recorder_at_work_is_left_alone_and_its_name_is_taken(self, library: Library) -> None:
        with library.keeping("shop") as folder:
            assert recover(library) == Recovery()
            assert not is_interrupted(library.folder)
            with pytest.raises(UsageError, match="'shop' is being recorded"), library.keeping("shop"):
                pass
            assert folder.exists()

    def test_a_disk_that_is_full_keeps_it_for_later_and_says_why(
        self, library: Library, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        folder = abandoned(library, "shop", [seen(0)])

        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patched:
            patched.setattr(Path, "write_text", full)
            failed = recover(library)
        assert not failed.accounts
        with pytest.raises(ArchduelError, match="'shop' could not be written: No space left on device; what was"):
            raise failed.failures[folder]
        assert list(recover(library).accounts) == [folder]

    def test_two_at_once_make_one_recording_of_it(self, library: Library) -> None:
        folder = abandoned(library, "shop", [seen(0)])
        with claimed(folder):  # another process is at it
            assert recover(library) == Recovery()
        assert list(recover(library).accounts) == [folder]
        assert recover(library) == Recovery()

    def test_an_existing_recording_is_replaced_only_on_request(self, library: Library) -> None:
        abandoned(library, "shop", [seen(0)])
        recover(library)
        assert library.load("shop").requests == 1
        with pytest.raises(UsageError, match="say --replace"), library.keeping("shop"):
            pass
        abandoned(library, "shop", [seen(0), seen(1)], replace=True)
        recover(library)
        assert library.load("shop").requests == 2

    def test_a_name_taken_meanwhile_gets_a_number(self, library: Library) -> None:
        first = abandoned(library, "shop", [seen(0)])
        shutil.copytree(first, first.with_name(".shop.other.live"))
        assert sorted(account.name for account in recover(library).accounts.values()) == ["shop", "shop-2"]
        assert list(library.paths()) == ["shop", "shop-2"]

    def test_what_holds_no_request_goes(self, library: Library) -> None:
        folder = abandoned(library, "shop", [])
        recover(library)
        assert list(library.paths()) == []
        assert not folder.exists()


class TestJournal:
    @pytest.fixture
    def one(self, tmp_path: Path) -> Iterator[Journal]:
        with journal(tmp_path, KEY) as made:
            yield made

    def test_what_is_written_is_on_the_disk_when_it_says_so(self, one: Journal, tmp_path: Path, target: Path) -> None:
        one.write(Batch([seen(0)], refused={"TLS": 1}))
        copied = _made(tmp_path / "copied")  # as a kill would leave it
        for name in (SEGMENTS, BOOKS):
            shutil.copy(tmp_path / name, copied / name)
        account = make_whole(copied, target, "live")
        assert account
        assert (account.recorded, account.refused) == (1, 1)

    def test_it_counts_as_it_goes(self, one: Journal) -> None:
        one.write(Batch([seen(0), seen(1, method="TRACE")], [seen(2, status=None)]))
        one.write(Batch(settled_later=[seen(2)]))
        assert (one.recorded, one.dropped) == (2, 1)
