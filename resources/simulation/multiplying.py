"""More or fewer clients: a load made of copies of another one.

Put here what multiplies a load's arrays. Keep out what multiplies a recording (`workloads.recordings.shape`), which a
replay with rows for each request needs.
"""

import math
from dataclasses import dataclass

import numpy as np

from resources.simulation.system import Ints, Load

_SPREAD_US = 1_000_000  # as `--amplify` has it


@dataclass(frozen=True)
class Copies:
    """Which requests of a load there are, in the order in which they are due.

    Attributes:
        rows: The request that each is a copy of.
        numbers: Of which copy it is; 0 for the original.
        due_us: When it is due.
    """

    rows: Ints
    numbers: Ints
    due_us: Ints


def copies(load: Load, factor: float, seed: int) -> Copies:
    """The requests of ``factor`` times as many clients. The same seed gives the same ones.

    A copy of all requests about an order comes with it, up to a second later, so that they stay in order; so does a
    share of the orders for the rest of a factor. Below 1 a share of the orders is kept.

    Args:
        load: Requests in the order in which they are due.
        factor: Above 0.
        seed: Which orders are drawn, and how copies are spread.
    """
    whole = math.ceil(factor)
    drawn = np.random.default_rng([seed, 1]).random(len(load.seeded))[load.order]
    shifts_us = np.random.default_rng(seed).integers(1, _SPREAD_US, whole)  # as `--amplify` draws them
    shifts_us[0] = 0
    of_each = [np.arange(len(load.due_us))] * (whole - 1) + [np.flatnonzero(drawn < factor - (whole - 1))]
    rows, numbers = np.concatenate(of_each), np.repeat(np.arange(whole), [len(one) for one in of_each])
    due_us = load.due_us[rows] + shifts_us[numbers]
    ordered = np.argsort(due_us, kind="stable")
    return Copies(rows[ordered], numbers[ordered], due_us[ordered])


def multiplied(load: Load, made: Copies) -> Load:
    """The load that these copies of its requests are; a copy's orders are its own."""
    orders = len(load.seeded)
    columns = {name: column[made.rows] for name, column in load._asdict().items() if name != "seeded"}
    columns |= {"due_us": made.due_us, "order": load.order[made.rows] + made.numbers * orders}
    return Load(**columns, seeded=np.tile(load.seeded, int(made.numbers.max(initial=0)) + 1))
