"""``archduel replay``: a recording sent straight to HTTP services.

Put here its options, and what it prints. Keep out sending and comparing (`resources.lab.direct`).
"""

import os
import re
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import click
import pyarrow.parquet as pq
from rich.table import Table

from assets.report.direct import write_replays
from orchestration.commands.options import positive
from orchestration.commands.terminal import PlainConsole, open_console, say
from resources.lab.direct import Direct, StopIf, begin, busiest_second, check_address, conclude_killed
from resources.lab.sending import INTERRUPTED, ProcessClient
from resources.warehouse.publish import publish
from workloads.errors import UsageError, choose
from workloads.places import Places
from workloads.recordings.library import Library
from workloads.recordings.moments import second_of
from workloads.recordings.recording import FASTEST, SLOWEST
from workloads.recordings.shape import Shape
from workloads.replay.client import DEADLINE_S, Gauge
from workloads.replay.keep_alive import KeepAliveClient
from workloads.replay.recorded import Source
from workloads.scratch import scratch

_PRINT_EVERY_S = 5.0


@click.command()
@click.argument("name")
@click.option("--to", "urls", multiple=True, required=True, metavar="URL", help="Repeatable. A service's base URL.")
@click.option(
    "--speed", type=click.FloatRange(SLOWEST, FASTEST), default=1.0, show_default=True,
    help="Recorded time is played this many times as fast.",
)  # fmt: skip
@click.option(
    "--loop", type=click.IntRange(1, 10**6), default=1, show_default=True, help="Send it so many times in a row."
)
@click.option(
    "--amplify", type=click.FloatRange(1), default=1.0, show_default=True,
    help="Multiply the clients by this factor, with clones.",
)  # fmt: skip
@click.option("--from", "start", metavar="SECONDS|TIME", help="Only what was recorded from then on.")
@click.option("--to-time", "end", metavar="SECONDS|TIME", help="Only what was recorded before then.")
@click.option("--limit", type=click.IntRange(1), metavar="REQUESTS", help="Send so many requests at most.")
@click.option(
    "--rate", metavar="PER_S[:SECONDS],...",
    help="In place of recorded times: so many requests per second for so many seconds, one after the other, such as"
    " 100:30,500; the last one goes on.",
)  # fmt: skip
@click.option("--map", "maps", multiple=True, metavar="PATH=PATH", help="Repeatable. Send other beginnings of paths.")
@click.option("--stop-if", metavar="LIMIT", help="Stop early, such as 'failed > 5 %', 'p99 > 200 ms', 'lag > 50 ms'.")
@click.option("--allow-host", "hosts", multiple=True, metavar="HOST", help="Repeatable. A private host that is yours.")
@click.option("--connections", type=click.IntRange(1), default=1024, show_default=True, help="Requests in flight.")
@click.option(
    "--processes", type=click.IntRange(1, 64),
    help="Share the requests out among so many, by their clients.  [default: by the rate, at most one per core]",
)  # fmt: skip
@click.option(
    "--deadline", type=float, default=DEADLINE_S, show_default=True, callback=positive,
    help="A request without an answer after so many seconds has timed out.",
)  # fmt: skip
@click.option(
    "--authorities", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE",
    help="Trust these certificates only.  [default: this machine's]",
)  # fmt: skip
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=1,
    show_default=True,
    help="The seed of the bodies, which are made up.",
)
@click.option("--http2", is_flag=True, help="Speak HTTP/2; over plain http the service must expect it.")
@click.option("--digests", is_flag=True, help="Keep a checksum of each answer's body, and compare those too.")
@click.option("--dry-run", is_flag=True, help="Say what would be sent, and send nothing.")
def command(name: str, urls: tuple[str, ...], **options: Any) -> None:
    """Send the recording NAME straight to HTTP services, at its original times, and compare what they make of it.

    Methods and paths are as recorded. Bodies are made up in the recorded sizes, since no recording holds any.
    """
    places = Places.from_environment()
    console = open_console()
    addresses = [check_address(url, options["hosts"]) for url in urls]
    if len(set(addresses)) < len(addresses):
        raise UsageError("--to names a service twice")
    stop_if = None if options["stop_if"] is None else StopIf.read(options["stop_if"])
    with scratch(places.temporary) as temporary:
        source, shaped = _source(places, name, options, temporary)
        busiest = busiest_second(source)
        processes = options["processes"] or _processes(busiest)
        say(console, _description(name, source, busiest, processes, addresses))
        if options["dry_run"]:
            say(console, "Nothing was sent: --dry-run.")
            return
        _conclude_killed(console, places)
        settings = KeepAliveClient(
            connections=options["connections"],
            deadline_s=options["deadline"],
            ask_after_s=None,
            digests=options["digests"],
            http2=options["http2"],
            authorities=options["authorities"],
        )
        kept = {option: value for option in _KEPT if (value := options[option]) not in (None, False, ())}
        protocol = "HTTP/2" if options["http2"] else "HTTP/1.1"
        with begin(
            places, name, source, addresses, processes=processes, protocol=protocol, shaped=shaped, options=kept
        ) as replay:
            with closing(ProcessClient(settings, places.temporary, replay.folder / "log", shards=processes)) as client:
                interrupted = _send_all(console, client, replay, stop_if)
            _conclude(console, replay)
    publish(places)
    say(console, f"Every request is in the table direct_requests (archduel sql). {write_replays(places)}")
    if interrupted:
        raise click.exceptions.Exit(130)


_KEPT = ("start", "end", "amplify", "rate", "maps", "stop_if", "connections", "deadline", "limit", "loop", "seed")
_PER_PROCESS = 15_000  # requests a second, at 45 us of CPU each; the target wants some CPU too


def _processes(busiest: int) -> int:
    return max(1, min(-(-busiest // _PER_PROCESS), os.cpu_count() or 1))


def _conclude_killed(console: PlainConsole, places: Places) -> None:
    for one in conclude_killed(places):
        say(console, f"The replay {one} was killed; what it had sent until then is in the results now.")


def _source(places: Places, name: str, options: dict[str, Any], folder: Path) -> tuple[Source, bool]:
    """Which requests are sent, and whether a recording was made for it. A part of the recording, or more of it, is made
    first and takes memory; all of it does not.
    """
    library = Library(places)
    path = choose(library.paths(), name, "workload")
    first_arrival = library.provenance(name).get("first_arrival")
    shape = {
        "start_s": second_of("--from", options["start"], first_arrival),
        "end_s": second_of("--to-time", options["end"], first_arrival),
        "amplify": options["amplify"],
    }
    is_shaped = shape != {"start_s": None, "end_s": None, "amplify": 1.0}
    if is_shaped:
        shaped = Shape(**shape).of(library.load(name), options["seed"])
        path = folder / "requests.parquet"
        pq.write_table(shaped.table, path, row_group_size=8192)
    source = Source(
        str(path),
        speed=options["speed"],
        loop=options["loop"],
        limit=options["limit"],
        seed=options["seed"],
        rate=_rate(options["rate"]) if options["rate"] else (),
        replaced=tuple(_replaced(one) for one in options["maps"]),
    )
    return source, is_shaped


def _rate(text: str) -> tuple[tuple[float, float], ...]:
    steps = []
    for part in text.split(","):
        match = re.fullmatch(r"\s*([0-9.]+)(?::([0-9.]+))?\s*", part)
        try:
            step = (float(match[1]), float(match[2] or 0)) if match else (0.0, 0.0)
        except ValueError:
            step = (0.0, 0.0)
        if not step[0] > 0:
            raise UsageError(f"--rate {text!r}: write it like 100, or 100:30,500 for 100 per second for 30 s, then 500")
        steps.append(step)
    if any(seconds == 0 for _, seconds in steps[:-1]):
        raise UsageError(f"--rate {text!r}: all but the last rate need their seconds, such as 100:30,500")
    return tuple(steps)


def _replaced(text: str) -> tuple[str, str]:
    beginning, equals, other = text.partition("=")
    if not equals or not beginning.startswith("/") or not other.startswith("/"):
        raise UsageError(f"--map {text!r}: write it like /v1=/v2")
    return beginning, other


def _description(name: str, source: Source, busiest: int, processes: int, urls: list[str]) -> str:
    by = f" by {processes} processes," if processes > 1 else ""
    return (
        f"{source.requests:,} requests of {name} in {source.duration_us / 1e6:,.1f} s,"
        f" {busiest:,} in the busiest second,{by} to {', then '.join(urls)}. Bodies are made up."
    )


def _send_all(console: PlainConsole, client: ProcessClient, replay: Direct, stop_if: StopIf | None) -> bool:
    """Send to one service after the other; returns whether that was interrupted."""
    for number, url in enumerate(replay.plan["urls"], start=1):
        why = replay.send(client, number, stop_if=stop_if, watch=_watcher(console, replay.source.requests))
        if why is not None:
            say(console, f"{url}: {why}", style="yellow")
        if why == INTERRUPTED:
            return True
    return False


def _watcher(console: PlainConsole, total: int) -> Callable[[Gauge], None]:
    began = printed_at = time.monotonic()

    def watch(gauge: Gauge) -> None:
        nonlocal printed_at
        if (now := time.monotonic()) - printed_at >= _PRINT_EVERY_S:
            printed_at = now
            say(
                console,
                f"{now - began:6.0f} s  {gauge.finished:,} of {total:,} over, {gauge.in_flight:,} in flight,"
                f" {gauge.failed:,} failed; p50 {gauge.p50_us / 1000:.1f} ms, p99 {gauge.p99_us / 1000:.1f} ms,"
                f" lag {gauge.lag_us / 1000:.1f} ms at most",
            )

    return watch


def _conclude(console: PlainConsole, replay: Direct) -> None:
    concluded = replay.conclude()
    services = concluded["services"]
    table = Table(box=None, pad_edge=False)
    for heading in ("service", *_SHOWN, "p50", "p99", "lag p99"):
        table.add_column(heading.replace("_", " "), justify="left" if heading == "service" else "right")
    for one in services:
        counts = (f"{one[name]:,}" for name in _SHOWN)
        times = (_ms(one[name]) for name in ("response_p50_us", "response_p99_us", "send_lag_p99_us"))
        table.add_row(one["url"], *counts, *times)
    console.print(table)
    for one in services:
        if causes := one["broken_causes"]:
            why = ", ".join(f"{count:,} {cause}" for cause, count in causes.items())
            say(console, f"Connections of {one['url']} that failed: {why}.")
    shortest_us = min((one["response_p99_us"] or 0 for one in services), default=0)
    lag_us = max((one["client_lag_p99_us"] or 0 for one in services), default=0)
    if 10 * lag_us > shortest_us > 0:
        say(
            console,
            f"The load generator's own lag at p99, {_ms(lag_us)}, is more than a tenth of the shortest p99: its times"
            " are partly archduel's. Close what else runs, add --processes, or lower --speed.",
            style="yellow",
        )
    for found in concluded["compared"]:
        say(
            console,
            f"{found['other_url']} beside {found['url']}: the same status in {found['same_status']:,} of"
            f" {found['requests']:,} requests; of {found['answered_by_both']:,} answered by both, longer by"
            f" {_ms(found['longer_p50_us'])} at the median, {_ms(found['longer_p99_us'])} at p99.",
        )
        if found["bodies_compared"]:
            say(console, f"  the same body in {found['same_body']:,} of {found['bodies_compared']:,} answered by both")
        for row in found["statuses"]:
            say(console, f"  {row['requests']:,} requests: {row['one'] or 'none'} there, {row['other'] or 'none'} here")
    say(console, f"Every request: {replay.folder}/*/requests.parquet")


_SHOWN = ("answered", "throttled", "failed", "timed_out", "unsent")


def _ms(us: float | None) -> str:
    return "-" if us is None else f"{us / 1000:.1f} ms"
