"""Text from outside, such as names of files, made fit for terminals, logs and messages.

Put here escaping and shortening for display. Keep out quoting for SQL (`workloads.sql`).
"""

LONGEST_LINE = 1000  # characters: of what is longer, a message shows the beginning and the end
_SHOWN_END = 300


def printable(text: str) -> str:
    """Return ``text`` with escape sequences for characters that a terminal would obey or a reader not see."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)


def printable_lines(text: str) -> str:
    """Return ``text`` as `printable` has it, but for its line feeds, which stay."""
    return text if text.isprintable() else "\n".join(map(printable, text.split("\n")))


def message(text: str) -> str:
    """Return ``text`` as a message shows it: each line printable, and without the middle where it is very long."""
    return "\n".join(map(_shortened, printable_lines(text).split("\n")))


def _shortened(line: str) -> str:
    left_out = len(line) - LONGEST_LINE
    if left_out <= 0:
        return line
    return f"{line[: LONGEST_LINE - _SHOWN_END]} ... {left_out:,} characters ... {line[-_SHOWN_END:]}"
