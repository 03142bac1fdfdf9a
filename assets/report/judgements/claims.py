"""The textbook's claims and their verdicts: rows with their parts, and the links of their sources.

Put here what the report shows of ``claims``. Keep judging out (`assets.analysis.claims`).
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import duckdb

from assets.report.judgements import queries
from assets.report.queries import Rows, bound, table_of
from assets.report.words.titles import CLAIM_VERDICTS, Mark, counted, counted_title, mark


@dataclass
class Claim:
    """One claim: its roll-up, or its only row, and its parts."""

    row: dict[str, Any]
    parts: Rows


@dataclass
class Claims:
    """All claims, in the order of the text."""

    claims: list[Claim]
    sql: str

    @property
    def counts(self) -> list[tuple[Mark, int]]:
        """How many claims have which verdict."""
        return counted((one.row["verdict"] for one in self.claims), CLAIM_VERDICTS)

    @property
    def counts_title(self) -> str:
        """``3 supported, 1 refuted``."""
        return counted_title(self.counts)

    @property
    def evidence(self) -> list[tuple[str, int]]:
        """How many verdicts, on parts and on claims without any, rest on which kind of evidence."""
        numbers: dict[str, int] = {}
        for row in (row for one in self.claims for row in (one.parts or [one.row])):
            kind = row["evidence"] or "no evidence"
            numbers[kind] = numbers.get(kind, 0) + 1
        return sorted(numbers.items())

    @property
    def groups(self) -> list[list[Claim]]:
        """Claims whose ids begin with the same letter, together."""
        found: dict[str, list[Claim]] = {}
        for one in self.claims:
            found.setdefault(one.row["claim_id"][:1], []).append(one)
        return list(found.values())


def claims_of(connection: duckdb.DuckDBPyConnection, comparison_id: str) -> Claims:
    """The claims as they were judged on a comparison."""
    sql = bound(queries.CLAIMS, comparison_id=comparison_id)
    by_claim: dict[str, Rows] = {}
    for row in table_of(connection, sql).to_pylist():
        row |= {"mark": mark(row["verdict"], CLAIM_VERDICTS), "links": links(row["source"])}
        by_claim.setdefault(row["claim_id"], []).append(row)
    claims = [
        Claim(next((row for row in rows if not row["part"]), rows[0]), [row for row in rows if row["part"]])
        for rows in by_claim.values()
    ]
    return Claims(claims, sql)


def links(source: str | None) -> list[tuple[str, str | None]]:
    """A source's words, each that is a web address with its target; no other scheme becomes a link."""
    found: list[tuple[str, str | None]] = []
    for word in (source or "").split():
        bare = word.strip("(),;.")
        try:
            parts = urlsplit(bare)
        except ValueError:
            parts = urlsplit("")
        found.append((word, bare if parts.scheme in {"http", "https"} and parts.netloc else None))
    return found
