"""The textbook's claims: what each is read to mean, what decides it, and the verdicts on a comparison.

Belongs here: the names others use. The register is data (`register/*.toml`, checked by `model` and `register`), the SQL
its parts share is in `views/`, rules over numbers are `rules`, and `judging` puts them together. What is measured is
`assets.analysis.outcomes`, intervals are `assets.analysis.statistics`.
"""

from assets.analysis.claims.model import Claim, Part
from assets.analysis.claims.register import claims, scenarios_needed

__all__ = ["Claim", "Part", "claims", "scenarios_needed"]
