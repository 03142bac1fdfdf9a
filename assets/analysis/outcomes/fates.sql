-- What was answered and what became of it: requests per experiment, operation, `outcome` (as in `requests`) and `state`
-- (as in `effects`). The ledger's sums are sums of these.
WITH counted AS (
    SELECT repetition, r.operation, r.outcome, f.state, count(*) AS requests
    FROM requests r
    JOIN effects f USING (repetition, request_id)
    GROUP BY ALL
)
SELECT comparison_id, architecture, variant, arm, workload, scenario, repetition, operation, c.outcome, state, c.requests
FROM counted c
JOIN experiments e USING (repetition)
ORDER BY repetition, operation, outcome, state
