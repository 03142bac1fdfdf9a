"""Recorded traffic and its replay: recordings, importers, customers, scenarios, the replay engine.

Pure Python. Nothing here imports Dagster, knows an AWS service or starts a process.
"""
