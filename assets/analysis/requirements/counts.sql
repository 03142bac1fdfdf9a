-- What became of the offered requests, counted: one row per contender of the arm main, scenario, valid repetition,
-- operation, route, block of the replay's time, and whether it was due while a fault was on.
WITH replays AS (
    SELECT *, from_json(fault_windows, '[{"start_us": "BIGINT", "end_us": "BIGINT"}]') AS windows
    FROM experiments
    WHERE comparison_id = $comparison_id AND arm = 'main' AND valid
),
joined AS (
    SELECT
        r.workload, r.variant, r.architecture, r.scenario, r.repetition, r.operation, r.route, r.entity, r.sent_us,
        r.responded_us, r.outcome, f.state, f.commits, f.committed_us,
        r.outcome IN ('answered', 'accepted') AS acknowledged,
        coalesce(f.found, r.status <> 404) AS found,
        least(r.scheduled_us * $blocks // greatest(e.duration_us, 1), $blocks - 1)::INTEGER AS block,
        len(list_filter(e.windows, lambda w: r.scheduled_us >= w.start_us AND r.scheduled_us < w.end_us)) > 0
            AS in_fault
    FROM requests r
    JOIN effects f USING (comparison_id, architecture, variant, arm, workload, scenario, repetition, request_id)
    JOIN replays e USING (comparison_id, architecture, variant, arm, workload, scenario, repetition)
),
-- As `assets/analysis/outcomes/ledger.sql` counts them.
seen AS (
    SELECT
        *,
        min(responded_us) FILTER (operation = 'command' AND acknowledged) OVER (
            PARTITION BY workload, variant, architecture, scenario, repetition, entity
        ) AS acknowledged_us
    FROM joined
),
ordered AS (
    SELECT
        *,
        committed_us > min(committed_us) OVER (
            PARTITION BY workload, variant, architecture, scenario, repetition, entity
            ORDER BY sent_us
            RANGE BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING
        ) AS overtaken
    FROM seen
    WHERE operation = 'command'
    UNION ALL
    SELECT *, false FROM seen WHERE operation <> 'command'
)
SELECT
    workload, variant, architecture, scenario, repetition, operation, route, block, in_fault,
    count(*) AS offered,
    count(*) FILTER (acknowledged) AS acknowledged,
    count(*) FILTER (outcome = 'answered') AS answered,
    count(*) FILTER (outcome = 'accepted') AS accepted,
    count(*) FILTER (NOT acknowledged) AS refused,
    count(*) FILTER (acknowledged AND state = 'committed') AS done,
    count(*) FILTER (acknowledged AND state = 'lost') AS lost,
    count(*) FILTER (state = 'dead_lettered') AS dead_lettered,
    count(*) FILTER (overtaken) AS out_of_turn,
    count(*) FILTER (commits > 1) AS duplicated,
    count(*) FILTER (operation = 'query' AND acknowledged AND sent_us > acknowledged_us AND NOT found) AS stale
FROM ordered
GROUP BY ALL
ORDER BY ALL
