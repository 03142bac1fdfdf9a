"""Which architectures are meant where some are named, or none.

Put here the registry's choices. Keep out what an architecture is made of (`tests.unit.test_template`) and how it
behaves (`tests.conformance.test_architectures`).
"""

from typing import cast

import pytest

from resources.architectures import ALL, architectures, chosen_architectures
from resources.architectures.template import template_of_service
from resources.lab.settings import LabSettings
from resources.services.model import Deployable
from workloads.errors import UsageError

BASIC = ("synchronous", "event_driven", "hybrid")


@pytest.mark.parametrize(
    ("named", "meant"),
    [
        ((), BASIC),
        (("hybrid", "synchronous"), ("synchronous", "hybrid")),
        ((ALL,), tuple(architectures())),
        (("hybrid", ALL), tuple(architectures())),
    ],
)
def test_none_named_means_the_basic_ones_and_all_means_all(named: tuple[str, ...], meant: tuple[str, ...]) -> None:
    assert chosen_architectures(named) == meant


def test_whose_queue_has_groups_takes_no_routes_but_the_labs() -> None:
    settings = LabSettings(routes="recorded")
    with pytest.raises(UsageError, match="fifo needs the lab's own routes"):
        settings.contenders(["hybrid", "fifo"])
    assert settings.contenders(["hybrid"])
    with pytest.raises(UsageError, match="fifo needs the lab's own routes"):
        template_of_service(architectures()["fifo"], cast("Deployable", None))


def test_an_unknown_name_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(UsageError, match="unknown architecture 'hibrid': did you mean hybrid"):
        chosen_architectures(("hibrid",))
