"""The report's queries give, of condensed outcomes, what every single request would."""

import random
from typing import Any

import pytest

from assets.report import queries
from resources.warehouse.publish import publish
from resources.warehouse.reading import connect
from tests.observations_builder import ObservationsBuilder, windows
from tests.report_builder import HOSTILE, LATE, file_outages, file_outcomes, home_of, outage_experiment
from workloads.places import Places


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Places:
    return home_of(tmp_path_factory, file_outages)


def rows_of(places: Places, sql: str, workload: str = HOSTILE) -> list[dict[str, Any]]:
    """What a query gives of the outage in comparison ``c1``."""
    with connect(places) as connection:
        text = queries.bound(sql, comparison_id="c1", workload=workload, scenario="backend_outage")
        rows: list[dict[str, Any]] = connection.sql(text).to_arrow_table().to_pylist()
        return rows


def test_a_value_cannot_leave_its_literal() -> None:
    """Names are data in the shown SQL, even those that look like SQL or like a placeholder."""
    assert queries.bound("a = $x AND b = $y", x="it's", y="$x") == "a = 'it''s' AND b = '$x'"


@pytest.mark.parametrize(
    ("empty_at_s", "drain_us"),
    [
        pytest.param((17, 20), 5_000_000, id="the longest of the repetitions"),
        pytest.param((17, None), None, id="never in one of them"),
    ],
)
def test_the_queue_drained_where_it_did_in_every_repetition(
    places: Places, empty_at_s: tuple[int | None, ...], drain_us: int | None
) -> None:
    """Of two outages of one queue, the summary has the last one's drain; the first one's is known all the same."""
    observations = ObservationsBuilder()
    for repetition, empty_s in enumerate(empty_at_s, 1):
        outage_experiment(
            observations,
            repetition=repetition,
            architecture="event_driven",
            queued=["command"],
            fault_windows=windows((2_000_000, 4_000_000), (12_000_000, 14_000_000)),
        )
        observations.request(repetition=repetition).item(repetition=repetition).record(repetition=repetition)
        for second in range(30):
            waiting = 2 <= second <= 9 or (second >= 12 and (empty_s is None or second < empty_s))
            observations.sample(second * 1_000_000, visible=5 * waiting, repetition=repetition)
    file_outcomes(places, observations, "c1/cell/event_driven")
    publish(places)
    (summary,) = rows_of(places, queries.SUMMARY, "food_orders")
    first, last = rows_of(places, queries.RECOVERY, "food_orders")
    assert (summary["drain_us"], first["drain_us"], last["drain_us"]) == (drain_us, 5_000_000, drain_us)


def test_what_was_refused_keeps_the_curve_below_one(published: Places) -> None:
    """Seven of ten commands answered: the synchronous curve ends at 70 %, the event-driven one at 100 %."""
    ends: dict[tuple[str, str], float] = {}
    for row in rows_of(published, queries.LATENCY):
        if row["operation"] == "command":
            key = row["contender"].removesuffix("~idempotent"), row["measure"]
            ends[key] = max(ends.get(key, 0.0), row["share"])
    assert ends == {
        ("synchronous", "response"): 0.7,
        ("synchronous", "completion"): 0.7,
        ("event_driven", "response"): 1.0,
        ("event_driven", "completion"): 1.0,
    }


def test_a_chart_does_not_grow_with_the_traffic(places: Places) -> None:
    """A curve keeps its exact points at some 150 steps, however many requests there were."""
    observations = outage_experiment(workload="many", duration_us=3_000_000_000, settled_us=3_000_000_000)
    for number in range(3000):
        observations.request(str(number), at_us=number * 1_000_000, took_us=1000 + number * number)
        observations.item(str(number), stamp_us=number * 1_000_000 + 900).sample(number * 1_000_000)
    file_outcomes(places, observations, "c1/cell/synchronous")
    publish(places)
    response = [row for row in rows_of(places, queries.LATENCY, "many") if row["measure"] == "response"]
    assert 100 < len(response) <= 153
    for row in response[1:-1]:
        exact = sum(1000 + number * number <= row["us"] for number in range(3000)) / 3000
        assert row["share"] == pytest.approx(exact, abs=1e-5)
    assert len(rows_of(places, queries.ANSWERS, "many")) < 1300
    assert len(rows_of(places, queries.BACKLOG, "many")) < 450


def anything(architecture: str, arm: str = "main") -> ObservationsBuilder:
    """Three repetitions, the third invalid, of anything that can become of a request; the same ones every time."""
    chance = random.Random(f"{architecture} {arm}")
    observations = ObservationsBuilder()
    queue = architecture != "synchronous"
    for repetition in (1, 2, 3):
        outage_experiment(
            observations,
            architecture=architecture,
            arm=arm,
            repetition=repetition,
            queued=["command"] if queue else [],
            fault_windows=windows((3_200_000, 5_100_000), (8_000_000, 8_900_000)),
            duration_us=12_000_000,
            settled_us=chance.choice([20_000_000, 900_000_000]),
            invalid_reason=LATE if repetition == 3 else None,
        )
        for number in range(120):
            name, at_us = str(number), int(chance.uniform(0, 12e6))
            operation = chance.choice(["command", "query"])
            status = chance.choice([202, 202, 202, 429, 503] if queue else [200, 200, 200, 404, 429, 502])
            took_us = chance.choice([0, 40, int(chance.lognormvariate(9, 1.5))])
            fate = chance.choice(["responded"] * 8 + ["timed_out", "unsent"])
            request: dict[str, Any] = {"operation": operation, "at_us": at_us, "took_us": took_us, "fate": fate}
            observations.request(name, status, repetition=repetition, **request)
            if fate != "unsent" and chance.random() < 0.7:  # whatever was answered: ghosts too
                done_us = at_us + chance.choice([0, int(chance.lognormvariate(12, 2))])
                observations.item(name, stamp_us=done_us, repetition=repetition)
                observations.record(name, at_us=done_us, repetition=repetition)
            elif fate != "unsent" and chance.random() < 0.5:
                observations.message(name, chance.choice(["queue", "dead_letter_queue"]), repetition=repetition)
        for quarter in range(-2, 60):
            at_us = quarter * 250_000 + 17
            observations.sample(at_us, chance.randrange(50), chance.randrange(9), repetition=repetition)
        observations.sample(15_000_017, repetition=repetition)  # in the end nothing waits
    return observations


@pytest.fixture(scope="module")
def anything_published(tmp_path_factory: pytest.TempPathFactory) -> Places:
    """Two architectures, and one of them in the other arm too, which no query may count."""

    def file(places: Places) -> None:
        for architecture, arm in (("synchronous", "main"), ("event_driven", "main"), ("event_driven", "aa")):
            file_outcomes(places, anything(architecture, arm), f"c1/cell/{architecture}~{arm}")

    return home_of(tmp_path_factory, file)


# What each query gives, from every single request.
_FROM_REQUESTS = {
    "RECOVERY": f"""{queries.REPLAYS}
SELECT contender, fault, max(committed_us - end_us) AS last_commit_us
FROM replays JOIN recovery w USING ({queries.KEY})
LEFT JOIN (
    SELECT * FROM requests r JOIN effects f USING ({queries.KEY}, request_id)
    WHERE r.operation = 'command' AND outcome IN ('answered', 'accepted') AND state = 'committed'
) c ON (c.architecture, c.arm, c.repetition) = (w.architecture, w.arm, w.repetition)
    AND c.scheduled_us >= start_us AND c.scheduled_us < end_us
GROUP BY ALL
ORDER BY fault, contender""",
    "ANSWERS": f"""{queries._BINS},
bins AS (
    SELECT contender, count(*) AS repetitions, bin_s, unnest(range(0, (floor(us / 1e6 / bin_s) + 2)::BIGINT)) AS bin
    FROM replays, longest GROUP BY contender, bin_s, us
),
fates AS (SELECT unnest(['acknowledged', 'throttled', 'failed']) AS fate),
counted AS (
    SELECT contender, floor(scheduled_us / 1e6 / bin_s)::BIGINT AS bin, count(*) AS n,
        CASE WHEN outcome IN ('answered', 'accepted') THEN 'acknowledged'
            WHEN outcome = 'throttled' THEN 'throttled' ELSE 'failed' END AS fate
    FROM longest, replays JOIN requests r USING ({queries.KEY})
    GROUP BY ALL
)
SELECT contender, fate, (bin * bin_s)::DOUBLE AS t_s, bin_s::DOUBLE AS bin_s,
    round(coalesce(n, 0) / bin_s / repetitions, 3)::DOUBLE AS per_s
FROM bins CROSS JOIN fates LEFT JOIN counted USING (contender, bin, fate)
ORDER BY ALL""",
    "BACKLOG": f"""{queries._BINS},
watched AS (
    SELECT contender, bin_s, floor(t_us / 1e6 / bin_s)::BIGINT AS bin, t_us,
        queue_visible + queue_in_flight AS waiting
    FROM longest, replays JOIN samples s USING ({queries.KEY})
    WHERE t_us >= 0
)
SELECT contender, (bin * bin_s)::DOUBLE AS t_s, max(waiting) AS waiting
FROM watched GROUP BY contender, bin, bin_s
UNION ALL
SELECT contender, ((max(bin) + 1) * bin_s)::DOUBLE, arg_max(waiting, (t_us, waiting))
FROM watched GROUP BY contender, bin_s
ORDER BY ALL""",
    "GOODPUT": f"""{queries._BINS},
done AS (
    SELECT contender, floor(committed_us / 1e6 / bin_s)::BIGINT AS bin, count(*) AS n
    FROM longest, replays JOIN effects f USING ({queries.KEY})
    WHERE f.operation = 'command' AND state = 'committed'
    GROUP BY ALL
),
bins AS (
    SELECT contender, count(DISTINCT repetition) AS repetitions, bin_s,
        unnest(range(0, (SELECT max(bin) + 2 FROM done)::BIGINT)) AS bin
    FROM replays, longest GROUP BY contender, bin_s
)
SELECT contender, (bin * bin_s)::DOUBLE AS t_s, round(coalesce(n, 0) / bin_s / repetitions, 3)::DOUBLE AS per_s
FROM bins LEFT JOIN done USING (contender, bin)
ORDER BY ALL""",
    "FATES": f"""{queries.REPLAYS}
SELECT r.operation, contender,
    CASE WHEN outcome IN ('answered', 'accepted') THEN state WHEN state <> 'rejected' THEN 'ghost'
        WHEN outcome = 'throttled' THEN 'throttled' ELSE 'failed' END AS fate,
    count(*) AS requests
FROM replays
JOIN requests r USING ({queries.KEY})
JOIN effects f USING ({queries.KEY}, request_id)
GROUP BY ALL
ORDER BY ALL""",
    "SUMMARY": f"""{queries.REPLAYS}
SELECT operation, contender, max(queue_visible + queue_in_flight) AS backlog_max
FROM replays JOIN samples s USING ({queries.KEY})
CROSS JOIN (SELECT unnest(['command', 'query']) AS operation)
GROUP BY ALL
ORDER BY operation, contender""",
}


@pytest.mark.parametrize("name", _FROM_REQUESTS)
def test_condensed_outcomes_give_what_the_requests_give(anything_published: Places, name: str) -> None:
    """To the last digit, with what is unusual: ghosts, zeros, samples before the start, bins of several seconds."""
    expected = rows_of(anything_published, _FROM_REQUESTS[name], "food_orders")
    found = rows_of(anything_published, getattr(queries, name), "food_orders")
    assert len(expected) >= 4
    assert [{column: row[column] for column in expected[0]} for row in found] == expected


def test_a_curve_of_bins_is_that_of_the_requests(anything_published: Places) -> None:
    """Every point is on the exact curve, both ends are where they were, and no step of the curve is left out."""
    found = rows_of(anything_published, queries.LATENCY, "food_orders")
    exact_sql = f"""{queries.REPLAYS}
    SELECT contender, r.operation, unnest(['response', 'completion']) AS measure,
        unnest([response_us, completion_us]) AS us, outcome IN ('answered', 'accepted') AS acknowledged
    FROM replays JOIN requests r USING ({queries.KEY}) JOIN effects f USING ({queries.KEY}, request_id)"""
    exact = rows_of(anything_published, exact_sql, "food_orders")
    span = {
        operation: sorted(
            row["us"]
            for row in exact
            if row["operation"] == operation and row["acknowledged"] and row["us"] is not None
        )
        for operation in ("command", "query")
    }
    keys = {(row["contender"], row["operation"], row["measure"]) for row in exact}
    assert len(keys) == 8
    for contender, operation, measure in keys:
        here = [row for row in exact if (row["contender"], row["operation"]) == (contender, operation)]
        timed = [row for row in here if row["measure"] == measure]
        reached = sorted(row["us"] for row in timed if row["acknowledged"] and row["us"] is not None)
        points = [
            (row["us"], row["share"])
            for row in found
            if (row["contender"], row["operation"], row["measure"]) == (contender, operation, measure)
        ]
        low_us, high_us = max(span[operation][0], 1), span[operation][-1]
        assert points[0] == (round(low_us * 0.8), 0)
        assert points[-1] == (round(high_us * 1.25), points[-2][1])
        for us, share in points[1:]:
            assert share == pytest.approx(sum(one <= us for one in reached) / len(timed), abs=6e-6)
        step = ((high_us + 1) / low_us) ** (1 / 150)
        marks = [us for us, _ in points[1:-1]]
        for us in reached:
            assert any(us <= mark <= max(us, 1) * step * (1 + 1 / 64) + 1 for mark in marks), us


def test_the_backlog_is_shown_until_it_is_gone(published: Places) -> None:
    """The line ends at what was left when watching ended."""
    rows = [row for row in rows_of(published, queries.BACKLOG) if row["contender"] == "event_driven~idempotent"]
    assert max(row["waiting"] for row in rows) == 3
    assert rows[-1]["waiting"] == 0


def test_a_fault_is_known_for_each_contender(published: Places) -> None:
    """Its window, in seconds."""
    fault = {"fault": 0, "target": "table", "kind": "down", "present": True, "start_s": 3.0, "end_s": 6.0}
    assert rows_of(published, queries.WINDOWS) == [
        {"contender": f"{architecture}~idempotent", **fault} for architecture in ("event_driven", "synchronous")
    ]


def test_the_bars_add_up_to_what_was_offered(published: Places) -> None:
    """Every offered request is in one part of one bar."""
    rows = rows_of(published, queries.FATES)
    offered: dict[tuple[str, str], int] = {}
    for row in rows:
        key = row["contender"], row["operation"]
        offered[key] = offered.get(key, 0) + row["requests"]
    assert set(offered.values()) == {10, 5}
    assert {row["fate"] for row in rows} == {"committed", "failed"}
