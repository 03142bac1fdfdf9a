-- What was done to the experiments, and when.
SELECT * FROM (
    SELECT {key}, unnest(from_json(fault_windows, '[{"target":"VARCHAR","kind":"VARCHAR","start_us":"BIGINT",
        "end_us":"BIGINT","present":"BOOLEAN","work_ms":"BIGINT"}]'), recursive := true)
    FROM runs
)
WHERE coalesce(present, true) AND start_us IS NOT NULL
