"""What the decision table asks, in the order of its columns, and the query that recomputes each column.

Put the list of questions here. Keep out answering them (`assets.analysis.decisions.answers`).
"""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from assets.analysis.outcomes.intervals import PER_REPETITION
from assets.analysis.requirements.figures import needed_requests
from assets.analysis.requirements.measures import MEASURES, Measure
from assets.analysis.statistics.verdicts import MIN_PAIRS
from workloads.recordings.recording import Operation
from workloads.sql import quoted

Unit = Literal["share", "ms", "usd", "traffic", "parts"]
Better = Literal["more", "less"]
_HERE = Path(__file__).parent


@dataclass(frozen=True)
class Question:
    """A column of the decision table.

    Attributes:
        name: As the table has it.
        unit: Of its values; ``traffic`` is in multiples of the recorded traffic.
        better: Whether more or less of it is better; None where that depends, as on what a limit does.
        measure: What is counted or timed; None where nothing is.
        under: The class of the scenarios it is asked under.
        in_fault: Whether only requests due while a fault was on are meant.
        operations: What it is asked of, one cell each; none where it is of the whole.
        sql: The file of the query; empty where no table has it.
    """

    name: str
    unit: Unit
    better: Better | None
    measure: Measure | None = None
    under: str = ""
    in_fault: bool = False
    operations: tuple[Operation, ...] = ()
    sql: str = ""

    def query(self, comparison_id: str, operation: Operation | None) -> str | None:
        """The query that gives its cells of one operation, ``value`` by architecture; None where no table has them."""
        if not self.sql:
            return None
        text = (_HERE / f"{self.sql}.sql").read_text(encoding="utf-8")
        values: dict[str, str] = {"comparison_id": quoted(comparison_id)}
        if self.measure:
            text = text.replace("$counts", _counts()).replace("$event", self.measure.event)
            values |= {
                "operation": quoted(operation or ""),
                "base": self.measure.base,
                "in_fault": "in_fault" if self.in_fault else "true",
                "blocks": str(PER_REPETITION),
                "quantile": str(self.measure.quantile),
                "needed": str(needed_requests(self.measure.quantile)),
                "fewest": str(MIN_PAIRS),
            }
        return re.sub(r"\$(\w+)", lambda match: values[match[1]], text).strip()


@cache
def _counts() -> str:
    text = (_HERE.parent / "requirements" / "counts.sql").read_text(encoding="utf-8")
    return "\n".join(f"    {line}" for line in text.strip().splitlines() if not line.startswith("--"))


def _asked(name: str, measure: str, unit: Unit, better: Better, under: str, *, in_fault: bool = False) -> Question:
    known = MEASURES[measure]
    operations: tuple[Operation, ...] = tuple(one for one in ("command", "query") if one in known.operations)
    sql = "time" if known.kind == "time" else "share"
    return Question(name, unit, better, known, under, in_fault, operations, sql)


QUESTIONS: tuple[Question, ...] = (
    _asked("acknowledged_in_outage", "acknowledged_share", "share", "more", "outage", in_fault=True),
    _asked("done_after_outage", "done_share", "share", "more", "outage", in_fault=True),
    _asked("out_of_turn", "out_of_turn_share", "share", "less", "any"),
    _asked("duplicated", "duplicated_share", "share", "less", "any"),
    _asked("response_p99", "response_p99_ms", "ms", "less", "steady"),
    _asked("completion_p99", "completion_p99_ms", "ms", "less", "steady"),
    Question("usd_per_million", "usd", "less", sql="cost"),
    Question("first_limit", "traffic", None, sql="first_limit"),
    Question("parts", "parts", "less"),
)
