"""What to build, from what was judged: a rule anyone can follow by hand over the table ``pairwise``.

Belongs here: the order of what matters, and the sentences that name the measurements. No verdict is made here.

For one operation, architectures leave the field by what counts most first. At each step one leaves if another beats it
in some scenario, and it beats that one in none; what is undecided makes nobody leave.

1. Queries only: the response carries the answer. A ticket (202) is none, so who hands out tickets leaves if anyone
   answers.
2. Done: the share acknowledged and in the end stored or answered, in every scenario.
3. Acknowledged: the share acknowledged, in every scenario.
4. Time to the response, p99 and then p50, under `steady` where it was replayed: elsewhere it is the time of those who
   got through.
5. Cost, where it differs by more than 5 %.

What is left of all operations together is built: one architecture that is left for each of them, if there is one.
"""

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from assets.analysis.verdicts.pairing import Origin, origin
from assets.analysis.verdicts.reasons import called
from assets.analysis.verdicts.rules import Rules, rules
from assets.analysis.verdicts.schemas import RECOMMENDATIONS
from resources.architectures.stack import DEFAULT_VARIANT

CALM = "steady"
DEARER = 0.05  # a difference of cost that matters, as claims S8 and E8 have it
_MOST_REASONS = 8
_SQL = Path(__file__).with_name("recommendation.sql")
_PLURAL = {"command": "commands", "query": "queries"}
_TIMES = ("response_p99", "response_p50")
_WORDS = {
    "acknowledged_share": "acknowledged",
    "done_share": "done in the end",
    "response_p50": "median response time",
    "response_p99": "p99 response time",
}

Row = dict[str, Any]
Beats = Callable[[str, str], list[str]]  # why the first beats the second; nothing where it does not


@dataclass
class Field:
    """The architectures that are left for one operation, and why the others are not."""

    operation: str
    left: list[str]
    because: list[str] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)

    def narrow(self, step: str, beats: Beats) -> None:
        """Let those leave that another beats and that do not beat it."""
        told: dict[str, list[str]] = {}
        for loser in self.left:
            for winner in self.left:
                if winner != loser and not beats(loser, winner) and (why := beats(winner, loser)):
                    told.setdefault(loser, []).extend(why)
        # Not transitive: where everyone is beaten by someone, nobody is to leave.
        if told and len(told) < len(self.left):
            self.because += dict.fromkeys(itertools.chain.from_iterable(told.values()))
            self.left = [name for name in self.left if name not in told]
            self.steps.append(step)


def recommend(
    connection: duckdb.DuckDBPyConnection,
    comparison_id: str,
    *,
    pairs: pa.Table,
    cost: pa.Table,
    claims: pa.Table,
    turning: Sequence[str] = (),
    by: Rules | None = None,
) -> pa.Table:
    """The table ``recommendations``: for each workload a row per operation and one, whose operation is '', for all.

    ``pairs``, ``cost`` and ``claims`` are the tables of those names for this comparison; ``turning`` are sentences on
    where its cost turns. ``architecture`` is NULL where nothing decided sets one apart.
    """
    by = by or rules()
    about = origin(connection, comparison_id, by)
    served = connection.sql(_SQL.read_text(), params={"comparison_id": comparison_id}).to_arrow_table().to_pylist()
    untestable = sorted({row["claim_id"] for row in claims.to_pylist() if row["verdict"] == "not_testable_here"})
    tables = {"served": served, "pairs": pairs.to_pylist(), "cost": cost.to_pylist()}
    rows: list[Row] = []
    for workload in sorted({row["workload"] for name in ("served", "pairs") for row in tables[name]}):
        own = {name: [row for row in table if row["workload"] == workload] for name, table in tables.items()}
        variants = {row["variant"] for name in ("served", "pairs") for row in own[name]}
        variant = min(variants, key=lambda name: (name != DEFAULT_VARIANT, name))
        case = _Case(
            about=about,
            served=[row for row in own["served"] if row["variant"] == variant],
            judged=[row for row in own["pairs"] if row["variant"] == variant and row["arm"] == "main"],
            usd=_usd(row for row in own["cost"] if row["variant"] == variant),
            untestable=untestable,
            turning=turning,
        )
        rows += [{"comparison_id": comparison_id, "workload": workload, **row} for row in case.rows()]
    rows = [{**row, "evidence": about.evidence, "target": about.target} for row in rows]
    return pa.Table.from_pylist(rows, schema=RECOMMENDATIONS)


def _usd(items: Iterable[Row]) -> dict[str, float]:
    """USD per million committed commands by architecture, of the dearer gateway and the common processor."""
    sums: dict[str, float] = defaultdict(float)
    for item in items:
        if item["gateway"] == "rest" and item["processor"] == "x86" and item["usd"] is not None:
            sums[item["architecture"]] += item["usd"]
    return dict(sums)


@dataclass(frozen=True)
class _Case:
    """All that is known of one workload."""

    about: Origin
    served: Sequence[Row]
    judged: Sequence[Row]
    usd: dict[str, float]
    untestable: Sequence[str]
    turning: Sequence[str]

    def rows(self) -> list[Row]:
        fields = [self._narrowed(operation) for operation in ("command", "query") if self._offered(operation)]
        contenders = sorted({row["architecture"] for row in self.served})
        if len(contenders) < 2:
            left = f"Only {called(contenders[0])} has" if contenders else "No architecture has"
            sentence = f"Nothing can be recommended: {left[:1].lower()}{left[1:]} a valid replay here."
            return [self._told_of_all(None, sentence, [], fields)]
        whole = self._for_all(fields)
        return [*(self._row(one, whole) for one in fields), self._whole(fields, whole)]

    def _for_all(self, fields: Sequence[Field]) -> str | None:
        """One architecture for all operations: left for each, or else one that serves each the way those left do."""
        if not any(one.steps for one in fields) and not self._same(fields):
            return None
        everywhere = [name for name in fields[0].left if all(name in one.left for one in fields)]
        wanted = [{self._queued(name, one.operation) for name in one.left} for one in fields]
        alike = [
            row["architecture"]
            for row in self.served
            if row["operation"] == fields[0].operation
            and all(
                self._queued(row["architecture"], one.operation) in ways
                for one, ways in zip(fields, wanted, strict=True)
            )
        ]
        return self._pick(everywhere or alike)

    def _narrowed(self, operation: str) -> Field:
        one = Field(operation, [row["architecture"] for row in self.served if row["operation"] == operation])
        if operation == "query":
            one.narrow("answers", self._answers)
        for metric in ("done_share", "acknowledged_share", *_TIMES):
            one.narrow(metric, self._by(operation, metric))
        one.narrow("cost", self._cheaper)
        return one

    def _pick(self, left: Sequence[str]) -> str | None:
        """Of equals the baseline, which is there already; else the first by name."""
        return self.about.baseline if self.about.baseline in left else min(left, default=None)

    # what beats what

    def _answers(self, winner: str, loser: str) -> list[str]:
        if self._queued(winner, "query") or not self._queued(loser, "query"):
            return []
        return [
            f"{called(loser).capitalize()} hands out tickets for queries, and no answers; {called(winner)} answers."
        ]

    def _by(self, operation: str, metric: str) -> Beats:
        scenarios = list(dict.fromkeys(row["scenario"] for row in self.judged))
        if metric in _TIMES and CALM in scenarios:
            scenarios = [CALM]
        rows = {
            (row["candidate"], row["scenario"]): row
            for row in self.judged
            if row["operation"] == operation and row["metric"] == metric
        }

        def beats(winner: str, loser: str) -> list[str]:
            told = [
                (-abs(difference), sentence)
                for scenario in scenarios
                if (found := self._won(rows.get((winner, scenario)), rows.get((loser, scenario)), winner, loser))
                for difference, sentence in [found]
            ]
            return [sentence for _, sentence in sorted(told)]

        return beats

    def _won(self, winner: Row | None, loser: Row | None, *names: str) -> tuple[float, str] | None:
        """By how much the first is better, and how that is told; None where it is not shown to be."""
        baseline = self.about.baseline
        if names[1] == baseline and winner is not None:
            return (winner["difference"] or 0.0, self._told(winner)) if winner["verdict"] == "better" else None
        if names[0] == baseline and loser is not None:
            return (loser["difference"] or 0.0, self._told(loser)) if loser["verdict"] == "worse" else None
        if winner is None or loser is None or "inconclusive" in {winner["verdict"], loser["verdict"]}:
            return None
        higher = winner["unit"] == "share"
        upper, lower = (winner, loser) if higher else (loser, winner)
        if upper["ci_low"] is None or lower["ci_high"] is None:
            return None
        low, high = upper["ci_low"], lower["ci_high"]
        apart = low - high if higher else (1 + low) / (1 + high) - 1
        if apart <= winner["margin"]:
            return None
        return apart, f"{self._told(winner)} {self._told(loser)}"

    def _cheaper(self, winner: str, loser: str) -> list[str]:
        mine, theirs = self.usd.get(winner), self.usd.get(loser)
        if mine is None or theirs is None or not theirs > mine * (1 + DEARER):
            return []
        costs = f"{mine:.2f} USD with {called(winner)} and {theirs:.2f} USD with {called(loser)}"
        return [f"A million committed commands, queries included, cost {costs} (modelled for AWS, REST API, x86)."]

    # words

    def _told(self, row: Row) -> str:
        share = row["unit"] == "share"
        noun = _PLURAL[row["operation"]]
        values = [(called(row[side]), row[f"{side}_value"]) for side in ("candidate", "baseline")]
        if share:
            (mine, own), (theirs, other) = values
            told = f"{mine} had {100 * own:.1f} % of the {noun} {_WORDS[row['metric']]}, {theirs} {100 * other:.1f} %"
        else:
            told = f"the {_WORDS[row['metric']]} of {noun} was " + " and ".join(
                f"{_milliseconds(us)} with {name}" for name, us in values
            )
        low, high = (_signed(row[end], share=share) for end in ("ci_low", "ci_high"))
        repetitions = "1 repetition" if row["pairs"] == 1 else f"{row['pairs']} repetitions"
        difference = _signed(row["difference"], share=share, unit=True)
        return (
            f"Under {row['scenario']} {told} ({difference}, interval {low} to {high}; {repetitions},"
            f" {row['evidence']} on {row['target']})."
        )

    def _row(self, one: Field, whole: str | None) -> Row:
        noun = _PLURAL[one.operation]
        pick = whole if whole in one.left else self._pick(one.left)
        others = [called(name) for name in one.left if name != pick]
        if not one.steps and not self._same([one]):
            pick, sentence = None, f"Undecided for {noun}: nothing that was decided sets one architecture apart."
        elif not one.steps:
            sentence = f"For {noun} no difference matters here: keep {called(pick or '')}."
        else:
            sentence = f"{noun.capitalize()} {self._way(pick or '', one.operation)}: {called(pick or '')}"
            sentence += f" (as good for {noun}: {', '.join(others)})." if others else "."
        return {
            "operation": one.operation,
            "architecture": pick,
            "sentence": sentence,
            "because": _shortened(one.because),
            "would_change": self._would_change([one]),
        }

    def _whole(self, fields: Sequence[Field], whole: str | None) -> Row:
        because = [sentence for one in fields for sentence in _shortened(one.because)]
        if whole is None and all(one.steps for one in fields):
            wanted = [f"{_PLURAL[one.operation]} want {' or '.join(map(called, one.left))}" for one in fields]
            sentence = f"No architecture here is the best for all: {' and '.join(wanted)}."
        elif whole is None:
            sentence = "Undecided: nothing that was decided sets one architecture apart for commands and queries alike."
        elif not any(one.steps for one in fields):
            sentence = f"No difference matters here: keep {called(whole)}."
        else:
            ways = [f"{_PLURAL[one.operation]} {self._way(whole, one.operation)}" for one in fields]
            sentence = f"{', '.join(ways)}: {called(whole)}."
            because += [
                f"{called(whole).capitalize()} serves {_PLURAL[one.operation]} as {called(one.left[0])} does."
                for one in fields
                if whole not in one.left
            ]
            undecided = [_PLURAL[one.operation] for one in fields if not one.steps and not self._same([one])]
            if undecided:
                sentence = f"{sentence[:-1]}; for {' and '.join(undecided)} by themselves nothing is decided."
            sentence = sentence[:1].upper() + sentence[1:]
        return self._told_of_all(whole, sentence, because, fields)

    def _told_of_all(
        self, architecture: str | None, sentence: str, because: Sequence[str], fields: Sequence[Field]
    ) -> Row:
        return {
            "operation": "",
            "architecture": architecture,
            "sentence": sentence,
            "because": list(dict.fromkeys(because)),
            "would_change": self._would_change(fields),
        }

    def _would_change(self, fields: Sequence[Field]) -> list[str]:
        told = [sentence for one in fields for sentence in self._open(one.operation)]
        if "query" in {one.operation for one in fields} and any("answers" in one.steps for one in fields):
            told.append("If whoever asks can come back for the answer, a ticket is one, and the shares done decide.")
        scenarios = {row["scenario"] for row in self.judged}
        if scenarios == {CALM}:
            told.append(
                "Nothing was broken here: `archduel compare --scenario backend_outage` shows what a fault does."
            )
        elif scenarios and CALM not in scenarios:
            told.append("`steady` was not replayed, so times are of replays in which something was broken.")
        told += list(self.turning)
        if not self.usd:
            told.append("Cost has no say in it: none was worked out here.")
        if self.untestable:
            target = self.about.target or "this target"
            told.append(
                f"{target} cannot show what claims {', '.join(self.untestable)} are about: AWS may differ there."
            )
        told.append(
            f"Ratios of times are those of {self.about.target or 'this target'}, and its milliseconds not those of AWS."
        )
        return told

    def _open(self, operation: str) -> list[str]:
        """What is undecided of an operation, one sentence for those that as many repetitions would decide."""
        grouped: dict[int | None, list[str]] = defaultdict(list)
        for row in self.judged:
            if row["operation"] == operation and row["metric"] in _WORDS and row["verdict"] == "inconclusive":
                what = f"{_WORDS[row['metric']]} of {called(row['candidate'])} under {row['scenario']}"
                grouped[row["pairs_needed"]].append(what)
        told = []
        for needed, open_ones in sorted(grouped.items(), key=lambda item: (item[0] is None, item[0] or 0)):
            more = f" and {len(open_ones) - 4} more" if len(open_ones) > 4 else ""
            how = f"`--repetitions {needed}` is likely to decide it" if needed else "the table `pairwise` says why"
            told.append(f"Undecided for {_PLURAL[operation]}: {', '.join(open_ones[:4])}{more}; {how}.")
        return told

    # lookups

    def _offered(self, operation: str) -> bool:
        return any(row["operation"] == operation for row in self.served)

    def _queued(self, architecture: str, operation: str) -> bool:
        return any(
            row["queued"]
            for row in self.served
            if row["operation"] == operation and row["architecture"] == architecture
        )

    def _way(self, architecture: str, operation: str) -> str:
        return "by queue" if self._queued(architecture, operation) else "synchronously"

    def _same(self, fields: Sequence[Field]) -> bool:
        """Whether all that counts was decided, and nothing made a difference."""
        operations = {one.operation for one in fields}
        verdicts = [row["verdict"] for row in self.judged if row["operation"] in operations and row["metric"] in _WORDS]
        return bool(verdicts) and set(verdicts) == {"equivalent"}


def _shortened(sentences: Sequence[str]) -> list[str]:
    more = len(sentences) - _MOST_REASONS
    if more <= 0:
        return list(sentences)
    return [*sentences[:_MOST_REASONS], f"And {more} more like these, in the table `pairwise`."]


def _milliseconds(us: float | None) -> str:
    return "longer than was watched" if us is None else f"{us / 1000:,.3g} ms"


def _signed(value: float | None, *, share: bool, unit: bool = False) -> str:
    if value is None:
        return "beyond what was watched"
    text = f"{100 * value:+.1f}" if abs(value) < 10 else f"{100 * value:+,.0f}"
    if share:
        return f"{text} points" if unit else text
    return f"{text} %"
