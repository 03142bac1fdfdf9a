"""The pictures in the pages, made anew: ``python -m tests.ui.screenshots``, or `make screenshots`.

Put here which pictures there are. Keep out how UI and browser are started (`tests/ui/driving.py`).
"""

import tempfile
from pathlib import Path

from tests.ui.driving import NIGHTS, chromium_of, serving
from workloads.places import REPOSITORY, Places

PICTURES = REPOSITORY / "docs" / "pictures"


def main() -> None:
    """Make every picture of Dagster's UI."""
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="archduel-") as folder, chromium_of() as browser:
        places = Places(Path(folder))
        places.nights.write_text(NIGHTS)
        with serving(browser, places) as ui:
            page = ui.open("/locations/archduel/asset-groups/comparison/lineage")
            page.get_by_text("recommendations", exact=True).first.wait_for()
            page.wait_for_timeout(2000)  # it is drawn from small to large
            page.screenshot(path=str(PICTURES / "comparison.png"))
            page = ui.open("/assets/hybrid/api")
            page.get_by_text("[Show Markdown]").first.click()
            page.get_by_alt_text("the way of requests").wait_for()
            page.wait_for_timeout(500)
            page.screenshot(path=str(PICTURES / "way_of_requests.png"))


if __name__ == "__main__":
    main()
