"""What `archduel sweep` lists, asks and deletes. How resources are found and go is tested on emulators."""

import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from click.testing import CliRunner

from orchestration.commands import permissions
from orchestration.commands.sweep import sweep
from orchestration.commands.terminal import PlainConsole
from resources.aws.roles import operating, running, sending
from resources.lab.exclusive import exclusive
from resources.progress import Silent
from resources.targets import DEFAULT_TARGET, Found, targets
from workloads.errors import ArchduelError
from workloads.places import Places


@dataclass
class FakeLeftovers:
    """Resources that were left, ``foreign`` ones among them."""

    own: list[str]
    foreign: list[str] = field(default_factory=list)
    swept: list[bool] = field(default_factory=list)
    title: str = "AWS eu-west-1"

    def find(self, *, everything: bool) -> Found:
        return Found(list(self.own), self.foreign)

    def sweep(self, *, everything: bool) -> int:
        self.swept.append(everything)
        gone, self.own = len(self.own), []
        return gone


@pytest.fixture
def leftovers(monkeypatch: pytest.MonkeyPatch) -> FakeLeftovers:
    left = FakeLeftovers(
        ["role archduel-a-1-1-1-api", "table archduel-a-1-1-1-orders"], ["queue archduel-a-1-1-1-theirs"]
    )
    # The registry is the seam: the command asks whichever target was named for its leftovers.
    monkeypatch.setattr(targets()[DEFAULT_TARGET], "leftovers", lambda _places, _options: left)
    return left


def swept(
    places: Places, *, yes: bool = False, everything: bool = False, ask: Callable[[str], bool | None] = lambda _: None
) -> str:
    output = io.StringIO()
    sweep(
        places,
        PlainConsole(file=output, width=200),
        target=DEFAULT_TARGET,
        options={},
        everything=everything,
        yes=yes,
        ask=ask,
    )
    return output.getvalue()


def test_what_is_left_is_listed_and_deleted_once_it_is_confirmed(leftovers: FakeLeftovers, places: Places) -> None:
    text = swept(places, ask=lambda question: question == "Delete these 2?")
    assert "stays, as its tags are not archduel's: queue archduel-a-1-1-1-theirs" in text
    assert text.count("left on AWS eu-west-1: ") == 2
    assert "deleted 2 from AWS eu-west-1" in text
    assert leftovers.swept == [False]
    again = swept(places)
    assert "nothing of dead runs is left on AWS eu-west-1" in again
    assert leftovers.swept == [False], "with nothing left there is nothing to ask and nothing to do"


@pytest.mark.parametrize(
    ("answer", "why"), [(None, "without a terminal to ask on, give --yes"), (False, "you did not agree")]
)
def test_nothing_is_deleted_without_a_confirmation(
    answer: bool | None,
    why: str,
    leftovers: FakeLeftovers,
    places: Places,
) -> None:
    with pytest.raises(ArchduelError, match=f"nothing was deleted: {why}"):
        swept(places, ask=lambda _question: answer)
    assert leftovers.swept == []


def test_yes_agrees(leftovers: FakeLeftovers, places: Places) -> None:
    swept(places, yes=True)
    assert leftovers.swept == [False]


def test_everything_goes_only_while_no_run_of_this_home_is_under_way(leftovers: FakeLeftovers, places: Places) -> None:
    with (
        exclusive(places, who="a comparison", wait=False, reporter=Silent()),
        pytest.raises(ArchduelError, match="the lab is busy with a comparison"),
    ):
        swept(places, yes=True, everything=True)
    assert leftovers.swept == []
    assert "nothing of this home is left" in swept(places, yes=True, everything=True)
    assert leftovers.swept == [True]


def test_where_all_ends_with_its_run_there_is_nothing_to_sweep(tmp_path: Path) -> None:
    assert "leaves nothing behind" in swept(Places(tmp_path))


class TestPermissions:
    def test_are_printed_as_a_policy(self) -> None:
        assert json.loads(CliRunner().invoke(permissions.command).stdout) == operating()

    def test_are_for_things_with_our_names_but_for_listings_and_mappings(self) -> None:
        for statement in operating()["Statement"]:
            if statement["Resource"] == "*":
                for action in statement["Action"]:
                    verb = action.partition(":")[2]
                    assert verb.startswith(("List", "Describe", "Get")) or verb.endswith("EventSourceMapping")
            elif "apigateway" not in statement["Resource"]:
                assert "archduel-" in statement["Resource"]
            assert not [action for action in statement["Action"] if "*" in action]

    def test_to_hand_on_a_role_is_to_hand_it_to_the_lab_services_alone(self) -> None:
        [passing] = [one for one in operating()["Statement"] if "iam:PassRole" in one["Action"]]
        assert passing["Condition"] == {
            "StringEquals": {"iam:PassedToService": ["lambda.amazonaws.com", "apigateway.amazonaws.com"]}
        }

    def test_of_a_part_are_for_its_own_table_log_and_queue(self) -> None:
        resources = {one["Resource"] for one in [*running("query", "TABLE", "LOG"), sending("QUEUE")]}
        assert resources == {"TABLE", "LOG:*", "QUEUE"}
