"""The textbook's claims: what each is read to mean, what decides it, and the verdicts on a comparison.

Put the register of claims (data), the SQL its parts share and the rules that decide them here. Keep out measuring
(`assets.analysis.outcomes`) and intervals (`assets.analysis.statistics`).
"""

from assets.analysis.claims.model import Claim
from assets.analysis.claims.register import claims, scenarios_needed

__all__ = ["Claim", "claims", "scenarios_needed"]
