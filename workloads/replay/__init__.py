"""Replaying a recording open loop, against anything that answers HTTP at a URL.

Put here the schedule, what a scenario does to it, and the client that sends it. Keep out what is replayed against
(`resources.lab`) and what breaks meanwhile (`resources.faults`).
"""
