-- What happened in each second of an experiment: one row per experiment, operation and second with anything in it.
-- Answers are counted by when their request was due; `stored` (whatever its client was told) by when it was stored, or,
-- of a query, answered.
WITH door AS (
    SELECT repetition, operation, floor(scheduled_us / 1e6)::BIGINT AS second,
        count(*) FILTER (outcome IN ('answered', 'accepted')) AS acknowledged,
        count(*) FILTER (outcome = 'throttled') AS throttled,
        count(*) FILTER (outcome NOT IN ('answered', 'accepted', 'throttled')) AS failed
    FROM requests
    GROUP BY ALL
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
    coalesce(stored, 0) AS stored
FROM door
FULL JOIN done USING (repetition, operation, second)
JOIN experiments e USING (repetition)
ORDER BY repetition, operation, second
