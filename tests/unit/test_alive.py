"""Who writes into the library while others clean up, at every single moment: no moment is waited for, each is made."""

import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from tests.every_line import before_every_line
from workloads.live.recovery import Recovery, recover
from workloads.places import REPOSITORY, Places
from workloads.recordings import alive, folders, library
from workloads.recordings.alive import claimed, is_abandoned
from workloads.recordings.library import Library

_LIBRARY = (alive, folders, library)


class Enough(Exception):  # noqa: N818 - no error
    pass


class Others:
    """Every other command, with a library of its own: looks at what there is, makes whole, sweeps."""

    def __init__(self, places: Places) -> None:
        self.library = Library(places, bundled=places.home / "no-bundled")
        self.moments = 0

    def come(self) -> None:
        self.moments += 1
        assert recover(self.library) == Recovery()
        self.library.paths()
        with suppress(Enough), self.library.writing("other"):  # which begins with sweeping
            raise Enough


@pytest.fixture
def mine(places: Places) -> Library:
    return Library(places, bundled=places.home / "no-bundled")


def test_a_recorder_keeps_its_folder_whenever_others_come_while_it_starts(mine: Library, places: Places) -> None:
    others = Others(places)
    keeping = mine.keeping("shop")
    with before_every_line(_LIBRARY, others.come):
        folder = keeping.__enter__()
    assert others.moments > 10
    assert folder.is_dir()
    others.come()
    assert not is_abandoned(folder)
    keeping.__exit__(None, None, None)
    assert is_abandoned(folder)


def test_an_import_keeps_its_folder_and_takes_its_place_whenever_others_come(mine: Library, places: Places) -> None:
    others = Others(places)
    for content in (b"first", b"second"):
        with before_every_line(_LIBRARY, others.come), mine.writing("shop") as folder:
            (folder / "requests.parquet").write_bytes(content)
        assert mine.paths()["shop"].read_bytes() == content
    assert others.moments > 40
    assert [path.name for path in places.recordings.iterdir()] == ["shop"]


def test_of_two_that_claim_what_a_dead_one_left_one_has_it(mine: Library) -> None:
    with mine.keeping("shop") as folder:
        pass
    with claimed(folder) as first, claimed(folder) as second:
        assert (first, second) == (True, False)
    with claimed(folder) as again:
        assert again


def test_what_its_claimant_has_renamed_cannot_be_claimed(mine: Library) -> None:
    with mine.keeping("shop") as folder:
        pass
    took: list[Path] = []

    def take() -> None:
        with claimed(folder) as has_it:
            if has_it:
                took.append(folder.rename(folder.with_suffix(f".done{len(took)}")))

    # Of two that claim it at the same moment only one has it.
    with before_every_line(_LIBRARY, take), claimed(folder) as has_it:
        assert not has_it
    assert len(took) == 1


# Kills itself before the n-th line of the library's that is executed, for every n, each time in a process of its own.
_KILLED = """
import os, sys
from pathlib import Path
from workloads.live.recovery import recover
from workloads.recordings import alive, folders, library
from workloads.places import Places

def replaced(home, last):
    left = [last]
    def traced(frame, event, argument):
        if frame.f_code.co_filename not in (alive.__file__, folders.__file__, library.__file__):
            return None
        if event == "line":
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), 9)
        return traced
    sys.settrace(traced)
    with library.Library(Places(home)).writing("shop") as folder:
        (folder / "requests.parquet").write_bytes(b"new")
    os._exit(0)

home = Path(sys.argv[1])
seen = set()
for last in range(1, 1000):
    mine = library.Library(Places(home / str(last)))
    with mine.writing("shop") as folder:
        (folder / "requests.parquet").write_bytes(b"old")
    child = os.fork()
    if child == 0:
        replaced(home / str(last), last)
    _, status = os.waitpid(child, 0)
    recover(mine)
    seen.add(mine.paths()["shop"].read_bytes())
    with mine.writing("other") as folder:
        (folder / "requests.parquet").write_bytes(b"other")
    assert sorted(mine.paths()) == ["food_orders", "other", "shop"]
    if status == 0:
        break
print(last, *sorted(seen))
"""


def test_an_import_killed_at_any_moment_leaves_the_old_recording_or_the_new_one(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _KILLED, str(tmp_path)], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    last, *seen = done.stdout.split()
    assert int(last) > 20
    assert seen == ["b'new'", "b'old'"]
