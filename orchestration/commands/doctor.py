"""``archduel doctor``.

Put here how checks and probes are printed. Keep out the machine's checks (`resources.machine.checks`) and
the target's probes (`resources.conformance`).
"""

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

import click
import pyarrow as pa
from rich.table import Table

from orchestration.commands.progress import TerminalReporter
from orchestration.commands.target_options import given_target_options, target_options
from orchestration.commands.terminal import PlainConsole, open_console, say, styled
from resources.conformance.probes import Status
from resources.conformance.storage import probe_anew
from resources.lab.exclusive import exclusive
from resources.machine.checks import Check, Level, can_run, checks
from resources.progress import Reporter, Silent
from resources.targets import open_target, targets
from resources.warehouse.publish import publish
from workloads.errors import ArchduelError, choose
from workloads.places import Places

_LEVELS = {Level.OK: "green", Level.WARNING: "yellow", Level.MISSING: "bold red"}
_STATUSES = {
    Status.REPRODUCED: "green",
    Status.DIFFERENT: "yellow",
    Status.ABSENT: "magenta",
    Status.NOT_PROVOCABLE: "dim",
    Status.UNKNOWN: "bold red",
}


@click.command()
@click.option("--machine-only", is_flag=True, help="Check this machine and start no emulator.")
@click.option("--no-wait", is_flag=True, help="Fail when the lab is busy instead of waiting.")
@click.option(
    "--format", "style", type=click.Choice(["table", "json"]), default="table", show_default=True, help="How to print."
)
@target_options
def command(target: str, machine_only: bool, no_wait: bool, style: str, **options: Any) -> None:
    """Check this machine, and how faithful the target is to AWS.

    Names what is missing with the command that mends it. Then probes the target, in well under a minute: which
    behaviours that AWS documents are reproduced, different or absent, and which claims rest on them. The results are
    kept as the table conformance. Only a machine that cannot run the lab makes it fail; differences do not.
    """
    examine(
        Places.from_environment(),
        target=target,
        target_options=given_target_options(options),
        machine_only=machine_only,
        wait=not no_wait,
        style=style,
        console=open_console(),
    )


def examine(
    places: Places,
    *,
    target: str,
    target_options: Mapping[str, str],
    machine_only: bool,
    wait: bool,
    style: str,
    console: PlainConsole,
) -> None:
    """Check the machine, probe the target anew, publish what was found and print it.

    Args:
        places: The home that keeps what was found.
        target: The target's name.
        target_options: The target's own options.
        machine_only: Whether to leave the target out.
        wait: Whether to wait where the lab is busy.
        style: ``table`` for people, ``json`` for programs.
        console: Where it is printed.

    Raises:
        UsageError: for an unknown target, or options that are not its own.
        ArchduelError: when the machine lacks something the lab needs. Differences of the target are no failure.
    """
    choose(targets(), target, "target")
    machine = checks(places)
    runs = can_run(machine)
    if style == "table":
        console.print(machine_table(machine))
    conformance = None
    if runs and not machine_only:
        if style == "table":
            with TerminalReporter(console) as reporter:
                conformance = _probe(places, target, target_options, reporter, wait=wait)
            console.print(conformance_table(conformance))
        else:
            conformance = _probe(places, target, target_options, Silent(), wait=wait)
    if style == "json":
        say(console, as_json(machine, conformance))
    else:
        say(console, summary(machine, conformance))
    if not runs:
        names = ", ".join(check.name for check in machine if check.level is Level.MISSING)
        raise ArchduelError(f"this machine cannot run the lab yet ({names}): the commands above mend it")


def _probe(
    places: Places, target: str, target_options: Mapping[str, str], reporter: Reporter, *, wait: bool
) -> pa.Table:
    with exclusive(places, who="archduel doctor", wait=wait, reporter=reporter):
        found = probe_anew(places, reporter, open_target(target, places, target_options, reporter))
    publish(places)
    return found


def machine_table(machine: list[Check]) -> Table:
    """Return the checks of the machine as a table."""
    table = Table(title="This machine", title_justify="left", title_style="bold", header_style="dim")
    for heading in ("", "", "found", "mend it with"):
        table.add_column(heading, overflow="fold")
    for check in machine:
        table.add_row(check.name, styled(check.level, _LEVELS[check.level]), check.found, check.mend)
    return table


def conformance_table(conformance: pa.Table) -> Table:
    """Return every probed behaviour as a table: on AWS, on the target, and the claims that rest on it."""
    rows = conformance.to_pylist()
    table = Table(
        title=f"{rows[0]['target']} beside AWS",
        title_justify="left",
        title_style="bold",
        header_style="dim",
        caption="claims: those whose observation exercises the behaviour; none where the lab keeps clear of it",
        caption_justify="left",
    )
    for heading in ("behaviour", "AWS", "here", "status", "claims"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        words = (row[name] for name in ("behaviour", "expected", "observed"))
        table.add_row(*words, styled(row["status"], _STATUSES[Status(row["status"])]), row["affects"])
    return table


def summary(machine: list[Check], conformance: pa.Table | None) -> str:
    """Return one line with the counts of both."""
    text = "machine: " + _counts(Counter(check.level.value for check in machine), Level)
    if conformance is None:
        return text
    counts = Counter(conformance.column("status").to_pylist())
    return f'{text}; {conformance.num_rows} behaviours: {_counts(counts, Status)} (archduel sql "FROM conformance")'


def _counts(counts: Counter[str], kinds: type[Level] | type[Status]) -> str:
    return ", ".join(f"{counts[kind.value]} {kind.value}" for kind in kinds)


def as_json(machine: list[Check], conformance: pa.Table | None) -> str:
    """Return both as JSON."""
    findings: dict[str, Any] = {
        "machine": [
            {"name": check.name, "level": check.level.value, "found": check.found, "mend": check.mend or None}
            for check in machine
        ],
        "conformance": None if conformance is None else conformance.to_pylist(),
    }
    return json.dumps(findings, indent=2, default=str)
