"""``archduel record``.

Put its options and the choice between both ways of recording here. Keep out what each does
(`orchestration.commands.record_upstream`, `orchestration.commands.record_customers`).
"""

from pathlib import Path
from typing import Any

import click

from orchestration.commands.options import CommandWithList, positive
from orchestration.commands.record_upstream import RecordRequest, record_upstream
from orchestration.commands.terminal import open_console, say
from workloads.customers.days import days
from workloads.errors import UsageError, choose
from workloads.places import Places

_MAX_SEED = 2**62
_UPSTREAM_OPTIONS = ("listen", "mapping", "body_limit", "client_header", "rewrite_host", "expose", "replace")
_CUSTOMER_OPTIONS = ("peak", "seed", "architecture", "scenario_name", "describe")


@click.command(
    cls=CommandWithList,
    listed=("Days of the built-in customers", {name: day.description for name, day in days().items()}),
)
@click.option("--name", help="What the recording will be called.")
@click.option("--minutes", type=float, callback=positive, help="How long to record.  [default: until stopped]")
@click.option("--upstream", metavar="URL", help="Record real traffic on its way to the server at this address.")
@click.option(
    "--listen",
    metavar="HOST:PORT",
    help="The address that clients use instead of the server's.  [default: 127.0.0.1:8080]",
)
@click.option(
    "--mapping",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Your own commands, queries, entities and drops, as for an import.",
)
@click.option(
    "--body-limit",
    type=click.IntRange(min=0),
    metavar="BYTES",
    help="A request with a longer body is answered 413.  [default: 104857600]",
)
@click.option(
    "--client-header",
    metavar="NAME",
    help="The header whose first address identifies the client, if it is there.  [default: X-Forwarded-For]",
)
@click.option(
    "--rewrite-host/--keep-host",
    default=None,
    help="Send the server its own name as Host, or the clients' one.  [default: keep for one on this machine]",
)
@click.option("--expose", is_flag=True, default=None, help="Listen where other machines can reach it, too.")
@click.option("--replace", is_flag=True, default=None, help="Replace a recording of that name.")
@click.option(
    "--customers", metavar="DAY", help="Record the built-in customers of a food-ordering service on that day."
)
@click.option("--peak", type=float, callback=positive, help="Requests a second, on average, when they are busiest.")
@click.option("--seed", type=click.IntRange(0, _MAX_SEED), help="The seed of the customers' intentions.  [default: 7]")
@click.option("--architecture", metavar="NAME", help="The architecture the customers order from.  [default: the day's]")
@click.option("--scenario", "scenario_name", metavar="NAME", help="What breaks while they order.  [default: the day's]")
@click.option("--describe", is_flag=True, default=None, help="Print the day's model and record nothing.")
def command(
    name: str | None, minutes: float | None, upstream: str | None, customers: str | None, **options: Any
) -> None:
    """Record real traffic on its way to a server, or the built-in customers.

    With --upstream, a proxy that passes everything on, until Ctrl-C or SIGTERM; killed, it loses nothing older than a
    second. With --customers, a day of a food-ordering service against a running architecture, in real time.
    """
    given = {option: value for option, value in options.items() if value is not None}
    _check(given, upstream, customers)
    describe = given.pop("describe", False)
    if name is None and not describe:
        raise UsageError("--name is missing: what the recording will be called")
    places, console = Places.from_environment(), open_console()
    if upstream:
        record_upstream(places, RecordRequest(name=str(name), upstream=upstream, minutes=minutes, **given), console)
        return
    day = choose(days(), str(customers), "day")
    if describe:
        for line in day.described():
            say(console, line)
        return
    # The lab takes a second to import that real traffic need not wait for.
    from orchestration.commands.record_customers import record_customers  # noqa: PLC0415

    record_customers(places, day, str(name), console, minutes=minutes, **given)


def _check(given: dict[str, Any], upstream: str | None, customers: str | None) -> None:
    """Raise `UsageError` unless one way of recording was chosen, with its own options."""
    if (upstream is None) == (customers is None):
        raise UsageError(
            "choose what to record: real traffic with --upstream http://127.0.0.1:3000, or the built-in customers with"
            " --customers lunch"
        )
    foreign = [option for option in (_CUSTOMER_OPTIONS if upstream else _UPSTREAM_OPTIONS) if option in given]
    if foreign:
        flag = "--" + foreign[0].removesuffix("_name").replace("_", "-")
        raise UsageError(f"{flag} is for {'--customers' if upstream else '--upstream'}")
