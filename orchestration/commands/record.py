"""``archduel record --upstream``: from options to a recording session, how it goes, and the account of it.

What a session does is `resources.recorder`.
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click
from rich.console import Console
from rich.live import Live
from rich.text import Text

from orchestration.commands.importing import shape_of
from resources.aws.clients import is_loopback
from resources.recorder.proxy import Settings
from resources.recorder.session import Figures, record_traffic
from resources.recorder.upstream import Address
from workloads.errors import UsageError
from workloads.importers.rules.classify import Rules
from workloads.importers.rules.mapping import NOTHING_SAID, read_mapping
from workloads.live.recovery import recover
from workloads.live.whole import Account
from workloads.places import Places
from workloads.recordings.library import Library, check_name

_LINE_EVERY_S = 10.0  # where there is no terminal to draw on


@dataclass(frozen=True)
class Wish:
    """What is to be recorded, as it was said on the command line."""

    name: str
    listen: str
    upstream: str
    expose: bool = False
    mapping: Path | None = None
    body_limit: int = Settings.body_limit
    rewrite_host: bool | None = None
    client_header: str = Settings.client_header
    replace: bool = False
    minutes: float | None = None


def record_upstream(places: Places, wish: Wish, console: Console) -> None:
    """Record until stopped, and print what became of every request. Everything wrong with a wish is said at once."""
    check_name(wish.name)
    host, port = _listened(wish.listen, expose=wish.expose)
    address = Address.of(wish.upstream)
    if port == address.port and is_loopback(str(address)) and is_loopback(f"http://{wish.listen}"):
        raise UsageError(f"--listen {wish.listen} and --upstream {wish.upstream} are the same: name another port")
    rewritten = wish.rewrite_host if wish.rewrite_host is not None else not is_loopback(str(address))
    settings = Settings(
        listen_host=host,
        listen_port=port,
        upstream=address,
        rewrite_host=rewritten,
        body_limit=wish.body_limit,
        client_header=wish.client_header,
    )
    rules = Rules(mapping=read_mapping(wish.mapping) if wish.mapping else NOTHING_SAID)
    with _Terminal(console, wish.name, str(address)) as watcher:
        account = record_traffic(
            places, wish.name, settings, watcher, rules=rules, replace=wish.replace, minutes=wish.minutes
        )
    for line in account_of(account):
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def say_recovered(places: Places) -> None:
    """Recover what killed imports and recorders left behind, and print what became of it to the standard error."""
    recovery = recover(Library(places))
    for failure in recovery.failures.values():  # no reason not to run the command
        click.echo(f"archduel: {failure}", err=True)
    for account in recovery.accounts.values():
        click.echo(f"archduel: recovered what a recorder left behind: {account_of(account)[0]}", err=True)


def account_of(account: Account) -> Sequence[str]:
    """What became of every request of a recorder, for people."""
    books = (
        f"{account.name}: {account.seen:,} requests seen = {account.recorded:,} recorded + {account.dropped:,} dropped"
        f" + {account.refused:,} refused"
    )
    asides = (
        (account.upstream_errors, "the upstream did not answer as it should"),
        (account.unanswered, "recorded without an answer: client or upstream left"),
    )
    return [
        books,
        *shape_of(account),
        *(f"  {count:,} x {what}" for count, what in asides if count),
        *(f"  dropped: {count:,} x {rule}" for rule, count in account.dropped_by_rule.items()),
        *(f"  refused: {count:,} x {reason}" for reason, count in account.refused_by_reason.items()),
        f"  replay it: archduel compare --workload {account.name} --limit 2000",
    ]


def _listened(text: str, *, expose: bool) -> tuple[str, int]:
    """Host and port of a ``--listen``. Recording is for this machine's clients unless it is said otherwise."""
    host, colon, digits = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    try:
        port = int(digits)
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError:
        port = -1
    if not colon or not 0 <= port < 65536:
        raise UsageError(f"--listen {text}: say an address of this machine and a port, such as 127.0.0.1:8080")
    if not address.is_loopback and not expose:
        raise UsageError(
            f"--listen {text} can be reached from other machines, and what they send is passed on and recorded:"
            " say --expose as well if that is meant"
        )
    return str(address), port


class _Terminal:
    """One live line on a terminal, a plain one now and then elsewhere."""

    def __init__(self, console: Console, name: str, upstream: str) -> None:
        self._console = console
        self._name = name
        self._upstream = upstream
        self._live = Live(console=console, auto_refresh=False, transient=True) if console.is_terminal else None
        self._before = Figures(0.0, 0, 0, 0, 0, 0, None)
        self._rate = 0.0
        self._said_s = 0.0

    def __enter__(self) -> "_Terminal":
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    def listening(self, host: str, port: int) -> None:
        """As `resources.recorder.session.Watcher`."""
        shown = f"[{host}]" if ":" in host else host
        self._say(f"recording {self._name}: http://{shown}:{port} -> {self._upstream}; Ctrl-C ends it")

    def goes_on(self, figures: Figures) -> None:
        """As `resources.recorder.session.Watcher`."""
        before = self._before
        if figures.down != before.down:
            self._say(
                f"{self._upstream} does not answer ({figures.down}): clients get 502 until it does"
                if figures.down
                else f"{self._upstream} answers again"
            )
        elapsed_s = figures.seconds - before.seconds
        if elapsed_s >= 1 or figures.down != before.down:
            self._rate = (figures.seen - before.seen) / elapsed_s if elapsed_s > 0 else 0.0
            self._before = figures
        minutes, seconds = divmod(int(figures.seconds), 60)
        line = (
            f"{self._name}: {figures.seen:,} requests, {self._rate:,.0f}/s, {figures.dropped:,} dropped,"
            f" {figures.refused:,} refused, {figures.upstream_errors:,} upstream errors, {minutes}:{seconds:02}"
        )
        if self._live:
            self._live.update(Text(line), refresh=True)
        elif figures.seconds - self._said_s >= _LINE_EVERY_S:
            self._said_s = figures.seconds
            self._say(line)

    def _say(self, text: str) -> None:
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)
        self._console.file.flush()
