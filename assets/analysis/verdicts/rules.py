"""The rules by which comparisons are judged: `rules.toml`, read and checked.

Put reading and checking the rules here. Keep out applying them (`assets.analysis.verdicts.pairwise`,
`assets.analysis.history`).
"""

import tomllib
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from assets.analysis.statistics.verdicts import MAX_METRICS
from workloads.errors import ArchduelError

FILE = Path(__file__).with_name("rules.toml")

Share = Annotated[float, Field(gt=0, lt=1)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Metric(_Model):
    """One primary metric.

    Attributes:
        name: as in the table ``pairwise``.
        unit: ``share`` or ``ratio`` of times.
        margin: the smallest difference that matters: of a share itself, or of the ratio less 1.
        better: which side is an improvement.
    """

    name: Literal[
        "acknowledged_share", "done_share", "response_p50", "response_p99", "completion_p50", "completion_p99"
    ]
    unit: Literal["share", "ratio"]
    margin: Share
    better: Literal["higher", "lower"]

    @property
    def lower_is_better(self) -> bool:
        return self.better == "lower"

    @model_validator(mode="after")
    def _shares_are_shares(self) -> "Metric":
        if (self.unit == "share") != self.name.endswith("_share"):
            raise ValueError(f"{self.name} cannot be judged as a {self.unit}")
        return self


class History(_Model):
    """How a night is compared with the nights before it.

    Attributes:
        nights: how many nights before it count, at most.
        min_nights: with fewer nights before it, there is no verdict.
        confidence: 1 less the chance of any alarm in a cell in which nothing changed.
    """

    nights: Annotated[int, Field(ge=2)]
    min_nights: Annotated[int, Field(ge=2)]
    confidence: Share

    @model_validator(mode="after")
    def _enough(self) -> "History":
        if self.min_nights > self.nights:
            raise ValueError("min_nights is more than nights")
        return self


class Rules(_Model):
    """All rules.

    Attributes:
        confidence: of every interval; 1 - ``confidence`` is the error rate of a whole family of metrics.
        metrics: the family that is corrected together.
        history: the rules for nights.
    """

    confidence: Annotated[float, Field(gt=0.5, lt=1)]
    metrics: Annotated[tuple[Metric, ...], Field(min_length=1, max_length=MAX_METRICS)]
    history: History

    @model_validator(mode="after")
    def _each_once(self) -> "Rules":
        names = [metric.name for metric in self.metrics]
        if len(set(names)) < len(names):
            raise ValueError("a metric is there twice")
        return self

    def metric(self, name: str) -> Metric:
        """Return the metric of that name."""
        return next(metric for metric in self.metrics if metric.name == name)


def read_rules(file: Path) -> Rules:
    """Read the rules from a file.

    Raises:
        ArchduelError: the file cannot be read, or holds something that is not a rule.
    """
    try:
        return Rules.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    except OSError as error:
        raise ArchduelError(f"cannot read the rules {file}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ArchduelError(f"{file} is not TOML: {error}") from None
    except ValidationError as error:
        first = error.errors()[0]
        at = ".".join(str(part) for part in first["loc"]) or "as a whole"
        raise ArchduelError(f"{file}, {at}: {first['msg']}") from None


@cache
def rules() -> Rules:
    """Return the rules archduel judges by."""
    return read_rules(FILE)
