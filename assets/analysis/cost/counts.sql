-- What each architecture took to serve the comparison's steady replays, its valid repetitions together: one row per
-- workload, architecture and variant. Parameter: the comparison.
WITH replays AS (
    SELECT architecture, variant, workload, repetition, target,
        duration_us / 1e6 * coalesce(speed, 1) AS seconds,  -- as recorded
        coalesce(TRY_CAST(config ->> 'work_us' AS DOUBLE), 0) / 1000 AS work_ms
    FROM experiments
    WHERE comparison_id = $comparison_id AND arm = 'main' AND scenario = 'steady' AND valid
),
together AS (
    SELECT workload, architecture, variant, any_value(target) AS target, sum(seconds) AS seconds,
        max(work_ms) AS work_ms
    FROM replays
    GROUP BY ALL
),
sent AS (
    SELECT workload, architecture, variant, operation,
        count(*) FILTER (sent_us IS NOT NULL) AS requests,
        count(*) FILTER (status IS NOT NULL) AS responses,
        count(*) FILTER (outcome = 'accepted') AS messages
    FROM requests
    SEMI JOIN replays USING (architecture, variant, workload, repetition)
    WHERE comparison_id = $comparison_id AND arm = 'main' AND scenario = 'steady'
    GROUP BY ALL
),
-- A write that found itself done before is paid like any other: deliveries, not commits.
done AS (
    SELECT workload, architecture, variant, operation, sum(greatest(deliveries, commits)) AS deliveries
    FROM effects
    SEMI JOIN replays USING (architecture, variant, workload, repetition)
    WHERE comparison_id = $comparison_id AND arm = 'main' AND scenario = 'steady'
    GROUP BY ALL
),
operations AS (
    SELECT workload, architecture, variant,
        sum(requests) AS requests,
        sum(responses) AS responses,
        sum(messages) AS messages,
        -- An operation of which any request was accepted goes through the queue.
        sum(deliveries) FILTER (messages > 0) AS deliveries,
        sum(deliveries) FILTER (operation = 'command') AS order_writes,
        sum(deliveries) FILTER (operation = 'query' AND messages > 0) AS answer_writes,
        sum(deliveries) FILTER (operation = 'query') AS reads
    FROM sent
    LEFT JOIN done USING (workload, architecture, variant, operation)
    GROUP BY ALL
),
invoked AS (
    SELECT workload, architecture, variant,
        count(*) FILTER (function <> 'consumer') AS function_invocations,
        count(*) FILTER (function = 'consumer') AS batches
    FROM invocations
    SEMI JOIN replays USING (architecture, variant, workload, repetition)
    WHERE comparison_id = $comparison_id AND arm = 'main' AND scenario = 'steady'
    GROUP BY ALL
),
books AS (
    SELECT workload, architecture, variant, sum(committed) AS committed
    FROM ledger
    SEMI JOIN replays USING (architecture, variant, workload, repetition)
    WHERE comparison_id = $comparison_id AND arm = 'main' AND scenario = 'steady' AND operation = 'command'
    GROUP BY ALL
)
SELECT workload, architecture, variant, target,
    coalesce(committed, 0)::DOUBLE AS committed,
    coalesce(requests, 0)::DOUBLE AS requests,
    coalesce(responses, 0)::DOUBLE AS responses,
    coalesce(function_invocations, 0)::DOUBLE AS function_invocations,
    coalesce(messages, 0)::DOUBLE AS messages,
    coalesce(deliveries, 0)::DOUBLE AS deliveries,
    coalesce(batches, 0)::DOUBLE AS batches,
    coalesce(order_writes, 0)::DOUBLE AS order_writes,
    coalesce(answer_writes, 0)::DOUBLE AS answer_writes,
    coalesce(reads, 0)::DOUBLE AS reads,
    work_ms * (coalesce(order_writes, 0) + coalesce(reads, 0))::DOUBLE AS work_ms,  -- once a request
    coalesce(seconds, 0)::DOUBLE AS seconds
FROM together
LEFT JOIN operations USING (workload, architecture, variant)
LEFT JOIN invoked USING (workload, architecture, variant)
LEFT JOIN books USING (workload, architecture, variant)
ORDER BY workload, architecture, variant
