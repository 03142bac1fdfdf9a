"""``archduel record --customers``: a day of the built-in customers, recorded.

Put here how its options become a day, and how the day is described. Keep the customers out
(`resources.recorder.customers`).
"""

from typing import Any

from orchestration.commands.progress import TerminalReporter
from orchestration.commands.terminal import PlainConsole, say
from resources.recorder.customers import plan, record
from workloads.customers.days import Day
from workloads.places import Places
from workloads.recordings.library import check_name


def record_customers(places: Places, day: Day, name: str, console: PlainConsole, **options: Any) -> None:
    """Record a day of the built-in customers as the recording ``name``.

    Args:
        places: The home whose library takes the recording.
        day: Which day.
        name: The recording's name.
        console: Where progress is printed.
        options: What is to be other than the day's own, as `resources.recorder.customers.plan` takes it.

    Raises:
        UsageError: for a name, an architecture or a scenario that cannot be used.
        ArchduelError: when no customer would come, or the recording failed.
    """
    check_name(name)
    planned = plan(places, day, **options)
    with TerminalReporter(console) as reporter:
        path = record(places, name, planned, reporter=reporter)
    say(console, f"recorded {name}: {path}")
