"""Text from outside, such as names of files, made fit for terminals and logs.

Put here escaping for display. Keep out quoting for SQL (`workloads.sql`).
"""


def printable(text: str) -> str:
    """Return ``text`` with escape sequences for characters that a terminal would obey or a reader not see."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)
