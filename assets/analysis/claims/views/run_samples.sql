-- `samples` of these experiments.
SELECT * FROM samples SEMI JOIN runs USING ({key}) WHERE {where}
