"""What is asked of an architecture, and whether it meets it: the table ``requirements``.

Put here the file of requirements, the measures it may bound, and how one of them is met, missed or left undecided. Keep
out which architecture follows (`assets.analysis.recommendation`).
"""
