-- The elasticity of throughput on the functions' limit: 1 in proportion, 0 not at all. Nothing where the lower limit
-- refused less than one request in twenty: what does not bind cannot be raised to any effect.
SELECT {unit}, CASE WHEN low.throttled >= 0.05 * low.offered AND least(low.acknowledged, high.acknowledged) > 0
    THEN ln(high.acknowledged / low.acknowledged) / ln(high.concurrency_limit / low.concurrency_limit) END AS value,
    low.offered + high.offered AS n
FROM (FROM limited WHERE scenario = 'function_limit') low
JOIN (FROM limited WHERE scenario = 'function_limit_raised') high USING ({unit})
WHERE high.concurrency_limit > low.concurrency_limit
