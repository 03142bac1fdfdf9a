-- What a reader wants first: one row per comparison, cell, operation, architecture and variant, over its valid
-- repetitions. Shares are pooled; a latency is the median of the repetitions' quantiles, where a quantile among the
-- censored counts as endless: NULL when the median itself is. A p99 is given of repetitions with 500 requests or more, of
-- which five lie beyond it.
CREATE VIEW summary AS
WITH books AS (
    SELECT l.comparison_id, l.workload, l.scenario, l.operation, l.architecture, l.variant, e.target, e.evidence,
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
        median(coalesce(p99_us::DOUBLE, 'infinity')) FILTER (measure = 'response' AND n >= 500) AS response_p99_us,
        median(coalesce(p50_us::DOUBLE, 'infinity')) FILTER (measure = 'completion' AND n > 0) AS completion_p50_us,
        median(coalesce(p99_us::DOUBLE, 'infinity')) FILTER (measure = 'completion' AND n >= 500) AS completion_p99_us,
        median(coalesce(p50_us::DOUBLE, 'infinity')) FILTER (measure = 'response_of_all') AS response_p50_of_all_us,
        median(coalesce(p99_us::DOUBLE, 'infinity')) FILTER (measure = 'response_of_all' AND n >= 500)
            AS response_p99_of_all_us,
        median(coalesce(p50_us::DOUBLE, 'infinity')) FILTER (measure = 'completion_of_all') AS completion_p50_of_all_us,
        median(coalesce(p99_us::DOUBLE, 'infinity')) FILTER (measure = 'completion_of_all' AND n >= 500)
            AS completion_p99_of_all_us
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
    CASE WHEN isfinite(response_p50_us) THEN response_p50_us END AS response_p50_us,
    CASE WHEN isfinite(response_p99_us) THEN response_p99_us END AS response_p99_us,
    CASE WHEN isfinite(completion_p50_us) THEN completion_p50_us END AS completion_p50_us,
    CASE WHEN isfinite(completion_p99_us) THEN completion_p99_us END AS completion_p99_us,
    CASE WHEN isfinite(response_p50_of_all_us) THEN response_p50_of_all_us END AS response_p50_of_all_us,
    CASE WHEN isfinite(response_p99_of_all_us) THEN response_p99_of_all_us END AS response_p99_of_all_us,
    CASE WHEN isfinite(completion_p50_of_all_us) THEN completion_p50_of_all_us END AS completion_p50_of_all_us,
    CASE WHEN isfinite(completion_p99_of_all_us) THEN completion_p99_of_all_us END AS completion_p99_of_all_us
)
FROM books
LEFT JOIN times USING (comparison_id, workload, scenario, operation, architecture, variant)
LEFT JOIN waits USING (comparison_id, workload, scenario, architecture, variant)
ORDER BY ALL;
COMMENT ON VIEW summary IS
    'What a reader wants first: one row per comparison, cell, operation, architecture and variant, over its valid '
    'repetitions of the arm main.';
COMMENT ON COLUMN summary.comparison_id IS 'Names the comparison: the experiments meant to be compared with each other';
COMMENT ON COLUMN summary.workload IS 'Name of the recording';
COMMENT ON COLUMN summary.scenario IS 'Name of the scenario';
COMMENT ON COLUMN summary.operation IS 'command or query';
COMMENT ON COLUMN summary.architecture IS 'Name of the architecture, as `archduel architectures` lists it';
COMMENT ON COLUMN summary.variant IS 'How the functions write: idempotent, naive or sdk_defaults';
COMMENT ON COLUMN summary.target IS 'Target it ran on, with its version';
COMMENT ON COLUMN summary.evidence IS 'Kind of proof: observed on the target, or simulated';
COMMENT ON COLUMN summary.repetitions IS 'Valid repetitions';
COMMENT ON COLUMN summary.offered IS 'Requests offered';
COMMENT ON COLUMN summary.acknowledged IS 'Answered or accepted';
COMMENT ON COLUMN summary.throttled IS 'Outcome throttled';
COMMENT ON COLUMN summary.failed IS 'Failed, timed out or unsent';
COMMENT ON COLUMN summary.committed IS 'Acknowledged, and stored or answered';
COMMENT ON COLUMN summary.in_flight IS 'Acknowledged, and in a queue when watching ended';
COMMENT ON COLUMN summary.dead_lettered IS 'Acknowledged, and in the dead-letter queue when watching ended';
COMMENT ON COLUMN summary.lost IS 'Acknowledged, and in none of these places';
COMMENT ON COLUMN summary.ghost_commits IS 'Not acknowledged, and stored all the same';
COMMENT ON COLUMN summary.duplicates IS 'Commits beyond the first of each request';
COMMENT ON COLUMN summary.redeliveries IS 'Deliveries beyond the first of each request';
COMMENT ON COLUMN summary.reordered IS 'Commands committed after one of the same entity that was sent later';
COMMENT ON COLUMN summary.read_your_writes_misses IS
    'Queries sent after their entity''s first command was acknowledged that did not find it';
COMMENT ON COLUMN summary.response_p50_us IS
    'Of those answered: median over the repetitions of the median response time, microseconds; NULL: among the censored, '
    'or nothing measured';
COMMENT ON COLUMN summary.response_p99_us IS
    'The same of the 99th percentile; NULL too where no repetition has the 500 requests it takes';
COMMENT ON COLUMN summary.completion_p50_us IS 'The same of the median completion time';
COMMENT ON COLUMN summary.completion_p99_us IS 'The same of its 99th percentile';
COMMENT ON COLUMN summary.response_p50_of_all_us IS
    'Of all offered requests, refused ones counting as never: the median response time; NULL: among those';
COMMENT ON COLUMN summary.response_p99_of_all_us IS 'The same of the 99th percentile';
COMMENT ON COLUMN summary.completion_p50_of_all_us IS 'The same of the median completion time';
COMMENT ON COLUMN summary.completion_p99_of_all_us IS 'The same of its 99th percentile';
COMMENT ON COLUMN summary.backlog_max IS 'Most messages waiting or being worked on in any repetition; NULL: no sample';
