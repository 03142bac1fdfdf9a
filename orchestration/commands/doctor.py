"""``archduel doctor``: what this machine lacks and how the target differs from AWS, printed.

Belongs here: from the option to the checks and the probes, and how both look. What is looked at is
`resources.machine.checks` and `resources.conformance`.
"""

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from orchestration.commands.terminal import TerminalReporter
from resources.conformance.probes import Status
from resources.conformance.storage import probe_anew
from resources.lab.lab import exclusive
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
    Status.UNKNOWN: "bold red",
}


def examine(
    places: Places,
    *,
    target: str,
    target_options: Mapping[str, str],
    machine_only: bool,
    wait: bool,
    style: str,
    console: Console,
) -> None:
    """Check the machine, probe the target anew, publish and print what came of it.

    Raises `UsageError` for an unknown target, `ArchduelError` when the machine lacks something the lab needs;
    differences of the target are facts, and no failure. ``style`` is table or json.
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
        console.print(as_json(machine, conformance), highlight=False, markup=False, soft_wrap=True)
    else:
        console.print(summary(machine, conformance), highlight=False, markup=False, soft_wrap=True)
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
    """What was looked at on the machine."""
    table = Table(title="This machine", title_justify="left", title_style="bold", header_style="dim")
    for heading in ("", "", "found", "mend it with"):
        table.add_column(heading, overflow="fold")
    for check in machine:
        colour = _LEVELS[check.level]
        table.add_row(check.name, f"[{colour}]{check.level}[/]", escape(check.found), escape(check.mend))
    return table


def conformance_table(conformance: pa.Table) -> Table:
    """Every behaviour probed: on AWS, on the target, and what rests on it."""
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
        colour = _STATUSES[Status(row["status"])]
        words = (escape(row[name]) for name in ("behaviour", "expected", "observed"))
        table.add_row(*words, f"[{colour}]{row['status']}[/]", row["affects"])
    return table


def summary(machine: list[Check], conformance: pa.Table | None) -> str:
    """One line of counts."""
    text = "machine: " + _counts(Counter(check.level.value for check in machine), Level)
    if conformance is None:
        return text
    counts = Counter(conformance.column("status").to_pylist())
    return f'{text}; {conformance.num_rows} behaviours: {_counts(counts, Status)} (archduel sql "FROM conformance")'


def _counts(counts: Counter[str], kinds: type[Level] | type[Status]) -> str:
    return ", ".join(f"{counts[kind.value]} {kind.value}" for kind in kinds)


def as_json(machine: list[Check], conformance: pa.Table | None) -> str:
    """Both for programs."""
    told: dict[str, Any] = {
        "machine": [
            {"name": check.name, "level": check.level.value, "found": check.found, "mend": check.mend or None}
            for check in machine
        ],
        "conformance": None if conformance is None else conformance.to_pylist(),
    }
    return json.dumps(told, indent=2, default=str)
