-- `invocations` of these experiments.
SELECT * FROM invocations SEMI JOIN runs USING ({key}) WHERE {where}
