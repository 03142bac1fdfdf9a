-- What became of each effect of commands that have several: one row per offered command and effect. None where a command
-- has one: `effects.sql` decides the same of it, as here, without naming it.
WITH expected AS (
    SELECT r.*, unnest(e.effects) AS effect
    FROM requests r
    JOIN (SELECT repetition, effects FROM experiments WHERE len(effects) > 1) e USING (repetition)
    WHERE operation = 'command'
),
stored AS (
    SELECT
        repetition, request_id, coalesce(effect, effects[1]) AS effect,
        sum(commits)::BIGINT AS commits,
        min(stamp_us) AS stamp_us
    FROM items
    JOIN (SELECT repetition, effects FROM experiments WHERE len(effects) > 1) USING (repetition)
    GROUP BY ALL
),
handled AS (
    SELECT
        repetition, request_id, coalesce(effect, effects[1]) AS effect,
        count(*) AS deliveries,
        count(*) FILTER (result = 'committed') AS commits_logged,
        min(at_us) FILTER (result = 'committed') AS committed_us,
        max(receive_count) AS receive_count
    FROM records
    JOIN (SELECT repetition, effects FROM experiments WHERE len(effects) > 1) USING (repetition)
    WHERE function <> 'publisher'  -- which passes on and brings nothing about
    GROUP BY ALL
),
-- A message stands for every effect that it was still to bring about.
carried AS (
    SELECT repetition, request_id, queue, receive_count, unnest(coalesce(m.effects, e.effects)) AS effect
    FROM messages m
    JOIN (SELECT repetition, effects FROM experiments WHERE len(effects) > 1) e USING (repetition)
),
waiting AS (
    SELECT
        repetition, request_id, effect,
        bool_or(queue = 'dead_letter_queue') AS dead_lettered,
        bool_or(queue = 'queue') AS in_queue,
        max(receive_count) AS receive_count
    FROM carried
    GROUP BY ALL
),
joined AS (
    SELECT
        r.*,
        coalesce(i.commits, 0) AS commits,
        i.stamp_us,
        CASE WHEN h.commits_logged >= i.commits THEN h.committed_us END AS handler_committed_us,
        greatest(coalesce(h.deliveries, 0), coalesce(h.receive_count, 0), coalesce(w.receive_count, 0)) AS deliveries,
        CASE
            WHEN i.commits > 0 THEN 'committed'
            WHEN w.dead_lettered THEN 'dead_lettered'
            WHEN w.in_queue THEN 'in_flight'
            WHEN r.outcome IN ('answered', 'accepted') THEN 'lost'
            ELSE 'rejected'
        END AS state
    FROM expected r
    LEFT JOIN stored i USING (repetition, request_id, effect)
    LEFT JOIN handled h USING (repetition, request_id, effect)
    LEFT JOIN waiting w USING (repetition, request_id, effect)
)
SELECT
    comparison_id, architecture, variant, arm, workload, scenario, repetition,
    request_id, entity, effect, state,
    coalesce(handler_committed_us, stamp_us) AS committed_us,
    coalesce(handler_committed_us, stamp_us) - scheduled_us AS completion_us,
    deliveries, commits, greatest(commits - 1, 0) AS duplicates,
    CASE WHEN handler_committed_us IS NOT NULL THEN 'handler' WHEN stamp_us IS NOT NULL THEN 'item' END AS commit_clock
FROM joined
ORDER BY repetition, scheduled_us, request_id, effect
