"""Replaying a recording open loop: what is sent when (`schedule`), sending it (`client`).

Knows HTTP, not AWS: whatever answers at a URL can be replayed against.
"""
