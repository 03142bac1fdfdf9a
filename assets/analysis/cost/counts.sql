-- What each architecture took to serve the comparison's steady replays, its valid repetitions together: one row per
-- workload, architecture and variant. Parameters: the comparison; the bytes an order has in the table besides the body of
-- its request; the bytes of each unit that AWS bills, by service.
WITH replays AS (
    SELECT architecture, variant, workload, repetition, target, recorded_us / nullif(recorded_requests, 0) / 1e6 AS seconds_each,
        coalesce(TRY_CAST(config ->> 'work_us' AS DOUBLE), 0) / 1000 AS work_ms,
        config ->> 'service' IS NOT NULL AS own_service, TRY_CAST(config ->> 'memory_mb' AS DOUBLE) AS memory_mb
    FROM experiments
    WHERE comparison_id = $comparison_id AND arm = 'main' AND scenario = 'steady' AND valid
),
together AS (
    SELECT workload, architecture, variant, any_value(target) AS target, max(work_ms) AS work_ms,
        bool_or(own_service) AS own_service, avg(memory_mb) AS memory_mb, max(seconds_each) AS seconds_each
    FROM replays
    GROUP BY ALL
),
bodies AS (
    SELECT *, CASE WHEN operation = 'command' THEN payload_bytes END AS body_bytes,
        bool_or(operation = 'command') OVER (
            PARTITION BY workload, architecture, variant, repetition, entity
        ) AS is_written
    FROM requests
    SEMI JOIN replays USING (architecture, variant, workload, repetition)
    WHERE comparison_id = $comparison_id AND arm = 'main' AND scenario = 'steady'
),
-- A write is billed by the larger of the order before it and after it, a read by the order as it is then. What is never
-- written has no size; where millions of queries are about one such, to look back from each would take minutes.
sized AS (
    SELECT *, last_value(body_bytes IGNORE NULLS) OVER upto_now AS stored_bytes,
        last_value(body_bytes IGNORE NULLS) OVER before AS stored_before_bytes
    FROM bodies
    WHERE is_written
    WINDOW
        upto_now AS (
            PARTITION BY workload, architecture, variant, repetition, entity ORDER BY scheduled_us, request_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ),
        before AS (
            PARTITION BY workload, architecture, variant, repetition, entity ORDER BY scheduled_us, request_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        )
    UNION ALL
    SELECT *, NULL, NULL FROM bodies WHERE NOT is_written
),
billed AS (
    SELECT *,
        coalesce(attempts, (sent_us IS NOT NULL)::INTEGER) AS sends,
        greatest(ceil(coalesce(payload_bytes, 0) / $http_bytes), 1) AS http_units,
        greatest(ceil(coalesce(payload_bytes, 0) / $queue_bytes), 1) AS message_units,
        greatest(ceil(
            (greatest(coalesce(stored_bytes, 0), coalesce(stored_before_bytes, 0)) + $item_extra_bytes) / $write_bytes
        ), 1) AS write_units,
        greatest(ceil((coalesce(stored_bytes, 0) + $item_extra_bytes) / $read_bytes), 1) AS read_units
    FROM sized
),
sent AS (
    SELECT workload, architecture, variant, operation,
        count(*) AS offered,
        sum(sends) AS requests,
        avg(coalesce(work_us, 0)) / 1000 AS own_work_ms,
        -- Of attempts before the last, which were refused or broken, most were answered.
        sum(sends) - count(*) FILTER (sent_us IS NOT NULL AND status IS NULL) AS responses,
        count(*) FILTER (outcome = 'accepted') AS messages,
        sum(http_units * sends) AS http_units,
        sum(message_units) FILTER (outcome = 'accepted') AS message_units,
        sum(payload_bytes) FILTER (outcome = 'accepted') AS message_bytes,
        sum(write_units) AS write_units,
        sum(read_units) AS read_units
    FROM billed
    GROUP BY ALL
),
-- A write that found itself done before is paid like any other: deliveries, not commits.
done AS (
    SELECT workload, architecture, variant, operation, sum(greatest(deliveries, commits)) AS deliveries
    FROM (
        SELECT * FROM effects
        ANTI JOIN effect_parts USING (comparison_id, architecture, variant, arm, workload, scenario, repetition, request_id)
        UNION ALL BY NAME
        SELECT *, 'command' AS operation FROM effect_parts
    ) done
    SEMI JOIN replays USING (architecture, variant, workload, repetition)
    WHERE comparison_id = $comparison_id AND arm = 'main' AND scenario = 'steady'
    GROUP BY ALL
),
operations AS (
    SELECT workload, architecture, variant,
        sum(offered) AS offered,
        sum(requests) AS requests,
        sum(responses) AS responses,
        sum(messages) AS messages,
        -- An operation of which any request was accepted goes through the queue.
        sum(deliveries) FILTER (messages > 0) AS deliveries,
        sum(deliveries) FILTER (operation = 'command') AS order_writes,
        sum(deliveries) FILTER (operation = 'query' AND messages > 0) AS answer_writes,
        sum(deliveries) FILTER (operation = 'query') AS reads,
        sum(deliveries * own_work_ms) AS own_work_ms,
        sum(deliveries * own_work_ms) FILTER (operation = 'command') AS own_command_work_ms,
        sum(http_units) / nullif(sum(requests), 0) AS http_units,
        sum(message_units) / nullif(sum(messages), 0) AS message_units,
        sum(message_bytes) / nullif(sum(messages), 0) / 1024 AS message_kb,
        sum(write_units) FILTER (operation = 'command')
            / nullif(sum(offered) FILTER (operation = 'command'), 0) AS write_units,
        sum(read_units) FILTER (operation = 'query')
            / nullif(sum(offered) FILTER (operation = 'query'), 0) AS read_units
    FROM sent
    LEFT JOIN done USING (workload, architecture, variant, operation)
    GROUP BY ALL
),
invoked AS (
    SELECT workload, architecture, variant,
        -- Those of `result` are fetches, which the ledger counts.
        count(*) FILTER (function NOT LIKE '%consumer' AND function <> 'result') AS function_invocations,
        count(*) FILTER (function LIKE '%consumer') AS batches,
        sum(duration_us) FILTER (function NOT LIKE '%consumer' AND function <> 'result') / 1000 AS by_api_ms,
        sum(duration_us) FILTER (function LIKE '%consumer') / 1000 AS by_queue_ms
    FROM invocations
    SEMI JOIN replays USING (architecture, variant, workload, repetition)
    WHERE comparison_id = $comparison_id AND arm = 'main' AND scenario = 'steady'
    GROUP BY ALL
),
books AS (
    SELECT workload, architecture, variant, sum(committed) FILTER (operation = 'command') AS committed,
        sum(fetches) AS fetches
    FROM ledger
    SEMI JOIN replays USING (architecture, variant, workload, repetition)
    WHERE comparison_id = $comparison_id AND arm = 'main' AND scenario = 'steady'
    GROUP BY ALL
)
SELECT workload, architecture, variant, target,
    coalesce(committed, 0)::DOUBLE AS committed,
    coalesce(offered, 0)::DOUBLE AS offered,
    coalesce(requests, 0)::DOUBLE AS requests,
    coalesce(responses, 0)::DOUBLE AS responses,
    coalesce(fetches, 0)::DOUBLE AS fetches,
    coalesce(function_invocations, 0)::DOUBLE AS function_invocations,
    coalesce(messages, 0)::DOUBLE AS messages,
    coalesce(deliveries, 0)::DOUBLE AS deliveries,
    coalesce(batches, 0)::DOUBLE AS batches,
    coalesce(order_writes, 0)::DOUBLE AS order_writes,
    coalesce(answer_writes, 0)::DOUBLE AS answer_writes,
    coalesce(reads, 0)::DOUBLE AS reads,
    -- Once a request: what the scenario asks for, and what requests do. Of the user's own service, whatever it did.
    CASE
        WHEN own_service THEN 0
        ELSE work_ms * (coalesce(order_writes, 0) + coalesce(reads, 0)) + coalesce(own_work_ms, 0)
    END::DOUBLE AS work_ms,
    (work_ms * coalesce(order_writes, 0) + coalesce(own_command_work_ms, 0))::DOUBLE AS command_work_ms,
    CASE WHEN own_service THEN {
        by_api_ms: coalesce(by_api_ms, 0)::DOUBLE,
        by_queue_ms: coalesce(by_queue_ms, 0)::DOUBLE,
        memory_mb: memory_mb
    } END AS own,
    coalesce(offered * seconds_each, 0)::DOUBLE AS seconds,
    {
        http_units: coalesce(http_units, 1)::DOUBLE,
        message_units: coalesce(message_units, 1)::DOUBLE,
        message_kb: coalesce(message_kb, 0)::DOUBLE,
        write_units: coalesce(write_units, 1)::DOUBLE,
        read_units: coalesce(read_units, 1)::DOUBLE
    } AS sizes
FROM together
LEFT JOIN operations USING (workload, architecture, variant)
LEFT JOIN invoked USING (workload, architecture, variant)
LEFT JOIN books USING (workload, architecture, variant)
ORDER BY workload, architecture, variant
