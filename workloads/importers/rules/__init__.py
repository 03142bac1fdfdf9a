"""What becomes of an entry of a log, the same for all formats: accepted, dropped, rejected; command or query.

Put here decisions about entries and the counting of them. Keep out how an entry is read
(`workloads.importers.formats`).
"""
