"""An emulator at a URL: what is taken for one, whose names are whose, and what is refused. No emulator is started."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from resources.machine.leash import free_port
from resources.progress import Silent
from resources.targets import Platform, open_target, targets
from resources.targets.endpoint import OPTION, Alive, Owner, recognised
from tests.web_server import Answering, serving_with
from workloads.errors import ArchduelError, UsageError
from workloads.places import Places


@contextmanager
def serving(pages: Mapping[str, tuple[int, object]], posted: tuple[int, object]) -> Iterator[str]:
    """A web server with these pages as JSON, and one answer to whatever is posted; its URL."""

    class Handler(Answering):
        def _answer(self, status: int, body: object) -> None:
            self.answer(status, json.dumps(body).encode())

        def do_GET(self) -> None:  # noqa: N802 - http.server's name
            self._answer(*pages.get(self.path, (404, {})))

        def do_POST(self) -> None:  # noqa: N802 - http.server's name
            self.rfile.read(int(self.headers["Content-Length"]))
            self._answer(*posted)

    with serving_with(Handler) as url:
        yield url


def opened(url: str, home: Path) -> Platform:
    return open_target("endpoint", Places(home), {OPTION: url}, Silent())


class TestWhatIsRefused:
    @pytest.mark.parametrize(
        "url",
        [
            "https://dynamodb.us-east-1.amazonaws.com",
            "http://10.0.0.1:4566",
            "http://127.0.0.1.example.com",
            "https://127.0.0.1:4566",
            "http://127.0.0.1:4566/path",
            "127.0.0.1:4566",
            "ftp://127.0.0.1",
            "nonsense",
        ],
    )
    def test_is_any_url_that_is_not_of_this_machine(self, url: str, tmp_path: Path) -> None:
        with pytest.raises(
            ArchduelError, match=r"is not an endpoint of an emulator on this machine, such as http://127\.0"
        ):
            opened(url, tmp_path)

    def test_is_one_where_nothing_listens(self, tmp_path: Path) -> None:
        url = f"http://127.0.0.1:{free_port()}"
        with pytest.raises(ArchduelError, match=f"nothing answers at {url} .*refused.*--endpoint-url"):
            opened(url, tmp_path)

    def test_is_a_web_server_that_is_no_emulator(self, tmp_path: Path) -> None:
        with (
            serving({"/": (200, {"hello": "world"})}, (405, {})) as url,
            pytest.raises(ArchduelError, match=f"{url} answers, but not as an AWS emulator does") as failure,
        ):
            opened(url, tmp_path)
        assert len(str(failure.value).splitlines()) == 1

    def test_is_no_url_at_all(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="--target endpoint needs --endpoint-url"):
            open_target("endpoint", Places(tmp_path), {}, Silent())


@pytest.mark.parametrize("name", [name for name, target in targets().items() if target.health])
def test_a_target_that_was_started_elsewhere_is_recognised_and_named(name: str) -> None:
    known = targets()[name]
    assert known.health is not None
    with serving({known.health: (200, {"version": "9.8.7"})}, (200, {})) as url:
        target, title = recognised(url)
    assert target is known
    assert title == f"{known.product} 9.8.7 at {url.removeprefix('http://')}"


def test_an_unknown_emulator_is_named_by_its_address() -> None:
    with serving({}, (200, {})) as url:
        assert recognised(url) == (None, f"emulator at {url.removeprefix('http://')}")


class TestOwner:
    def test_has_a_prefix_of_its_own_for_each_instance(self, tmp_path: Path) -> None:
        owner = Owner.here(Places(tmp_path))
        assert len({owner.prefix(number) for number in range(5)}) == 5
        longest = f"{owner.prefix(1000)}-probe-function-1000"
        assert len(longest) <= 64, "Lambda takes no longer name"

    def test_leaves_alone_what_it_or_another_living_run_of_its_made(self, tmp_path: Path) -> None:
        owner = Owner.here(Places(tmp_path))
        assert not owner.left_behind(f"{owner.prefix(1)}-orders")
        other = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
        started = int(psutil.Process(other.pid).create_time())
        name = f"{Owner(owner.tag, other.pid, started).prefix(1)}-orders"
        assert not owner.left_behind(name)
        other.communicate(b"\n", timeout=10)
        assert owner.left_behind(name)

    def test_knows_a_number_that_was_given_to_another_process(self, tmp_path: Path) -> None:
        owner = Owner.here(Places(tmp_path))
        before = Owner(owner.tag, owner.pid, owner.started - 100)
        assert owner.left_behind(f"{before.prefix(1)}-orders")

    @pytest.mark.parametrize(
        "name", ["orders", "archduel-orders", "archduel-0badf00d-ffffff-1-1-orders", "my-archduel-x", ""]
    )
    def test_touches_no_resources_of_others(self, name: str, tmp_path: Path) -> None:
        assert not Owner.here(Places(tmp_path)).left_behind(name)

    def test_is_another_for_another_home(self, tmp_path: Path) -> None:
        mine, other = Owner.here(Places(tmp_path / "a")), Owner.here(Places(tmp_path / "b"))
        dead = Owner(other.tag, other.pid, other.started - 100).prefix(1)
        assert other.left_behind(f"{dead}-orders")
        assert not mine.left_behind(f"{dead}-orders")


@dataclass
class Clock:
    """A clock that is set by hand, in seconds."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


class TestAlive:
    def deaths(self, url: str, moments: Sequence[float]) -> list[str | None]:
        """What it says of ``url`` at these seconds."""
        clock = Clock()
        alive = Alive(url, clock)
        found = []
        for moment in moments:
            clock.now = moment
            found.append(alive.death())
        return found

    def test_who_refuses_connections_twice_is_gone(self) -> None:
        url = f"http://127.0.0.1:{free_port()}"
        once, twice = self.deaths(url, [3, 6])
        assert once is None
        assert "refused" in str(twice)

    def test_who_answers_in_between_is_there_whatever_the_answer(self) -> None:
        with serving({}, (200, {})) as url:
            assert self.deaths(url, [3, 6, 100, 200]) == [None] * 4

    def test_who_is_silent_stands_still_and_is_gone_only_after_a_minute(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            url = f"http://127.0.0.1:{silent.getsockname()[1]}"
            still, gone = self.deaths(url, [6, 61])
        assert still is None
        assert gone == f"{url} has not answered for 61 s"
