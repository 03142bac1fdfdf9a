-- How an operation is served, as seen: by contender, over valid repetitions, whether what came back was mostly the
-- result or mostly a ticket for it.
SELECT l.workload, l.variant, l.operation, l.architecture, sum(l.offered)::BIGINT AS offered,
    sum(l.accepted) > sum(l.answered) AS queued
FROM ledger l
JOIN experiments e USING (comparison_id, architecture, variant, arm, workload, scenario, repetition)
WHERE l.comparison_id = $comparison_id AND l.arm = 'main' AND e.valid
GROUP BY ALL
ORDER BY ALL
