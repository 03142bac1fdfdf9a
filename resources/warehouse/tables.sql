-- The tables of archduel.duckdb. What a user may rely on: README and the contract describe the columns.
CREATE TABLE comparisons (
    comparison_id VARCHAR, origin VARCHAR, night VARCHAR, evidence VARCHAR, target VARCHAR, speed DOUBLE,
    repetitions BIGINT, seed BIGINT, started_at TIMESTAMPTZ, finished_at TIMESTAMPTZ, config JSON, code_version VARCHAR
);
CREATE TABLE experiments (
    comparison_id VARCHAR, architecture VARCHAR, variant VARCHAR, arm VARCHAR, workload VARCHAR, scenario VARCHAR,
    repetition INTEGER, night VARCHAR, target VARCHAR, evidence VARCHAR, seed BIGINT, speed DOUBLE,
    started_at TIMESTAMPTZ, finished_at TIMESTAMPTZ, requests BIGINT, duration_us BIGINT, settled_us BIGINT,
    valid BOOLEAN, invalid_reason VARCHAR, send_lag_p50_us BIGINT, send_lag_p99_us BIGINT, send_lag_max_us BIGINT,
    target_cpu_share DOUBLE, others_cpu_share DOUBLE, cold_starts BIGINT, clock_uncertainty_us BIGINT,
    dagster_run_id VARCHAR, fault_windows JSON, config JSON
);
CREATE TABLE requests (
    comparison_id VARCHAR, architecture VARCHAR, variant VARCHAR, arm VARCHAR, workload VARCHAR, scenario VARCHAR,
    repetition INTEGER, request_id VARCHAR, operation VARCHAR, entity VARCHAR, scheduled_us BIGINT, sent_us BIGINT,
    client_queue_us BIGINT, responded_us BIGINT, status INTEGER, aws_status INTEGER, outcome VARCHAR,
    response_us BIGINT, service_us BIGINT
);
CREATE TABLE effects (
    comparison_id VARCHAR, architecture VARCHAR, variant VARCHAR, arm VARCHAR, workload VARCHAR, scenario VARCHAR,
    repetition INTEGER, request_id VARCHAR, operation VARCHAR, entity VARCHAR, state VARCHAR, committed_us BIGINT,
    completion_us BIGINT, deliveries BIGINT, commits BIGINT, commit_order BIGINT, commit_clock VARCHAR, found BOOLEAN
);
CREATE TABLE invocations (
    comparison_id VARCHAR, architecture VARCHAR, variant VARCHAR, arm VARCHAR, workload VARCHAR, scenario VARCHAR,
    repetition INTEGER, function VARCHAR, invocation_id VARCHAR, started_us BIGINT, duration_us BIGINT, cold BOOLEAN,
    batch_size BIGINT, outcome VARCHAR
);
CREATE TABLE samples (
    comparison_id VARCHAR, architecture VARCHAR, variant VARCHAR, arm VARCHAR, workload VARCHAR, scenario VARCHAR,
    repetition INTEGER, t_us BIGINT, queue_visible BIGINT, queue_in_flight BIGINT, queue_delayed BIGINT, dead_letters BIGINT, in_flight BIGINT
);
-- `p50_low_us` to `p50_high_us`: the 95 % interval that blocks of this replay's own time allow, NULL where too little was
-- measured for an end. A quantile among what never ended is NULL, and its `low` then a lower bound. It says nothing of how
-- repetitions differ: verdicts rest on these.
CREATE TABLE latency (
    comparison_id VARCHAR, architecture VARCHAR, variant VARCHAR, arm VARCHAR, workload VARCHAR, scenario VARCHAR,
    repetition INTEGER, operation VARCHAR, measure VARCHAR, n BIGINT, n_censored BIGINT, n_excluded BIGINT,
    p50_us BIGINT, p50_low_us BIGINT, p50_high_us BIGINT, p90_us BIGINT, p90_low_us BIGINT, p90_high_us BIGINT,
    p99_us BIGINT, p99_low_us BIGINT, p99_high_us BIGINT, p999_us BIGINT, p999_low_us BIGINT, p999_high_us BIGINT,
    max_us BIGINT
);
CREATE TABLE ledger (
    comparison_id VARCHAR, architecture VARCHAR, variant VARCHAR, arm VARCHAR, workload VARCHAR, scenario VARCHAR,
    repetition INTEGER, operation VARCHAR, offered BIGINT, answered BIGINT, accepted BIGINT, throttled BIGINT,
    failed BIGINT, timed_out BIGINT, unsent BIGINT, committed BIGINT, dead_lettered BIGINT, in_flight BIGINT,
    lost BIGINT, rejected BIGINT, ghost_commits BIGINT, ghost_dead_lettered BIGINT, ghost_in_flight BIGINT,
    unknown_effects BIGINT, duplicates BIGINT, redeliveries BIGINT, reordered BIGINT, read_your_writes_misses BIGINT
);
CREATE TABLE recovery (
    comparison_id VARCHAR, architecture VARCHAR, variant VARCHAR, arm VARCHAR, workload VARCHAR, scenario VARCHAR,
    repetition INTEGER, fault INTEGER, target VARCHAR, kind VARCHAR, start_us BIGINT, end_us BIGINT, present BOOLEAN,
    requests BIGINT, error_share_in_window DOUBLE, acknowledged_share DOUBLE, success_share DOUBLE,
    recovered_share DOUBLE, goodput_before_per_s DOUBLE, goodput_in_window_per_s DOUBLE, goodput_after_per_s DOUBLE,
    backlog_max BIGINT, drain_us BIGINT, back_to_normal_us BIGINT, back_to_normal_low_us BIGINT
);
-- Per million committed commands, the queries that came with them included. One row per item, gateway ('rest', 'http')
-- and processor ('x86', 'arm'); `unit_price` is USD per `unit`. `quantity_evidence`: 'observed' counts, 'modelled' for AWS.
CREATE TABLE cost (
    comparison_id VARCHAR, architecture VARCHAR, variant VARCHAR, workload VARCHAR, target VARCHAR, gateway VARCHAR,
    processor VARCHAR, item VARCHAR, quantity DOUBLE, unit VARCHAR, quantity_evidence VARCHAR, unit_price DOUBLE,
    usd DOUBLE, price_list_date DATE, source VARCHAR
);
-- `difference` is candidate minus baseline for a share (`unit` 'share'), candidate / baseline - 1 for a time ('ratio').
-- `arm` 'aa' compares an architecture with itself. `pairs_needed`: repetitions likely to decide it, where it is
-- undecided for want of them; `reason`: why a verdict is no better.
CREATE TABLE pairwise (
    comparison_id VARCHAR, workload VARCHAR, scenario VARCHAR, operation VARCHAR, variant VARCHAR, arm VARCHAR,
    baseline VARCHAR, candidate VARCHAR, metric VARCHAR, unit VARCHAR, baseline_value DOUBLE, candidate_value DOUBLE,
    difference DOUBLE, ci_low DOUBLE, ci_high DOUBLE, margin DOUBLE, verdict VARCHAR, pairs BIGINT, p_value DOUBLE,
    p_adjusted DOUBLE, method VARCHAR, pairs_needed BIGINT, reason VARCHAR, target VARCHAR, evidence VARCHAR
);
-- One row per part and, where `part` is '', one per claim, which is 'partly' when its parts differ.
CREATE TABLE claims (
    comparison_id VARCHAR, claim_id VARCHAR, part VARCHAR, position BIGINT, architecture VARCHAR, text VARCHAR,
    reading VARCHAR, metric VARCHAR, threshold DOUBLE, value DOUBLE, ci_low DOUBLE, ci_high DOUBLE, n BIGINT,
    verdict VARCHAR, evidence VARCHAR, target VARCHAR, reason VARCHAR, source VARCHAR, query VARCHAR
);
-- Each figure of a night beside the last fourteen before it. `low` to `high` is what these nights let expect;
-- `verdict`: 'usual', 'better', 'worse', 'too_few_nights'.
CREATE TABLE history (
    comparison_id VARCHAR, night VARCHAR, workload VARCHAR, scenario VARCHAR, architecture VARCHAR, variant VARCHAR,
    operation VARCHAR, metric VARCHAR, unit VARCHAR, value DOUBLE, nights BIGINT, usual DOUBLE, low DOUBLE, high DOUBLE,
    verdict VARCHAR, target VARCHAR
);
-- What comparing an architecture with itself shows (the A/A arm): `noise` is the standard deviation of the paired
-- differences (log ratios for times); the powers are chances of deciding a difference of twice the margin.
CREATE TABLE noise (
    comparison_id VARCHAR, workload VARCHAR, scenario VARCHAR, operation VARCHAR, architecture VARCHAR, variant VARCHAR,
    metric VARCHAR, unit VARCHAR, pairs BIGINT, noise DOUBLE, margin DOUBLE, power_8 DOUBLE, power_16 DOUBLE,
    verdict VARCHAR, target VARCHAR
);
-- What to build for an operation of a workload, the measurements it rests on, and what would change it.
CREATE TABLE recommendations (
    comparison_id VARCHAR, workload VARCHAR, operation VARCHAR, architecture VARCHAR, sentence VARCHAR,
    because VARCHAR[], would_change VARCHAR[], evidence VARCHAR, target VARCHAR
);
-- `affects`: claims whose observation exercises the behaviour, as in 'S4, E4', '' where the lab keeps clear of it:
-- ask with list_contains(string_split(affects, ', '), 'S4').
-- `seen_status`, `aws_status`: the HTTP status as seen and as AWS would answer, where the behaviour is one.
CREATE TABLE conformance (
    target VARCHAR, behaviour VARCHAR, expected VARCHAR, observed VARCHAR, status VARCHAR, affects VARCHAR,
    seen_status INTEGER, aws_status INTEGER, documented_at VARCHAR, probed_at TIMESTAMPTZ
);
CREATE TABLE quarantine (recording VARCHAR, file VARCHAR, line_number BIGINT, reason VARCHAR, shape VARCHAR);
-- The five below hold what the report draws, however many requests there were. How long acknowledged requests took, in
-- bins at most 1.6 % wide from `from_us` on, with the least and the greatest seen in each; `measure`: 'response',
-- 'service', 'completion'. What was refused or never done is in none.
CREATE TABLE distributions (
    comparison_id VARCHAR, architecture VARCHAR, variant VARCHAR, arm VARCHAR, workload VARCHAR, scenario VARCHAR,
    repetition INTEGER, operation VARCHAR, measure VARCHAR, from_us BIGINT, requests BIGINT, min_us BIGINT,
    max_us BIGINT
);
-- Answers by the second in which their request was due; `stored` by the second in which it was stored or answered.
CREATE TABLE timeline (
    comparison_id VARCHAR, architecture VARCHAR, variant VARCHAR, arm VARCHAR, workload VARCHAR, scenario VARCHAR,
    repetition INTEGER, operation VARCHAR, second BIGINT, acknowledged BIGINT, throttled BIGINT, failed BIGINT,
    stored BIGINT
);
-- Messages waiting, visible or being worked on: the most in a second, and those at its last look, at `last_us`.
CREATE TABLE backlog (
    comparison_id VARCHAR, architecture VARCHAR, variant VARCHAR, arm VARCHAR, workload VARCHAR, scenario VARCHAR,
    repetition INTEGER, second BIGINT, waiting_max BIGINT, waiting_last BIGINT, last_us BIGINT
);
-- Requests by what their client was told (`requests.outcome`) and what became of them (`effects.state`).
CREATE TABLE fates (
    comparison_id VARCHAR, architecture VARCHAR, variant VARCHAR, arm VARCHAR, workload VARCHAR, scenario VARCHAR,
    repetition INTEGER, operation VARCHAR, outcome VARCHAR, state VARCHAR, requests BIGINT
);
-- When the last command due in a fault window was stored, from the window's end on; no row where none was.
CREATE TABLE last_commits (
    comparison_id VARCHAR, architecture VARCHAR, variant VARCHAR, arm VARCHAR, workload VARCHAR, scenario VARCHAR,
    repetition INTEGER, fault INTEGER, last_commit_us BIGINT
);
