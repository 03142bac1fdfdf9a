"""Recorded traffic and its replay: recordings, importers, customers, scenarios, the replay engine.

Put here what needs neither Dagster nor AWS nor another process. Keep out everything else (`resources`, `assets`,
`orchestration`), which may import this package.
"""
