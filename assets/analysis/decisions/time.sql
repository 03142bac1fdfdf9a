-- A quantile of all offered requests by scenario, milliseconds: the median of the repetitions' quantiles. What was
-- refused, or never done, counts as never; value is NULL where it is never.
SELECT workload, variant, architecture, scenario, count(*) AS repetitions, sum(n)::BIGINT AS requests,
    CASE WHEN isfinite(median(us)) THEN median(us) / 1000 END AS value
FROM (
    SELECT workload, variant, architecture, scenario, repetition, count(*) AS n,
        quantile_disc(
            CASE
                WHEN outcome NOT IN ('answered', 'accepted') THEN 'infinity'::DOUBLE
                WHEN '$event' = 'response' THEN response_us
                ELSE coalesce(completion_us, 'infinity'::DOUBLE)
            END,
            $quantile
        ) AS us
    FROM requests r
    JOIN effects USING (comparison_id, architecture, variant, arm, workload, scenario, repetition, request_id)
    JOIN experiments e USING (comparison_id, architecture, variant, arm, workload, scenario, repetition)
    WHERE comparison_id = $comparison_id AND arm = 'main' AND e.valid AND r.operation = $operation
    GROUP BY ALL
)
GROUP BY ALL
ORDER BY ALL
