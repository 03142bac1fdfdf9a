"""``archduel sweep``: what killed runs left on a target that goes on without them, listed and taken away.

Belongs here: listing, asking, telling. What is whose, and how it is deleted, is the target's `Leftovers`.
"""

import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack

import click
from rich.console import Console

from resources.lab.lab import exclusive
from resources.progress import Silent
from resources.targets import Leftovers, complete_options, targets
from workloads.errors import ArchduelError, choose
from workloads.places import Places


def _on_the_terminal(question: str) -> bool | None:
    """The answer; None where nobody can be asked."""
    return click.confirm(question) if sys.stdin.isatty() else None


def sweep(
    places: Places,
    console: Console,
    *,
    target: str,
    options: Mapping[str, str],
    everything: bool,
    yes: bool,
    ask: Callable[[str], bool | None] = _on_the_terminal,
) -> None:
    """Show what is left there and delete it once somebody agreed; with nothing left there is nothing to ask.

    ``everything`` takes what is no dead run's as well, for which no run of this home may be under way. Raises
    `ArchduelError` where nobody agreed or something will not go.
    """
    chosen = choose(targets(), target, "target")
    leftovers = chosen.leftovers(places, complete_options(chosen, options))
    if leftovers is None:
        _say(console, f"{target} leaves nothing behind: what it runs on ends with each run")
        return
    with ExitStack() as held:
        if everything:
            held.enter_context(exclusive(places, who="archduel sweep", wait=False, reporter=Silent()))
        _sweep(leftovers, console, everything=everything, yes=yes, ask=ask)


def _sweep(
    leftovers: Leftovers, console: Console, *, everything: bool, yes: bool, ask: Callable[[str], bool | None]
) -> None:
    found = leftovers.find(everything=everything)
    for one in found.foreign:
        _say(console, f"stays, as by its tags it is somebody else's: {one}")
    if found.own:
        for one in found.own:
            _say(console, f"left on {leftovers.title}: {one}")
        if not yes:
            answer = ask(f"Delete these {len(found.own)}?")
            if not answer:
                why = "say --yes where nobody can be asked" if answer is None else "as you said"
                raise ArchduelError(f"nothing was deleted: {why}")
        _say(console, f"deleted {leftovers.sweep(everything=everything)} from {leftovers.title}")
    _say(console, f"nothing of {'this home' if everything else 'dead runs'} is left on {leftovers.title}")


def _say(console: Console, text: str) -> None:
    console.print(text, highlight=False, markup=False, soft_wrap=True)
