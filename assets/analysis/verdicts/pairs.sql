-- What is to be judged: one row per expected candidate, cell, operation and metric, whatever there is of it. Candidates
-- are all architectures of the comparison but the baseline; in the arm 'aa' each stands against itself.
-- Lists hold one entry per repetition that is valid on both sides, in their order. A share is `events` of `offered`;
-- a time is `us`, and where that is NULL `low_us` its lower bound (censored), and where that is NULL too there is none;
-- it is a quantile of `n` requests. Times are of acknowledged requests, unless the two sides acknowledged shares that
-- differ by more than their margin: whoever refuses the slow ones would be the quicker. They are of all offered ones then
-- (`of_all`), what was refused counting as never. A repetition is `late` for times where the load generator's own lag, on
-- either side, is too much of the shorter of both p99.
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
        e.client_lag_p99_us,
        unnest([
            {'metric': 'acknowledged_share', 'events': l.answered + l.accepted, 'p99_us': NULL,
             'of_acknowledged': NULL, 'of_all': NULL},
            {'metric': 'done_share', 'events': l.committed, 'p99_us': NULL,
             'of_acknowledged': NULL, 'of_all': NULL},
            {'metric': 'response_p50', 'events': NULL, 'p99_us': r.p99_us,
             'of_acknowledged': {'n': r.n, 'us': r.p50_us, 'low_us': r.p50_low_us},
             'of_all': {'n': ra.n, 'us': ra.p50_us, 'low_us': ra.p50_low_us}},
            {'metric': 'response_p99', 'events': NULL, 'p99_us': r.p99_us,
             'of_acknowledged': {'n': r.n, 'us': r.p99_us, 'low_us': r.p99_low_us},
             'of_all': {'n': ra.n, 'us': ra.p99_us, 'low_us': ra.p99_low_us}},
            {'metric': 'completion_p50', 'events': NULL, 'p99_us': c.p99_us,
             'of_acknowledged': {'n': c.n, 'us': c.p50_us, 'low_us': c.p50_low_us},
             'of_all': {'n': ca.n, 'us': ca.p50_us, 'low_us': ca.p50_low_us}},
            {'metric': 'completion_p99', 'events': NULL, 'p99_us': c.p99_us,
             'of_acknowledged': {'n': c.n, 'us': c.p99_us, 'low_us': c.p99_low_us},
             'of_all': {'n': ca.n, 'us': ca.p99_us, 'low_us': ca.p99_low_us}}
        ], max_depth := 2)
    FROM ledger l
    JOIN (SELECT * FROM mine WHERE valid) e
        USING (comparison_id, architecture, variant, arm, workload, scenario, repetition)
    LEFT JOIN (FROM latency WHERE measure = 'response') r
        USING (comparison_id, architecture, variant, arm, workload, scenario, repetition, operation)
    LEFT JOIN (FROM latency WHERE measure = 'completion') c
        USING (comparison_id, architecture, variant, arm, workload, scenario, repetition, operation)
    LEFT JOIN (FROM latency WHERE measure = 'response_of_all') ra
        USING (comparison_id, architecture, variant, arm, workload, scenario, repetition, operation)
    LEFT JOIN (FROM latency WHERE measure = 'completion_of_all') ca
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
        list(b.of_acknowledged ORDER BY b.repetition) AS baseline_of_acknowledged,
        list(c.of_acknowledged ORDER BY b.repetition) AS candidate_of_acknowledged,
        list(
            coalesce(
                greatest(b.client_lag_p99_us, c.client_lag_p99_us)
                    > $lag_at_most * least(b.p99_us, c.p99_us),
                false
            ) ORDER BY b.repetition
        ) AS late,
        list(b.of_all ORDER BY b.repetition) AS baseline_of_all,
        list(c.of_all ORDER BY b.repetition) AS candidate_of_all
    FROM expected x
    JOIN measured b ON b.workload = x.workload AND b.scenario = x.scenario AND b.variant = x.variant
        AND b.arm = 'main' AND b.architecture = x.baseline
    JOIN measured c ON c.workload = x.workload AND c.scenario = x.scenario AND c.variant = x.variant
        AND c.arm = x.arm AND c.architecture = x.candidate
        AND c.repetition = b.repetition AND c.operation = b.operation AND c.metric = b.metric
    GROUP BY ALL
),
-- Whose acknowledged shares differ by more than their margin.
unequal AS (
    SELECT workload, scenario, variant, arm, baseline, candidate, operation
    FROM paired
    WHERE metric = 'acknowledged_share'
        AND abs(
            list_sum(candidate_events) / list_sum(candidate_offered) - list_sum(baseline_events) / list_sum(baseline_offered)
        ) > $acknowledged_margin
),
-- Of a side by itself: what is shown where nothing could be paired.
alone AS (
    SELECT architecture, variant, arm, workload, scenario, operation, metric,
        sum(offered)::BIGINT AS offered,
        coalesce(
            sum(events) / sum(offered),
            median(coalesce(of_acknowledged.us::DOUBLE, 'infinity')) FILTER (
                (of_acknowledged.us IS NOT NULL OR of_acknowledged.low_us IS NOT NULL)
                AND of_acknowledged.n >= if(metric LIKE '%_p50', $p50_needed, $p99_needed)
            )
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
    p.repetitions, p.late, p.baseline_offered, p.candidate_offered, p.baseline_events, p.candidate_events,
    u.workload IS NOT NULL AS of_all,
    if(of_all, p.baseline_of_all, p.baseline_of_acknowledged) AS baseline_times,
    if(of_all, p.candidate_of_all, p.candidate_of_acknowledged) AS candidate_times
FROM to_judge j
LEFT JOIN paired p USING (workload, scenario, operation, variant, arm, baseline, candidate, metric)
LEFT JOIN unequal u USING (workload, scenario, operation, variant, arm, baseline, candidate)
LEFT JOIN sides sb ON sb.workload = j.workload AND sb.scenario = j.scenario AND sb.variant = j.variant
    AND sb.arm = 'main' AND sb.architecture = j.baseline
LEFT JOIN sides sc ON sc.workload = j.workload AND sc.scenario = j.scenario AND sc.variant = j.variant
    AND sc.arm = j.arm AND sc.architecture = j.candidate
LEFT JOIN alone ab ON ab.workload = j.workload AND ab.scenario = j.scenario AND ab.variant = j.variant
    AND ab.arm = 'main' AND ab.architecture = j.baseline AND ab.operation = j.operation AND ab.metric = j.metric
LEFT JOIN alone ac ON ac.workload = j.workload AND ac.scenario = j.scenario AND ac.variant = j.variant
    AND ac.arm = j.arm AND ac.architecture = j.candidate AND ac.operation = j.operation AND ac.metric = j.metric
ORDER BY j.workload, j.scenario, j.operation, j.variant, j.arm, j.candidate, j.position
