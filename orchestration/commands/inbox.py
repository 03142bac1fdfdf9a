"""``archduel inbox``.

Put here how the files of the inbox are listed. Keep out what becomes of them (`workloads.inbox`).
"""

from datetime import UTC, datetime

import click
from rich import box
from rich.table import Table

from orchestration.commands.terminal import PlainConsole, open_console
from orchestration.inbox_place import inbox_from_environment
from workloads.errors import UsageError
from workloads.inbox import VARIABLE, Inbox
from workloads.inbox.ledger import Ledger, State
from workloads.places import Places

_WAITING = "it was written to in the last seconds, or others come first"
_QUEUED = "its import waits for its turn: archduel dev shows the run"


@click.command()
@click.option("--all", "everything", is_flag=True, help="Show imported files as well.")
@click.option("--retry", is_flag=True, help="Try refused files again.")
def command(everything: bool, retry: bool) -> None:
    """Show what became of the files in the inbox, and why.

    The inbox is what ARCHDUEL_INBOX names: a folder, or s3://BUCKET/PREFIX of an emulator on this machine
    (ARCHDUEL_INBOX_ENDPOINT_URL). While `archduel dev` runs, each new file in it is imported once and compared.
    """
    places = Places.from_environment()
    show_inbox(places, inbox_from_environment(places), open_console(), retry=retry, everything=everything)


def show_inbox(places: Places, inbox: Inbox | None, console: PlainConsole, *, retry: bool, everything: bool) -> None:
    """Print a table of the files, newest first, and how many are in each state.

    Args:
        places: The home whose ledger knows the files.
        inbox: The inbox; None where none is configured.
        console: Where the table is printed.
        retry: Whether to have the refused files tried again.
        everything: Whether to list the imported files too.

    Raises:
        UsageError: when there never was an inbox.
    """
    ledger = Ledger(places.inbox_ledger)
    if not places.inbox_ledger.exists() and inbox is None:
        raise UsageError(f"there is no inbox: export {VARIABLE}, a folder or an s3:// address, then archduel dev")
    if retry:
        count = ledger.retry()
        console.print(f"{count:,} refused {'file is' if count == 1 else 'files are'} tried again")
    files = sorted(ledger.files().values(), key=lambda file: (-file.since, file.address))
    shown = [file for file in files if everything or file.state is not State.IMPORTED]
    counts = {state: sum(file.state is state for file in files) for state in State}
    summary = ", ".join(f"{count:,} {state}" for state, count in counts.items() if count) or "no file was seen yet"
    if shown:
        table = Table(header_style="bold", box=box.SIMPLE_HEAD)
        for heading in ("file", "state", "recording", "since (UTC)", "why"):
            table.add_column(heading, overflow="fold")
        for file in shown:
            why = {State.WAITING: _WAITING, State.QUEUED: _QUEUED}.get(file.state, file.message)
            since = datetime.fromtimestamp(file.since, UTC).strftime("%Y-%m-%d %H:%M")
            table.add_row(file.address, file.state, file.recording or "", since, why)
        console.print(table)
    console.print(summary)
