-- The limit that binds first as the recording's traffic grows, and from how many times the recorded traffic on, of the
-- finest growth that was simulated under steady. Where none binds limited_by is NULL, and value the most that was tried.
SELECT c.workload, c.architecture, any_value(l.limited_by) AS limited_by,
    coalesce(any_value(l.traffic), max(c.traffic)) AS value, c.grid_id
FROM grid_cells c
JOIN grids g USING (grid_id)
LEFT JOIN growth_limits l ON l.grid_id = c.grid_id AND l.architecture = c.architecture AND l.position = 1
WHERE g.kind = 'growth' AND c.scenario = 'steady'
    AND c.workload IN (SELECT workload FROM experiments WHERE comparison_id = $comparison_id)
GROUP BY c.workload, c.architecture, c.grid_id
QUALIFY row_number() OVER (PARTITION BY c.workload, c.architecture ORDER BY count(DISTINCT c.cell) DESC, c.grid_id) = 1
ORDER BY ALL
