"""Whether the statistics keep what they promise, by simulation: coverage, false positives, power.

Put simulations with a fixed seed here that fail when a promise is broken and print their figures (``pytest -m long -s
tests/calibration``), and a quick run of each. Keep out comparisons with slow reference implementations, which are unit
tests.
"""
