"""A browser, and one UI of a fresh home for all tests in this folder.

Put fixtures here. Keep out how UI and browser are started, and what is done there (`tests/ui/driving.py`).
"""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.ui.driving import NIGHTS, Ui, chromium_of, serving
from workloads.places import Places


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    with chromium_of() as found:
        yield found


@pytest.fixture(scope="session")
def ui(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ui]:
    places = Places(tmp_path_factory.mktemp("ui"))
    places.nights.write_text(NIGHTS)
    with serving(browser, places) as found:
        yield found
