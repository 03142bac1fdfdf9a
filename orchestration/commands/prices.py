"""``archduel prices``.

Put here how prices and assumptions are listed and replaced. Keep out how they are read (`resources.prices`).
"""

from collections.abc import Sequence
from pathlib import Path

import click
from rich.table import Table

from orchestration.commands.terminal import PlainConsole, open_console, say, styled
from resources.prices.book import BUNDLED_PRICES, Price, assumptions, bundled_prices, own_assumptions, prices
from resources.prices.offers import import_offers
from workloads.errors import ArchduelError, UsageError
from workloads.places import Places


@click.command()
@click.option(
    "--import",
    "imports",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="One of AWS's price list files (offers/v1.0/aws/SERVICE/current/index.json). Repeatable.",
)
@click.option(
    "--region", default="us-east-1", show_default=True, help="The region whose prices to take from these files."
)
@click.option("--reset", is_flag=True, help="Go back to the bundled prices.")
def command(imports: tuple[Path, ...], region: str, reset: bool) -> None:
    """Show the prices and assumptions that costs rest on, with source and date, or replace the prices."""
    show_prices(Places.from_environment(), open_console(), imports=imports, region=region, reset=reset)


def show_prices(
    places: Places,
    console: PlainConsole,
    *,
    imports: Sequence[Path] = (),
    region: str = "us-east-1",
    reset: bool = False,
) -> None:
    """Replace the prices if ``imports`` or ``reset`` say so, then list the prices and assumptions in use.

    Args:
        places: The home whose own prices are read and replaced.
        console: Where they are listed.
        imports: AWS's price list files to take prices from.
        region: The AWS region whose prices to take.
        reset: Whether to go back to the bundled prices.

    Raises:
        UsageError: for ``imports`` together with ``reset``.
        ArchduelError: for a file that is no price list, or prices that cannot be removed.
    """
    if imports and reset:
        raise UsageError("--import and --reset together make no sense: choose one")
    if reset:
        _reset(places, console)
    if imports:
        _import(places, console, imports, region)
    _list_prices(places, console)
    _list_assumptions(places, console)


def _prices_of(number: int, region: str) -> str:
    return f"1 price of {region} is" if number == 1 else f"{number} prices of {region} are"


def _reset(places: Places, console: PlainConsole) -> None:
    existed = places.prices.exists()
    try:
        places.prices.unlink(missing_ok=True)
    except OSError as error:
        raise ArchduelError(f"cannot remove {places.prices}: {error.strerror or error}") from None
    say(console, f"removed {places.prices}" if existed else "nothing to reset: the bundled prices count already")


def _import(places: Places, console: PlainConsole, files: Sequence[Path], region: str) -> None:
    with console.status("reading AWS's price list") as status:
        done = import_offers(
            places, files, region, progress=lambda file: status.update(styled(f"reading {file.name}", "status.text"))
        )
    say(console, f"{_prices_of(len(done.found), region)} in {done.file}: {', '.join(done.found)}")
    for name, reason in done.kept.items():
        say(console, f"  {name} stays as it was: {reason}")


def _list_prices(places: Places, console: PlainConsole) -> None:
    now, bundled = prices(places).entries(), bundled_prices().entries()
    table = Table(header_style="bold", show_edge=False, pad_edge=False)
    table.add_column("price")
    table.add_column("USD", justify="right", no_wrap=True)
    table.add_column("per", no_wrap=True)
    table.add_column("date", no_wrap=True)
    table.add_column("source", overflow="fold")
    for name, price in now.items():
        own = "" if price == bundled[name] else " *"
        source = "; ".join([price.source, *_beside(price)])
        table.add_row(name + own, _amount(price.usd), price.unit, price.date.isoformat(), source)
    console.print(table)
    if any(price != bundled[name] for name, price in now.items()):
        say(console, f"* from {places.prices}; `archduel prices --reset` goes back to the bundled ones")
    else:
        say(console, f"all bundled ({BUNDLED_PRICES.name}); your own go to {places.prices}")


def _list_assumptions(places: Places, console: PlainConsole) -> None:
    now = assumptions(places)
    table = Table(header_style="bold", show_edge=False, pad_edge=False)
    table.add_column("assumption")
    table.add_column("value", justify="right", no_wrap=True)
    table.add_column("")
    table.add_column("why", overflow="fold")
    for name, entry in now:
        if name == "batching":
            table.add_row(name, str(entry), "", "modelled from the recorded rate and the window, or observed")
        elif name == "free_tier":
            table.add_row(name, "on" if entry else "off", "", "whether what is free every month is taken off")
        else:
            table.add_row(name, f"{entry.value:g}", "assumed" if entry.assumed else "", entry.source)
    console.print(table)
    say(console, f"your own go to {own_assumptions(places)}")


def _beside(price: Price) -> list[str]:
    """What a month pays less for: later tiers, and units that are free."""
    later = [f"{_amount(tier.usd)} above {tier.above:,.10g} a month" for tier in price.tiers]
    return [*later, *([f"{price.free:,.10g} a month free"] if price.free else [])]


def _amount(usd: float) -> str:
    # A price of 0.0000166667 says little as 1.67e-05.
    text = f"{usd:.10f}".rstrip("0")
    whole, _, fraction = text.partition(".")
    return f"{whole}.{fraction:0<2}"
