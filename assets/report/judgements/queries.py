"""The queries of what was judged: requirements and recommendations, verdicts, noise, cost, claims, history.

Put here SQL over the judgements' tables, of which each gives a few hundred rows however many requests were replayed.
Keep out what the replays themselves show, and how queries are bound and run (`assets.report.queries`).
"""

RECOMMENDATIONS = """\
SELECT workload, operation, route, architecture, state, sentence, because, would_change, served, requests, passing,
    lacking, could_add, assumed, evidence, target
FROM recommendations
WHERE comparison_id = $comparison_id
ORDER BY workload, operation, route NULLS FIRST"""

REQUIREMENTS = """\
SELECT workload, architecture || '~' || variant AS contender, route, position, requirement, measure, unit, of_requests,
    under, bound, limit_value, state, value, ci_low, ci_high, per_month, scenario, n, repetitions, evidence, target,
    reason
FROM requirements
WHERE comparison_id = $comparison_id
ORDER BY workload, position, route NULLS FIRST, architecture, variant"""

# The bill that every architecture has comes first.
USD_PER_MONTH = """\
SELECT workload, architecture || '~' || variant AS contender, gateway, processor,
    sum(usd_per_month) AS usd_per_month
FROM cost
WHERE comparison_id = $comparison_id
GROUP BY ALL
ORDER BY workload, gateway DESC, processor DESC, contender"""

_PAIRWISE = """\
SELECT workload, scenario, operation, variant, baseline, candidate, candidate || '~' || variant AS contender, metric,
    unit, baseline_value, candidate_value, difference, ci_low, ci_high, margin, verdict, pairs, p_value, p_adjusted,
    method, pairs_needed, reason, requests, carries_over, not_shown_here, decides, target, evidence
FROM pairwise
WHERE comparison_id = $comparison_id AND arm = $arm"""

PAIRWISE = f"""\
{_PAIRWISE}
ORDER BY workload, scenario, operation, candidate, variant, unit DESC, metric"""

PAIRWISE_CELL = f"""\
{_PAIRWISE} AND workload = $workload AND scenario = $scenario
ORDER BY operation, candidate, variant, unit DESC, metric"""

RETRIES = """\
SELECT workload, scenario, who, scenario_with_retries, operation, candidate, metric, verdict, verdict_with_retries,
    depends
FROM retries
WHERE comparison_id = $comparison_id
ORDER BY workload, scenario, who, scenario_with_retries, operation, candidate, metric"""

# The smallest power of a family is what its least certain metric has.
POWER = """\
SELECT metric, unit, any_value(margin) AS margin, count(*) AS figures, median(noise) AS noise,
    min(power_8) AS power_8_min, median(power_8) AS power_8, min(power_16) AS power_16_min,
    median(power_16) AS power_16, count(*) FILTER (verdict IN ('better', 'worse')) AS false_positives
FROM noise
WHERE comparison_id = $comparison_id
GROUP BY metric, unit
ORDER BY unit DESC, metric"""

# Without what an architecture has none of, such as the consumer's requests of one without a queue.
COST = """\
SELECT workload, architecture, variant, architecture || '~' || variant AS contender, gateway, processor, item,
    sum(quantity) AS quantity, any_value(unit) AS unit, any_value(quantity_evidence) AS quantity_evidence,
    any_value(unit_price) AS unit_price, sum(usd) AS usd, any_value(price_list_date) AS price_list_date,
    any_value(source) AS source
FROM cost
WHERE comparison_id = $comparison_id
GROUP BY workload, architecture, variant, gateway, processor, item
HAVING sum(usd) <> 0
ORDER BY workload, architecture, variant, gateway DESC, processor DESC, usd DESC, item"""

COST_TOTALS = """\
SELECT workload, architecture, variant, architecture || '~' || variant AS contender, gateway, processor,
    sum(usd) AS usd, coalesce(sum(usd) FILTER (quantity_evidence = 'observed'), 0) AS observed_usd,
    sum(usd_per_month) AS usd_per_month, any_value(requests_per_month) AS requests_per_month
FROM cost
WHERE comparison_id = $comparison_id
GROUP BY ALL
ORDER BY workload, architecture, variant, gateway DESC, processor DESC"""

# How many queries come with a command, under the scenario that costs are counted under.
QUERIES_PER_COMMAND = """\
SELECT coalesce(
    sum(offered) FILTER (operation = 'query') / nullif(sum(offered) FILTER (operation = 'command'), 0), 0
)::DOUBLE
FROM ledger
WHERE comparison_id = $comparison_id AND scenario = 'steady' AND arm = 'main'"""

CLAIMS = """\
SELECT claim_id, part, position, architecture, text, reading, metric, threshold, value, ci_low, ci_high, n, n_of,
    verdict, kind, evidence, target, reason, source, query
FROM claims
WHERE comparison_id = $comparison_id
ORDER BY position, claim_id, part"""

# Nights up to this one, of the same target; of a night that was run again only the newest run.
HISTORY = """\
WITH this AS (
    SELECT night, target, config ->> 'service' AS service
    FROM comparisons WHERE comparison_id = $comparison_id AND origin = 'nightly'
),
nights AS (
    SELECT h.*, dense_rank() OVER (ORDER BY h.night DESC) AS ago
    FROM history h
    JOIN comparisons c USING (comparison_id)
    JOIN this ON h.target IS NOT DISTINCT FROM this.target AND h.night <= this.night
        AND h.service IS NOT DISTINCT FROM this.service
    WHERE c.origin = 'nightly'
    QUALIFY row_number() OVER (
        PARTITION BY h.night, workload, scenario, architecture, variant, operation, metric
        ORDER BY h.comparison_id = $comparison_id DESC, c.started_at DESC
    ) = 1
)
SELECT n.workload, n.scenario, n.operation, n.architecture, n.variant, n.architecture || '~' || n.variant AS contender,
    n.metric, n.unit, n.night, n.value, n.nights, n.usual, n.low, n.high, n.verdict, n.requests
FROM nights n
SEMI JOIN (FROM history WHERE comparison_id = $comparison_id) f
    USING (workload, scenario, architecture, variant, operation, metric)
WHERE ago <= 15
ORDER BY n.workload, n.scenario, n.operation, n.architecture, n.variant, n.metric, n.night"""
