-- How long requests took when they were recorded, and in the replay: one row per experiment, operation and measure, with
-- the quantiles of the requests that have it. `recorded` is the answer's time in the recording; `asked` the work the
-- handler was asked for; `worked` the work it did, by its own clock, the first time it had the request; `deviation` how
-- far that is from what it was asked for; `service` the time from sending to the result, of those that got one.
WITH worked AS (
    SELECT repetition, request_id, arg_min(worked_us, at_us) AS worked_us
    FROM records
    WHERE worked_us IS NOT NULL
    GROUP BY ALL
),
measured AS (
    SELECT repetition, operation, unnest([
        {'measure': 'recorded', 'us': recorded_us},
        {'measure': 'asked', 'us': work_us},
        {'measure': 'worked', 'us': worked_us},
        {'measure': 'deviation', 'us': CASE WHEN work_us IS NOT NULL THEN abs(worked_us - work_us) END},
        {'measure': 'service', 'us': CASE WHEN outcome = 'answered' THEN service_us END}
    ], recursive := true)
    FROM requests
    LEFT JOIN worked USING (repetition, request_id)
),
quantiles AS (
    SELECT repetition, operation, measure, count(us) AS requests,
        round(quantile_cont(us, 0.5))::BIGINT AS p50_us, round(quantile_cont(us, 0.9))::BIGINT AS p90_us,
        round(quantile_cont(us, 0.99))::BIGINT AS p99_us
    FROM measured
    WHERE us IS NOT NULL
    GROUP BY ALL
)
SELECT comparison_id, architecture, variant, arm, workload, scenario, repetition, operation, measure, q.requests,
    p50_us, p90_us, p99_us
FROM quantiles q
JOIN experiments e USING (repetition)
ORDER BY repetition, operation, measure
