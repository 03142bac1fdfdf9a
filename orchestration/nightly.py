"""The night: a schedule with one run per cell, a sensor that compares once all have ended, and one that tells people
what went wrong.

Put here when a night's runs start. Keep out which cells it has (`orchestration.nights`) and how past nights went
(`orchestration.night_history`).
"""

import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import dagster as dg

from orchestration.jobs import Job
from orchestration.night_history import CELLS_TAG, Night, comparison_config, missed, night, run_config
from orchestration.nights import NightCell, Nights, cells_of_night, check, daily, nightly_targets, nights_in_use
from orchestration.partitions import NIGHTS, cell_key, declare_cells
from resources.alerting import Addresses, send
from resources.architectures import architectures
from resources.dagster_resources import NIGHT_TAG
from resources.lab.cell import target_suffix
from workloads.errors import ArchduelError, UsageError
from workloads.places import Places

# How many seconds these cells will take; None where that is not known.
Estimator = Callable[[dg.DagsterInstance, Nights, Sequence[NightCell]], float | None]
Send = Callable[[Addresses, str, list[str]], None]

_LOOK_BACK = 2  # nights
_REMEMBERED = 100  # of what was sent


def _now() -> datetime:
    return datetime.now(UTC)


def _latest() -> list[str]:
    return list(NIGHTS.get_partition_keys()[-_LOOK_BACK:])


def nightly_schedule(
    job: Job,
    target: str,
    places: Places,
    nights: Nights,
    *,
    estimator: Estimator | None = None,
    now: Callable[[], datetime] = _now,
) -> dg.ScheduleDefinition:
    """Make the schedule of a target's nights: a run for every cell that ``nights.toml`` names.

    It is on for the targets named there. For another it has to be turned on: it takes as long again, or longer.

    Args:
        job: What replays a cell.
        target: The target.
        places: The home, whose file is read again each night.
        nights: The file as it was read when the definitions were loaded, for when the schedule starts.
        estimator: Says how long cells take; None: nobody does.
        now: Returns the present moment.
    """
    status = dg.DefaultScheduleStatus.RUNNING if target in nights.targets else dg.DefaultScheduleStatus.STOPPED

    @dg.schedule(
        name=f"nightly{target_suffix(target, '_')}",
        job=job,
        cron_schedule=daily(nights.start),
        execution_timezone="UTC",
        default_status=status,
        description=f"Every cell that nights.toml names, on {target}. `archduel nights` shows them.",
    )
    def nightly(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
        due = context.scheduled_execution_time.astimezone(UTC)
        date, current = due.strftime("%Y-%m-%d"), nights_in_use(places)
        check(current, places)
        earlier = _before(due)
        lost = missed(context.instance, earlier, target)
        if gone := list(itertools.takewhile(lost.__contains__, reversed(earlier))):  # since the last that ran
            context.log.warning(f"missed, and not made up for: {', '.join(gone)}")
        end = current.ends_by(due)
        if current.missed == "mark" and now() > end:
            yield dg.SkipReason(f"missed: it was due at {due:%H:%M} UTC and should have ended by {end:%H:%M}")
            return
        cells = cells_of_night(current, target, places)
        if not cells:
            raise UsageError(f"nights.toml names no cell that can run on {target}")
        if (seconds := estimator(context.instance, current, cells) if estimator else None) is not None:
            takes = length(seconds, max(now(), due), end)
            (context.log.warning if takes.late else context.log.info)(takes.text)
        declare_cells(context.instance, [one.cell for one in cells])
        for one in cells:
            yield dg.RunRequest(
                run_key=f"{date}/{one.cell}",
                partition_key=cell_key(one.cell, date),
                tags={NIGHT_TAG: date, CELLS_TAG: str(len(cells))},
                run_config=run_config(one, current),
                asset_selection=_selected(current),
            )

    return nightly


class Length(NamedTuple):
    """How long a night takes, in words, and whether that is too long."""

    text: str
    late: bool


def length(seconds: float, start: datetime, end: datetime) -> Length:
    """Say how long a night takes, and whether it ends by morning.

    Args:
        seconds: How long its runs take.
        start: When they start.
        end: By when they should have ended.
    """
    ends = start + timedelta(seconds=seconds)
    text = f"about {seconds / 60:,.0f} minutes: from {start:%H:%M} to {ends:%H:%M} UTC"
    if ends.date() > start.date():
        text += f" of {ends:%Y-%m-%d}"
    late = ends > end
    if late:
        text += f". It cannot end by {end:%H:%M}: leave out cells or targets, or lower repetitions, in nights.toml"
    return Length(text, late)


def _before(due: datetime) -> list[str]:
    """The two weeks before a night."""
    return [(due - timedelta(days=ago)).strftime("%Y-%m-%d") for ago in range(14, 0, -1)]


def _selected(nights: Nights) -> list[dg.AssetKey]:
    """The nodes of the architectures that are compared."""
    nodes = {name: [*architectures()[name].nodes, "replay", "outcomes"] for name in nights.compared}
    return [dg.AssetKey([name, node]) for name, of_one in nodes.items() for node in of_one]


def _state(instance: dg.DagsterInstance, date: str, target: str, places: Places) -> Night:
    try:
        expected = len(cells_of_night(nights_in_use(places), target, places))
    except UsageError:  # the schedule complains of it; what was launched says how many they are
        expected = 1
    return night(instance, date, target, expected)


def comparison_sensor(job: Job, places: Places, latest: Callable[[], list[str]] = _latest) -> dg.SensorDefinition:
    """Make the sensor that compares a night once all its cells have ended and one succeeded.

    Each cell that is run again brings one more comparison.

    Args:
        job: What compares.
        places: The home with the file of nights.
        latest: Returns the nights that are looked at.
    """

    @dg.sensor(
        name="night_is_over",
        job=job,
        minimum_interval_seconds=30,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Compares a night once all its cells have ended.",
    )
    def night_is_over(context: dg.SensorEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
        over = False
        for date, target in itertools.product(latest(), nightly_targets()):
            state = _state(context.instance, date, target, places)
            if state.over and len(state.failed) < state.ended:
                over = True
                # By the count in the key, a cell that is run again brings exactly one more comparison.
                yield dg.RunRequest(
                    run_key=f"{date}{target_suffix(target, '/')}/{state.runs}",
                    partition_key=date,
                    tags={NIGHT_TAG: date},
                    run_config=comparison_config(target),
                )
        if not over:
            yield dg.SkipReason("no night has ended: its cells have not all been run")

    return night_is_over


def alerts_sensor(
    places: Places,
    nights: Nights,
    latest: Callable[[], list[str]] = _latest,
    sending: Send = send,
    now: Callable[[], datetime] = _now,
) -> dg.SensorDefinition:
    """Make the sensor that tells people once of a night that went wrong. It is on where ``nights.toml`` has addresses.

    Args:
        places: The home with that file.
        nights: The file as it was read when the definitions were loaded.
        latest: Returns the nights that are looked at.
        sending: Sends a message.
        now: Returns the present moment.
    """
    status = dg.DefaultSensorStatus.RUNNING if nights.alerts.any else dg.DefaultSensorStatus.STOPPED

    @dg.sensor(
        name="alerts",
        minimum_interval_seconds=60,
        default_status=status,
        description="Tells people of a night that went wrong, by the addresses in nights.toml.",
    )
    def alerts(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        current = nights_in_use(places)
        if not current.alerts.any:
            return dg.SkipReason("nights.toml has no address: see [alerts] there")
        told: list[str] = json.loads(context.cursor or "[]")
        sent, failures = 0, []
        for date, target in itertools.product(latest(), current.targets):
            each = {f"{date}/{target}/{name}": one for name, one in current.alerts.each().items()}
            left = {key: one for key, one in each.items() if key not in told}
            if not left:
                continue
            due = current.due(datetime.fromisoformat(date))
            state = _state(context.instance, date, target, places)
            if state.missed and date not in missed(context.instance, [*_before(due), date], target):
                continue  # nights had not begun
            if not (troubles := state.troubles(late=now() > current.ends_by(due))):
                continue
            for key, one in left.items():
                try:
                    sending(one, f"archduel: the night {date} on {target} went wrong", troubles)
                except ArchduelError as error:
                    failures.append(str(error))
                else:
                    sent += 1
                    told.append(key)
        context.update_cursor(json.dumps(told[-_REMEMBERED:]))
        # A tick that fails is seen in the UI; but Dagster forgets its cursor, and so what was sent would be sent again.
        if failures and not sent:
            raise ArchduelError("; ".join(failures))
        for failure in failures:
            context.log.error(failure)
        return dg.SkipReason(f"{sent} sent" if sent else "there is nothing to tell")

    return alerts
