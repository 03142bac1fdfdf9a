"""A part's SQL made complete: the CTEs it names, its placeholders bound, and the one row that sums it up.

Put composing SQL here. Keep out running it (`assets.analysis.claims.verdicts`) and the SQL itself (the register and the
folder of views).

The same text, with another last line, returns the rows the verdict is made of and the figure that is published, so a
reader who runs the published query sees what was judged.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from assets.analysis.claims.model import Cost, Measured, Pairwise, Ratio, Share, Witness
from resources.architectures.stack import DEFAULT_VARIANT
from workloads.sql import quoted

_VIEWS = Path(__file__).with_name("views")
_UNIT = "comparison_id, workload, repetition"
_KEY = f"{_UNIT}, architecture, scenario"
_WORD = re.compile(r"[a-z_]+")
_COMMENT = re.compile(r"^\s*--.*\n", re.MULTILINE)
# A mean in a given order and to nine digits is the same to the last bit however often, and on how many threads, it is
# computed again.
_MEAN = "list_avg(list({value} ORDER BY comparison_id, workload, repetition) FILTER (isfinite(value::DOUBLE)))"


@dataclass(frozen=True)
class Query:
    """Two queries of one row each.

    Attributes:
        judged: ``value``, ``n`` and ``units``, the list of rows per repetition or workload that is judged.
        figure: the same without ``units``; this is published.
    """

    judged: str
    figure: str


def compose(part: Measured, comparisons: Sequence[str], target: str) -> Query:
    """Compose the SQL of a part.

    Args:
        part: of a claim.
        comparisons: ids of the comparisons whose experiments it is read from.
        target: the emulator or cloud they ran on.
    """
    listed = ", ".join(quoted(name) for name in comparisons)
    where = f"comparison_id IN ({listed}) AND arm = 'main' AND variant = {quoted(DEFAULT_VARIANT)}"
    for column, names in (("architecture", part.architectures), ("scenario", part.scenarios)):
        if names:
            where += f" AND {column} IN ({', '.join(quoted(name) for name in names)})"
    bound = {"{key}": _KEY, "{unit}": _UNIT, "{where}": where, "{comparisons}": listed, "{target}": quoted(target)}

    def bind(sql: str) -> str:
        # All at once: what is filled in may look like a placeholder itself.
        return re.sub("|".join(map(re.escape, bound)), lambda match: bound[match[0]], sql).strip()

    views = {name: bind(_COMMENT.sub("", _views()[name])) for name in _named(part.sql)}
    ctes = [*views.items(), ("per_repetition", bind(part.sql))]
    head = "WITH " + ",\n".join(f"{name} AS (\n{_indented(sql)}\n)" for name, sql in ctes)
    figure = f"{head}\n{_summed_up(part)}"
    units = "list(per_repetition ORDER BY per_repetition) AS units"
    return Query(f"{figure}, {units}\nFROM per_repetition", f"{figure}\nFROM per_repetition")


def _indented(sql: str) -> str:
    return "\n".join(f"    {line}" if line else line for line in sql.splitlines())


@cache
def _views() -> dict[str, str]:
    return {path.stem: path.read_text(encoding="utf-8") for path in sorted(_VIEWS.glob("*.sql"))}


def _named(sql: str) -> list[str]:
    """The views that ``sql`` uses, directly or through other views, each after those it uses."""
    names: dict[str, None] = {}
    for name in dict.fromkeys(_WORD.findall(_COMMENT.sub("", sql))):
        if name in _views():
            body = _views()[name].replace("{where}", "")
            names |= dict.fromkeys([*_named(body), name])
    return list(names)


def _summed_up(part: Measured) -> str:
    match part:
        case Share():
            return (
                "SELECT sum(events) / nullif(sum(n), 0) AS value, sum(n)::BIGINT AS n, sum(events)::BIGINT AS events,"
                " count(*) FILTER (n > 0) AS repetitions"
            )
        case Witness():
            return f"SELECT {part.pool}(value)::DOUBLE AS value, sum(n)::BIGINT AS n, count(value) AS repetitions"
        case Ratio():
            mean = _MEAN.format(value="ln(nullif(greatest(value, 0), 0))")
            return f"SELECT round(exp({mean}), 9) AS value, sum(n)::BIGINT AS n, count(value) AS repetitions"
        case Pairwise():
            return (
                "SELECT round(avg(value ORDER BY workload), 9) AS value, min(low) AS low, max(high) AS high,"
                " sum(n)::BIGINT AS n, count(value) AS workloads"
            )
        case Cost():
            return "SELECT round(avg(value ORDER BY workload), 9) AS value, count(value) AS workloads"
        case _:
            mean = _MEAN.format(value="value")
            return f"SELECT round({mean}, 9) AS value, sum(n)::BIGINT AS n, count(value) AS repetitions"
