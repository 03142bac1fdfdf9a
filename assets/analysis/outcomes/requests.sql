-- What the client saw of each offered request: one row per request. Decides its outcome, and what AWS would have
-- answered where this target answers a throttled request otherwise.
WITH invoked AS (SELECT DISTINCT repetition, request_id FROM records WHERE function <> 'result'),
limits AS (
    SELECT repetition, kind, start_us, end_us, coalesce(throttled_status, 500) AS throttled_status
    FROM (
        SELECT repetition, unnest(
            from_json(fault_windows, '[{"kind":"VARCHAR","throttled_status":"INTEGER","present":"BOOLEAN",
                "start_us":"BIGINT","end_us":"BIGINT"}]'),
            recursive := true)
        FROM experiments
    )
    WHERE (throttled_status IS NOT NULL AND coalesce(present, true)) OR kind = 'concurrency_limit'
),
-- Requests that a limit may have refused, one that was on between their sending and their answer, and what AWS would
-- have said. The stage stands before the functions.
limited AS (
    SELECT repetition, request_id, min(throttled_status) AS throttled_status
    FROM sent s
    JOIN limits l USING (repetition)
    WHERE l.kind = 'concurrency_limit'  -- on throughout
        OR (s.sent_us < l.end_us AND coalesce(s.responded_us, s.sent_us) >= l.start_us)
    GROUP BY ALL
),
-- What a mapping says of the statuses of its routes, where handlers are those of a service.
ruled AS (
    SELECT repetition, request_id, bool_or(status BETWEEN least AND most) AS succeeded
    FROM sent
    JOIN (
        SELECT repetition, unnest(
            from_json(config -> 'success', '[{"route":"VARCHAR","least":"INTEGER","most":"INTEGER"}]'),
            recursive := true)
        FROM experiments
    ) USING (repetition, route)
    GROUP BY ALL
),
judged AS (
    SELECT
        s.*, coalesce(e.queued_by_api, e.queued) AS queued_by_api, l.throttled_status, e.comparison_id, e.architecture, e.variant, e.arm, e.workload, e.scenario,
        CASE
            WHEN s.fate = 'unsent' THEN 'unsent'
            WHEN s.fate = 'timed_out' THEN 'timed_out'
            WHEN s.fate = 'broken' THEN 'failed'
            -- a service may answer 202 itself
            WHEN s.status = 202 AND (list_contains(e.queued, s.operation) OR NOT e.of_service) THEN 'accepted'
            WHEN u.succeeded THEN 'answered'
            WHEN s.status = 429 THEN 'throttled'
            WHEN u.succeeded IS NULL AND (
                s.status BETWEEN 200 AND 299
                OR (s.status = 404 AND s.operation = 'query')
                OR (s.status < 500 AND e.of_service)  -- what it means by that, it alone knows
            ) THEN 'answered'
            -- a queue takes what a function's limit would refuse
            WHEN s.status >= 500 AND l.request_id IS NOT NULL AND i.request_id IS NULL
                AND NOT list_contains(coalesce(e.queued_by_api, e.queued), s.operation) THEN 'throttled'
            ELSE 'failed'
        END AS outcome
    FROM sent s
    JOIN (SELECT *, (config ->> 'service') IS NOT NULL AS of_service FROM experiments) e USING (repetition)
    LEFT JOIN invoked i USING (repetition, request_id)
    LEFT JOIN limited l USING (repetition, request_id)
    LEFT JOIN ruled u USING (repetition, request_id)
)
SELECT
    comparison_id, architecture, variant, arm, workload, scenario, repetition,
    request_id, operation, entity, route, payload_bytes, scheduled_us, sent_us, client_queue_us,
    connect_us, responded_us, status, broken_cause,
    CASE
        -- Whatever this target answers: behind a REST proxy integration a throttled function is a 500 on AWS. A queue
        -- hides a function's limit from its callers, but the stage's own throttle, a 429, stands before queues as well.
        WHEN outcome = 'throttled' AND (throttled_status = 429 OR NOT list_contains(queued_by_api, operation))
            THEN coalesce(throttled_status, 500)
        ELSE status
    END AS aws_status,
    outcome,
    responded_us - scheduled_us AS response_us,
    responded_us - sent_us AS service_us,
    attempts, recorded_us, work_us
FROM judged
ORDER BY repetition, scheduled_us, request_id
