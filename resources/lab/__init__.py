"""The lab: replays a cell through architectures on a target and keeps what was observed.

Put here what happens between an empty target and stored observations. Keep out what the observations mean
(`assets.analysis`) and what a target or an architecture is (`resources.targets`, `resources.architectures`).
"""
