-- Whether queries answered after their order was acknowledged found it.
SELECT {key}, count(*) FILTER (coalesce(f.found, q.status <> 404)) AS events, count(*) AS n
FROM (FROM run_requests WHERE operation = 'query' AND outcome IN ('answered', 'accepted')) q
JOIN (
    SELECT {key}, entity, min(responded_us) AS acknowledged_us
    FROM run_requests
    WHERE operation = 'command' AND outcome IN ('answered', 'accepted')
    GROUP BY {key}, entity
) c USING ({key}, entity)
JOIN (SELECT {key}, request_id, found FROM run_effects WHERE operation = 'query') f USING ({key}, request_id)
WHERE q.sent_us > c.acknowledged_us
GROUP BY {key}
