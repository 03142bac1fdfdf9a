"""Dates as programs write them: SQL expressions from a text to microseconds since 1970.

Put here how a date is read, whatever format it is in. Keep out which column holds it (the formats) and times on the
command line (`workloads.recordings.moments`). A leap second is the second after it, as in Unix time: servers on Linux
never write one, other programs do.
"""

# Matching the form first is far cheaper than a conversion that fails, and excludes what only DuckDB takes for a date
# ("infinity", years of two digits).
_ISO = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})? ?(?:Z|UTC|GMT|[+-]\d\d(?::?\d\d)?)?"
_ZONE = r"(?:Z|UTC|GMT|[+-]\d\d(?::?\d\d)?)$"
_NUMBER = r"\d{1,19}(?:\.\d{1,18})?"


def common_us(text: str, form: str = "{day} {zone}") -> str:
    """Microseconds since 1970 of the common log format's date (``17/May/2015:10:05:03 +0000``), null if it is none.

    Args:
        text: An SQL expression for the text.
        form: The text around day and zone. Without a zone the date is in UTC, and read in half the time.
    """
    length = len(form.format(day="17/May/2015:10:05:03", zone="+0000"))
    form = form.format(day="%d/%b/%Y:%H:%M:%S", zone="%z")
    return rf"""CASE WHEN strlen({text}) = {length} THEN
        coalesce(
            epoch_us(try_strptime({text}, '{form}')),
            1000000 + epoch_us(try_strptime(regexp_replace({text}, ':60( |$)', ':59\1'), '{form}'))
        )
    END"""


def utc_us(text: str) -> str:
    """Microseconds since 1970 of ISO 8601 with a fraction and Z (``2022-07-05T04:47:50.271Z``), null if it is none."""
    return f"""CASE WHEN strlen({text}) BETWEEN 22 AND 27 AND ends_with({text}, 'Z') THEN
        coalesce(
            epoch_us(try_cast({text} AS TIMESTAMP)),
            1000000 + epoch_us(try_cast(replace({text}, ':60.', ':59.') AS TIMESTAMP))
        )
    END"""


def any_us(text: str) -> str:
    """Microseconds since 1970 of a text in any form understood, null for other texts.

    The forms are ISO 8601 (a blank for the T will do; without a zone it is UTC), the common log format's date, and
    numbers since 1970: by their size seconds (until the year 5138), milliseconds, microseconds or nanoseconds.
    """
    joined = rf"""regexp_replace(replace(regexp_replace(replace(
        CASE WHEN {text}[18:19] = '60' THEN {text}[:17] || '59' || {text}[20:] ELSE {text} END,
        ',', '.'), '^(.{{10}}) ', '\1T'), ' ', ''), '(?:UTC|GMT)$', 'Z')"""
    return f"""CASE
        WHEN regexp_full_match({text}, '{_ISO}') THEN
            CASE WHEN regexp_matches({text}[12:], '{_ZONE}') THEN epoch_us(try_cast({joined} AS TIMESTAMPTZ))
                ELSE epoch_us(try_cast({joined} AS TIMESTAMP)) END
            + CASE WHEN {text}[18:19] = '60' THEN 1000000 ELSE 0 END
        WHEN regexp_full_match({text}, '{_NUMBER}') THEN
            CASE
                WHEN strlen(split_part({text}, '.', 1)) >= 18
                THEN try_cast(split_part({text}, '.', 1) AS BIGINT) // 1000
                ELSE try_cast(round(try_cast({text} AS DOUBLE) * CASE
                    WHEN try_cast({text} AS DOUBLE) < 1e11 THEN 1e6
                    WHEN try_cast({text} AS DOUBLE) < 1e14 THEN 1e3
                    ELSE 1 END) AS BIGINT) END
        ELSE {common_us(text)}
    END"""


def is_whole_second(text: str) -> str:
    """Whether a text that `any_us` understands has no fraction of a second."""
    return f"""NOT (contains({text}, '.') OR contains({text}, ',') OR regexp_full_match({text}, '[0-9]{{12,}}'))"""
