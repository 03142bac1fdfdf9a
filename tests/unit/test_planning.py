"""How long a plan takes on several workers, and what ``archduel estimate`` prints of one."""

import re
from pathlib import Path

import pytest

from orchestration.commands.main import main
from orchestration.commands.planning import Plan


@pytest.mark.parametrize(
    ("cells_s", "workers", "seconds"),
    [
        ((10, 20, 30), 1, 60),
        ((10, 20, 30), 2, 30),  # the longest one first
        ((10, 20, 30), 3, 30),
        ((7, 7, 7), 2, 14),  # a cell is never divided
        ((), 4, 0),
    ],
)
def test_workers_share_whole_cells(cells_s: tuple[float, ...], workers: int, seconds: float) -> None:
    assert Plan(cells_s).seconds(workers) == seconds


def test_each_worker_takes_its_own_start_and_one_of_them_the_end() -> None:
    assert Plan((10, 20, 30), machine_s=5, after_s=100).seconds(2) == 5 + 30 + 100


def test_a_worker_does_as_many_cells_at_a_time_as_it_has_cores() -> None:
    assert Plan((1.0,) * 1000, at_once=4).seconds(5) == 50


@pytest.mark.parametrize(("cells_s", "useful"), [((10, 20, 30), 2), ((5,) * 8, 8), ((), 1), ((60, 1, 1, 1), 2)])
def test_more_workers_than_help_are_named(cells_s: tuple[float, ...], useful: int) -> None:
    assert Plan(cells_s).useful_workers == useful


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ARCHDUEL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home" / "dagster"))
    return tmp_path / "home"


def test_a_wrong_option_is_refused_as_the_command_itself_refuses_it(
    home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["estimate", "compare", "--scenario", "nosuch"])
    assert "nosuch" in capfd.readouterr().err


def printed(capfd: pytest.CaptureFixture[str], *arguments: str) -> str:
    main(["estimate", *arguments], standalone_mode=False)
    return capfd.readouterr().out


def test_a_comparison_is_planned_with_its_own_options_and_priced(home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    options = "--limit 60 --speed 5 --workers 1 --workers 3 --worker-usd-per-hour 2"
    text = printed(capfd, "compare", *options.split())
    rows = re.findall(r"^ +([13]) +(\d+) +([\d.]+) min +([\d.]+)", text, re.MULTILINE)
    assert [row[:2] for row in rows] == [("1", "3"), ("3", "3")]
    assert float(rows[0][2]) > float(rows[1][2])
    for workers, _cells, minutes, usd in rows:
        assert float(usd) == pytest.approx(int(workers) * float(minutes) / 60 * 2, abs=0.02)
    assert not (home / "archduel.duckdb").exists()
