"""The warehouse: results as Parquet partitions, replaced whole, and ``archduel.duckdb``, built from them and published.

Put here how results are stored, declared, published and read. Keep out what is in them: how outcomes and judgements are
made (`assets.analysis`).

DuckDB takes one writer per file, and a writer locks every reader out: nothing ever writes into the published file.
"""
