"""``archduel inbox``: what became of the files of the inbox, for people."""

from datetime import UTC, datetime

from rich import box
from rich.console import Console
from rich.table import Table

from workloads.errors import UsageError
from workloads.inbox import VARIABLE, Inbox
from workloads.inbox.ledger import Ledger, State
from workloads.places import Places
from workloads.printable import printable

_WAITING = "somebody wrote to it in the last seconds, or others come first"
_QUEUED = "its import waits for its turn: archduel dev shows the run"


def show_inbox(places: Places, inbox: Inbox | None, console: Console, *, retry: bool, everything: bool) -> None:
    """A table of the files that are known, newest first: without ``everything`` those that did not become a recording
    of their own. With ``retry`` the refused ones are to be tried again.

    Raises `UsageError` where there never was an inbox.
    """
    ledger = Ledger(places.inbox_ledger)
    if not places.inbox_ledger.exists() and inbox is None:
        raise UsageError(f"there is no inbox: export {VARIABLE}, a folder or an s3:// address, then archduel dev")
    if retry:
        count = ledger.retry()
        console.print(f"{count:,} refused {'file is' if count == 1 else 'files are'} tried again", highlight=False)
    files = sorted(ledger.files().values(), key=lambda file: (-file.since, file.address))
    shown = [file for file in files if everything or file.state is not State.IMPORTED]
    counts = {state: sum(file.state is state for file in files) for state in State}
    told = ", ".join(f"{count:,} {state}" for state, count in counts.items() if count) or "no file was seen yet"
    if shown:
        table = Table(header_style="bold", box=box.SIMPLE_HEAD)
        for heading in ("file", "state", "recording", "since (UTC)", "why"):
            table.add_column(heading, overflow="fold")
        for file in shown:
            why = {State.WAITING: _WAITING, State.QUEUED: _QUEUED}.get(file.state, file.message)
            since = datetime.fromtimestamp(file.since, UTC).strftime("%Y-%m-%d %H:%M")
            table.add_row(printable(file.address), file.state, file.recording or "", since, printable(why))
        console.print(table, markup=False)
    console.print(told, highlight=False)
