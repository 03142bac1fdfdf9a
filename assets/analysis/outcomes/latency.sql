-- Quantiles per experiment, operation and measure. Of acknowledged requests only, so that fast failures improve none;
-- and once more of all offered requests (`_of_all`), so that refusing improves none either: what was refused never came.
-- What had not happened when watching ended, or never will, is censored: it sorts above everything, and a quantile that
-- falls among the censored is NULL with its lower bound.
WITH measured AS (
    SELECT repetition, r.operation, r.outcome IN ('answered', 'accepted') AS acknowledged,
        unnest([
            {'measure': 'response', 'us': r.response_us, 'bound_us': 29000000,
             'kept': r.outcome IN ('answered', 'accepted', 'timed_out')},
            {'measure': 'service', 'us': r.service_us, 'bound_us': 29000000,
             'kept': r.outcome IN ('answered', 'accepted', 'timed_out')},
            {'measure': 'completion', 'us': f.completion_us, 'bound_us': e.settled_us - r.scheduled_us,
             'kept': acknowledged},
            {'measure': 'response_of_all', 'us': if(acknowledged, r.response_us, NULL), 'bound_us': 29000000,
             'kept': true},
            {'measure': 'completion_of_all', 'us': if(acknowledged, f.completion_us, NULL),
             'bound_us': e.settled_us - r.scheduled_us, 'kept': true}
        ], recursive := true)
    FROM requests r
    JOIN effects f USING (repetition, request_id)
    JOIN experiments e USING (repetition)
),
grouped AS (
    SELECT repetition, operation, measure,
        count(*) FILTER (kept) AS n,
        count(*) FILTER (kept AND us IS NULL) AS n_censored,
        count(*) FILTER (NOT kept) AS n_excluded,
        quantile_disc(coalesce(us::DOUBLE, 'infinity'), [0.5, 0.9, 0.99, 0.999]) FILTER (kept) AS q,
        quantile_disc(coalesce(us, bound_us)::DOUBLE, [0.5, 0.9, 0.99, 0.999]) FILTER (kept) AS low,
        max(us) FILTER (kept) AS max_us
    FROM measured
    GROUP BY ALL
)
SELECT comparison_id, architecture, variant, arm, workload, scenario, repetition, operation, measure,
    n, n_censored, n_excluded,
    CASE WHEN isfinite(q[1]) THEN q[1]::BIGINT END AS p50_us,
    CASE WHEN isinf(q[1]) THEN low[1]::BIGINT END AS p50_low_us, NULL::BIGINT AS p50_high_us,
    CASE WHEN isfinite(q[2]) THEN q[2]::BIGINT END AS p90_us,
    CASE WHEN isinf(q[2]) THEN low[2]::BIGINT END AS p90_low_us, NULL::BIGINT AS p90_high_us,
    CASE WHEN isfinite(q[3]) THEN q[3]::BIGINT END AS p99_us,
    CASE WHEN isinf(q[3]) THEN low[3]::BIGINT END AS p99_low_us, NULL::BIGINT AS p99_high_us,
    CASE WHEN isfinite(q[4]) THEN q[4]::BIGINT END AS p999_us,
    CASE WHEN isinf(q[4]) THEN low[4]::BIGINT END AS p999_low_us, NULL::BIGINT AS p999_high_us,
    max_us
FROM grouped
JOIN experiments e USING (repetition)
ORDER BY ALL
