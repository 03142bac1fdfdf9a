-- Two limits near each other on the way of a query, and the elasticity of the queries answered on each, raised alone to
-- twice as much or more. Nothing where the two together refused less than one query in twenty: they did not bind.
SELECT {unit}, high.scenario, CASE WHEN low.throttled >= 0.05 * low.offered AND least(low.answered, high.answered) > 0
    THEN ln(high.answered / low.answered) / ln(2) END AS value, low.offered + high.offered AS n
FROM (FROM run_ledger WHERE operation = 'query' AND scenario = 'two_limits') low
JOIN (
    SELECT {unit}, scenario, answered, offered FROM run_ledger WHERE operation = 'query' AND scenario <> 'two_limits'
) high USING ({unit})
