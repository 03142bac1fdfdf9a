"""Faults on the hop from a handler to the table: a proxy process (`proxy`) and its remote control (`control`).

Neither emulator nor handler changes; the lab's own readings go around it.
"""
