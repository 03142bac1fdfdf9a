"""``archduel replay``: a recording sent straight to HTTP services.

Put here its options, and what it prints. Keep out sending and comparing (`resources.lab.direct`).
"""

import json
import re
import time
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import pyarrow.parquet as pq
from rich.table import Table

from orchestration.commands.options import positive
from orchestration.commands.terminal import PlainConsole, open_console, say
from resources.lab.direct import StopIf, busiest_second, check_address, compared, send, summary
from resources.lab.sending import INTERRUPTED, ProcessClient
from workloads.atomic import replacing
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
    "--processes", type=click.IntRange(1, 64), default=1, show_default=True,
    help="Share the requests out among so many, by their clients.",
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
    with scratch(places.temporary) as folder:
        source = _source(places, name, options, folder)
        _describe(console, name, source, addresses)
        if options["dry_run"]:
            say(console, "Nothing was sent: --dry-run.")
            return
        settings = KeepAliveClient(
            connections=options["connections"],
            deadline_s=options["deadline"],
            ask_after_s=None,
            digests=options["digests"],
            authorities=options["authorities"],
        )
        out = places.replays / name / datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
        with closing(ProcessClient(settings, places.temporary, out / "log", shards=options["processes"])) as client:
            results: list[_Sent] = []
            for number, url in enumerate(addresses, start=1):
                results.append(_send(console, client, source, url, out / f"{number}", stop_if=stop_if))
                if results[-1].summary["invalid_reason"] == INTERRUPTED:
                    break
    _conclude(console, out, results, {"recording": name, "source": {**source.settings, "path": name}})
    if results[-1].summary["invalid_reason"] == INTERRUPTED:
        raise click.exceptions.Exit(130)


def _source(places: Places, name: str, options: dict[str, Any], folder: Path) -> Source:
    """Which requests are sent. A part of the recording, or more of it, is made first and takes memory; all of it does
    not.
    """
    library = Library(places)
    path = choose(library.paths(), name, "workload")
    first_arrival = library.provenance(name).get("first_arrival")
    shape = {
        "start_s": second_of("--from", options["start"], first_arrival),
        "end_s": second_of("--to-time", options["end"], first_arrival),
        "amplify": options["amplify"],
    }
    if shape != {"start_s": None, "end_s": None, "amplify": 1.0}:
        shaped = Shape(**shape).of(library.load(name), options["seed"])
        path = folder / "requests.parquet"
        pq.write_table(shaped.table, path, row_group_size=8192)
    return Source(
        str(path),
        speed=options["speed"],
        loop=options["loop"],
        limit=options["limit"],
        seed=options["seed"],
        rate=_rate(options["rate"]) if options["rate"] else (),
        replaced=tuple(_replaced(one) for one in options["maps"]),
    )


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


def _describe(console: PlainConsole, name: str, source: Source, urls: list[str]) -> None:
    lasts_s = source.duration_us / 1e6
    say(
        console,
        f"{source.requests:,} requests of {name} in {lasts_s:,.1f} s, {busiest_second(source):,} in the busiest second,"
        f" to {', then '.join(urls)}. Bodies are made up.",
    )


@dataclass(frozen=True)
class _Sent:
    url: str
    file: Path
    summary: dict[str, Any]


def _send(
    console: PlainConsole, client: ProcessClient, source: Source, url: str, folder: Path, *, stop_if: StopIf | None
) -> _Sent:
    folder.mkdir(parents=True)
    total, began = source.requests, time.monotonic()
    printed_at = began

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

    why = send(client, source, url, folder, stop_if=stop_if, watch=watch)
    file = folder / "requests.parquet"
    found = {"url": url, "invalid_reason": why, **summary(file)}
    if why is not None:
        say(console, f"{url}: {why}", style="yellow")
    return _Sent(url, file, found)


def _conclude(console: PlainConsole, out: Path, sent: list[_Sent], about: dict[str, Any]) -> None:
    table = Table(box=None, pad_edge=False)
    for heading in ("service", "answered", "throttled", "failed", "timed out", "unsent", "p50", "p99", "lag p99"):
        table.add_column(heading, justify="left" if heading == "service" else "right")
    for one in sent:
        found = one.summary
        counts = (f"{found[name]:,}" for name in ("answered", "throttled", "failed", "timed_out", "unsent"))
        times = (_ms(found[name]) for name in ("response_p50_us", "response_p99_us", "send_lag_p99_us"))
        table.add_row(one.url, *counts, *times)
    console.print(table)
    for one in sent:
        if causes := one.summary["broken_causes"]:
            why = ", ".join(f"{count:,} {cause}" for cause, count in causes.items())
            say(console, f"Connections of {one.url} that failed: {why}.")
    shortest_us = min((one.summary["response_p99_us"] or 0 for one in sent), default=0)
    if late := [one for one in sent if 10 * (one.summary["client_lag_p99_us"] or 0) > shortest_us > 0]:
        lag = max(one.summary["client_lag_p99_us"] for one in late)
        say(
            console,
            f"The load generator's own lag at p99, {_ms(lag)}, is more than a tenth of the shortest p99: its times are"
            " partly archduel's. Close what else runs, add --processes, or lower --speed.",
            style="yellow",
        )
    pairs = []
    for other in sent[1:]:
        found = compared(sent[0].file, other.file)
        pairs.append({"one": sent[0].url, "other": other.url, **found})
        say(
            console,
            f"{other.url} beside {sent[0].url}: the same status in {found['same_status']:,} of"
            f" {found['requests']:,} requests; of {found['answered_by_both']:,} answered by both, longer by"
            f" {_ms(found['longer_p50_us'])} at the median, {_ms(found['longer_p99_us'])} at p99.",
        )
        if found["bodies_compared"]:
            say(console, f"  the same body in {found['same_body']:,} of {found['bodies_compared']:,} answered by both")
        for row in found["statuses"]:
            say(console, f"  {row['requests']:,} requests: {row['one'] or 'none'} there, {row['other'] or 'none'} here")
    with replacing(out / "summary.json") as file:
        file.write_text(
            json.dumps({**about, "services": [one.summary for one in sent], "compared": pairs}, indent=1) + "\n"
        )
    say(console, f"Every request: {out}/*/requests.parquet")


def _ms(us: float | None) -> str:
    return "-" if us is None else f"{us / 1000:.1f} ms"
