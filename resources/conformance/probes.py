"""What a probe is: one documented behaviour of AWS, provoked on a target and compared with what the target does.

Put here the registry entry, and how an observation becomes a status. Keep out what is provoked
(`resources.conformance.behaviours`) and where results are kept (`resources.conformance.storage`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from http.client import HTTPException

from botocore.exceptions import BotoCoreError, ClientError

from resources.conformance.bench import ProbeBench
from workloads.errors import ArchduelError

# How a target can refuse a probe. Anything else is a bug of the probe and raises.
_REFUSALS = (ClientError, BotoCoreError, OSError, HTTPException)


class Status(StrEnum):
    """How a target's behaviour relates to the one AWS documents."""

    REPRODUCED = "reproduced"
    DIFFERENT = "different"  # it reacts, in another way
    ABSENT = "absent"  # it ignores the matter, or lacks the feature
    NOT_PROVOCABLE = "not_provocable"  # trying cannot tell: AWS itself hardly ever shows it, or it takes too much
    UNKNOWN = "unknown"  # what the probe rests on was not ready: this says nothing about the target


@dataclass(frozen=True)
class Observation:
    """What was observed, in words for people, and what that means for the behaviour."""

    status: Status
    observed: str
    seen_status: int | None = None


@dataclass(frozen=True)
class Answer:
    """The HTTP status that a client got, to be compared with the one AWS documents.

    Attributes:
        status: That status.
        words: What to add to it, for people.
        unaffected: The status of a target that ignores the matter, which makes the behaviour absent.
    """

    status: int
    words: str = ""
    unaffected: int | None = 200


def reproduced(observed: str) -> Observation:
    """The target does what AWS documents."""
    return Observation(Status.REPRODUCED, observed)


def different(observed: str) -> Observation:
    """The target reacts in another way."""
    return Observation(Status.DIFFERENT, observed)


def absent(observed: str) -> Observation:
    """The target does not react."""
    return Observation(Status.ABSENT, observed)


def not_provocable(observed: str) -> Observation:
    """Trying cannot tell: AWS itself hardly ever shows it, or it takes more than a probe may."""
    return Observation(Status.NOT_PROVOCABLE, observed)


@dataclass(frozen=True)
class Probe:
    """One behaviour.

    Attributes:
        behaviour: What it is called.
        expected: What AWS does.
        documented_at: The page that says so.
        affects: The claims whose observation relies on it; none where the lab avoids it.
        aws_status: The HTTP status that AWS documents, where it is about one.
        provoke: Provokes it on a bench.
        environments: For how many execution environments in all the target must have room; the probe then has an
            instance of its own, since others would be in its way. None where it shares one with other probes.
    """

    behaviour: str
    expected: str
    documented_at: str
    affects: tuple[str, ...]
    aws_status: int | None
    provoke: Callable[[ProbeBench], Observation | Answer]
    environments: int | None = None

    def observe(self, bench: ProbeBench) -> Observation:
        """Provoke the behaviour and judge it. What the target refuses is absent, with the reason; what did not become
        ready is unknown.
        """
        try:
            seen = self.provoke(bench)
        except ArchduelError as error:
            return Observation(Status.UNKNOWN, f"could not be provoked: {_one_line(str(error))}")
        except _REFUSALS as error:
            return absent(f"could not be provoked: {type(error).__name__}: {_one_line(str(error))}")
        return self.judge(seen)

    def judge(self, seen: Observation | Answer) -> Observation:
        """Judge an answer by the status that AWS documents; an observation is judged already."""
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
    behaviour: str,
    *,
    expected: str,
    documented_at: str,
    affects: tuple[str, ...],
    aws_status: int | None = None,
    environments: int | None = None,
) -> Callable[[Callable[[ProbeBench], Observation | Answer]], Probe]:
    """Make a function a `Probe`. Being in a module of `resources.conformance.behaviours` registers it."""

    def make(provoke: Callable[[ProbeBench], Observation | Answer]) -> Probe:
        return Probe(behaviour, expected, documented_at, affects, aws_status, provoke, environments)

    return make
