"""What the lab touches: emulators, AWS clients, architectures and their handlers, the fault proxy, the warehouse.

Works without Dagster, which only ever calls it. Traffic and its replay are `workloads`.
"""
