"""The warehouse: Parquet partitions replaced atomically, and ``archduel.duckdb`` built from them and published whole.

DuckDB takes one writer per file and a writer locks every reader out, so nothing ever writes into the published one.
"""
