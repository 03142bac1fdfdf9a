"""Chromium without a window, told what to do over a pipe: a page at a given width, dark or printed.

Put here how a page is shown and what its browser says about it. Keep out what must be true of a page
(`tests/calibration/test_report_browser.py`).
"""

import base64
import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

NO_CHROMIUM = "no Chromium on this machine (Debian's package: chromium)"
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_PATIENCE_S = 30.0
_AS_3_AND_4 = (
    "import os, sys; read, write, *command = sys.argv[1:];"
    " os.dup2(int(read), 3); os.dup2(int(write), 4); os.execv(command[0], command)"
)


def chromium() -> str:
    """The path of the browser; a test that asks where there is none is skipped."""
    for name in _NAMES:
        if found := shutil.which(name):
            return found
    pytest.skip(NO_CHROMIUM)


class Tab:
    """One page in a browser: what it shows, what it says, what it asks for.

    Attributes:
        said: Everything on its console, and every exception of its scripts.
        asked: The addresses it asked for, its own among them.
    """

    def __init__(self, write: int, read: int) -> None:
        self.said: list[str] = []
        self.asked: list[str] = []
        self._write, self._read = write, read
        self._left = b""
        self._number = 0
        self._session: str | None = None
        self._loaded = False
        target = self._send("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._send(f"{domain}.enable")

    def show(self, path: Path, *, width: int, height: int = 900, dark: bool = False) -> None:
        """Load a file at a width and a height in pixels."""
        self._send(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._send("Emulation.setEmulatedMedia", features=[scheme])
        self.said.clear()
        self.asked.clear()
        self._loaded = False
        self._send("Page.navigate", url=path.as_uri())
        while not self._loaded:
            self._next()

    def value(self, expression: str) -> Any:
        """What an expression gives in the page; a promise is waited for."""
        answer = self._send("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise AssertionError(answer["exceptionDetails"])
        return answer["result"].get("value")

    def picture(self, path: Path, *, whole: bool = False) -> None:
        """What is in view, or the whole page, as a PNG."""
        shot = self._send("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(shot["data"]))

    def paper(self) -> bytes:
        """The page printed on A4, as a PDF."""
        margins = dict.fromkeys(("marginTop", "marginBottom", "marginLeft", "marginRight"), 0.4)
        printed = self._send("Page.printToPDF", paperWidth=8.27, paperHeight=11.69, printBackground=False, **margins)
        return base64.b64decode(printed["data"])

    def _send(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        number = self._number
        message: dict[str, Any] = {"id": number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == number:
                if "error" in answer:
                    raise AssertionError(f"{method}: {answer['error']}")
                result: dict[str, Any] = answer["result"]
                return result

    def _next(self) -> Mapping[str, Any]:
        """The browser's next message, noted where it is an event."""
        while b"\0" not in self._left:
            got = os.read(self._read, 1 << 20)
            if not got:
                raise AssertionError("the browser has ended")
            self._left += got
        raw, _, self._left = self._left.partition(b"\0")
        message: Mapping[str, Any] = json.loads(raw)
        about = message.get("params", {})
        match message.get("method"):
            case "Page.loadEventFired":
                self._loaded = True
            case "Runtime.consoleAPICalled":
                self.said.append(" ".join(str(one.get("value", one)) for one in about["args"]))
            case "Runtime.exceptionThrown":
                self.said.append(str(about["exceptionDetails"]))
            case "Log.entryAdded":
                self.said.append(about["entry"]["text"])
            case "Network.requestWillBeSent":
                self.asked.append(about["request"]["url"])
        return message


@contextlib.contextmanager
def browser(folder: Path) -> Iterator[Tab]:
    """A browser with one page, whose profile is in ``folder``."""
    command = [
        chromium(),
        "--headless=new",
        "--remote-debugging-pipe",
        "--no-sandbox",  # containers, as root: what it shows is a page of this project's
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        "--no-first-run",
        f"--user-data-dir={folder}",
        "about:blank",
    ]
    # The browser reads its descriptor 3 and writes its descriptor 4.
    told_read, told_write = os.pipe()
    says_read, says_write = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-c", _AS_3_AND_4, str(told_read), str(says_write), *command],
        pass_fds=(told_read, says_write),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(told_read)
    os.close(says_write)
    try:
        yield Tab(told_write, says_read)
    finally:
        os.close(told_write)
        process.terminate()
        process.wait(_PATIENCE_S)
        os.close(says_read)
