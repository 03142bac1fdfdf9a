-- The valid experiments a part is read from.
SELECT {key}, duration_us AS replay_us, fault_windows,
    (config->>'reserved_concurrency')::BIGINT AS reserved_concurrency,
    (config->>'function_timeout_s')::BIGINT * 1000000 AS function_timeout_us,
    (config->>'table_timeout_ms')::BIGINT * 1000 AS table_timeout_us
FROM experiments
WHERE {where} AND valid
