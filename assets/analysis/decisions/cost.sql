-- USD per million committed commands, with the queries that came with them, under steady: REST API, x86.
SELECT workload, variant, architecture, sum(usd) AS value
FROM cost
WHERE comparison_id = $comparison_id AND gateway = 'rest' AND processor = 'x86'
GROUP BY ALL HAVING count(usd) = count(*)
ORDER BY ALL
