-- How often each contender was replayed in each cell, and why replays do not count. A contender that was replayed in
-- another cell of the comparison has a row here even where it has no replay: what is missing is named, not left out.
CREATE VIEW replays AS
WITH cells AS (SELECT DISTINCT comparison_id, workload, scenario FROM experiments),
contenders AS (SELECT DISTINCT comparison_id, architecture, variant, arm FROM experiments WHERE arm = 'main'),
expected AS (
    SELECT * FROM contenders JOIN cells USING (comparison_id)
    UNION
    SELECT comparison_id, architecture, variant, arm, workload, scenario FROM experiments
)
SELECT comparison_id, workload, scenario, architecture, variant, arm,
    count(e.repetition)::BIGINT AS replays,
    (count(*) FILTER (e.valid))::BIGINT AS valid,
    (count(*) FILTER (NOT e.valid))::BIGINT AS invalid,
    greatest(count(e.repetition) - coalesce(max((e.config ->> '$.repetitions')::BIGINT), count(e.repetition)), 0)
        ::BIGINT AS made_up,
    count(DISTINCT e.instance)::BIGINT AS instances,
    list(DISTINCT e.invalid_reason ORDER BY e.invalid_reason) FILTER (e.invalid_reason IS NOT NULL) AS reasons
FROM expected
LEFT JOIN experiments e USING (comparison_id, workload, scenario, architecture, variant, arm)
GROUP BY ALL
ORDER BY ALL;
COMMENT ON VIEW replays IS
    'How often each contender was replayed in each cell of a comparison: one row even where it has no valid replay, or '
    'none at all though it has in another cell. `FROM replays WHERE valid = 0` names what a cell lacks.';
COMMENT ON COLUMN replays.comparison_id IS 'Names the comparison: the experiments meant to be compared with each other';
COMMENT ON COLUMN replays.workload IS 'Name of the recording';
COMMENT ON COLUMN replays.scenario IS 'Name of the scenario';
COMMENT ON COLUMN replays.architecture IS 'Name of the architecture, as `archduel architectures` lists it';
COMMENT ON COLUMN replays.variant IS 'How the functions write: idempotent, naive or sdk_defaults';
COMMENT ON COLUMN replays.arm IS 'main, or aa for the replay beside it that measures the noise';
COMMENT ON COLUMN replays.replays IS 'How often it was replayed, valid or not';
COMMENT ON COLUMN replays.valid IS 'How many of these replays count; 0: the cell lacks it';
COMMENT ON COLUMN replays.invalid IS 'How many do not';
COMMENT ON COLUMN replays.made_up IS
    'How many were replayed beyond the repetitions asked for, to make up for repetitions with an invalid replay';
COMMENT ON COLUMN replays.instances IS 'How many instances of the target they were on';
COMMENT ON COLUMN replays.reasons IS 'Why replays do not count, each reason once; NULL: all do, or there are none';
