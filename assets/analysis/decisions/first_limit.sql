-- The limit that binds first as the recording's traffic grows, and from how many times the recorded traffic on: of the
-- finest growth that was simulated under steady.
SELECT l.workload, l.architecture, l.limited_by, l.traffic AS value, l.free_up_to, l.grid_id
FROM growth_limits l
JOIN grids g USING (grid_id)
WHERE l.position = 1 AND l.scenario = 'steady'
    AND l.workload IN (SELECT workload FROM experiments WHERE comparison_id = $comparison_id)
QUALIFY row_number() OVER (PARTITION BY l.workload, l.architecture ORDER BY g.cells DESC, l.grid_id) = 1
ORDER BY ALL
