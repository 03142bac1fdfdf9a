"""Wiring: definitions, partitions, jobs, schedules, sensors, and the command line.

Put here what starts work and when. Keep the work itself out (`assets`, `resources`, `workloads`).
"""
