"""What a probe is: one documented behaviour of AWS, provoked on a target and compared with what the target does.

Belongs here: the registry entry and how an observation becomes a status. What is provoked is in the modules of
`resources.conformance.behaviours`; where it is stored is `resources.conformance.storage`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from http.client import HTTPException

from botocore.exceptions import BotoCoreError, ClientError

from resources.conformance.bench import ProbeBench
from workloads.errors import ArchduelError

# What a target can do to a probe. Anything else is a bug of the probe's and raises.
_REFUSALS = (ClientError, BotoCoreError, OSError, HTTPException)


class Status(StrEnum):
    """How a target's behaviour relates to the one AWS documents."""

    REPRODUCED = "reproduced"
    DIFFERENT = "different"  # it reacts, in another way
    ABSENT = "absent"  # it takes no notice, or the feature is missing
    UNKNOWN = "unknown"  # what it rests on was not ready; may go well the next time, and is no fact about the target


@dataclass(frozen=True)
class Observation:
    """What was seen, in words for people, and what that makes of the behaviour."""

    status: Status
    observed: str
    seen_status: int | None = None


@dataclass(frozen=True)
class Answer:
    """The HTTP status a client saw, to be compared with the one AWS documents.

    ``unaffected`` is the status of a target that takes no notice at all: seeing it makes the behaviour absent.
    """

    status: int
    words: str = ""
    unaffected: int | None = 200


def reproduced(observed: str) -> Observation:
    return Observation(Status.REPRODUCED, observed)


def different(observed: str) -> Observation:
    return Observation(Status.DIFFERENT, observed)


def absent(observed: str) -> Observation:
    return Observation(Status.ABSENT, observed)


@dataclass(frozen=True)
class Probe:
    """One behaviour: what AWS does and where that is documented, and how it is provoked.

    ``affects`` are the claims whose observation exercises it; none where the lab keeps clear of it.
    """

    behaviour: str
    expected: str
    documented_at: str
    affects: tuple[str, ...]
    aws_status: int | None
    provoke: Callable[[ProbeBench], Observation | Answer]

    def observe(self, bench: ProbeBench) -> Observation:
        """Provoke the behaviour and judge what came.

        What the target refuses is absent, with the reason; what the bench could not wait for is unknown.
        """
        try:
            seen = self.provoke(bench)
        except ArchduelError as error:
            return Observation(Status.UNKNOWN, f"could not be provoked: {_one_line(str(error))}")
        except _REFUSALS as error:
            return absent(f"could not be provoked: {type(error).__name__}: {_one_line(str(error))}")
        return self.judge(seen)

    def judge(self, seen: Observation | Answer) -> Observation:
        """An answer is judged by the status AWS documents; an observation is judged already."""
        if isinstance(seen, Observation):
            return seen
        words = f"{seen.status} {seen.words}".strip()
        if seen.status == self.aws_status:
            return Observation(Status.REPRODUCED, words, seen.status)
        status = Status.ABSENT if seen.status == seen.unaffected else Status.DIFFERENT
        return Observation(status, words, seen.status)


def _one_line(words: str) -> str:
    return words.partition("\n")[0][:200]


def probe(
    behaviour: str, *, expected: str, documented_at: str, affects: tuple[str, ...], aws_status: int | None = None
) -> Callable[[Callable[[ProbeBench], Observation | Answer]], Probe]:
    """Make a function a probe. Being in a module of `resources.conformance.behaviours` registers it."""

    def make(provoke: Callable[[ProbeBench], Observation | Answer]) -> Probe:
        return Probe(behaviour, expected, documented_at, affects, aws_status, provoke)

    return make
