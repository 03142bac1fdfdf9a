"""``archduel record --customers``: from options to a day of customers recorded. What is done is
`resources.recorder.customers`.
"""

from typing import Any

from rich.console import Console

from orchestration.commands.terminal import TerminalReporter
from resources.recorder.customers import plan, record
from workloads.customers.days import days
from workloads.errors import choose
from workloads.places import Places
from workloads.recordings.library import check_name


def record_customers(
    places: Places, day_name: str, name: str | None, console: Console, *, describe: bool = False, **wish: Any
) -> None:
    """Record a day of the built-in customers, or describe it."""
    day = choose(days(), day_name, "day")
    if describe:
        for line in day.described():
            console.print(line, highlight=False, markup=False, soft_wrap=True)
        return
    check_name(str(name))
    wanted = plan(places, day, scenario_name=wish.pop("scenario", None), **wish)
    with TerminalReporter(console) as reporter:
        path = record(places, str(name), wanted, reporter=reporter)
    console.print(f"recorded {name}: {path}", highlight=False, markup=False, soft_wrap=True)
