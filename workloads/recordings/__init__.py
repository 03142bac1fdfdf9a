"""Recordings: their schema, their library on disk, what is known of one, and the part of it that is replayed.

Put here what holds for a recording wherever it came from. Keep out how it came to be (`workloads.importers`,
`workloads.live`, `workloads.customers.customer`) and how it is replayed (`workloads.replay`).
"""
