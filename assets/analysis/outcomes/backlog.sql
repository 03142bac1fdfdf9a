-- What waited in each second of an experiment: one row per experiment and second in which the queue was sampled.
-- `waiting_max` is the most messages seen, visible or being worked on; `waiting_last` those at `last_us`, the second's
-- last sample. Samples before the replay's start are in seconds below zero.
WITH sampled AS (
    SELECT *, queue_visible + queue_in_flight AS waiting FROM samples
)
SELECT comparison_id, architecture, variant, arm, workload, scenario, repetition,
    floor(t_us / 1e6)::BIGINT AS second,
    max(waiting) AS waiting_max,
    arg_max(waiting, t_us) AS waiting_last,
    max(t_us) AS last_us
FROM sampled
WHERE waiting IS NOT NULL
GROUP BY ALL
ORDER BY repetition, second
