"""``archduel import``: from options to an import, and the account of it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from workloads.errors import UsageError, choose
from workloads.importers import Options
from workloads.importers.files.reading import ObjectStore
from workloads.importers.formats import importers
from workloads.importers.ingest import Import, ingest
from workloads.importers.ingest import Progress as Told
from workloads.importers.rules.classify import Rules
from workloads.importers.rules.mapping import NOTHING_SAID, read_mapping
from workloads.places import Places
from workloads.recordings.library import Library, check_name
from workloads.recordings.moments import moment_us


@dataclass(frozen=True)
class Wish:
    """What is to be imported, as it was said on the command line."""

    format_name: str
    paths: Sequence[str]
    name: str
    seed: int = 1
    mapping: Path | None = None
    strict: bool = False
    template: str | None = None
    columns: Sequence[str] = ()
    first: str | None = None
    last: str | None = None


def import_recording(places: Places, wish: Wish, console: Console, object_store: ObjectStore | None = None) -> None:
    """Import what is wished for and print what became of every line. Everything wrong with a wish is said at once."""
    options = Options(template=wish.template, columns=dict(map(_named_column, wish.columns)))
    importer = choose(importers(), wish.format_name, "format").with_options(options)
    check_name(wish.name)
    rules = Rules(
        mapping=read_mapping(wish.mapping) if wish.mapping else NOTHING_SAID,
        from_us=moment_us("--from", wish.first),
        to_us=moment_us("--to", wish.last),
    )
    if rules.from_us is not None and rules.to_us is not None and rules.from_us >= rules.to_us:
        raise UsageError("--from must be before --to")
    with _progress(console, wish.name) as told:
        done = ingest(
            importer,
            wish.paths,
            wish.name,
            Library(places),
            seed=wish.seed,
            rules=rules,
            strict=wish.strict,
            object_store=object_store,
            progress=told,
        )
    for line in _account(done):
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def _named_column(text: str) -> tuple[str, str]:
    role, equals, name = text.partition("=")
    if not equals or not role or not name:
        raise UsageError(
            f"--column {text}: say --column ROLE=NAME, such as timestamp=when, or ROLE='VALUE' for all rows"
        )
    return role.strip(), name.strip()


@contextmanager
def _progress(console: Console, name: str) -> Iterator[Told | None]:
    if not console.is_terminal:
        yield None
        return
    columns = (
        TextColumn("importing {task.description}"),
        BarColumn(),
        TextColumn("{task.fields[lines]:,} lines"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(name, total=None, lines=0)

        def told(*, lines: int, bytes_read: int, bytes_total: int) -> None:
            bar.update(task, total=max(bytes_total, 1), completed=bytes_read, lines=lines)

        yield told


class Shaped(Protocol):
    """What an import and a recorder's account both know of a recording's shape."""

    @property
    def first_arrival(self) -> datetime: ...
    @property
    def last_arrival(self) -> datetime: ...
    @property
    def mean_per_s(self) -> float: ...
    @property
    def peak_per_s(self) -> float: ...
    @property
    def command_share(self) -> float: ...
    @property
    def subsecond(self) -> str: ...
    @property
    def rate(self) -> str: ...


def shape_of(done: Shaped) -> list[str]:
    """A recording's shape in time, for people."""
    shape = (
        f"  {done.first_arrival:%Y-%m-%d %H:%M:%S} to {done.last_arrival:%Y-%m-%d %H:%M:%S} UTC,"
        f" {done.mean_per_s:,.2f} requests/s, {done.peak_per_s:,.0f} in the busiest second,"
        f" {done.command_share:.1%} commands, sub-seconds {done.subsecond}"
    )
    return [shape, f"  rate  {done.rate}"]


def _account(done: Import) -> list[str]:
    books = (
        f"{done.name}: {done.lines:,} lines = {done.accepted:,} accepted + {done.dropped:,} dropped"
        f" + {done.quarantined:,} quarantined + {done.blank:,} blank + {done.header:,} header"
    )
    lines = [books]
    if done.format == "auto":
        took = ", ".join(
            f"{count:,} {'file' if count == 1 else 'files'} as {form}" for form, count in done.formats.items()
        )
        lines.append(f"  took {took}")
    lines += shape_of(done)
    lines += [f"  dropped: {count:,} x {rule}" for rule, count in done.dropped_by_rule.items()]
    lines += [f"  quarantined: {count:,} x {reason}" for reason, count in done.quarantined_by_reason.items()]
    lines.append(f"  replay it: archduel compare --workload {done.name} --limit 2000")
    return lines
