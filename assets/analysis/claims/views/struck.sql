-- Requests sent while a component was away, what their callers saw and what became of them. `left_us`: from their
-- sending to the end of the window. One that could not be sent counts from when it was due.
SELECT {key}, w.target, w.kind, r.request_id, r.operation, r.status,
    r.outcome IN ('answered', 'accepted') AS acknowledged,
    acknowledged AND f.state = 'committed' AS succeeded,
    w.end_us - coalesce(r.sent_us, r.scheduled_us) AS left_us
FROM windows w
JOIN run_requests r USING ({key})
JOIN run_effects f USING ({key}, request_id)
WHERE coalesce(r.sent_us, r.scheduled_us) >= w.start_us AND coalesce(r.sent_us, r.scheduled_us) < w.end_us
