"""What requests look like by their method, path and status: static files, health checks, probes, searches and logins.

Put here what such requests are recognised by. Keep out what is done about them: a mapping that a user confirms
(`workloads.importers.rules.suggestion`) decides, and nothing else.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from workloads.databases import in_memory
from workloads.sql import quoted

COLUMNS = ["method", "path", "recorded_status"]  # of a recording
STATIC, HEALTH, PROBES = "static files", "health checks", "probes of scanners"
SEARCHES, LOGINS = "searches by POST", "logins"

EXTENSIONS = "css|js|map|png|jpg|jpeg|gif|svg|ico|webp|avif|woff|woff2|ttf|eot|otf|txt|xml|pdf|zip|mp4|webm|webmanifest"
_HEALTH = "_?health(?:z|check|-check|_check)?|livez?|liveness|readyz?|readiness|ping|heartbeat|metrics|server-status"
_SEARCHES = "_?m?search|_?query|queries|_?find|lookup|_?filter|autocomplete|suggestions?|graphql|_count"
_LOGINS = "login|log-in|signin|sign-in|logout|authenticate|oauth2?/token|sessions?"

# What scanners ask every server for, as a mapping drops it. The first that fits counts.
_PROBED = (
    *("/**.php", "/**.asp", "/**.aspx", "/.env**", "/**/.env**", "/.git/**", "/**/.git/**", "/wp-**", "/**/wp-admin**"),
    *("/**/wp-content**", "/**/wp-includes**", "/cgi-bin/**", "/phpmyadmin**", "/vendor/phpunit/**", "/actuator/env"),
    *("/solr/**", "/boaform/**", "/HNAP1**", "/owa/**"),
)
PROBED = {match: f"^{re.escape(match).replace(re.escape('**'), '.*')}$" for match in _PROBED}


@dataclass(frozen=True)
class Look:
    """How requests of a kind are recognised.

    Attributes:
        methods: Their methods.
        pattern: A regular expression that is found in their paths.
        refused: Whether they are of that kind only where they were answered with a status from 400 to 499: to another
            server the same path may mean something.
    """

    methods: tuple[str, ...]
    pattern: str
    refused: bool = False

    @property
    def condition(self) -> str:
        """The same in SQL, of the columns ``method``, ``path`` and ``recorded_status``."""
        parts = [f"regexp_matches(path, {quoted(self.pattern)})"]
        if self.methods:
            parts.append(f"method IN ({', '.join(map(quoted, self.methods))})")
        if self.refused:
            parts.append("recorded_status BETWEEN 400 AND 499")
        return " AND ".join(parts)


LOOKS: Mapping[str, Look] = {  # the first that fits counts
    PROBES: Look((), "|".join(PROBED.values()), refused=True),
    STATIC: Look(("GET", "HEAD"), rf"(?i)\.(?:{EXTENSIONS})$"),
    HEALTH: Look(("GET", "HEAD"), rf"(?i)/(?:{_HEALTH})/?$"),
    SEARCHES: Look(("POST",), rf"(?i)/(?:{_SEARCHES})/?$"),
    LOGINS: Look(("POST",), rf"(?i)/(?:{_LOGINS})/?$"),
}


def counted(table: pa.Table) -> dict[str, int]:
    """How many requests of a recording look like what, in the order of `LOOKS`; without those that look like none."""
    cases = " ".join(f"WHEN {look.condition} THEN {quoted(name)}" for name, look in LOOKS.items())
    any_of = quoted("|".join(f"(?:{look.pattern})" for look in LOOKS.values()))
    with in_memory() as connection:
        connection.register("requests", table.select(COLUMNS))
        found = dict(
            connection.sql(
                f"SELECT CASE {cases} END AS look, count(*) FROM requests WHERE regexp_matches(path, {any_of})"
                " GROUP BY look HAVING look IS NOT NULL"
            ).fetchall()
        )
    return {name: found[name] for name in LOOKS if name in found}


def probed(table: pa.Table) -> dict[str, int]:
    """How many requests each pattern of `PROBED` matches, of those that were refused every time."""
    cases = " ".join(
        f"WHEN regexp_matches(path, {quoted(pattern)}) THEN {quoted(match)}" for match, pattern in PROBED.items()
    )
    with in_memory() as connection:
        connection.register("requests", table.select(COLUMNS))
        found = connection.sql(
            f"SELECT CASE {cases} END AS match, count(*) FROM requests"
            f" WHERE regexp_matches(path, {quoted(LOOKS[PROBES].pattern)})"
            " GROUP BY match HAVING bool_and(coalesce(recorded_status BETWEEN 400 AND 499, false))"
        ).fetchall()
    return dict(found)
