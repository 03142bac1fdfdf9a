"""DuckDB in memory, which takes room on disk only where its user says so.

Put here making such a database. Keep out queries, and files of results (`resources.warehouse`).

What does not fit into memory DuckDB writes into a folder ``.tmp`` of the working directory unless told otherwise, and a
process that is killed leaves it there.
"""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # it takes a fifth of a second to import: it is once a database is made
    import duckdb

_SPILLED = "spilled"


def in_memory(
    *, spills_to: Path | None = None, threads: int | None = None, memory_limit: str | None = None
) -> "duckdb.DuckDBPyConnection":
    """A database of its own in memory; it never uses the network.

    Args:
        spills_to: A folder that somebody sweeps, such as one of `workloads.scratch`: what does not fit into memory is
            written there. None: a query that needs more fails.
        threads: How many it uses; None for one per core.
        memory_limit: How much it may take, such as 512MB; DuckDB's own limit without.
    """
    import duckdb  # noqa: PLC0415 - see above

    config: dict[str, str | bool | int | float | list[str]] = {
        "temp_directory": "" if spills_to is None else str(spills_to / _SPILLED),
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    if threads is not None:
        config["threads"] = threads
    if memory_limit is not None:
        config["memory_limit"] = memory_limit
    return duckdb.connect(config=config)
