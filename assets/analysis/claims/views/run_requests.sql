-- `requests` of these experiments.
SELECT * FROM requests SEMI JOIN runs USING ({key}) WHERE {where}
