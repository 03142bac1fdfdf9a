"""Looking more than once: when to judge while repetitions are still being added, and how strictly.

Belongs here: the looks and their level. Does not belong here: running repetitions, or what stops them.

Whoever judges again and again at 5 % and stops at the first verdict they like is wrong far more often. So every look is
judged at one stricter level (Pocock 1977, Group sequential methods in the design and analysis of clinical trials,
Biometrika 64, 191-199), found by simulating the sign-flip test: whatever the family's size from one to six, the chance
that any look rejects anything true stays within 5 %, and `tests/calibration/test_false_positives.py` shows it. It is
just wide enough for six metrics to be decided after ten repetitions (6 x 2 / 2^10 = 0.0117); after eight, one can be.
"""

LEVEL_PER_LOOK = 0.0118
"""Of each of at most ``LOOKS`` looks; with it, they reject something true in at most 5 % of families."""
LOOKS = 6
_CLOSE_STEPS = 2


def looks(least: int = 8, most: int = 24) -> list[tuple[int, float]]:
    """After how many repetitions to judge, and the confidence to judge with there (`verdicts.judge_family`).

    The confidence is the same at every look, so that a verdict stands whichever look is the last. Steps are even, to
    keep the order of the arms balanced: two small ones, then every fourth repetition, and ``most`` itself.

    Args:
        least: repetitions at the first look.
        most: repetitions at the last one.

    Returns:
        ``(repetitions, confidence)`` in order. More than ``LOOKS`` looks share their level out; a single one is
        judged at 0.95.

    Raises:
        ValueError: numbers that are not 1 <= least <= most.
    """
    if not 1 <= least <= most:
        raise ValueError(f"Looks run from at least 1 repetition to as many or more, not from {least} to {most}.")
    after = [least]
    while after[-1] < most:
        after.append(min(most, after[-1] + (2 if len(after) <= _CLOSE_STEPS else 4)))
    level = 0.05 if len(after) == 1 else LEVEL_PER_LOOK * min(1.0, LOOKS / len(after))
    return [(repetitions, 1 - level) for repetitions in after]
