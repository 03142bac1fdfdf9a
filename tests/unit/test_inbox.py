"""The inbox: what is imported, when, as what, and how often."""

import hashlib
import json
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workloads.errors import ArchduelError
from workloads.importers.files.reading import Readable
from workloads.importers.formats import importers
from workloads.importers.ingest import Import, ingest
from workloads.inbox import Entry
from workloads.inbox.folder import FolderInbox
from workloads.inbox.importing import bring_in, comparison_of
from workloads.inbox.ledger import MAX_ATTEMPTS, Comparison, File, Ledger, State
from workloads.inbox.names import is_traffic, mapping_names, recording_name
from workloads.inbox.watching import MAX_QUEUED, Watcher
from workloads.places import Places
from workloads.recordings.library import Library, check_name

NIGHT = "2026-11-24"
LINE = '203.0.113.9 - - [17/May/2015:10:{minute:02d}:{second:02d} +0000] "GET /menu HTTP/1.1" 200 12 "-" "curl"\n'


def log(lines: int, start: int = 0) -> str:
    return "".join(LINE.format(minute=n // 60, second=n % 60) for n in range(start, start + lines))


@dataclass
class Desk:
    """An inbox in a folder with its ledger, and a clock that goes on by hand."""

    places: Places
    folder: Path
    at_s: float = 2e9

    def __post_init__(self) -> None:
        self.folder.mkdir()
        self.inbox = FolderInbox(self.folder)
        self.ledger = Ledger(self.places.inbox_ledger)
        self.library = Library(self.places)
        self.restart()

    def restart(self) -> None:
        """As after a kill: what was only in memory is gone."""
        self.watcher = Watcher(self.inbox, self.ledger, now=lambda: self.at_s)

    def put(self, name: str, text: str | bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        os.utime(path, (self.at_s, self.at_s))
        return path

    def noticed(self, name: str, text: str | bytes) -> Path:
        path = self.put(name, text)
        self.scan()
        return path

    def queued(self, name: str, text: str | bytes) -> File:
        """A file, alone in the queue."""
        self.noticed(name, text)
        [file] = self.ledger.queued()
        return file

    def imported(self, name: str, text: str | bytes) -> Path:
        path = self.noticed(name, text)
        self.work()
        return path

    def bring_in(self, file: File, inbox: FolderInbox | None = None, ledger: Ledger | None = None) -> Import | None:
        return bring_in(file.address, inbox or self.inbox, ledger or self.ledger, self.library, NIGHT)

    def scan(self, later_s: float = 60.0) -> dict[State, int]:
        self.at_s += later_s
        found = self.watcher.scan(self.library.paths())
        self.messages: tuple[str, ...] = found.messages
        return dict(found.counts)

    def work(self) -> list[str]:
        """Import what is queued, as runs would; the names of the recordings that came of it."""
        names = []
        for file in self.ledger.queued():
            try:
                bring_in(file.address, self.inbox, self.ledger, self.library, NIGHT)
            except ArchduelError:
                continue
            names.append(file.recording or "")
        return names

    def state(self, name: str) -> tuple[State, str]:
        file = self.ledger.file(str(self.folder / name))
        assert file is not None
        return file.state, file.message


@pytest.fixture
def desk(places: Places, tmp_path: Path) -> Desk:
    return Desk(places, tmp_path / "inbox")


def test_a_new_file_becomes_a_recording_once_and_calls_for_one_comparison(desk: Desk) -> None:
    desk.put("shop.log", log(3))
    assert desk.scan() == {State.QUEUED: 1}
    assert desk.work() == ["shop"]
    assert desk.scan() == {State.IMPORTED: 1}
    assert desk.work() == []
    assert desk.library.load("shop").requests == 3
    assert [one.recording for one in desk.ledger.open_comparisons()] == ["shop"]


def test_a_file_still_being_written_waits_until_it_is_complete(desk: Desk) -> None:
    for lines in (1, 2, 3):
        desk.put("shop.log", log(lines))
        assert desk.scan(later_s=5) == {State.WAITING: 1}
    assert desk.scan(later_s=20) == {State.QUEUED: 1}
    desk.work()
    assert desk.library.load("shop").requests == 3


def test_a_stamp_in_the_future_does_not_keep_a_file_waiting_for_ever(desk: Desk) -> None:
    os.utime(desk.put("shop.log", log(1)), (desk.at_s + 1e6, desk.at_s + 1e6))
    assert desk.scan() == {State.WAITING: 1}
    assert desk.scan() == {State.QUEUED: 1}


def test_what_is_unfinished_or_no_traffic_is_not_seen(desk: Desk) -> None:
    for name in (".shop.log", "shop.log.part", ".hidden/shop.log", "shop.log~", "mapping.yaml"):
        desk.put(name, log(1))
    assert desk.scan() == {}


def test_more_lines_make_a_new_version_of_the_same_recording_once(desk: Desk) -> None:
    desk.imported("shop.log", log(3))
    desk.put("shop.log", log(7))
    assert desk.scan() == {State.QUEUED: 1}
    assert desk.work() == ["shop"]
    assert desk.library.load("shop").requests == 7
    assert desk.scan() == {State.IMPORTED: 1}
    [old], [new] = desk.ledger.superseded_comparisons(), desk.ledger.open_comparisons()
    assert old.recording == new.recording == "shop"


def test_other_content_under_an_old_name_takes_nothing_away(desk: Desk) -> None:
    desk.imported("shop.log", log(3))
    desk.noticed("shop.log", log(5, start=100))
    assert desk.work() == ["shop_2"]
    assert {name: desk.library.load(name).requests for name in ("shop", "shop_2")} == {"shop": 3, "shop_2": 5}


@pytest.mark.parametrize("together", [True, False])
def test_the_same_content_under_another_name_is_imported_once_with_a_note(desk: Desk, together: bool) -> None:
    desk.put("a.log", log(3))
    if not together:
        desk.scan()
        desk.work()
    desk.noticed("b.log", log(3))
    assert [sentence for sentence in desk.messages if "b.log is known" in sentence and "recording a" in sentence]
    assert desk.state("b.log")[0] is State.DUPLICATE
    desk.work()
    assert desk.scan() == {State.IMPORTED: 1, State.DUPLICATE: 1}
    assert desk.messages == (), "once"


def test_a_moved_or_touched_file_is_known_by_its_content(desk: Desk) -> None:
    path = desk.imported("a.log", log(3))
    os.utime(path, (desk.at_s, desk.at_s))
    assert desk.scan() == {State.IMPORTED: 1}
    path.rename(path.with_name("moved.log"))
    assert desk.scan() == {State.DUPLICATE: 1}


def test_what_was_imported_into_a_recording_since_removed_is_imported_again(desk: Desk) -> None:
    path = desk.imported("a.log", log(3))
    recording = desk.library.paths()["a"].parent
    recording.rename(recording.with_name(".away"))
    os.utime(path, (desk.at_s, desk.at_s))
    desk.scan()
    assert desk.work() == ["a"]


@pytest.mark.parametrize("content", [bytes(range(256)) * 40, b"not a log\n" * 30, b"\x1f\x8b\x08\x00cut off"])
def test_an_unreadable_file_is_refused_once_others_go_on_and_mended_it_is_tried_again(
    desk: Desk, content: bytes
) -> None:
    desk.put("bad.log", content)
    desk.noticed("good.log", log(2))
    assert desk.work() == ["good"]
    state, message = desk.state("bad.log")
    assert state is State.REFUSED
    assert "bad.log" in message
    assert desk.scan() == {State.IMPORTED: 1, State.REFUSED: 1}
    assert desk.work() == []
    desk.noticed("bad.log", log(4))
    assert desk.work() == ["bad"]


def test_refused_files_are_tried_again_when_asked_for(desk: Desk) -> None:
    desk.put("bad.log", "not a log\n" * 30)
    desk.imported("mapping.yaml", "nonsense: 1\n")
    assert desk.ledger.retry() == 1
    assert desk.scan() == {State.QUEUED: 1}


def test_links_pipes_and_empty_files_are_refused_without_being_read(desk: Desk, tmp_path: Path) -> None:
    outside = tmp_path / "outside.log"
    outside.write_text(log(2))
    (desk.folder / "link.log").symlink_to(outside)
    (desk.folder / "folder").symlink_to(tmp_path)
    os.mkfifo(desk.folder / "pipe.log")
    desk.put("empty.log", "")
    assert desk.scan() == {State.REFUSED: 4}
    assert [len(desk.messages), desk.scan(), len(desk.messages)] == [4, {State.REFUSED: 4}, 0]
    assert desk.work() == []


def test_a_link_that_takes_a_files_place_before_its_import_is_not_followed(desk: Desk, tmp_path: Path) -> None:
    path = desk.put("shop.log", log(3))
    (tmp_path / "outside.log").write_text(log(3))
    desk.scan()
    path.unlink()
    path.symlink_to(tmp_path / "outside.log")
    assert desk.work() == []
    assert "a link" in desk.state("shop.log")[1]


def test_a_name_that_is_no_text_is_refused_and_hides_no_other(desk: Desk) -> None:
    desk.put(os.fsdecode(b"\xff\xfe.log"), log(2))
    desk.put("good.log", log(3))
    assert desk.scan() == {State.QUEUED: 1, State.REFUSED: 1}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_refused(desk: Desk) -> None:
    desk.put("mine.log", log(2)).chmod(0)
    assert desk.scan() == {State.REFUSED: 1}


def test_a_file_that_goes_away_before_its_import_is_forgotten(desk: Desk) -> None:
    path = desk.noticed("shop.log", log(3))
    path.unlink()
    assert desk.work() == []
    assert desk.ledger.files() == {}
    desk.noticed("shop.log", log(3))
    assert desk.work() == ["shop"]


def test_a_file_that_grows_while_it_is_imported_is_imported_again_as_it_is_then(desk: Desk) -> None:
    file = desk.queued("shop.log", log(3))
    desk.put("shop.log", log(6))
    desk.scan(later_s=1)
    assert desk.ledger.queued() == [], "it waits again"
    assert desk.bring_in(file) is None
    desk.scan()
    assert desk.work() == ["shop"]
    assert desk.library.load("shop").requests == 6


class DyingLedger(Ledger):
    """A process that is killed before it can write down what it did."""

    def imported(self, file: File, comparison: Comparison) -> None:
        raise SystemExit


def test_an_import_killed_before_it_was_written_down_is_done_again_without_harm(desk: Desk) -> None:
    file = desk.queued("shop.log", log(3))
    with pytest.raises(SystemExit):
        desk.bring_in(file, ledger=DyingLedger(desk.places.inbox_ledger))
    desk.restart()
    assert desk.scan() == {State.QUEUED: 1}
    assert desk.work() == ["shop"]
    assert desk.bring_in(file) is None
    assert list(desk.library.paths()) == ["food_orders", "shop"]


def test_what_is_imported_is_what_was_looked_at_or_is_looked_at_again(desk: Desk) -> None:
    path = desk.noticed("shop.log", log(3))
    [file] = desk.ledger.queued()
    path.write_text(log(5, start=100))
    with pytest.raises(ArchduelError, match="has changed since it was looked at"):
        desk.bring_in(file)
    assert desk.ledger.contents() == {}
    assert desk.scan() == {State.QUEUED: 1}
    assert desk.work() == ["shop"]
    desk.noticed("again.log", log(3))
    assert desk.work() == ["again"], "what was there before was never imported"


class Overwriting(FolderInbox):
    """Somebody writes to the file right after the import has begun."""

    def mapping(self, entry: Entry, folder: Path) -> Path | None:
        Path(entry.address).write_text(log(5, start=100))
        return super().mapping(entry, folder)


def test_a_file_overwritten_while_it_is_imported_makes_no_recording_of_unseen_content(desk: Desk) -> None:
    file = desk.queued("shop.log", log(3))
    with pytest.raises(ArchduelError, match="has changed since it was looked at"):
        desk.bring_in(file, inbox=Overwriting(desk.folder))
    assert "shop" not in desk.library.paths()
    assert desk.scan() == {State.QUEUED: 1}


def by_hand(desk: Desk, tmp_path: Path, content: str) -> None:
    """A user's own import of a file called like the inbox's."""
    path = tmp_path / "elsewhere" / "shop.log"
    path.parent.mkdir()
    path.write_text(content)
    ingest(importers()["auto"], [path], "shop", desk.library)


@pytest.mark.parametrize("content", [log(9), log(6)], ids=["other content", "the same content"])
@pytest.mark.parametrize("grown", [False, True])
def test_a_recording_that_took_the_name_since_the_file_was_queued_stays(
    desk: Desk, tmp_path: Path, grown: bool, content: str
) -> None:
    if grown:
        desk.imported("shop.log", log(3))
    desk.noticed("shop.log", log(6))
    by_hand(desk, tmp_path, content)
    stays = (desk.library.folder / "shop" / "provenance.json").read_bytes()
    assert desk.work() == []
    assert desk.scan() == {State.QUEUED: 1}
    assert desk.work() == ["shop_2"]
    assert (desk.library.folder / "shop" / "provenance.json").read_bytes() == stays


@dataclass
class Overtaken(FolderInbox):
    """Somebody imports under the file's name right after its own import has begun."""

    folder: Path
    meanwhile: Callable[[], None]

    def mapping(self, entry: Entry, folder: Path) -> Path | None:
        self.meanwhile()
        return super().mapping(entry, folder)


def test_a_recording_that_takes_the_name_while_the_file_is_imported_stays(desk: Desk, tmp_path: Path) -> None:
    file = desk.queued("shop.log", log(3))
    inbox = Overtaken(desk.folder, lambda: by_hand(desk, tmp_path, log(9)))
    with pytest.raises(ArchduelError, match="a recording 'shop' came meanwhile, and stays"):
        desk.bring_in(file, inbox=inbox)
    assert desk.library.load("shop").requests == 9
    assert desk.scan() == {State.QUEUED: 1}
    assert desk.work() == ["shop_2"]


@pytest.mark.parametrize("content", ["its own", "another's"])
def test_a_version_imported_by_a_killed_run_is_known_for_the_inboxs_by_its_content(desk: Desk, content: str) -> None:
    desk.imported("shop.log", log(3))
    file = desk.queued("shop.log", log(6))
    with pytest.raises(SystemExit):
        desk.bring_in(file, ledger=DyingLedger(desk.places.inbox_ledger))
    if content == "another's":
        provenance = desk.library.folder / "shop" / "provenance.json"
        provenance.write_text(json.dumps({**json.loads(provenance.read_text()), "content": "00" * 16}))
    assert desk.work() == (["shop"] if content == "its own" else [])


def test_a_recording_does_not_reveal_the_digest_of_its_log(desk: Desk) -> None:
    desk.imported("shop.log", log(1))
    file = desk.ledger.file(str(desk.folder / "shop.log"))
    assert file is not None
    mark = desk.library.provenance("shop")["content"]
    assert mark != hashlib.blake2b(str(file.digest).encode(), digest_size=16).hexdigest()
    assert str(file.digest) not in (desk.library.folder / "shop" / "provenance.json").read_text()


def test_a_clock_that_was_set_back_by_years_keeps_no_file_waiting(desk: Desk) -> None:
    desk.at_s += 1e8
    desk.put("shop.log", log(3))
    desk.scan(later_s=0)
    desk.at_s -= 1e8
    assert desk.scan() == {State.QUEUED: 1}


def test_a_name_too_long_to_have_an_ending_has_no_mapping_of_its_own(desk: Desk) -> None:
    desk.noticed("a" * 250 + ".log", log(3))
    assert desk.work() == ["a" * 60]


def test_what_a_terminal_would_obey_is_spelled_out(desk: Desk) -> None:
    desk.noticed("a\x1b]0;b\x07\n\u202e.log", b"")
    assert desk.messages == (r"a\x1b]0;b\x07\n\u202e.log is left out: empty",)


class CountingLedger(Ledger):
    """Counts transactions."""

    count = 0

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        self.count += 1
        with super()._open() as database:
            yield database


def test_many_copies_are_known_in_no_more_transactions_than_one(desk: Desk) -> None:
    desk.imported("shop.log", log(3))
    counts = []
    for copies in (1, 40):
        for number in range(copies):
            desk.put(f"{copies}/{number}.log", log(3))
            desk.put(f"{copies}/{number}.empty", b"")
        ledger = CountingLedger(desk.places.inbox_ledger)
        desk.watcher.ledger = ledger
        desk.scan()
        counts.append(ledger.count)
    assert desk.scan() == {State.IMPORTED: 1, State.DUPLICATE: 41, State.REFUSED: 41}
    assert counts[0] == counts[1]


def test_a_damaged_ledger_is_named_with_what_to_do(desk: Desk) -> None:
    desk.places.inbox_ledger.parent.mkdir(parents=True, exist_ok=True)
    desk.places.inbox_ledger.write_bytes(b"no database" * 100)
    with pytest.raises(ArchduelError, match=rf"{desk.places.inbox_ledger}.* move it away"):
        desk.scan()


def test_an_import_that_is_killed_again_and_again_is_given_up(desk: Desk) -> None:
    desk.noticed("shop.log", log(3))
    keys = set()
    for _ in range(MAX_ATTEMPTS):
        [file] = desk.ledger.queued()
        keys.add(file.key)
        desk.ledger.died(file)
        desk.ledger.died(file)  # entered twice, one death counts once
    assert len(keys) == MAX_ATTEMPTS
    assert desk.state("shop.log")[0] is State.REFUSED


def test_a_mapping_beside_a_file_or_in_the_inbox_is_meant_for_it(desk: Desk) -> None:
    desk.put("shop.log", log(3))
    desk.put("other.log", log(4))
    desk.put("mapping.yaml", 'routes:\n  - match: "GET /menu"\n    operation: query\n')
    desk.imported("shop.mapping.yaml", 'routes:\n  - match: "GET /menu"\n    operation: command\n')
    shares = {name: desk.library.load(name).command_share for name in ("shop", "other")}
    assert shares == {"shop": 1.0, "other": 0.0}


def test_a_wrong_mapping_refuses_the_file_and_names_the_line(desk: Desk) -> None:
    desk.put("shop.log", log(3))
    desk.noticed("mapping.yaml", "nonsense: 1\n")
    assert desk.work() == []
    assert "mapping.yaml, line 1" in desk.state("shop.log")[1]


def test_a_name_that_is_taken_gets_a_number_and_keeps_it(desk: Desk) -> None:
    desk.put("food_orders.log", log(3))
    desk.put("a/x.log", log(4))
    desk.noticed("a_x.log", log(5))
    assert sorted(desk.work()) == ["a_x", "a_x_2", "food_orders_2"]


def test_a_refused_file_takes_no_name_from_a_recording_that_came_otherwise(desk: Desk, tmp_path: Path) -> None:
    desk.imported("shop.log", "not a log\n" * 30)
    (tmp_path / "mine.log").write_text(log(9))
    ingest(importers()["combined"], [tmp_path / "mine.log"], "shop", desk.library)
    desk.noticed("shop.log", log(3))
    assert desk.work() == ["shop_2"]
    assert desk.library.load("shop").requests == 9


def test_no_more_than_so_many_imports_wait_at_a_time(desk: Desk) -> None:
    for number in range(MAX_QUEUED + 3):
        desk.put(f"n{number}.log", log(1 + number))
    assert desk.scan() == {State.QUEUED: MAX_QUEUED, State.WAITING: 3}
    for file in desk.ledger.queued():
        desk.ledger.imported(file, Comparison(comparison_of(file), file.recording or "", NIGHT))
    assert desk.scan() == {State.QUEUED: 3, State.IMPORTED: MAX_QUEUED}


def test_an_inbox_that_is_not_there_is_one_sentence(desk: Desk) -> None:
    desk.folder.rmdir()
    with pytest.raises(ArchduelError, match="ARCHDUEL_INBOX names"):
        desk.scan()


def test_ids_of_comparisons_tell_contents_apart(desk: Desk) -> None:
    file = desk.queued("shop.log", log(3))
    assert comparison_of(file).startswith("inbox-shop-")
    assert file.pending_digest is not None
    assert comparison_of(file).endswith(file.pending_digest[:8])


class FarInbox(FolderInbox):
    """One that cannot be reached any more once something was queued."""

    def entry(self, address: str) -> Entry:
        raise ArchduelError("cannot read it: no answer")


def test_an_inbox_out_of_reach_says_nothing_against_its_files(desk: Desk) -> None:
    file = desk.queued("shop.log", log(3))
    with pytest.raises(ArchduelError, match="no answer"):
        desk.bring_in(file, inbox=FarInbox(desk.folder))
    assert desk.work() == ["shop"]


@dataclass
class SlowInbox:
    """One huge object; every read takes a second."""

    content: bytes
    at_s: float = 0.0
    signature: str = "1"
    offsets: list[int] = field(default_factory=list)
    object_store = None

    def entries(self) -> Iterator[Entry]:
        yield self.entry("huge.log")

    def entry(self, address: str) -> Entry:
        return Entry(address, "huge.log", len(self.content), self.signature)

    @contextmanager
    def open(self, address: str, offset: int) -> Iterator[Readable]:
        self.offsets.append(offset)
        stream, inbox = BytesIO(self.content), self
        stream.seek(offset)

        class Slow:
            def read(self, size: int, /) -> bytes:
                inbox.at_s += 1
                return stream.read(size)

        yield Slow()

    def mapping(self, entry: Entry, folder: Path) -> Path | None:
        return None


def test_a_huge_file_is_read_over_several_looks_each_within_its_time(places: Places) -> None:
    inbox = SlowInbox(b"x" * (10 << 20))
    watcher = Watcher(inbox, Ledger(places.inbox_ledger), budget_s=4, clock=lambda: inbox.at_s)
    looks = 0
    while State.QUEUED not in watcher.scan([]).counts:
        looks += 1
        assert looks < 10
    assert inbox.offsets == [0, 4 << 20, 8 << 20]


def test_a_huge_file_that_changes_meanwhile_is_read_anew(places: Places) -> None:
    inbox = SlowInbox(b"x" * (10 << 20))
    watcher = Watcher(inbox, Ledger(places.inbox_ledger), budget_s=4, clock=lambda: inbox.at_s)
    watcher.scan([])
    inbox.signature = "2"
    watcher.scan([])
    assert inbox.offsets == [0, 0]


def test_processes_share_a_ledger(places: Places) -> None:
    ledger = Ledger(places.inbox_ledger)

    def notice(first: int) -> None:
        for number in range(first, first + 20):
            Ledger(places.inbox_ledger).notice([Entry(f"{number}", f"{number}", 1, "s")], 0.0)

    threads = [threading.Thread(target=notice, args=(first,)) for first in (0, 20, 40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ledger.files()) == 60


def test_a_recording_is_called_like_its_file() -> None:
    names = {
        "access.log": "access",
        "Shop EU/access.log.1.gz": "shop_eu_access_1",
        "2026-11-24.jsonl": "log_2026_11_24",
        "orders__v2--final.csv.zst": "orders_v2_final",
        "日本.log": "log",
    }
    assert {file: recording_name(file, ()) for file in names} == names


@given(st.text(min_size=1), st.sets(st.text()))
def test_any_file_has_a_valid_name_that_is_not_taken(file: str, taken: set[str]) -> None:
    first = recording_name(file, taken)
    assert check_name(first) == first
    assert recording_name(file, {*taken, first}) != first


def test_mappings_go_from_the_nearest_to_the_inboxs_own() -> None:
    names = mapping_names("eu/shop.log.gz")
    assert names == ["eu/shop.log.gz.mapping.yaml", "eu/shop.mapping.yaml", "mapping.yaml"]
    assert not any(is_traffic(name) for name in names)
