"""What the register may say: claims, their parts, and the kinds of rules that decide a part.

Put the words and values that entries may have here. Keep out reading the files (`assets.analysis.claims.register`) and
what a rule makes of numbers (`assets.analysis.claims.rules`).
"""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from workloads.recordings.recording import Operation

Verdict = Literal["supported", "refuted", "inconclusive"]
Evidence = Literal["observed", "modelled"]
Words = Annotated[str, Field(min_length=1, strict=True)]
Page = Annotated[str, Field(pattern=r"^https://docs\.aws\.amazon\.com/\S+$")]


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Part(_Entry):
    """What every part says.

    Attributes:
        part: its name; '' in a claim of one part.
        metric: what is measured or documented.
        optional: it sharpens the claim, and is left out of the roll-up while it is undecided.
    """

    part: Annotated[str, Field(strict=True)] = ""
    metric: Words
    optional: bool = False


class Times(_Entry):
    """Which times decide a part, so that it is known whether a target can show them.

    Attributes:
        measure: to the response, or to completion.
        operation: of which requests.
        between: the architectures whose times are set against each other; one of them alone where its own times decide.
    """

    measure: Literal["response", "completion"]
    operation: Operation
    between: Annotated[tuple[Words, ...], Field(min_length=1)]


class Measured(_Part):
    """A part read from the results.

    Attributes:
        scenarios: the scenarios it is read from.
        architectures: the architectures it is read from.
        tables: the judgement tables it is read from.
        needs: behaviours of the target it rests on; without them it is not testable there.
        times: the times that decide it, where it is decided by times; where those of the target say nothing of AWS
            (`assets.analysis.verdicts.decisive`) it is not testable there.
        evidence: the kind of proof.
        missing: what it means that there is no figure.
        counts: what its ``n`` counts; None where it counts nothing.
        demonstrated: why no other outcome than the one seen was possible, given how the lab builds the architecture:
            the part shows it working and does not put it to the test. None where it might have come out either way.
        sql: returns one row per repetition or workload, with the columns its rule needs. It may use the CTEs of
            ``views/`` by name. ``{key}`` stands for the columns that name an experiment, ``{unit}`` for those that name
            a repetition of a cell whatever its architecture and scenario, ``{comparisons}`` for a list of ids,
            ``{target}`` for the target.
    """

    scenarios: tuple[Words, ...] = ()
    architectures: tuple[Words, ...] = ()
    tables: tuple[Literal["pairwise", "cost"], ...] = ()
    needs: tuple[Words, ...] = ()
    times: Times | None = None
    evidence: Evidence = "observed"
    missing: Words = "nothing was measured"
    counts: Literal["requests", "invocations", "samples", "pairs"] | None = "requests"
    demonstrated: Words | None = None
    sql: Words

    @property
    def cells(self) -> list[tuple[str, str]]:
        """Every (scenario, architecture) it is read from."""
        return [(scenario, architecture) for scenario in self.scenarios for architecture in self.architectures]


class _Threshold(Measured):
    """A part decided by where an interval lies.

    Attributes:
        threshold: in the figure's unit.
        tolerance: half the width of a band around the threshold; None for no band.
        above: the verdict where all of the interval is above the threshold (or the band).
        below: the verdict where all of it is below.
        inside: the verdict where all of it is within the band.
        remarks: explanations of verdicts that need one, by the place's name.
    """

    threshold: float
    above: Verdict
    below: Verdict
    tolerance: Annotated[float, Field(gt=0)] | None = None
    inside: Verdict | None = None
    remarks: dict[Literal["above", "below", "inside"], Words] = {}

    @model_validator(mode="after")
    def _inside_with_tolerance(self) -> Self:
        if (self.tolerance is None) != (self.inside is None):
            raise ValueError("tolerance and inside go together")
        if (self.inside or self.above) == self.below == self.above:
            raise ValueError("every outcome has the same verdict: nothing is decided")
        return self


class Share(_Threshold):
    """``events`` of ``n`` requests, pooled over repetitions, and over nights too where ``pool_nights`` is set."""

    kind: Literal["share"]
    threshold: Annotated[float, Field(gt=0, lt=1)]
    pool_nights: bool = False


class Figure(_Threshold):
    """One ``value`` per repetition (from ``n`` requests): a slope, an elasticity, a difference. Its mean decides."""

    kind: Literal["slope", "elasticity", "difference"]


class Ratio(_Threshold):
    """One ``value`` above 0 per repetition (from ``n`` requests): a ratio. Its geometric mean decides."""

    kind: Literal["ratio"]
    threshold: Annotated[float, Field(gt=0)]


class Witness(Measured):
    """One witness is enough: ``verdict`` where any ``value`` is above ``threshold``. None seen decides nothing."""

    kind: Literal["witness"]
    threshold: float
    verdict: Verdict
    pool: Literal["sum", "max"]


class Pairwise(_Threshold):
    """An interval from the table ``pairwise``, one row per workload: ``value``, ``low``, ``high``, ``n``, ``unit``."""

    kind: Literal["pairwise"]
    counts: Literal["pairs"] = "pairs"


class Cost(_Threshold):
    """A figure of the table ``cost``, one ``value`` per workload, without an interval because it is modelled."""

    kind: Literal["cost"]
    counts: None = None


class Documented(_Part):
    """What AWS documents and no replay can show.

    Attributes:
        verdict: what the page decides.
        page: its address.
        because: a sentence that gives the reason.
        value: the documented figure, where there is one.
        threshold: what it is compared with, where there is such a value.
    """

    kind: Literal["documented"]
    verdict: Verdict
    page: Page
    because: Words
    value: float | None = None
    threshold: float | None = None


Part = Annotated[
    Share | Figure | Ratio | Witness | Pairwise | Cost | Documented,
    Field(discriminator="kind"),
]


class Claim(_Entry):
    """One claim of the textbook.

    Attributes:
        id: S, E or T and a number.
        architecture: the one it is about.
        text: the textbook's own wording.
        reading: what it is taken to mean.
        roll_up: how its parts decide it (`assets.analysis.claims.rollup`): ``parts`` may differ, ``all`` must hold.
        parts: at least one that is not optional.
        irrelevant: behaviours of a target that are listed as affecting the claim but do not touch what its parts
            measure, each with the reason.
    """

    id: Annotated[str, Field(pattern=r"^([SE]\d{1,2}|T\d)$")]
    architecture: Words
    text: Words
    reading: Words
    roll_up: Literal["parts", "all"] = "parts"
    parts: Annotated[tuple[Part, ...], Field(min_length=1)]
    irrelevant: dict[Words, Words] = {}

    @model_validator(mode="after")
    def _parts_have_names(self) -> Self:
        names = [part.part for part in self.parts]
        if len(names) > 1 and ("" in names or len(set(names)) < len(names)):
            raise ValueError("parts need names, each its own")
        if len(names) == 1 and names != [""]:
            raise ValueError("the only part of a claim has no name")
        if all(part.optional for part in self.parts):
            raise ValueError("one part at least must not be optional")
        return self

    @property
    def measured(self) -> tuple[Measured, ...]:
        """The parts that are read from the results."""
        return tuple(part for part in self.parts if isinstance(part, Measured))

    @property
    def reads(self) -> frozenset[str]:
        """Names of the architectures whose outcomes, and of the judgement tables that its parts read."""
        return frozenset(name for part in self.measured for name in (*part.architectures, *part.tables))

    @property
    def scenarios(self) -> frozenset[str]:
        """The scenarios its parts are read from."""
        return frozenset(name for part in self.measured for name in part.scenarios)
