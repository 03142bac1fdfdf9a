"""How a target differs from AWS: behaviours that claims rest on, provoked and compared with what AWS documents.

Put here probes, the bench they work on, and running and keeping them. Keep out what a difference means for a claim
(`assets.analysis.claims`).
"""
