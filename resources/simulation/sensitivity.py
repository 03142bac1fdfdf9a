"""What a simulated replay comes to when one of the assumed parameters is changed.

Put here which parameters are changed, by how much, and what is looked at. Keep out what follows for verdicts
(`assets.analysis.recommendation`) and the parameters themselves (`parameters.toml`).
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from resources.simulation import system as codes
from resources.simulation.parameters import Parameter, Parameters
from resources.simulation.system import Load, Result

FACTORS = (0.5, 2.0)  # a guess may well be wrong by that
MAX_REQUESTS = 20_000  # of larger replays nothing is looked at: each parameter takes as long as the replay
_QUANTILES = {"p50": 0.5, "p99": 0.99}
_NEVER_US = np.iinfo(np.int64).max
_NOT_FOUND = 404  # the right answer to a query for what is not there


def assumed(parameters: Parameters) -> list[Parameter]:
    """The parameters that are assumed: guesses of archduel's, and whatever a user's file changes."""
    return [one for one in parameters.values() if one.known == "assumed"]


def halved_and_doubled(parameters: Parameters) -> Iterator[tuple[str, float, Parameters]]:
    """The parameters with each assumed one multiplied by each of `FACTORS`, where that changes it.

    Yields:
        Its name, the factor, and all parameters with it.
    """
    for one in assumed(parameters):
        for factor in FACTORS:
            changed = parameters.times(one.name, factor, "sensitivity")
            other = changed[one.name]
            if (other.value, other.quantiles, other.max) != (one.value, one.quantiles, one.max):
                yield one.name, factor, changed


def sensitivity(
    parameters: Parameters, load: Load, unchanged: Result, simulate: Callable[[Parameters], Result]
) -> Iterator[dict[str, Any]]:
    """Simulate a replay anew with each assumed parameter halved and doubled.

    Args:
        parameters: Those of the replay.
        load: Its requests.
        unchanged: What became of them.
        simulate: Simulates the replay with other parameters and the same seed.

    Yields:
        ``operation``, ``measure``, ``parameter``, ``factor``, and the measure ``unchanged`` and ``changed``; none for a
        parameter of 0.
    """
    if len(load.due_us) > MAX_REQUESTS:
        return
    before = _measures(load, unchanged)
    for name, factor, changed in halved_and_doubled(parameters):
        after = _measures(load, simulate(changed))
        for (operation, measure), value in before.items():
            yield {
                "operation": operation,
                "measure": measure,
                "parameter": name,
                "factor": factor,
                "unchanged": value,
                "changed": after[operation, measure],
            }


def _measures(load: Load, result: Result) -> Mapping[tuple[str, str], float | None]:
    """Quantiles over all offered requests, a refused one counting as never, and the share refused."""
    status = result.status
    acknowledged = ((status >= 200) & (status < 300)) | ((status == _NOT_FOUND) & (load.query == 1))
    responded_us = np.where(acknowledged, result.responded_us - load.due_us, _NEVER_US)
    done_us = np.full(len(status), _NEVER_US)
    records = result.records
    done = records[(records[:, 2] == codes.COMMITTED) | (records[:, 2] == codes.ANSWERED)]
    np.minimum.at(done_us, done[:, 1], done[:, 3] - load.due_us[done[:, 1]])
    completed_us = np.where(
        acknowledged, np.where((load.query == 1) & (load.queued == 0), responded_us, done_us), _NEVER_US
    )
    found: dict[tuple[str, str], float | None] = {}
    for operation, code in (("command", 0), ("query", 1)):
        own = load.query == code
        if not own.any():
            continue
        for name, share in _QUANTILES.items():
            found[operation, f"response_{name}_us"] = _quantile(responded_us[own], share)
            found[operation, f"completion_{name}_us"] = _quantile(completed_us[own], share)
        found[operation, "refused_share"] = float(1 - acknowledged[own].mean())
    return found


def _quantile(us: npt.NDArray[np.int64], share: float) -> float | None:
    value = int(np.quantile(us, share, method="inverted_cdf"))
    return None if value == _NEVER_US else float(value)
