"""How cells and contenders are named, in words and in folders."""

import pytest

from resources.lab.cell import Cell, Contender
from workloads.errors import ArchduelError


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("food_orders__steady", Cell("food_orders", "steady")),
        ("food_orders__steady__other", Cell("food_orders", "steady", "other")),
    ],
)
def test_a_cell_names_its_target_only_where_that_is_not_the_default(name: str, cell: Cell) -> None:
    assert Cell.parse(name) == cell
    assert str(cell) == name


@pytest.mark.parametrize("name", ["steady", "a__b__c__d"])
def test_what_is_no_cell_is_refused(name: str) -> None:
    with pytest.raises(ArchduelError, match="is no cell: a cell is WORKLOAD__SCENARIO__\\[TARGET\\]"):
        Cell.parse(name)


@pytest.mark.parametrize(
    ("contender", "partition", "words"),
    [
        (Contender("hybrid", "idempotent"), "hybrid~idempotent", "hybrid"),
        (Contender("hybrid", "naive"), "hybrid~naive", "hybrid (naive)"),
        (Contender("hybrid", "idempotent", "aa"), "hybrid~idempotent~aa", "hybrid (once more)"),
        (Contender("hybrid", "naive", "aa"), "hybrid~naive~aa", "hybrid (naive, once more)"),
    ],
)
def test_a_contender_has_a_folder_and_a_name_of_its_own(contender: Contender, partition: str, words: str) -> None:
    assert (contender.partition, str(contender)) == (partition, words)
