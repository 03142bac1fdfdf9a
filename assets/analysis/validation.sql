-- What one contender's valid replays of a cell come to, a row for each operation: shares of the offered requests,
-- quantiles over the acknowledged requests of all repetitions together as the bins of `distributions` have them, and the
-- queue's largest backlog and median drain, which is NULL where the queue never drained after one of the faults.
WITH replays AS (
    SELECT comparison_id, architecture, variant, arm, workload, scenario, repetition
    FROM experiments
    WHERE comparison_id = $comparison_id AND workload = $workload AND scenario = $scenario
        AND architecture = $architecture AND variant = $variant AND arm = 'main' AND valid
),
books AS (
    SELECT operation, sum(offered) AS offered, sum(answered + accepted) AS acknowledged, sum(committed) AS committed
    FROM replays JOIN ledger USING (comparison_id, architecture, variant, arm, workload, scenario, repetition)
    GROUP BY ALL
),
bins AS (
    SELECT operation, measure, from_us, sum(requests) AS requests, max(max_us) AS us
    FROM replays JOIN distributions USING (comparison_id, architecture, variant, arm, workload, scenario, repetition)
    WHERE measure IN ('response', 'completion')
    GROUP BY ALL
),
up_to AS (
    SELECT *, sum(requests) OVER (PARTITION BY operation, measure ORDER BY from_us)
        / sum(requests) OVER (PARTITION BY operation, measure) AS share
    FROM bins
),
times AS (
    SELECT operation,
        min(us) FILTER (measure = 'response' AND share >= 0.5) AS response_p50_us,
        min(us) FILTER (measure = 'response' AND share >= 0.99) AS response_p99_us,
        min(us) FILTER (measure = 'completion' AND share >= 0.5) AS completion_p50_us,
        min(us) FILTER (measure = 'completion' AND share >= 0.99) AS completion_p99_us
    FROM up_to
    GROUP BY ALL
),
waits AS (
    SELECT max(waiting_max) AS backlog_max
    FROM replays JOIN backlog USING (comparison_id, architecture, variant, arm, workload, scenario, repetition)
),
drains AS (
    SELECT CASE WHEN count(drain_us) = count(*) THEN median(drain_us) END AS drain_us
    FROM replays JOIN recovery USING (comparison_id, architecture, variant, arm, workload, scenario, repetition)
    WHERE present
)
SELECT operation, acknowledged, 1 - acknowledged / nullif(offered, 0) AS refused_share,
    committed / nullif(offered, 0) AS done_share,
    response_p50_us, response_p99_us, completion_p50_us, completion_p99_us,
    nullif(backlog_max, 0) AS backlog_max, CASE WHEN backlog_max > 0 THEN drain_us END AS drain_us
FROM books LEFT JOIN times USING (operation) CROSS JOIN waits CROSS JOIN drains
ORDER BY operation
