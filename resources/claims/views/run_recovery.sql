-- `recovery` of these experiments.
SELECT * FROM recovery SEMI JOIN runs USING ({key}) WHERE {where}
