"""Dagster's UI of a fresh home in Debian's Chromium, driven by Playwright.

Put here how UI and browser are started, and what is done there in several tests. Keep out what must be true
(`tests/ui/test_dagster_ui.py`) and which pictures are made (`tests/ui/screenshots.py`).
"""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import dagster as dg
import pytest

from resources.machine.leash import free_port
from resources.targets.local import DIRECT
from tests.browser import chromium
from tests.waiting import until
from workloads.places import REPOSITORY, Places

PATIENCE_S = 240.0  # of a busy machine
NIGHTS = """
targets = ["simulated"]
architectures = ["synchronous"]
repetitions = 2
[[cells]]
scenarios = ["steady"]
"""


@dataclass
class Ui:
    """The UI in a tab.

    Attributes:
        page: Playwright's page.
        address: Where the UI is.
        places: The home it is of.
        said: Errors on the browser's console, and exceptions of scripts.
        hosts: Every host that was asked for anything.
    """

    page: Any
    address: str
    places: Places
    said: list[str] = field(default_factory=list)
    hosts: set[str] = field(default_factory=set)

    def open(self, path: str) -> Any:
        """Go to a path; returns the page."""
        self.page.goto(self.address + path)
        return self.page

    def launch(self, job: str, partition: str, config: str) -> str:
        """Launch a run from the launchpad with a configuration; returns its id."""
        page = self.open(f"/locations/archduel/jobs/{job}/playground")
        editor = page.locator(".CodeMirror").first
        editor.wait_for()
        self._choose_partition(partition)
        page.get_by_text(f"partition: {partition}").first.wait_for()
        editor.click()
        page.keyboard.press("Control+a")
        page.keyboard.insert_text(config)
        page.get_by_text("No errors").first.wait_for()
        page.get_by_text("Launch Run", exact=True).click()
        page.wait_for_url(re.compile("/runs/[0-9a-f-]{36}"))
        return str(page.url.rpartition("/")[2])

    def _choose_partition(self, partition: str) -> None:
        """Instead of what was launched last. What is typed before the page knows its partitions opens no menu."""
        field = self.page.get_by_placeholder("Partition")
        menu = self.page.get_by_role("menuitem").or_(self.page.locator("[role=option], .bp5-menu-item")).first

        def opened() -> bool:
            field.click()
            field.fill("")
            field.fill(partition)
            self.page.wait_for_timeout(2000)
            return bool(menu.is_visible())

        assert until(opened, PATIENCE_S), f"no partition {partition} is offered"
        self.page.keyboard.press("Enter")

    def terminate(self) -> None:
        """End the run whose page is open, by its button."""
        self.page.get_by_role("button", name="Terminate").click()
        self.page.get_by_role("button", name=re.compile("(T|Force t)erminat(e|ion).* 1 run")).click()

    def status(self, run_id: str) -> dg.DagsterRunStatus | None:
        """What Dagster has of a run."""
        with dg.DagsterInstance.from_config(str(self.places.dagster)) as instance:
            run = instance.get_run_by_id(run_id)
            return run.status if run else None

    def has_begun(self, run_id: str, node: str) -> bool:
        """Whether a run has begun with a node: of its log, the page has no more than fits."""
        with dg.DagsterInstance.from_config(str(self.places.dagster)) as instance:
            begun = instance.all_logs(run_id, of_type=dg.DagsterEventType.STEP_START)
        return any(str(entry.step_key).endswith(node) for entry in begun)

    def wait_for(self, run_id: str, *wanted: dg.DagsterRunStatus) -> None:
        """Wait until a run has one of these statuses."""
        seen: list[Any] = []

        def there() -> bool:
            seen.append(self.status(run_id))
            return seen[-1] in wanted

        assert until(there, PATIENCE_S), f"{seen[-1]} instead of {wanted}"


@contextmanager
def chromium_of() -> Iterator[Any]:
    """Debian's Chromium, told what to do by Playwright; a test that asks where one is missing is skipped."""
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed: make test-browser")
    with playwright.sync_playwright() as tools:
        # As root, in a container, Chromium has no sandbox of its own.
        found = tools.chromium.launch(executable_path=chromium(), args=["--no-sandbox"] if os.geteuid() == 0 else [])
        yield found
        found.close()


@contextmanager
def serving(browser: Any, places: Places) -> Iterator[Ui]:
    """`archduel dev` of a home, opened in a tab; ended as by Ctrl-C."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    places.home.mkdir(parents=True, exist_ok=True)
    log = places.home / "dev.log"
    with log.open("wb") as output:
        dev = subprocess.Popen(
            [sys.executable, "-m", "orchestration.commands.main", "dev", "--port", str(port)],
            env={**os.environ, "ARCHDUEL_HOME": str(places.home)},
            cwd=REPOSITORY,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        assert until(lambda: _answers(address), PATIENCE_S), log.read_text()
        yield _tab(browser, address, places)
    finally:
        dev.send_signal(signal.SIGINT)
        try:
            dev.wait(60)
        finally:
            dev.kill()


def _answers(address: str) -> bool:
    try:
        with DIRECT.open(f"{address}/server_info", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _tab(browser: Any, address: str, places: Places) -> Ui:
    page = browser.new_page(viewport={"width": 1500, "height": 950})
    page.set_default_timeout(PATIENCE_S * 1000)
    found = Ui(page, address, places)
    page.on("console", lambda message: found.said.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: found.said.append(str(error)))
    page.on("request", lambda request: found.hosts.add(_host(request.url)))
    return found


def _host(url: str) -> str:
    return url.split("/")[2] if "://" in url else url.partition(":")[0]
