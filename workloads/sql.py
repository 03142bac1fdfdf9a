"""Values as SQL writes them, for the places where DuckDB takes no parameter: the names of files, and texts to show.

Put here quoting, and nothing else. Keep queries out: they stand with the module that runs them.
"""

import re
from pathlib import Path


def quoted(value: str | Path) -> str:
    """``value`` as an SQL string literal, whatever quotes are in it."""
    return "'" + str(value).replace("'", "''") + "'"


def unglobbed(path: Path) -> Path:
    """``path`` for DuckDB's readers, which take every path for a pattern."""
    return Path(re.sub(r"([*?\[])", r"[\1]", str(path)))
