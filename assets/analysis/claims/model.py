"""What the register may say: claims, their parts, and the kinds of rules that decide a part.

Belongs here: words and values that are allowed. Reading the files is `assets.analysis.claims.register`; what a rule
makes of numbers is `assets.analysis.claims.rules`.
"""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Verdict = Literal["supported", "refuted", "inconclusive"]
Evidence = Literal["observed", "simulated"]
Words = Annotated[str, Field(min_length=1, strict=True)]
Page = Annotated[str, Field(pattern=r"^https://docs\.aws\.amazon\.com/\S+$")]


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Part(_Entry):
    """What every part says. ``part`` is its name, '' in a claim of one part.

    ``optional``: it sharpens the claim, and is left out of the roll-up while it is undecided.
    """

    part: Annotated[str, Field(strict=True)] = ""
    metric: Words
    optional: bool = False


class Measured(_Part):
    """A part read from the results.

    ``sql`` gives one row per unit, a repetition or a workload, with the columns its rule asks for. It may use the CTEs
    of ``views/`` by name; ``{key}`` stands for the columns that name an experiment, ``{unit}`` for those that name a
    repetition of a cell whatever its architecture and scenario, ``{comparisons}`` for the ids as SQL writes a list,
    ``{target}`` for the target. ``missing`` says what it means where there is no figure.
    """

    scenarios: tuple[Words, ...] = ()
    architectures: tuple[Words, ...] = ()
    tables: tuple[Literal["pairwise", "cost"], ...] = ()
    needs: tuple[Words, ...] = ()
    evidence: Evidence = "observed"
    missing: Words = "nothing was measured"
    sql: Words


class _Threshold(Measured):
    """Decided by where an interval lies: ``above`` is the verdict where all of it is above ``threshold``, ``below``
    where all of it is below. With a ``tolerance``: ``inside`` where all of it is within ``threshold`` +- ``tolerance``,
    ``above`` and ``below`` where all of it is beyond. ``remarks`` explain verdicts that need it, by the place's name.
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
    """``events`` of ``n``, pooled over repetitions; over nights too where ``pool_nights``."""

    kind: Literal["share"]
    threshold: Annotated[float, Field(gt=0, lt=1)]
    pool_nights: bool = False


class Figure(_Threshold):
    """One ``value`` per repetition (from ``n`` requests): a slope, an elasticity, a difference. Their mean decides."""

    kind: Literal["slope", "elasticity", "difference"]


class Ratio(_Threshold):
    """One ``value`` above 0 per repetition (from ``n`` requests): a ratio. Their geometric mean decides."""

    kind: Literal["ratio"]
    threshold: Annotated[float, Field(gt=0)]


class Witness(Measured):
    """One witness is enough: ``verdict`` where any ``value`` is above ``threshold``. None seen decides nothing."""

    kind: Literal["witness"]
    threshold: float
    verdict: Verdict
    pool: Literal["sum", "max"]


class Pairwise(_Threshold):
    """An interval that table ``pairwise`` has already, one row per workload: ``value``, ``low``, ``high``, ``n``."""

    kind: Literal["pairwise"]


class Cost(_Threshold):
    """A figure of table ``cost``, one ``value`` per workload; it has no interval, since a model gives it."""

    kind: Literal["cost"]


class Documented(_Part):
    """What AWS documents and no replay can show: the verdict, the page and the sentence that gives the reason."""

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
    """One claim of the text. ``text`` is the text's own wording, ``reading`` what is taken to be meant.

    ``roll_up`` says what its parts make of it (`assets.analysis.claims.rollup`): ``parts`` differ or agree, of ``all``
    each must hold. ``irrelevant`` names the target's behaviours that are told to affect the claim and do not touch what
    its parts measure, with the reason.
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
