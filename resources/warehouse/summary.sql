-- What a reader wants first: one row per comparison, cell, operation, architecture and variant, over its valid
-- repetitions. Shares are pooled; a latency is the median of the repetitions' quantiles, where a quantile among the
-- censored counts as endless: NULL when the median itself is.
CREATE VIEW summary AS
WITH books AS (
    SELECT l.comparison_id, l.workload, l.scenario, l.operation, l.architecture, l.variant,
        count(*) AS repetitions,
        sum(offered)::BIGINT AS offered,
        sum(answered + accepted)::BIGINT AS acknowledged,
        sum(throttled)::BIGINT AS throttled,
        sum(failed + timed_out + unsent)::BIGINT AS failed,
        sum(committed)::BIGINT AS committed,
        sum(in_flight)::BIGINT AS in_flight,
        sum(dead_lettered)::BIGINT AS dead_lettered,
        sum(lost)::BIGINT AS lost,
        sum(ghost_commits)::BIGINT AS ghost_commits,
        sum(duplicates)::BIGINT AS duplicates,
        sum(redeliveries)::BIGINT AS redeliveries,
        sum(reordered)::BIGINT AS reordered,
        sum(read_your_writes_misses)::BIGINT AS read_your_writes_misses
    FROM ledger l
    JOIN experiments e USING (comparison_id, architecture, variant, arm, workload, scenario, repetition)
    WHERE e.valid AND l.arm = 'main'
    GROUP BY ALL
),
times AS (
    SELECT l.comparison_id, l.workload, l.scenario, l.operation, l.architecture, l.variant,
        median(coalesce(p50_us::DOUBLE, 'infinity')) FILTER (measure = 'response' AND n > 0) AS response_p50_us,
        median(coalesce(p99_us::DOUBLE, 'infinity')) FILTER (measure = 'response' AND n > 0) AS response_p99_us,
        median(coalesce(p50_us::DOUBLE, 'infinity')) FILTER (measure = 'completion' AND n > 0) AS completion_p50_us,
        median(coalesce(p99_us::DOUBLE, 'infinity')) FILTER (measure = 'completion' AND n > 0) AS completion_p99_us
    FROM latency l
    JOIN experiments e USING (comparison_id, architecture, variant, arm, workload, scenario, repetition)
    WHERE e.valid AND l.arm = 'main'
    GROUP BY ALL
),
waits AS (
    SELECT b.comparison_id, b.workload, b.scenario, b.architecture, b.variant, max(waiting_max) AS backlog_max
    FROM backlog b
    JOIN experiments e USING (comparison_id, architecture, variant, arm, workload, scenario, repetition)
    WHERE e.valid AND b.arm = 'main'
    GROUP BY ALL
)
SELECT * REPLACE (
    if(isfinite(response_p50_us), response_p50_us, NULL) AS response_p50_us,
    if(isfinite(response_p99_us), response_p99_us, NULL) AS response_p99_us,
    if(isfinite(completion_p50_us), completion_p50_us, NULL) AS completion_p50_us,
    if(isfinite(completion_p99_us), completion_p99_us, NULL) AS completion_p99_us
)
FROM books
LEFT JOIN times USING (comparison_id, workload, scenario, operation, architecture, variant)
LEFT JOIN waits USING (comparison_id, workload, scenario, architecture, variant)
ORDER BY ALL
