-- What is to be judged: one row per expected candidate, cell, operation and metric, whatever there is of it. Candidates
-- are all architectures of the comparison but the baseline; in the arm 'aa' each stands against itself.
-- Lists hold one entry per repetition that is valid on both sides, in their order. A share is `events` of `offered`;
-- a time is `us`, and where that is NULL `low_us` its lower bound (censored), and where that is NULL too there is none.
WITH mine AS (
    SELECT * FROM experiments WHERE comparison_id = $comparison_id
),
expected AS (
    SELECT workload, scenario, variant, 'main' AS arm, $baseline AS baseline, architecture AS candidate
    FROM (SELECT DISTINCT workload, scenario, variant FROM mine)
    CROSS JOIN (SELECT DISTINCT architecture FROM mine WHERE architecture <> $baseline)
    UNION ALL
    SELECT DISTINCT workload, scenario, variant, 'aa', architecture, architecture FROM mine WHERE arm = 'aa'
),
to_judge AS (
    SELECT * FROM expected
    CROSS JOIN (SELECT unnest(['command', 'query']) AS operation)
    CROSS JOIN (SELECT unnest($metrics::VARCHAR[]) AS metric, unnest(range(len($metrics::VARCHAR[]))) AS position)
),
sides AS (
    SELECT architecture, variant, arm, workload, scenario, count(*) AS replays, count(*) FILTER (valid) AS valid,
        arg_min(invalid_reason, repetition) FILTER (NOT valid) AS invalid_reason
    FROM mine
    GROUP BY ALL
),
measured AS (
    SELECT l.architecture, l.variant, l.arm, l.workload, l.scenario, l.repetition, l.operation, l.offered,
        unnest([
            {'metric': 'acknowledged_share', 'events': l.answered + l.accepted, 'us': NULL::BIGINT, 'low_us': NULL::BIGINT},
            {'metric': 'done_share', 'events': l.committed, 'us': NULL, 'low_us': NULL},
            {'metric': 'response_p50', 'events': NULL, 'us': r.p50_us, 'low_us': r.p50_low_us},
            {'metric': 'response_p99', 'events': NULL, 'us': r.p99_us, 'low_us': r.p99_low_us},
            {'metric': 'completion_p50', 'events': NULL, 'us': c.p50_us, 'low_us': c.p50_low_us},
            {'metric': 'completion_p99', 'events': NULL, 'us': c.p99_us, 'low_us': c.p99_low_us}
        ], recursive := true)
    FROM ledger l
    SEMI JOIN (SELECT * FROM mine WHERE valid) e
        USING (comparison_id, architecture, variant, arm, workload, scenario, repetition)
    LEFT JOIN (FROM latency WHERE measure = 'response') r
        USING (comparison_id, architecture, variant, arm, workload, scenario, repetition, operation)
    LEFT JOIN (FROM latency WHERE measure = 'completion') c
        USING (comparison_id, architecture, variant, arm, workload, scenario, repetition, operation)
    WHERE l.offered > 0
),
paired AS (
    SELECT x.workload, x.scenario, x.variant, x.arm, x.baseline, x.candidate, b.operation, b.metric,
        list(b.repetition ORDER BY b.repetition) AS repetitions,
        list(b.offered ORDER BY b.repetition) AS baseline_offered,
        list(c.offered ORDER BY b.repetition) AS candidate_offered,
        list(b.events ORDER BY b.repetition) AS baseline_events,
        list(c.events ORDER BY b.repetition) AS candidate_events,
        list(b.us ORDER BY b.repetition) AS baseline_us,
        list(c.us ORDER BY b.repetition) AS candidate_us,
        list(b.low_us ORDER BY b.repetition) AS baseline_low_us,
        list(c.low_us ORDER BY b.repetition) AS candidate_low_us
    FROM expected x
    JOIN measured b ON b.workload = x.workload AND b.scenario = x.scenario AND b.variant = x.variant
        AND b.arm = 'main' AND b.architecture = x.baseline
    JOIN measured c ON c.workload = x.workload AND c.scenario = x.scenario AND c.variant = x.variant
        AND c.arm = x.arm AND c.architecture = x.candidate
        AND c.repetition = b.repetition AND c.operation = b.operation AND c.metric = b.metric
    GROUP BY ALL
),
-- Of a side by itself: what is shown where nothing could be paired.
alone AS (
    SELECT architecture, variant, arm, workload, scenario, operation, metric,
        sum(offered)::BIGINT AS offered,
        coalesce(
            sum(events) / sum(offered),
            median(coalesce(us::DOUBLE, 'infinity')) FILTER (us IS NOT NULL OR low_us IS NOT NULL)
        ) AS value
    FROM measured
    GROUP BY ALL
)
SELECT j.workload, j.scenario, j.operation, j.variant, j.arm, j.baseline, j.candidate, j.metric,
    coalesce(sb.replays, 0) AS baseline_replays, coalesce(sb.valid, 0) AS baseline_valid,
    sb.invalid_reason AS baseline_invalid_reason,
    coalesce(sc.replays, 0) AS candidate_replays, coalesce(sc.valid, 0) AS candidate_valid,
    sc.invalid_reason AS candidate_invalid_reason,
    coalesce(ab.offered, 0) AS baseline_offered_in_all, coalesce(ac.offered, 0) AS candidate_offered_in_all,
    if(isfinite(ab.value), ab.value, NULL) AS baseline_alone, if(isfinite(ac.value), ac.value, NULL) AS candidate_alone,
    p.* EXCLUDE (workload, scenario, operation, variant, arm, baseline, candidate, metric)
FROM to_judge j
LEFT JOIN paired p USING (workload, scenario, operation, variant, arm, baseline, candidate, metric)
LEFT JOIN sides sb ON sb.workload = j.workload AND sb.scenario = j.scenario AND sb.variant = j.variant
    AND sb.arm = 'main' AND sb.architecture = j.baseline
LEFT JOIN sides sc ON sc.workload = j.workload AND sc.scenario = j.scenario AND sc.variant = j.variant
    AND sc.arm = j.arm AND sc.architecture = j.candidate
LEFT JOIN alone ab ON ab.workload = j.workload AND ab.scenario = j.scenario AND ab.variant = j.variant
    AND ab.arm = 'main' AND ab.architecture = j.baseline AND ab.operation = j.operation AND ab.metric = j.metric
LEFT JOIN alone ac ON ac.workload = j.workload AND ac.scenario = j.scenario AND ac.variant = j.variant
    AND ac.arm = j.arm AND ac.architecture = j.candidate AND ac.operation = j.operation AND ac.metric = j.metric
ORDER BY j.workload, j.scenario, j.operation, j.variant, j.arm, j.candidate, j.position
