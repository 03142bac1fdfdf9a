"""Traffic recorded as it comes: scrubbed, on disk within a second, and a recording of the library in the end.

Belongs here: what a recorder has seen and what becomes of it, whether it was stopped or killed. Where it was seen, on
which connections, does not: that is `resources.recorder`.
"""
