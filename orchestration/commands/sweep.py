"""``archduel sweep``.

Put here how leftovers are listed and their deletion is confirmed. Keep out what is left and how it is deleted
(`resources.targets`).
"""

import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any

import click

from orchestration.commands.target_options import given_target_options, target_options
from orchestration.commands.terminal import PlainConsole, open_console, say
from resources.lab.exclusive import exclusive
from resources.progress import Silent
from resources.targets import Leftovers, complete_options, targets
from workloads.errors import ArchduelError, choose
from workloads.places import Places


@click.command()
@click.option(
    "--all",
    "everything",
    is_flag=True,
    help="Delete what any run of this home left, not only killed ones; none may be under way.",
)
@click.option("--yes", is_flag=True, help="Do not ask before deleting.")
@target_options
def command(target: str, everything: bool, yes: bool, **options: Any) -> None:
    """Delete what killed runs of this home left on --target endpoint or aws.

    Lists it first and asks. Finds resources by names and tags, touches no others, and ends once none is left. It may
    be repeated.
    """
    given = given_target_options(options)
    sweep(Places.from_environment(), open_console(), target=target, options=given, everything=everything, yes=yes)


def _confirm(question: str) -> bool | None:
    """The answer given on the terminal; None without a terminal."""
    return click.confirm(question) if sys.stdin.isatty() else None


def sweep(
    places: Places,
    console: PlainConsole,
    *,
    target: str,
    options: Mapping[str, str],
    everything: bool,
    yes: bool,
    ask: Callable[[str], bool | None] = _confirm,
) -> None:
    """List what killed runs left on a target, and delete it once that is confirmed.

    Args:
        places: The home whose runs are meant.
        console: Where it is listed.
        target: The target's name.
        options: The target's own options.
        everything: Whether to delete the resources of living runs too; no run may be under way then.
        yes: Whether to delete without asking.
        ask: Asks a question; its answer is None without a terminal.

    Raises:
        UsageError: for an unknown target, or options that are not its own.
        ArchduelError: when it was not confirmed, the lab is busy, or something cannot be deleted.
    """
    chosen = choose(targets(), target, "target")
    leftovers = chosen.leftovers(places, complete_options(chosen, options))
    if leftovers is None:
        say(console, f"{target} leaves nothing behind: what it runs on ends with each run")
        return
    with ExitStack() as held:
        if everything:
            held.enter_context(exclusive(places, who="archduel sweep", wait=False, reporter=Silent()))
        _sweep(leftovers, console, everything=everything, yes=yes, ask=ask)


def _sweep(
    leftovers: Leftovers, console: PlainConsole, *, everything: bool, yes: bool, ask: Callable[[str], bool | None]
) -> None:
    found = leftovers.find(everything=everything)
    for one in found.foreign:
        say(console, f"stays, as its tags are not archduel's: {one}")
    if found.own:
        for one in found.own:
            say(console, f"left on {leftovers.title}: {one}")
        if not yes:
            answer = ask(f"Delete these {len(found.own)}?")
            if not answer:
                why = "without a terminal to ask on, give --yes" if answer is None else "you did not agree"
                raise ArchduelError(f"nothing was deleted: {why}")
        say(console, f"deleted {leftovers.sweep(everything=everything)} from {leftovers.title}")
    say(console, f"nothing of {'this home' if everything else 'dead runs'} is left on {leftovers.title}")
