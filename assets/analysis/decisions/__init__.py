"""The decision table: what people ask of every architecture, each answer with its evidence and its query.

Put here the questions and how they are answered. Keep out counting (`assets.analysis.requirements.figures`), what a
target can show (`assets.analysis.verdicts.decisive`) and what to build (`assets.analysis.recommendation`).
"""
