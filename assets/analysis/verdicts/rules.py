"""The rules by which comparisons are judged: `rules.toml`, read and checked. What is done by them is elsewhere."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from workloads.errors import ArchduelError

FILE = Path(__file__).with_name("rules.toml")
_MOST_METRICS = 6  # eight pairs reach p = 0.008 at best, which passes Holm's correction over six and not over seven

Share = Annotated[float, Field(gt=0, lt=1)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Metric(_Model):
    """One primary metric. ``margin`` is what difference does not matter, of a share itself or of the ratio less 1."""

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
    """How a night is held against those before it."""

    nights: Annotated[int, Field(ge=2)]
    least_nights: Annotated[int, Field(ge=2)]
    confidence: Share

    @model_validator(mode="after")
    def _enough(self) -> "History":
        if self.least_nights > self.nights:
            raise ValueError("least_nights is more than nights")
        return self


class Rules(_Model):
    """All rules. ``confidence`` is of intervals, and 1 - ``confidence`` the error of a whole family of metrics."""

    confidence: Annotated[float, Field(gt=0.5, lt=1)]
    repetitions: Annotated[int, Field(ge=1)]
    least_pairs: Annotated[int, Field(ge=2)]
    baseline: Annotated[str, Field(min_length=1)]
    metrics: Annotated[tuple[Metric, ...], Field(min_length=1, max_length=_MOST_METRICS)]
    history: History

    @model_validator(mode="after")
    def _each_once(self) -> "Rules":
        names = [metric.name for metric in self.metrics]
        if len(set(names)) < len(names):
            raise ValueError("a metric is there twice")
        return self

    def metric(self, name: str) -> Metric:
        """The metric of that name."""
        return next(metric for metric in self.metrics if metric.name == name)


def read_rules(file: Path) -> Rules:
    """The rules of a file. `ArchduelError` where it cannot be read, or holds something that is no rule."""
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
    """The rules archduel judges by."""
    return read_rules(FILE)
