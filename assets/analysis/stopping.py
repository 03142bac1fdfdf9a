"""Whether a cell that is repeated until it is decided is decided: its verdicts as they would be published now.

Belongs here: only the question. The verdicts are made as always (`assets.analysis.verdicts.pairwise`), from the same
tables.
"""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from assets.analysis.outcomes import reconcile
from assets.analysis.verdicts.pairwise import pairwise
from resources.warehouse.observations import Tables
from resources.warehouse.outcomes import write_outcomes
from resources.warehouse.publish import publish
from resources.warehouse.reading import connect
from workloads.places import Places


def undecided(observations: Mapping[str, Tables], cell: str) -> int:
    """How many verdicts on ``cell`` more repetitions may decide, given the observations of each of its partitions.

    Those that no reasonable number of them would decide are left alone, or everything would go on for their sake.
    """
    with TemporaryDirectory(prefix="archduel-") as folder:
        places = Places(Path(folder))
        for partition, tables in observations.items():
            write_outcomes(places, "so_far", cell, partition, reconcile(tables))
        publish(places)
        with connect(places) as connection:
            [(comparison_id,)] = connection.execute("SELECT comparison_id FROM comparisons").fetchall()
            rows = pairwise(connection, comparison_id)
    return sum(row["arm"] == "main" and row["pairs_needed"] is not None for row in rows.to_pylist())
