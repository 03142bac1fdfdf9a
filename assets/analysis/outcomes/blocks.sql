-- Requests by blocks of the replay's time: how many were offered, acknowledged and done, and how long they took, as
-- counts by the bins of `assets.analysis.statistics.histogram`, whose last, $last, holds what was never answered or done; a
-- request that its measure leaves out is in no bin. Those `_of_all` leave none out. The same request is in the same block in every arm, since all play
-- one schedule. Of one contender; one scan.
WITH joined AS (
    SELECT r.operation, r.repetition,
        least(r.scheduled_us * $blocks // greatest(e.duration_us, 1), $blocks - 1)::INTEGER AS block,
        r.outcome IN ('answered', 'accepted') AS acknowledged,
        acknowledged AND f.state = 'committed' AS done,
        CASE WHEN r.outcome = 'timed_out' THEN $last
            WHEN acknowledged AND r.response_us < 1 THEN 0
            WHEN acknowledged THEN least(1 + floor(log10(r.response_us) * $per_decade)::INTEGER, $last)
        END AS response_bin,
        CASE WHEN r.outcome = 'timed_out' THEN $last
            WHEN acknowledged AND r.service_us < 1 THEN 0
            WHEN acknowledged THEN least(1 + floor(log10(r.service_us) * $per_decade)::INTEGER, $last)
        END AS service_bin,
        CASE WHEN acknowledged AND f.completion_us IS NULL THEN $last
            WHEN acknowledged AND f.completion_us < 1 THEN 0
            WHEN acknowledged THEN least(1 + floor(log10(f.completion_us) * $per_decade)::INTEGER, $last)
        END AS completion_bin
    FROM requests r
    JOIN effects f USING (repetition, request_id)
    JOIN experiments e USING (repetition)
),
counted AS MATERIALIZED (
    SELECT operation, repetition, block, acknowledged, done, response_bin, service_bin, completion_bin, count(*) AS n
    FROM joined
    GROUP BY ALL
)
SELECT operation, repetition, block, 'offered' AS what, 0 AS bin, sum(n)::BIGINT AS n FROM counted GROUP BY ALL
UNION ALL
SELECT operation, repetition, block, 'acknowledged_share', 0, sum(n)::BIGINT FROM counted WHERE acknowledged GROUP BY ALL
UNION ALL
SELECT operation, repetition, block, 'done_share', 0, sum(n)::BIGINT FROM counted WHERE done GROUP BY ALL
UNION ALL
SELECT operation, repetition, block, 'response', response_bin, sum(n)::BIGINT FROM counted
WHERE response_bin IS NOT NULL GROUP BY ALL
UNION ALL
SELECT operation, repetition, block, 'service', service_bin, sum(n)::BIGINT FROM counted
WHERE service_bin IS NOT NULL GROUP BY ALL
UNION ALL
SELECT operation, repetition, block, 'completion', completion_bin, sum(n)::BIGINT FROM counted
WHERE completion_bin IS NOT NULL GROUP BY ALL
UNION ALL
SELECT operation, repetition, block, 'response_of_all', if(acknowledged, response_bin, $last), sum(n)::BIGINT
FROM counted GROUP BY ALL
UNION ALL
SELECT operation, repetition, block, 'completion_of_all', if(acknowledged, completion_bin, $last), sum(n)::BIGINT
FROM counted GROUP BY ALL
