"""The sentences of a recommendation: what to build, why, and what would change it.

Put the text of the table ``recommendations`` here. Keep out the choice itself (`assets.analysis.recommendation`) and
reasons of single verdicts (`assets.analysis.verdicts.reasons`).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from assets.analysis.verdicts.reasons import called

PLURALS = {"command": "commands", "query": "queries"}
METRICS = {
    "acknowledged_share": "acknowledged",
    "done_share": "done in the end",
    "response_p50": "median response time",
    "response_p99": "p99 response time",
}
_MAX_REASONS = 8
_MAX_UNDECIDED = 4

Row = Mapping[str, Any]


def ticket(winner: str, loser: str) -> str:
    """Say that the loser answers queries with a ticket only."""
    return f"{called(loser).capitalize()} hands out tickets for queries, and no answers; {called(winner)} answers."


def cheaper(winner: str, loser: str, winner_usd: float, loser_usd: float) -> str:
    """Compare what a million committed commands cost, in USD."""
    costs = f"{winner_usd:.2f} USD with {called(winner)} and {loser_usd:.2f} USD with {called(loser)}"
    return f"A million committed commands, queries included, cost {costs} (modelled for AWS, REST API, x86)."


def measurement(row: Row) -> str:
    """Name what a row of ``pairwise`` measured: scenario, both values, difference, interval, repetitions and target."""
    share = row["unit"] == "share"
    noun = PLURALS[row["operation"]]
    values = [(called(row[side]), row[f"{side}_value"]) for side in ("candidate", "baseline")]
    if share:
        (candidate, own), (baseline, other) = values
        what = (
            f"{candidate} had {100 * own:.1f} % of the {noun} {METRICS[row['metric']]}, {baseline} {100 * other:.1f} %"
        )
    else:
        what = f"the {METRICS[row['metric']]} of {noun} was " + " and ".join(
            f"{_milliseconds(us)} with {name}" for name, us in values
        )
    low, high = (_signed(row[end], share=share) for end in ("ci_low", "ci_high"))
    repetitions = "1 repetition" if row["pairs"] == 1 else f"{row['pairs']} repetitions"
    difference = _signed(row["difference"], share=share, unit=True)
    return (
        f"Under {row['scenario']} {what} ({difference}, interval {low} to {high}; {repetitions},"
        f" {row['evidence']} on {row['target']})."
    )


def too_few(contenders: Sequence[str]) -> str:
    """Say that fewer than two architectures have a valid replay."""
    who = f"only {called(contenders[0])} has" if contenders else "no architecture has"
    return f"Nothing can be recommended: {who} a valid replay here."


def undecided(operation: str) -> str:
    """Say that nothing sets an architecture apart for one operation."""
    return f"Undecided for {PLURALS[operation]}: nothing that was decided sets one architecture apart."


def no_difference(operation: str, kept: str) -> str:
    """Say that the architecture already there is kept for one operation."""
    return f"For {PLURALS[operation]} no difference matters here: keep {called(kept)}."


def choice(operation: str, architecture: str, way: str, equals: Sequence[str]) -> str:
    """Name the architecture for one operation, how it serves it, and the ones that are as good."""
    noun = PLURALS[operation]
    also = f" (as good for {noun}: {', '.join(map(called, equals))})" if equals else ""
    return f"{noun.capitalize()} {way}: {called(architecture)}{also}."


def no_best(left: Mapping[str, Sequence[str]]) -> str:
    """Say that no architecture suits every operation; ``left`` lists those that suit each."""
    clauses = [f"{PLURALS[operation]} want {' or '.join(map(called, names))}" for operation, names in left.items()]
    return f"No architecture here is the best for all: {' and '.join(clauses)}."


def choice_for_all(architecture: str, ways: Mapping[str, str], open_operations: Sequence[str]) -> str:
    """Name the architecture for all operations, the way it serves each, and the operations that are undecided."""
    sentence = f"{', '.join(f'{PLURALS[operation]} {way}' for operation, way in ways.items())}: {called(architecture)}"
    if open_operations:
        nouns = " and ".join(PLURALS[operation] for operation in open_operations)
        sentence += f"; for {nouns} by themselves nothing is decided"
    return f"{sentence[:1].upper()}{sentence[1:]}."


def served_alike(architecture: str, operation: str, left: str) -> str:
    """Say that an architecture serves an operation the way the best one does."""
    return f"{called(architecture).capitalize()} serves {PLURALS[operation]} as {called(left)} does."


def open_verdicts(operation: str, rows: Iterable[Row]) -> list[str]:
    """List what is undecided of an operation: one sentence for all that as many repetitions would decide."""
    grouped: dict[int | None, list[str]] = defaultdict(list)
    for row in rows:
        if row["operation"] == operation and row["metric"] in METRICS and row["verdict"] == "inconclusive":
            what = f"{METRICS[row['metric']]} of {called(row['candidate'])} under {row['scenario']}"
            grouped[row["pairs_needed"]].append(what)
    sentences = []
    for needed, open_ones in sorted(grouped.items(), key=lambda item: (item[0] is None, item[0] or 0)):
        named, rest = open_ones[:_MAX_UNDECIDED], len(open_ones) - _MAX_UNDECIDED
        more = f" and {rest} more" if rest > 0 else ""
        how = f"`--repetitions {needed}` is likely to decide it" if needed else "the table `pairwise` says why"
        sentences.append(f"Undecided for {PLURALS[operation]}: {', '.join(named)}{more}; {how}.")
    return sentences


def shortened(reasons: Sequence[str]) -> list[str]:
    """Keep the first reasons and count the rest."""
    more = len(reasons) - _MAX_REASONS
    if more <= 0:
        return list(reasons)
    return [*reasons[:_MAX_REASONS], f"And {more} more like these, in the table `pairwise`."]


def _milliseconds(us: float | None) -> str:
    return "longer than was watched" if us is None else f"{us / 1000:,.3g} ms"


def _signed(value: float | None, *, share: bool, unit: bool = False) -> str:
    if value is None:
        return "beyond what was watched"
    text = f"{100 * value:+.1f}" if abs(value) < 10 else f"{100 * value:+,.0f}"
    if share:
        return f"{text} points" if unit else text
    return f"{text} %"
