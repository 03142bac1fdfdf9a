"""The fault proxy: a process on the hop between a function and a service, which breaks what passes through it.

Put here what runs in that process. Keep out when a fault is on (`resources.faults.conductor`) and how the process is
steered (`resources.faults.control`).
"""
