"""Dagster on several workers: which of its engines launches runs, and what a worker of archduel's own is.

Put here configurations of engines that exist, a YAML file each. Keep out what runs do (`assets`), and the settings of
the instance on one machine (``orchestration/dagster.yaml``).
"""
