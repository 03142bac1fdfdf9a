-- What retries change: one row per verdict of which a comparison has both, without retries and with. `who` is
-- 'handlers', where the variant sdk_defaults stands beside idempotent in one cell, or 'callers', where two scenarios
-- differ by nothing but how often callers try again: by their settings, and by their faults as they were due.
CREATE VIEW retries AS
WITH played AS (
    SELECT DISTINCT comparison_id, workload, scenario, architecture,
        TRY_CAST(config ->> 'retries' AS INTEGER) AS retries,
        json_merge_patch(config, '{"retries": null}')::VARCHAR AS settings,
        regexp_replace(fault_windows, '"(start_us|end_us|present)": *[^,}]*(, *)?', '', 'g') AS faults
    FROM experiments
    WHERE valid AND arm = 'main' AND variant = 'idempotent'
),
tried_again AS (  -- scenarios that differ by the callers' retries alone, for every architecture that both have
    SELECT comparison_id, workload, o.scenario, w.scenario AS scenario_with_retries
    FROM played o
    JOIN played w USING (comparison_id, workload, architecture)
    WHERE o.retries = 0 AND w.retries > 0
    GROUP BY ALL
    HAVING bool_and(o.settings = w.settings AND o.faults = w.faults)
),
judged AS (
    SELECT * FROM pairwise WHERE arm = 'main'
),
both_ways AS (
    SELECT 'handlers' AS who, o.scenario AS scenario_with_retries, o.*, w.verdict AS verdict_with_retries,
        o.decides AND w.decides AND w.requests IS NOT DISTINCT FROM o.requests AS known
    FROM (FROM judged WHERE variant = 'idempotent') o
    JOIN (FROM judged WHERE variant = 'sdk_defaults') w
        USING (comparison_id, workload, scenario, operation, baseline, candidate, metric)
    UNION ALL
    SELECT 'callers', t.scenario_with_retries, o.*, w.verdict,
        o.decides AND w.decides AND w.requests IS NOT DISTINCT FROM o.requests
    FROM tried_again t
    JOIN (FROM judged WHERE variant = 'idempotent') o USING (comparison_id, workload, scenario)
    JOIN (FROM judged WHERE variant = 'idempotent') w
        ON w.comparison_id = o.comparison_id AND w.workload = o.workload AND w.scenario = t.scenario_with_retries
        AND w.operation = o.operation AND w.baseline = o.baseline AND w.candidate = o.candidate
        AND w.metric = o.metric
)
SELECT comparison_id, workload, scenario, who, scenario_with_retries, operation, baseline, candidate, metric, requests,
    verdict, verdict_with_retries,
    CASE WHEN known THEN verdict <> verdict_with_retries END AS depends
FROM both_ways;
COMMENT ON VIEW retries IS 'Verdicts of one comparison without retries and with, side by side.';
COMMENT ON COLUMN retries.comparison_id IS 'Names the comparison: the experiments meant to be compared with each other';
COMMENT ON COLUMN retries.workload IS 'Name of the recording';
COMMENT ON COLUMN retries.scenario IS 'Name of the scenario without retries';
COMMENT ON COLUMN retries.who IS 'Who tries again: handlers (variant sdk_defaults) or callers (another scenario)';
COMMENT ON COLUMN retries.scenario_with_retries IS 'Name of the scenario with retries: the same one for handlers';
COMMENT ON COLUMN retries.operation IS 'command or query';
COMMENT ON COLUMN retries.baseline IS 'Architecture compared with';
COMMENT ON COLUMN retries.candidate IS 'Architecture it is about';
COMMENT ON COLUMN retries.metric IS 'As in pairwise';
COMMENT ON COLUMN retries.requests IS 'As in pairwise, without retries';
COMMENT ON COLUMN retries.verdict IS 'Verdict without retries';
COMMENT ON COLUMN retries.verdict_with_retries IS 'Verdict with them';
COMMENT ON COLUMN retries.depends IS
    'Whether the two differ; NULL: one of them decides nothing (`pairwise.decides`), or they are of other requests, so that '
    'this is not known';
