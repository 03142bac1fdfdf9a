"""The guard before anything that is paid for: what it will be, what it may cost, and whether somebody agrees.

Belongs here: saying and asking. What it comes to is `resources.lab.budget`; that nothing happens without an answer is
the target's business.
"""

import sys
from collections.abc import Callable

import click
from rich.console import Console

from resources.lab.budget import Budget
from resources.targets import Charge
from workloads.errors import ArchduelError


def _on_the_terminal() -> str | None:
    """What somebody types; None where nobody can be asked."""
    if not sys.stdin.isatty():
        return None
    typed: str = click.prompt("Type the account's id to go on", default="", show_default=False)
    return typed.strip()


def agree(
    charge: Charge,
    budget: Budget,
    console: Console,
    *,
    yes: bool,
    ask: Callable[[], str | None] = _on_the_terminal,
) -> None:
    """Show what is planned, and go on only with ``yes`` or the right word typed.

    Raises `ArchduelError` where it is over a ceiling or nobody agreed; nothing was made then.
    """
    spending = charge.spending
    for line in (f"On {charge.title}, this", *(f"  {line}" for line in budget.sentences())):
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    ceilings = f"{spending.most_requests:,} requests, {spending.most_usd:.2f} USD"
    console.print(f"  ceilings: {ceilings}", highlight=False, markup=False, soft_wrap=True)
    if budget.requests > spending.most_requests:
        raise ArchduelError(
            f"{budget.requests:,} requests are over the ceiling of {spending.most_requests:,}: raise it with"
            " --most-requests, or lower --limit, --duration or --repetitions; nothing was made"
        )
    if budget.usd > spending.most_usd:
        raise ArchduelError(
            f"{budget.usd:.2f} USD are over the ceiling of {spending.most_usd:.2f} USD: raise it with --most-usd, or"
            " lower --limit, --duration or --repetitions; nothing was made"
        )
    if not yes:
        typed = ask()
        if typed is None:
            raise ArchduelError("nothing was made: --yes agrees to this where nobody can be asked")
        if typed != charge.word:
            raise ArchduelError(f"nothing was made: {typed!r} is not the account's id")
    charge.agree()
