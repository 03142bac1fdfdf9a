-- What came of the functions' limit: successes, what was throttled, and the limit. Two scenarios that differ in it alone.
SELECT {key}, any_value(reserved_concurrency) AS concurrency_limit, sum(offered)::BIGINT AS offered,
    sum(answered + accepted)::BIGINT AS acknowledged, sum(throttled)::BIGINT AS throttled
FROM run_ledger JOIN runs USING ({key})
GROUP BY {key}
