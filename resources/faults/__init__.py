"""Faults: breaking components and hops of a stack at their time, and mending them.

Put here how a fault is carried out. Keep out which faults there are (`workloads.scenarios.faults`), what a target lacks
for them (`resources.targets.availability`), and changes to emulators or handlers: the lab's own calls pass faults by.

What the proxy process imports is kept small, so that it starts quickly: the standard library, uvloop and httptools. A
new kind of fault is one class in `resources.faults.proxy.behaviours`.
"""
