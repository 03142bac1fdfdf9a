"""Faults on the hop from a handler to the table: a proxy process (`proxy`) and its remote control (`control`).

Neither emulator nor handler changes; the lab's own readings go around it. What the proxy process imports is kept
small, so that it starts quickly: nothing but the standard library, uvloop and httptools.

A new kind of fault is one class in `behaviours`.
"""
