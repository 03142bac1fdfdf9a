"""``archduel compare``.

Put its options and their checks here. Keep out what follows from them (`orchestration.commands.running`).
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from assets.analysis.claims import scenarios_needed
from assets.analysis.requirements.model import cautions, check, file_in_use, read
from orchestration.commands.errors import warn
from orchestration.commands.options import (
    given_settings,
    given_shape,
    positive,
    requirements_option,
    setting_option,
    settings_options,
    shape_options,
)
from orchestration.commands.request import CompareRequest
from orchestration.commands.target_options import given_target_options, target_options
from orchestration.commands.terminal import write
from resources.architectures import ALL, architectures, chosen_architectures
from resources.lab.settings import NIGHTLY_REPETITIONS, LabSettings
from resources.targets import Target, targets
from resources.targets.availability import why_unavailable
from workloads.errors import UsageError, choose
from workloads.places import Places
from workloads.recordings.library import DEFAULT_WORKLOAD, Library
from workloads.recordings.shape import Shape
from workloads.scenarios import DEFAULT_SCENARIOS, Scenario, own_scenario, scenario
from workloads.scenarios import scenarios as known_scenarios

_AUTO = "auto"
_BUDGET_MINUTES = 30.0
_MAX_REPETITIONS = 24


def _repetitions(_context: click.Context, _parameter: click.Parameter, value: str | None) -> int | str | None:
    if value is None or value == _AUTO:
        return value
    if not value.isdecimal() or int(value) < 1:
        raise click.BadParameter(f"{value!r} is neither a number greater than 0 nor {_AUTO}")
    return int(value)


@click.command()
@click.option("--workload", metavar="NAME", help="The recording to replay.  [default: food_orders]")
@click.option(
    "--scenario",
    "scenario_names",
    multiple=True,
    metavar="NAME|FILE",
    help="What breaks, by name, or a .toml file of your own. Repeatable.  [default: the three basic ones]",
)
@click.option(
    "--architecture",
    "architecture_names",
    multiple=True,
    metavar="NAME",
    help="What to replay through, all for all there are. Repeatable.  [default: the three basic ones]",
)
@click.option(
    "--claims",
    is_flag=True,
    help="Every scenario that the claims need, eight repetitions each, as in a night. Takes hours.",
)
@setting_option(
    LabSettings,
    "repetitions",
    type=str,
    metavar="N|auto",
    callback=_repetitions,
    help="How often each cell is replayed; auto: until every verdict is decided, 24 times at most.  [default: 1; on a"
    " simulated target as often as a p99 takes]",
)
@click.option(
    "--budget",
    type=float,
    callback=positive,
    metavar="MINUTES",
    help="The time after which --repetitions auto ends, for all cells together.  [default: 30]",
)
@settings_options(LabSettings, without=(*Shape.model_fields, "repetitions", "target"))
@shape_options
@requirements_option
@click.option(
    "--observed-only",
    is_flag=True,
    help="Leave out what is simulated beside the replays: the same cells, as AWS is predicted to take them.",
)
@click.option("--no-wait", is_flag=True, help="Fail when the lab is busy instead of waiting.")
@click.option(
    "--yes", is_flag=True, help="Do not ask before a comparison of over ten minutes, or one that costs money."
)
@target_options
def command(**options: Any) -> None:
    """Replay a recording through the architectures under scenarios, and compare.

    Each cell starts emulators of its own, replays, waits until nothing moves, accounts for every request and ends
    with a table, archduel.duckdb and a report. What AWS is predicted to do with the same cells is simulated beside it.
    """
    places = Places.from_environment()
    request, files = asked(places, options)
    # With it Dagster is imported: up to three seconds, which a wrong option need not wait for.
    from orchestration.commands.running import compare  # noqa: PLC0415

    compare(places, request, files.values(), yes=options["yes"])


def asked(places: Places, options: Mapping[str, Any]) -> tuple[CompareRequest, dict[str, Path]]:
    """What the command's options ask for, checked, and the user's own scenario files by the scenarios' names.

    Raises:
        UsageError: for options that do not fit each other, the recording or the target.
    """
    workload = options["workload"] or DEFAULT_WORKLOAD
    choose(Library(places).paths(), workload, "workload")
    target = choose(targets(), options["target"], "target")
    if options["claims"] and (options["scenario_names"] or options["architecture_names"]):
        raise UsageError("--claims decides itself what is replayed: leave out --scenario and --architecture")
    scenarios, files = chosen_scenarios(places, target, options["scenario_names"], claims=options["claims"])
    request = CompareRequest(
        workload=workload,
        scenarios=scenarios,
        architectures=_chosen_architectures(
            options["architecture_names"], options["baseline"], simulated=target.virtual
        ),
        settings=_settings(places, options, given_shape(places, workload, options), cells=len(scenarios)),
        as_a_night=options["claims"],
        requirements=options["requirements"],
        simulated=not options["observed_only"],
    )
    if target.virtual and not options["repetitions"]:
        from orchestration.commands.beside import in_virtual_time  # noqa: PLC0415 - it imports the statistics

        request = in_virtual_time(places, request)
    required = read(request.requirements or file_in_use(places))
    routes = Library(places).load(workload).routes if any(one.route for one in required.requirement) else ()
    check(required, routes, {*known_scenarios(places), *scenarios})
    for caution in cautions(required):
        warn(caution)
    return request, files


def chosen_scenarios(
    places: Places, target: Target, names: Sequence[str] = (), *, claims: bool = False
) -> tuple[dict[str, Scenario], dict[str, Path]]:
    """Choose the scenarios of a comparison.

    Those named are kept whatever the target lacks, and refused later on. Others that the target lacks are left out;
    without ``claims``, a line says so.

    Args:
        places: The home with the user's own scenarios.
        target: What they run on.
        names: Names, or ``.toml`` files of the user's; the default scenarios where there are none.
        claims: Whether the scenarios that the claims need are added to the default ones.

    Returns:
        The scenarios by name, and the files among them by the scenario's name.

    Raises:
        UsageError: for an unknown name, a wrong file, or two files with the same name.
    """
    files: dict[str, Path] = {}
    chosen: dict[str, Scenario] = {}
    defaults = dict.fromkeys([*DEFAULT_SCENARIOS, *scenarios_needed()]) if claims else DEFAULT_SCENARIOS
    for name in names or defaults:
        path = Path(name) if name.lower().endswith(".toml") else None
        one = own_scenario(path) if path else scenario(places, name)
        if path and files.setdefault(one.name, path).resolve() != path.resolve():
            raise UsageError(f"{path}: {files[one.name]} has the same name: rename one of them")
        if names or (why := why_unavailable(one, target)) is None:
            chosen[one.name] = one
        elif not claims:
            write(f"{one.name} is left out: {why}\n")
    return chosen, files


def _chosen_architectures(names: Sequence[str], baseline: str | None, *, simulated: bool) -> tuple[str, ...]:
    """The architectures' names in their own order; the basic ones where none is named. The baseline, if named, is
    among them. Of all there are those without a model are left out where they are ``simulated``, with a line.
    """
    chosen = chosen_architectures(names, simulated=simulated)
    if simulated and ALL in names:
        for name in architectures().keys() - set(chosen):
            write(f"{name} is left out: there is no model of its {architectures()[name].unmodelled}\n")
    if baseline is not None:
        choose(architectures(), baseline, "baseline")
        if baseline not in chosen:
            raise UsageError(
                f"the baseline {baseline} is not among the chosen architectures: add --architecture {baseline}"
            )
    return chosen


def _settings(places: Places, options: Mapping[str, Any], shape: dict[str, Any], *, cells: int) -> LabSettings:
    """The lab's settings from the options, the ``shape`` among them; a budget is shared out among the ``cells``."""
    given = given_settings(LabSettings, options) | {"wait": not options["no_wait"]} | shape
    if options["service"]:
        from orchestration.commands.service import named  # noqa: PLC0415 - with it emulators' modules are imported

        given["service"] = named(places, options["service"], isolate=options["isolate"])
    if options["variants"]:
        given["variants"] = list(dict.fromkeys(options["variants"]))
    if options["repetitions"] == _AUTO:
        budget_s = 60 * (options["budget"] or _BUDGET_MINUTES) / cells
        given |= {"repetitions": _MAX_REPETITIONS, "budget_s": budget_s}
    elif options["budget"]:
        raise UsageError("--budget is for --repetitions auto")
    elif options["claims"]:
        given.setdefault("repetitions", NIGHTLY_REPETITIONS)
    return LabSettings(**given, target_options=given_target_options(options))
