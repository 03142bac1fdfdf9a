"""HTTP/1.1 on the wire, for proxies: messages taken apart byte by byte, and the ends of connections.

Put here what the proxy that injects faults (`resources.faults`) and the one that records (`resources.recorder`) share.
Keep out what either does with a message.
"""
