"""What became of the requests of a recording, in lines for people.

Put here accounts that commands share. Keep the counting out (`workloads.importers`, `workloads.live`).
"""

from workloads.importers.ingest import Import
from workloads.live.whole import Account


def shape_lines(done: Import | Account) -> list[str]:
    """Return two lines for people: when the requests came and how many a second, and the rate as bars."""
    shape = (
        f"  {done.first_arrival:%Y-%m-%d %H:%M:%S} to {done.last_arrival:%Y-%m-%d %H:%M:%S} UTC,"
        f" {done.mean_per_s:,.2f} requests/s, {done.peak_per_s:,.0f} in the busiest second,"
        f" {done.command_share:.1%} commands, sub-seconds {done.subsecond}"
    )
    return [shape, f"  rate  {done.rate}"]


def account_lines(account: Account) -> list[str]:
    """Return lines for people about what became of every request of a recorder, the counts first."""
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
        *shape_lines(account),
        *(f"  {count:,} x {what}" for count, what in asides if count),
        *(f"  dropped: {count:,} x {rule}" for rule, count in account.dropped_by_rule.items()),
        *(f"  refused: {count:,} x {reason}" for reason, count in account.refused_by_reason.items()),
        f"  replay it: archduel compare --workload {account.name} --limit 2000",
    ]
