-- The newest comparison's requests, of its valid repetitions, with what became of each: what a question about single
-- requests is asked of.
CREATE VIEW last_requests AS
SELECT r.comparison_id, r.workload, r.scenario, r.architecture, r.variant, r.repetition, r.request_id,
    r.operation, r.route, r.entity, r.scheduled_us, r.sent_us, r.responded_us, r.status, r.outcome, r.response_us,
    f.state, f.committed_us, f.completion_us, f.deliveries, f.commits, f.found, r.experiment_id
FROM requests r
JOIN effects f USING (comparison_id, architecture, variant, arm, workload, scenario, repetition, request_id)
JOIN experiments e USING (comparison_id, architecture, variant, arm, workload, scenario, repetition)
WHERE e.valid AND r.arm = 'main' AND r.comparison_id = (
    SELECT comparison_id FROM comparisons
    WHERE beside IS NULL OR beside NOT IN (SELECT comparison_id FROM comparisons)
    ORDER BY finished_at DESC, comparison_id DESC
    LIMIT 1
);
COMMENT ON VIEW last_requests IS
    'The newest comparison''s requests, of its valid repetitions of the arm main: one row each, with what became of it.';
COMMENT ON COLUMN last_requests.comparison_id IS 'Names the newest comparison';
COMMENT ON COLUMN last_requests.workload IS 'Name of the recording';
COMMENT ON COLUMN last_requests.scenario IS 'Name of the scenario';
COMMENT ON COLUMN last_requests.architecture IS 'Name of the architecture, as `archduel architectures` lists it';
COMMENT ON COLUMN last_requests.variant IS 'How the functions write: idempotent, naive or sdk_defaults';
COMMENT ON COLUMN last_requests.repetition IS 'Number of the replay within its cell and contender, from 1';
COMMENT ON COLUMN last_requests.request_id IS 'As in requests';
COMMENT ON COLUMN last_requests.operation IS 'command or query';
COMMENT ON COLUMN last_requests.route IS 'As in requests';
COMMENT ON COLUMN last_requests.entity IS 'Entity (such as the order) it is about';
COMMENT ON COLUMN last_requests.scheduled_us IS 'When it was due, microseconds since the replay''s start';
COMMENT ON COLUMN last_requests.sent_us IS 'When it was sent, microseconds since the replay''s start; NULL: it was not';
COMMENT ON COLUMN last_requests.responded_us IS 'As in requests';
COMMENT ON COLUMN last_requests.status IS 'HTTP status; NULL: no answer';
COMMENT ON COLUMN last_requests.outcome IS 'answered, accepted, throttled, failed, timed_out or unsent';
COMMENT ON COLUMN last_requests.response_us IS 'From when it was due to its answer, microseconds; NULL: no answer';
COMMENT ON COLUMN last_requests.state IS 'committed, dead_lettered, in_flight, lost or rejected, as in effects';
COMMENT ON COLUMN last_requests.committed_us IS 'As in effects';
COMMENT ON COLUMN last_requests.completion_us IS
    'From when it was due until it was committed, microseconds; NULL: not committed';
COMMENT ON COLUMN last_requests.deliveries IS 'How often a handler was given it';
COMMENT ON COLUMN last_requests.commits IS 'How often it was written: more than 1 is a duplicate';
COMMENT ON COLUMN last_requests.found IS 'Of a query, whether it found its entity; NULL: not known, or a command';
COMMENT ON COLUMN last_requests.experiment_id IS 'Names the experiment in one column, as in experiments';
