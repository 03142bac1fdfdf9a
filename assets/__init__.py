"""The Dagster nodes: one graph per architecture, and the comparison downstream of them.

Put here what becomes a node and what it shows. Keep out how it is done: replays and storage (`resources`), what results
mean (`assets.analysis`), the page (`assets.report`); and partitions, jobs, schedules and sensors (`orchestration`).
"""
