"""Whether the statistics keep what they promise, by simulation: coverage, false positives, power.

Belongs here: simulations with a fixed seed that print their figures (``pytest -m long -s tests/calibration``) and fail
when a promise is broken, and a quick smoke of each. Does not belong here: comparisons with slow reference
implementations, which are unit tests.
"""
