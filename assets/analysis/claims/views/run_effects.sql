-- `effects` of these experiments.
SELECT * FROM effects SEMI JOIN runs USING ({key}) WHERE {where}
