-- The tables of archduel.duckdb, the one place where their columns, types and meanings are declared. The Arrow schemas,
-- Dagster's column descriptions and docs/reference/tables.md are made of it (`resources.warehouse.schema`).
-- `summary.sql` and `agreement.sql` declare the views. Times within an experiment are microseconds on one monotonic
-- clock.

CREATE TABLE comparisons (
    comparison_id VARCHAR, origin VARCHAR, night VARCHAR, evidence VARCHAR, target VARCHAR, speed DOUBLE,
    repetitions BIGINT, seed BIGINT, started_at TIMESTAMPTZ, finished_at TIMESTAMPTZ, config JSON,
    code_version VARCHAR, beside VARCHAR
);
COMMENT ON TABLE comparisons IS
    'One row per comparison: one target, one configuration, some cells, architectures and repetitions.';
COMMENT ON COLUMN comparisons.comparison_id IS 'Names the comparison';
COMMENT ON COLUMN comparisons.origin IS 'nightly or adhoc';
COMMENT ON COLUMN comparisons.night IS 'Date of the night, or of the day it was started, YYYY-MM-DD';
COMMENT ON COLUMN comparisons.evidence IS 'Kind of proof: observed on the target, or simulated';
COMMENT ON COLUMN comparisons.target IS 'Target it ran on, with its version';
COMMENT ON COLUMN comparisons.speed IS
    'How many times as fast as recorded it was replayed; NULL where its cells differ';
COMMENT ON COLUMN comparisons.repetitions IS 'Greatest number of repetitions of a cell and contender';
COMMENT ON COLUMN comparisons.seed IS 'Seed of everything the recording leaves open';
COMMENT ON COLUMN comparisons.started_at IS 'Start of the first replay';
COMMENT ON COLUMN comparisons.finished_at IS 'End of the last replay';
COMMENT ON COLUMN comparisons.config IS 'Settings that hold for all of it, a JSON object';
COMMENT ON COLUMN comparisons.code_version IS 'Version of archduel, with a digest of its code';
COMMENT ON COLUMN comparisons.beside IS
    'Of a simulated comparison, the one it says what AWS would do beside, whether or not that was replayed; NULL: it '
    'stands alone';

CREATE TABLE experiments (
    experiment_id VARCHAR,
    comparison_id VARCHAR, architecture VARCHAR, variant VARCHAR, arm VARCHAR, workload VARCHAR, scenario VARCHAR,
    repetition INTEGER, instance INTEGER, night VARCHAR, target VARCHAR, evidence VARCHAR, seed BIGINT, speed DOUBLE,
    started_at TIMESTAMPTZ, finished_at TIMESTAMPTZ, requests BIGINT, duration_us BIGINT, recorded_requests DOUBLE,
    recorded_us BIGINT, settled_us BIGINT, valid BOOLEAN, invalid_reason VARCHAR,
    send_lag_p50_us BIGINT, send_lag_p99_us BIGINT, send_lag_max_us BIGINT,
    client_lag_p50_us BIGINT, client_lag_p99_us BIGINT, client_lag_max_us BIGINT,
    displaced_share DOUBLE, gaps_distance_us DOUBLE, target_cpu_share DOUBLE, others_cpu_share DOUBLE,
    cold_starts BIGINT, clock_uncertainty_us BIGINT, dagster_run_id VARCHAR, fault_windows JSON, config JSON,
    effects VARCHAR[]
);
COMMENT ON TABLE experiments IS
    'One row per experiment, which is one replay: an architecture in a variant and an arm, in a cell, one repetition.';
COMMENT ON COLUMN experiments.experiment_id IS
    'Names the experiment in one column: a digest of the seven columns that do';
COMMENT ON COLUMN experiments.comparison_id IS
    'Names the comparison: the experiments meant to be compared with each other';
COMMENT ON COLUMN experiments.architecture IS 'Name of the architecture, as `archduel architectures` lists it';
COMMENT ON COLUMN experiments.variant IS 'How the functions write: idempotent, naive or sdk_defaults';
COMMENT ON COLUMN experiments.arm IS 'main, or aa for the replay beside it that measures the noise';
COMMENT ON COLUMN experiments.workload IS 'Name of the recording';
COMMENT ON COLUMN experiments.scenario IS 'Name of the scenario';
COMMENT ON COLUMN experiments.repetition IS 'Number of the replay within its cell and contender, from 1';
COMMENT ON COLUMN experiments.instance IS
    'Number of the instance of the target it was replayed on, within its cell and contender, from 1: an emulator of '
    'its own, or new resources on one that is shared';
COMMENT ON COLUMN experiments.night IS 'Date of the night, or of the day it was started, YYYY-MM-DD';
COMMENT ON COLUMN experiments.target IS 'Target it ran on, with its version';
COMMENT ON COLUMN experiments.evidence IS 'Kind of proof: observed on the target, or simulated';
COMMENT ON COLUMN experiments.seed IS 'Seed of everything the recording leaves open';
COMMENT ON COLUMN experiments.speed IS 'How many times as fast as recorded it was replayed';
COMMENT ON COLUMN experiments.started_at IS 'Start of the replay';
COMMENT ON COLUMN experiments.finished_at IS 'End of the replay';
COMMENT ON COLUMN experiments.requests IS 'Requests offered';
COMMENT ON COLUMN experiments.duration_us IS 'From the replay''s start until the last request was due, microseconds';
COMMENT ON COLUMN experiments.recorded_requests IS
    'Requests of the whole recording, however few of them were replayed; times --amplify';
COMMENT ON COLUMN experiments.recorded_us IS
    'From the first to the last arrival of the whole recording, pauses included, microseconds as recorded';
COMMENT ON COLUMN experiments.settled_us IS
    'From the replay''s start until nothing moved any more and watching ended, microseconds';
COMMENT ON COLUMN experiments.valid IS 'Whether verdicts and summaries use it';
COMMENT ON COLUMN experiments.invalid_reason IS 'Why it is not valid, a sentence; NULL: it is';
COMMENT ON COLUMN experiments.send_lag_p50_us IS
    'Median delay of sending behind the schedule, microseconds; NULL: nothing was sent';
COMMENT ON COLUMN experiments.send_lag_p99_us IS '99th percentile of that delay, microseconds; NULL: nothing was sent';
COMMENT ON COLUMN experiments.send_lag_max_us IS 'Greatest delay, microseconds; NULL: nothing was sent';
COMMENT ON COLUMN experiments.client_lag_p99_us IS
    '99th percentile of the part of it that is the load generator''s own, microseconds: the rest waited for a '
    'connection, which is the target''s; NULL: nothing was sent';
COMMENT ON COLUMN experiments.client_lag_p50_us IS
    'Median of the part of it that is the load generator''s own, microseconds; NULL: nothing was sent';
COMMENT ON COLUMN experiments.client_lag_max_us IS
    'Greatest part of it that is the load generator''s own, microseconds; NULL: nothing was sent';
COMMENT ON COLUMN experiments.displaced_share IS
    'Share of requests that would have to leave in another second to give every second as many as were due in it, 0 to '
    '1; NULL: nothing was due';
COMMENT ON COLUMN experiments.gaps_distance_us IS
    'Mean difference between the gaps from one request to the next as sent and as due, each sorted by length, '
    'microseconds; NULL: fewer than two were sent';
COMMENT ON COLUMN experiments.target_cpu_share IS
    'Share of this machine''s CPU that the target''s processes used, 0 to 1 of all cores; NULL: not known, or not on '
    'this machine';
COMMENT ON COLUMN experiments.others_cpu_share IS
    'Share that other programs used while requests were sent, 0 to 1 of all cores; NULL: not known';
COMMENT ON COLUMN experiments.cold_starts IS 'Invocations that were the first of their environment';
COMMENT ON COLUMN experiments.clock_uncertainty_us IS
    'Uncertainty of the handlers'' stamps on the replay''s clock, microseconds; 0 where both share a clock';
COMMENT ON COLUMN experiments.dagster_run_id IS 'Dagster run that replayed it; NULL outside of a run';
COMMENT ON COLUMN experiments.fault_windows IS
    'Faults as they happened, a JSON list of objects: target, kind, due_us, start_us, end_us and what the kind needs';
COMMENT ON COLUMN experiments.config IS 'Settings, those of the cell and contender included, a JSON object';
COMMENT ON COLUMN experiments.effects IS
    'What a command brings about in this architecture, each stored by itself: it is done once all of them are there';

CREATE TABLE requests (
    experiment_id VARCHAR,
    comparison_id VARCHAR, architecture VARCHAR, variant VARCHAR, arm VARCHAR, workload VARCHAR, scenario VARCHAR,
    repetition INTEGER, request_id VARCHAR, operation VARCHAR, entity VARCHAR, route VARCHAR, payload_bytes BIGINT,
    scheduled_us BIGINT, sent_us BIGINT, client_queue_us BIGINT, connect_us BIGINT, responded_us BIGINT,
    status INTEGER, broken_cause VARCHAR, aws_status INTEGER, outcome VARCHAR, response_us BIGINT, service_us BIGINT, attempts BIGINT,
    recorded_us BIGINT, work_us BIGINT
);
COMMENT ON TABLE requests IS 'One row per offered request: what its client saw.';
COMMENT ON COLUMN requests.experiment_id IS
    'Names the experiment in one column: a digest of the seven columns that do';
COMMENT ON COLUMN requests.comparison_id IS
    'Names the comparison: the experiments meant to be compared with each other';
COMMENT ON COLUMN requests.architecture IS 'Name of the architecture, as `archduel architectures` lists it';
COMMENT ON COLUMN requests.variant IS 'How the functions write: idempotent, naive or sdk_defaults';
COMMENT ON COLUMN requests.arm IS 'main, or aa for the replay beside it that measures the noise';
COMMENT ON COLUMN requests.workload IS 'Name of the recording';
COMMENT ON COLUMN requests.scenario IS 'Name of the scenario';
COMMENT ON COLUMN requests.repetition IS 'Number of the replay within its cell and contender, from 1';
COMMENT ON COLUMN requests.request_id IS
    'Index in the recording, in order of arrival, with a suffix for clones; the same in every experiment';
COMMENT ON COLUMN requests.operation IS 'command or query';
COMMENT ON COLUMN requests.entity IS 'Entity (such as the order) it is about';
COMMENT ON COLUMN requests.route IS
    'Its method and path with names in place of ids, such as GET /orders/{order}; NULL: not known';
COMMENT ON COLUMN requests.payload_bytes IS 'Size of its body as recorded, bytes; 0 for a query';
COMMENT ON COLUMN requests.scheduled_us IS 'When it was due, microseconds since the replay''s start';
COMMENT ON COLUMN requests.sent_us IS
    'When it was first sent, microseconds since the replay''s start; NULL: it was not';
COMMENT ON COLUMN requests.client_queue_us IS
    'How long it waited in the client for others to free a connection, or for the pace of opening new ones, '
    'microseconds; NULL: it was not sent';
COMMENT ON COLUMN requests.connect_us IS
    'How long it waited for the target to take the connection that it was sent over, microseconds; 0: that was there; '
    'NULL: it was not sent';
COMMENT ON COLUMN requests.responded_us IS
    'When its last answer, or the connection''s end, was there, microseconds since the replay''s start; NULL: no '
    'answer';
COMMENT ON COLUMN requests.status IS 'HTTP status of its last answer; NULL: no answer';
COMMENT ON COLUMN requests.broken_cause IS
    'Why its connection failed: refused, unreachable, unknown_host, connect_timed_out, tls_failed, reset, closed (before '
    'a byte of an answer), cut_off (within one), not_http, or stopped (by archduel); NULL: it did not';
COMMENT ON COLUMN requests.aws_status IS
    'HTTP status that AWS would have answered: differs where this target answers a throttled request otherwise; NULL: '
    'no answer';
COMMENT ON COLUMN requests.outcome IS
    'answered (2xx with the result, or 404 to a query), accepted (2xx of a queue), throttled (429, or 5xx by a '
    'limit), failed, timed_out (no answer within 29 s) or unsent';
COMMENT ON COLUMN requests.response_us IS 'From when it was due to its last answer, microseconds; NULL: no answer';
COMMENT ON COLUMN requests.service_us IS
    'From when it was first sent to its last answer, microseconds; NULL: no answer';
COMMENT ON COLUMN requests.attempts IS
    'How often it was sent: more than 1 where the client tried again; 0: it was not';
COMMENT ON COLUMN requests.recorded_us IS
    'How long its answer took when it was recorded, microseconds; NULL: the recording does not say';
COMMENT ON COLUMN requests.work_us IS
    'How long the handler was asked to work on it, as it was recorded, microseconds; NULL: it was asked for none of its '
    'own';

CREATE TABLE effects (
    experiment_id VARCHAR,
    comparison_id VARCHAR, architecture VARCHAR, variant VARCHAR, arm VARCHAR, workload VARCHAR, scenario VARCHAR,
    repetition INTEGER, request_id VARCHAR, operation VARCHAR, entity VARCHAR, route VARCHAR, state VARCHAR,
    committed_us BIGINT, completion_us BIGINT, deliveries BIGINT, commits BIGINT, commit_order BIGINT,
    commit_clock VARCHAR, found BOOLEAN, fetches BIGINT, fetched_us BIGINT, duplicates BIGINT, redeliveries BIGINT
);
COMMENT ON TABLE effects IS 'One row per offered request: what became of it behind the answer.';
COMMENT ON COLUMN effects.experiment_id IS
    'Names the experiment in one column: a digest of the seven columns that do';
COMMENT ON COLUMN effects.comparison_id IS 'Names the comparison: the experiments meant to be compared with each other';
COMMENT ON COLUMN effects.architecture IS 'Name of the architecture, as `archduel architectures` lists it';
COMMENT ON COLUMN effects.variant IS 'How the functions write: idempotent, naive or sdk_defaults';
COMMENT ON COLUMN effects.arm IS 'main, or aa for the replay beside it that measures the noise';
COMMENT ON COLUMN effects.workload IS 'Name of the recording';
COMMENT ON COLUMN effects.scenario IS 'Name of the scenario';
COMMENT ON COLUMN effects.repetition IS 'Number of the replay within its cell and contender, from 1';
COMMENT ON COLUMN effects.request_id IS 'As in requests';
COMMENT ON COLUMN effects.operation IS 'command or query';
COMMENT ON COLUMN effects.entity IS 'Entity (such as the order) it is about';
COMMENT ON COLUMN effects.route IS 'As in requests';
COMMENT ON COLUMN effects.state IS
    'When watching ended: committed (stored, or a query''s answer with its client), dead_lettered, in_flight (still in '
    'a queue, or an answer stored that its client never got), lost (acknowledged, and in none of these), '
    'partly_committed (not acknowledged; of several effects some are stored, and none of the others will be) or rejected '
    '(no effect, none promised). Of several effects all have to be stored, and the first of these states that one of '
    'them has is the request''s';
COMMENT ON COLUMN effects.committed_us IS
    'When it was stored, the last of its effects where it has several, or a query''s answer was with its client or '
    'stored for it, microseconds since the replay''s start; NULL: not committed';
COMMENT ON COLUMN effects.completion_us IS
    'From when it was due until it was committed, or until the client had the answer it asked for, microseconds; '
    'NULL: neither';
COMMENT ON COLUMN effects.deliveries IS
    'How often a handler was given it; of several effects, for the one with most';
COMMENT ON COLUMN effects.commits IS
    'How often it was written: more than 1 is a duplicate; of several effects, the one with most';
COMMENT ON COLUMN effects.commit_order IS 'Its place among the committed of its replay, from 1; NULL: not committed';
COMMENT ON COLUMN effects.commit_clock IS
    'What dates the commit: handler (its log line), item (the stamp before the write) or client (the answer to a '
    'query); NULL: not committed';
COMMENT ON COLUMN effects.found IS 'Of a query, whether it found its entity; NULL: not known, or a command';
COMMENT ON COLUMN effects.fetches IS
    'How often the client asked for the answer to a queued query by its ticket; NULL: it waited for none';
COMMENT ON COLUMN effects.fetched_us IS
    'When the client had that answer, microseconds since the replay''s start; NULL: never';
COMMENT ON COLUMN effects.duplicates IS 'Commits beyond the first, of each of its effects';
COMMENT ON COLUMN effects.redeliveries IS
    'Deliveries to a handler beyond the first, for each of its effects, by its queue or by a client that tried again';

CREATE TABLE effect_parts (
    experiment_id VARCHAR,
    comparison_id VARCHAR, architecture VARCHAR, variant VARCHAR, arm VARCHAR, workload VARCHAR, scenario VARCHAR,
    repetition INTEGER, request_id VARCHAR, entity VARCHAR, effect VARCHAR, state VARCHAR, committed_us BIGINT,
    completion_us BIGINT, deliveries BIGINT, commits BIGINT, duplicates BIGINT, commit_clock VARCHAR
);
COMMENT ON TABLE effect_parts IS
    'One row per offered command and effect, of architectures in which a command has several: what became of each. '
    'Where a command has one, effects says it.';
COMMENT ON COLUMN effect_parts.experiment_id IS
    'Names the experiment in one column: a digest of the seven columns that do';
COMMENT ON COLUMN effect_parts.comparison_id IS
    'Names the comparison: the experiments meant to be compared with each other';
COMMENT ON COLUMN effect_parts.architecture IS 'Name of the architecture, as `archduel architectures` lists it';
COMMENT ON COLUMN effect_parts.variant IS 'How the functions write: idempotent, naive or sdk_defaults';
COMMENT ON COLUMN effect_parts.arm IS 'main, or aa for the replay beside it that measures the noise';
COMMENT ON COLUMN effect_parts.workload IS 'Name of the recording';
COMMENT ON COLUMN effect_parts.scenario IS 'Name of the scenario';
COMMENT ON COLUMN effect_parts.repetition IS 'Number of the replay within its cell and contender, from 1';
COMMENT ON COLUMN effect_parts.request_id IS 'As in requests';
COMMENT ON COLUMN effect_parts.entity IS 'Entity (such as the order) it is about';
COMMENT ON COLUMN effect_parts.effect IS 'Name of the effect, as in `experiments.effects`';
COMMENT ON COLUMN effect_parts.state IS
    'When watching ended: committed (stored), dead_lettered, in_flight (still in a queue), lost (the request was '
    'acknowledged, and the effect is in none of these) or rejected (likewise, and nothing was promised)';
COMMENT ON COLUMN effect_parts.committed_us IS
    'When it was stored, microseconds since the replay''s start; NULL: not committed';
COMMENT ON COLUMN effect_parts.completion_us IS
    'From when the request was due until it was stored, microseconds; NULL: not committed';
COMMENT ON COLUMN effect_parts.deliveries IS 'How often a handler was given the request for it';
COMMENT ON COLUMN effect_parts.commits IS 'How often it was written: more than 1 is a duplicate';
COMMENT ON COLUMN effect_parts.duplicates IS 'Commits beyond the first';
COMMENT ON COLUMN effect_parts.commit_clock IS
    'What dates the commit: handler (its log line) or item (the stamp before the write); NULL: not committed';

CREATE TABLE invocations (
    experiment_id VARCHAR,
    comparison_id VARCHAR, architecture VARCHAR, variant VARCHAR, arm VARCHAR, workload VARCHAR, scenario VARCHAR,
    repetition INTEGER, function VARCHAR, invocation_id VARCHAR, started_us BIGINT, duration_us BIGINT,
    cold BOOLEAN, batch_size BIGINT, outcome VARCHAR, environment VARCHAR
);
COMMENT ON TABLE invocations IS 'One row per invocation of a function.';
COMMENT ON COLUMN invocations.experiment_id IS
    'Names the experiment in one column: a digest of the seven columns that do';
COMMENT ON COLUMN invocations.comparison_id IS
    'Names the comparison: the experiments meant to be compared with each other';
COMMENT ON COLUMN invocations.architecture IS 'Name of the architecture, as `archduel architectures` lists it';
COMMENT ON COLUMN invocations.variant IS 'How the functions write: idempotent, naive or sdk_defaults';
COMMENT ON COLUMN invocations.arm IS 'main, or aa for the replay beside it that measures the noise';
COMMENT ON COLUMN invocations.workload IS 'Name of the recording';
COMMENT ON COLUMN invocations.scenario IS 'Name of the scenario';
COMMENT ON COLUMN invocations.repetition IS 'Number of the replay within its cell and contender, from 1';
COMMENT ON COLUMN invocations.function IS 'Name of the function';
COMMENT ON COLUMN invocations.invocation_id IS 'Request id that the platform gave the invocation';
COMMENT ON COLUMN invocations.started_us IS 'When it started, microseconds since the replay''s start';
COMMENT ON COLUMN invocations.duration_us IS 'How long it took, microseconds; 0 where its log does not say';
COMMENT ON COLUMN invocations.cold IS 'Whether it was the first of its environment; NULL: its log does not say';
COMMENT ON COLUMN invocations.batch_size IS 'Messages it was given, 1 for a request; NULL: its log does not say';
COMMENT ON COLUMN invocations.outcome IS
    'succeeded, partly_failed (some messages of the batch), failed, timed_out or unlogged (it left no log line)';
COMMENT ON COLUMN invocations.environment IS
    'Execution environment it ran in, a name of its own for each; NULL: its log does not say';

CREATE TABLE samples (
    experiment_id VARCHAR,
    comparison_id VARCHAR, architecture VARCHAR, variant VARCHAR, arm VARCHAR, workload VARCHAR, scenario VARCHAR,
    repetition INTEGER, t_us BIGINT, queue_visible BIGINT, queue_in_flight BIGINT, queue_delayed BIGINT,
    dead_letters BIGINT, in_flight BIGINT
);
COMMENT ON TABLE samples IS 'What waited where, at moments about a quarter of a second apart.';
COMMENT ON COLUMN samples.experiment_id IS
    'Names the experiment in one column: a digest of the seven columns that do';
COMMENT ON COLUMN samples.comparison_id IS 'Names the comparison: the experiments meant to be compared with each other';
COMMENT ON COLUMN samples.architecture IS 'Name of the architecture, as `archduel architectures` lists it';
COMMENT ON COLUMN samples.variant IS 'How the functions write: idempotent, naive or sdk_defaults';
COMMENT ON COLUMN samples.arm IS 'main, or aa for the replay beside it that measures the noise';
COMMENT ON COLUMN samples.workload IS 'Name of the recording';
COMMENT ON COLUMN samples.scenario IS 'Name of the scenario';
COMMENT ON COLUMN samples.repetition IS 'Number of the replay within its cell and contender, from 1';
COMMENT ON COLUMN samples.t_us IS 'Moment, microseconds since the replay''s start; below 0 before it';
COMMENT ON COLUMN samples.queue_visible IS 'Messages waiting in the queue; NULL: not known, or no queue';
COMMENT ON COLUMN samples.queue_in_flight IS 'Messages being worked on; NULL: not known, or no queue';
COMMENT ON COLUMN samples.queue_delayed IS 'Messages not visible yet because of a delay; NULL: not known, or no queue';
COMMENT ON COLUMN samples.dead_letters IS 'Messages in the dead-letter queue; NULL: not known, or no queue';
COMMENT ON COLUMN samples.in_flight IS 'Requests that the client waits for';

CREATE TABLE latency (
    experiment_id VARCHAR,
    comparison_id VARCHAR, architecture VARCHAR, variant VARCHAR, arm VARCHAR, workload VARCHAR, scenario VARCHAR,
    repetition INTEGER, operation VARCHAR, measure VARCHAR, n BIGINT, n_censored BIGINT, n_excluded BIGINT,
    p50_us BIGINT, p50_low_us BIGINT, p50_high_us BIGINT, p90_us BIGINT, p90_low_us BIGINT, p90_high_us BIGINT,
    p99_us BIGINT, p99_low_us BIGINT, p99_high_us BIGINT, p999_us BIGINT, p999_low_us BIGINT, p999_high_us BIGINT,
    max_us BIGINT
);
COMMENT ON TABLE latency IS
    'Quantiles per experiment, operation and measure. Their intervals come from blocks of the replay''s own time and '
    'know nothing of how repetitions differ: verdicts rest on repetitions.';
COMMENT ON COLUMN latency.experiment_id IS
    'Names the experiment in one column: a digest of the seven columns that do';
COMMENT ON COLUMN latency.comparison_id IS 'Names the comparison: the experiments meant to be compared with each other';
COMMENT ON COLUMN latency.architecture IS 'Name of the architecture, as `archduel architectures` lists it';
COMMENT ON COLUMN latency.variant IS 'How the functions write: idempotent, naive or sdk_defaults';
COMMENT ON COLUMN latency.arm IS 'main, or aa for the replay beside it that measures the noise';
COMMENT ON COLUMN latency.workload IS 'Name of the recording';
COMMENT ON COLUMN latency.scenario IS 'Name of the scenario';
COMMENT ON COLUMN latency.repetition IS 'Number of the replay within its cell and contender, from 1';
COMMENT ON COLUMN latency.operation IS 'command or query';
COMMENT ON COLUMN latency.measure IS
    'Of those answered: response (due to answer), service (sent to answer) or completion (due to committed). Of all '
    'offered requests, what was refused counting as never: response_of_all or completion_of_all';
COMMENT ON COLUMN latency.n IS
    'Requests measured: acknowledged ones, and for response and service those that timed out; for measures of all, '
    'the offered ones';
COMMENT ON COLUMN latency.n_censored IS
    'Of these, how many had not ended when watching did, or were refused; they count as slowest';
COMMENT ON COLUMN latency.n_excluded IS 'Requests left out: not acknowledged; 0 for measures of all';
COMMENT ON COLUMN latency.p50_us IS
    'Median, microseconds; NULL where it falls among the censored, or nothing was measured';
COMMENT ON COLUMN latency.p50_low_us IS
    'Lower end of its 95 % interval, microseconds; where p50_us is NULL, a lower bound of it; NULL: too little was '
    'measured';
COMMENT ON COLUMN latency.p50_high_us IS
    'Upper end of its 95 % interval, microseconds; NULL: too little was measured, or censored';
COMMENT ON COLUMN latency.p90_us IS
    '90th percentile, microseconds; NULL where it falls among the censored, or nothing was measured';
COMMENT ON COLUMN latency.p90_low_us IS
    'Lower end of its 95 % interval, microseconds; where p90_us is NULL, a lower bound of it; NULL: too little was '
    'measured';
COMMENT ON COLUMN latency.p90_high_us IS
    'Upper end of its 95 % interval, microseconds; NULL: too little was measured, or censored';
COMMENT ON COLUMN latency.p99_us IS
    '99th percentile, microseconds; NULL where it falls among the censored, or nothing was measured';
COMMENT ON COLUMN latency.p99_low_us IS
    'Lower end of its 95 % interval, microseconds; where p99_us is NULL, a lower bound of it; NULL: too little was '
    'measured';
COMMENT ON COLUMN latency.p99_high_us IS
    'Upper end of its 95 % interval, microseconds; NULL: too little was measured, or censored';
COMMENT ON COLUMN latency.p999_us IS
    '99.9th percentile, microseconds; NULL where it falls among the censored, or nothing was measured';
COMMENT ON COLUMN latency.p999_low_us IS
    'Lower end of its 95 % interval, microseconds; where p999_us is NULL, a lower bound of it; NULL: too little was '
    'measured';
COMMENT ON COLUMN latency.p999_high_us IS
    'Upper end of its 95 % interval, microseconds; NULL: too little was measured, or censored';
COMMENT ON COLUMN latency.max_us IS 'Greatest value seen, microseconds; NULL: none';

CREATE TABLE ledger (
    experiment_id VARCHAR,
    comparison_id VARCHAR, architecture VARCHAR, variant VARCHAR, arm VARCHAR, workload VARCHAR, scenario VARCHAR,
    repetition INTEGER, operation VARCHAR, offered BIGINT, answered BIGINT, accepted BIGINT, throttled BIGINT,
    failed BIGINT, timed_out BIGINT, unsent BIGINT, committed BIGINT, dead_lettered BIGINT, in_flight BIGINT,
    lost BIGINT, rejected BIGINT, ghost_commits BIGINT, ghost_dead_lettered BIGINT, ghost_in_flight BIGINT,
    unknown_effects BIGINT, duplicates BIGINT, redeliveries BIGINT, reordered BIGINT, read_your_writes_misses BIGINT,
    attempts BIGINT, fetches BIGINT, ghost_partly_committed BIGINT
);
COMMENT ON TABLE ledger IS
    'The books: one row per experiment and operation. Acknowledged means answered or accepted. Counts of requests.';
COMMENT ON COLUMN ledger.experiment_id IS
    'Names the experiment in one column: a digest of the seven columns that do';
COMMENT ON COLUMN ledger.comparison_id IS 'Names the comparison: the experiments meant to be compared with each other';
COMMENT ON COLUMN ledger.architecture IS 'Name of the architecture, as `archduel architectures` lists it';
COMMENT ON COLUMN ledger.variant IS 'How the functions write: idempotent, naive or sdk_defaults';
COMMENT ON COLUMN ledger.arm IS 'main, or aa for the replay beside it that measures the noise';
COMMENT ON COLUMN ledger.workload IS 'Name of the recording';
COMMENT ON COLUMN ledger.scenario IS 'Name of the scenario';
COMMENT ON COLUMN ledger.repetition IS 'Number of the replay within its cell and contender, from 1';
COMMENT ON COLUMN ledger.operation IS 'command or query';
COMMENT ON COLUMN ledger.offered IS 'Requests offered';
COMMENT ON COLUMN ledger.answered IS 'Outcome answered';
COMMENT ON COLUMN ledger.accepted IS 'Outcome accepted';
COMMENT ON COLUMN ledger.throttled IS 'Outcome throttled';
COMMENT ON COLUMN ledger.failed IS 'Outcome failed';
COMMENT ON COLUMN ledger.timed_out IS 'Outcome timed_out';
COMMENT ON COLUMN ledger.unsent IS 'Outcome unsent';
COMMENT ON COLUMN ledger.committed IS 'Acknowledged, and stored, all of its effects, or answered';
COMMENT ON COLUMN ledger.dead_lettered IS 'Acknowledged, and in the dead-letter queue when watching ended';
COMMENT ON COLUMN ledger.in_flight IS
    'Acknowledged, and when watching ended in a queue, or stored as an answer that its client never got';
COMMENT ON COLUMN ledger.lost IS 'Acknowledged, and in none of these places';
COMMENT ON COLUMN ledger.rejected IS 'Not acknowledged, and without effect';
COMMENT ON COLUMN ledger.ghost_commits IS 'Not acknowledged, and stored all the same';
COMMENT ON COLUMN ledger.ghost_dead_lettered IS 'Not acknowledged, and in the dead-letter queue';
COMMENT ON COLUMN ledger.ghost_in_flight IS 'Not acknowledged, and in a queue';
COMMENT ON COLUMN ledger.unknown_effects IS
    'Request ids in table or queues that were never offered, booked with the experiment''s first operation';
COMMENT ON COLUMN ledger.duplicates IS 'Commits beyond the first of each request, or of each of its effects';
COMMENT ON COLUMN ledger.redeliveries IS
    'Deliveries to a handler beyond the first of each request, or for each of its effects, by its queue or by a client '
    'that tried again';
COMMENT ON COLUMN ledger.reordered IS 'Commands committed after one of the same entity that was sent later';
COMMENT ON COLUMN ledger.read_your_writes_misses IS
    'Queries sent after their entity''s first command was acknowledged that did not find it';
COMMENT ON COLUMN ledger.attempts IS
    'Times that requests were sent: more than offered less unsent where clients tried again';
COMMENT ON COLUMN ledger.fetches IS 'Times that clients asked for an answer by its ticket, beside the attempts';
COMMENT ON COLUMN ledger.ghost_partly_committed IS
    'Not acknowledged, and of several effects some stored, the others not to come; 0 where a command has one';

CREATE TABLE recovery (
    experiment_id VARCHAR,
    comparison_id VARCHAR, architecture VARCHAR, variant VARCHAR, arm VARCHAR, workload VARCHAR, scenario VARCHAR,
    repetition INTEGER, fault INTEGER, target VARCHAR, kind VARCHAR, start_us BIGINT, end_us BIGINT,
    present BOOLEAN, requests BIGINT, error_share_in_window DOUBLE, acknowledged_share DOUBLE, success_share DOUBLE,
    recovered_share DOUBLE, goodput_before_per_s DOUBLE, goodput_in_window_per_s DOUBLE, goodput_after_per_s DOUBLE,
    backlog_max BIGINT, drain_us BIGINT, back_to_normal_us BIGINT, back_to_normal_low_us BIGINT
);
COMMENT ON TABLE recovery IS
    'What a fault did and how long its traces lasted: one row per experiment and fault window. Commands only. A '
    'window over nearly all of the replay has nothing before or after it: those figures are NULL.';
COMMENT ON COLUMN recovery.experiment_id IS
    'Names the experiment in one column: a digest of the seven columns that do';
COMMENT ON COLUMN recovery.comparison_id IS
    'Names the comparison: the experiments meant to be compared with each other';
COMMENT ON COLUMN recovery.architecture IS 'Name of the architecture, as `archduel architectures` lists it';
COMMENT ON COLUMN recovery.variant IS 'How the functions write: idempotent, naive or sdk_defaults';
COMMENT ON COLUMN recovery.arm IS 'main, or aa for the replay beside it that measures the noise';
COMMENT ON COLUMN recovery.workload IS 'Name of the recording';
COMMENT ON COLUMN recovery.scenario IS 'Name of the scenario';
COMMENT ON COLUMN recovery.repetition IS 'Number of the replay within its cell and contender, from 1';
COMMENT ON COLUMN recovery.fault IS 'Position in experiments.fault_windows, from 0';
COMMENT ON COLUMN recovery.target IS 'What it was done to, such as table, queue, functions, api, commands or requests';
COMMENT ON COLUMN recovery.kind IS
    'What was done, as the scenario names it, such as down, latency, throttle or concurrency_limit';
COMMENT ON COLUMN recovery.start_us IS 'Start of the window, microseconds since the replay''s start';
COMMENT ON COLUMN recovery.end_us IS 'Its end, microseconds since the replay''s start';
COMMENT ON COLUMN recovery.present IS 'Whether this architecture has what it was done to';
COMMENT ON COLUMN recovery.requests IS 'Requests it was done to; NULL: not counted';
COMMENT ON COLUMN recovery.error_share_in_window IS
    'Share of commands due in the window that were not acknowledged, 0 to 1; NULL: none was due';
COMMENT ON COLUMN recovery.acknowledged_share IS 'Share of them that were acknowledged, 0 to 1; NULL: none was due';
COMMENT ON COLUMN recovery.success_share IS
    'Share of them that were acknowledged and committed, 0 to 1; NULL: none was due';
COMMENT ON COLUMN recovery.recovered_share IS
    'Share of the acknowledged among them that were committed, 0 to 1; NULL: none was acknowledged';
COMMENT ON COLUMN recovery.goodput_before_per_s IS
    'Commands committed per second before the window, since the fault before; NULL: no such time';
COMMENT ON COLUMN recovery.goodput_in_window_per_s IS 'Commands committed per second in the window';
COMMENT ON COLUMN recovery.goodput_after_per_s IS
    'Commands committed per second after the window, until the next fault, or the replay''s end or an empty queue; '
    'NULL: no such time';
COMMENT ON COLUMN recovery.backlog_max IS
    'Most messages waiting or being worked on, from the window''s start until the queue was drained; NULL: no sample';
COMMENT ON COLUMN recovery.drain_us IS
    'From the window''s end until no more waited than usual, microseconds; 0: never more; NULL: no queue, or it never '
    'came down';
COMMENT ON COLUMN recovery.back_to_normal_us IS
    'From the window''s end to the last late command due before the next fault, microseconds; 0: none was late; NULL: '
    'none was due, or the last one watched was late';
COMMENT ON COLUMN recovery.back_to_normal_low_us IS
    'How long it was at least, microseconds, where the last command watched was late; else NULL';

CREATE TABLE cost (
    comparison_id VARCHAR, architecture VARCHAR, variant VARCHAR, workload VARCHAR, target VARCHAR, gateway VARCHAR,
    processor VARCHAR, item VARCHAR, quantity DOUBLE, unit VARCHAR, quantity_evidence VARCHAR, unit_price DOUBLE,
    usd DOUBLE, requests_per_month DOUBLE, quantity_per_month DOUBLE, usd_per_month DOUBLE, price_list_date DATE,
    source VARCHAR
);
COMMENT ON TABLE cost IS
    'The bill under steady, per million committed commands, with the queries that came with them, and for a month: one '
    'row per item, gateway and processor.';
COMMENT ON COLUMN cost.comparison_id IS 'Names the comparison: the experiments meant to be compared with each other';
COMMENT ON COLUMN cost.architecture IS 'Name of the architecture, as `archduel architectures` lists it';
COMMENT ON COLUMN cost.variant IS 'How the functions write: idempotent, naive or sdk_defaults';
COMMENT ON COLUMN cost.workload IS 'Name of the recording';
COMMENT ON COLUMN cost.target IS 'Target it ran on, with its version';
COMMENT ON COLUMN cost.gateway IS 'Kind of API: rest or http';
COMMENT ON COLUMN cost.processor IS 'Processor of the functions: x86 or arm';
COMMENT ON COLUMN cost.item IS 'What is paid for, such as api_requests or function_time';
COMMENT ON COLUMN cost.quantity IS 'How many units, per million committed commands';
COMMENT ON COLUMN cost.unit IS 'Unit, such as million requests or GB-second';
COMMENT ON COLUMN cost.quantity_evidence IS 'observed: counted in replays; modelled: what AWS would make of it';
COMMENT ON COLUMN cost.unit_price IS
    'USD per unit, on average over the price tiers of a month at that rate; the first tier''s where no rate is known';
COMMENT ON COLUMN cost.usd IS 'USD per million committed commands';
COMMENT ON COLUMN cost.requests_per_month IS
    'Callers'' requests in a month of 730 hours at the recording''s own rate; NULL: it has no length';
COMMENT ON COLUMN cost.quantity_per_month IS 'How many units that month takes; NULL: the recording has no length';
COMMENT ON COLUMN cost.usd_per_month IS
    'USD of that month; another volume is priced anew, since idle polls and batches depend on the rate; NULL: the '
    'recording has no length';
COMMENT ON COLUMN cost.price_list_date IS 'Date of the price list';
COMMENT ON COLUMN cost.source IS 'How the quantity was found, and where the price is from';

CREATE TABLE pairwise (
    comparison_id VARCHAR, workload VARCHAR, scenario VARCHAR, operation VARCHAR, variant VARCHAR, arm VARCHAR,
    baseline VARCHAR, candidate VARCHAR, metric VARCHAR, unit VARCHAR, baseline_value DOUBLE,
    candidate_value DOUBLE, difference DOUBLE, ci_low DOUBLE, ci_high DOUBLE, margin DOUBLE, verdict VARCHAR,
    pairs BIGINT, p_value DOUBLE, p_adjusted DOUBLE, method VARCHAR, pairs_needed BIGINT, reason VARCHAR,
    target VARCHAR, evidence VARCHAR, requests VARCHAR, carries_over BOOLEAN, not_shown_here VARCHAR, decides BOOLEAN
);
COMMENT ON TABLE pairwise IS 'Each architecture against the baseline: one row per cell, operation, variant and metric.';
COMMENT ON COLUMN pairwise.comparison_id IS
    'Names the comparison: the experiments meant to be compared with each other';
COMMENT ON COLUMN pairwise.workload IS 'Name of the recording';
COMMENT ON COLUMN pairwise.scenario IS 'Name of the scenario';
COMMENT ON COLUMN pairwise.operation IS 'command or query';
COMMENT ON COLUMN pairwise.variant IS 'How the functions write: idempotent, naive or sdk_defaults';
COMMENT ON COLUMN pairwise.arm IS 'main, or aa where an architecture is compared with itself';
COMMENT ON COLUMN pairwise.baseline IS 'Architecture compared with';
COMMENT ON COLUMN pairwise.candidate IS 'Architecture the verdict is about';
COMMENT ON COLUMN pairwise.metric IS
    'acknowledged_share, done_share, response_p50, response_p99, completion_p50 or completion_p99';
COMMENT ON COLUMN pairwise.unit IS
    'share (differences are of shares) or ratio (differences are candidate / baseline - 1)';
COMMENT ON COLUMN pairwise.baseline_value IS 'Its value: a share, or microseconds; NULL: none, or censored';
COMMENT ON COLUMN pairwise.candidate_value IS 'Its value: a share, or microseconds; NULL: none, or censored';
COMMENT ON COLUMN pairwise.difference IS
    'Candidate minus baseline for a share, candidate / baseline - 1 for a time; NULL: not known';
COMMENT ON COLUMN pairwise.ci_low IS 'Lower end of the difference''s interval; NULL: open';
COMMENT ON COLUMN pairwise.ci_high IS 'Upper end of the difference''s interval; NULL: open';
COMMENT ON COLUMN pairwise.margin IS 'Smallest difference that matters, in the same unit';
COMMENT ON COLUMN pairwise.verdict IS 'better, worse, equivalent or inconclusive';
COMMENT ON COLUMN pairwise.pairs IS 'Repetitions with a difference';
COMMENT ON COLUMN pairwise.p_value IS 'Of the two-sided sign-flip test of no difference; NULL: not tested';
COMMENT ON COLUMN pairwise.p_adjusted IS
    'The same after Holm''s correction over the metrics of the family; NULL: not tested';
COMMENT ON COLUMN pairwise.method IS
    'What the interval comes from: sign_flip (over repetitions), block_bootstrap (within few of them) or none';
COMMENT ON COLUMN pairwise.pairs_needed IS
    'Repetitions in all that are likely to decide what is inconclusive for want of them; NULL: not what it lacks';
COMMENT ON COLUMN pairwise.reason IS
    'Why the verdict is inconclusive, and whether invalid replays struck one side more, sentences; empty where there is '
    'nothing to say';
COMMENT ON COLUMN pairwise.target IS 'Target it ran on, with its version';
COMMENT ON COLUMN pairwise.evidence IS 'Kind of proof: observed on the target, or simulated';
COMMENT ON COLUMN pairwise.requests IS
    'Requests it is of: acknowledged (answered or accepted) or offered (all, what was refused counting as never), which '
    'times are where the shares acknowledged differ by more than their margin';
COMMENT ON COLUMN pairwise.carries_over IS
    'Whether what this target shows says something of AWS: all shares do, and times of requests that both sides serve '
    'with the same services; other times only on AWS or simulated';
COMMENT ON COLUMN pairwise.not_shown_here IS
    'Why a verdict decides nothing on this target, a sentence: it does not carry over, or rests on a behaviour of AWS '
    'that this target lacks; NULL: it may decide';
COMMENT ON COLUMN pairwise.decides IS
    'Whether a claim or a recommendation may rest on it: it is not inconclusive, not_shown_here is NULL, and a time has '
    'at least six pairs';

CREATE TABLE claims (
    comparison_id VARCHAR, claim_id VARCHAR, part VARCHAR, position BIGINT, architecture VARCHAR, text VARCHAR,
    reading VARCHAR, metric VARCHAR, threshold DOUBLE, value DOUBLE, ci_low DOUBLE, ci_high DOUBLE, n BIGINT,
    n_of VARCHAR, verdict VARCHAR, kind VARCHAR, evidence VARCHAR, target VARCHAR, reason VARCHAR, source VARCHAR,
    query VARCHAR
);
COMMENT ON TABLE claims IS
    'The textbook''s claims judged: one row per claim (part is empty) and one per part of a claim that has several.';
COMMENT ON COLUMN claims.comparison_id IS 'Names the comparison: the experiments meant to be compared with each other';
COMMENT ON COLUMN claims.claim_id IS 'Names the claim, such as S4 or E10';
COMMENT ON COLUMN claims.part IS 'Name of the part; empty for the claim as a whole';
COMMENT ON COLUMN claims.position IS 'Order of the rows: the claim''s number times 100, plus the part''s';
COMMENT ON COLUMN claims.architecture IS 'Architecture that the claim is about';
COMMENT ON COLUMN claims.text IS 'The claim, as the textbook has it';
COMMENT ON COLUMN claims.reading IS 'What it is read to mean, fixed before the data';
COMMENT ON COLUMN claims.metric IS 'What is measured';
COMMENT ON COLUMN claims.threshold IS 'Value that decides; NULL: none';
COMMENT ON COLUMN claims.value IS 'Value measured; NULL: none';
COMMENT ON COLUMN claims.ci_low IS 'Lower end of its 95 % interval; NULL: open or none';
COMMENT ON COLUMN claims.ci_high IS 'Upper end of its 95 % interval; NULL: open or none';
COMMENT ON COLUMN claims.n IS 'How many it rests on, of what n_of says; NULL: none are counted';
COMMENT ON COLUMN claims.n_of IS 'What n counts: requests, invocations, samples or pairs; NULL: none are counted';
COMMENT ON COLUMN claims.verdict IS
    'supported, refuted, partly (its parts differ), inconclusive or not_testable_here (the target lacks what it rests '
    'on)';
COMMENT ON COLUMN claims.kind IS
    'measured: it could have come out either way; demonstrated: how the architecture is built allows one outcome, '
    'which was seen; NULL: documented alone';
COMMENT ON COLUMN claims.evidence IS 'Kind of proof: observed, simulated, modelled (cost, from counts) or documented';
COMMENT ON COLUMN claims.target IS 'Target it ran on, with its version';
COMMENT ON COLUMN claims.reason IS 'What the verdict rests on or lacks; NULL: nothing to add';
COMMENT ON COLUMN claims.source IS 'Page that documents it; NULL: measured';
COMMENT ON COLUMN claims.query IS 'SQL that computes the value again; NULL: not measured';

CREATE TABLE history (
    comparison_id VARCHAR, night VARCHAR, workload VARCHAR, scenario VARCHAR, architecture VARCHAR, variant VARCHAR,
    operation VARCHAR, metric VARCHAR, unit VARCHAR, value DOUBLE, nights BIGINT, usual DOUBLE, low DOUBLE,
    high DOUBLE, verdict VARCHAR, target VARCHAR, service VARCHAR, nights_of_others BIGINT, requests VARCHAR
);
COMMENT ON TABLE history IS 'Each figure of a night, compared with the last fourteen nights before it on the same target.';
COMMENT ON COLUMN history.comparison_id IS 'Names the comparison: the experiments meant to be compared with each other';
COMMENT ON COLUMN history.night IS 'Date of the night, YYYY-MM-DD';
COMMENT ON COLUMN history.workload IS 'Name of the recording';
COMMENT ON COLUMN history.scenario IS 'Name of the scenario';
COMMENT ON COLUMN history.architecture IS 'Name of the architecture, as `archduel architectures` lists it';
COMMENT ON COLUMN history.variant IS 'How the functions write: idempotent, naive or sdk_defaults';
COMMENT ON COLUMN history.operation IS 'command or query';
COMMENT ON COLUMN history.metric IS
    'acknowledged_share, done_share, response_p50, response_p99, completion_p50 or completion_p99';
COMMENT ON COLUMN history.unit IS 'share, or ratio for times';
COMMENT ON COLUMN history.value IS 'Its value: a share, or microseconds; NULL: censored';
COMMENT ON COLUMN history.nights IS 'Earlier nights that it is compared with';
COMMENT ON COLUMN history.usual IS 'Value expected from those nights, a share or microseconds; NULL: too few nights';
COMMENT ON COLUMN history.low IS 'Lower end of the expected range; NULL: too few nights';
COMMENT ON COLUMN history.high IS 'Upper end of the expected range; NULL: too few nights';
COMMENT ON COLUMN history.verdict IS 'usual, better, worse or too_few_nights';
COMMENT ON COLUMN history.target IS 'Target it ran on, with its version';
COMMENT ON COLUMN history.service IS
    'Name and digest of the service of the user''s own that was replayed; NULL: the lab''s own backend';
COMMENT ON COLUMN history.nights_of_others IS
    'Nights before on the same target that replayed another service, or one of another digest: not compared with';
COMMENT ON COLUMN history.requests IS
    'Requests that the figure is of: acknowledged; or offered, where times are of all as the acknowledged shares differ, '
    'what was refused counting as never';

CREATE TABLE noise (
    comparison_id VARCHAR, workload VARCHAR, scenario VARCHAR, operation VARCHAR, architecture VARCHAR,
    variant VARCHAR, metric VARCHAR, unit VARCHAR, pairs BIGINT, noise DOUBLE, margin DOUBLE, power_8 DOUBLE,
    power_16 DOUBLE, verdict VARCHAR, target VARCHAR
);
COMMENT ON TABLE noise IS 'What comparing an architecture with itself shows, from the arm aa.';
COMMENT ON COLUMN noise.comparison_id IS 'Names the comparison: the experiments meant to be compared with each other';
COMMENT ON COLUMN noise.workload IS 'Name of the recording';
COMMENT ON COLUMN noise.scenario IS 'Name of the scenario';
COMMENT ON COLUMN noise.operation IS 'command or query';
COMMENT ON COLUMN noise.architecture IS 'Name of the architecture, as `archduel architectures` lists it';
COMMENT ON COLUMN noise.variant IS 'How the functions write: idempotent, naive or sdk_defaults';
COMMENT ON COLUMN noise.metric IS
    'acknowledged_share, done_share, response_p50, response_p99, completion_p50 or completion_p99';
COMMENT ON COLUMN noise.unit IS 'share, or ratio for times';
COMMENT ON COLUMN noise.pairs IS 'Repetitions with a difference';
COMMENT ON COLUMN noise.noise IS
    'Standard deviation of the paired differences, of log ratios for times; NULL: fewer than two pairs';
COMMENT ON COLUMN noise.margin IS 'Smallest difference that matters';
COMMENT ON COLUMN noise.power_8 IS
    'Chance that 8 repetitions decide a difference of twice the margin, 0 to 1; NULL: fewer than two pairs';
COMMENT ON COLUMN noise.power_16 IS 'The same of 16 repetitions';
COMMENT ON COLUMN noise.verdict IS 'Verdict of pairwise on it: anything but equivalent or inconclusive is a false one';
COMMENT ON COLUMN noise.target IS 'Target it ran on, with its version';

CREATE TABLE requirements (
    comparison_id VARCHAR, workload VARCHAR, variant VARCHAR, architecture VARCHAR, route VARCHAR, position BIGINT,
    requirement VARCHAR, measure VARCHAR, unit VARCHAR, of_requests VARCHAR, under VARCHAR, bound VARCHAR,
    limit_value DOUBLE, state VARCHAR, value DOUBLE, ci_low DOUBLE, ci_high DOUBLE, per_month DOUBLE,
    scenario VARCHAR, n BIGINT, repetitions BIGINT, evidence VARCHAR, target VARCHAR, reason VARCHAR
);
COMMENT ON TABLE requirements IS
    'Whether an architecture meets what was asked of it: one row per requirement and architecture, and one more per '
    'route that the requirement is about.';
COMMENT ON COLUMN requirements.comparison_id IS
    'Names the comparison: the experiments meant to be compared with each other';
COMMENT ON COLUMN requirements.workload IS 'Name of the recording';
COMMENT ON COLUMN requirements.variant IS 'How the functions write: idempotent, naive or sdk_defaults';
COMMENT ON COLUMN requirements.architecture IS 'Name of the architecture, as `archduel architectures` lists it';
COMMENT ON COLUMN requirements.route IS
    'Route whose requests alone the row is about; NULL: all that the requirement is about';
COMMENT ON COLUMN requirements.position IS 'Place of the requirement in its file, from 1';
COMMENT ON COLUMN requirements.requirement IS 'The requirement, a phrase';
COMMENT ON COLUMN requirements.measure IS 'What is bounded, such as lost_share or usd_per_month';
COMMENT ON COLUMN requirements.unit IS
    'Unit of limit and value: share (0 to 1), ms, s, usd, requests or components';
COMMENT ON COLUMN requirements.of_requests IS 'Requests it is about: command, query, all, or a route';
COMMENT ON COLUMN requirements.under IS 'Class of the scenarios it holds under, such as any, steady, peak or outage';
COMMENT ON COLUMN requirements.bound IS 'at_most or at_least';
COMMENT ON COLUMN requirements.limit_value IS 'The most, or the least, that meets it';
COMMENT ON COLUMN requirements.state IS
    'met or missed (all of the interval lies on that side of the limit), undecided, or not_shown_here (the target '
    'cannot show it)';
COMMENT ON COLUMN requirements.value IS
    'Value under the scenario that decides, the worst; NULL: none, or beyond what was watched';
COMMENT ON COLUMN requirements.ci_low IS 'Lower end of its 95 % interval; NULL: open or none';
COMMENT ON COLUMN requirements.ci_high IS 'Upper end of its 95 % interval; NULL: open or none';
COMMENT ON COLUMN requirements.per_month IS
    'The value in requests a month, at the assumed volume and outage; NULL: not a share of requests';
COMMENT ON COLUMN requirements.scenario IS 'Scenario that decides, the worst; NULL: none was replayed, or none matters';
COMMENT ON COLUMN requirements.n IS 'Requests or units it rests on; NULL: none are counted';
COMMENT ON COLUMN requirements.repetitions IS 'Valid replays it rests on; NULL: none are counted';
COMMENT ON COLUMN requirements.evidence IS
    'Kind of proof: observed, simulated, documented or modelled; NULL: there is no figure';
COMMENT ON COLUMN requirements.target IS 'Target it ran on, with its version';
COMMENT ON COLUMN requirements.reason IS
    'What would decide it, or why it cannot be shown here, a sentence; NULL: it is decided';

CREATE TABLE decisions (
    comparison_id VARCHAR, workload VARCHAR, variant VARCHAR, architecture VARCHAR, position BIGINT, question VARCHAR,
    operation VARCHAR, unit VARCHAR, state VARCHAR, value DOUBLE, ci_low DOUBLE, ci_high DOUBLE, words VARCHAR,
    standing VARCHAR, ticket BOOLEAN, scenario VARCHAR, n BIGINT, repetitions BIGINT, evidence VARCHAR, target VARCHAR,
    reason VARCHAR, query VARCHAR
);
COMMENT ON TABLE decisions IS
    'The decision table: what people ask of an architecture. One row per architecture, question and operation that the '
    'question is about.';
COMMENT ON COLUMN decisions.comparison_id IS 'Names the comparison: the experiments meant to be compared with each other';
COMMENT ON COLUMN decisions.workload IS 'Name of the recording';
COMMENT ON COLUMN decisions.variant IS 'How the functions write: idempotent, naive or sdk_defaults';
COMMENT ON COLUMN decisions.architecture IS 'Name of the architecture, as `archduel architectures` lists it';
COMMENT ON COLUMN decisions.position IS 'Place of the question among the columns, from 1';
COMMENT ON COLUMN decisions.question IS
    'acknowledged_in_outage (share of requests due during an outage that were answered or accepted), done_after_outage '
    '(share of these that were acknowledged and in the end stored or answered), out_of_turn (share of commands stored '
    'after a later one of their entity), duplicated (share of commands stored more than once), response_p99 (time to '
    'the answer, of all offered), completion_p99 (time until done), usd_per_million (USD per million committed '
    'commands), first_limit (from how many times the recorded traffic on a limit refuses or delays something; if '
    'none does, the most that was tried) or parts (resources to build and run)';
COMMENT ON COLUMN decisions.operation IS 'command or query; NULL: it is about the whole';
COMMENT ON COLUMN decisions.unit IS
    'Unit of value: share (0 to 1), ms, usd, traffic (multiples of the recorded one) or parts';
COMMENT ON COLUMN decisions.state IS
    'measured (value and interval may decide), undecided (too few repetitions or requests for an interval), '
    'not_shown_here (the target cannot show it) or not_measured';
COMMENT ON COLUMN decisions.value IS
    'Value under the scenario that is worst for it; NULL: none, or beyond what was watched';
COMMENT ON COLUMN decisions.ci_low IS 'Lower end of its 95 % interval; NULL: open or none';
COMMENT ON COLUMN decisions.ci_high IS 'Upper end of its 95 % interval; NULL: open or none';
COMMENT ON COLUMN decisions.words IS
    'Which limit binds first, as the parameters of the simulation name it; NULL: none, and of other questions';
COMMENT ON COLUMN decisions.standing IS
    'behind (all of another architecture''s interval is better), ahead (all of its own is better than another one''s, '
    'and it is not behind) or level (neither), among answers of the same scenarios; NULL: undecided, no value, no '
    'other such answer, or a limit, which may delay or refuse';
COMMENT ON COLUMN decisions.ticket IS
    'Whether what came back for these requests was mostly a ticket (202) and no result; NULL: nothing did, or it is no '
    'question of answers';
COMMENT ON COLUMN decisions.scenario IS 'Scenario that the value is of; NULL: none';
COMMENT ON COLUMN decisions.n IS 'Requests it rests on; NULL: none are counted';
COMMENT ON COLUMN decisions.repetitions IS 'Valid replays it rests on; NULL: none are counted';
COMMENT ON COLUMN decisions.evidence IS
    'Kind of proof: observed, simulated, documented or modelled; NULL: there is no value';
COMMENT ON COLUMN decisions.target IS 'Target it ran on, with its version';
COMMENT ON COLUMN decisions.reason IS
    'Why it is undecided, cannot be shown or was not measured, a sentence; NULL: it is measured';
COMMENT ON COLUMN decisions.query IS
    'SQL that recomputes it for all architectures, and scenarios where it has any: its column value; NULL: it is '
    'counted in the architecture''s module';

CREATE TABLE recommendations (
    comparison_id VARCHAR, workload VARCHAR, operation VARCHAR, architecture VARCHAR, sentence VARCHAR,
    because VARCHAR[], would_change VARCHAR[], evidence VARCHAR, target VARCHAR, route VARCHAR, state VARCHAR,
    requests BIGINT, served VARCHAR, passing VARCHAR[], lacking VARCHAR[], could_add VARCHAR,
    assumed VARCHAR[]
);
COMMENT ON TABLE recommendations IS
    'What to build for a workload, for its commands and queries and for each of its routes: what that rests on, and '
    'what would change it.';
COMMENT ON COLUMN recommendations.comparison_id IS
    'Names the comparison: the experiments meant to be compared with each other';
COMMENT ON COLUMN recommendations.workload IS 'Name of the recording';
COMMENT ON COLUMN recommendations.operation IS 'command or query; empty for all operations together';
COMMENT ON COLUMN recommendations.architecture IS 'Architecture to build; NULL: none, or several are left';
COMMENT ON COLUMN recommendations.sentence IS 'The recommendation, a sentence; the headline in the row for all';
COMMENT ON COLUMN recommendations.because IS 'Measurements it rests on, a sentence each, three at most';
COMMENT ON COLUMN recommendations.would_change IS 'What would change it, a sentence each, three at most';
COMMENT ON COLUMN recommendations.evidence IS 'Kind of proof: observed on the target, or simulated';
COMMENT ON COLUMN recommendations.target IS 'Target it ran on, with its version';
COMMENT ON COLUMN recommendations.route IS 'Route it is for; NULL: for all of the operation';
COMMENT ON COLUMN recommendations.state IS
    'decided, undecided (a requirement of one that could win is undecided) or none (each misses a requirement)';
COMMENT ON COLUMN recommendations.requests IS 'Requests that one replay offers of it; NULL: none was valid';
COMMENT ON COLUMN recommendations.served IS
    'How it is to be served: synchronously, by queue or either; NULL: undecided, or not the same for all';
COMMENT ON COLUMN recommendations.passing IS 'Architectures that miss no requirement, the preferred one first';
COMMENT ON COLUMN recommendations.lacking IS
    'Architectures without a valid replay in a cell, a sentence each; to be said first';
COMMENT ON COLUMN recommendations.could_add IS
    'What more repetitions, the simulated target or AWS could add, a sentence; NULL: nothing';
COMMENT ON COLUMN recommendations.assumed IS
    'What assumed parameters of the simulation, halved or doubled, change of the answer and of the requirements, a '
    'sentence each; NULL: nothing rests on them';

CREATE TABLE validation (
    comparison_id VARCHAR, target VARCHAR, workload VARCHAR, scenario VARCHAR, architecture VARCHAR, variant VARCHAR,
    operation VARCHAR, measure VARCHAR, observed DOUBLE, predicted DOUBLE, predicted_low DOUBLE, predicted_high DOUBLE,
    ratio DOUBLE, difference DOUBLE, fitted BOOLEAN
);
COMMENT ON TABLE validation IS
    'What the simulation predicts of cells that were observed on a target, with parameters that `archduel calibrate` '
    'fitted to others: one row per cell, contender, operation and measure, of each target''s newest calibration.';
COMMENT ON COLUMN validation.comparison_id IS
    'Names the comparison: the experiments meant to be compared with each other';
COMMENT ON COLUMN validation.target IS 'Target it ran on, with its version';
COMMENT ON COLUMN validation.workload IS 'Name of the recording';
COMMENT ON COLUMN validation.scenario IS 'Name of the scenario';
COMMENT ON COLUMN validation.architecture IS 'Name of the architecture, as `archduel architectures` lists it';
COMMENT ON COLUMN validation.variant IS 'How the functions write: idempotent, naive or sdk_defaults';
COMMENT ON COLUMN validation.operation IS 'command or query; empty: of the queue';
COMMENT ON COLUMN validation.measure IS
    'response_p50_us, response_p99_us, completion_p50_us, completion_p99_us (of acknowledged requests of all repetitions, '
    'microseconds), drain_us, backlog_max (messages), refused_share or done_share (of the offered)';
COMMENT ON COLUMN validation.observed IS 'What was seen on the target; NULL: it has none';
COMMENT ON COLUMN validation.predicted IS 'Median of the simulated repetitions; NULL: none has one';
COMMENT ON COLUMN validation.predicted_low IS 'The least of them';
COMMENT ON COLUMN validation.predicted_high IS 'The greatest of them';
COMMENT ON COLUMN validation.ratio IS 'predicted / observed; NULL: it is a share, or one is not known';
COMMENT ON COLUMN validation.difference IS 'predicted - observed, of a share; else NULL';
COMMENT ON COLUMN validation.fitted IS 'Whether parameters were fitted to this cell';

CREATE TABLE conformance (
    target VARCHAR, behaviour VARCHAR, expected VARCHAR, observed VARCHAR, status VARCHAR, affects VARCHAR,
    seen_status INTEGER, aws_status INTEGER, documented_at VARCHAR, probed_at TIMESTAMPTZ
);
COMMENT ON TABLE conformance IS 'How a target differs from AWS: one row per documented behaviour probed.';
COMMENT ON COLUMN conformance.target IS 'Target it ran on, with its version';
COMMENT ON COLUMN conformance.behaviour IS 'Name of the behaviour';
COMMENT ON COLUMN conformance.expected IS 'What AWS documents';
COMMENT ON COLUMN conformance.observed IS 'What the target did';
COMMENT ON COLUMN conformance.status IS
    'reproduced, different, absent, not_provocable (trying cannot tell: AWS itself hardly ever shows it, or it takes '
    'too much) or unknown (what it rests on was not ready)';
COMMENT ON COLUMN conformance.affects IS
    'Claims whose observation exercises it, as in ''S4, E4''; empty: none. Ask with '
    'list_contains(string_split(affects, '', ''), ''S4'')';
COMMENT ON COLUMN conformance.seen_status IS 'HTTP status seen, where the behaviour is one; else NULL';
COMMENT ON COLUMN conformance.aws_status IS 'HTTP status AWS answers, where the behaviour is one; else NULL';
COMMENT ON COLUMN conformance.documented_at IS 'Page of AWS''s documentation';
COMMENT ON COLUMN conformance.probed_at IS 'When it was probed';

CREATE TABLE grids (
    grid_id VARCHAR, kind VARCHAR, workload VARCHAR, scenario VARCHAR, architectures VARCHAR[], varied VARCHAR[],
    cells BIGINT, settings JSON, code_version VARCHAR
);
COMMENT ON TABLE grids IS
    'One row per grid: a recording simulated under one scenario once for every combination of varied parameters.';
COMMENT ON COLUMN grids.grid_id IS 'Names the grid: recording, scenario and a digest of what it was asked for';
COMMENT ON COLUMN grids.kind IS 'vary: of archduel vary; growth: its traffic alone is varied';
COMMENT ON COLUMN grids.workload IS 'Name of the recording';
COMMENT ON COLUMN grids.scenario IS 'Name of the scenario';
COMMENT ON COLUMN grids.architectures IS 'Names of the architectures simulated';
COMMENT ON COLUMN grids.varied IS 'Names of the parameters that were varied, as `archduel vary --list` has them';
COMMENT ON COLUMN grids.cells IS 'Combinations of values; each has a row per architecture in `grid_cells`';
COMMENT ON COLUMN grids.settings IS 'All that its cells are made from besides their key, a JSON object';
COMMENT ON COLUMN grids.code_version IS 'Version of archduel, with a digest of its code';

CREATE TABLE grid_cells (
    grid_id VARCHAR, cell VARCHAR, workload VARCHAR, scenario VARCHAR, architecture VARCHAR, settings JSON,
    traffic DOUBLE, rate DOUBLE, batch_size BIGINT, reserved_concurrency BIGINT, account_concurrency BIGINT,
    max_concurrency BIGINT, pollers BIGINT, memory_mb BIGINT, requests BIGINT, messages BIGINT, refused_share DOUBLE,
    throttled_share DOUBLE, lost_share DOUBLE, dead_lettered_share DOUBLE, response_p50_ms DOUBLE,
    response_p99_ms DOUBLE, completion_p50_ms DOUBLE, completion_p99_ms DOUBLE, backlog_peak BIGINT, drain_s DOUBLE,
    peak_concurrency BIGINT, cold_share DOUBLE, usd_per_month DOUBLE, first_limit VARCHAR, first_limit_s DOUBLE,
    limits JSON, evidence VARCHAR
);
COMMENT ON TABLE grid_cells IS
    'One row per architecture and cell of a grid: a combination of values, and what a simulated replay with them came '
    'to. The columns from traffic to memory_mb hold the value that counted, varied or not.';
COMMENT ON COLUMN grid_cells.grid_id IS 'Names the grid';
COMMENT ON COLUMN grid_cells.cell IS
    'The values of the varied parameters, as in batch_size=5/traffic=2: the key of its partition behind the grid''s name';
COMMENT ON COLUMN grid_cells.workload IS 'Name of the recording';
COMMENT ON COLUMN grid_cells.scenario IS 'Name of the scenario';
COMMENT ON COLUMN grid_cells.architecture IS 'Name of the architecture, as `archduel architectures` lists it';
COMMENT ON COLUMN grid_cells.settings IS
    'The varied parameters and their values, a JSON object: those that have no column of their own, too';
COMMENT ON COLUMN grid_cells.traffic IS 'How many times the recorded traffic: as many clients more';
COMMENT ON COLUMN grid_cells.rate IS 'Mean requests per second';
COMMENT ON COLUMN grid_cells.batch_size IS 'Messages in a batch at most; NULL where nothing is queued';
COMMENT ON COLUMN grid_cells.reserved_concurrency IS 'Reserved concurrency of each function; NULL: none is reserved';
COMMENT ON COLUMN grid_cells.account_concurrency IS 'Concurrency that the account has';
COMMENT ON COLUMN grid_cells.max_concurrency IS
    'Batches that the event source mapping holds at once at most; NULL where nothing is queued';
COMMENT ON COLUMN grid_cells.pollers IS
    'Batches that the event source mapping holds at once to begin with; NULL where nothing is queued';
COMMENT ON COLUMN grid_cells.memory_mb IS 'Memory of each function, MB';
COMMENT ON COLUMN grid_cells.requests IS 'Requests offered';
COMMENT ON COLUMN grid_cells.messages IS 'Messages that the queue took; NULL where nothing is queued';
COMMENT ON COLUMN grid_cells.refused_share IS 'Share of the requests that were throttled, failed or timed out';
COMMENT ON COLUMN grid_cells.throttled_share IS 'Share of the requests that a limit turned away';
COMMENT ON COLUMN grid_cells.lost_share IS
    'Share of the acknowledged requests that were neither done nor dead-lettered in the end';
COMMENT ON COLUMN grid_cells.dead_lettered_share IS 'Share of the requests that ended in the dead-letter queue';
COMMENT ON COLUMN grid_cells.response_p50_ms IS
    'Median time to the answer or ticket, of all requests, ms; a refused one counts as never: NULL where half were';
COMMENT ON COLUMN grid_cells.response_p99_ms IS
    'Time to the answer or ticket of 99 in 100 requests, ms; a refused one counts as never: NULL where over 1 % were';
COMMENT ON COLUMN grid_cells.completion_p50_ms IS
    'Median time until done, of all requests, ms; NULL where half were refused or never done';
COMMENT ON COLUMN grid_cells.completion_p99_ms IS
    'Time until done of 99 in 100 requests, ms; NULL where over 1 % were refused or never done';
COMMENT ON COLUMN grid_cells.backlog_peak IS
    'Most messages that the queue held at once, waiting or being processed; NULL where nothing is queued';
COMMENT ON COLUMN grid_cells.drain_s IS
    'Seconds from the end of the last fault, or without one from the last request, until the queue was empty for good; '
    'NULL where nothing is queued';
COMMENT ON COLUMN grid_cells.peak_concurrency IS 'Most execution environments of each function that were at work at once, all functions together';
COMMENT ON COLUMN grid_cells.cold_share IS 'Share of the invocations that were cold starts';
COMMENT ON COLUMN grid_cells.usd_per_month IS
    'AWS''s bill for a month of this traffic (REST API, x86), by the price model, USD; NULL where nothing was committed';
COMMENT ON COLUMN grid_cells.first_limit IS
    'The limit that bound first: that refused something, or made at least one in a hundred messages wait; NULL: none '
    'did. As the parameters of the simulation name it';
COMMENT ON COLUMN grid_cells.first_limit_s IS 'When it first did so, seconds of the replay; NULL with first_limit';
COMMENT ON COLUMN grid_cells.limits IS
    'Every limit that refused something or made messages wait, with how many, a JSON object';
COMMENT ON COLUMN grid_cells.evidence IS 'Kind of proof: simulated';

CREATE TABLE growth_limits (
    grid_id VARCHAR, workload VARCHAR, scenario VARCHAR, architecture VARCHAR, limited_by VARCHAR, position BIGINT,
    free_up_to DOUBLE, traffic DOUBLE, rate DOUBLE, refused_share DOUBLE, evidence VARCHAR
);
COMMENT ON TABLE growth_limits IS
    'One row per architecture and limit that binds as traffic grows: from how many times the traffic on it does.';
COMMENT ON COLUMN growth_limits.grid_id IS 'Names the grid, whose kind is growth';
COMMENT ON COLUMN growth_limits.workload IS 'Name of the recording';
COMMENT ON COLUMN growth_limits.scenario IS 'Name of the scenario';
COMMENT ON COLUMN growth_limits.architecture IS 'Name of the architecture';
COMMENT ON COLUMN growth_limits.limited_by IS
    'The limit, as the parameters of the simulation name it: it refused something, or made at least one in a hundred '
    'messages wait';
COMMENT ON COLUMN growth_limits.position IS 'In which order the limits bind, from 1';
COMMENT ON COLUMN growth_limits.free_up_to IS
    'The greatest simulated traffic, as multiples of the recorded one, below which it does not bind; NULL: it binds at '
    'the least';
COMMENT ON COLUMN growth_limits.traffic IS 'The least simulated traffic at which it binds, likewise';
COMMENT ON COLUMN growth_limits.rate IS 'Mean requests per second there';
COMMENT ON COLUMN growth_limits.refused_share IS 'Share of the requests that were refused there, by whichever limit';
COMMENT ON COLUMN growth_limits.evidence IS 'Kind of proof: simulated';

CREATE TABLE sizes (
    size_id VARCHAR, workload VARCHAR, scenario VARCHAR, architecture VARCHAR, traffic DOUBLE, objectives VARCHAR[],
    met BOOLEAN, missed VARCHAR[], memory_mb BIGINT, concurrency BIGINT, of_functions JSON, batch_size BIGINT,
    max_concurrency BIGINT, account_concurrency BIGINT, refused_share DOUBLE, response_p99_ms DOUBLE,
    completion_p99_ms DOUBLE, drain_s DOUBLE, usd_per_month DOUBLE, bound_by VARCHAR[], breaks_at DOUBLE,
    breaks_objective VARCHAR, breaks_limit VARCHAR, flips VARCHAR[], seeds BIGINT, spread JSON, simulations BIGINT,
    settings JSON,
    code_version VARCHAR, evidence VARCHAR
);
COMMENT ON TABLE sizes IS
    'One row per architecture and sizing: the smallest configuration that meets all objectives, or what comes nearest.';
COMMENT ON COLUMN sizes.size_id IS 'Names the sizing: recording, scenario and a digest of what it was asked for';
COMMENT ON COLUMN sizes.workload IS 'Name of the recording';
COMMENT ON COLUMN sizes.scenario IS 'Name of the scenario';
COMMENT ON COLUMN sizes.architecture IS 'Name of the architecture';
COMMENT ON COLUMN sizes.traffic IS 'How many times the recorded traffic';
COMMENT ON COLUMN sizes.objectives IS 'What it has to meet';
COMMENT ON COLUMN sizes.met IS 'Whether a configuration within the ranges meets them all';
COMMENT ON COLUMN sizes.missed IS 'The objectives that the configuration misses, with its figures; empty where met';
COMMENT ON COLUMN sizes.memory_mb IS 'Memory of each function, MB';
COMMENT ON COLUMN sizes.concurrency IS
    'Execution environments in all: reserved for the functions that the API calls, and max_concurrency for the consumer';
COMMENT ON COLUMN sizes.of_functions IS 'Reserved concurrency of each function that the API calls, a JSON object';
COMMENT ON COLUMN sizes.batch_size IS 'Messages in a batch at most; NULL where nothing is queued';
COMMENT ON COLUMN sizes.max_concurrency IS
    'Maximum concurrency of the event source mapping; NULL where nothing is queued';
COMMENT ON COLUMN sizes.account_concurrency IS
    'Concurrency that the account needs: what is reserved, and 100 that AWS keeps unreserved';
COMMENT ON COLUMN sizes.refused_share IS 'Share of the requests that are refused with it, by the worst of the seeds';
COMMENT ON COLUMN sizes.response_p99_ms IS 'As in `grid_cells`, by the worst of the seeds';
COMMENT ON COLUMN sizes.completion_p99_ms IS 'As in `grid_cells`, by the worst of the seeds';
COMMENT ON COLUMN sizes.drain_s IS 'As in `grid_cells`, by the worst of the seeds';
COMMENT ON COLUMN sizes.usd_per_month IS 'As in `grid_cells`, by the dearest of the seeds';
COMMENT ON COLUMN sizes.bound_by IS
    'For each dimension that was searched, which objective the next smaller value misses, a phrase each';
COMMENT ON COLUMN sizes.breaks_at IS
    'How many times the recorded traffic this configuration takes no more; NULL: it takes a hundred times what it is '
    'sized for, or nothing was met';
COMMENT ON COLUMN sizes.breaks_objective IS 'The objective that it misses there; NULL with breaks_at';
COMMENT ON COLUMN sizes.breaks_limit IS 'The limit that binds more often there; NULL: none does';
COMMENT ON COLUMN sizes.flips IS
    'Assumed parameters of the simulation with which the configuration no longer meets everything, a phrase each: half '
    'or twice their value';
COMMENT ON COLUMN sizes.seeds IS 'With how many seeds each configuration was simulated; it meets what it meets with all';
COMMENT ON COLUMN sizes.spread IS
    'The least and the greatest of each figure that an objective bounds, over the seeds, a JSON object by column of '
    '`grid_cells`; null: with one it never comes';
COMMENT ON COLUMN sizes.simulations IS 'How many replays were simulated to find it';
COMMENT ON COLUMN sizes.settings IS 'All that it was made from, a JSON object';
COMMENT ON COLUMN sizes.code_version IS 'Version of archduel, with a digest of its code';
COMMENT ON COLUMN sizes.evidence IS 'Kind of proof: simulated';

CREATE TABLE quarantine (
    recording VARCHAR, file VARCHAR, line_number BIGINT, reason VARCHAR, shape VARCHAR
);
COMMENT ON TABLE quarantine IS 'Lines of imports that could not be used. Nothing of a line''s content is kept.';
COMMENT ON COLUMN quarantine.recording IS 'Name of the recording';
COMMENT ON COLUMN quarantine.file IS 'Name of the file, without folders';
COMMENT ON COLUMN quarantine.line_number IS 'Line, from 1';
COMMENT ON COLUMN quarantine.reason IS 'Why it could not be used';
COMMENT ON COLUMN quarantine.shape IS 'The line with letters as a and digits as 9, 500 characters at most';

CREATE TABLE distributions (
    comparison_id VARCHAR, architecture VARCHAR, variant VARCHAR, arm VARCHAR, workload VARCHAR, scenario VARCHAR,
    repetition INTEGER, operation VARCHAR, measure VARCHAR, from_us BIGINT, requests BIGINT, min_us BIGINT,
    max_us BIGINT
);
COMMENT ON TABLE distributions IS
    'How long acknowledged requests took, in bins at most 1.6 % wide: one row per experiment, operation, measure and '
    'bin with any.';
COMMENT ON COLUMN distributions.comparison_id IS
    'Names the comparison: the experiments meant to be compared with each other';
COMMENT ON COLUMN distributions.architecture IS 'Name of the architecture, as `archduel architectures` lists it';
COMMENT ON COLUMN distributions.variant IS 'How the functions write: idempotent, naive or sdk_defaults';
COMMENT ON COLUMN distributions.arm IS 'main, or aa for the replay beside it that measures the noise';
COMMENT ON COLUMN distributions.workload IS 'Name of the recording';
COMMENT ON COLUMN distributions.scenario IS 'Name of the scenario';
COMMENT ON COLUMN distributions.repetition IS 'Number of the replay within its cell and contender, from 1';
COMMENT ON COLUMN distributions.operation IS 'command or query';
COMMENT ON COLUMN distributions.measure IS 'response, service or completion, as in latency';
COMMENT ON COLUMN distributions.from_us IS 'Where the bin begins, microseconds';
COMMENT ON COLUMN distributions.requests IS 'Requests in the bin';
COMMENT ON COLUMN distributions.min_us IS 'Least value in it, microseconds';
COMMENT ON COLUMN distributions.max_us IS 'Greatest value in it, microseconds';

CREATE TABLE service_times (
    comparison_id VARCHAR, architecture VARCHAR, variant VARCHAR, arm VARCHAR, workload VARCHAR, scenario VARCHAR,
    repetition INTEGER, operation VARCHAR, measure VARCHAR, requests BIGINT, p50_us BIGINT, p90_us BIGINT,
    p99_us BIGINT
);
COMMENT ON TABLE service_times IS
    'How long requests took when they were recorded, and in the replay: one row per experiment, operation and measure.';
COMMENT ON COLUMN service_times.comparison_id IS
    'Names the comparison: the experiments meant to be compared with each other';
COMMENT ON COLUMN service_times.architecture IS 'Name of the architecture, as `archduel architectures` lists it';
COMMENT ON COLUMN service_times.variant IS 'How the functions write: idempotent, naive or sdk_defaults';
COMMENT ON COLUMN service_times.arm IS 'main, or aa for the replay beside it that measures the noise';
COMMENT ON COLUMN service_times.workload IS 'Name of the recording';
COMMENT ON COLUMN service_times.scenario IS 'Name of the scenario';
COMMENT ON COLUMN service_times.repetition IS 'Number of the replay within its cell and contender, from 1';
COMMENT ON COLUMN service_times.operation IS 'command or query';
COMMENT ON COLUMN service_times.measure IS
    'recorded (its answer took so long in the recording), asked (the work the handler was asked for), worked (what it '
    'worked, by its own clock), deviation (how far that is from asked) or service (from sending to the result, of those '
    'that got it with their answer)';
COMMENT ON COLUMN service_times.requests IS 'Requests it is known of';
COMMENT ON COLUMN service_times.p50_us IS 'Median, microseconds';
COMMENT ON COLUMN service_times.p90_us IS '90th percentile, microseconds';
COMMENT ON COLUMN service_times.p99_us IS '99th percentile, microseconds';

CREATE TABLE sensitivity (
    comparison_id VARCHAR, architecture VARCHAR, variant VARCHAR, arm VARCHAR, workload VARCHAR, scenario VARCHAR,
    operation VARCHAR, measure VARCHAR, parameter VARCHAR, factor DOUBLE, unchanged DOUBLE, changed DOUBLE
);
COMMENT ON TABLE sensitivity IS
    'What a simulated cell comes to when one assumed parameter is changed and all draws stay as they are: one row per '
    'contender, operation, measure, parameter and factor, of cells of up to 20,000 requests.';
COMMENT ON COLUMN sensitivity.comparison_id IS
    'Names the comparison: the experiments meant to be compared with each other';
COMMENT ON COLUMN sensitivity.architecture IS 'Name of the architecture, as `archduel architectures` lists it';
COMMENT ON COLUMN sensitivity.variant IS 'How the functions write: idempotent, naive or sdk_defaults';
COMMENT ON COLUMN sensitivity.arm IS 'main, or aa for the replay beside it that measures the noise';
COMMENT ON COLUMN sensitivity.workload IS 'Name of the recording';
COMMENT ON COLUMN sensitivity.scenario IS 'Name of the scenario';
COMMENT ON COLUMN sensitivity.operation IS 'command or query';
COMMENT ON COLUMN sensitivity.measure IS
    'response_p50_us, response_p99_us, completion_p50_us, completion_p99_us (of all offered requests, microseconds) or '
    'refused_share';
COMMENT ON COLUMN sensitivity.parameter IS 'Parameter that was changed, as docs/simulation.md names it';
COMMENT ON COLUMN sensitivity.factor IS 'What its values were multiplied by, within the range that makes sense';
COMMENT ON COLUMN sensitivity.unchanged IS
    'The measure with the parameters of the comparison; NULL: such a quantile is of requests that were refused';
COMMENT ON COLUMN sensitivity.changed IS 'The same with the changed parameter';

CREATE TABLE timeline (
    comparison_id VARCHAR, architecture VARCHAR, variant VARCHAR, arm VARCHAR, workload VARCHAR, scenario VARCHAR,
    repetition INTEGER, operation VARCHAR, second BIGINT, acknowledged BIGINT, throttled BIGINT, failed BIGINT,
    stored BIGINT, response_p50_us BIGINT, response_max_us BIGINT, completion_p50_us BIGINT, completion_max_us BIGINT
);
COMMENT ON TABLE timeline IS
    'What happened in each second: one row per experiment, operation and second with anything in it. Counts of '
    'requests.';
COMMENT ON COLUMN timeline.comparison_id IS
    'Names the comparison: the experiments meant to be compared with each other';
COMMENT ON COLUMN timeline.architecture IS 'Name of the architecture, as `archduel architectures` lists it';
COMMENT ON COLUMN timeline.variant IS 'How the functions write: idempotent, naive or sdk_defaults';
COMMENT ON COLUMN timeline.arm IS 'main, or aa for the replay beside it that measures the noise';
COMMENT ON COLUMN timeline.workload IS 'Name of the recording';
COMMENT ON COLUMN timeline.scenario IS 'Name of the scenario';
COMMENT ON COLUMN timeline.repetition IS 'Number of the replay within its cell and contender, from 1';
COMMENT ON COLUMN timeline.operation IS 'command or query';
COMMENT ON COLUMN timeline.second IS 'Second of the replay, from 0';
COMMENT ON COLUMN timeline.acknowledged IS 'Acknowledged, by when they were due';
COMMENT ON COLUMN timeline.throttled IS 'Throttled, by when they were due';
COMMENT ON COLUMN timeline.failed IS 'Failed, timed out or unsent, by when they were due';
COMMENT ON COLUMN timeline.stored IS 'Committed, whatever the client got, by when they were stored or answered';
COMMENT ON COLUMN timeline.response_p50_us IS
    'Median time to the acknowledgement, by when requests were due, microseconds; NULL: none was acknowledged';
COMMENT ON COLUMN timeline.response_max_us IS 'The longest of these times, microseconds';
COMMENT ON COLUMN timeline.completion_p50_us IS
    'Median time until the acknowledged were done, by when they were due, microseconds; NULL: none was done';
COMMENT ON COLUMN timeline.completion_max_us IS 'The longest of these times, microseconds';

CREATE TABLE backlog (
    comparison_id VARCHAR, architecture VARCHAR, variant VARCHAR, arm VARCHAR, workload VARCHAR, scenario VARCHAR,
    repetition INTEGER, second BIGINT, waiting_max BIGINT, waiting_last BIGINT, last_us BIGINT
);
COMMENT ON TABLE backlog IS 'What waited in the queue: one row per experiment and second in which there is a sample.';
COMMENT ON COLUMN backlog.comparison_id IS 'Names the comparison: the experiments meant to be compared with each other';
COMMENT ON COLUMN backlog.architecture IS 'Name of the architecture, as `archduel architectures` lists it';
COMMENT ON COLUMN backlog.variant IS 'How the functions write: idempotent, naive or sdk_defaults';
COMMENT ON COLUMN backlog.arm IS 'main, or aa for the replay beside it that measures the noise';
COMMENT ON COLUMN backlog.workload IS 'Name of the recording';
COMMENT ON COLUMN backlog.scenario IS 'Name of the scenario';
COMMENT ON COLUMN backlog.repetition IS 'Number of the replay within its cell and contender, from 1';
COMMENT ON COLUMN backlog.second IS 'Second of the replay; below 0 before its start';
COMMENT ON COLUMN backlog.waiting_max IS 'Most messages waiting or being worked on in it';
COMMENT ON COLUMN backlog.waiting_last IS 'The same at the second''s last sample';
COMMENT ON COLUMN backlog.last_us IS 'When that sample was, microseconds since the replay''s start';

CREATE TABLE concurrency (
    comparison_id VARCHAR, architecture VARCHAR, variant VARCHAR, arm VARCHAR, workload VARCHAR, scenario VARCHAR,
    repetition INTEGER, second BIGINT, busy_max BIGINT, busy_last BIGINT
);
COMMENT ON TABLE concurrency IS
    'How many execution environments were busy: one row per experiment and second in which an invocation began or ended.';
COMMENT ON COLUMN concurrency.comparison_id IS
    'Names the comparison: the experiments meant to be compared with each other';
COMMENT ON COLUMN concurrency.architecture IS 'Name of the architecture, as `archduel architectures` lists it';
COMMENT ON COLUMN concurrency.variant IS 'How the functions write: idempotent, naive or sdk_defaults';
COMMENT ON COLUMN concurrency.arm IS 'main, or aa for the replay beside it that measures the noise';
COMMENT ON COLUMN concurrency.workload IS 'Name of the recording';
COMMENT ON COLUMN concurrency.scenario IS 'Name of the scenario';
COMMENT ON COLUMN concurrency.repetition IS 'Number of the replay within its cell and contender, from 1';
COMMENT ON COLUMN concurrency.second IS 'Second of the replay, from 0';
COMMENT ON COLUMN concurrency.busy_max IS 'Most environments at work at once in it, of all functions';
COMMENT ON COLUMN concurrency.busy_last IS 'How many were at work when it ended';

CREATE TABLE fates (
    comparison_id VARCHAR, architecture VARCHAR, variant VARCHAR, arm VARCHAR, workload VARCHAR, scenario VARCHAR,
    repetition INTEGER, operation VARCHAR, outcome VARCHAR, state VARCHAR, requests BIGINT
);
COMMENT ON TABLE fates IS
    'Requests by what the client got and what became of them; the ledger''s sums are sums of these.';
COMMENT ON COLUMN fates.comparison_id IS 'Names the comparison: the experiments meant to be compared with each other';
COMMENT ON COLUMN fates.architecture IS 'Name of the architecture, as `archduel architectures` lists it';
COMMENT ON COLUMN fates.variant IS 'How the functions write: idempotent, naive or sdk_defaults';
COMMENT ON COLUMN fates.arm IS 'main, or aa for the replay beside it that measures the noise';
COMMENT ON COLUMN fates.workload IS 'Name of the recording';
COMMENT ON COLUMN fates.scenario IS 'Name of the scenario';
COMMENT ON COLUMN fates.repetition IS 'Number of the replay within its cell and contender, from 1';
COMMENT ON COLUMN fates.operation IS 'command or query';
COMMENT ON COLUMN fates.outcome IS 'As in requests';
COMMENT ON COLUMN fates.state IS 'As in effects';
COMMENT ON COLUMN fates.requests IS 'Requests with both';

CREATE TABLE last_commits (
    comparison_id VARCHAR, architecture VARCHAR, variant VARCHAR, arm VARCHAR, workload VARCHAR, scenario VARCHAR,
    repetition INTEGER, fault INTEGER, last_commit_us BIGINT
);
COMMENT ON TABLE last_commits IS
    'When the last acknowledged command due in a fault window was stored; no row where none was.';
COMMENT ON COLUMN last_commits.comparison_id IS
    'Names the comparison: the experiments meant to be compared with each other';
COMMENT ON COLUMN last_commits.architecture IS 'Name of the architecture, as `archduel architectures` lists it';
COMMENT ON COLUMN last_commits.variant IS 'How the functions write: idempotent, naive or sdk_defaults';
COMMENT ON COLUMN last_commits.arm IS 'main, or aa for the replay beside it that measures the noise';
COMMENT ON COLUMN last_commits.workload IS 'Name of the recording';
COMMENT ON COLUMN last_commits.scenario IS 'Name of the scenario';
COMMENT ON COLUMN last_commits.repetition IS 'Number of the replay within its cell and contender, from 1';
COMMENT ON COLUMN last_commits.fault IS 'Position in experiments.fault_windows, from 0';
COMMENT ON COLUMN last_commits.last_commit_us IS 'From the window''s end, microseconds; below 0: within the window';

CREATE TABLE direct_replays (
    replay VARCHAR, recording VARCHAR, service INTEGER, url VARCHAR, protocol VARCHAR, processes INTEGER, started_at
    TIMESTAMPTZ, finished_at TIMESTAMPTZ, speed DOUBLE, duration_us BIGINT, requests BIGINT, answered BIGINT,
    throttled BIGINT, failed BIGINT, timed_out BIGINT, unsent BIGINT, response_p50_us BIGINT, response_p99_us BIGINT,
    response_max_us BIGINT, send_lag_p50_us BIGINT, send_lag_p99_us BIGINT, send_lag_max_us BIGINT, client_lag_p99_us
    BIGINT, displaced_share DOUBLE, broken_causes JSON, invalid_reason VARCHAR, options JSON, code_version VARCHAR
);
COMMENT ON TABLE direct_replays IS
    'A recording sent straight to a service by `archduel replay`: one row per replay and service.';
COMMENT ON COLUMN direct_replays.replay IS 'Names the replay: the recording and when it began';
COMMENT ON COLUMN direct_replays.recording IS 'Name of the recording';
COMMENT ON COLUMN direct_replays.service IS 'Number of the service in the order given, from 1';
COMMENT ON COLUMN direct_replays.url IS 'The service''s base URL';
COMMENT ON COLUMN direct_replays.protocol IS 'What was spoken: HTTP/1.1 or HTTP/2';
COMMENT ON COLUMN direct_replays.processes IS 'Processes that shared the requests out by their clients';
COMMENT ON COLUMN direct_replays.started_at IS 'When the replay, of all its services, began';
COMMENT ON COLUMN direct_replays.finished_at IS
    'When the last request of this service was over; NULL: archduel was killed';
COMMENT ON COLUMN direct_replays.speed IS 'Recorded time was played so many times as fast; NULL: at rates of its own';
COMMENT ON COLUMN direct_replays.duration_us IS 'When the last request was due, microseconds after the first';
COMMENT ON COLUMN direct_replays.requests IS 'Requests offered: the sum of the next five';
COMMENT ON COLUMN direct_replays.answered IS 'Requests answered below status 500, but 429';
COMMENT ON COLUMN direct_replays.throttled IS 'Requests answered with 429';
COMMENT ON COLUMN direct_replays.failed IS 'Requests answered with 500 and more, or whose connection failed';
COMMENT ON COLUMN direct_replays.timed_out IS 'Requests without an answer in time';
COMMENT ON COLUMN direct_replays.unsent IS
    'Requests never sent: no connection was free in time, or the replay ended before';
COMMENT ON COLUMN direct_replays.response_p50_us IS
    'Median of response_us of answered requests, microseconds; NULL: none';
COMMENT ON COLUMN direct_replays.response_p99_us IS 'Its 99th percentile, microseconds';
COMMENT ON COLUMN direct_replays.response_max_us IS 'Its maximum, microseconds';
COMMENT ON COLUMN direct_replays.send_lag_p50_us IS
    'Median of sent_us - scheduled_us, microseconds; NULL: nothing was sent';
COMMENT ON COLUMN direct_replays.send_lag_p99_us IS 'Its 99th percentile, microseconds';
COMMENT ON COLUMN direct_replays.send_lag_max_us IS 'Its maximum, microseconds';
COMMENT ON COLUMN direct_replays.client_lag_p99_us IS
    '99th percentile of the part of it that is the load generator''s own, microseconds';
COMMENT ON COLUMN direct_replays.displaced_share IS
    'Share of requests that did not leave in the second they were due in, 0 to 1';
COMMENT ON COLUMN direct_replays.broken_causes IS 'Connections that failed, by broken_cause';
COMMENT ON COLUMN direct_replays.invalid_reason IS 'Why it is not what the schedule says, a sentence; NULL: it is';
COMMENT ON COLUMN direct_replays.options IS 'What else was asked for';
COMMENT ON COLUMN direct_replays.code_version IS 'Version of archduel that sent it';

CREATE TABLE direct_pairs (
    replay VARCHAR, recording VARCHAR, service INTEGER, url VARCHAR, other_service INTEGER, other_url VARCHAR,
    requests BIGINT, same_status BIGINT, answered_by_both BIGINT, longer_p01_us BIGINT, longer_p50_us BIGINT,
    longer_p99_us BIGINT, longer_mean_us DOUBLE, bodies_compared BIGINT, same_body BIGINT, statuses JSON
);
COMMENT ON TABLE direct_pairs IS
    'Two services of one replay of `archduel replay`, request by request: one row for each service beside the '
    'first.';
COMMENT ON COLUMN direct_pairs.replay IS 'Names the replay: the recording and when it began';
COMMENT ON COLUMN direct_pairs.recording IS 'Name of the recording';
COMMENT ON COLUMN direct_pairs.service IS 'Number of the one service, the first';
COMMENT ON COLUMN direct_pairs.url IS 'Its base URL';
COMMENT ON COLUMN direct_pairs.other_service IS 'Number of the other service';
COMMENT ON COLUMN direct_pairs.other_url IS 'Its base URL';
COMMENT ON COLUMN direct_pairs.requests IS 'Requests offered to either';
COMMENT ON COLUMN direct_pairs.same_status IS 'Requests with the same status from both, or from neither';
COMMENT ON COLUMN direct_pairs.answered_by_both IS 'Requests that both answered';
COMMENT ON COLUMN direct_pairs.longer_p01_us IS
    'First percentile of how much longer the other took for those, microseconds; NULL: none';
COMMENT ON COLUMN direct_pairs.longer_p50_us IS 'Median of it, microseconds';
COMMENT ON COLUMN direct_pairs.longer_p99_us IS '99th percentile of it, microseconds';
COMMENT ON COLUMN direct_pairs.longer_mean_us IS 'Mean of it, microseconds';
COMMENT ON COLUMN direct_pairs.bodies_compared IS 'Requests that both answered and whose bodies'' checksums were kept';
COMMENT ON COLUMN direct_pairs.same_body IS 'Those of them with the same checksum';
COMMENT ON COLUMN direct_pairs.statuses IS
    'The ten commonest pairs of different statuses, with one, other and requests';

CREATE TABLE direct_requests (
    replay VARCHAR, recording VARCHAR, service INTEGER, request_id VARCHAR, operation VARCHAR, entity VARCHAR, method
    VARCHAR, path VARCHAR, scheduled_us BIGINT, sent_us BIGINT, client_queue_us BIGINT, connect_us BIGINT,
    responded_us BIGINT, response_us BIGINT, service_us BIGINT, status INTEGER, broken_cause VARCHAR, outcome VARCHAR,
    body_digest BIGINT, recorded_status INTEGER, recorded_latency_us BIGINT
);
COMMENT ON TABLE direct_requests IS
    'What became of every request that `archduel replay` offered to a service: one row per replay, service and '
    'request.';
COMMENT ON COLUMN direct_requests.replay IS 'Names the replay: the recording and when it began';
COMMENT ON COLUMN direct_requests.recording IS 'Name of the recording';
COMMENT ON COLUMN direct_requests.service IS 'Number of the service in the order given, from 1';
COMMENT ON COLUMN direct_requests.request_id IS
    'Id of the request within the recording; later rounds of --loop end with ~r2 and so on';
COMMENT ON COLUMN direct_requests.operation IS 'command or query';
COMMENT ON COLUMN direct_requests.entity IS 'What the request is about, as recorded; NULL: unknown';
COMMENT ON COLUMN direct_requests.method IS 'HTTP method sent';
COMMENT ON COLUMN direct_requests.path IS 'Path sent';
COMMENT ON COLUMN direct_requests.scheduled_us IS 'When it was due, microseconds since the replay''s start';
COMMENT ON COLUMN direct_requests.sent_us IS 'When it was sent; NULL: never';
COMMENT ON COLUMN direct_requests.client_queue_us IS
    'How long it waited before for a free connection, microseconds; NULL: never sent';
COMMENT ON COLUMN direct_requests.connect_us IS
    'How long it waited before for the service to take its connection, microseconds; NULL: never sent';
COMMENT ON COLUMN direct_requests.responded_us IS 'When its answer had come or its connection failed; NULL: neither';
COMMENT ON COLUMN direct_requests.response_us IS 'responded_us - scheduled_us: how long a client would have waited';
COMMENT ON COLUMN direct_requests.service_us IS 'responded_us - sent_us';
COMMENT ON COLUMN direct_requests.status IS 'HTTP status; NULL: no answer';
COMMENT ON COLUMN direct_requests.broken_cause IS 'Why its connection failed, as in requests; NULL: it did not';
COMMENT ON COLUMN direct_requests.outcome IS
    'answered, throttled (429), failed (500 and more, or its connection failed), timed_out or unsent';
COMMENT ON COLUMN direct_requests.body_digest IS 'CRC-32 of its answer''s body; NULL: not kept';
COMMENT ON COLUMN direct_requests.recorded_status IS 'Status in the recording; NULL: unknown';
COMMENT ON COLUMN direct_requests.recorded_latency_us IS
    'How long its answer took in the recording, microseconds; NULL: unknown';
