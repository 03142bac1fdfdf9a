-- What was answered and what became of it: requests per experiment, operation, `outcome` (as in `requests`) and `state`
-- (as in `effects`). The ledger's sums are sums of these.
SELECT e.comparison_id, e.architecture, e.variant, e.arm, e.workload, e.scenario, repetition,
    r.operation, r.outcome, f.state, count(*) AS requests
FROM requests r
JOIN effects f USING (repetition, request_id)
JOIN experiments e USING (repetition)
GROUP BY ALL
ORDER BY repetition, operation, outcome, state
