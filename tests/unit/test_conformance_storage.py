"""What the probes found is kept per target, probed once, and published as the table ``conformance``."""

from collections.abc import Callable
from typing import Never

import pyarrow as pa
import pytest

from resources.conformance import running
from resources.conformance.storage import ensure, file_of, probe_anew, store, stored
from resources.progress import Silent
from resources.targets import DEFAULT_TARGET, Platform, targets
from resources.warehouse.publish import publish
from resources.warehouse.reading import query
from resources.warehouse.schema import schema
from workloads.errors import ArchduelError
from workloads.places import Places


def start(_label: str, _environments: int) -> Never:
    raise AssertionError("a prober of the test's own needs no instance")


PLATFORM = Platform(targets()[DEFAULT_TARGET], "MiniStack 1.5.33", start)


def found(target: str = PLATFORM.title, status: str = "reproduced") -> pa.Table:
    row = {"target": target, "behaviour": "b", "expected": "e", "observed": "o", "status": status, "affects": "S4, E4"}
    return pa.Table.from_pylist([row], schema=schema("conformance"))


class Prober:
    """Counts how often a target was probed."""

    def __init__(self, status: str = "reproduced") -> None:
        self.status = status
        self.times = 0

    def __call__(self, _platform: Platform) -> pa.Table:
        self.times += 1
        return found(status=self.status)


class Lock:
    """Counts how often the lab was taken; ``meanwhile`` is what its last holder did."""

    def __init__(self, meanwhile: Callable[[], object] = lambda: None) -> None:
        self.times = 0
        self._meanwhile = meanwhile

    def __call__(self) -> None:
        self.times += 1
        self._meanwhile()


def test_a_target_is_probed_once_under_the_lock_and_remembered(places: Places) -> None:
    prober, lock = Prober(), Lock()
    first = ensure(places, Silent(), lock, PLATFORM, prober)
    second = ensure(places, Silent(), lock, PLATFORM, prober)
    assert first.to_pylist() == second.to_pylist()
    assert (prober.times, lock.times) == (1, 1)


def test_what_another_lab_found_while_this_one_waited_is_not_probed_again(places: Places) -> None:
    prober = Prober()
    ensure(places, Silent(), Lock(lambda: probe_anew(places, Silent(), PLATFORM, Prober())), PLATFORM, prober)
    assert prober.times == 0


def test_other_probes_than_the_stored_ones_ask_anew(places: Places) -> None:
    store(places, found(), PLATFORM.title, "of older probes")
    prober = Prober()
    ensure(places, Silent(), Lock(), PLATFORM, prober)
    assert prober.times == 1


def test_what_is_still_unknown_is_shown_and_probed_again_until_it_is_known(places: Places) -> None:
    shown = ensure(places, Silent(), Lock(), PLATFORM, Prober("unknown"))
    assert shown.column("status").to_pylist() == ["unknown"]
    prober = Prober()
    for _ in range(2):
        ensure(places, Silent(), Lock(), PLATFORM, prober)
    assert prober.times == 1


@pytest.mark.parametrize("content", [b"", b"not Parquet"])
def test_a_file_that_cannot_be_read_is_replaced_by_probing(places: Places, content: bytes) -> None:
    file_of(places, PLATFORM.title).parent.mkdir(parents=True)
    file_of(places, PLATFORM.title).write_bytes(content)
    assert stored(places, PLATFORM.title, running.digest()) is None
    prober = Prober()
    ensure(places, Silent(), Lock(), PLATFORM, prober)
    assert prober.times == 1


def test_probing_anew_replaces_what_was_found(places: Places) -> None:
    probe_anew(places, Silent(), PLATFORM, Prober())
    probe_anew(places, Silent(), PLATFORM, Prober("different"))
    publish(places)
    assert query(places, "SELECT status FROM conformance").to_pylist() == [{"status": "different"}]


def test_a_prober_that_fails_leaves_the_old_result(places: Places) -> None:
    def fail(_platform: Platform) -> pa.Table:
        raise ArchduelError("the emulator died under the probes")

    probe_anew(places, Silent(), PLATFORM, Prober())
    with pytest.raises(ArchduelError, match="died"):
        probe_anew(places, Silent(), PLATFORM, fail)
    assert stored(places, PLATFORM.title, running.digest()) is not None


def test_every_target_has_its_rows_and_a_leftover_of_a_killed_run_has_none(places: Places) -> None:
    for target in ("MiniStack 1.5.33", "LocalStack 2026.3.0 (host)"):
        store(places, found(target), target, "digest")
    file_of(places, "MiniStack 1.5.33").with_name(".half.parquet").write_bytes(b"PAR1")
    publish(places)
    rows = query(places, "SELECT target FROM conformance ORDER BY ALL").to_pylist()
    assert [row["target"] for row in rows] == ["LocalStack 2026.3.0 (host)", "MiniStack 1.5.33"]


@pytest.mark.parametrize(("claim", "touched"), [("S4", 1), ("E4", 1), ("S15", 0), ("E", 0)])
def test_behaviours_can_be_listed_by_claim(places: Places, claim: str, touched: int) -> None:
    store(places, found(), PLATFORM.title, "digest")
    publish(places)
    rows = query(places, "FROM conformance WHERE list_contains(string_split(affects, ', '), $1)", [claim])
    assert rows.num_rows == touched


def test_a_folder_that_cannot_be_written_is_one_sentence(places: Places) -> None:
    places.home.mkdir(parents=True)
    places.conformance.write_text("a file where the folder should be")
    with pytest.raises(ArchduelError, match=r"cannot write .*the old result stays"):
        store(places, found(), PLATFORM.title, "digest")
