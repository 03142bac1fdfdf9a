"""Measurements to be run by hand: `python -m tests.benchmarks.NAME`. They print figures and assert none."""
