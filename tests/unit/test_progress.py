"""What is printed while replays run: a line at each quarter of an observed one, and one line of a simulated cell."""

import io
from pathlib import Path

from orchestration.commands.progress import TerminalReporter
from orchestration.commands.running import first_line
from orchestration.commands.terminal import PlainConsole
from resources.lab.cell import Cell, Comparison
from resources.lab.lab import Lab
from resources.lab.settings import LabSettings
from workloads.places import Places

SIMULATED = Cell("food_orders", "steady", "simulated")


def simulated(tmp_path: Path, *, terminal: bool) -> str:
    """What is printed while a cell is simulated, once its first line is."""
    written = io.StringIO()
    settings = LabSettings(target="simulated", duration_s=20.0, repetitions=2)
    console = PlainConsole(file=written, width=160, force_terminal=terminal)
    with TerminalReporter(console) as reporter, Lab(Places(tmp_path), settings, reporter) as lab:
        if terminal:
            reporter.stage(first_line(SIMULATED, settings))
        list(lab.replay(["synchronous"], SIMULATED, Comparison("c1", "adhoc", "2026-11-20")))
    return written.getvalue()


def test_replays_that_are_simulated_print_no_line_each(tmp_path: Path) -> None:
    lines = simulated(tmp_path, terminal=False).splitlines()
    assert [line for line in lines if not line.startswith("compiling")] == []


def test_a_terminal_shows_which_of_the_simulated_replays_is_done(tmp_path: Path) -> None:
    shown = simulated(tmp_path, terminal=True)
    assert "steady · synchronous · 2/2: done" in shown
    assert "settling" not in shown


def test_the_first_line_of_a_cell_says_what_is_done_and_how_often() -> None:
    assert (
        first_line(SIMULATED, LabSettings(target="simulated", repetitions=12))
        == "food_orders__steady__simulated: simulating, 12 repetitions"
    )
    assert first_line(Cell("food_orders", "steady"), LabSettings()) == "food_orders__steady: starting emulators"


def test_an_observed_replay_prints_each_quarter_once_and_what_it_waits_for() -> None:
    written = io.StringIO()
    with TerminalReporter(PlainConsole(file=written, width=160)) as reporter:
        for done in (0, 10, 1999, 2000, 2001, 4000, 4000):
            reporter.replaying("steady · hybrid", done, 4000, waiting=done // 1000)
    assert written.getvalue().splitlines() == [
        "  steady · hybrid: 0 of 4,000 requests",
        "  steady · hybrid: 1,999 of 4,000 requests, 1 in the queue",
        "  steady · hybrid: 2,000 of 4,000 requests, 2 in the queue",
        "  steady · hybrid: 4,000 of 4,000 requests, settling, 4 in the queue",
    ]
