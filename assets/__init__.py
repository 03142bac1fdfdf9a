"""The Dagster nodes: one graph per architecture, and the comparison downstream. Thin: they call `resources` and report.

No boto3 here, no SQL beyond a line, no statistics; partitions, jobs, schedules and sensors are `orchestration`.
"""
