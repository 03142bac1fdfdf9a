"""Importing recorded traffic: from files of many formats to a recording, every line accounted for.

Put here what holds for all formats: the protocol (`workloads.importers.importer`) and one import from beginning to end
(`workloads.importers.ingest`). Keep out a format's own (`workloads.importers.formats`), files and lines
(`workloads.importers.files`), and what becomes of a request (`workloads.importers.rules`).
"""
