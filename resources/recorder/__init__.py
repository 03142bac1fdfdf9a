"""A reverse proxy that records what passes through it.

Belongs here: connections, both ways, and a recording session's life. What is written down, and how it becomes a
recording, is `workloads.live`; HTTP on the wire is `resources.wire`.
"""
