"""The claims at a glance: a tile for each, with its verdict's symbol.

Put the picture of all claims here. Keep their figures out (`assets.report.judgements.claims`).
"""

import altair as alt
import pyarrow as pa

from assets.report.charts.style import NothingToDraw, heading
from assets.report.words.titles import CLAIM_VERDICTS, counted, mark

# Light enough for dark letters on paper and screen alike; each verdict has a symbol besides.
_TONES = {"good": "#8FC6E8", "bad": "#F2AE72", "part": "#E9DC8B", "even": "#D3D6DC", "open": "#FFFFFF"}


def claims_figure(claims: pa.Table, *, label: str) -> alt.VConcatChart:
    """Every claim as a tile, a row for each kind of claim, of what `judgements.queries.CLAIMS` gives.

    Raises:
        NothingToDraw: There is no claim.
    """
    rows = [row for row in claims.to_pylist() if not row["part"]]  # parts are in their roll-ups
    if not rows:
        raise NothingToDraw("there is no claim")
    columns: dict[str, int] = {}
    values = []
    for row in rows:
        kind = row["claim_id"][:1]
        columns[kind] = columns.get(kind, 0) + 1
        verdict = mark(row["verdict"], CLAIM_VERDICTS)
        values.append(
            {
                "kind": kind,
                "column": columns[kind],
                "claim": row["claim_id"],
                "symbol": verdict.symbol,
                "verdict": f"{verdict.symbol} {verdict.word}",
            }
        )
    marks = [one for one, _ in counted((row["verdict"] for row in rows), CLAIM_VERDICTS)]
    scale = alt.Scale(domain=[f"{one.symbol} {one.word}" for one in marks], range=[_TONES[one.tone] for one in marks])
    base = alt.Chart(alt.InlineData(values=values)).encode(
        x=alt.X("column:O", axis=None, scale=alt.Scale(padding=0)),
        y=alt.Y("kind:N", sort=list(columns), axis=None, scale=alt.Scale(padding=0)),
    )
    tiles = base.mark_rect(stroke="#5b6170", strokeWidth=0.7, cornerRadius=3).encode(
        color=alt.Color("verdict:N", scale=scale, legend=alt.Legend(orient="bottom", title=None, columns=3))
    )
    names = base.mark_text(dy=-6, fontSize=11, color="#111").encode(text="claim:N")
    symbols = base.mark_text(dy=9, fontSize=13, fontWeight=700, color="#111").encode(text="symbol:N")
    layered = alt.layer(tiles, names, symbols).properties(
        width=34 * max(columns.values()), height=38 * len(columns), title=heading("Claims by verdict", label)
    )
    return alt.vconcat(layered)
