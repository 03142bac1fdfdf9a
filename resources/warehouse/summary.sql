-- What a reader wants first: one row per comparison, cell, operation and architecture, over its valid repetitions.
-- Shares are pooled; a latency is the median of the repetitions' quantiles.
CREATE VIEW summary AS
WITH books AS (
    SELECT l.comparison_id, l.workload, l.scenario, l.operation, l.architecture,
        count(*) AS repetitions,
        sum(offered)::BIGINT AS offered,
        sum(answered + accepted)::BIGINT AS acknowledged,
        sum(throttled)::BIGINT AS throttled,
        sum(failed + timed_out + unsent)::BIGINT AS failed,
        sum(committed)::BIGINT AS committed,
        sum(dead_lettered + in_flight)::BIGINT AS stuck,
        sum(lost)::BIGINT AS lost,
        sum(ghost_commits)::BIGINT AS ghost_commits,
        sum(duplicates)::BIGINT AS duplicates,
        sum(read_your_writes_misses)::BIGINT AS read_your_writes_misses
    FROM ledger l
    JOIN experiments e USING (comparison_id, architecture, variant, arm, workload, scenario, repetition)
    WHERE e.valid AND l.arm = 'main'
    GROUP BY ALL
),
times AS (
    SELECT l.comparison_id, l.workload, l.scenario, l.operation, l.architecture,
        median(p50_us) FILTER (measure = 'response') AS response_p50_us,
        median(p99_us) FILTER (measure = 'response') AS response_p99_us,
        median(p50_us) FILTER (measure = 'completion') AS completion_p50_us,
        median(p99_us) FILTER (measure = 'completion') AS completion_p99_us
    FROM latency l
    JOIN experiments e USING (comparison_id, architecture, variant, arm, workload, scenario, repetition)
    WHERE e.valid AND l.arm = 'main'
    GROUP BY ALL
),
waits AS (
    SELECT s.comparison_id, s.workload, s.scenario, s.architecture,
        max(queue_visible + queue_in_flight) AS backlog_max
    FROM samples s
    WHERE s.arm = 'main'
    GROUP BY ALL
)
SELECT * FROM books
LEFT JOIN times USING (comparison_id, workload, scenario, operation, architecture)
LEFT JOIN waits USING (comparison_id, workload, scenario, architecture)
ORDER BY ALL
