"""Interim looks: when to judge while repetitions are still being added, and how strictly.

Put the looks and their significance level here. Keep out running repetitions and deciding to stop
(`assets.analysis.stopping`).

Judging again and again at 5 % and stopping at the first welcome verdict is wrong far more often than 5 % of the time.
So every look is judged at one stricter level (Pocock 1977, Group sequential methods in the design and analysis of
clinical trials, Biometrika 64, 191-199), found by simulating the sign-flip test: whatever the family's size from one to
six, the chance that any look rejects anything true stays within 5 % (`tests/calibration/test_false_positives.py`). The
level is just wide enough for six metrics to be decided after ten repetitions (6 x 2 / 2^10 = 0.0117), so that is where
looking begins: a look after eight would cost strictness and could decide no more than one of six.
"""

FIRST_LOOK = 10
"""Repetitions at the first look: the fewest that can decide all metrics of a family."""

LEVEL_PER_LOOK = 0.0118
"""Of each of at most ``MAX_LOOKS`` looks; with it, they reject something true in at most 5 % of families."""
MAX_LOOKS = 6
_CLOSE_STEPS = 2


def interim_looks(first: int, last: int) -> list[tuple[int, float]]:
    """Return after how many repetitions to judge, and the confidence to judge with.

    The confidence (of `verdicts.judge_family`) is the same at every look, so that a verdict stands whichever look is
    the last. Steps are even, which keeps the order of the arms balanced: two steps of 2, then steps of 4, and ``last``
    itself.

    Args:
        first: repetitions at the first look, at least 1.
        last: repetitions at the last look, at least ``first``.

    Returns:
        ``(repetitions, confidence)`` of each look, in order. More than ``MAX_LOOKS`` looks share their level out; a
        single look has confidence 0.95.

    Raises:
        ValueError: numbers that are not 1 <= first <= last.
    """
    if not 1 <= first <= last:
        raise ValueError(f"Looks run from at least 1 repetition to as many or more, not from {first} to {last}.")
    after = [first]
    while after[-1] < last:
        after.append(min(last, after[-1] + (2 if len(after) <= _CLOSE_STEPS else 4)))
    level = 0.05 if len(after) == 1 else LEVEL_PER_LOOK * min(1.0, MAX_LOOKS / len(after))
    return [(repetitions, 1 - level) for repetitions in after]
