"""What of the suite is for every change: all of it on the default target, of another what takes no whole replay."""

import pytest

from resources.targets import DEFAULT_TARGET


@pytest.hookimpl(tryfirst=True)  # before pytest deselects by marker
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        case = (
            item.callspec.params.get("case")
            if isinstance(item, pytest.Function) and hasattr(item, "callspec")
            else None
        )
        if isinstance(case, tuple) and case[0] != DEFAULT_TARGET and item.get_closest_marker("whole_replay"):
            item.add_marker(pytest.mark.long)
