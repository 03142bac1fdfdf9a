"""One lab at a time: who has it is named, and waited for or not."""

import threading

import pytest

from resources.lab.exclusive import exclusive
from resources.progress import Silent
from workloads.errors import ArchduelError
from workloads.places import Places


class Listening(Silent):
    """Says when something is waited for."""

    def __init__(self) -> None:
        self.heard = threading.Event()
        self.stages: list[str] = []

    def stage(self, text: str) -> None:
        self.stages.append(text)
        self.heard.set()


def test_a_busy_lab_is_refused_with_the_name_of_who_has_it_and_free_afterwards(places: Places) -> None:
    with exclusive(places, who="a comparison", wait=False, reporter=Silent()):
        with pytest.raises(ArchduelError, match=r"the lab is busy with a comparison \(process \d+\)"):
            exclusive(places, who="another", wait=False, reporter=Silent()).__enter__()
        (places.home / "lab.holder").write_text("{")
        with pytest.raises(ArchduelError, match="the lab is busy with another run"):
            exclusive(places, who="another", wait=False, reporter=Silent()).__enter__()
    with exclusive(places, who="another", wait=False, reporter=Silent()):
        pass


def test_a_busy_lab_is_waited_for(places: Places) -> None:
    listening = Listening()

    def wait() -> None:
        with exclusive(places, who="another", wait=True, reporter=listening):
            listening.stage("begun")

    waiting = threading.Thread(target=wait)
    with exclusive(places, who="a comparison", wait=False, reporter=Silent()):
        waiting.start()
        assert listening.heard.wait(30)
    waiting.join(30)
    assert [stage.partition(" (")[0] for stage in listening.stages] == ["waiting for a comparison", "begun"]
