"""A reverse proxy that records the traffic passing through it.

Put here connections, both ways, and the life of a recording session. Keep out what is written down and how it becomes
a recording (`workloads.live`), and HTTP on the wire (`resources.wire`).
"""
