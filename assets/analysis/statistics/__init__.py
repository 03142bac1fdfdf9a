"""How sure a difference is: tests, intervals, corrections and verdicts from arrays of numbers.

Belongs here: what turns differences, counts and histograms into a p value, an interval, a verdict or a number of
repetitions; numpy and scipy only. Does not belong here: SQL, files, Dagster, which measures there are and what margins
they have (their callers know), and texts for people.
"""
