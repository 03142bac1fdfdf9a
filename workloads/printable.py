"""Text that others wrote, such as names of files, made fit for terminals and logs. Nothing else belongs here."""


def printable(text: str) -> str:
    """``text`` with what a terminal would obey, or a reader not see, spelled out: escapes, line ends."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)
