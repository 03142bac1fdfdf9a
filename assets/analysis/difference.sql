-- The figures of single repetitions of the comparisons $ids: valid ones of the arm 'main', a time only where there are as
-- many observations as its quantile takes, and none that is beyond what was watched.
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
times AS (
    SELECT l.comparison_id, l.workload, l.scenario, l.architecture, l.variant, l.operation, l.repetition,
        unnest([
            {'metric': l.measure || '_p50', 'takes': $p50_takes, 'n': l.n, 'value': l.p50_us::DOUBLE},
            {'metric': l.measure || '_p99', 'takes': $p99_takes, 'n': l.n, 'value': l.p99_us::DOUBLE}
        ], recursive := true)
    FROM latency l
    JOIN replayed USING (comparison_id, architecture, variant, arm, workload, scenario, repetition)
    WHERE l.measure IN ('response', 'completion')
)
SELECT comparison_id, workload, scenario, architecture, variant, operation, metric, value::DOUBLE
FROM (
    SELECT * FROM shares UNION ALL BY NAME SELECT * EXCLUDE (takes, n) FROM times WHERE n >= takes
)
WHERE value IS NOT NULL
ORDER BY workload, scenario, architecture, variant, operation, metric, comparison_id, repetition
