"""The question before anything that is paid for.

Put here how the plan and its costs are shown and agreed to. Keep out what they come to (`resources.lab.budget`), and
that nothing is made without an agreement (`resources.targets`).
"""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from orchestration.commands.terminal import PlainConsole, say
from resources.lab.budget import Budget
from resources.targets import Charge
from workloads.errors import ArchduelError

if TYPE_CHECKING:  # with it dagster-aws is imported, which comparisons need not wait for
    from resources.object_store import AwsObjectStore


def _prompt() -> str | None:
    """What is typed on the terminal; None without a terminal."""
    if not sys.stdin.isatty():
        return None
    typed: str = click.prompt("Type the account's id to go on", default="", show_default=False)
    return typed.strip()


def agree(
    charge: Charge,
    budget: Budget,
    console: PlainConsole,
    *,
    yes: bool,
    ask: Callable[[], str | None] = _prompt,
) -> None:
    """Show what is planned, and agree to it with ``yes`` or the right word typed.

    Args:
        charge: Whose account pays. It is agreed to as a side effect.
        budget: What the plan comes to.
        console: Where the plan is shown.
        yes: Whether to agree without asking.
        ask: Returns what was typed; None without a terminal.

    Raises:
        ArchduelError: when the plan is over a ceiling, or was not agreed to. Nothing was made then.
    """
    spending = charge.spending
    for line in (f"On {charge.title}, this", *(f"  {line}" for line in budget.sentences())):
        say(console, line)
    ceilings = f"{spending.max_requests:,} requests, {spending.max_usd:.2f} USD"
    say(console, f"  ceilings: {ceilings}")
    if budget.requests > spending.max_requests:
        raise ArchduelError(
            f"{budget.requests:,} requests are over the ceiling of {spending.max_requests:,}: raise it with"
            " --most-requests, or lower --limit, --duration or --repetitions; nothing was made"
        )
    if budget.usd > spending.max_usd:
        raise ArchduelError(
            f"{budget.usd:.2f} USD are over the ceiling of {spending.max_usd:.2f} USD: raise it with --most-usd, or"
            " lower --limit, --duration or --repetitions; nothing was made"
        )
    _have_typed(charge.word, "made", yes=yes, ask=ask)
    charge.agree()


def agree_to_read(
    store: "AwsObjectStore",
    console: PlainConsole,
    *,
    most_usd: float,
    yes: bool,
    ask: Callable[[], str | None] = _prompt,
) -> None:
    """Show what is to be read of an account and what it costs, and agree to it as `agree` does.

    Args:
        store: What is read. It is agreed to as a side effect.
        console: Where that is shown.
        most_usd: What it may cost.
        yes: Whether to agree without asking.
        ask: Returns what was typed; None without a terminal.

    Raises:
        ArchduelError: when it costs more, or was not agreed to. Nothing was read then.
    """
    for line in (f"Of {store.title}, this", *(f"  {line}" for line in store.reading.sentences())):
        say(console, line)
    if store.reading.usd > most_usd:
        raise ArchduelError(
            f"{store.reading.usd:.2f} USD are over the ceiling of {most_usd:.2f} USD: raise it with --most-usd, or name"
            " a longer prefix; nothing was read"
        )
    _have_typed(store.word, "read", yes=yes, ask=ask)
    store.agree()


def _have_typed(word: str, done: str, *, yes: bool, ask: Callable[[], str | None]) -> None:
    """Raise `ArchduelError` unless ``yes``, or the right word is typed."""
    if yes:
        return
    typed = ask()
    if typed is None:
        raise ArchduelError(f"nothing was {done}: without a terminal to ask on, --yes agrees to this")
    if typed != word:
        raise ArchduelError(f"nothing was {done}: {typed!r} is not the account's id")
