"""What the lab touches: emulators, AWS, architectures and their handlers, the fault proxy, the warehouse, prices.

Put here code with side effects that works without Dagster. Keep out recorded traffic and its replay (`workloads`), and
what is made of results (`assets`); only `resources.dagster_resources` knows Dagster.
"""
