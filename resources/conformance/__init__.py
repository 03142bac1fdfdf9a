"""How a target differs from AWS: behaviours that claims rest on, provoked and compared with what AWS documents.

Belongs here: probes, the bench they work on, running and keeping them. What a difference means for a claim is the
verdicts' business.
"""
