"""What is looked at on a machine, on machines that lack it."""

import resource
from pathlib import Path

import pytest

from resources.machine import checks as machine
from resources.machine.checks import Check, EmulatorProcess, Level, can_run
from workloads.places import Places
from workloads.scratch import scratch

GB = 10**9


def test_every_check_of_this_machine_gives_a_result_in_any_state(places: Places) -> None:
    found = machine.checks(places, {})
    assert len({check.name for check in found}) == len(found) > 10
    assert all(check.found for check in found)
    assert all(bool(check.mend) == (check.level is not Level.OK) for check in found)


@pytest.mark.parametrize(
    ("check", "level"),
    [
        (machine.python_version((3, 11, 0)), Level.OK),
        (machine.python_version((3, 13, 9)), Level.OK),
        (machine.python_version((3, 10, 12)), Level.MISSING),
        (machine.python_version((3, 14, 0)), Level.MISSING),
        (machine.cores(2), Level.OK),
        (machine.cores(1), Level.WARNING),
        (machine.memory(8 * GB), Level.OK),
        (machine.memory(1 * GB), Level.WARNING),
        (machine.memory(GB // 4), Level.MISSING),
        (machine.disk(Path("home"), 50 * GB), Level.OK),
        (machine.disk(Path("home"), GB // 2), Level.WARNING),
        (machine.disk(Path("home"), GB // 100), Level.MISSING),
        (machine.open_files(resource.RLIM_INFINITY), Level.OK),
        (machine.open_files(1024), Level.OK),
        (machine.open_files(256), Level.WARNING),
        (machine.timers(True, 0.1), Level.OK),
        (machine.timers(False, 0.1), Level.OK),
        (machine.timers(True, 30.0), Level.WARNING),
        (machine.programs(lambda _: "/bin/it"), Level.OK),
        (machine.programs(lambda name: None if name == "nice" else "/bin/it"), Level.MISSING),
    ],
    ids=lambda value: f"{value.name}: {value.found}" if isinstance(value, Check) else str(value),
)
def test_what_should_be_mended_names_the_command(check: Check, level: Level) -> None:
    assert check.level is level
    assert bool(check.mend) == (level is not Level.OK)


PROJECT = b'[project]\ndependencies = ["emulator==1.5.33", "library>=2,<3", "uvloop>=1; sys_platform != \'win32\'"]\n'
INSTALLED = {"emulator": "1.5.33", "library": "2.5", "uvloop": "1.0"}


@pytest.mark.parametrize(
    ("changed", "level", "words"),
    [
        ({}, Level.OK, "emulator 1.5.33 as pinned"),
        ({"emulator": "1.5.34"}, Level.MISSING, "emulator is 1.5.34 instead of 1.5.33"),
        ({"emulator": None}, Level.MISSING, "emulator is not installed"),
        ({"library": None}, Level.MISSING, "library is not installed"),
    ],
)
def test_packages_are_there_and_the_emulator_is_the_pinned_one(
    changed: dict[str, str | None], level: Level, words: str
) -> None:
    check = machine.packages(PROJECT, {**INSTALLED, **changed}.get)
    assert check.level is level
    assert words in check.found
    assert check.mend == ("" if level is Level.OK else "make install")


def test_a_home_that_can_be_written_is_left_as_it_was(tmp_path: Path) -> None:
    assert machine.home(tmp_path).level is Level.OK
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("file", ["home", "home/below"])
def test_a_home_that_is_no_folder_is_missing(tmp_path: Path, file: str) -> None:
    (tmp_path / "home").write_text("a file")
    check = machine.home(tmp_path / file)
    assert check.level is Level.MISSING
    assert "ARCHDUEL_HOME" in check.mend


def test_an_emulator_without_a_leash_is_named_with_the_command_that_ends_it() -> None:
    check = machine.stray_emulators([EmulatorProcess(7, "archduel-a", True), EmulatorProcess(8, "", False)])
    assert (check.level, check.mend) == (Level.WARNING, "kill 8")


def test_an_emulator_on_its_leash_has_an_owner() -> None:
    assert machine.stray_emulators([EmulatorProcess(7, "archduel-a", True)]).level is Level.OK


def test_folders_of_killed_runs_are_named_but_none_that_is_in_use(tmp_path: Path) -> None:
    for name in ("archduel-old one", "someone-elses"):
        (tmp_path / name).mkdir()
    with scratch(tmp_path / "used"):
        assert machine.stray_folders(tmp_path / "used").level is Level.OK
    check = machine.stray_folders(tmp_path)
    assert check.level is Level.WARNING
    assert check.mend == f"rm -r '{tmp_path / 'archduel-old one'}'"


@pytest.mark.parametrize("environment", [{}, {"HTTPS_PROXY": "http://proxy.example:3128"}, {"http_proxy": "x"}])
def test_proxies_are_named_and_harmless(environment: dict[str, str]) -> None:
    check = machine.proxies(environment)
    assert check.level is Level.OK
    assert all(name in check.found and value not in check.found for name, value in environment.items() if value != "x")


def test_another_dagster_home_is_named_and_not_used(places: Places) -> None:
    check = machine.dagster_home(places, {"DAGSTER_HOME": "/elsewhere"})
    assert check.level is Level.OK
    assert "/elsewhere is not used" in check.found


def test_warnings_keep_no_lab_from_running() -> None:
    assert can_run([Check("a", Level.OK, ""), Check("b", Level.WARNING, "", "mend")])
    assert not can_run([Check("a", Level.OK, ""), Check("b", Level.MISSING, "", "mend")])
