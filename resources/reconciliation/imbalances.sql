-- A sentence for every set of books that does not balance.
WITH per_experiment AS (
    SELECT repetition, sum(offered) AS offered FROM ledger GROUP BY ALL
),
faults AS (
    SELECT repetition, operation, unnest([
        CASE WHEN offered <> answered + accepted + throttled + failed + timed_out + unsent
            THEN 'offered is not answered + accepted + throttled + failed + timed_out + unsent' END,
        CASE WHEN answered + accepted <> committed + dead_lettered + in_flight + lost
            THEN 'acknowledged is not committed + dead_lettered + in_flight + lost' END,
        CASE WHEN throttled + failed + timed_out + unsent
                <> rejected + ghost_commits + ghost_dead_lettered + ghost_in_flight
            THEN 'refused is not rejected + ghosts' END,
        CASE WHEN unknown_effects <> 0 THEN unknown_effects || ' effects of requests never offered' END
    ]) AS fault
    FROM ledger
    UNION ALL
    SELECT repetition, 'all', 'the recording offered ' || e.requests || ' requests, ' || coalesce(p.offered, 0) || ' are booked'
    FROM experiments e LEFT JOIN per_experiment p USING (repetition)
    WHERE e.requests IS DISTINCT FROM coalesce(p.offered, 0)
)
SELECT 'repetition ' || repetition || ', ' || operation || ': ' || fault
FROM faults
WHERE fault IS NOT NULL
ORDER BY ALL
