-- The figures of a night and of the last $nights nights before it in the same cells on the same target: one row per
-- figure and night, `ago` 0 for the night itself, of nightly comparisons and valid repetitions of the arm 'main' alone.
-- A share is pooled over the repetitions, a time the median of their quantiles, where what is censored counts as
-- endless: `value` is NULL then, and `low` its lower bound. A night that was compared twice counts as last compared.
-- Times are of acknowledged requests (`requests`), unless this night's acknowledged share differs from that of the nights
-- before by more than its margin: whoever refuses the slow ones would get better. They are of all offered ones then, in
-- every night, what was refused counting as never.
WITH this AS (
    SELECT * FROM comparisons WHERE comparison_id = $comparison_id AND origin = 'nightly'
),
-- Of a service of the user's own, or of the same name with another digest, a night says nothing of this one.
before AS (
    SELECT c.comparison_id, c.night, c.finished_at, c.comparison_id = $comparison_id AS mine,
        c.config ->> 'service' IS NOT DISTINCT FROM t.config ->> 'service' AS same_service
    FROM comparisons c, this t
    WHERE c.origin = 'nightly' AND c.target IS NOT DISTINCT FROM t.target
        AND (c.comparison_id = $comparison_id OR c.night < t.night)
),
nights AS (
    SELECT c.comparison_id, c.night, c.mine
    FROM before c
    WHERE same_service
    QUALIFY row_number() OVER (PARTITION BY c.night ORDER BY c.finished_at DESC, c.comparison_id DESC) = 1 OR mine
),
replayed AS (
    SELECT e.* EXCLUDE (night), n.night, n.mine
    FROM experiments e JOIN nights n USING (comparison_id)
    WHERE e.valid AND e.arm = 'main'
),
books AS (
    SELECT e.night, e.mine, l.workload, l.scenario, l.architecture, l.variant, l.operation,
        sum(offered)::BIGINT AS offered, sum(answered + accepted) AS acknowledged, sum(committed) AS committed
    FROM ledger l
    JOIN replayed e USING (comparison_id, architecture, variant, arm, workload, scenario, repetition)
    WHERE l.offered > 0
    GROUP BY ALL
),
shares AS (
    SELECT night, mine, workload, scenario, architecture, variant, operation, offered,
        unnest([
            {'metric': 'acknowledged_share', 'value': acknowledged / offered},
            {'metric': 'done_share', 'value': committed / offered}
        ], recursive := true)
    FROM books
),
unequal AS (
    SELECT workload, scenario, architecture, variant, operation
    FROM shares
    WHERE metric = 'acknowledged_share'
    GROUP BY ALL
    HAVING abs(any_value(value) FILTER (mine) - avg(value) FILTER (NOT mine)) > $acknowledged_margin
),
quantiles AS (
    SELECT e.night, e.mine, l.workload, l.scenario, l.architecture, l.variant, l.operation,
        if(l.measure LIKE '%_of_all', 'offered', 'acknowledged') AS requests,
        unnest([
            {'metric': replace(l.measure, '_of_all', '') || '_p50', 'takes': $p50_takes, 'n': l.n, 'us': l.p50_us, 'low_us': l.p50_low_us},
            {'metric': replace(l.measure, '_of_all', '') || '_p99', 'takes': $p99_takes, 'n': l.n, 'us': l.p99_us, 'low_us': l.p99_low_us}
        ], recursive := true)
    FROM latency l
    JOIN replayed e USING (comparison_id, architecture, variant, arm, workload, scenario, repetition)
    LEFT JOIN unequal u USING (workload, scenario, architecture, variant, operation)
    WHERE l.n > 0 AND list_contains(
        if(u.workload IS NULL, ['response', 'completion'], ['response_of_all', 'completion_of_all']), l.measure
    )
),
figures AS (
    SELECT *, value AS low, 'offered' AS requests FROM shares
    UNION ALL BY NAME
    SELECT night, mine, workload, scenario, architecture, variant, operation, metric, requests, NULL::BIGINT AS offered,
        median(coalesce(us::DOUBLE, 'infinity')) AS value, median(coalesce(us, low_us)::DOUBLE) AS low
    FROM quantiles
    WHERE n >= takes
    GROUP BY ALL
)
SELECT workload, scenario, architecture, variant, operation, metric, night, mine, offered, requests,
    (SELECT config ->> 'service' FROM this) AS service,
    (SELECT count(DISTINCT night) FROM before WHERE NOT same_service) AS nights_of_others,
    if(isfinite(value), value, NULL) AS value, low,
    row_number() OVER (
        PARTITION BY workload, scenario, architecture, variant, operation, metric ORDER BY mine DESC, night DESC
    ) - 1 AS ago
FROM figures
WHERE list_contains($metrics::VARCHAR[], metric)
QUALIFY ago <= $nights
    AND bool_or(mine) OVER (PARTITION BY workload, scenario, architecture, variant, operation, metric)
ORDER BY ALL
