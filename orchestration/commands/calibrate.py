"""``archduel calibrate``.

Put its options and what it prints here. Keep out fitting (`resources.simulation.calibrating`) and predicting
(`assets.analysis.validation`).
"""

from collections.abc import Sequence
from typing import Any

import click
from rich.table import Table

from assets.analysis.judge import newest
from assets.analysis.validation import REPETITIONS, Validated, validate
from assets.report.words.numbers import duration
from assets.report.words.validation import MEASURES, miss_title, missed_sentence, value_title
from orchestration.commands.progress import TerminalReporter
from orchestration.commands.terminal import open_console, say
from resources.warehouse.publish import publish
from workloads.places import Places


@click.command()
@click.option(
    "--comparison",
    "comparison_id",
    metavar="ID",
    help="What was observed: on an emulator, or on AWS.  [default: the newest]",
)
@click.option(
    "--fit",
    "fit",
    multiple=True,
    default=("steady",),
    show_default=True,
    metavar="SCENARIO",
    help="A scenario of it whose cells are fitted to; the others are predicted. Repeatable.",
)
def command(comparison_id: str | None, fit: Sequence[str]) -> None:
    """Fit the simulation to what was observed, and predict cells that it was not fitted to.

    Service times, overheads, cold starts and the poller's behaviour are fitted to the cells of one or two scenarios,
    and kept as a file of parameters for --target simulated --parameters FILE. All cells of the comparison are then
    simulated with them: a table, and the report, show what is predicted beside what was observed. Nothing is replayed.
    """
    places = Places.from_environment()
    console = open_console()
    with TerminalReporter(console) as reporter:
        found = validate(places, comparison_id or newest(places), tuple(dict.fromkeys(fit)), reporter)
        reporter.stage("publishing")
        publish(places)
    for table in (_fitted(found), _predicted(found.rows.to_pylist())):
        console.print(table)
    for name, why in found.calibration.unknown.items():
        say(console, f"{name} stays as it was: {why}.", style="yellow")
    say(console, missed_sentence(found.rows.to_pylist()))
    say(console, f"Parameters: {found.file}")
    say(console, f"Simulate with them: archduel compare --target simulated --parameters {found.file}")


def _fitted(found: Validated) -> Table:
    table = Table(title="Fitted", title_justify="left", title_style="bold", show_edge=False, pad_edge=False)
    for heading in ("parameter", "p50", "95 % interval", "p99", "longest", "samples"):
        table.add_column(heading, justify="left" if heading == "parameter" else "right")
    for one in found.calibration.fitted:
        if one.n:
            known = dict(one.quantiles)
            table.add_row(
                one.name,
                duration(known[0.5]),
                f"{duration(one.p50_low_us)} to {duration(one.p50_high_us)}",
                duration(known[0.99]),
                duration(one.max_us),
                f"{one.n:,}",
            )
    for name, value in found.calibration.numbers.items():
        table.add_row(name, f"{value:g}", "", "", "", "")
    return table


def _predicted(rows: Sequence[dict[str, Any]]) -> Table:
    table = Table(title="Predicted", title_justify="left", title_style="bold", show_edge=False, pad_edge=False)
    for heading in (
        "cell",
        "of",
        "measure",
        "observed",
        "predicted",
        f"in {REPETITIONS} repetitions",
        "predicted / observed",
    ):
        table.add_column(heading, justify="left" if heading in {"cell", "of", "measure"} else "right")
    for row in sorted(rows, key=lambda row: row["fitted"]):
        measure = row["measure"]
        ends = " to ".join(value_title(row[name], measure) for name in ("predicted_low", "predicted_high"))
        table.add_row(
            f"{row['scenario']} · {row['architecture']}{' (fitted)' if row['fitted'] else ''}",
            row["operation"] or "queue",
            MEASURES[measure],
            value_title(row["observed"], measure),
            value_title(row["predicted"], measure),
            ends,
            miss_title(row),
        )
    return table
