-- What a replay leaves behind, before anything is judged: the tables of the Parquet files in a home's `observations/`.
-- Declared as in `tables.sql` and read by the same module. Times are microseconds of one monotonic clock since the
-- replay's start; where handlers have clocks of their own, as good as `experiments.clock_uncertainty_us` says.

CREATE TABLE experiments (
    comparison_id VARCHAR, architecture VARCHAR, variant VARCHAR, arm VARCHAR, workload VARCHAR, scenario VARCHAR,
    repetition INTEGER NOT NULL, instance INTEGER, night VARCHAR, origin VARCHAR, target VARCHAR, evidence VARCHAR,
    seed BIGINT, speed DOUBLE, started_at TIMESTAMPTZ, finished_at TIMESTAMPTZ, requests BIGINT, duration_us BIGINT,
    recorded_requests DOUBLE, recorded_us BIGINT, settled_us BIGINT, invalid_reason VARCHAR,
    send_lag_p50_us BIGINT, send_lag_p99_us BIGINT, send_lag_max_us BIGINT, client_lag_p50_us BIGINT, client_lag_p99_us BIGINT,
    client_lag_max_us BIGINT, displaced_share DOUBLE, gaps_distance_us DOUBLE,
    target_cpu_share DOUBLE, others_cpu_share DOUBLE, cold_starts BIGINT,
    clock_uncertainty_us BIGINT, queued VARCHAR[], queued_by_api VARCHAR[], effects VARCHAR[], fault_windows VARCHAR, config VARCHAR, code_version VARCHAR,
    dagster_run_id VARCHAR
);
COMMENT ON TABLE experiments IS
    'One row per experiment, which is one replay, as the lab knows it before anything is judged.';
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
COMMENT ON COLUMN experiments.origin IS 'nightly or adhoc';
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
COMMENT ON COLUMN experiments.invalid_reason IS
    'Why it is not valid as far as the replay can tell, a sentence; NULL: nothing against it';
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
COMMENT ON COLUMN experiments.queued IS 'Operations that this architecture takes through a queue: command, query';
COMMENT ON COLUMN experiments.queued_by_api IS
    'Those of them that the API puts into the queue itself, without a function; NULL: all of them';
COMMENT ON COLUMN experiments.effects IS
    'What a command brings about in this architecture, each stored by itself: it is done once all of them are there';
COMMENT ON COLUMN experiments.fault_windows IS
    'Faults as they happened, a JSON list of objects: target, kind, due_us, start_us, end_us and what the kind needs';
COMMENT ON COLUMN experiments.config IS 'Settings, those of the cell and contender included, a JSON object';
COMMENT ON COLUMN experiments.code_version IS 'Version of archduel, with a digest of its code';
COMMENT ON COLUMN experiments.dagster_run_id IS 'Dagster run that replayed it; NULL outside of a run';

CREATE TABLE sent (
    repetition INTEGER NOT NULL, request_id VARCHAR, operation VARCHAR, entity VARCHAR, route VARCHAR, payload_bytes BIGINT,
    scheduled_us BIGINT, sent_us BIGINT, client_queue_us BIGINT, connect_us BIGINT, responded_us BIGINT, status INTEGER,
    fate VARCHAR, broken_cause VARCHAR,
    attempts BIGINT, fetches BIGINT, fetched_us BIGINT, recorded_us BIGINT, work_us BIGINT
);
COMMENT ON TABLE sent IS 'One row per offered request: what the load generator did and saw.';
COMMENT ON COLUMN sent.repetition IS 'Number of the replay within its cell and contender, from 1';
COMMENT ON COLUMN sent.request_id IS
    'Index in the recording, in order of arrival, with a suffix for clones; the same in every experiment';
COMMENT ON COLUMN sent.operation IS 'command or query';
COMMENT ON COLUMN sent.entity IS 'Entity (such as the order) it is about';
COMMENT ON COLUMN sent.route IS
    'Its method and path with names in place of ids, such as GET /orders/{order}; NULL: not known';
COMMENT ON COLUMN sent.payload_bytes IS 'Size of its body as recorded, bytes; 0 for a query';
COMMENT ON COLUMN sent.scheduled_us IS 'When it was due, microseconds since the replay''s start';
COMMENT ON COLUMN sent.sent_us IS 'When it was first sent, microseconds since the replay''s start; NULL: it was not';
COMMENT ON COLUMN sent.client_queue_us IS
    'How long it waited in the client for others to free a connection, or for the pace of opening new ones, '
    'microseconds; NULL: it was not sent';
COMMENT ON COLUMN sent.connect_us IS
    'How long it waited for the target to take the connection that it was sent over, microseconds; 0: that was there; '
    'NULL: it was not sent';
COMMENT ON COLUMN sent.responded_us IS
    'When its last answer, or the connection''s end, was there, microseconds since the replay''s start; NULL: no '
    'answer';
COMMENT ON COLUMN sent.status IS 'HTTP status of its last answer; NULL: no answer';
COMMENT ON COLUMN sent.broken_cause IS
    'Why its connection failed: refused, unreachable, unknown_host, connect_timed_out, tls_failed, reset, closed (before '
    'a byte of an answer), cut_off (within one), not_http, or stopped (by archduel); NULL: it did not';
COMMENT ON COLUMN sent.fate IS 'responded, broken (the connection), timed_out or unsent';
COMMENT ON COLUMN sent.attempts IS 'How often it was sent: more than 1 where the client tried again; 0: never';
COMMENT ON COLUMN sent.fetches IS
    'How often the client asked for the answer its ticket stands for; NULL: it waited for none';
COMMENT ON COLUMN sent.fetched_us IS
    'When the client had that answer, microseconds since the replay''s start; NULL: never';
COMMENT ON COLUMN sent.recorded_us IS
    'How long its answer took when it was recorded, microseconds; NULL: the recording does not say';
COMMENT ON COLUMN sent.work_us IS
    'How long the handler was asked to work on it, as it was recorded, microseconds; NULL: it was asked for none of its '
    'own';

CREATE TABLE items (
    repetition INTEGER NOT NULL, request_id VARCHAR, effect VARCHAR, commits BIGINT, stamp_us BIGINT, found BOOLEAN
);
COMMENT ON TABLE items IS 'What the table holds of requests when watching ended: one row per item.';
COMMENT ON COLUMN items.repetition IS 'Number of the replay within its cell and contender, from 1';
COMMENT ON COLUMN items.request_id IS 'Request that wrote it';
COMMENT ON COLUMN items.effect IS 'Effect of the request that it is; NULL: the first, or the only one';
COMMENT ON COLUMN items.commits IS 'How often it was written';
COMMENT ON COLUMN items.stamp_us IS 'When its first write began, microseconds since the replay''s start';
COMMENT ON COLUMN items.found IS 'Of the stored answer to a query: whether it found its entity; NULL: a command''s';

CREATE TABLE messages (
    repetition INTEGER NOT NULL, request_id VARCHAR, queue VARCHAR, effects VARCHAR[], receive_count BIGINT
);
COMMENT ON TABLE messages IS 'Messages still in a queue when watching ended.';
COMMENT ON COLUMN messages.repetition IS 'Number of the replay within its cell and contender, from 1';
COMMENT ON COLUMN messages.request_id IS 'Request it carries';
COMMENT ON COLUMN messages.queue IS 'queue or dead_letter_queue; an architecture may have several of each';
COMMENT ON COLUMN messages.effects IS
    'Effects of the request that it was still to bring about; NULL: all of them';
COMMENT ON COLUMN messages.receive_count IS 'How often it was received';

CREATE TABLE records (
    repetition INTEGER NOT NULL, function VARCHAR, invocation_id VARCHAR, request_id VARCHAR, effect VARCHAR, result VARCHAR,
    at_us BIGINT, receive_count BIGINT, found BOOLEAN, worked_us BIGINT
);
COMMENT ON TABLE records IS 'One row per handling of a request by a function, from the function''s log line.';
COMMENT ON COLUMN records.repetition IS 'Number of the replay within its cell and contender, from 1';
COMMENT ON COLUMN records.function IS 'Name of the function';
COMMENT ON COLUMN records.invocation_id IS 'Invocation that handled it';
COMMENT ON COLUMN records.request_id IS 'Request handled';
COMMENT ON COLUMN records.effect IS
    'Effect of the request that the function brings about; NULL: the first, or the only one';
COMMENT ON COLUMN records.result IS
    'committed, duplicate (was committed before), answered or failed; of the function result, which hands out stored '
    'answers, answered or failed; of the function publisher, published or failed';
COMMENT ON COLUMN records.at_us IS 'When that was done, microseconds since the replay''s start';
COMMENT ON COLUMN records.receive_count IS 'How often its message had been received; NULL: it came through no queue';
COMMENT ON COLUMN records.found IS
    'Of a query, whether it found its entity; of the function result, whether the answer was there; NULL: a command';
COMMENT ON COLUMN records.worked_us IS
    'How long the handler worked on it before it called the table, microseconds; of a service of the user''s own, all that '
    'its handler took; NULL: it had no work';

CREATE TABLE invocations (
    repetition INTEGER NOT NULL, function VARCHAR, invocation_id VARCHAR, started_us BIGINT, duration_us BIGINT,
    cold BOOLEAN, batch_size BIGINT, outcome VARCHAR, environment VARCHAR
);
COMMENT ON TABLE invocations IS 'One row per invocation of a function.';
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
    repetition INTEGER NOT NULL, t_us BIGINT, queue_visible BIGINT, queue_in_flight BIGINT, queue_delayed BIGINT,
    dead_letters BIGINT, in_flight BIGINT
);
COMMENT ON TABLE samples IS 'What waited where, at moments about a quarter of a second apart.';
COMMENT ON COLUMN samples.repetition IS 'Number of the replay within its cell and contender, from 1';
COMMENT ON COLUMN samples.t_us IS 'Moment, microseconds since the replay''s start; below 0 before it';
COMMENT ON COLUMN samples.queue_visible IS 'Messages waiting in the queue; NULL: not known, or no queue';
COMMENT ON COLUMN samples.queue_in_flight IS 'Messages being worked on; NULL: not known, or no queue';
COMMENT ON COLUMN samples.queue_delayed IS 'Messages not visible yet because of a delay; NULL: not known, or no queue';
COMMENT ON COLUMN samples.dead_letters IS 'Messages in the dead-letter queue; NULL: not known, or no queue';
COMMENT ON COLUMN samples.in_flight IS 'Requests that the client waits for';

CREATE TABLE sensitivity (
    repetition INTEGER NOT NULL, operation VARCHAR, measure VARCHAR, parameter VARCHAR, factor DOUBLE, unchanged DOUBLE,
    changed DOUBLE
);
COMMENT ON TABLE sensitivity IS
    'What a simulated replay comes to when one assumed parameter is changed and all draws stay as they are.';
COMMENT ON COLUMN sensitivity.repetition IS 'Number of the replay within its cell and contender, from 1';
COMMENT ON COLUMN sensitivity.operation IS 'command or query';
COMMENT ON COLUMN sensitivity.measure IS
    'response_p50_us, response_p99_us, completion_p50_us, completion_p99_us (of all offered requests, microseconds) or '
    'refused_share';
COMMENT ON COLUMN sensitivity.parameter IS 'Parameter that was changed';
COMMENT ON COLUMN sensitivity.factor IS 'What its values were multiplied by, within the range that makes sense';
COMMENT ON COLUMN sensitivity.unchanged IS
    'The measure without that; NULL: such a quantile is of requests that were refused';
COMMENT ON COLUMN sensitivity.changed IS 'The measure with it; NULL likewise';
