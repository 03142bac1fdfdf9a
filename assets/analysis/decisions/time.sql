-- A quantile of all offered requests by scenario, milliseconds: the median of the repetitions' quantiles. What was
-- refused, or never done, counts as never; value is NULL where it is never. Repetitions with fewer than $needed requests
-- are taken several together, where that leaves $fewest samples.
WITH times AS (
    SELECT workload, variant, architecture, scenario, repetition,
        CASE
            WHEN outcome NOT IN ('answered', 'accepted') THEN 'infinity'::DOUBLE
            WHEN '$event' = 'response' THEN response_us
            ELSE coalesce(completion_us, 'infinity'::DOUBLE)
        END AS us
    FROM requests r
    JOIN effects USING (comparison_id, architecture, variant, arm, workload, scenario, repetition, request_id)
    JOIN experiments e USING (comparison_id, architecture, variant, arm, workload, scenario, repetition)
    WHERE comparison_id = $comparison_id AND arm = 'main' AND e.valid AND r.operation = $operation
),
counted AS (
    SELECT workload, variant, architecture, scenario, repetition,
        row_number() OVER (PARTITION BY workload, variant, architecture, scenario ORDER BY repetition) - 1 AS place,
        count(*) OVER (PARTITION BY workload, variant, architecture, scenario) AS repetitions,
        ceil($needed / min(n) OVER (PARTITION BY workload, variant, architecture, scenario))::BIGINT AS wanted
    FROM (SELECT workload, variant, architecture, scenario, repetition, count(*) AS n FROM times GROUP BY ALL)
),
samples AS (
    SELECT *, CASE WHEN repetitions // wanted >= $fewest THEN wanted ELSE 1 END AS together FROM counted
)
SELECT workload, variant, architecture, scenario, any_value(repetitions) AS repetitions, sum(n)::BIGINT AS requests,
    CASE WHEN isfinite(median(us)) THEN median(us) / 1000 END AS value
FROM (
    SELECT workload, variant, architecture, scenario, any_value(repetitions) AS repetitions, count(*) AS n,
        quantile_disc(us, $quantile) AS us
    FROM times JOIN samples USING (workload, variant, architecture, scenario, repetition)
    GROUP BY workload, variant, architecture, scenario,
        least(place // together, greatest(repetitions // together - 1, 0))  -- what is left over is with the last
)
GROUP BY workload, variant, architecture, scenario
ORDER BY ALL
