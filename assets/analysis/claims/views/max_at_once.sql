-- The most invocations of one function that ran at once, by the clock of the handlers themselves. One that ends in the
-- microsecond in which another starts does not overlap it.
SELECT {key}, function, max(at_once)::BIGINT AS at_once, count(*) FILTER (step = 1) AS invocations
FROM (
    SELECT {key}, function, step, sum(step) OVER (PARTITION BY {key}, function ORDER BY at_us, step) AS at_once
    FROM (
        SELECT {key}, function, started_us AS at_us, 1 AS step
        FROM run_invocations WHERE outcome NOT IN ('timed_out', 'unlogged')
        UNION ALL
        SELECT {key}, function, started_us + duration_us, -1
        FROM run_invocations WHERE outcome NOT IN ('timed_out', 'unlogged')
    )
)
GROUP BY {key}, function
