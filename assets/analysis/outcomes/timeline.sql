-- What happened in each second of an experiment: one row per experiment, operation and second with anything in it.
-- Answers are counted by when their request was due; `stored` (whatever its client was told) by when it was stored, or,
-- of a query, answered. Latencies are those of the acknowledged requests due in the second: the middle one and the
-- slowest, which are exact however few there are.
WITH door AS (
    SELECT repetition, operation, floor(scheduled_us / 1e6)::BIGINT AS second,
        count(*) FILTER (outcome IN ('answered', 'accepted')) AS acknowledged,
        count(*) FILTER (outcome = 'throttled') AS throttled,
        count(*) FILTER (outcome NOT IN ('answered', 'accepted', 'throttled')) AS failed,
        quantile_disc(response_us, 0.5) FILTER (outcome IN ('answered', 'accepted')) AS response_p50_us,
        max(response_us) FILTER (outcome IN ('answered', 'accepted')) AS response_max_us,
        quantile_disc(completion_us, 0.5) FILTER (outcome IN ('answered', 'accepted')) AS completion_p50_us,
        max(completion_us) FILTER (outcome IN ('answered', 'accepted')) AS completion_max_us
    FROM requests
    JOIN (SELECT repetition, request_id, completion_us FROM effects) e USING (repetition, request_id)
    GROUP BY repetition, operation, second
),
done AS (
    SELECT repetition, operation, floor(committed_us / 1e6)::BIGINT AS second, count(*) AS stored
    FROM effects
    WHERE state = 'committed' AND committed_us IS NOT NULL
    GROUP BY ALL
)
SELECT comparison_id, architecture, variant, arm, workload, scenario, repetition, operation, second,
    coalesce(acknowledged, 0) AS acknowledged,
    coalesce(throttled, 0) AS throttled,
    coalesce(failed, 0) AS failed,
    coalesce(stored, 0) AS stored,
    response_p50_us, response_max_us, completion_p50_us, completion_max_us
FROM door
FULL JOIN done USING (repetition, operation, second)
JOIN experiments e USING (repetition)
ORDER BY repetition, operation, second
