"""How sure a difference is: tests, intervals, corrections, verdicts and numbers of repetitions, from arrays of numbers.

Put methods that turn differences, counts or histograms into a p-value, an interval, a verdict or a number of
repetitions here, each with its source. Keep out SQL, files, the list of metrics and their margins
(`assets.analysis.verdicts`), and texts for people.
"""
