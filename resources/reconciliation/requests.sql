-- One row per offered request: what the client saw of it.
WITH invoked AS (SELECT DISTINCT repetition, request_id FROM records),
judged AS (
    SELECT
        s.*, e.queued, e.comparison_id, e.architecture, e.variant, e.arm, e.workload, e.scenario,
        CASE
            WHEN s.fate = 'unsent' THEN 'unsent'
            WHEN s.fate = 'timed_out' THEN 'timed_out'
            WHEN s.fate = 'broken' THEN 'failed'
            WHEN s.status = 202 THEN 'accepted'
            WHEN s.status BETWEEN 200 AND 299 THEN 'answered'
            WHEN s.status = 404 AND s.operation = 'query' THEN 'answered'
            WHEN s.status = 429 THEN 'throttled'
            WHEN s.status >= 500 AND e.limits AND i.request_id IS NULL THEN 'throttled'
            ELSE 'failed'
        END AS outcome
    FROM sent s
    JOIN experiments e USING (repetition)
    LEFT JOIN invoked i USING (repetition, request_id)
)
SELECT
    comparison_id, architecture, variant, arm, workload, scenario, repetition,
    request_id, operation, entity, scheduled_us, sent_us, client_queue_us, responded_us,
    status,
    CASE
        -- Behind a REST proxy integration a throttled function is a 500 on AWS, whatever this target answers.
        WHEN outcome = 'throttled' AND NOT list_contains(queued, operation) THEN 500
        ELSE status
    END AS aws_status,
    outcome,
    responded_us - scheduled_us AS response_us,
    responded_us - sent_us AS service_us
FROM judged
ORDER BY repetition, scheduled_us, request_id
