-- The books: one row per experiment and operation. Decides which request counts where, so that the identities in
-- `imbalances.sql` hold. Acknowledged means answered or accepted.
WITH joined AS (
    SELECT
        r.*, f.state, f.committed_us, f.duplicates, f.redeliveries, f.fetches,
        r.outcome IN ('answered', 'accepted') AS acknowledged,
        coalesce(f.found, r.status <> 404) AS found
    FROM requests r
    JOIN effects f USING (repetition, request_id)
),
seen AS (
    SELECT
        *,
        -- when the entity's first order was acknowledged
        min(responded_us) FILTER (operation = 'command' AND acknowledged) OVER (
            PARTITION BY repetition, entity
        ) AS acknowledged_us
    FROM joined
),
-- Queries are left out of this window: where millions are about one entity it would take minutes.
ordered AS (
    SELECT
        *,
        -- committed after a command of the same entity that was sent later
        committed_us > min(committed_us) OVER (
            PARTITION BY repetition, entity
            ORDER BY sent_us
            RANGE BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING
        ) AS overtaken
    FROM seen
    WHERE operation = 'command'
    UNION ALL
    SELECT *, false FROM seen WHERE operation <> 'command'
),
strangers AS (
    SELECT repetition, count(DISTINCT request_id) AS unknown_effects
    FROM (SELECT repetition, request_id FROM items UNION ALL SELECT repetition, request_id FROM messages) seen
    ANTI JOIN requests USING (repetition, request_id)
    GROUP BY ALL
)
SELECT
    comparison_id, architecture, variant, arm, workload, scenario, repetition, operation,
    count(*) AS offered,
    count(*) FILTER (outcome = 'answered') AS answered,
    count(*) FILTER (outcome = 'accepted') AS accepted,
    count(*) FILTER (outcome = 'throttled') AS throttled,
    count(*) FILTER (outcome = 'failed') AS failed,
    count(*) FILTER (outcome = 'timed_out') AS timed_out,
    count(*) FILTER (outcome = 'unsent') AS unsent,
    count(*) FILTER (acknowledged AND state = 'committed') AS committed,
    count(*) FILTER (acknowledged AND state = 'dead_lettered') AS dead_lettered,
    count(*) FILTER (acknowledged AND state = 'in_flight') AS in_flight,
    count(*) FILTER (acknowledged AND state = 'lost') AS lost,
    count(*) FILTER (state = 'rejected') AS rejected,
    count(*) FILTER (NOT acknowledged AND state = 'committed') AS ghost_commits,
    count(*) FILTER (NOT acknowledged AND state = 'dead_lettered') AS ghost_dead_lettered,
    count(*) FILTER (NOT acknowledged AND state = 'in_flight') AS ghost_in_flight,
    -- of no operation: counted once per experiment, with its first one
    CASE WHEN operation = min(operation) OVER (PARTITION BY repetition)
        THEN coalesce(any_value(unknown_effects), 0) ELSE 0
    END AS unknown_effects,
    sum(duplicates)::BIGINT AS duplicates,
    sum(redeliveries)::BIGINT AS redeliveries,
    count(*) FILTER (overtaken) AS reordered,
    count(*) FILTER (operation = 'query' AND acknowledged AND sent_us > acknowledged_us AND NOT found)
        AS read_your_writes_misses,
    sum(attempts)::BIGINT AS attempts,
    coalesce(sum(fetches), 0)::BIGINT AS fetches,
    count(*) FILTER (NOT acknowledged AND state = 'partly_committed') AS ghost_partly_committed
FROM ordered
LEFT JOIN strangers USING (repetition)
GROUP BY comparison_id, architecture, variant, arm, workload, scenario, repetition, operation
ORDER BY repetition, operation
