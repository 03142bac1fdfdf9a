-- Whether the books balance: a sentence for every way in which they do not, with up to five of the request ids at fault.
WITH booked AS (  -- which book a request belongs into
    SELECT r.repetition, r.request_id, r.operation, r.outcome, f.state,
        r.outcome IN ('answered', 'accepted') AS acknowledged
    FROM requests r JOIN effects f USING (repetition, request_id)
),
strangers AS (
    SELECT repetition, request_id, string_agg(DISTINCT place, ', ' ORDER BY place DESC) AS places
    FROM (
        SELECT repetition, request_id, 'table' AS place FROM items
        UNION ALL
        SELECT repetition, request_id, replace(replace(queue, 'dead_letter', 'dead-letter'), '_', ' ') FROM messages
    ) seen
    ANTI JOIN sent USING (repetition, request_id)
    GROUP BY ALL
),
unknown AS (
    SELECT repetition, greatest(coalesce(booked, 0), coalesce(seen, 0)) AS effects
    FROM (SELECT repetition, sum(unknown_effects) AS booked FROM ledger GROUP BY ALL) books
    FULL JOIN (SELECT repetition, count(*) AS seen FROM strangers GROUP BY ALL) found USING (repetition)
),
counted AS (
    SELECT repetition, request_id, count(*) FILTER (place = 'sent') AS sent,
        count(*) FILTER (place = 'requests') AS requests, count(*) FILTER (place = 'effects') AS effects
    FROM (
        SELECT 'sent' AS place, repetition, request_id FROM sent
        UNION ALL SELECT 'requests', repetition, request_id FROM requests
        UNION ALL SELECT 'effects', repetition, request_id FROM effects
    ) rows
    GROUP BY ALL
),
-- Messages that the queues last reported and that were not found there: what they were about is not known.
missing AS (
    SELECT repetition, held - coalesce(found, 0) AS messages
    FROM (
        SELECT repetition, arg_max(queue_visible + queue_in_flight + dead_letters, t_us) AS held FROM samples GROUP BY ALL
    ) last
    LEFT JOIN (SELECT repetition, count(*) AS found FROM messages GROUP BY ALL) taken USING (repetition)
    WHERE held > coalesce(found, 0)
),
per_experiment AS (
    SELECT repetition, sum(offered) AS offered FROM ledger GROUP BY ALL
),
identities AS (
    SELECT unnest([
        {'rank': 3, 'fault': 'offered is not answered + accepted + throttled + failed + timed_out + unsent'},
        {'rank': 4, 'fault': 'acknowledged is not committed + dead_lettered + in_flight + lost'},
        {'rank': 5, 'fault': 'refused is not rejected + ghosts'}
    ], recursive := true)
),
-- One row per id at fault; without an id where only a sum is wrong.
faults AS (
    SELECT repetition, 'all' AS operation, 1 AS rank, NULL AS request_id,
        'the recording offered ' || e.requests || ' requests, ' || coalesce(p.offered, 0) || ' are booked' AS fault
    FROM experiments e LEFT JOIN per_experiment p USING (repetition)
    WHERE e.requests IS DISTINCT FROM coalesce(p.offered, 0)
    UNION ALL
    SELECT repetition, 'all', 2, request_id,
        CASE WHEN sent > 1 THEN 'offered more than once' WHEN sent = 0 THEN 'booked and never offered'
            WHEN requests <> 1 THEN 'without exactly one row in requests' ELSE 'without exactly one row in effects' END
    FROM counted
    WHERE sent <> 1 OR requests <> 1 OR effects <> 1
    UNION ALL
    SELECT repetition, operation, rank, NULL, fault
    FROM ledger CROSS JOIN identities
    WHERE CASE rank
        WHEN 3 THEN offered <> answered + accepted + throttled + failed + timed_out + unsent
        WHEN 4 THEN answered + accepted <> committed + dead_lettered + in_flight + lost
        ELSE throttled + failed + timed_out + unsent
            <> rejected + ghost_commits + ghost_dead_lettered + ghost_in_flight + ghost_partly_committed
    END
    UNION ALL
    SELECT repetition, operation, rank, request_id, fault
    FROM booked CROSS JOIN identities
    WHERE CASE rank
        WHEN 3 THEN outcome NOT IN ('answered', 'accepted', 'throttled', 'failed', 'timed_out', 'unsent')
        WHEN 4 THEN acknowledged AND state NOT IN ('committed', 'dead_lettered', 'in_flight', 'lost')
        ELSE NOT acknowledged
            AND state NOT IN ('rejected', 'committed', 'dead_lettered', 'in_flight', 'partly_committed')
    END
    UNION ALL
    SELECT repetition, operation, 6, request_id, 'never sent, and yet with an effect'
    FROM booked
    WHERE outcome = 'unsent' AND state <> 'rejected'
    UNION ALL
    SELECT repetition, 'all', 7, request_id || ' (' || places || ')', effects || ' effects of requests never offered'
    FROM unknown LEFT JOIN strangers USING (repetition)
    WHERE effects <> 0
    UNION ALL
    SELECT repetition, 'all', 9, request_id || ' (' || i.effect || ')', 'effects that its architecture does not have'
    FROM items i JOIN experiments e USING (repetition)
    WHERE i.effect IS NOT NULL AND NOT list_contains(e.effects, i.effect)
    UNION ALL
    SELECT repetition, operation, 8, request_id,
        messages || ' messages were last seen in the queues and not found there: these may not be lost'
    FROM missing JOIN booked USING (repetition)
    WHERE state = 'lost'
),
named AS (
    SELECT repetition, operation, rank, fault,
        list(DISTINCT request_id ORDER BY length(request_id), request_id) FILTER (request_id IS NOT NULL) AS ids
    FROM faults
    GROUP BY ALL
)
SELECT 'repetition ' || repetition || ', ' || operation || ': ' || fault
    || coalesce(': ' || array_to_string(ids[:5], ', '), '')
    || CASE WHEN len(ids) > 5 THEN ' and ' || (len(ids) - 5) || ' more' ELSE '' END
FROM named
ORDER BY repetition, rank, operation, fault
