"""The registry of targets: what every entry declares, and how one is opened."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from resources.progress import Reporter, Silent
from resources.targets import DEFAULT_TARGET, Feature, Limits, Platform, Target, open_target, targets
from resources.targets.availability import why_unavailable
from workloads.errors import UsageError
from workloads.places import REPOSITORY, Places
from workloads.scenarios import scenarios


class Bare(Target):
    """Lacks whatever can be lacked, and is never started."""

    name = "bare"
    description = "Nothing."
    limits = Limits(warm=1, consumers=1, spare=1, environments=1, busy=1.0)
    throttled_status = 500
    lacks = dict.fromkeys(Feature, "it is bare")

    def open(self, places: Places, options: Mapping[str, str], reporter: Reporter) -> Platform:
        raise AssertionError("nothing opens it")


class TestRegistry:
    def test_the_default_target_needs_no_options(self) -> None:
        assert not targets()[DEFAULT_TARGET].options
        assert next(iter(targets())) == DEFAULT_TARGET

    @pytest.mark.parametrize("name", targets())
    def test_an_entry_says_what_it_is_and_what_it_carries(self, name: str) -> None:
        target = targets()[name]
        assert target.description.endswith(".")
        assert 400 <= target.throttled_status < 600
        assert 0 < target.limits.warm <= target.limits.environments
        assert all(target.lacks.values())

    def test_only_its_own_module_names_the_embedded_emulator(self) -> None:
        naming = {
            str(path.relative_to(REPOSITORY))
            for layer in ("resources", "assets", "orchestration", "workloads")
            for path in (REPOSITORY / layer).rglob("*.py")
            if DEFAULT_TARGET in path.read_text().lower()
        }
        assert naming == {
            "resources/targets/__init__.py",  # the default's name
            "resources/targets/ministack.py",
            "resources/emulators/ministack.py",  # its process
            "resources/emulators/asynchronous.py",  # what is mended in it
            "resources/emulators/starts.py",  # and the pool of environments in it
        }


class TestOpening:
    def test_an_unknown_target_is_refused_with_those_there_are(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match=f"unknown target 'nope': choose from .*{DEFAULT_TARGET}"):
            open_target("nope", Places(tmp_path), {}, Silent())

    def test_an_option_of_another_target_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match=f"--some-option is not for --target {DEFAULT_TARGET}"):
            open_target(DEFAULT_TARGET, Places(tmp_path), {"some_option": "x"}, Silent())

    def test_opening_the_default_target_names_its_version_and_leaves_nothing(self, tmp_path: Path) -> None:
        assert open_target(DEFAULT_TARGET, Places(tmp_path), {}, Silent()).title.startswith("MiniStack 1.")
        assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("scenario", "why"), [("gateway_throttle", "it is bare"), ("steady", None), ("burst", None)])
def test_a_scenario_is_lacking_where_it_needs_what_the_target_lacks(scenario: str, why: str | None) -> None:
    assert why_unavailable(scenarios()[scenario], Bare()) == why
    assert why_unavailable(scenarios()[scenario], targets()[DEFAULT_TARGET]) is None
