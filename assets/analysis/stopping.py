"""The stopping rule of cells that are repeated until they are decided: their verdicts as they would be published now.

Put here when to look, and how many verdicts are still open then. Keep out how verdicts are made
(`assets.analysis.verdicts.pairwise`) and what ends a cell (`resources.lab.lab`).
"""

from collections.abc import Mapping
from pathlib import Path
from shutil import copytree
from tempfile import TemporaryDirectory

from assets.analysis.outcomes import reconcile
from assets.analysis.statistics.sequential import FIRST_LOOK, interim_looks
from assets.analysis.verdicts.pairwise import pairwise
from resources.lab.cell import Cell, Contender
from resources.warehouse.current import connect_current
from resources.warehouse.observations import Tables
from resources.warehouse.outcomes import write_outcomes
from workloads.places import Places
from workloads.scratch import scratch


def open_verdicts(
    observed: Mapping[Contender, Tables],
    cell: Cell,
    *,
    repetition: int,
    max_repetitions: int,
    home: Places | None = None,
) -> int | None:
    """Count the verdicts on a cell that more repetitions may decide: the lab's `resources.lab.lab.StoppingRule`.

    Those that no reasonable number of repetitions would decide do not count, or every cell would go on for their sake;
    nor do those that decide nothing on this target, however many repetitions there are.

    Args:
        observed: the raw tables so far, by contender.
        cell: the one that is repeated.
        repetition: how many repetitions there are.
        max_repetitions: how many there may be.
        home: where the target's conformance and the user's own scenarios are; None where there are none.

    Returns:
        The count at an interim look; None between looks.
    """
    if repetition not in dict(interim_looks(FIRST_LOOK, max(max_repetitions, FIRST_LOOK))):
        return None
    with scratch(home.temporary) if home is not None else TemporaryDirectory() as folder:
        places = Places(Path(folder))
        for contender, tables in observed.items():
            comparison_id = tables["experiments"].column("comparison_id")[0].as_py()
            write_outcomes(places, comparison_id, str(cell), contender.partition, reconcile(tables, Path(folder)))
        if home is not None and home.conformance.is_dir():
            copytree(home.conformance, places.conformance)
        with connect_current(places) as connection:
            verdicts = pairwise(connection, comparison_id, home).to_pylist()
    main = [row for row in verdicts if row["arm"] == "main" and row["not_shown_here"] is None]
    return len([row for row in main if row["pairs_needed"] is not None])
