-- When the last acknowledged command due in a fault window was stored, counted from the window's end (below zero: still
-- within it): one row per experiment and fault of which any was.
SELECT w.comparison_id, w.architecture, w.variant, w.arm, w.workload, w.scenario, repetition, fault,
    max(f.committed_us - w.end_us) AS last_commit_us
FROM recovery w
JOIN requests r USING (repetition)
JOIN effects f USING (repetition, request_id)
WHERE r.operation = 'command' AND r.outcome IN ('answered', 'accepted') AND f.state = 'committed'
    AND r.scheduled_us >= w.start_us AND r.scheduled_us < w.end_us
GROUP BY ALL
ORDER BY repetition, fault
