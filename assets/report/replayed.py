"""What was replayed: how much of it, when, and to which routes.

Put here what the report shows of the traffic itself. Keep out what became of it (`assets.report.cells`), and drawing
(`assets.report.charts.traffic`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import duckdb

from assets.report import queries
from assets.report.charts.rendering import Chart, chart
from assets.report.charts.traffic import replayed_panel
from assets.report.queries import Rows, bound, table_of
from assets.report.words.numbers import NO_BREAK, count, duration, milliseconds, share
from assets.report.words.titles import operation_title
from workloads.replay.work import MEASURED, NONE, RECORDED


@dataclass(frozen=True)
class Replayed:
    """One recording as it was replayed.

    Attributes:
        gist: How much it is and how long, in a phrase.
        facts: Headings, and what there is to say.
        rate: Its requests per second over recorded time.
        routes: The busiest of them, with ``route``, ``noun``, ``requests`` and ``share``.
        service_times: What was recorded beside what was replayed, by operation and contender; none where the recording
            does not say how long answers took.
        sql: The queries that give these, by their names.
    """

    workload: str
    gist: str
    facts: tuple[tuple[str, str], ...]
    rate: Chart
    routes: Rows
    service_times: Rows
    sql: dict[str, str]


def replayed(
    connection: duckdb.DuckDBPyConnection, comparison_id: str, workload: str, config: Mapping[str, Any]
) -> Replayed | None:
    """What was replayed of a recording; None where no replay of it was valid.

    Args:
        connection: To the published database.
        comparison_id: The comparison's name.
        workload: The recording's name.
        config: The settings it was replayed with.
    """
    names = {"comparison_id": comparison_id, "workload": workload}
    one = table_of(connection, bound(queries.ONE_REPLAY, **names)).to_pylist()
    if not one:
        return None
    sql = {
        name: bound(text, **names, **one[0])
        for name, text in (
            ("totals", queries.REPLAYED),
            ("rate", queries.REPLAYED_RATE),
            ("routes", queries.REPLAYED_ROUTES),
            ("recorded and replayed service times", queries.SERVICE_TIMES),
        )
    }
    [totals] = table_of(connection, sql["totals"]).to_pylist()
    if not totals["requests"]:  # a replay of nothing
        return None
    rate = table_of(connection, sql["rate"])
    routes = table_of(connection, sql["routes"]).to_pylist()
    service_times = table_of(connection, sql["recorded and replayed service times"]).to_pylist()
    for row in (*routes, *service_times):
        row["noun"] = operation_title(row["operation"])
    length = duration(1e6 * totals["length_s"])
    return Replayed(
        workload=workload,
        gist=f"{count(totals['requests'])} requests in {length}, {_mix(totals)}",
        facts=tuple(_facts(totals, routes, config)),
        rate=chart(replayed_panel(rate), f"Requests per second over recorded time, {workload}"),
        routes=routes,
        service_times=service_times,
        sql=sql,
    )


def _mix(totals: Mapping[str, Any]) -> str:
    noun = operation_title("command")
    return f"{share(totals['commands'], totals['requests'])} of them {noun}"


def _facts(totals: Mapping[str, Any], routes: Rows, config: Mapping[str, Any]) -> list[tuple[str, str]]:
    requests, length_s = totals["requests"], max(totals["length_s"], 1.0)
    queries_n = requests - totals["commands"]
    busiest = (
        f"minute {totals['busiest_minute'] + 1}, with {count(totals['busiest_requests'])}{NO_BREAK}requests"
        f" ({count(totals['busiest_requests'] / 60)}{NO_BREAK}a second)"
    )
    facts = [
        (
            "Requests",
            f"{count(requests)} in {duration(1e6 * totals['length_s'])}, {count(requests / length_s)} a second",
        ),
        (
            "Mix",
            (
                f"{count(totals['commands'])} {operation_title('command')} ({share(totals['commands'], requests)}),"
                f" {count(queries_n)} {operation_title('query')} ({share(queries_n, requests)}),"
                f" about {count(totals['entities'])} entities"
            ),
        ),
        ("Busiest", busiest),
    ]
    if totals["routes"]:
        busy = routes[0]
        facts.append(
            ("Routes", f"{count(totals['routes'])}; busiest {busy['route']}, {share(busy['requests'], requests)}")
        )
    if totals["speed"] != 1:
        replayed_in = duration(1e6 * totals["length_s"] / totals["speed"])
        facts.append(("Speed", f"{totals['speed']:.3g} times as recorded: replayed in {replayed_in}"))
    if config.get("service"):
        how = "simulated: none of its code ran" if totals["simulated"] else "unmodified"
        facts.append(("Service", f"your own, {config['service']}, {how}"))
    if totals["busiest_from_s"] is not None:
        part = f"seconds {count(totals['busiest_from_s'])} to {count(totals['busiest_to_s'])} of the recording"
        facts.append(("Part", f"the busiest, {part}"))
    if totals["work"] not in (None, NONE):
        facts.append(("Work", _work(totals)))
    if config.get("pauses_cut_to_s"):
        facts.append(("Pauses", f"those over {config['pauses_cut_to_s']:g}{NO_BREAK}s were cut to that"))
    return facts


def _work(totals: Mapping[str, Any]) -> str:
    if totals["work"] == RECORDED:
        overhead = milliseconds(totals["overhead_us"])
        return f"handlers worked as long as was recorded, less {overhead}{NO_BREAK}ms for gateway and hop"
    if totals["work"].startswith(MEASURED):
        return f"handlers worked as long as {totals['work']}, drawn by route"
    return f"handlers worked {totals['work']}{NO_BREAK}ms on each request"
