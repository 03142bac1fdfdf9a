"""The table ``recommendations``: what to build, from what each architecture meets and misses.

Put the choice here: who is left, who is preferred, what a route wants, and what would change that. Keep out whether a
requirement is met (`assets.analysis.requirements`) and the sentences (`assets.analysis.recommendation_sentences`).

The answer is the set of architectures that miss nothing. Among them the preference decides: less of what it names,
where the difference is over 5 %, then the order of the architectures. Where one that might be preferred has an
undecided requirement, the answer is undecided. A requirement that cannot be shown here rules no architecture out, and
proves none.

By route the same is asked of the route's requests alone. What is left says how the route is to be served. Nothing is
recommended that has no valid replay.
"""

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import duckdb
import pyarrow as pa

from assets.analysis import recommendation_sentences as sentences
from assets.analysis.repeating import Repeating
from assets.analysis.requirements.assumed import Assumed
from assets.analysis.requirements.bills import Bills
from assets.analysis.requirements.figures import Contender, Covers, Figure, Figures, exactly, scaled
from assets.analysis.requirements.judging import BUSIEST, situations_of, state_of
from assets.analysis.requirements.measures import MEASURES, PER_MONTH
from assets.analysis.requirements.model import MINUTES_PER_MONTH, Requirement, Requirements
from assets.analysis.requirements.wording import amount
from assets.analysis.statistics.verdicts import MIN_PAIRS
from resources.architectures import architectures
from resources.architectures.parts.asynchronous_invocation import PAUSES_S
from resources.architectures.stack import DEFAULT_VARIANT, StackSettings
from resources.lab.settings import NIGHTLY_REPETITIONS
from resources.warehouse.outcomes import beside
from resources.warehouse.schema import schema
from workloads.places import Places
from workloads.scenarios import Scenario, scenarios

MATTERS = 0.05  # a smaller difference of what is preferred is none, as in claims S8 and E8
_REFUSES = 0.02  # a share of requests that is worth saying, as in the bundled requirements
_MOST = 3  # reasons, and what would change the answer
_VOLUMES = tuple(10 ** (exponent / 4) for exponent in range(12, 45))  # a thousand to a hundred thousand million a month
_BISECTIONS = 30
_BEYOND_RETRIES = "outage_beyond_retries"

Row = dict[str, Any]
State = Literal["decided", "undecided", "none"]
Served = Literal["synchronously", "by queue", "either"]
Answer = tuple[State, str | None]
Part = tuple[str, str | None]  # an operation, and a route of it or None for all


@dataclass(frozen=True)
class Choice:
    """What follows from some rows of ``requirements``.

    Attributes:
        state: Whether there is an answer, and one at all.
        passing: Who misses nothing and has nothing undecided, the preferred one first.
        open: Who misses nothing, and what of it is undecided.
        missing: Who misses something, and what.
    """

    state: State
    passing: tuple[str, ...]
    open: Mapping[str, Sequence[Row]] = field(default_factory=dict)
    missing: Mapping[str, Sequence[Row]] = field(default_factory=dict)

    @property
    def pick(self) -> str | None:
        """The architecture to build; None where there is none, or it is undecided."""
        return self.passing[0] if self.state == "decided" and self.passing else None

    @property
    def answer(self) -> Answer:
        return self.state, self.pick


@dataclass(frozen=True)
class Preferring:
    """What decides among those that miss nothing: ``values`` by what is preferred less of, and architecture."""

    values: Mapping[str, Mapping[str, float]]
    order: Sequence[str]

    def first(self, names: Iterable[str]) -> str:
        """The preferred one of ``names``, of which there is at least one."""
        left = sorted(names, key=self.order.index)
        for known in self.values.values():
            if all(name in known for name in left):
                least = min(known[name] for name in left)
                left = [name for name in left if known[name] <= least * (1 + MATTERS)]
        return left[0]

    def ranked(self, names: Iterable[str]) -> tuple[str, ...]:
        """All of ``names``, the preferred one first."""
        left, found = list(names), []
        while left:
            found.append(self.first(left))
            left.remove(found[-1])
        return tuple(found)


def choose(rows: Iterable[Row], names: Sequence[str], preferring: Preferring) -> Choice:
    """Decide among architectures.

    Args:
        rows: Of ``requirements``, of one workload and variant, all that count.
        names: The architectures that may be chosen: those with a valid replay.
        preferring: What decides among those that miss nothing.
    """
    missing: dict[str, list[Row]] = {}
    undecided: dict[str, list[Row]] = {}
    for row in rows:
        if row["architecture"] in names and row["state"] in {"missed", "undecided"}:
            (missing if row["state"] == "missed" else undecided).setdefault(row["architecture"], []).append(row)
    left = [name for name in names if name not in missing]
    opened = {name: undecided[name] for name in left if name in undecided}
    passing = preferring.ranked(name for name in left if name not in opened)
    if not left:
        state: State = "none"
    elif passing and preferring.first(left) == passing[0]:
        state = "decided"
    else:
        state = "undecided"
    return Choice(state, passing, opened, missing)


def recommend(
    connection: duckdb.DuckDBPyConnection,
    comparison_id: str,
    *,
    requirements: Requirements,
    judged: pa.Table,
    bills: Bills,
    places: Places | None = None,
) -> pa.Table:
    """Make the table ``recommendations`` of one comparison.

    Args:
        connection: To the published database, or one with its tables.
        comparison_id: Of the comparison.
        requirements: What was asked.
        judged: The table ``requirements`` that came of it.
        bills: What it costs.
        places: Where the user's own scenarios are; None for the bundled ones only.

    Returns:
        For each workload a row for all, whose ``operation`` is '', one for each operation, and one for each of the
        busiest routes.
    """
    figures, simulated_figures = (Figures(connection, name) for name in (comparison_id, beside(comparison_id)))
    replays = connection.sql(_REPLAYS, params=[comparison_id]).to_arrow_table().to_pylist()
    about = connection.execute(_ABOUT, [comparison_id]).fetchall()
    target, evidence = about[0] if about else (None, None)
    simulated = dict(connection.execute(_SIMULATED, [beside(comparison_id)]).fetchall())
    rows: list[Row] = []
    for workload in sorted({row["workload"] for row in replays}):
        own = [row for row in replays if row["workload"] == workload]
        variant = min({row["variant"] for row in own}, key=lambda name: (name != DEFAULT_VARIANT, name))
        case = _Case(
            workload=workload,
            variant=variant,
            requirements=requirements,
            rows=[row for row in judged.to_pylist() if (row["workload"], row["variant"]) == (workload, variant)],
            replays=[row for row in own if row["variant"] == variant],
            figures=figures,
            simulated_figures=simulated_figures,
            bills=bills,
            target=target or "this target",
            repeating=Repeating.read(connection, comparison_id),
            assumed=Assumed.read(connection, comparison_id),
            simulated_repetitions=simulated.get(workload, 0),
            scenarios=scenarios(places),
        )
        rows += [{"comparison_id": comparison_id, "workload": workload, **row} for row in case.table()]
    rows = [{**row, "evidence": evidence, "target": target} for row in rows]
    return pa.Table.from_pylist(rows, schema=schema("recommendations"))


@dataclass(frozen=True)
class _Case:
    """All that is known of one workload and variant."""

    workload: str
    variant: str
    requirements: Requirements
    rows: Sequence[Row]
    replays: Sequence[Row]
    figures: Figures
    simulated_figures: Figures  # of the comparison beside this one; of nothing without
    bills: Bills
    target: str
    repeating: Repeating
    assumed: Assumed
    simulated_repetitions: int  # of the comparison beside this one; 0 without
    scenarios: Mapping[str, Scenario]

    def table(self) -> list[Row]:
        preferring = self._preferring()
        whole = [row for row in self.rows if row["route"] is None]
        chosen = choose(whole, self.replayed, preferring)
        offered = next((found for name in self.replayed if (found := self._offered(name))), {})
        operations = [one for one in ("command", "query") if any(key[0] == one for key in offered)]
        by_operation = {one: choose(self._of(whole, one), self.replayed, preferring) for one in operations}
        served: dict[Part, Served | None] = {
            (one, None): self._served(by_operation[one], one, None) for one in operations
        }
        routes = [(one, route) for one, route in list(offered)[:BUSIEST] if route is not None]
        by_route = {
            key: choose([row for row in self.rows if row["route"] == key[1]], self.replayed, preferring)
            for key in routes
        }
        served |= {(one, route): self._served(by_route[one, route], one, route) for one, route in routes}
        table = [self._of_all(chosen, whole, served, offered, preferring)]
        for one in operations:
            n = sum(n for key, n in offered.items() if key[0] == one)
            table.append(self._of_part(one, None, by_operation[one], served[one, None], n))
        for one, route in routes:
            way = served[one, route] or self._inferred(by_route[one, route], served[one, None])
            table.append(self._of_part(one, route, by_route[one, route], way, offered[one, route]))
        return table

    # Who there is.

    @property
    def known(self) -> list[str]:
        """Every architecture that was replayed, validly or not, in the order of the registry."""
        registered = list(architectures())
        found = {row["architecture"] for row in self.replays}
        return sorted(found, key=lambda name: (registered.index(name) if name in registered else len(registered), name))

    @property
    def replayed(self) -> list[str]:
        """Those with a valid replay."""
        valid = {row["architecture"] for row in self.replays if row["valid"]}
        return [name for name in self.known if name in valid]

    @property
    def lacking(self) -> list[str]:
        """The cells that lack an architecture, a sentence each."""
        found = []
        position = {name: index for index, name in enumerate(self.scenarios)}
        replayed = {row["scenario"] for row in self.replays}
        for scenario in sorted(replayed, key=lambda name: (position.get(name, len(position)), name)):
            for name in self.known:
                own = [row for row in self.replays if (row["scenario"], row["architecture"]) == (scenario, name)]
                if not any(row["valid"] for row in own):
                    reason = next((row["invalid_reason"] for row in own), None)
                    found.append(sentences.lacking(name, scenario, reason))
        return found

    def _contender(self, name: str) -> Contender:
        return Contender(self.workload, self.variant, name)

    def _offered(self, name: str) -> dict[Part, int]:
        return self.figures.offered(self._contender(name))

    def _preferring(self) -> Preferring:
        registered = architectures()
        values: dict[str, dict[str, float]] = {}
        for name in self.requirements.preference.among_equals:
            known = {
                one: float(len(registered[one].nodes))
                if name == "components"
                else self.bills.usd(self._contender(one), name)
                for one in self.replayed
                if name != "components" or one in registered
            }
            values[name] = {one: value for one, value in known.items() if value is not None}
        return Preferring(values, self.known)

    # How a part is served.

    def _of(self, rows: Iterable[Row], operation: str) -> list[Row]:
        """The rows that are about requests of an operation."""
        routes = {route: own for name in self.replayed for own, route in self._offered(name)}
        return [
            row
            for row in rows
            if MEASURES[row["measure"]].operations
            and row["of_requests"] in {"all", operation, *(route for route, own in routes.items() if own == operation)}
        ]

    def _served(self, choice: Choice, operation: str, route: str | None) -> Served | None:
        """How those that pass serve it; None where it is undecided."""
        if choice.state != "decided":
            return None
        ways = {self._way(name, operation, route) for name in choice.passing} - {None}
        if len(ways) > 1:
            return "either"
        return next(iter(ways), None)

    def _way(self, name: str, operation: str, route: str | None) -> Served | None:
        queued = self.figures.queued(
            self._contender(name), lambda own, other: own == operation and route in {None, other}
        )
        return None if queued is None else "by queue" if queued else "synchronously"

    def _inferred(self, choice: Choice, of_operation: Served | None) -> Served | None:
        """How an undecided route is served: as its operation is; None for one that its own requests decide."""
        return of_operation if choice.state == "undecided" else None

    # The rows.

    def _of_part(self, operation: str, route: str | None, choice: Choice, served: Served | None, n: int) -> Row:
        what = route or sentences.PLURALS[operation]
        general = sentences.PLURALS[operation] if choice.state == "undecided" and served else None
        return {
            "operation": operation,
            "route": route,
            "architecture": choice.pick,
            "state": choice.state,
            "served": served,
            "requests": n,
            "passing": list(choice.passing),
            "sentence": sentences.part(what, choice.state, served, choice.passing, inferred_from=general),
            "because": self._because(choice)[:_MOST],
            "would_change": [],
            "lacking": [],
        }

    def _of_all(
        self,
        choice: Choice,
        rows: Sequence[Row],
        served: Mapping[Part, Served | None],
        offered: Mapping[Part, int],
        preferring: Preferring,
    ) -> Row:
        ways = {key: way for key, way in served.items() if way is not None}
        because = self._because(choice)
        if not self.replayed:
            sentence = sentences.nothing_replayed()
        elif choice.state == "decided" and choice.pick:
            own = {one: self._way(choice.pick, one, None) for one in sorted({key[0] for key in offered})}
            alone = len(self.replayed) < 2
            sentence = sentences.build(choice.pick, own, choice.passing, self.replayed, alone=alone)
            because += self._preferred(choice, preferring)
        elif choice.state == "undecided":
            name = preferring.first(choice.open)
            sentence = sentences.undecided(name, choice.open[name][0], len(choice.open))
            because = [*self._opened(choice), *because]
        else:
            sentence = sentences.none(self.replayed, self._nearest(ways, offered), _plain(ways))
        if inference := self._inference(ways):
            because = [*because[: _MOST - 1], inference]
        return {
            "operation": "",
            "route": None,
            "architecture": choice.pick,
            "state": choice.state if self.replayed else "undecided",
            "served": None,
            "requests": sum(offered.values()) or None,
            "passing": list(choice.passing),
            "sentence": sentence,
            "because": because[:_MOST],
            "would_change": self._would_change(choice, rows, preferring)[:_MOST],
            "lacking": self.lacking,
            "could_add": self._could_add(rows),
            "assumed": self._moved_by_parameters(choice, rows, preferring),
        }

    def _because(self, choice: Choice) -> list[str]:
        """What is missed: the plainest miss of each architecture first, then their others."""
        ranked = [sorted(rows, key=_slack) for rows in choice.missing.values()]
        turns = itertools.zip_longest(*sorted(ranked, key=lambda rows: _slack(rows[0])))
        return [sentences.missed(row) for turn in turns for row in turn if row is not None]

    def _opened(self, choice: Choice) -> list[str]:
        return [sentences.opened(rows[0]) for rows in choice.open.values()]

    def _preferred(self, choice: Choice, preferring: Preferring) -> list[str]:
        """What set the chosen one apart from the next that passes."""
        if len(choice.passing) < 2 or choice.pick is None:
            return []
        other = choice.passing[1]
        unknown = [name for name, known in preferring.values.items() if not {choice.pick, other} <= known.keys()]
        for name, known in preferring.values.items():
            if other in known and choice.pick in known and known[other] > known[choice.pick] * (1 + MATTERS):
                return [sentences.preferred(choice.pick, other, name, known[choice.pick], known[other])]
        return [sentences.alike(choice.pick, other, unknown)]

    def _nearest(self, ways: Mapping[Part, Served], offered: Mapping[Part, int]) -> tuple[str, float] | None:
        """Which architecture serves most requests the way their route wants, and what share of them."""
        wanted = {key: ways.get(key) or ways.get((key[0], None)) for key in offered}
        total = sum(n for key, n in offered.items() if wanted[key])
        if not total:
            return None
        right = {
            name: sum(n for key, n in offered.items() if wanted[key] in {"either", self._way(name, *key)})
            for name in self.replayed
        }
        best = max(right, key=lambda name: right[name])
        return best, right[best] / total

    def _inference(self, ways: Mapping[Part, Served]) -> str | None:
        """What an architecture without a valid replay would do, if it serves every operation as it is wanted."""
        wanted = {operation: way for (operation, route), way in ways.items() if route is None}
        for name in self.known:
            if name not in self.replayed and name in architectures() and wanted:
                own = {one: "by queue" if one in architectures()[name].queued else "synchronously" for one in wanted}
                if all(wanted[one] in {"either", own[one]} for one in wanted):
                    return sentences.inference(name, own)
        return None

    # What would change it.

    def _could_add(self, rows: Sequence[Row]) -> str | None:
        """What only AWS, or more repetitions, could add."""
        hidden = list(
            dict.fromkeys(row["requirement"] for row in rows if row["state"] == "not_shown_here" and row["n"] != 0)
        )
        found = [sentences.elsewhere(self.target, hidden)] if hidden else []
        repetitions = max(self.repeating.workloads[self.workload]["repetitions"], self.simulated_repetitions)
        if repetitions < MIN_PAIRS:
            command = self.repeating.command(self.workload, NIGHTLY_REPETITIONS)
            minutes = self.repeating.minutes(self.workload, NIGHTLY_REPETITIONS)
            found.append(sentences.more_repetitions(command, minutes))
        return " ".join(found) or None

    def _would_change(self, choice: Choice, rows: Sequence[Row], preferring: Preferring) -> list[str]:
        if not self.replayed:
            return []
        found = self._opened(choice)[: _MOST - 1] if choice.state == "undecided" else self._not_required(choice)
        found += self._by_parameters(choice, rows, preferring)[:1]
        found += [*self._by_minutes(choice, rows, preferring), *self._by_volume(choice, rows, preferring)]
        found += self._by_length(choice)
        for requirement in self.requirements.requirement:
            left = [row for row in rows if row["requirement"] != requirement.name]
            other = choose(left, self.replayed, preferring)
            if other.answer != choice.answer and (choice.state != "undecided" or other.state == "decided"):
                found.append(sentences.without(requirement.name, self._then(other, preferring)))
        return found

    def _then(self, other: Choice, preferring: Preferring) -> str:
        """What the answer would be, as a clause."""
        if other.state == "undecided":
            name = preferring.first(other.open)
            return sentences.then_open(name, other.open[name][0]["requirement"])
        return sentences.then(other.pick)

    def _by_minutes(self, choice: Choice, rows: Sequence[Row], preferring: Preferring) -> list[str]:
        minutes = self.requirements.assumptions.outage_minutes_per_month
        affected = [row for row in rows if MEASURES[row["measure"]].kind == "month" and row["under"] == "outage"]

        def at(times: float) -> Choice:
            return choose(self._times(rows, affected, times), self.replayed, preferring)

        return [
            sentences.minutes(minutes * times, minutes, self._then(other, preferring), fewer=times < 1)
            for times, other in _turns(affected, choice, at, most=MINUTES_PER_MONTH / minutes)
        ]

    def _by_parameters(self, choice: Choice, rows: Sequence[Row], preferring: Preferring) -> list[str]:
        """The assumed parameters of the simulation that, halved or doubled, give another answer."""
        found = []
        for change in self.assumed.changes:
            changed = [self.assumed.changed(row, change, self._requirement(row)) for row in rows]
            other = choose(changed, self.replayed, preferring)
            if other.answer != choice.answer:
                found.append(sentences.parameter(*change, self._then(other, preferring)))
        return found

    def _moved_by_parameters(self, choice: Choice, rows: Sequence[Row], preferring: Preferring) -> list[str] | None:
        """What of the answer, and of the requirements, rests on them; None where nothing was simulated."""
        if not self.assumed.changes or not any(row["evidence"] == "simulated" for row in rows):
            return None
        found = self._by_parameters(choice, rows, preferring)
        for change in self.assumed.changes:
            for row in rows:
                other = self.assumed.changed(row, change, self._requirement(row))
                if other["state"] != row["state"]:
                    found.append(sentences.moved(*change, row, other["state"]))
        return found

    def _not_required(self, choice: Choice) -> list[str]:
        """What the chosen architecture refuses where no requirement says that it has to be taken."""
        if choice.pick is None:
            return []
        contender, refused = self._contender(choice.pick), MEASURES["refused_share"]
        found = []
        for one in sorted({key[0] for key in self._offered(choice.pick)}):
            shares: dict[str, str] = {}
            speeds = {row["scenario"]: row["speed"] or 0.0 for row in self.replays if row["valid"]}
            for scenario, speed in sorted(speeds.items()):
                situations = situations_of(scenario, self.scenarios)
                asked = any(
                    one in requirement.measured.operations
                    and requirement.measured.decided_by == "acknowledged"
                    and requirement.of in {"all", one}
                    and requirement.under in situations
                    for requirement in self.requirements.requirement
                )
                if asked:
                    continue
                figure, how = self.figures.share(contender, scenario, _any_of(one), refused), ""
                if scenario in self.scenarios and self.scenarios[scenario].limits_more_than_recorded(speed):
                    predicted = self.simulated_figures.share(contender, scenario, _any_of(one), refused)
                    figure, how = (
                        (predicted, " (simulated)") if predicted else (figure, f" (of {speed:g} times the load)")
                    )
                if figure and figure.value and figure.low and figure.low > _REFUSES:
                    shares[scenario] = f"{amount(figure.value, 'share')}{how}"
            if shares:
                found.append(sentences.not_required(choice.pick, one, shares))
        return found

    def _by_length(self, choice: Choice) -> list[str]:
        """From how long an outage on commands are given up: those replayed are mostly shorter."""
        asked = any(one.under == "outage" for one in self.requirements.requirement)
        beyond = any(row["scenario"] == _BEYOND_RETRIES for row in self.replays)
        by_queue = choice.pick and any(self._way(choice.pick, one, None) == "by queue" for one in ("command", "query"))
        if not (asked and by_queue and choice.pick):
            return []
        known = architectures().get(choice.pick)  # not one of a plug-in that is gone
        if known and known.queueing == "lambda":  # whose pauses no scenario shortens
            pauses = " and ".join(str(pause_s) for pause_s in PAUSES_S)
            return [
                sentences.length(choice.pick, sum(PAUSES_S), f"Lambda's retries of what it queued (after {pauses} s)")
            ]
        if beyond:
            return []
        number, apart_s = (usual := StackSettings()).max_receive_count, usual.visibility_timeout_s
        retries = f"the queue's retries ({number}, {apart_s} s apart)"
        return [sentences.length(choice.pick, number * apart_s, retries, scenario=_BEYOND_RETRIES)]

    def _by_volume(self, choice: Choice, rows: Sequence[Row], preferring: Preferring) -> list[str]:
        """From how many requests a month on the answer is another: by what they cost, and by how many are hit."""
        now = self.bills.volume(self.workload)
        if now is None:
            return []
        affected = [row for row in rows if row["measure"].endswith(PER_MONTH) and row["unit"] == "requests"]

        def at(volume: float) -> Choice:
            usd = self._usd_at(volume)
            changed = [
                self._decided(row, exactly(usd[row["architecture"]]))
                if row["measure"] == "usd_per_month" and row["architecture"] in usd
                else row
                for row in self._times(rows, affected, volume / now)
            ]
            values = {name: usd if name == "usd_per_month" else known for name, known in preferring.values.items()}
            return choose(changed, self.replayed, replace(preferring, values=values))

        found = []
        for volumes in ([v for v in _VOLUMES if v > now], [v for v in reversed(_VOLUMES) if v < now]):
            near = now
            for volume in volumes:
                if at(volume).answer != choice.answer:
                    far = volume
                    for _ in range(_BISECTIONS):
                        middle = (near * far) ** 0.5
                        near, far = (near, middle) if at(middle).answer != choice.answer else (middle, far)
                    other = at(far)
                    found.append(
                        sentences.volume(far, now, self._then(other, preferring), fewer=far < now, by_cost=not affected)
                    )
                    break
                near = volume
        return found

    def _times(self, rows: Sequence[Row], affected: Sequence[Row], times: float) -> list[Row]:
        """The rows, with the figures of those ``affected`` multiplied and decided anew."""
        changed = {id(row) for row in affected}
        return [self._decided(row, scaled(_figure(row), times)) if id(row) in changed else row for row in rows]

    def _usd_at(self, volume: float) -> dict[str, float]:
        """What a month of so many requests costs, by architecture; only those of which it is known."""
        found = {name: self.bills.at(self._contender(name), volume) for name in self.replayed}
        return {name: usd for name, usd in found.items() if usd is not None}

    def _decided(self, row: Row, figure: Figure) -> Row:
        if row["state"] == "not_shown_here" or figure.value is None:
            return row
        return {**row, "state": state_of(figure, self._requirement(row))}

    def _requirement(self, row: Row) -> Requirement:
        asked: Requirement = self.requirements.requirement[row["position"] - 1]
        return asked


def _any_of(operation: str) -> Covers:
    return lambda own, _: own == operation


def _turns(
    rows: Iterable[Row], choice: Choice, at: Callable[[float], Choice], *, most: float
) -> list[tuple[float, Choice]]:
    """Where figures that all grow alike give another answer: the nearest multiple below 1, and the nearest above."""
    limits = {
        row["limit_value"] / row[end]
        for row in rows
        for end in ("ci_low", "ci_high")
        if row[end] and row["state"] != "not_shown_here"
    }
    found = []
    for side, order in (
        (-1, sorted((one for one in limits if one <= 1), reverse=True)),
        (1, sorted(one for one in limits if 1 <= one <= most)),
    ):
        others = [(times, at(times * (1 + side * 1e-9))) for times in order]
        others = [(times, other) for times, other in others if other.answer != choice.answer]
        # The first one at which another is decided says more than that at which it becomes unclear.
        decided = [(times, other) for times, other in others if other.state == "decided"]
        found += (decided or others)[:1]
    return found


def _figure(row: Row) -> Figure:
    return Figure(row["value"], row["ci_low"], row["ci_high"])


def _slack(row: Row) -> float:
    """How plainly a requirement is missed: the least first. A ratio, so that units do not matter."""
    value, limit = row["value"], row["limit_value"]
    if value is None:
        return float("-inf")
    if row["bound"] == "at_least":
        return float(value / limit) if limit else 0.0
    return -float(value / limit) if limit else float("-inf")


def _plain(ways: Mapping[Part, Served]) -> dict[str, Served]:
    """How each route is to be served, or each operation where no route is known."""
    routes = {route: way for (_, route), way in ways.items() if route is not None}
    return routes or {sentences.PLURALS[operation]: way for (operation, _), way in ways.items()}


_ABOUT = "SELECT target, evidence FROM comparisons WHERE comparison_id = ?"

_SIMULATED = """\
SELECT workload, count(DISTINCT repetition) FROM experiments
WHERE comparison_id = ? AND valid AND arm = 'main' GROUP BY workload"""

_REPLAYS = """\
SELECT workload, variant, architecture, scenario, valid, invalid_reason, speed
FROM experiments WHERE comparison_id = ? AND arm = 'main'
ORDER BY ALL"""
