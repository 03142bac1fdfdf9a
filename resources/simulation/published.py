"""Published measurements of AWS beside what the simulation predicts: ``python -m resources.simulation.published``
prints the table that is in `docs/simulation.md`, and writes `predicted.json`, which the report reads.

Put here how a measurement is simulated, and the table of both. Keep out the measurements (`published.toml`) and the
parameters, of which none is fitted to them (`parameters.toml`).
"""

import json
import sys
import tomllib
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from resources.architectures import architectures
from resources.architectures.stack import StackSettings
from resources.simulation.building import Caller, build_system
from resources.simulation.parameters import Parameters, bundled
from resources.simulation.system import GATEWAY, Load, Result, System
from workloads.scenarios.model import Scenario

_FILE = Path(__file__).with_name("published.toml")
_PREDICTED = Path(__file__).with_name("predicted.json")
_CALLS = 4000  # of each way
_SECOND_US = 1_000_000
_APART_US = {"warm": _SECOND_US, "cold": 900 * _SECOND_US}  # one at a time; cold: long after environments are gone
_CALLER = Caller(0, 29 * _SECOND_US)
_STEADY = Scenario(name="published", title="Published", description="One call at a time.")

Engine = Callable[[System, Load], Result]
Way = Literal["api_to_function", "sender_to_function", "api_to_cold_function"]


class Measurement(BaseModel):
    """One figure that somebody measured.

    Attributes:
        id: Its name.
        what: What was measured, for people.
        way: Which of the simulation's ways that is.
        quantile: The share of calls that took no longer.
        ms: How long that was, in milliseconds.
        source: Who measured it.
        date: When.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    what: str
    way: Way
    quantile: Annotated[float, Field(gt=0, lt=1)]
    ms: Annotated[float, Field(gt=0)]
    source: str
    date: date


def measurements() -> list[Measurement]:
    """All of them, in the order of the file."""
    return [Measurement(**fields) for fields in tomllib.loads(_FILE.read_text())["measurement"]]


def predicted_ms(measurement: Measurement, simulate: Engine, parameters: Parameters | None = None) -> float:
    """What the simulation says in a measurement's place, in milliseconds.

    Args:
        measurement: What was measured.
        simulate: An engine.
        parameters: How AWS behaves; the bundled ones by default.
    """
    taken_us = _taken_us(measurement.way, simulate, parameters or bundled())
    return float(np.quantile(taken_us, measurement.quantile)) / 1000


def _taken_us(way: Way, simulate: Engine, parameters: Parameters) -> npt.NDArray[np.int64]:
    """How long each of some calls took, sent one at a time."""
    queued = way == "sender_to_function"
    architecture = architectures()["event_driven" if queued else "synchronous"]
    cold = way == "api_to_cold_function"
    due_us = np.arange(_CALLS) * _APART_US["cold" if cold else "warm"]
    settings = StackSettings(environments=0 if cold else 1)
    system = build_system(
        architecture, settings, _STEADY, int(due_us[-1]), parameters, caller=_CALLER, consumers=1, seed=1
    )
    if queued:  # a sender calls the queue itself, and no API adds anything before
        draws = system.draws.copy()
        draws[GATEWAY] = 0
        system = system._replace(draws=draws)
    zeros, ones = np.zeros(_CALLS, np.int64), np.ones(_CALLS, np.int64)
    load = Load(
        due_us=due_us,
        query=zeros,
        queued=ones if queued else zeros,
        function=zeros,
        order=np.arange(_CALLS),
        payload_bytes=zeros,
        work_us=zeros,
        poison=zeros,
        delivery=zeros,
        delay_us=zeros,
        seeded=zeros,
    )
    result = simulate(system, load)
    started_us = np.zeros(_CALLS, np.int64)
    by_number = result.invocations[np.argsort(result.invocations[:, 0])]
    started_us[result.records[:, 1]] = by_number[result.records[:, 0], 2]
    return started_us - due_us


class Prediction(NamedTuple):
    """A measurement, and what is predicted in its place with the bundled parameters, in milliseconds."""

    measurement: Measurement
    predicted_ms: float

    @property
    def ratio(self) -> float:
        """predicted / published."""
        return self.predicted_ms / self.measurement.ms


def predictions() -> list[Prediction]:
    """All measurements with what was predicted when `predicted.json` was written: reading needs no engine."""
    predicted = json.loads(_PREDICTED.read_text())
    return [Prediction(one, predicted[one.id]) for one in measurements() if one.id in predicted]


def write_predictions(simulate: Engine) -> None:
    """Write `predicted.json` anew."""
    found = {one.id: round(predicted_ms(one, simulate), 1) for one in measurements()}
    _PREDICTED.write_text(json.dumps(found, indent=2) + "\n")


def rows(simulate: Engine) -> list[str]:
    """The table of all measurements, a line of Markdown for each."""
    found = [
        "| measured | quantile | published, ms | predicted, ms | predicted / published | source |",
        "|---|---|---|---|---|---|",
    ]
    for one in measurements():
        predicted = predicted_ms(one, simulate)
        found.append(
            f"| {one.what} | {one.quantile:g} | {one.ms:g} | {predicted:.0f} | {predicted / one.ms:.2f} |"
            f" {one.source}, {one.date:%Y-%m} |"
        )
    return found


if __name__ == "__main__":
    from resources.simulation import kernel

    write_predictions(kernel.simulate)
    sys.stdout.write("\n".join(rows(kernel.simulate)) + "\n")
