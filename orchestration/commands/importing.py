"""``archduel import``.

Put the options of an import and the account of it here. Keep importing out (`workloads.importers.ingest`).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import pyarrow.parquet as pq
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from orchestration.commands.accounts import shape_lines
from orchestration.commands.options import CommandWithList, positive
from orchestration.commands.terminal import PlainConsole, open_console, say
from workloads.errors import UsageError, choose
from workloads.importers.files.reading import ObjectStore
from workloads.importers.formats import importers
from workloads.importers.importer import Options
from workloads.importers.ingest import Import, ingest
from workloads.importers.ingest import Progress as ReportProgress
from workloads.importers.rules import looks
from workloads.importers.rules.classify import Rules
from workloads.importers.rules.mapping import EMPTY_MAPPING, Mapping, read_mapping
from workloads.places import Places
from workloads.recordings.library import Library, check_name
from workloads.recordings.moments import moment_us


@dataclass(frozen=True)
class ImportRequest:
    """What to import: the command's options, texts as they were given."""

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


@click.command(cls=CommandWithList, listed=("Formats", {name: one.description for name, one in importers().items()}))
@click.argument("format_name", metavar="FORMAT")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--name", required=True, help="What the recording will be called.")
@click.option(
    "--mapping",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Your own commands, queries, entities and drops; archduel mapping suggest writes one.",
)
@click.option("--strict", is_flag=True, help="Fail at the first line that cannot be used instead of quarantining it.")
@click.option(
    "--from", "first", metavar="TIME", help="Only what arrived at that time or later, such as 2026-05-17T12:00."
)
@click.option(
    "--to", "last", metavar="TIME", help="Only what arrived before that time. Times are UTC unless they name a zone."
)
@click.option(
    "--column",
    "columns",
    multiple=True,
    metavar="ROLE=NAME",
    help="For jsonl, csv and parquet: what holds the timestamp, method, path, ... Repeatable.",
)
@click.option(
    "--template", metavar="TEXT", help="For api_gateway: the stage's access log format, with its $context variables."
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=1,
    show_default=True,
    help="The seed by which whole-second stamps are spread over their second.",
)
@click.option("--endpoint-url", help="The S3 emulator on this machine that s3:// paths are read from.")
@click.option("--profile", help="Or the profile in ~/.aws/config whose credentials read them from AWS; it asks first.")
@click.option("--region", help="The region of that bucket, such as eu-west-1.")
@click.option(
    "--most-usd",
    type=float,
    callback=positive,
    default=5.0,
    show_default=True,
    metavar="USD",
    help="What reading them from AWS may cost, by its estimate.",
)
@click.option("--yes", is_flag=True, help="Do not ask before anything is read from AWS.")
def command(
    endpoint_url: str | None, profile: str | None, region: str | None, most_usd: float, *, yes: bool, **options: Any
) -> None:
    """Bring recorded traffic into the library.

    FORMAT is one of those below, or auto. PATHs are files, plain or packed (.gz, .bz2, .zst), folders, patterns such as
    'access.log*', or s3:// addresses; all become one recording. An import is all or nothing.
    """
    request = ImportRequest(**options)
    console = open_console()
    uris = [path for path in request.paths if path.startswith("s3://")]
    store: ObjectStore | None = None
    if profile or region:
        if not uris or endpoint_url or not profile or not region:
            raise UsageError("--profile and --region go together, with s3:// paths and without --endpoint-url")
        store = _on_aws(uris, profile, region, console, most_usd=most_usd, yes=yes)
    elif uris:
        # It takes two seconds, which files need not wait for.
        from resources.object_store import S3ObjectStore  # noqa: PLC0415

        store = S3ObjectStore(endpoint_url)
    import_recording(Places.from_environment(), request, console, store)


def _on_aws(
    uris: Sequence[str], profile: str, region: str, console: PlainConsole, *, most_usd: float, yes: bool
) -> ObjectStore:
    from orchestration.commands.guard import agree_to_read  # noqa: PLC0415 - as above
    from resources.object_store import AwsObjectStore  # noqa: PLC0415
    from resources.targets.aws import TARGET  # noqa: PLC0415

    services = TARGET.services(profile, region)
    with services.explained():
        store = AwsObjectStore(services, uris)
    agree_to_read(store, console, most_usd=most_usd, yes=yes)
    return store


def import_recording(
    places: Places, request: ImportRequest, console: PlainConsole, object_store: ObjectStore | None = None
) -> None:
    """Import a recording and print what became of every line.

    Args:
        places: The home whose library takes the recording.
        request: What to import.
        console: Where progress and the account are printed.
        object_store: What ``s3://`` paths are read from.

    Raises:
        UsageError: for anything wrong with the request, before a line is read.
        ArchduelError: when nothing could be imported; the library stays as it was.
    """
    options = Options(template=request.template, columns=dict(map(_named_column, request.columns)))
    importer = choose(importers(), request.format_name, "format").with_options(options)
    check_name(request.name)
    rules = Rules(
        mapping=read_mapping(request.mapping) if request.mapping else EMPTY_MAPPING,
        from_us=moment_us("--from", request.first),
        to_us=moment_us("--to", request.last),
    )
    if rules.from_us is not None and rules.to_us is not None and rules.from_us >= rules.to_us:
        raise UsageError("--from must be before --to")
    with _progress(console, request.name) as report_progress:
        done = ingest(
            importer,
            request.paths,
            request.name,
            Library(places),
            seed=request.seed,
            rules=rules,
            strict=request.strict,
            object_store=object_store,
            progress=report_progress,
        )
    for line in _account(done, Library(places), rules.mapping):
        say(console, line)


def _named_column(text: str) -> tuple[str, str]:
    role, equals, name = text.partition("=")
    if not equals or not role or not name:
        raise UsageError(
            f"--column {text}: say --column ROLE=NAME, such as timestamp=when, or ROLE='VALUE' for all rows"
        )
    return role.strip(), name.strip()


@contextmanager
def _progress(console: PlainConsole, name: str) -> Iterator[ReportProgress | None]:
    if not console.is_terminal:
        yield None
        return
    columns = (
        TextColumn("importing {task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[lines]:,} lines"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(name, total=None, lines=0)

        def report_progress(*, lines: int, bytes_read: int, bytes_total: int) -> None:
            bar.update(task, total=max(bytes_total, 1), completed=bytes_read, lines=lines)

        yield report_progress


def _account(done: Import, library: Library, mapping: Mapping) -> list[str]:
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
    lines += shape_lines(done)
    lines += [f"  dropped: {count:,} x {rule}" for rule, count in done.dropped_by_rule.items()]
    lines += [f"  quarantined: {count:,} x {reason}" for reason, count in done.quarantined_by_reason.items()]
    lines += _by_rule(done, library, mapping) if mapping != EMPTY_MAPPING else _looks(done, library)
    lines.append(f"  replay it: archduel compare --workload {done.name} --limit 2000")
    return lines


def _looks(done: Import, library: Library) -> list[str]:
    """What of it may be no work of a service, or was taken for something else."""
    found = looks.counted(pq.read_table(library.paths()[done.name], columns=looks.COLUMNS))
    if not found:
        return []
    named = ", ".join(f"{count:,} {name}" for name, count in found.items())
    proposes = f"archduel mapping suggest {done.name} --out {done.name}.yaml"
    return [f"  by their names: {named}; what to do about them is proposed by {proposes}"]


def _by_rule(done: Import, library: Library, mapping: Mapping) -> list[str]:
    """How many requests each route of a mapping took, and which rules took none."""
    left = library.load(done.name).table.group_by("route").aggregate([([], "count_all")])
    counts = dict(zip(left.column("route").to_pylist(), left.column("count_all").to_pylist(), strict=True))
    lines, nothing = [], []
    for route in mapping.routes:  # the first that fits counts
        match = f"{'|'.join(route.methods) or '*'} {route.path}"
        mine = [
            name
            for name in counts
            if name.partition(" ")[2] == route.path and (not route.methods or name.partition(" ")[0] in route.methods)
        ]
        if mine:
            lines.append(f"  mapped: {sum(counts.pop(name) for name in mine):,} x {match}")
        else:
            nothing.append(match)
    if by_method := sum(counts.values()):
        lines.append(f"  mapped: {by_method:,} x no route: their methods decided")
    nothing += dict.fromkeys(one.why for one in mapping.drops if one.why not in done.dropped_by_rule)
    return [*lines, *(f"  WARNING: nothing matched {rule}" for rule in nothing)]
