"""CSV with named columns: commas, semicolons or tabs, whichever the first line has most of.

Put here how a header and its cells are separated. Keep out what the names mean (`workloads.importers.formats.named`).
"""

import csv
from collections import Counter
from collections.abc import Mapping, Sequence

from workloads.errors import ArchduelError
from workloads.importers.formats.headed import HeadedImporter, Layout
from workloads.importers.formats.named import A_NAME, LOGGED, NAMES, chosen_name, first_of, joined, positions
from workloads.importers.importer import KnownError

_A_TABLE = 3  # columns


def cells_of(separator: str) -> str:
    """An SQL expression for the list of a line's cells, null where quotes do not match."""
    # Every separator or line's beginning with the cell behind it: together they must be the whole line.
    found = f"""regexp_extract_all('{separator}' || line, '{separator}(?:"(?:[^"]|"")*"|[^"{separator}]*)')"""
    bare = """list_transform(found, lambda one: CASE WHEN one[2] = '"'
        THEN replace(one[3:-2], '""', '"') ELSE one[2:] END)"""
    quoted = f"""list_extract(list_transform([{found}], lambda found:
        CASE WHEN array_to_string(found, '') = '{separator}' || line THEN {bare} END), 1)"""
    return f"""CASE WHEN contains(line, '"') THEN {quoted} ELSE string_split(line, '{separator}') END"""


def names_in(header: str) -> tuple[str, list[str]]:
    """The separator of a header line, and the names in it, as they stand there."""
    separator = max(",;\t", key=header.count)
    try:
        return separator, next(csv.reader([header], delimiter=separator), [])
    except csv.Error:
        return separator, [header]


def layout(header: str, columns: Mapping[str, str]) -> Layout:
    """As `HeadedImporter.layout`."""
    separator, names = names_in(header)
    cells = cells_by_name(names, columns)
    literals = {role: literal for role in columns if (literal := chosen_name(role, columns)) is not None}
    return Layout(header, cells_of(separator), cells | literals, len(names))


def cells_by_name(names: Sequence[str], columns: Mapping[str, str]) -> dict[str, str]:
    """By role, SQL expressions over the list ``cell``.

    Args:
        names: The names in the header, in their order.
        columns: As in `workloads.importers.importer.Options`.

    Raises:
        ArchduelError: Nothing there says when a request was, or of what kind.
    """
    found = positions(names, columns)
    check_found(found, names, columns)
    return {
        role: first_of([joined([f"cell[{index + 1}]" for index in together]) for together in places], role)
        for role, places in found.items()
        if places
    }


def check_found(found: Mapping[str, list[tuple[int, ...]]], names: Sequence[str], columns: Mapping[str, str]) -> None:
    """Check that ``found``, the indices of columns by role, and the user's ``columns`` describe a request.

    Raises:
        ArchduelError: A column that the user names is not there, there is none for the time, method or path, or two
            have a name that counts.
    """
    named = {role for role in NAMES if found.get(role) or chosen_name(role, columns) is not None}
    # A first line that is a record names nothing: none of it is shown.
    shown = [name.strip() for name in names if A_NAME.fullmatch(name.strip())]
    among = f" among {', '.join(shown[:20])}" if len(shown) == len(names) else ": its first line must name the columns"
    # Where every cell is a name, the file is such a table, and no other format need be looked for.
    error = KnownError if len(shown) == len(names) >= _A_TABLE else ArchduelError
    for role, name in columns.items():
        if role in found and not found[role]:
            raise error(f"no column is called {name!r}{among}")
    for role, others in (("timestamp", {"timestamp", LOGGED, "ended"}), ("method", {"method", "request"})):
        if not named & others:
            raise error(f"no column for the {role}{among}; name it with --column {role}=NAME")
    if not named & {"path", "request"}:
        raise error(f"no column for the path{among}; name it with --column path=NAME")
    used = {names[index].strip() for places in found.values() for together in places for index in together}
    for name, number in Counter(name.strip() for name in names).items():
        if number > 1 and name in used:
            raise error(f"{number} columns are called {name!r}, and which one counts is not known: rename the others")


IMPORTER = HeadedImporter(
    name="csv",
    description="CSV whose first line names columns such as timestamp, method and path; other names by --column",
    example="timestamp,method,path,status in the first line, and 2026-05-17T10:05:03.250Z,GET,/orders/17,200 below",
    layout=layout,
    takes_columns=True,
    position=2,
)
