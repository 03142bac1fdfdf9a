-- A quantile of all offered requests that are $wanted ('operation route'), in each valid repetition of a contender under
-- a scenario, or in every $together of them: to the response, or until done where $measure is completion. What was refused, or never done, counts as
-- never. watched_us: for how long the replay was watched.
WITH replays AS (
    SELECT *, (row_number() OVER (ORDER BY repetition) - 1) // $together AS own,
        greatest(count(*) OVER () // $together - 1, 0) AS last_sample
    FROM experiments
    WHERE comparison_id = $comparison_id AND workload = $workload AND variant = $variant
        AND architecture = $architecture AND scenario = $scenario AND arm = 'main' AND valid
)
SELECT
    quantile_disc(
        CASE
            WHEN r.outcome NOT IN ('answered', 'accepted') THEN 'infinity'::DOUBLE
            WHEN $measure = 'response' THEN r.response_us
            ELSE coalesce(f.completion_us, 'infinity'::DOUBLE)
        END,
        $quantile
    ) AS us,
    max(e.settled_us) AS watched_us,
    count(*) AS n
FROM requests r
JOIN effects f USING (comparison_id, architecture, variant, arm, workload, scenario, repetition, request_id)
JOIN replays e USING (comparison_id, architecture, variant, arm, workload, scenario, repetition)
WHERE list_contains($wanted, concat(r.operation, ' ', r.route))
GROUP BY least(e.own, e.last_sample)  -- what is left over is with the last
ORDER BY least(e.own, e.last_sample)
