-- How concurrency follows the traffic: the environments busy on average (time spent in invocations) in each twelfth of
-- the replay against the requests due in it, both as logarithms, so that 1 is in proportion and 0 not at all.
SELECT {key}, regr_slope(ln(busy_us), ln(due) ORDER BY twelfth) AS value, sum(due)::BIGINT AS n
FROM (
    SELECT {key}, least(scheduled_us * 12 // replay_us, 11) AS twelfth, count(*) AS due
    FROM run_requests JOIN runs USING ({key})
    WHERE replay_us > 0
    GROUP BY ALL
)
JOIN (
    SELECT {key}, least(greatest(started_us, 0) * 12 // replay_us, 11) AS twelfth, sum(duration_us) AS busy_us
    FROM run_invocations JOIN runs USING ({key})
    WHERE replay_us > 0
    GROUP BY ALL
) USING ({key}, twelfth)
WHERE busy_us > 0
GROUP BY {key}
HAVING count(*) > 2
