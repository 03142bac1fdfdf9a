"""The ``archduel`` command: options, errors and exit codes. What a command does lives elsewhere.

Imports of whatever takes long (Dagster three seconds) wait until the command that needs it runs.
"""

import os
import signal
import sys
from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from workloads.errors import ArchduelError, UsageError
from workloads.places import REPOSITORY, Places
from workloads.printable import printable
from workloads.recordings.folders import is_interrupted

if TYPE_CHECKING:  # imported where they are needed
    from resources.targets import Target
    from workloads.scenarios import Scenario

_AUTO = "auto"
_BUDGET_MINUTES = 30.0
_MOST_REPETITIONS = 24


class _Commands(click.Group):
    """Errors of ours are one or two lines on stderr and an exit code; ``--debug`` shows the traceback."""

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except ArchduelError as error:
            if context.params.get("debug"):
                raise
            said = "\n".join(map(printable, str(error).split("\n")))
            click.echo(f"archduel: {said}", err=True)
            sys.exit(error.exit_code)
        except KeyboardInterrupt:
            click.echo("archduel: interrupted", err=True)
            sys.exit(130)
        except BrokenPipeError:
            # Whoever read us has gone (`| head`): nothing to say to nobody.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(0)
        except click.UsageError as error:
            where = error.ctx.command_path if error.ctx else "archduel"
            click.echo(f"archduel: {error.format_message()} ({where} --help)", err=True)
            sys.exit(error.exit_code)
        except (click.ClickException, click.Abort, click.exceptions.Exit):
            raise  # click's own business
        except OSError as error:
            if context.params.get("debug"):
                raise
            where = f" ({error.filename})" if error.filename else ""
            click.echo(f"archduel: {error.strerror or error}{where}", err=True)
            sys.exit(1)
        except Exception as error:
            if context.params.get("debug"):
                raise
            first = str(error).strip().partition("\n")[0]
            click.echo(f"archduel: {type(error).__name__}: {first} (archduel --debug ... shows where)", err=True)
            sys.exit(1)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--debug", is_flag=True, help="Show tracebacks.")
@click.version_option(package_name="archduel")
def main(debug: bool) -> None:
    """Synchronous, event-driven or a mix? Replay recorded traffic through each and compare what really happened."""
    if debug:
        os.environ["ARCHDUEL_DEBUG"] = "1"
    # Under `kill` everything still unwinds: emulators end, hidden files go.
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(143))
    places = _places()
    if is_interrupted(places.recordings):
        from orchestration.commands.record import say_recovered

        say_recovered(places)


def _places() -> Places:
    return Places.from_environment()


def _console() -> Console:
    # Dagster redirects the standard output while a step runs; progress bars must reach the terminal around it.
    terminal = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    # Into a file or a pipe: wide enough for every table.
    return Console(file=terminal) if terminal.isatty() else Console(file=terminal, width=160)


def _positive(kind: Callable[[str], float]) -> Callable[[click.Context, click.Parameter, Any], Any]:
    @wraps(kind)
    def check(_context: click.Context, _parameter: click.Parameter, value: float | None) -> float | None:
        if value is not None and not 0 < value < float("inf"):
            raise click.BadParameter("must be greater than 0")
        return value

    return check


class _Repetitions(click.ParamType[int | str]):
    """A number greater than 0, or ``auto``."""

    name = "repetitions"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | str:
        if value == _AUTO:
            return _AUTO
        try:
            number = int(value)
        except ValueError:
            number = 0
        if number < 1:
            self.fail(f"{value!r} is neither a number greater than 0 nor {_AUTO}", param, ctx)
        return number


_SHAPE = (
    click.option("--from", "start", metavar="SECONDS|TIME", help="Only what was recorded from then on."),
    click.option("--to", "end", metavar="SECONDS|TIME", help="Only what was recorded before then."),
    click.option(
        "--sample", type=float, default=1.0, metavar="SHARE", help="Only a share of the entities, such as 0.1."
    ),
    click.option("--amplify", type=float, default=1.0, metavar="FACTOR", help="So many times as many clients, cloned."),
    click.option("--loop", type=int, default=1, metavar="N", help="All of it so often in a row."),
)


def _shape_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Which part of a recording, and how much of it: `workloads.recordings.shape`."""
    for option in reversed(_SHAPE):
        command = option(command)
    return command


class _OnTarget(click.Command):
    """A command on a target: ``--target``, and whatever the targets there are must be told.

    They are asked for when the command is, since to import them takes a while.
    """

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        from resources.targets import DEFAULT_TARGET, flag, targets

        named = f"What to run on, of {', '.join(targets())}."
        told = {name: text for target in targets().values() for name, text in target.options.items()}
        help_option = self.get_help_option(ctx)
        return [
            *self.params,
            click.Option(["--target"], default=DEFAULT_TARGET, show_default=True, metavar="NAME", help=named),
            *(click.Option([flag(name)], metavar=name.rpartition("_")[2].upper(), help=told[name]) for name in told),
            *([help_option] if help_option else []),
        ]


def _target_options(options: Mapping[str, Any]) -> dict[str, str]:
    """Of a command's options what a target must be told, where it was."""
    from resources.targets import targets

    return {name: options[name] for target in targets().values() for name in target.options if options[name]}


@main.command(cls=_OnTarget)
@click.option("--workload", metavar="NAME", help="The recording to replay.  [default: food_orders]")
@click.option(
    "--scenario",
    "scenario_names",
    multiple=True,
    metavar="NAME|FILE",
    help="Repeatable; a .toml file of your own is kept for later.  [default: the three basic ones]",
)
@click.option("--architecture", "architecture_names", multiple=True, metavar="NAME", help="Repeatable.  [default: all]")
@click.option(
    "--claims",
    is_flag=True,
    help="Every scenario the claims are decided by, eight repetitions, as a night does it. Takes hours.",
)
@click.option(
    "--repetitions",
    type=_Repetitions(),
    metavar="N|auto",
    help="How often each cell is replayed; auto: until every verdict is decided, 24 times at most.  [default: 1]",
)
@click.option(
    "--budget",
    type=float,
    callback=_positive(float),
    metavar="MINUTES",
    help="When --repetitions auto ends in any case, for all cells together.  [default: 30]",
)
@click.option("--baseline", metavar="NAME", help="What the others are judged against.  [default: synchronous]")
@click.option("--aa", is_flag=True, help="Replay everything once more beside itself: it shows the noise.")
@click.option(
    "--speed",
    type=float,
    callback=_positive(float),
    help="Recorded time is played this many times as fast.  [default: half the capacity]",
)
@click.option(
    "--duration",
    type=float,
    callback=_positive(float),
    metavar="SECONDS",
    help="Replay the first recorded seconds only.",
)
@click.option("--limit", type=int, callback=_positive(int), metavar="REQUESTS", help="Replay the first requests only.")
@_shape_options
@click.option(
    "--longest-pause",
    type=float,
    default=1.0,
    show_default=True,
    metavar="SECONDS",
    help="Longer pauses are cut to it; 0 keeps them.",
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**62),
    default=1,
    show_default=True,
    help="Of what the recording leaves open, and of the faults.",
)
@click.option(
    "--variant",
    "variants",
    multiple=True,
    metavar="NAME",
    help="How the functions write, idempotent or naive. Repeatable.  [default: idempotent]",
)
@click.option(
    "--others-at-most",
    type=float,
    metavar="SHARE",
    help="Of this machine's CPU: a replay during which other programs used more is invalid.  [default: 0.25]",
)
@click.option("--no-wait", is_flag=True, help="Fail when the lab is busy instead of waiting.")
@click.option(
    "--yes", is_flag=True, help="Do not ask before a comparison of over ten minutes, or one that costs money."
)
def compare(**options: Any) -> None:
    """Replay a recording through the architectures under scenarios, and compare.

    Each cell starts emulators of its own, replays, waits until nothing moves, accounts for every request and ends
    with a table, archduel.duckdb and a report.
    """
    from resources.architectures import architectures
    from resources.architectures.stack import DEFAULT_VARIANT, VARIANTS
    from resources.lab.experiment import OTHERS_AT_MOST
    from resources.lab.lab import DEFAULT_BASELINE, NIGHTLY_REPETITIONS, LabSettings
    from resources.targets import targets
    from workloads.errors import choose
    from workloads.recordings.library import DEFAULT_WORKLOAD, Library
    from workloads.scenarios import adopt

    places = _places()
    workload = options["workload"] or DEFAULT_WORKLOAD
    choose(Library(places).paths(), workload, "workload")
    target = choose(targets(), options["target"], "target")
    chosen, files = _chosen_scenarios(places, options, target)
    for name in options["variants"]:
        choose(dict.fromkeys(VARIANTS), name, "variant")
    for name in options["architecture_names"]:
        choose(architectures(), name, "architecture")
    if not 0 <= options["longest_pause"] < float("inf"):
        raise UsageError("--longest-pause must be at least 0, which keeps every pause")
    automatic = options["repetitions"] == _AUTO
    if options["budget"] and not automatic:
        raise UsageError("--budget is for --repetitions auto")
    baseline = options["baseline"] or DEFAULT_BASELINE
    choose(architectures(), baseline, "baseline")
    if options["baseline"] and baseline not in (options["architecture_names"] or architectures()):
        raise UsageError(
            f"the baseline {baseline} is not among the architectures asked for: add --architecture {baseline}"
        )
    settings = LabSettings(
        repetitions=_MOST_REPETITIONS
        if automatic
        else options["repetitions"] or (NIGHTLY_REPETITIONS if options["claims"] else 1),
        budget_s=60 * (options["budget"] or _BUDGET_MINUTES) / len(chosen) if automatic else None,
        speed=options["speed"],
        duration_s=options["duration"],
        limit=options["limit"],
        **_shape(places, workload, options),
        longest_pause_s=options["longest_pause"],
        seed=options["seed"],
        variants=tuple(dict.fromkeys(options["variants"])) or (DEFAULT_VARIANT,),
        aa=options["aa"],
        baseline=baseline,
        others_at_most=OTHERS_AT_MOST if options["others_at_most"] is None else options["others_at_most"],
        wait=not options["no_wait"],
        target=options["target"],
        target_options=_target_options(options),
    )

    import warnings

    warnings.simplefilter("ignore")  # of libraries, to their developers
    from orchestration.commands import compare as comparing
    from orchestration.commands.terminal import TerminalReporter

    console = _console()
    reporter = TerminalReporter(console)
    request = comparing.Request(
        workload=workload,
        scenarios=tuple(chosen),
        architectures=tuple(
            name for name in architectures() if name in (options["architecture_names"] or architectures())
        ),
        settings=settings,
        as_a_night=options["claims"],
    )
    with reporter:
        estimate = comparing.estimate(places, request, chosen, reporter)
    console.print(estimate.sentence(request), highlight=False, markup=False)
    if estimate.charge is not None and estimate.budget is not None:
        from orchestration.commands.guard import agree

        agree(estimate.charge, estimate.budget, console, yes=options["yes"])
    elif estimate.seconds > comparing.LONG_S and not options["yes"] and sys.stdin.isatty():
        click.confirm("That is over ten minutes. Go on?", abort=True)
    for path in files.values():  # nothing was wrong with anything
        adopt(places, path)
    if not comparing.compare(places, request, console, TerminalReporter(console)):
        sys.exit(1)


def _chosen_scenarios(
    places: Places, options: Mapping[str, Any], target: "Target"
) -> tuple[dict[str, "Scenario"], dict[str, Path]]:
    """The scenarios asked for by name, and the user's own files among them, by the scenario's name."""
    from assets.analysis.claims import scenarios_needed
    from resources.targets.availability import why_unavailable
    from workloads.scenarios import DEFAULT_SCENARIOS, own_scenario, scenario

    files: dict[str, Path] = {}
    chosen: dict[str, Scenario] = {}
    wanted = dict.fromkeys([*DEFAULT_SCENARIOS, *scenarios_needed()]) if options["claims"] else DEFAULT_SCENARIOS
    if options["claims"] and (options["scenario_names"] or options["architecture_names"]):
        raise UsageError("--claims decides itself what is replayed: leave out --scenario and --architecture")
    for name in options["scenario_names"] or wanted:
        path = Path(name) if name.lower().endswith(".toml") else None
        one = own_scenario(path) if path else scenario(places, name)
        if path and files.setdefault(one.name, path).resolve() != path.resolve():
            raise UsageError(f"{path}: {files[one.name]} has the same name: rename one of them")
        # What was asked for by name is refused later on; claims that need the rest are not testable there.
        if options["scenario_names"] or (why := why_unavailable(one, target)) is None:
            chosen[one.name] = one
        elif not options["claims"]:
            click.echo(f"{one.name} is left out: {why}")
    return chosen, files


def _shape(places: Places, workload: str, options: dict[str, Any]) -> dict[str, Any]:
    """Which part of a recording, and how much of it."""
    from workloads.recordings.library import Library
    from workloads.recordings.moments import second_of

    first_arrival = Library(places).provenance(workload).get("first_arrival")
    return {
        "start_s": second_of("--from", options["start"], first_arrival),
        "end_s": second_of("--to", options["end"], first_arrival),
        **{name: options[name] for name in ("sample", "amplify", "loop")},
    }


class _ImportCommand(click.Command):
    """Its help lists the formats there are."""

    def format_epilog(self, _context: click.Context, formatter: click.HelpFormatter) -> None:
        from workloads.importers.formats import importers

        with formatter.section("Formats"):
            formatter.write_dl([(name, importer.description) for name, importer in importers().items()])


@main.command("import", cls=_ImportCommand)
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
@click.option("--to", "last", metavar="TIME", help="Only what arrived before that time. UTC unless it says otherwise.")
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
@click.option("--seed", type=int, default=1, show_default=True, help="Of the spreading of whole-second stamps.")
@click.option("--endpoint-url", help="Of the S3 that s3:// paths are read from; an emulator on this machine.")
def import_command(endpoint_url: str | None, **wish: Any) -> None:
    """Bring recorded traffic into the library.

    FORMAT is one of those below, or auto. PATHs are files, plain or packed (.gz, .bz2, .zst), folders, patterns such as
    'access.log*', or s3:// addresses; all become one recording. An import is all or nothing.
    """
    from orchestration.commands.importing import Wish, import_recording

    store = None
    if any(path.startswith("s3://") for path in wish["paths"]):
        from resources.object_store import S3ObjectStore

        store = S3ObjectStore(endpoint_url)
    import_recording(_places(), Wish(**wish), _console(), store)


@main.command()
@click.argument("tool", metavar="TOOL")
@click.argument("name")
@click.option("--base-url", required=True, metavar="URL", help="Where the requests would go; nothing is sent here.")
@click.option(
    "--out", type=click.Path(path_type=Path), default=".", metavar="FOLDER", help="Where to.  [default: here]"
)
@click.option("--speed", type=float, default=1.0, show_default=True, callback=_positive(float), help="Times as fast.")
@click.option("--seed", type=int, default=1, show_default=True, help="Of the bodies, which no recording holds.")
@_shape_options
def export(**options: Any) -> None:
    """Write the recording NAME for another load generator, TOOL: k6 or vegeta.

    What is written are the recorded methods and paths, with bodies made up in the recorded sizes.
    """
    from workloads.errors import choose
    from workloads.exporters import exporters
    from workloads.exporters.targets import check_base
    from workloads.recordings.library import Library
    from workloads.recordings.shape import Shape

    places = _places()
    exporter = choose(exporters(), options["tool"], "tool")
    base, seed = check_base(options["base_url"]), options["seed"]
    recording = Library(places).load(options["name"])
    shaped = Shape(**_shape(places, recording.name, options)).of(recording, seed)
    options["out"].mkdir(parents=True, exist_ok=True)
    for path in exporter.write(shaped, base, options["out"], speed=options["speed"], seed=seed):
        click.echo(str(path))


@main.group()
def mapping() -> None:
    """Which recorded requests are commands, which queries, and what each is about."""


@mapping.command()
@click.argument("name")
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Where to.  [default: printed]")
def suggest(name: str, out: Path | None) -> None:
    """Propose a mapping for the recording NAME: its routes, found by collapsing ids. Edit it, then import again."""
    from orchestration.commands.workloads import suggest_mapping

    suggest_mapping(_places(), name, out)


class _RecordCommand(click.Command):
    """Its help lists the days there are."""

    def format_epilog(self, _context: click.Context, formatter: click.HelpFormatter) -> None:
        from workloads.customers.days import days

        with formatter.section("Days of the built-in customers"):
            formatter.write_dl([(name, day.description) for name, day in days().items()])


_OF_TRAFFIC = ("listen", "mapping", "body_limit", "client_header", "rewrite_host", "expose", "replace")
_OF_CUSTOMERS = ("peak", "seed", "architecture", "scenario", "describe")


@main.command(cls=_RecordCommand)
@click.option("--name", help="What the recording will be called.")
@click.option("--minutes", type=float, callback=_positive(float), help="For how long.  [default: until stopped]")
@click.option("--upstream", metavar="URL", help="Record real traffic: pass it on to the server there.")
@click.option(
    "--listen", metavar="HOST:PORT", help="Where clients send to instead of the server.  [default: 127.0.0.1:8080]"
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
    help="Whose first address tells clients apart, where it is there.  [default: X-Forwarded-For]",
)
@click.option(
    "--rewrite-host/--keep-host",
    default=None,
    help="Call the server by its own name, or as clients called it.  [default: kept for one on this machine]",
)
@click.option("--expose", is_flag=True, default=None, help="Listen where other machines can reach it, too.")
@click.option("--replace", is_flag=True, default=None, help="Take the place of a recording of that name.")
@click.option(
    "--customers", metavar="DAY", help="Record the built-in customers of a food-ordering service on that day."
)
@click.option(
    "--peak", type=float, callback=_positive(float), help="Requests a second, on average, when they are busiest."
)
@click.option("--seed", type=click.IntRange(0, 2**62), help="The same seed, the same intentions.  [default: 7]")
@click.option("--architecture", metavar="NAME", help="What the customers order from.  [default: the day's]")
@click.option("--scenario", metavar="NAME", help="What breaks meanwhile.  [default: the day's]")
@click.option("--describe", is_flag=True, default=None, help="Print the day's model and record nothing.")
def record(
    name: str | None, minutes: float | None, upstream: str | None, customers: str | None, **options: Any
) -> None:
    """Record real traffic on its way to a server, or the built-in customers.

    With --upstream, a proxy that passes everything on, until Ctrl-C or SIGTERM; killed, it loses nothing older than a
    second. With --customers, a day of a food-ordering service against a running architecture, in real time.
    """
    if (upstream is None) == (customers is None):
        raise UsageError(
            "say what to record: real traffic with --upstream http://127.0.0.1:3000, or the built-in customers with"
            " --customers lunch"
        )
    said = {option: value for option, value in options.items() if value is not None}
    strange = [option for option in (_OF_CUSTOMERS if upstream else _OF_TRAFFIC) if option in said]
    if strange:
        flag = "--" + strange[0].replace("_", "-")
        raise UsageError(f"{flag} is for {'--customers' if upstream else '--upstream'}")
    if name is None and "describe" not in said:
        raise UsageError("--name is missing: what the recording will be called")
    if upstream:
        from orchestration.commands.record import Wish, record_upstream

        listen = said.pop("listen", "127.0.0.1:8080")
        record_upstream(
            _places(), Wish(name=str(name), upstream=upstream, listen=listen, minutes=minutes, **said), _console()
        )
    else:
        from orchestration.commands.record_customers import record_customers

        record_customers(_places(), str(customers), name, _console(), minutes=minutes, **said)


@main.command()
def workloads() -> None:
    """List the recordings there are, with their figures."""
    from orchestration.commands.workloads import show_workloads

    show_workloads(_places(), _console())


@main.command()
@click.option("--all", "everything", is_flag=True, help="The imported ones too.")
@click.option("--retry", is_flag=True, help="Have the refused ones tried again.")
def inbox(everything: bool, retry: bool) -> None:
    """Show what became of the files in the inbox, and why.

    The inbox is what ARCHDUEL_INBOX names: a folder, or s3://BUCKET/PREFIX of an emulator on this machine
    (ARCHDUEL_INBOX_ENDPOINT_URL). While `archduel dev` runs, each new file in it is imported once and compared.
    """
    from orchestration.commands.inbox import show_inbox
    from orchestration.inbox_place import inbox_from_environment

    places = _places()
    show_inbox(places, inbox_from_environment(places), _console(), retry=retry, everything=everything)


@main.command()
def scenarios() -> None:
    """List the scenarios there are: the bundled ones and your own, the .toml files in .archduel/scenarios."""
    from workloads.scenarios import scenario, scenario_files
    from workloads.scenarios import scenarios as known

    places = _places()
    _list({name: scenario.description for name, scenario in known(places).items()})
    for name in scenario_files(places):
        try:
            scenario(places, name)
        except UsageError as error:
            click.echo(f"archduel: {error}", err=True)


@main.command()
def architectures() -> None:
    """List the architectures there are."""
    from resources.architectures import architectures as known

    _list({name: architecture.description for name, architecture in known().items()})


@main.command()
@click.argument("architecture", metavar="ARCHITECTURE")
def template(architecture: str) -> None:
    """Print an architecture as a CloudFormation template: what is provisioned here, with AWS's roles and permissions.

    From the repository's root: `aws cloudformation package` puts the handlers' code into a bucket, `deploy` makes the
    stack. This command calls no AWS.
    """
    from resources.architectures import architectures
    from resources.architectures.template import as_yaml
    from resources.architectures.template import template as written
    from workloads.errors import choose

    click.echo(as_yaml(written(choose(architectures(), architecture, "architecture"))), nl=False)


def _list(descriptions: dict[str, str]) -> None:
    from rich.table import Table

    table = Table(show_header=False, box=None, pad_edge=False)
    for name, description in descriptions.items():
        table.add_row(name, description)
    _console().print(table, highlight=False, markup=False)


@main.command(cls=_OnTarget)
@click.option("--machine-only", is_flag=True, help="Check this machine and start no emulator.")
@click.option("--no-wait", is_flag=True, help="Fail when the lab is busy instead of waiting.")
@click.option("--format", "style", type=click.Choice(["table", "json"]), default="table", show_default=True)
def doctor(target: str, machine_only: bool, no_wait: bool, style: str, **options: Any) -> None:
    """Check this machine, and how faithful the target is to AWS.

    Names what is missing with the command that mends it. Then provokes on the target, anew each time and in well
    under a minute, what AWS documents: reproduced, different or absent, and the claims that rest on it; kept as the
    table conformance. Differences of the target are facts: only a machine that cannot run the lab exits 1.
    """
    from orchestration.commands.doctor import examine

    examine(
        _places(),
        target=target,
        target_options=_target_options(options),
        machine_only=machine_only,
        wait=not no_wait,
        style=style,
        console=_console(),
    )


@main.command()
def permissions() -> None:
    """Print what a profile needs for --target aws: the policy of a user or a role, as JSON."""
    import json

    from resources.aws.roles import operating

    click.echo(json.dumps(operating(), indent=2))


@main.command(cls=_OnTarget)
@click.option("--all", "everything", is_flag=True, help="Not of dead runs alone; no run may be under way.")
@click.option("--yes", is_flag=True, help="Do not ask before deleting.")
def sweep(target: str, everything: bool, yes: bool, **options: Any) -> None:
    """Delete what runs of this home that were killed left on --target endpoint or aws.

    Lists it first and asks. Finds it by names and tags, touches nothing else, and ends once nothing is found any more;
    to repeat it is harmless.
    """
    from orchestration.commands.sweep import sweep as sweeping

    told = _target_options(options)
    sweeping(_places(), _console(), target=target, options=told, everything=everything, yes=yes)


@main.command()
@click.argument("statement")
@click.option("--format", "style", type=click.Choice(["table", "csv", "json"]), default="table", show_default=True)
def sql(statement: str, style: str) -> None:
    """Query the results, read-only.

    For example: "SELECT architecture, scenario, outcome, count(*) FROM requests GROUP BY ALL"
    """
    import duckdb

    from resources.warehouse.reading import query

    try:
        rows = query(_places(), statement)
    except duckdb.Error as error:
        raise ArchduelError(str(error).strip().splitlines()[0]) from None
    if style == "csv":
        import pyarrow.csv

        from orchestration.commands.terminal import flat

        pyarrow.csv.write_csv(flat(rows), sys.stdout.buffer)
    elif style == "json":
        import json

        click.echo(json.dumps(rows.to_pylist(), default=str, indent=2))
    else:
        from orchestration.commands.terminal import rows_table

        _console().print(rows_table(rows))


@main.command()
@click.option("--open", "open_it", is_flag=True, help="Show it in the browser.")
@click.option("--comparison", "comparison_id", metavar="ID", help="Which one.  [default: the newest]")
def report(open_it: bool, comparison_id: str | None) -> None:
    """Rebuild the database and the report from what is on disk.

    Judges anew where outcomes, rules, prices or what is known of the target have changed. Beside the page stand
    report.md, for pull requests, and report.json, for machines.
    """
    from assets.analysis.judge import newest, refresh
    from assets.report import write_report
    from resources.warehouse.publish import publish

    places = _places()
    publish(places)
    comparison_id = comparison_id or newest(places)
    refresh(places, comparison_id)
    path = write_report(places, comparison_id)
    click.echo(str(path))
    if open_it:
        import webbrowser

        webbrowser.open(path.as_uri())


@main.command()
@click.option(
    "--import",
    "imports",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="One of AWS's price list files (offers/v1.0/aws/SERVICE/current/index.json). Repeatable.",
)
@click.option("--region", default="us-east-1", show_default=True, help="Whose prices to take from these files.")
@click.option("--reset", is_flag=True, help="Go back to the bundled prices.")
def prices(imports: tuple[Path, ...], region: str, reset: bool) -> None:
    """Show the prices and assumptions that costs rest on, with source and date, or replace the prices."""
    from orchestration.commands.prices import show_prices

    show_prices(_places(), _console(), imports=imports, region=region, reset=reset)


@main.command()
@click.option("--port", type=int, default=3000, show_default=True)
def dev(port: int) -> None:
    """The Dagster UI on 127.0.0.1, with the daemon and the nightly schedule."""
    import socket

    import dagster

    from orchestration.inbox_place import inbox_from_environment
    from orchestration.instance import end_dead_runs, prepare_instance
    from orchestration.partitions import declare
    from workloads.inbox import VARIABLE
    from workloads.inbox.folder import FolderInbox

    places = _places()
    named = inbox_from_environment(places)  # what cannot be one is said here, and not by a daemon
    if isinstance(named, FolderInbox):
        os.environ[VARIABLE] = str(named.folder)  # a relative one is of here

    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise ArchduelError(f"port {port} is taken: end what listens there or name another with --port") from error
    prepare_instance(places)
    with dagster.DagsterInstance.get() as instance:
        end_dead_runs(instance)
        declare(instance, places)
    os.chdir(REPOSITORY)
    program = str(Path(sys.executable).with_name("dagster"))
    # In the foreground and in our place, so that Ctrl-C and `kill` reach it.
    command = [program, "dev", "-h", "127.0.0.1", "-p", str(port), "-w", "workspace.yaml"]
    os.execv(program, command)  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main()
