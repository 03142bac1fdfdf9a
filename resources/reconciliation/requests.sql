-- One row per offered request: what the client saw of it.
WITH invoked AS (SELECT DISTINCT repetition, request_id FROM records)
SELECT
    e.comparison_id, e.architecture, e.variant, e.arm, e.workload, e.scenario, e.repetition,
    s.request_id, s.operation, s.entity, s.scheduled_us, s.sent_us, s.client_queue_us, s.responded_us,
    s.status,
    CASE
        WHEN s.fate <> 'responded' THEN NULL
        -- Behind a REST proxy integration a throttled function is a 500 on AWS, whatever this target answers.
        WHEN outcome = 'throttled' AND NOT list_contains(e.queued, s.operation) THEN 500
        ELSE s.status
    END AS aws_status,
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
    END AS outcome,
    s.responded_us - s.scheduled_us AS response_us,
    s.responded_us - s.sent_us AS service_us
FROM sent s
JOIN experiments e USING (repetition)
LEFT JOIN invoked i USING (repetition, request_id)
ORDER BY e.repetition, s.scheduled_us, s.request_id
