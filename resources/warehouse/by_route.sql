-- The books by route: one row per comparison, cell, route, architecture and variant, over its valid repetitions.
-- Quantiles are over the requests of all repetitions together: of one route a repetition may hold a handful.
CREATE VIEW by_route AS
SELECT r.comparison_id, r.workload, r.scenario, r.operation, r.route, r.architecture, r.variant,
    count(DISTINCT r.repetition) AS repetitions,
    count(*) AS offered,
    count(*) FILTER (outcome IN ('answered', 'accepted')) AS acknowledged,
    count(*) FILTER (outcome = 'throttled') AS throttled,
    count(*) FILTER (outcome IN ('failed', 'timed_out', 'unsent')) AS failed,
    count(*) FILTER (outcome IN ('answered', 'accepted') AND state = 'committed') AS committed,
    count(*) FILTER (outcome IN ('answered', 'accepted') AND state = 'in_flight') AS in_flight,
    count(*) FILTER (outcome IN ('answered', 'accepted') AND state = 'dead_lettered') AS dead_lettered,
    count(*) FILTER (outcome IN ('answered', 'accepted') AND state = 'lost') AS lost,
    sum(duplicates)::BIGINT AS duplicates,
    quantile_cont(response_us, 0.5) FILTER (outcome IN ('answered', 'accepted')) AS response_p50_us,
    quantile_cont(response_us, 0.99) FILTER (outcome IN ('answered', 'accepted')) AS response_p99_us,
    quantile_cont(completion_us, 0.5) FILTER (outcome IN ('answered', 'accepted')) AS completion_p50_us
FROM requests r
JOIN effects f USING (comparison_id, architecture, variant, arm, workload, scenario, repetition, request_id)
JOIN experiments e USING (comparison_id, architecture, variant, arm, workload, scenario, repetition)
WHERE e.valid AND r.arm = 'main'
GROUP BY ALL;
COMMENT ON VIEW by_route IS
    'The books by route: one row per comparison, cell, route, architecture and variant, over its valid repetitions of '
    'the arm main.';
COMMENT ON COLUMN by_route.comparison_id IS 'Names the comparison: the experiments meant to be compared with each other';
COMMENT ON COLUMN by_route.workload IS 'Name of the recording';
COMMENT ON COLUMN by_route.scenario IS 'Name of the scenario';
COMMENT ON COLUMN by_route.operation IS 'command or query';
COMMENT ON COLUMN by_route.route IS
    'Method and path with names in place of ids, such as GET /orders/{order}; NULL: not known';
COMMENT ON COLUMN by_route.architecture IS 'Name of the architecture, as `archduel architectures` lists it';
COMMENT ON COLUMN by_route.variant IS 'How the functions write: idempotent, naive or sdk_defaults';
COMMENT ON COLUMN by_route.repetitions IS 'Valid repetitions';
COMMENT ON COLUMN by_route.offered IS 'Requests offered in all of them';
COMMENT ON COLUMN by_route.acknowledged IS 'Answered or accepted';
COMMENT ON COLUMN by_route.throttled IS 'Outcome throttled';
COMMENT ON COLUMN by_route.failed IS 'Failed, timed out or unsent';
COMMENT ON COLUMN by_route.committed IS 'Acknowledged, and stored or answered';
COMMENT ON COLUMN by_route.in_flight IS 'Acknowledged, and in a queue when watching ended';
COMMENT ON COLUMN by_route.dead_lettered IS 'Acknowledged, and in the dead-letter queue when watching ended';
COMMENT ON COLUMN by_route.lost IS 'Acknowledged, and in none of these places';
COMMENT ON COLUMN by_route.duplicates IS 'Commits beyond the first of each request';
COMMENT ON COLUMN by_route.response_p50_us IS
    'Median response time of those acknowledged, microseconds; NULL: none was';
COMMENT ON COLUMN by_route.response_p99_us IS 'The same of the 99th percentile';
COMMENT ON COLUMN by_route.completion_p50_us IS
    'Median completion time of those acknowledged and committed, microseconds; NULL: none was';
