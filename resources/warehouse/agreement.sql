-- Whether what was judged on one target holds on another: one row per pair of targets and per verdict that both have,
-- of each target's newest comparison that has it. `kind` 'difference' is a measure of `pairwise`, 'claim' one of
-- `claims` that rests on what was observed there, or simulated. A verdict that decides nothing agrees with nothing. What differs between the
-- targets' conformance and is said to affect the claim explains a disagreement; where nothing does, it is open.
CREATE VIEW agreement AS
WITH judged AS (
    SELECT 'difference' AS kind, c.target, c.comparison_id, c.finished_at, p.workload, p.scenario, p.operation,
        p.variant, p.baseline, p.candidate, p.metric AS judged, '' AS part, p.verdict,
        coalesce(p.decides, false) AS decided, coalesce(c.config ->> 'service', '') AS service
    FROM pairwise p JOIN comparisons c USING (comparison_id)
    WHERE p.arm = 'main'
    UNION ALL
    SELECT 'claim', c.target, c.comparison_id, c.finished_at, '', '', '',
        '', '', coalesce(l.architecture, ''), l.claim_id, l.part, l.verdict,
        l.verdict NOT IN ('inconclusive', 'not_testable_here'), coalesce(c.config ->> 'service', '')
    FROM claims l JOIN comparisons c USING (comparison_id)
    WHERE l.evidence = coalesce(c.evidence, 'observed')
),
newest AS (
    SELECT * FROM judged
    QUALIFY row_number() OVER (
        PARTITION BY kind, service, target, workload, scenario, operation, variant, baseline, candidate, judged, part
        ORDER BY finished_at DESC, comparison_id DESC
    ) = 1
),
differing AS (  -- behaviours that two targets show otherwise, and the claims that rest on them
    SELECT a.target, b.target AS other_target, a.behaviour, string_split(a.affects, ', ') AS affects
    FROM conformance a JOIN conformance b USING (behaviour)
    WHERE a.target < b.target AND a.status <> b.status AND 'unknown' NOT IN (a.status, b.status)
        -- what cannot be provoked, as in a simulation of what is documented, may well be as documented
        AND NOT ('not_provocable' IN (a.status, b.status) AND 'reproduced' IN (a.status, b.status))
)
SELECT a.kind, a.workload, a.scenario, a.operation, a.variant, a.baseline, a.candidate, a.judged, a.part,
    a.target, a.verdict, b.target AS other_target, b.verdict AS other_verdict,
    CASE WHEN NOT (a.decided AND b.decided) THEN 'undecided'
        WHEN a.verdict = b.verdict THEN 'agrees'
        WHEN len(explained_by) > 0 THEN 'explained'
        ELSE 'open' END AS agreement,
    explained_by,
    a.comparison_id, b.comparison_id AS other_comparison_id, service
FROM newest a
JOIN newest b USING (kind, service, workload, scenario, operation, variant, baseline, candidate, judged, part)
CROSS JOIN LATERAL (
    SELECT coalesce(list(d.behaviour ORDER BY d.behaviour), []) AS explained_by
    FROM differing d
    WHERE d.target = a.target AND d.other_target = b.target AND a.kind = 'claim'
        AND list_contains(d.affects, a.judged)
)
WHERE a.target < b.target;
COMMENT ON VIEW agreement IS 'Verdicts that two targets have on the same question, the newest of each, side by side.';
COMMENT ON COLUMN agreement.kind IS 'difference (of pairwise) or claim';
COMMENT ON COLUMN agreement.workload IS 'Name of the recording; empty for a claim';
COMMENT ON COLUMN agreement.scenario IS 'Name of the scenario; empty for a claim';
COMMENT ON COLUMN agreement.operation IS 'command or query; empty for a claim';
COMMENT ON COLUMN agreement.variant IS 'idempotent, naive or sdk_defaults; empty for a claim';
COMMENT ON COLUMN agreement.baseline IS 'Architecture compared with; empty for a claim';
COMMENT ON COLUMN agreement.candidate IS 'Architecture it is about; empty for a claim about several';
COMMENT ON COLUMN agreement.judged IS 'Metric, or the claim''s id';
COMMENT ON COLUMN agreement.part IS 'Part of the claim; empty: all of it, or a difference';
COMMENT ON COLUMN agreement.target IS 'One target';
COMMENT ON COLUMN agreement.verdict IS 'The verdict on it';
COMMENT ON COLUMN agreement.other_target IS 'The other target, later in the alphabet';
COMMENT ON COLUMN agreement.other_verdict IS 'The verdict on that';
COMMENT ON COLUMN agreement.agreement IS
    'agrees, explained (a behaviour that the two show otherwise explains it), open (nothing does) or undecided (one '
    'of the verdicts is)';
COMMENT ON COLUMN agreement.explained_by IS 'Behaviours of conformance that explain it';
COMMENT ON COLUMN agreement.comparison_id IS 'Comparison on the one target';
COMMENT ON COLUMN agreement.other_comparison_id IS 'Comparison on the other';
COMMENT ON COLUMN agreement.service IS
    'Service of the user''s own that both replayed, by name and digest; empty for the lab''s own backend';
