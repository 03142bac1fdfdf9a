"""Homes to report on, filed as the assets do, and a page taken apart as a browser would.

Put here what several tests of the report need. Keep out what must be true of a report (`tests/unit/test_report*.py`).
"""

import datetime as dt
import json
from collections.abc import Callable, Iterable, Mapping
from html.parser import HTMLParser
from typing import Any

import pyarrow as pa
import pytest

from assets.analysis.outcomes import reconcile
from assets.report.files import write_report
from resources.warehouse.outcomes import write_judgement, write_outcomes
from resources.warehouse.partitions import write_partition
from resources.warehouse.publish import publish
from resources.warehouse.schema import schema
from tests.observations_builder import ObservationsBuilder, windows
from workloads.places import Places

HOSTILE = "</script><script>alert(1)</script>|x|"
TARGET = "MiniStack 1.5.33"
LABEL = f"observed on {TARGET}"
LATE = "send lag p99 633.7 ms is over 50 ms: the load was late"
_HELD = {"script", "style", "figure", "pre", "svg"}


class Page(HTMLParser):
    """A page's elements, the content of its scripts, styles, figures and listings, and its text."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.source = source
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.held: dict[str, list[str]] = {tag: [] for tag in _HELD}
        self._words: list[str] = []
        self._open: list[str] = []
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag in _HELD:
            self._open.append(tag)
            self.held[tag].append("")

    def handle_endtag(self, tag: str) -> None:
        if self._open and self._open[-1] == tag:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        for tag in set(self._open):
            self.held[tag][-1] += data
        if not {"script", "style"} & set(self._open):
            self._words.append(data)

    @property
    def text(self) -> str:
        """What a reader sees, with plain spaces."""
        return " ".join(" ".join(self._words).split())

    @property
    def drawn(self) -> str:
        """What its charts hold, in one text."""
        return " ".join(self.held["svg"])

    def attributes(self, name: str, tag: str | None = None) -> list[str]:
        """The values of an attribute, of all elements or of those with a tag."""
        return [one[name] or "" for kind, one in self.elements if name in one and tag in {None, kind}]


def report_page(places: Places, comparison_id: str | None = None, *, claims: bool = False) -> Page:
    """The page on what is filed in a home; ``claims``: that of claims instead, which is made beside it."""
    publish(places)
    file = write_report(places, comparison_id, claims=claims)
    return Page((file.with_name("claims.html") if claims else file).read_text(encoding="utf-8"))


def file_outcomes(places: Places, observations: ObservationsBuilder, folder: str) -> None:
    """Reconcile and write one partition; ``folder`` is comparison/cell/architecture."""
    write_partition(places.outcomes / folder, reconcile(observations.tables()))


def file_shared(places: Places, comparison_id: str) -> None:
    """One contender's outcomes of a comparison, filed in a home and in the store it is a copy of."""
    builder = outage_experiment(comparison_id=comparison_id).request("0")
    cell = "food_orders__backend_outage"
    write_outcomes(places, comparison_id, cell, "synchronous", reconcile(builder.tables()))


def outage_experiment(observations: ObservationsBuilder | None = None, **more: Any) -> ObservationsBuilder:
    """A replay under an outage, on the target the label names."""
    row = {"target": TARGET, "scenario": "backend_outage", "variant": "idempotent", **more}
    return (observations or ObservationsBuilder()).experiment(**row)


def outage(architecture: str, **more: Any) -> ObservationsBuilder:
    """Ten commands and five queries over ten seconds, the table down from the third second to the sixth."""
    queued = architecture != "synchronous"
    observations = outage_experiment(
        architecture=architecture,
        queued=["command", "query"] if queued else [],
        fault_windows=windows((3_000_000, 6_000_000)),
        duration_us=10_000_000,
        settled_us=20_000_000,
        **more,
    )
    for number in range(10):
        at_us, down = number * 1_000_000, 3 <= number < 6
        done_us = 18_400_000 if down else at_us + 5000
        if queued or not down:
            observations.request(f"o{number}", 202 if queued else 201, at_us=at_us, entity=HOSTILE)
            observations.item(f"o{number}").record(f"o{number}", at_us=done_us)
        else:
            observations.request(f"o{number}", 502, at_us=at_us, entity=HOSTILE)
    for number in range(5):
        name, at_us = f"q{number}", number * 2_000_000
        observations.request(name, 202 if queued else 200, operation="query", at_us=at_us, entity=HOSTILE)
        if queued:
            observations.item(name, found=True).record(name, at_us=at_us + 9000, found=True)
    for second in range(20):
        observations.sample(second * 1_000_000, visible=3 if queued and 3 <= second < 18 else 0)
    return observations


def file_replay(places: Places, comparison_id: str = "c1", **more: Any) -> None:
    """One uneventful replay: without it there is no comparison to judge."""
    observations = outage_experiment(scenario="steady", comparison_id=comparison_id, **more)
    observations.request().item().record()
    file_outcomes(places, observations, f"{comparison_id}/food_orders__steady/synchronous~idempotent")


def judge(places: Places, table: str, rows: Iterable[Mapping[str, Any]], comparison_id: str = "c1") -> None:
    """File a judgement; columns that a row says nothing of are null."""
    full = [{"comparison_id": comparison_id, **row} for row in rows]
    write_judgement(places, comparison_id, table, pa.Table.from_pylist(full, schema=schema(table)))


_CELL = {"workload": "food_orders", "scenario": "steady", "operation": "command", "variant": "idempotent"}


def verdict(**more: Any) -> dict[str, Any]:
    """One row of ``pairwise``."""
    row = {
        **_CELL,
        "arm": "main",
        "baseline": "synchronous",
        "candidate": "event_driven",
        "metric": "response_p99",
        "unit": "ratio",
        "baseline_value": 13_000.0,
        "candidate_value": 5_000.0,
        "difference": -0.62,
        "ci_low": -0.7,
        "ci_high": -0.5,
        "margin": 0.1,
        "verdict": "better",
        "pairs": 8,
        "p_value": 0.0078,
        "p_adjusted": 0.047,
        "target": TARGET,
        "evidence": "observed",
    }
    return {**row, **more}


def claim(claim_id: str, part: str = "", **more: Any) -> dict[str, Any]:
    """One row of ``claims``."""
    row = {
        "claim_id": claim_id,
        "part": part,
        "position": 1,
        "text": f"what {claim_id} says",
        "reading": "how it is read",
        "metric": "share of requests",
        "value": 0.75,
        "verdict": "supported",
        "evidence": "observed",
        "source": "https://docs.example.com/page and javascript:alert(1)",
        "query": "SELECT 41 + 1 AS value",
    }
    return {**row, **more}


def price(architecture: str, item: str, usd: float, **more: Any) -> dict[str, Any]:
    """One row of ``cost``."""
    row = {
        "workload": "food_orders",
        "variant": "idempotent",
        "gateway": "rest",
        "processor": "x86",
        "quantity": 1e6,
        "unit": "requests",
        "quantity_evidence": "observed",
        "unit_price": usd / 1e6,
        "price_list_date": dt.date(2026, 11, 1),
        "source": "a page",
    }
    return {**row, "architecture": architecture, "item": item, "usd": usd, **more}


def night(number: int, value: float | None, verdict: str = "usual", **more: Any) -> dict[str, Any]:
    """One row of ``history``."""
    row = {
        **_CELL,
        "architecture": "synchronous",
        "metric": "response_p99",
        "unit": "ratio",
        "usual": 10_000.0,
        "low": 9_000.0,
        "high": 11_000.0,
        "nights": number,
        "target": TARGET,
    }
    return {**row, "night": f"2026-11-{number:02}", "value": value, "verdict": verdict, **more}


def requirement(architecture: str, state: str = "met", **more: Any) -> dict[str, Any]:
    """One row of ``requirements``."""
    row = {
        "workload": "food_orders",
        "variant": "idempotent",
        "architecture": architecture,
        "position": 1,
        "requirement": "Commands are not lost",
        "measure": "lost_share",
        "unit": "share",
        "of_requests": "command",
        "under": "any",
        "bound": "at_most",
        "limit_value": 0.02,
        "state": state,
        "value": 0.0,
        "ci_low": 0.0,
        "ci_high": 0.009,
        "scenario": "steady",
        "n": 342,
        "repetitions": 2,
        "evidence": "observed",
        "target": TARGET,
    }
    return {**row, **more}


RECOMMENDATION = {
    "workload": "food_orders",
    "operation": "",
    "architecture": "event_driven",
    "state": "decided",
    "lacking": [],
    "sentence": f"Send orders through a queue {HOSTILE}.",
    "because": [f"it refused none {HOSTILE}"],
    "would_change": ["callers that need the result"],
    "evidence": "observed",
    "target": TARGET,
}


def decision(architecture: str, position: int, question: str, operation: str | None, **more: Any) -> dict[str, Any]:
    """One row of ``decisions``: a share that was measured."""
    row = {
        "workload": "food_orders",
        "variant": "idempotent",
        "architecture": architecture,
        "position": position,
        "question": question,
        "operation": operation,
        "unit": "share",
        "state": "measured",
        "value": 0.9951,
        "ci_low": 0.99,
        "ci_high": 0.999,
        "standing": "ahead" if architecture == "hybrid" else "behind",
        "scenario": "backend_outage",
        "n": 1140,
        "repetitions": 3,
        "evidence": "observed",
        "target": TARGET,
        "query": f"SELECT '{question} {operation}' AS value FROM requests /* {HOSTILE} */",
    }
    return {**row, **more}


def file_decisions(places: Places, architectures: Iterable[str] = ("synchronous", "event_driven", "hybrid")) -> None:
    """A decision table with answers of every state."""
    missing = {"state": "not_measured", "value": None, "standing": None, "evidence": None, "reason": "nobody grew it"}
    rows = []
    for position, (question, unit, operations) in enumerate(
        (
            ("acknowledged_in_outage", "share", ("command", "query")),
            ("done_after_outage", "share", ("command", "query")),
            ("out_of_turn", "share", ("command",)),
            ("duplicated", "share", ("command",)),
            ("response_p99", "ms", ("command", "query")),
            ("completion_p99", "ms", ("command", "query")),
            ("usd_per_million", "usd", (None,)),
            ("first_limit", "traffic", (None,)),
            ("parts", "parts", (None,)),
        ),
        start=1,
    ):
        for name in architectures:
            more: dict[str, Any] = {"unit": unit, "ticket": name == "hybrid" if position in {1, 5} else None}
            if unit == "traffic":
                more |= missing if name == "hybrid" else {"words": "mapping.pollers", "value": 12.0}
            if unit == "ms":
                more |= {"value": 1247.0}
            if question == "completion_p99":
                more |= {"state": "undecided", "standing": None, "reason": f"one repetition {HOSTILE}"}
            rows += [decision(name, position, question, operation, **more) for operation in operations]
    judge(places, "decisions", rows)


def file_outages(places: Places) -> None:
    """An outage with two valid replays, and a scenario whose only replay is invalid; every recorded text is hostile."""
    config = json.dumps({"visibility_timeout_s": 12, "limit": 15, "repetitions": 1, "work_us": 0, "note": HOSTILE})
    for architecture in ("synchronous", "event_driven"):
        file_outcomes(places, outage(architecture, workload=HOSTILE, config=config), f"c1/outage/{architecture}")
    late = outage_experiment(
        workload=HOSTILE, scenario=HOSTILE, invalid_reason=LATE + HOSTILE, architecture="hybrid", config=config
    )
    file_outcomes(places, late.request().item().record(), "c1/hostile/hybrid")


def file_answer(places: Places, routes: int = 12) -> None:
    """An outage that was judged as a comparison is: requirements of every state, bills, and the busiest routes."""
    for architecture in ("synchronous", "event_driven", "hybrid"):
        file_outcomes(places, outage(architecture), f"c1/food_orders__backend_outage/{architecture}~idempotent")
    asked: list[tuple[str, dict[str, Any]]] = [
        ("Commands that were acknowledged are not lost", {"limit_value": 0.02}),
        ("Of a month's commands, an outage costs at most 1 in 10,000", {"under": "outage", "limit_value": 1e-4}),
        ("Commands are taken when load exceeds the limit", {"under": "peak", "limit_value": 0.02}),
        ("A query is answered, not put off with a ticket", {"bound": "at_least", "limit_value": 0.98, "value": 1.0}),
        ("Of a month's commands, an outage stores at most 1 in 1,000 out of turn", {"limit_value": 1e-3}),
        ("Nobody has to mend commands by hand", {"limit_value": 0.02}),
        ("99 of 100 commands are acknowledged within 300 ms", {"unit": "ms", "limit_value": 300.0, "value": 44.2}),
    ]
    outcomes: dict[tuple[str, int], dict[str, Any]] = {
        ("synchronous", 2): {"state": "missed", "value": 4.2e-4, "per_month": 8_240.0, "scenario": "backend_outage"},
        ("synchronous", 3): {"state": "missed", "value": 0.357, "scenario": "concurrency_limit"},
        ("event_driven", 4): {"state": "missed", "value": 0.0},
        ("event_driven", 5): {"state": "undecided", "value": 8.3e-4, "per_month": 16_300.0, "reason": "too wide"},
        ("event_driven", 7): {"state": "not_shown_here", "value": None, "ci_low": None, "ci_high": None},
        ("hybrid", 5): {"value": 1.2e-4, "per_month": 2_300.0, "state": "met"},
        ("hybrid", 7): {"state": "not_shown_here", "value": None, "ci_low": None, "ci_high": None},
    }
    rows = [
        requirement(
            architecture, **{"position": at, "requirement": name, **words, **outcomes.get((architecture, at), {})}
        )
        for architecture in ("synchronous", "event_driven", "hybrid")
        for at, (name, words) in enumerate(asked, 1)
    ]
    judge(places, "requirements", rows)
    usd = {"synchronous": 19.11, "event_driven": 27.1, "hybrid": 20.31}
    judge(places, "cost", [price(name, "api_requests", one, usd_per_month=4 * one) for name, one in usd.items()])
    answer = {
        **RECOMMENDATION,
        "architecture": "hybrid",
        "sentence": "Commands by queue, queries synchronously: hybrid. It misses nothing that was asked; synchronous"
        " would refuse about 8,240 commands a month in outages.",
        "would_change": [
            "Under 10 outage minutes a month (43 assumed) synchronous meets every requirement too.",
            "From 61 million requests a month on, event-driven queries would cost less than synchronous ones.",
            "Queries that may be put off with a ticket: event-driven would pass as well, at 108.40 USD a month.",
        ],
        "could_add": "Only the simulated target or AWS can decide the last requirement for hybrid: `archduel compare"
        " --target simulated`, about 3 min.",
    }
    wanted = [
        {**RECOMMENDATION, "operation": operation, "route": route, "served": served, "requests": 400 - number}
        for number in range(routes)
        for operation, route, served in [
            ("query", f"GET /restaurants/{{restaurant}}/menus/{number}", "synchronously")
            if number % 2
            else ("command", f"POST /orders/{{order}}/items/{number}{HOSTILE if number == 8 else ''}", "by queue")
        ]
    ]
    judge(places, "recommendations", [answer, *wanted])
    file_decisions(places)


def home_of(factory: pytest.TempPathFactory, file: Callable[[Places], None]) -> Places:
    """A home in which ``file`` files something, published."""
    places = Places(factory.mktemp("report"))
    file(places)
    publish(places)
    return places


def file_judged_night(places: Places) -> None:
    """A night with everything judged, and one before it; some texts are hostile and some numbers are none."""
    file_replay(places, night="2026-11-20", origin="nightly")
    nan, inf = float("nan"), float("inf")
    judge(places, "recommendations", [RECOMMENDATION])
    share = {"metric": "done_share", "unit": "share", "difference": 0.0, "margin": 0.01, "verdict": "equivalent"}
    aa = {"arm": "aa", "baseline": "hybrid", "candidate": "hybrid"}
    nothing = dict.fromkeys(("difference", "ci_low", "ci_high", "candidate_value"))
    undecided = {"verdict": "inconclusive", "candidate": "hybrid", "difference": 0.04, "ci_low": nan, "ci_high": inf}
    verdicts = [
        verdict(),
        verdict(**undecided, reason=f"too few {HOSTILE}", pairs_needed=14),
        verdict(**share, ci_low=-0.001, ci_high=0.001),
        verdict(**nothing, operation="query", pairs=0, verdict="inconclusive", reason="the recording holds no queries"),
        verdict(**aa, difference=0.01),
        verdict(**aa, **share),
    ]
    judge(places, "pairwise", verdicts)
    noise = {"metric": "response_p99", "unit": "ratio", "noise": 0.07, "margin": 0.1, "power_8": 0.91, "pairs": 8}
    judge(places, "noise", [{**noise, "verdict": "better", "architecture": "hybrid", "variant": "idempotent"}])
    prices = [
        price("synchronous", "api_gateway_requests", 3.5),
        price("synchronous", "lambda_duration", 0.83, quantity_evidence="modelled"),
        price("event_driven", "api_gateway_requests", 3.5),
        price("event_driven", "sqs_requests", 1.2, gateway="http", quantity=nan),
    ]
    judge(places, "cost", prices)
    claims = [
        claim("S1"),
        claim("S5", verdict="partly", value=None, query=None, source=None),
        claim("S5", "gateway", verdict="refuted", position=2, reason=HOSTILE),
        claim("S5", "table", position=3),
        claim("E12", evidence="documented", value=0.0, metric="instances", position=4),
    ]
    judge(places, "claims", claims)
    judge(places, "history", [night(20, 20_000.0, "worse")])
    file_replay(places, "c0", night="2026-11-19", origin="nightly")
    judge(places, "history", [night(19, 10_100.0)], "c0")
