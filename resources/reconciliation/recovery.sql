-- What a fault did and how long its traces lasted: one row per experiment and fault window. Commands only. A limit
-- that is on throughout counts as a window over the whole replay.
WITH windows AS (
    SELECT comparison_id, architecture, variant, arm, workload, scenario, repetition, settled_us, queued,
        unnest(from_json(fault_windows, '[{"target":"VARCHAR","kind":"VARCHAR","start_us":"BIGINT","end_us":"BIGINT"}]'),
            recursive := true)
    FROM experiments
    WHERE json_array_length(fault_windows) > 0
),
commands AS (
    SELECT r.*, f.state, f.completion_us, r.outcome IN ('answered', 'accepted') AS acknowledged
    FROM requests r
    JOIN effects f USING (comparison_id, architecture, variant, arm, workload, scenario, repetition, request_id)
    WHERE r.operation = 'command'
),
during AS (
    SELECT w.comparison_id, w.architecture, w.variant, w.arm, w.workload, w.scenario, w.repetition, w.start_us,
        avg((NOT c.acknowledged)::INT) AS error_share_in_window,
        count(*) FILTER (c.acknowledged AND c.state = 'committed') / nullif(count(*) FILTER (c.acknowledged), 0)
            AS recovered_share
    FROM windows w
    JOIN commands c USING (comparison_id, architecture, variant, arm, workload, scenario, repetition)
    WHERE c.scheduled_us >= w.start_us AND c.scheduled_us < w.end_us
    GROUP BY ALL
),
before AS (
    SELECT w.comparison_id, w.architecture, w.variant, w.arm, w.workload, w.scenario, w.repetition, w.start_us,
        quantile_disc(c.completion_us, 0.95) AS p95_us
    FROM windows w
    JOIN commands c USING (comparison_id, architecture, variant, arm, workload, scenario, repetition)
    WHERE c.scheduled_us < w.start_us AND c.state = 'committed'
    GROUP BY ALL
),
-- The last command due after the window that was not done within twice the p95 of before: normal from there on.
late AS (
    SELECT w.comparison_id, w.architecture, w.variant, w.arm, w.workload, w.scenario, w.repetition, w.start_us,
        max(c.scheduled_us - w.end_us) AS last_late_us
    FROM windows w
    JOIN before b USING (comparison_id, architecture, variant, arm, workload, scenario, repetition, start_us)
    JOIN commands c USING (comparison_id, architecture, variant, arm, workload, scenario, repetition)
    WHERE c.scheduled_us >= w.end_us AND (NOT c.acknowledged OR c.completion_us IS NULL OR c.completion_us > 2 * b.p95_us)
    GROUP BY ALL
),
backlogs AS (
    SELECT w.comparison_id, w.architecture, w.variant, w.arm, w.workload, w.scenario, w.repetition, w.start_us,
        len(w.queued) > 0 AS queued,
        max(s.queue_visible + s.queue_in_flight) FILTER (s.t_us >= w.start_us) AS backlog_max,
        -- the last moment after the window at which anything waited
        max(s.t_us - w.end_us) FILTER (s.t_us >= w.end_us AND s.queue_visible + s.queue_in_flight > 0) AS drain_us
    FROM windows w
    JOIN samples s USING (comparison_id, architecture, variant, arm, workload, scenario, repetition)
    GROUP BY ALL
)
SELECT w.comparison_id, w.architecture, w.variant, w.arm, w.workload, w.scenario, w.repetition,
    w.target, w.kind, w.start_us, w.end_us,
    d.error_share_in_window,
    b.backlog_max,
    CASE WHEN b.queued THEN coalesce(b.drain_us, 0) END AS drain_us,
    CASE WHEN n.p95_us IS NOT NULL THEN coalesce(l.last_late_us, 0) END AS back_to_normal_us,
    d.recovered_share
FROM windows w
LEFT JOIN during d USING (comparison_id, architecture, variant, arm, workload, scenario, repetition, start_us)
LEFT JOIN before n USING (comparison_id, architecture, variant, arm, workload, scenario, repetition, start_us)
LEFT JOIN late l USING (comparison_id, architecture, variant, arm, workload, scenario, repetition, start_us)
LEFT JOIN backlogs b USING (comparison_id, architecture, variant, arm, workload, scenario, repetition, start_us)
ORDER BY ALL
