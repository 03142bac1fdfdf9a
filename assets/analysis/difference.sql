-- The figures of single repetitions of the comparisons $ids: valid ones of the arm 'main', a time only where there are as
-- many observations as its quantile takes; one that is beyond what was watched is infinite. Times are of acknowledged requests,
-- unless the two acknowledged shares differ by more than their margin: whoever refuses the slow ones would be the quicker.
-- They are of all offered ones then (`of_all`), what was refused counting as never.
WITH replayed AS (
    SELECT * FROM experiments WHERE valid AND arm = 'main' AND comparison_id IN (SELECT unnest($ids))
),
shares AS (
    SELECT l.comparison_id, l.workload, l.scenario, l.architecture, l.variant, l.operation, l.repetition,
        unnest([
            {'metric': 'acknowledged_share', 'value': (answered + accepted) / offered},
            {'metric': 'done_share', 'value': committed / offered}
        ], recursive := true)
    FROM ledger l
    JOIN replayed USING (comparison_id, architecture, variant, arm, workload, scenario, repetition)
    WHERE l.offered > 0
),
unequal AS (
    SELECT workload, scenario, architecture, variant, operation
    FROM (
        SELECT comparison_id, workload, scenario, architecture, variant, operation, avg(value) AS share
        FROM shares WHERE metric = 'acknowledged_share' GROUP BY ALL
    )
    GROUP BY ALL
    HAVING max(share) - min(share) > $acknowledged_margin
),
times AS (
    SELECT l.comparison_id, l.workload, l.scenario, l.architecture, l.variant, l.operation, l.repetition,
        l.measure LIKE '%_of_all' AS of_all,
        unnest([
            {'metric': replace(l.measure, '_of_all', '') || '_p50', 'takes': $p50_takes, 'n': l.n, 'value': coalesce(l.p50_us::DOUBLE, 'infinity')},
            {'metric': replace(l.measure, '_of_all', '') || '_p99', 'takes': $p99_takes, 'n': l.n, 'value': coalesce(l.p99_us::DOUBLE, 'infinity')}
        ], recursive := true)
    FROM latency l
    JOIN replayed USING (comparison_id, architecture, variant, arm, workload, scenario, repetition)
    LEFT JOIN unequal u USING (workload, scenario, architecture, variant, operation)
    WHERE list_contains(
        if(u.workload IS NULL, ['response', 'completion'], ['response_of_all', 'completion_of_all']), l.measure
    )
)
SELECT comparison_id, workload, scenario, architecture, variant, operation, metric, of_all, value::DOUBLE
FROM (
    SELECT *, false AS of_all FROM shares UNION ALL BY NAME SELECT * EXCLUDE (takes, n) FROM times WHERE n >= takes
)
WHERE value IS NOT NULL
ORDER BY workload, scenario, architecture, variant, operation, metric, comparison_id, repetition
