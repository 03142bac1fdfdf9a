"""``archduel prune``.

Put here how pruning is asked for. Keep out what is old (`orchestration.retention`) and what is removed
(`resources.warehouse.retention`).
"""

from datetime import UTC, datetime

import click
import dagster as dg

from orchestration.commands.terminal import open_console
from orchestration.instance import prepare_instance
from orchestration.nights import nights_in_use
from orchestration.retention import old_comparisons, prune_all
from workloads.errors import UsageError
from workloads.places import Places


@click.command()
@click.option("--keep", type=click.IntRange(1, 36_500), metavar="DAYS", help="How many days stay whole.")
@click.option("--all", "everything", is_flag=True, help="Prune old comparisons that are of no night as well.")
@click.option("--dry-run", is_flag=True, help="Name what would be pruned, and remove nothing.")
def command(keep: int | None, everything: bool, dry_run: bool) -> None:
    """Remove the single requests and observations of old nights, and Dagster's records of old runs.

    Books, latencies, verdicts, claims, cost and history stay as they are. Without --keep it is keep_nights of
    nights.toml, by which `archduel dev` prunes once a day.
    """
    places, today = Places.from_environment(), datetime.now(UTC).date()
    days = keep or nights_in_use(places).keep_nights
    if not days:
        raise UsageError("nights.toml keeps everything (keep_nights = 0): say how many days with --keep")
    console = open_console()
    if dry_run:
        for name in old_comparisons(places, today, days, everything=everything):
            console.print(name)
        return
    prepare_instance(places)
    with dg.DagsterInstance.get() as instance:
        console.print(prune_all(places, instance, today, days, everything=everything).sentence())
