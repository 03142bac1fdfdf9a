-- `latency` of these experiments.
SELECT * FROM latency SEMI JOIN runs USING ({key}) WHERE {where}
