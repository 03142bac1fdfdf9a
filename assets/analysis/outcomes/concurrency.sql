-- How many execution environments were busy: one row per experiment and second in which an invocation began or ended.
-- `busy_max` is the most at once; `busy_last` as many as were when the second ended.
WITH ends AS (
    SELECT repetition, started_us AS at_us, 1 AS n FROM raw_invocations WHERE duration_us > 0
    UNION ALL
    SELECT repetition, started_us + duration_us, -1 FROM raw_invocations WHERE duration_us > 0
),
running AS (  -- of the same moment, ends before beginnings
    SELECT repetition, at_us, n,
        sum(n) OVER (PARTITION BY repetition ORDER BY at_us, n ROWS UNBOUNDED PRECEDING) AS busy
    FROM ends
),
seconds AS (
    SELECT repetition, floor(at_us / 1e6)::BIGINT AS second, max(greatest(busy, busy - n))::BIGINT AS busy_max,
        arg_max(busy, (at_us, n))::BIGINT AS busy_last
    FROM running
    GROUP BY ALL
)
SELECT comparison_id, architecture, variant, arm, workload, scenario, repetition, second, busy_max, busy_last
FROM seconds
JOIN experiments USING (repetition)
ORDER BY repetition, second
