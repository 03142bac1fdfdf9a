-- `pairwise` under each pair's own name and the other way round, whichever of the two was the baseline.
SELECT workload, scenario, operation, metric, unit, baseline, candidate, difference, ci_low, ci_high, pairs
FROM pairwise
WHERE comparison_id IN ({comparisons}) AND arm = 'main' AND variant = 'idempotent'
UNION ALL
SELECT workload, scenario, operation, metric, unit, candidate, baseline, 1 / (1 + difference) - 1,
    1 / (1 + ci_high) - 1, 1 / (1 + ci_low) - 1, pairs
FROM pairwise
WHERE comparison_id IN ({comparisons}) AND arm = 'main' AND variant = 'idempotent' AND unit = 'ratio'
