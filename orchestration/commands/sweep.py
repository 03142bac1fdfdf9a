"""``archduel sweep``: what killed runs left on a target that goes on without them, listed and taken away.

Belongs here: listing, asking, telling. What is whose, and how it goes, is the target's corner.
"""

import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack

import click
from rich.console import Console

from resources.lab.lab import exclusive
from resources.progress import Silent
from resources.targets import Corner, targets, told
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
    corner = chosen.corner(places, told(chosen, options))
    if corner is None:
        _say(console, f"{target} leaves nothing behind: what it runs on ends with each run")
        return
    with ExitStack() as held:
        if everything:
            held.enter_context(exclusive(places, who="archduel sweep", wait=False, reporter=Silent()))
        _sweep(corner, console, everything=everything, yes=yes, ask=ask)


def _sweep(corner: Corner, console: Console, *, everything: bool, yes: bool, ask: Callable[[str], bool | None]) -> None:
    left = corner.left(everything=everything)
    for one in left.foreign:
        _say(console, f"stays, as by its tags it is somebody else's: {one}")
    if left.ours:
        for one in left.ours:
            _say(console, f"left on {corner.title}: {one}")
        if not yes:
            answer = ask(f"Delete these {len(left.ours)}?")
            if not answer:
                why = "say --yes where nobody can be asked" if answer is None else "as you said"
                raise ArchduelError(f"nothing was deleted: {why}")
        _say(console, f"deleted {corner.sweep(everything=everything)} from {corner.title}")
    _say(console, f"nothing of {'this home' if everything else 'dead runs'} is left on {corner.title}")


def _say(console: Console, text: str) -> None:
    console.print(text, highlight=False, markup=False, soft_wrap=True)
