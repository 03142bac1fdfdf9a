"""From paths to the physical lines of their files, unpacked, each exactly once, and questions about them.

Put here what knows no format. Keep out what a line means (`workloads.importers.formats`).
"""
