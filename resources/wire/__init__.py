"""HTTP/1.1 on the wire, for proxies: messages taken apart byte for byte, and the ends of connections.

Belongs here: what the proxy that fails on purpose (`resources.faults`) and the one that records (`resources.recorder`)
share. What either does with a message does not.
"""
