-- What a simulated cell comes to when one assumed parameter is changed: passed on as the simulation left it.
SELECT comparison_id, architecture, variant, arm, workload, scenario, operation, measure, parameter, factor, unchanged,
    changed
FROM raw_sensitivity
JOIN experiments USING (repetition)
ORDER BY operation, measure, parameter, factor
