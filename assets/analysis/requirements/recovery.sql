-- How long the longest traces of a fault lasted in each valid repetition of a contender under a scenario: until the queue
-- was empty, or until no command was late where $measure is back_to_normal; infinite where that was not seen.
-- watched_us: for how long it was watched after the fault.
SELECT
    max(
        CASE
            WHEN $measure = 'back_to_normal' THEN coalesce(back_to_normal_us, 'infinity'::DOUBLE)
            WHEN drain_us IS NULL AND backlog_max > 0 THEN 'infinity'::DOUBLE
            ELSE coalesce(drain_us, 0)
        END
    ) AS us,
    max(greatest(e.settled_us - r.end_us, 0)) AS watched_us,
    1 AS n
FROM recovery r
JOIN experiments e USING (comparison_id, architecture, variant, arm, workload, scenario, repetition)
WHERE comparison_id = $comparison_id AND workload = $workload AND variant = $variant AND architecture = $architecture
    AND scenario = $scenario AND arm = 'main' AND e.valid
GROUP BY repetition
ORDER BY repetition
