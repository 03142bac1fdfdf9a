-- What became of each offered request behind the answer: one row per request. Decides its state, and which clock dates
-- its commit.
WITH stored AS (
    SELECT
        repetition, request_id,
        sum(commits)::BIGINT AS commits,
        min(stamp_us) AS stamp_us,
        bool_or(found) AS found
    FROM items
    GROUP BY ALL
),
handled AS (
    SELECT
        repetition, request_id,
        count(*) AS deliveries,
        count(*) FILTER (result = 'committed') AS commits_logged,
        min(at_us) FILTER (result = 'committed') AS committed_us,
        max(receive_count) AS receive_count,
        bool_or(found) AS found
    FROM records
    WHERE function NOT IN ('result', 'publisher')  -- which hand out an answer, or pass on, and carry nothing out
    GROUP BY ALL
),
waiting AS (
    SELECT
        repetition, request_id,
        bool_or(queue = 'dead_letter_queue') AS dead_lettered,
        bool_or(queue = 'queue') AS in_queue,
        max(receive_count) AS receive_count
    FROM messages
    GROUP BY ALL
),
several AS (  -- of commands with several effects: none is done before all of them are
    SELECT
        repetition, request_id,
        bool_and(state = 'committed') AS committed,
        bool_or(state = 'committed') AS begun,
        bool_or(state = 'dead_lettered') AS dead_lettered,
        bool_or(state = 'in_flight') AS in_queue,
        max(committed_us) AS committed_us,
        arg_max(commit_clock, committed_us) AS commit_clock,
        max(commits) AS commits,
        max(deliveries) AS deliveries,
        sum(duplicates)::BIGINT AS duplicates,
        sum(greatest(deliveries - 1, 0))::BIGINT AS redeliveries
    FROM effect_parts
    GROUP BY ALL
),
joined AS (
    SELECT
        r.*, s.fetches, s.fetched_us,
        coalesce(p.commits, i.commits, 0) AS commits,
        p.duplicates, p.redeliveries, p.committed_us AS last_part_us, p.commit_clock AS last_part_clock,
        i.stamp_us,
        -- A write whose answer was lost, or whose handler was cut off, is in no log line, or in one that says it failed.
        -- Where one is missing, the first one logged may be a repetition seconds later, or a `duplicate` that wrote
        -- nothing: the item's own stamp is then the better clock.
        CASE WHEN h.commits_logged >= i.commits THEN h.committed_us END AS handler_committed_us,
        coalesce(
            p.deliveries,
            greatest(coalesce(h.deliveries, 0), coalesce(h.receive_count, 0), coalesce(w.receive_count, 0))
        ) AS deliveries,
        coalesce(i.found, h.found) AS found,
        CASE
            WHEN r.operation = 'query' AND (r.outcome = 'answered' OR s.fetched_us IS NOT NULL) THEN 'committed'
            WHEN coalesce(p.committed, i.commits > 0 AND s.fetches IS NULL) THEN 'committed'
            WHEN p.committed IS NULL AND i.commits > 0 THEN 'in_flight'  -- for a client that stopped asking before
            WHEN coalesce(p.dead_lettered, w.dead_lettered) THEN 'dead_lettered'
            WHEN coalesce(p.in_queue, w.in_queue) THEN 'in_flight'
            WHEN r.outcome IN ('answered', 'accepted') THEN 'lost'
            WHEN p.begun THEN 'partly_committed'
            ELSE 'rejected'
        END AS state
    FROM requests r
    JOIN sent s USING (repetition, request_id)
    LEFT JOIN stored i USING (repetition, request_id)
    LEFT JOIN handled h USING (repetition, request_id)
    LEFT JOIN waiting w USING (repetition, request_id)
    LEFT JOIN several p USING (repetition, request_id)
),
timed AS (
    SELECT
        *,
        CASE
            WHEN state <> 'committed' THEN NULL
            WHEN commits > 0 THEN coalesce(last_part_us, handler_committed_us, stamp_us)
            ELSE coalesce(fetched_us, responded_us)  -- a query answered directly is done when its answer is there
        END AS committed_us,
        CASE
            WHEN state <> 'committed' THEN NULL
            WHEN last_part_clock IS NOT NULL THEN last_part_clock
            WHEN commits > 0 AND handler_committed_us IS NOT NULL THEN 'handler'
            WHEN commits > 0 THEN 'item'
            ELSE 'client'
        END AS commit_clock
    FROM joined
)
SELECT
    comparison_id, architecture, variant, arm, workload, scenario, repetition,
    request_id, operation, entity, route, state, committed_us,
    coalesce(fetched_us, committed_us) - scheduled_us AS completion_us,
    deliveries, commits,
    CASE WHEN committed_us IS NOT NULL
        THEN row_number() OVER (PARTITION BY repetition, committed_us IS NULL ORDER BY committed_us, request_id)
    END AS commit_order,
    commit_clock, found, fetches, fetched_us,
    coalesce(duplicates, greatest(commits - 1, 0)) AS duplicates,
    coalesce(redeliveries, greatest(deliveries - 1, 0)) AS redeliveries
FROM timed
ORDER BY repetition, scheduled_us, request_id
