"""The table ``recommendations``: what to build, by a rule anyone can follow by hand over the table ``pairwise``.

Put the order of what matters here. Keep out verdicts (`assets.analysis.verdicts`) and the sentences that name the
measurements (`assets.analysis.recommendation_sentences`).

For one operation, architectures are ruled out step by step, by what counts most first. At each step one is ruled out if
another beats it in some scenario and it beats that one in none; what is undecided rules nothing out.

1. Queries only: the response carries the answer. A ticket (202) does not, so an architecture that hands out tickets is
   ruled out if any answers.
2. Done: the share acknowledged and in the end stored or answered, in every scenario.
3. Acknowledged: the share acknowledged, in every scenario.
4. Time to the response, p99 and then p50, under `steady` where it was replayed: elsewhere it is the time of those
   requests that got through.
5. Cost, where it differs by more than 5 %.

Recommended for all operations together is one architecture that is left for each of them, if there is one.
"""

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from assets.analysis import recommendation_sentences as sentences
from assets.analysis.verdicts.pairing import Comparison, read_comparison
from assets.analysis.verdicts.reasons import called
from resources.architectures.stack import DEFAULT_VARIANT
from resources.warehouse.schema import schema

_STEADY = "steady"
_DEARER = 0.05  # a difference of cost that matters, as in claims S8 and E8
_SQL = Path(__file__).with_name("recommendation.sql")
_TIMES = ("response_p99", "response_p50")

Row = dict[str, Any]
Beats = Callable[[str, str], list[str]]  # why the first beats the second; empty where it does not


@dataclass
class _Field:
    """The architectures that are left for one operation, why others are not, and the steps that ruled any out."""

    operation: str
    left: list[str]
    because: list[str] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)

    def narrow(self, step: str, beats: Beats) -> None:
        """Rule out those that another beats and that do not beat it."""
        reasons: dict[str, list[str]] = {}
        for loser, winner in itertools.permutations(self.left, 2):
            if not beats(loser, winner) and (why := beats(winner, loser)):
                reasons.setdefault(loser, []).extend(why)
        # Beating is not transitive: where each is beaten by another, none is ruled out.
        if reasons and len(reasons) < len(self.left):
            self.because += dict.fromkeys(itertools.chain.from_iterable(reasons.values()))
            self.left = [name for name in self.left if name not in reasons]
            self.steps.append(step)


def recommend(
    connection: duckdb.DuckDBPyConnection,
    comparison_id: str,
    *,
    pairs: pa.Table,
    cost: pa.Table,
    claims: pa.Table,
    turning: Sequence[str] = (),
) -> pa.Table:
    """Make the table ``recommendations`` of one comparison.

    Args:
        connection: to the published database, or one with its tables.
        comparison_id: of the comparison.
        pairs: its table ``pairwise``.
        cost: its table ``cost``; may be empty.
        claims: its table ``claims``; may be empty.
        turning: sentences that say where its cost turns (`assets.analysis.cost.break_even`).

    Returns:
        For each workload a row per operation, and one for all operations, whose ``operation`` is ''. ``architecture``
        is NULL where nothing that was decided sets one apart.
    """
    comparison = read_comparison(connection, comparison_id)
    served = connection.sql(_SQL.read_text(), params={"comparison_id": comparison_id}).to_arrow_table().to_pylist()
    untestable = sorted({row["claim_id"] for row in claims.to_pylist() if row["verdict"] == "not_testable_here"})
    tables = {"served": served, "pairs": pairs.to_pylist(), "cost": cost.to_pylist()}
    rows: list[Row] = []
    for workload in sorted({row["workload"] for name in ("served", "pairs") for row in tables[name]}):
        own = {name: [row for row in table if row["workload"] == workload] for name, table in tables.items()}
        variants = {row["variant"] for name in ("served", "pairs") for row in own[name]}
        variant = min(variants, key=lambda name: (name != DEFAULT_VARIANT, name))
        case = _Case(
            comparison=comparison,
            served=[row for row in own["served"] if row["variant"] == variant],
            judged=[row for row in own["pairs"] if row["variant"] == variant and row["arm"] == "main"],
            usd=_usd(row for row in own["cost"] if row["variant"] == variant),
            untestable=untestable,
            turning=turning,
        )
        rows += [{"comparison_id": comparison_id, "workload": workload, **row} for row in case.rows()]
    rows = [{**row, "evidence": comparison.evidence, "target": comparison.target} for row in rows]
    return pa.Table.from_pylist(rows, schema=schema("recommendations"))


def _usd(items: Iterable[Row]) -> dict[str, float]:
    """USD per million committed commands by architecture, with the dearer gateway and the common processor."""
    sums: dict[str, float] = defaultdict(float)
    for item in items:
        if item["gateway"] == "rest" and item["processor"] == "x86" and item["usd"] is not None:
            sums[item["architecture"]] += item["usd"]
    return dict(sums)


@dataclass(frozen=True)
class _Case:
    """All that is known of one workload: rows of `recommendation.sql` and ``pairwise``, and USD by architecture."""

    comparison: Comparison
    served: Sequence[Row]
    judged: Sequence[Row]
    usd: dict[str, float]
    untestable: Sequence[str]
    turning: Sequence[str]

    def rows(self) -> list[Row]:
        offered = {row["operation"] for row in self.served}
        fields = [self._narrowed(operation) for operation in ("command", "query") if operation in offered]
        contenders = sorted({row["architecture"] for row in self.served})
        if len(contenders) < 2:
            return [self._row("", None, sentences.too_few(contenders), [], fields)]
        whole = self._for_all(fields)
        return [*(self._of_operation(one, whole) for one in fields), self._of_all(fields, whole)]

    def _narrowed(self, operation: str) -> _Field:
        one = _Field(operation, [row["architecture"] for row in self.served if row["operation"] == operation])
        if operation == "query":
            one.narrow("answers", self._answers)
        for metric in ("done_share", "acknowledged_share", *_TIMES):
            one.narrow(metric, self._better(operation, metric))
        one.narrow("cost", self._cheaper)
        return one

    def _for_all(self, fields: Sequence[_Field]) -> str | None:
        """One architecture for all operations: left for each, or else one that serves each the way those left do."""
        if not any(one.steps for one in fields) and not self._same(fields):
            return None
        everywhere = [name for name in fields[0].left if all(name in one.left for one in fields)]
        ways = [{self._queued(name, one.operation) for name in one.left} for one in fields]
        alike = [
            row["architecture"]
            for row in self.served
            if row["operation"] == fields[0].operation
            and all(
                self._queued(row["architecture"], one.operation) in own for one, own in zip(fields, ways, strict=True)
            )
        ]
        return self._pick(everywhere or alike)

    def _pick(self, left: Sequence[str]) -> str | None:
        """Of equals the baseline, which is there already; else the first by name."""
        return self.comparison.baseline if self.comparison.baseline in left else min(left, default=None)

    # What beats what.

    def _answers(self, winner: str, loser: str) -> list[str]:
        tickets = self._queued(loser, "query") and not self._queued(winner, "query")
        return [sentences.ticket(winner, loser)] if tickets else []

    def _better(self, operation: str, metric: str) -> Beats:
        scenarios = list(dict.fromkeys(row["scenario"] for row in self.judged))
        if metric in _TIMES and _STEADY in scenarios:
            scenarios = [_STEADY]
        rows = {
            (row["candidate"], row["scenario"]): row
            for row in self.judged
            if row["operation"] == operation and row["metric"] == metric
        }

        def beats(winner: str, loser: str) -> list[str]:
            wins = (
                self._won(winner, loser, rows.get((winner, scenario)), rows.get((loser, scenario)))
                for scenario in scenarios
            )
            return [sentence for _, sentence in sorted((-abs(by), sentence) for by, sentence in filter(None, wins))]

        return beats

    def _won(self, winner: str, loser: str, winner_row: Row | None, loser_row: Row | None) -> tuple[float, str] | None:
        """By how much the winner is better, and the sentence that says so; None where it is not shown to be."""
        baseline = self.comparison.baseline
        for against, row, verdict in ((loser, winner_row, "better"), (winner, loser_row, "worse")):
            if against == baseline and row is not None:
                return (row["difference"] or 0.0, sentences.measurement(row)) if row["verdict"] == verdict else None
        if winner_row is None or loser_row is None:
            return None
        if "inconclusive" in {winner_row["verdict"], loser_row["verdict"]}:
            return None
        # Both were compared with the baseline only: they differ where their intervals lie a margin apart.
        higher = winner_row["unit"] == "share"
        upper, lower = (winner_row, loser_row) if higher else (loser_row, winner_row)
        low, high = upper["ci_low"], lower["ci_high"]
        if low is None or high is None:
            return None
        apart = low - high if higher else (1 + low) / (1 + high) - 1
        if apart <= winner_row["margin"]:
            return None
        return apart, f"{sentences.measurement(winner_row)} {sentences.measurement(loser_row)}"

    def _cheaper(self, winner: str, loser: str) -> list[str]:
        own, other = self.usd.get(winner), self.usd.get(loser)
        if own is None or other is None or not other > own * (1 + _DEARER):
            return []
        return [sentences.cheaper(winner, loser, own, other)]

    # The rows.

    def _of_operation(self, one: _Field, whole: str | None) -> Row:
        pick = whole if whole in one.left else self._pick(one.left)
        if pick is None or (not one.steps and not self._same([one])):
            pick, sentence = None, sentences.undecided(one.operation)
        elif not one.steps:
            sentence = sentences.no_difference(one.operation, pick)
        else:
            equals = [name for name in one.left if name != pick]
            sentence = sentences.choice(one.operation, pick, self._way(pick, one.operation), equals)
        return self._row(one.operation, pick, sentence, sentences.shortened(one.because), [one])

    def _of_all(self, fields: Sequence[_Field], whole: str | None) -> Row:
        because = [sentence for one in fields for sentence in sentences.shortened(one.because)]
        if whole is None and all(one.steps for one in fields):
            sentence = sentences.no_best({one.operation: one.left for one in fields})
        elif whole is None:
            sentence = "Undecided: nothing that was decided sets one architecture apart for commands and queries alike."
        elif not any(one.steps for one in fields):
            sentence = f"No difference matters here: keep {called(whole)}."
        else:
            because += [
                sentences.served_alike(whole, one.operation, one.left[0]) for one in fields if whole not in one.left
            ]
            ways = {one.operation: self._way(whole, one.operation) for one in fields}
            undecided = [one.operation for one in fields if not one.steps and not self._same([one])]
            sentence = sentences.choice_for_all(whole, ways, undecided)
        return self._row("", whole, sentence, list(dict.fromkeys(because)), fields)

    def _row(
        self, operation: str, architecture: str | None, sentence: str, because: list[str], fields: Sequence[_Field]
    ) -> Row:
        return {
            "operation": operation,
            "architecture": architecture,
            "sentence": sentence,
            "because": because,
            "would_change": self._would_change(fields),
        }

    def _would_change(self, fields: Sequence[_Field]) -> list[str]:
        changes = [sentence for one in fields for sentence in sentences.open_verdicts(one.operation, self.judged)]
        if "query" in {one.operation for one in fields} and any("answers" in one.steps for one in fields):
            changes.append(
                "If clients can come back for the answer, a ticket counts as one, and the shares done decide."
            )
        scenarios = {row["scenario"] for row in self.judged}
        if scenarios == {_STEADY}:
            changes.append(
                "Nothing was broken here: `archduel compare --scenario backend_outage` shows what a fault does."
            )
        elif scenarios and _STEADY not in scenarios:
            changes.append("`steady` was not replayed, so times are of replays in which something was broken.")
        changes += self.turning
        if not self.usd:
            changes.append("Cost has no say in it: none was worked out here.")
        target = self.comparison.target or "this target"
        if self.untestable:
            changes.append(
                f"{target} cannot show what claims {', '.join(self.untestable)} are about: AWS may differ there."
            )
        changes.append(f"Ratios of times are those of {target}, and its milliseconds not those of AWS.")
        return changes

    # Lookups.

    def _queued(self, architecture: str, operation: str) -> bool:
        return any(
            row["queued"]
            for row in self.served
            if row["operation"] == operation and row["architecture"] == architecture
        )

    def _way(self, architecture: str, operation: str) -> str:
        return "by queue" if self._queued(architecture, operation) else "synchronously"

    def _same(self, fields: Sequence[_Field]) -> bool:
        """Whether all that counts was decided, and nothing made a difference."""
        operations = {one.operation for one in fields}
        verdicts = {
            row["verdict"]
            for row in self.judged
            if row["operation"] in operations and row["metric"] in sentences.METRICS
        }
        return verdicts == {"equivalent"}
