-- The share of requests of each architecture by scenario, over its valid repetitions. The inner query counts as the
-- requirements do.
SELECT workload, variant, architecture, scenario, sum($event) AS events, sum($base) AS requests,
    sum($event) / sum($base) AS value
FROM (
$counts
)
WHERE operation = $operation AND $in_fault
GROUP BY ALL HAVING sum($base) > 0
ORDER BY ALL
