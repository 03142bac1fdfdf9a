-- Two limits near each other on the way of a query, and how many times as many are answered where one of them is raised
-- alone. Nothing where the two together refused less than one query in twenty: they did not bind.
SELECT {unit}, high.scenario,
    CASE WHEN low.throttled >= 0.05 * low.offered THEN high.answered / nullif(low.answered, 0) END AS value,
    low.offered + high.offered AS n
FROM (FROM run_ledger WHERE operation = 'query' AND scenario = 'two_limits') low
JOIN (
    SELECT {unit}, scenario, answered, offered FROM run_ledger WHERE operation = 'query' AND scenario <> 'two_limits'
) high USING ({unit})
