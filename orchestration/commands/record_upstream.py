"""``archduel record --upstream``: real traffic, recorded on its way to a server.

Put here how its options become a session, and how the session is shown. Keep the session out (`resources.recorder`).
"""

import ipaddress
from dataclasses import dataclass
from pathlib import Path

from rich.live import Live

from orchestration.commands.accounts import account_lines
from orchestration.commands.terminal import PlainConsole, say
from resources.aws.clients import is_loopback
from resources.recorder.proxy import Settings
from resources.recorder.session import Figures, record_traffic
from resources.recorder.upstream import Address
from workloads.errors import UsageError
from workloads.importers.rules.classify import Rules
from workloads.importers.rules.mapping import EMPTY_MAPPING, read_mapping
from workloads.places import Places
from workloads.recordings.library import check_name

_LINE_EVERY_S = 10.0  # where there is no terminal to draw on


@dataclass(frozen=True)
class RecordRequest:
    """What to record: the command's options, as they were given or by default."""

    name: str
    upstream: str
    listen: str = "127.0.0.1:8080"
    expose: bool = False
    mapping: Path | None = None
    body_limit: int = Settings.body_limit
    rewrite_host: bool | None = None
    client_header: str = Settings.client_header
    replace: bool = False
    minutes: float | None = None


def record_upstream(places: Places, request: RecordRequest, console: PlainConsole) -> None:
    """Record until stopped, and print what became of every request.

    Args:
        places: The home whose library takes the recording.
        request: What to record.
        console: Where progress and the account are printed.

    Raises:
        UsageError: for anything wrong with the request, before the recorder listens.
        ArchduelError: when nothing was recorded, or the recorder cannot go on.
    """
    check_name(request.name)
    host, port = _listened(request.listen, expose=request.expose)
    address = Address.of(request.upstream)
    if port == address.port and is_loopback(str(address)) and is_loopback(f"http://{request.listen}"):
        raise UsageError(f"--listen {request.listen} and --upstream {request.upstream} are the same: name another port")
    rewritten = request.rewrite_host if request.rewrite_host is not None else not is_loopback(str(address))
    settings = Settings(
        listen_host=host,
        listen_port=port,
        upstream=address,
        rewrite_host=rewritten,
        body_limit=request.body_limit,
        client_header=request.client_header,
    )
    rules = Rules(mapping=read_mapping(request.mapping) if request.mapping else EMPTY_MAPPING)
    with _Terminal(console, request.name, str(address)) as watcher:
        account = record_traffic(
            places, request.name, settings, watcher, rules=rules, replace=request.replace, minutes=request.minutes
        )
    for line in account_lines(account):
        say(console, line)


def _listened(text: str, *, expose: bool) -> tuple[str, int]:
    """Host and port of a ``--listen``, which other machines can reach only with ``expose``."""
    host, colon, digits = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    try:
        port = int(digits)
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError:
        port = -1
    if not colon or not 0 <= port < 65536:
        raise UsageError(f"--listen {text}: give an address of this machine and a port, such as 127.0.0.1:8080")
    if not address.is_loopback and not expose:
        raise UsageError(
            f"--listen {text} can be reached from other machines, and what they send is passed on and recorded:"
            " give --expose as well if that is intended"
        )
    return str(address), port


class _Terminal:
    """One live line on a terminal, a plain one now and then elsewhere."""

    def __init__(self, console: PlainConsole, name: str, upstream: str) -> None:
        self._console = console
        self._name = name
        self._upstream = upstream
        self._live = Live(console=console, auto_refresh=False, transient=True) if console.is_terminal else None
        self._before = Figures(0.0, 0, 0, 0, 0, 0, None)
        self._rate = 0.0
        self._reported_s = 0.0

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
            self._live.update(line, refresh=True)
        elif figures.seconds - self._reported_s >= _LINE_EVERY_S:
            self._reported_s = figures.seconds
            self._say(line)

    def _say(self, text: str) -> None:
        say(self._console, text)
        self._console.file.flush()
