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
    WHERE function <> 'result'  -- which hands out an answer and carries nothing out
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
joined AS (
    SELECT
        r.*, s.fetches, s.fetched_us,
        coalesce(i.commits, 0) AS commits,
        i.stamp_us,
        -- A write whose answer was lost, or whose handler was cut off, is in no log line, or in one that says it failed.
        -- Where one is missing, the first one logged may be a repetition seconds later, or a `duplicate` that wrote
        -- nothing: the item's own stamp is then the better clock.
        CASE WHEN h.commits_logged >= i.commits THEN h.committed_us END AS handler_committed_us,
        greatest(coalesce(h.deliveries, 0), coalesce(h.receive_count, 0), coalesce(w.receive_count, 0)) AS deliveries,
        coalesce(i.found, h.found) AS found,
        CASE
            WHEN r.operation = 'query' AND (r.outcome = 'answered' OR s.fetched_us IS NOT NULL) THEN 'committed'
            WHEN i.commits > 0 AND s.fetches IS NULL THEN 'committed'
            WHEN i.commits > 0 THEN 'in_flight'  -- stored for a client that stopped asking before
            WHEN w.dead_lettered THEN 'dead_lettered'
            WHEN w.in_queue THEN 'in_flight'
            WHEN r.outcome IN ('answered', 'accepted') THEN 'lost'
            ELSE 'rejected'
        END AS state
    FROM requests r
    JOIN sent s USING (repetition, request_id)
    LEFT JOIN stored i USING (repetition, request_id)
    LEFT JOIN handled h USING (repetition, request_id)
    LEFT JOIN waiting w USING (repetition, request_id)
),
timed AS (
    SELECT
        *,
        CASE
            WHEN state <> 'committed' THEN NULL
            WHEN commits > 0 THEN coalesce(handler_committed_us, stamp_us)
            ELSE coalesce(fetched_us, responded_us)  -- a query answered directly is done when its answer is there
        END AS committed_us,
        CASE
            WHEN state <> 'committed' THEN NULL
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
    commit_clock, found, fetches, fetched_us
FROM timed
ORDER BY repetition, scheduled_us, request_id
