-- How environments follow the traffic: those that did anything in each twelfth of the replay against the requests due in
-- it, both as logarithms, so that 1 is in proportion and 0 not at all: as many whatever the load, as a fixed fleet has.
-- Nothing where the busiest twelfth would not have kept two environments busy: one might have been enough for all.
SELECT {key}, regr_slope(ln(environments), ln(due) ORDER BY twelfth) AS value, sum(due)::BIGINT AS n
FROM (
    SELECT {key}, replay_us, least(scheduled_us * 12 // replay_us, 11) AS twelfth, count(*) AS due
    FROM run_requests JOIN runs USING ({key})
    WHERE replay_us > 0
    GROUP BY ALL
)
JOIN (
    SELECT {key}, least(greatest(started_us, 0) * 12 // replay_us, 11) AS twelfth,
        count(DISTINCT environment) AS environments, avg(duration_us) AS lasting_us
    FROM run_invocations JOIN runs USING ({key})
    WHERE replay_us > 0 AND environment IS NOT NULL
    GROUP BY ALL
) USING ({key}, twelfth)
GROUP BY {key}
HAVING count(*) > 2 AND max(due * lasting_us * 12 / replay_us) >= 2
