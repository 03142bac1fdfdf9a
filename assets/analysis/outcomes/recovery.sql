-- What a fault did and how long its traces lasted: one row per experiment and fault window. Commands only, those that
-- were due in the window; goodput counts them by when they were committed.
--
-- `fault` is the window's position in `fault_windows`: windows may overlap, or begin together. A window over (nearly)
-- all of the replay, such as a limit's, has nothing before or after it to compare with: those figures are NULL. Of the
-- others, one must not be measured by the traces of another: goodput *before* is since the end of the fault before,
-- *after* until the next one starts, or else until the replay ends or the queue is empty, whichever is later. Where
-- another is still on at a window's end, nothing is *after* it, and NULL what would be counted there.
--
-- drain_us: from the window's end until no more waited than usual, which is the median of before the first fault;
-- nothing, without such a time. It is the last moment seen with more, so 0 where there never was more; NULL without a
-- queue, and where it never came down to that. A later fault does not end it: a queue drained before that one shows,
-- and one that was not drains when it does. backlog_max is of that same stretch, from the window's start on.
--
-- back_to_normal_us: from the window's end to the last late command due before the next fault. Late is one not
-- acknowledged, not done, or done after more than twice the p95 of those due before the window and outside of any, with
-- another such among its nineteen neighbours on either side: one in twenty is what a p95 lets pass. 0: none was; NULL:
-- none was due. Where the last command watched still was late, NULL, and back_to_normal_low_us says how long that was.
WITH listed AS (
    SELECT comparison_id, architecture, variant, arm, workload, scenario, repetition, duration_us, settled_us,
        len(queued) > 0 AS queued, list_contains(queued, 'command') AS commands_queued,
        from_json(fault_windows, '[{"target":"VARCHAR","kind":"VARCHAR","start_us":"BIGINT","end_us":"BIGINT",
            "present":"BOOLEAN","requests":"BIGINT"}]') AS found
    FROM experiments
),
numbered AS (
    SELECT * EXCLUDE (found), unnest(found, recursive := true), unnest(range(len(found)))::INTEGER AS fault
    FROM listed
),
marked AS (
    -- Faults of deliveries do nothing where commands go through no queue.
    SELECT * REPLACE (coalesce(present, true) AND (commands_queued OR target <> 'deliveries') AS present),
        end_us - start_us >= 0.95 * duration_us AS throughout
    FROM numbered
    WHERE start_us IS NOT NULL  -- the replay was over before it began
),
passing AS (SELECT repetition, start_us, end_us FROM marked WHERE present AND NOT throughout),
windows AS (
    SELECT m.*,
        (SELECT min(start_us) FROM passing p WHERE p.repetition = m.repetition) AS first_us,
        CASE WHEN NOT throughout THEN coalesce(
            (SELECT max(end_us) FROM passing p WHERE p.repetition = m.repetition AND p.end_us <= m.start_us), 0
        ) END AS since_us,
        CASE WHEN NOT throughout THEN least(m.start_us, (
            SELECT min(start_us) FROM passing p
            WHERE p.repetition = m.repetition AND p.start_us <= m.start_us AND p.end_us > m.start_us
        )) END AS before_us,
        (SELECT min(greatest(start_us, m.end_us)) FROM passing p
            WHERE p.repetition = m.repetition AND p.end_us > m.end_us) AS next_us
    FROM marked m
),
commands AS (
    SELECT r.repetition, r.request_id, r.scheduled_us, f.state, f.committed_us, f.completion_us,
        r.outcome IN ('answered', 'accepted') AS acknowledged
    FROM requests r
    JOIN effects f USING (repetition, request_id)
    WHERE r.operation = 'command'
),
during AS (
    SELECT repetition, fault,
        avg((NOT acknowledged)::INT) AS error_share_in_window,
        avg(acknowledged::INT) AS acknowledged_share,
        avg((acknowledged AND state = 'committed')::INT) AS success_share,
        count(*) FILTER (acknowledged AND state = 'committed') / nullif(count(*) FILTER (acknowledged), 0)
            AS recovered_share
    FROM windows JOIN commands USING (repetition)
    WHERE scheduled_us >= start_us AND scheduled_us < end_us
    GROUP BY ALL
),
normal AS (
    SELECT repetition, fault, quantile_disc(completion_us, 0.95) AS p95_us
    FROM windows JOIN commands c USING (repetition)
    WHERE scheduled_us < before_us AND state = 'committed' AND NOT EXISTS (
        SELECT 1 FROM passing p
        WHERE p.repetition = c.repetition AND c.scheduled_us >= p.start_us AND c.scheduled_us < p.end_us
    )
    GROUP BY ALL
    HAVING p95_us IS NOT NULL
),
judged AS (
    SELECT repetition, fault, scheduled_us - end_us AS after_us,
        NOT acknowledged OR completion_us IS NULL OR completion_us > 2 * p95_us AS late
    FROM windows
    JOIN normal USING (repetition, fault)
    JOIN commands USING (repetition)
    WHERE scheduled_us >= end_us AND (next_us IS NULL OR scheduled_us < next_us)
),
accompanied AS (
    SELECT *, late AND count(*) FILTER (late) OVER (
        PARTITION BY repetition, fault ORDER BY after_us ROWS BETWEEN 19 PRECEDING AND 19 FOLLOWING
    ) > 1 AS counts
    FROM judged
),
late AS (
    SELECT repetition, fault,
        max(after_us) FILTER (counts) AS last_us,
        coalesce(last_us = max(after_us), false) AS censored
    FROM accompanied
    GROUP BY ALL
),
usual AS (
    SELECT repetition, fault, quantile_disc(queue_visible + queue_in_flight, 0.5) AS waiting
    FROM windows JOIN samples USING (repetition)
    WHERE t_us < first_us AND NOT throughout
    GROUP BY ALL
),
watched AS (
    SELECT repetition, fault, queued, start_us, end_us, t_us, queue_visible + queue_in_flight AS waiting,
        queue_visible + queue_in_flight > coalesce(u.waiting, 0) AS more
    FROM windows
    JOIN samples USING (repetition)
    LEFT JOIN usual u USING (repetition, fault)
    WHERE t_us >= start_us
),
drained AS (
    SELECT repetition, fault, min(t_us) FILTER (t_us >= end_us AND NOT more) AS drained_us FROM watched GROUP BY ALL
),
backlogs AS (
    SELECT repetition, fault, any_value(drained_us) AS drained_us,
        max(waiting) AS backlog_max,
        CASE WHEN bool_and(queued AND drained_us IS NOT NULL)
            THEN coalesce(max(t_us - end_us) FILTER (t_us >= end_us AND more), 0)
        END AS drain_us
    FROM watched JOIN drained USING (repetition, fault)
    WHERE drained_us IS NULL OR t_us <= drained_us
    GROUP BY ALL
),
spans AS (
    SELECT repetition, fault, start_us, end_us, since_us, before_us,
        CASE WHEN NOT throughout THEN coalesce(
            next_us, greatest(duration_us, CASE WHEN queued THEN coalesce(drained_us, settled_us) END)
        ) END AS until_us
    FROM windows LEFT JOIN backlogs USING (repetition, fault)
),
goodput AS (
    SELECT repetition, fault,
        count(*) FILTER (committed_us >= since_us AND committed_us < before_us)
            / nullif(greatest(any_value(before_us - since_us), 0), 0) * 1e6 AS before_per_s,
        count(*) FILTER (committed_us >= start_us AND committed_us < end_us)
            / nullif(any_value(end_us - start_us), 0) * 1e6 AS in_window_per_s,
        count(*) FILTER (committed_us >= end_us AND committed_us < until_us)
            / nullif(greatest(any_value(until_us - end_us), 0), 0) * 1e6 AS after_per_s
    FROM spans JOIN commands USING (repetition)
    GROUP BY ALL
)
SELECT w.comparison_id, w.architecture, w.variant, w.arm, w.workload, w.scenario, w.repetition,
    fault, w.target, w.kind, w.start_us, w.end_us, w.present, w.requests,
    d.error_share_in_window, d.acknowledged_share, d.success_share, d.recovered_share,
    g.before_per_s AS goodput_before_per_s,
    g.in_window_per_s AS goodput_in_window_per_s,
    g.after_per_s AS goodput_after_per_s,
    b.backlog_max, b.drain_us,
    CASE WHEN NOT l.censored THEN coalesce(l.last_us, 0) END AS back_to_normal_us,
    CASE WHEN l.censored THEN l.last_us END AS back_to_normal_low_us
FROM windows w
LEFT JOIN during d USING (repetition, fault)
LEFT JOIN late l USING (repetition, fault)
LEFT JOIN backlogs b USING (repetition, fault)
LEFT JOIN goodput g USING (repetition, fault)
ORDER BY repetition, fault
