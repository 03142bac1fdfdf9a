-- `ledger` of these experiments.
SELECT * FROM ledger SEMI JOIN runs USING ({key}) WHERE {where}
