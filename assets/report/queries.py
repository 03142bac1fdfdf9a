"""The queries of a scenario's tables and charts, shown under each of them as they were run.

Put here SQL over outcomes, with ``$name`` for what the reader chose. Keep out what reads a table that grows with the
traffic, since `assets.analysis.outcomes` has condensed it once: a chart gets a few hundred points however many requests
were replayed. What was judged is `assets.report.judgements.queries`.
"""

import re
from typing import Any

import duckdb
import pyarrow as pa

from assets.analysis.outcomes.intervals import QUANTILES
from assets.analysis.statistics.quantiles import observations_needed
from workloads.sql import quoted

Rows = list[dict[str, Any]]
P99_TAKES = observations_needed(QUANTILES["p99"])

# A contender is an architecture whose functions write in one of the variants: ``synchronous~naive``.
REPLAYS = """\
WITH replays AS (  -- the valid ones of this cell
    SELECT *, architecture || '~' || variant AS contender FROM experiments
    WHERE comparison_id = $comparison_id AND workload = $workload AND scenario = $scenario AND arm = 'main' AND valid
)"""
KEY = "comparison_id, architecture, variant, arm, workload, scenario, repetition"

# One simulated beside another comes after all others: its results are on the other's page.
COMPARISONS = """\
SELECT * FROM comparisons
ORDER BY coalesce(beside IN (SELECT comparison_id FROM comparisons), false), started_at DESC, comparison_id"""

EXPERIMENTS = """\
SELECT workload, scenario, architecture, variant, architecture || '~' || variant AS contender, repetition, speed,
    requests, duration_us, settled_us, valid, invalid_reason, send_lag_p99_us, target_cpu_share, others_cpu_share,
    cold_starts
FROM experiments
WHERE comparison_id = $comparison_id AND arm = 'main'
ORDER BY ALL"""

VALIDATION = "FROM validation ORDER BY target, scenario, architecture, variant, operation, measure"

CONFORMANCE = """\
SELECT behaviour, expected, observed, status, affects
FROM conformance
WHERE target = $target
ORDER BY ALL"""

# Counts are means over the repetitions: sums would differ between contenders of which fewer replays are valid.
_BOOKS = f"""\
{REPLAYS},
books AS (
    SELECT operation, contender, architecture, variant, count(*) AS repetitions,
        avg(offered) AS offered, avg(answered) AS answered, avg(accepted) AS accepted,
        avg(answered + accepted) AS acknowledged,
        avg(throttled) AS throttled, avg(failed) AS failed, avg(timed_out) AS timed_out, avg(unsent) AS unsent,
        avg(committed) AS committed, avg(dead_lettered) AS dead_lettered, avg(in_flight) AS in_flight,
        avg(lost) AS lost, avg(rejected) AS rejected, avg(ghost_commits) AS ghost_commits,
        avg(ghost_commits + ghost_dead_lettered + ghost_in_flight + ghost_partly_committed) AS ghosts,
        avg(unknown_effects) AS unknown_effects, avg(duplicates) AS duplicates, avg(redeliveries) AS redeliveries,
        avg(reordered) AS reordered, avg(read_your_writes_misses) AS read_your_writes_misses,
        avg(attempts) AS attempts
    FROM replays JOIN ledger l USING ({KEY})
    GROUP BY ALL
)"""

LEDGER = f"""\
{_BOOKS}
SELECT * FROM books ORDER BY operation, contender"""

UNFETCHED = """\
SELECT count(*) AS ledgers
FROM ledger
WHERE comparison_id = $comparison_id AND workload = $workload AND operation = 'query' AND accepted > 0
  AND coalesce(fetches, 0) = 0"""

# Latencies are medians over the repetitions; of what was censored in any of them only a lower bound is known. The
# queue's time to drain is from the end of the last fault that passes, the longest of the repetitions; none where it
# never drained in one of them.
SUMMARY = f"""\
{_BOOKS},
times AS (
    SELECT operation, contender, measure, min(n) AS min_n,
        CASE WHEN count(p50_us) = count(*) THEN median(p50_us) END AS p50_us,
        CASE WHEN count(p99_us) = count(*) AND min(n) >= {P99_TAKES} THEN median(p99_us) END AS p99_us,
        median(coalesce(p50_us, p50_low_us)) AS p50_low_us,
        CASE WHEN min(n) >= {P99_TAKES} THEN median(coalesce(p99_us, p99_low_us)) END AS p99_low_us
    FROM replays JOIN latency l USING ({KEY})
    WHERE n > 0
    GROUP BY ALL
),
waits AS (
    SELECT contender, max(waiting_max) AS backlog_max FROM replays JOIN backlog b USING ({KEY}) GROUP BY ALL
),
last_faults AS (
    SELECT contender, repetition, last(drain_us ORDER BY present AND end_us - start_us < 0.95 * duration_us, end_us)
        AS drain_us
    FROM replays JOIN recovery w USING ({KEY})
    GROUP BY ALL
),
drains AS (
    SELECT contender, CASE WHEN count(drain_us) = count(*) THEN max(drain_us) END AS drain_us
    FROM last_faults GROUP BY ALL
)
SELECT books.*, backlog_max, drain_us, least(r.min_n, c.min_n) AS min_n,
    r.p50_us AS response_p50_us, r.p50_low_us AS response_p50_low_us,
    r.p99_us AS response_p99_us, r.p99_low_us AS response_p99_low_us,
    c.p50_us AS completion_p50_us, c.p50_low_us AS completion_p50_low_us,
    c.p99_us AS completion_p99_us, c.p99_low_us AS completion_p99_low_us
FROM books
LEFT JOIN (FROM times WHERE measure = 'response') r USING (operation, contender)
LEFT JOIN (FROM times WHERE measure = 'completion') c USING (operation, contender)
LEFT JOIN waits USING (contender)
LEFT JOIN drains USING (contender)
ORDER BY operation, contender"""

# Quantiles are over the acknowledged requests of all repetitions together, as the bins of `distributions` have them.
BESIDE = f"""\
{_BOOKS},
bins AS (
    SELECT operation, contender, measure, from_us, sum(d.requests) AS requests, max(max_us) AS us
    FROM replays JOIN distributions d USING ({KEY})
    WHERE measure IN ('response', 'completion')
    GROUP BY ALL
),
up_to AS (
    SELECT *, sum(requests) OVER (PARTITION BY operation, contender, measure ORDER BY from_us)
        / sum(requests) OVER (PARTITION BY operation, contender, measure) AS share
    FROM bins
),
times AS (
    SELECT operation, contender,
        min(us) FILTER (measure = 'response' AND share >= 0.5) AS response_p50_us,
        min(us) FILTER (measure = 'response' AND share >= 0.99) AS response_p99_us,
        min(us) FILTER (measure = 'completion' AND share >= 0.5) AS completion_p50_us,
        min(us) FILTER (measure = 'completion' AND share >= 0.99) AS completion_p99_us,
        sum(requests) FILTER (measure = 'response') AS acknowledged
    FROM up_to
    GROUP BY ALL
),
waits AS (
    SELECT contender, max(waiting_max) AS backlog_max FROM replays JOIN backlog b USING ({KEY}) GROUP BY ALL
),
drains AS (
    SELECT contender, CASE WHEN count(drain_us) = count(*) THEN median(drain_us) END AS drain_us
    FROM replays JOIN recovery w USING ({KEY})
    WHERE present
    GROUP BY ALL
)
SELECT operation, contender, repetitions, offered,
    b.acknowledged / nullif(offered, 0) AS acknowledged_share, committed / nullif(offered, 0) AS done_share,
    (b.throttled + failed + timed_out + unsent) / nullif(offered, 0) AS refused_share,
    lost, dead_lettered, duplicates, reordered, t.acknowledged,
    response_p50_us, response_p99_us, completion_p50_us, completion_p99_us, backlog_max,
    CASE WHEN backlog_max > 0 THEN drain_us END AS drain_us
FROM books b
LEFT JOIN times t USING (operation, contender)
LEFT JOIN waits USING (contender)
LEFT JOIN drains USING (contender)
ORDER BY operation, contender"""

# Over several repetitions: mean shares and rates, the largest backlog, the longest times. A time that ran out in one
# of them is known to be at least that; a queue that never drained in one of them has no time to drain.
RECOVERY = f"""\
{REPLAYS},
faults AS (
    SELECT w.*, contender, duration_us FROM replays JOIN recovery w USING ({KEY})
)
SELECT contender, fault, target, kind, bool_or(present) AS present, avg(w.requests) AS requests,
    median(start_us) AS start_us, median(end_us) AS end_us,
    avg(end_us - start_us) < 0.95 * avg(duration_us) AS passing,
    avg(1 - error_share_in_window) AS acknowledged_share, avg(success_share) AS success_share,
    avg(goodput_before_per_s) AS goodput_before_per_s, avg(goodput_in_window_per_s) AS goodput_in_window_per_s,
    avg(goodput_after_per_s) AS goodput_after_per_s,
    max(backlog_max) AS backlog_max, CASE WHEN count(drain_us) = count(*) THEN max(drain_us) END AS drain_us,
    max(last_commit_us) AS last_commit_us,
    CASE WHEN count(back_to_normal_low_us) = 0 THEN max(back_to_normal_us) END AS back_to_normal_us,
    greatest(max(back_to_normal_low_us), max(back_to_normal_us)) AS back_to_normal_low_us
FROM faults w
LEFT JOIN last_commits USING ({KEY}, fault)
GROUP BY contender, fault, target, kind
ORDER BY fault, contender"""

# The share of all offered requests, not of the acknowledged ones: an architecture that answers few, and those
# quickly, must not look fast. Every point lies on the exact curve; 150 steps of the time axis choose which are kept.
# None lies within a bin of `distributions`, so where all the axis is less than some two octaves long there are fewer.
LATENCY = f"""\
{REPLAYS},
bins AS (
    SELECT contender, operation, measure, from_us, sum(d.requests) AS requests,
        min(min_us) AS min_us, max(max_us) AS max_us
    FROM replays JOIN distributions d USING ({KEY})
    WHERE measure IN ('response', 'completion')
    GROUP BY ALL
),
offers AS (
    SELECT contender, operation, measure, sum(offered) AS offered
    FROM replays JOIN ledger l USING ({KEY})
    CROSS JOIN (SELECT unnest(['response', 'completion']) AS measure) m
    GROUP BY ALL
),
spans AS (
    SELECT operation, greatest(min(min_us), 1) AS low_us, greatest(max(max_us), 2) AS high_us
    FROM offers LEFT JOIN bins USING (contender, operation, measure)
    GROUP BY ALL
),
totals AS (
    SELECT contender, operation, measure, any_value(offered) AS offered, coalesce(sum(requests), 0) AS reached
    FROM offers LEFT JOIN bins USING (contender, operation, measure)
    GROUP BY ALL
),
steps AS (
    SELECT contender, operation, measure,
        floor(150 * ln(greatest(max_us, low_us) / low_us) / ln((high_us + 1) / low_us)) AS step,
        greatest(max(max_us), 1) AS us, sum(requests) AS reached
    FROM bins JOIN spans USING (operation)
    GROUP BY ALL
),
points AS (
    SELECT contender, operation, measure, us,
        sum(reached) OVER (PARTITION BY contender, operation, measure ORDER BY step) AS reached
    FROM steps
    UNION ALL  -- every curve starts at none, and goes on level to the chart's edge
    SELECT contender, operation, measure, low_us * 0.8, 0 FROM totals JOIN spans USING (operation)
    UNION ALL
    SELECT contender, operation, measure, high_us * 1.25, reached FROM totals JOIN spans USING (operation)
)
SELECT operation, measure, contender, round(us)::BIGINT AS us, round(p.reached / offered, 5)::DOUBLE AS share
FROM points p JOIN totals USING (contender, operation, measure)
WHERE us IS NOT NULL
ORDER BY operation, measure, contender, us, share"""


# Bins of one second; of more where a replay is so long that a chart could not show them apart.
def _bins(most: int) -> str:
    return f"""\
{REPLAYS},
longest AS (
    SELECT max(duration_us) AS us, greatest(1, ceil(max(settled_us) / {most}e6)) AS bin_s FROM replays
)"""


_BINS, _FEW_BINS = _bins(400), _bins(50)


def _answers(within: str, which: str = "") -> str:
    return f"""\
{within},
bins AS (
    SELECT contender, count(*) AS repetitions, bin_s, unnest(range(0, (floor(us / 1e6 / bin_s) + 2)::BIGINT)) AS bin
    FROM replays, longest GROUP BY contender, bin_s, us
),
fates AS (SELECT unnest(['acknowledged', 'throttled', 'failed']) AS fate),
counted AS (
    SELECT contender, floor(second / bin_s)::BIGINT AS bin,
        unnest([
            {{'fate': 'acknowledged', 'n': sum(acknowledged)}},
            {{'fate': 'throttled', 'n': sum(throttled)}},
            {{'fate': 'failed', 'n': sum(failed)}}
        ], recursive := true)
    FROM longest, replays JOIN timeline t USING ({KEY}){which}
    GROUP BY contender, floor(second / bin_s)
)
SELECT contender, fate, (bin * bin_s)::DOUBLE AS t_s, bin_s::DOUBLE AS bin_s,
    round(coalesce(n, 0) / bin_s / repetitions, 3)::DOUBLE AS per_s
FROM bins CROSS JOIN fates LEFT JOIN counted USING (contender, bin, fate)
ORDER BY ALL"""


ANSWERS = _answers(_BINS)
ANSWERS_OF_OPERATION = _answers(_FEW_BINS, "\n    WHERE operation = $operation")

# Of the seconds in a bin, over the repetitions: the median of their medians, and the slowest of all.
LATENCY_OVER_TIME = f"""\
{_BINS},
bins AS (
    SELECT contender, bin_s, unnest(range(0, (floor(us / 1e6 / bin_s) + 1)::BIGINT)) AS bin
    FROM replays, longest GROUP BY contender, bin_s, us
),
operations AS (SELECT DISTINCT operation FROM replays JOIN timeline t USING ({KEY})),
timed AS (
    SELECT contender, operation, floor(second / bin_s)::BIGINT AS bin,
        median(completion_p50_us) AS p50_us, max(completion_max_us) AS max_us
    FROM longest, replays JOIN timeline t USING ({KEY})
    GROUP BY ALL
)
SELECT operation, contender, (bin * bin_s)::DOUBLE AS t_s, p50_us, max_us
FROM bins CROSS JOIN operations LEFT JOIN timed USING (contender, operation, bin)
ORDER BY ALL"""

# The most at once; where nothing began or ended, as many as before.
CONCURRENCY = f"""\
{_BINS},
watched AS (
    SELECT contender, bin_s, floor(second / bin_s)::BIGINT AS bin, max(busy_max) AS busy,
        arg_max(busy_last, second) AS busy_last
    FROM longest, replays JOIN concurrency c USING ({KEY})
    WHERE second >= 0
    GROUP BY ALL
)
SELECT contender, (bin * bin_s)::DOUBLE AS t_s, busy FROM watched
UNION ALL  -- from the end of a bin until the next one with anything
SELECT contender, ((bin + 1) * bin_s)::DOUBLE, busy_last
FROM watched
QUALIFY coalesce(lead(bin) OVER (PARTITION BY contender ORDER BY bin) > bin + 1, true)
ORDER BY ALL"""

BACKLOG = f"""\
{_BINS},
watched AS (
    SELECT contender, bin_s, floor(second / bin_s)::BIGINT AS bin, waiting_max, waiting_last, last_us
    FROM longest, replays JOIN backlog b USING ({KEY})
    WHERE second >= 0
)
SELECT contender, (bin * bin_s)::DOUBLE AS t_s, max(waiting_max) AS waiting
FROM watched
GROUP BY contender, bin, bin_s
UNION ALL  -- what was left when watching ended
SELECT contender, ((max(bin) + 1) * bin_s)::DOUBLE, arg_max(waiting_last, last_us)
FROM watched
GROUP BY contender, bin_s
ORDER BY ALL"""


# What was done, whatever its client was answered. From the second after the last one on nothing is drawn.
def _done(within: str, operation: str) -> str:
    return f"""\
{within},
stored AS (
    SELECT contender, floor(second / bin_s)::BIGINT AS bin, sum(t.stored) AS n
    FROM longest, replays JOIN timeline t USING ({KEY})
    WHERE operation = {operation} AND t.stored > 0
    GROUP BY ALL
),
bins AS (
    SELECT contender, count(DISTINCT repetition) AS repetitions, bin_s,
        unnest(range(0, (SELECT max(bin) + 2 FROM stored)::BIGINT)) AS bin
    FROM replays, longest GROUP BY contender, bin_s
)
SELECT contender, (bin * bin_s)::DOUBLE AS t_s, round(coalesce(n, 0) / bin_s / repetitions, 3)::DOUBLE AS per_s
FROM bins LEFT JOIN stored USING (contender, bin)
ORDER BY ALL"""


GOODPUT = _done(_BINS, "'command'")
DONE_OF_OPERATION = _done(_FEW_BINS, "$operation")

# In each replay faults start some microseconds earlier or later.
WINDOWS = f"""\
{REPLAYS}
SELECT contender, fault, w.target, kind, bool_or(present) AS present,
    median(start_us) / 1e6 AS start_s, median(end_us) / 1e6 AS end_s
FROM replays JOIN recovery w USING ({KEY})
GROUP BY ALL
ORDER BY contender, fault"""

FATES = f"""\
{REPLAYS}
SELECT operation, contender,
    CASE WHEN outcome IN ('answered', 'accepted') THEN state
        WHEN state <> 'rejected' THEN 'ghost'
        WHEN outcome = 'throttled' THEN 'throttled'
        ELSE 'failed'
    END AS fate,
    sum(f.requests)::BIGINT AS requests
FROM replays
JOIN fates f USING ({KEY})
GROUP BY ALL
ORDER BY ALL"""


# What was replayed is in every replay the same: it is read from one, under `steady` where there is one.
ONE_REPLAY = """\
SELECT scenario, architecture, variant, repetition::VARCHAR AS repetition
FROM experiments
WHERE comparison_id = $comparison_id AND workload = $workload AND arm = 'main' AND valid
ORDER BY scenario <> 'steady', scenario, architecture, variant, repetition
LIMIT 1"""

# It is named by its values, so that no other replay's file is read.
_OFFERED = f"""\
WITH offered AS (
    SELECT operation, route, entity, scheduled_us * speed / 1e6 AS at_s, duration_us * speed / 1e6 AS length_s, speed,
        config, evidence
    FROM requests r JOIN experiments e USING ({KEY})
    WHERE comparison_id = $comparison_id AND workload = $workload AND scenario = $scenario AND arm = 'main'
        AND architecture = $architecture AND variant = $variant AND repetition = $repetition
)"""

REPLAYED = f"""\
{_OFFERED},
minutes AS (
    SELECT floor(at_s / 60)::BIGINT AS minute, count(*) AS requests
    FROM offered GROUP BY ALL ORDER BY requests DESC, minute LIMIT 1
)
SELECT any_value(length_s) AS length_s, any_value(speed) AS speed, count(*) AS requests,
    count(*) FILTER (operation = 'command') AS commands, count(DISTINCT entity) AS entities,
    count(DISTINCT route) AS routes, (SELECT minute FROM minutes) AS busiest_minute,
    (SELECT requests FROM minutes) AS busiest_requests,
    any_value(config ->> '$.worked.kind') AS work,
    any_value((config ->> '$.worked.overhead_us')::BIGINT) AS overhead_us,
    any_value((config ->> '$.busiest_s[0]')::DOUBLE) AS busiest_from_s,
    any_value((config ->> '$.busiest_s[1]')::DOUBLE) AS busiest_to_s,
    bool_or(evidence = 'simulated') AS simulated
FROM offered"""

# A hundred bins over the whole of it.
REPLAYED_RATE = f"""\
{_OFFERED},
bins AS (SELECT greatest(any_value(length_s), 1) / 100 AS bin_s FROM offered)
SELECT operation, (least(floor(at_s / bin_s), 99) * bin_s)::DOUBLE AS t_s, any_value(bin_s)::DOUBLE AS bin_s,
    (count(*) / any_value(bin_s))::DOUBLE AS per_s
FROM offered, bins
GROUP BY operation, least(floor(at_s / bin_s), 99), bins.bin_s
ORDER BY ALL"""

# Medians over the repetitions. Behind a queue an answer is a ticket, which takes no work: it has no service time.
SERVICE_TIMES = f"""\
{REPLAYS},
measured AS (
    SELECT operation, contender, measure, median(p50_us) AS p50_us, median(p99_us) AS p99_us
    FROM replays JOIN service_times t USING ({KEY})
    GROUP BY ALL
)
SELECT operation, contender,
    any_value(p50_us) FILTER (measure = 'recorded') AS recorded_p50_us,
    any_value(p99_us) FILTER (measure = 'recorded') AS recorded_p99_us,
    any_value(p50_us) FILTER (measure = 'service') AS service_p50_us,
    any_value(p99_us) FILTER (measure = 'service') AS service_p99_us,
    any_value(p50_us) FILTER (measure = 'asked') AS asked_p50_us,
    any_value(p50_us) FILTER (measure = 'worked') AS worked_p50_us,
    any_value(p50_us) FILTER (measure = 'deviation') AS deviation_p50_us
FROM measured
GROUP BY ALL
HAVING recorded_p50_us IS NOT NULL
ORDER BY operation, contender"""

REPLAYED_ROUTES = f"""\
{_OFFERED}
SELECT route, operation, count(*) AS requests, (count(*) / sum(count(*)) OVER ())::DOUBLE AS share
FROM offered
WHERE route IS NOT NULL
GROUP BY route, operation
ORDER BY requests DESC, route
LIMIT 20"""


def table_of(connection: duckdb.DuckDBPyConnection, sql: str) -> pa.Table:
    """What a query gives."""
    return connection.sql(sql).to_arrow_table()


def bound(sql: str, **values: str) -> str:
    """A query with each ``$name`` replaced by its value as a literal, so that what is run is what the page shows."""
    return re.sub(r"\$(\w+)", lambda match: quoted(values[match[1]]), sql)
