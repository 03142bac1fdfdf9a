-- How long the acknowledged requests took, in bins: one row per experiment, operation, measure and bin in which there is
-- any. What was refused or never done is in no bin; `ledger` says how many were offered.
--
-- From 64 us on a bin is 1/64 of a power of two wide, so at most 1.6 % of what is in it (the bins of HdrHistogram);
-- below that every microsecond has its own. None is first or last: zeros and tails are kept. `from_us` is where a bin
-- begins, `min_us` and `max_us` are the least and the greatest seen in it, so that a cumulative share at a bin's
-- `max_us` is exact, over several experiments too, since their bins are the same.
WITH measured AS (
    SELECT repetition, operation, 'response' AS measure, response_us AS us
    FROM requests
    WHERE outcome IN ('answered', 'accepted')
    UNION ALL
    SELECT repetition, operation, 'service', service_us
    FROM requests
    WHERE outcome IN ('answered', 'accepted')
    UNION ALL
    SELECT repetition, r.operation, 'completion', completion_us
    FROM requests r
    JOIN effects USING (repetition, request_id)
    WHERE outcome IN ('answered', 'accepted')
),
binned AS (
    SELECT repetition, operation, measure,
        CASE WHEN us < 64 THEN us ELSE us - us % (1::BIGINT << (floor(log2(us))::INTEGER - 6)) END AS from_us,
        count(*) AS requests, min(us) AS min_us, max(us) AS max_us
    FROM measured
    WHERE us IS NOT NULL
    GROUP BY ALL
)
SELECT comparison_id, architecture, variant, arm, workload, scenario, repetition,
    operation, measure, from_us, b.requests, min_us, max_us
FROM binned b
JOIN experiments e USING (repetition)
ORDER BY repetition, operation, measure, from_us
