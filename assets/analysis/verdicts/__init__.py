"""Verdicts between architectures: each candidate against the baseline, and the noise of the A/A arm.

Put judging outcomes by the declared rules here: tables of the published database in, ``pairwise`` and ``noise`` out.
Keep out statistics (`assets.analysis.statistics`), the textbook's claims (`assets.analysis.claims`), and how
verdicts are shown (`assets.report`).
"""
