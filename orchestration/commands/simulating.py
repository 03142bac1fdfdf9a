"""What the commands that simulate many replays share: their options, their progress, and asking before a long one.

Put here what ``archduel vary``, ``growth`` and ``size`` have in common. Keep out what each finds
(`assets.analysis.sizing`) and prints (its own module).
"""

import sys
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

from orchestration.commands.options import Command, given_settings, given_shape, settings_options, shape_options
from orchestration.commands.terminal import PlainConsole, say
from resources.architectures import chosen_architectures
from resources.lab.settings import LabSettings
from resources.simulation.varying import TRAFFIC, Value, check_together, read_values, varied
from resources.targets.simulated import TARGET
from workloads.errors import UsageError, choose
from workloads.places import Places
from workloads.recordings.library import DEFAULT_WORKLOAD, Library
from workloads.recordings.shape import Shape
from workloads.scenarios import DEFAULT_SCENARIOS

if TYPE_CHECKING:
    from resources.lab.what_if import WhatIf

_LONG_S = 600.0
# Of a comparison alone: how often it is repeated, on what, and how fast an emulator is played.
_OF_COMPARISONS = (
    *Shape.model_fields,
    *("repetitions", "speed", "service", "routes", "longest_pause_s", "variants", "aa", "baseline", "others_at_most"),
    *("quiet_within_s", "target"),
)


def simulation_options(command: Command) -> Command:
    """Add the recording, scenario and architectures, how it is replayed, the model's parameters and fixed values."""
    command = click.option(
        "--parameters", metavar="FILE", help="A TOML file with other parameters of AWS: see docs/simulation.md."
    )(command)
    command = shape_options(settings_options(LabSettings, without=_OF_COMPARISONS)(command))
    command = click.option(
        "--set",
        "fixed",
        multiple=True,
        metavar="NAME=VALUE",
        help="A value that holds throughout, of what archduel vary --list names. Repeatable.",
    )(command)
    command = click.option(
        "--architecture",
        "names",
        multiple=True,
        metavar="NAME",
        help="Of these alone, all for all there are. Repeatable.  [default: the basic ones]",
    )(command)
    command = click.option(
        "--scenario", default=DEFAULT_SCENARIOS[0], show_default=True, metavar="NAME", help="What breaks."
    )(command)
    command = click.option("--yes", is_flag=True, help="Do not ask before over ten minutes of work.")(command)
    return click.argument("workload", metavar="[RECORDING]", default=DEFAULT_WORKLOAD)(command)


def given_lab_settings(places: Places, options: Mapping[str, Any]) -> LabSettings:
    """The settings that a command's options give; raises `UsageError` for an unknown recording or architecture."""
    choose(Library(places).paths(), options["workload"], "workload")
    chosen_architectures(options["names"], simulated=True)
    given = given_settings(LabSettings, options) | given_shape(places, options["workload"], options)
    target_options = {"parameters": options["parameters"]} if options["parameters"] else {}
    return LabSettings(**given, target=TARGET.name, target_options=target_options)


def given_values(texts: Sequence[str], varied_names: Sequence[str] = ()) -> dict[str, Value]:
    """The values of ``--set``, one of each parameter, none of which is varied besides."""
    fixed: dict[str, Value] = {}
    for text in texts:
        name, values = read_values(text)
        if len(values) != 1:
            raise UsageError(f"--set {text}: one value holds throughout; archduel vary takes several")
        check_together([*fixed, *varied_names, name])
        fixed[name] = values[0]
    return fixed


def list_varied() -> str:
    """Everything that may be varied, a line each."""
    width = max(map(len, varied()))
    return "".join(f"{one.name:<{width}}  {one.range}: {one.about}\n" for one in varied().values())


def open_what_if(
    places: Places, settings: LabSettings, workload: str, scenario: str, console: PlainConsole
) -> "WhatIf":
    """Read a recording, and compile the simulation where this machine never did, saying so."""
    from orchestration.commands.progress import TerminalReporter  # noqa: PLC0415 - a second that errors need not wait for
    from resources.lab.what_if import WhatIf  # noqa: PLC0415
    from resources.simulation import kernel  # noqa: PLC0415

    with TerminalReporter(console) as reporter:
        what_if = WhatIf(places, settings, workload, scenario, reporter)
        kernel.make_ready(reporter.stage)
    return what_if


def cell_seconds(what_if: "WhatIf", traffics: Sequence[float], names: Sequence[str]) -> list[float]:
    """About how long each cell keeps one core: measured with the recorded traffic, and with several times it.

    Args:
        what_if: What is simulated.
        traffics: The traffic of each cell, as multiples of the recorded one.
        names: The architectures, all of which a cell has.

    Returns:
        Seconds, in the order of ``traffics``.
    """
    base_s, each_s = 0.0, 0.0
    more = max(2.0, min(20.0, 20_000 / what_if.requests))
    for name in names:
        what_if.run(name, {})  # what follows finds its tables made
        once, several = (_timed(what_if, name, traffic) for traffic in (1.0, more))
        each = max(1e-9, (several - once) / (more - 1))
        base_s += max(0.0, once - each)
        each_s += each
    return [base_s + each_s * traffic for traffic in traffics]


def _timed(what_if: "WhatIf", name: str, traffic: float) -> float:
    started = time.perf_counter()
    what_if.run(name, {TRAFFIC: traffic})
    return time.perf_counter() - started


def announce(console: PlainConsole, what: str, seconds: float, *, yes: bool) -> None:
    """Say what will be done and about how long it takes; ask where that is long and a person is there."""
    about = f"about {seconds:,.0f} s" if seconds < 120 else f"about {seconds / 60:,.0f} min"
    say(console, f"{what}: {about if seconds >= 1 else 'about a second'}")
    if seconds > _LONG_S and not yes and sys.stdin.isatty():
        click.confirm("That is over ten minutes. Go on?", abort=True)


class Counting:
    """A bar of how many simulations are done; a line each quarter where there is no terminal. A context manager."""

    def __init__(self, console: PlainConsole, label: str) -> None:
        self._console, self._label, self._quarter = console, label, -1
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=28),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )
        self._task = self._progress.add_task(label, total=None)
        self.count = 0

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def done(self, count: int, total: int) -> None:
        """So many of so many are done."""
        self._progress.update(self._task, completed=count, total=total)
        quarter = 4 * count // max(total, 1)
        if not self._console.is_terminal and quarter > self._quarter:
            self._quarter = quarter
            self._console.print(f"  {self._label}: {count:,} of {total:,} simulations")

    def one_more(self) -> None:
        """One more is done, of nobody knows how many."""
        self.count += 1
        self._progress.update(self._task, completed=self.count)
