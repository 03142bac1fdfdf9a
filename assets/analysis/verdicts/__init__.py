"""What a comparison comes to: verdicts between architectures, their noise, the nights before, and what to build.

Belongs here: judging outcomes by the rules in `rules.toml`, from the published database into the tables ``pairwise``,
``noise``, ``history`` and ``recommendations``, and the order in which all judgements are made (`judge`). Does not
belong here: statistics (`assets.analysis.statistics`), prices (`resources.prices`), the textbook claims
(`assets.analysis.claims`), and how judgements are shown (`assets.report`).
"""
