-- How response time follows what the handlers were delayed: the median of each delay's acknowledged commands, and the
-- least-squares slope through these medians. Medians, since one cold start outweighs a hundred ordinary answers.
SELECT {key}, regr_slope(response_ms, work_ms ORDER BY work_ms) AS value, sum(commands)::BIGINT AS n
FROM (
    SELECT {key}, work_ms, median(response_us) / 1000 AS response_ms, count(*) AS commands
    FROM (
        SELECT {key}, request_id, any_value(response_us) AS response_us,
            coalesce(max(work_ms) FILTER (scheduled_us >= start_us AND scheduled_us < end_us), 0) AS work_ms
        FROM run_requests JOIN (FROM windows WHERE kind = 'work') USING ({key})
        WHERE operation = 'command' AND outcome IN ('answered', 'accepted')
        GROUP BY ALL
    )
    GROUP BY ALL
)
GROUP BY {key}
HAVING count(*) > 2
