"""Targets as tests open them, and the cases a suite over targets has.

Put here which targets a test can start, and with which options. Keep out assertions.
"""

import sys
from collections.abc import Collection, Iterable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from functools import cache
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet

from resources.aws.clients import FOR_HANDLERS
from resources.machine.environment import passed_on
from resources.machine.leash import LOOPBACK, LeashedProcess, free_port
from resources.progress import Silent
from resources.targets import DEFAULT_TARGET, Platform, ministack, open_target, targets
from resources.targets.environments import find_python, this_machine
from resources.targets.local import DIRECT
from resources.targets.localstack import DISTRIBUTION
from resources.targets.localstack import TARGET as LOCALSTACK
from tests.waiting import until
from workloads.errors import ArchduelError
from workloads.places import Places

# MiniStack as archduel mends it, but without its check of a key.
_MENDED = "from resources.emulators import ministack as mended; mended.mend(); mended.ministack.main()"

# Those that take no options can be started. What takes long on another than the default one is for `make test-long`.
STARTABLE = [name for name, target in targets().items() if not target.options]


@cache
def missing(target: str) -> str:
    """Why a target cannot be started on this machine; nothing where it can."""
    if target != LOCALSTACK.name:
        return ""
    machine = this_machine()
    try:
        find_python(DISTRIBUTION, machine.which("uv") or "uv", machine)
    except ArchduelError as error:
        return str(error)
    return ""


def platform(folder: Path, target: str = DEFAULT_TARGET) -> Platform:
    """A target without options; ``folder`` is the home it is installed into and logs to."""
    return open_target(target, Places(folder), {}, Silent())


@contextmanager
def somebodys(folder: Path, *program: str, **settings: str) -> Iterator[str]:
    """The URL of a MiniStack that takes requests without a key, as one does that archduel did not start.

    Args:
        folder: Where it logs to.
        program: Arguments of Python, instead of those that start MiniStack as it is.
        settings: Variables of its environment.
    """
    port = free_port()
    url = f"http://{LOOPBACK}:{port}"
    environment = {**passed_on(), **FOR_HANDLERS, "TMPDIR": str(folder)}
    process = LeashedProcess(
        [sys.executable, *(program or ("-m", "ministack"))],
        environment={**environment, **ministack._settings(port, 40), **settings},
        log=folder / f"somebodys-{port}.log",
    )

    def answers() -> bool:
        assert process.alive, process.death()
        try:
            with DIRECT.open(url + ministack._HEALTH, timeout=1):
                return True
        except OSError:
            return False

    with closing(process):
        assert until(answers, 30)
        yield url


def checking_permissions(folder: Path) -> AbstractContextManager[str]:
    """The URL of a MiniStack that checks permissions, as AWS does; it logs to ``folder``."""
    return somebodys(folder, "-c", _MENDED, AUTH="true")


def slowed(target: str) -> float:
    """How many times as slowly as on the default target a replay is played on another, which takes less."""
    return 1.0 if target == DEFAULT_TARGET else 4.0


def on_every_target(
    others: Iterable[str] = ("",), *, quick: str | None = None, seldom: Collection[str] = ()
) -> list[ParameterSet]:
    """A case for each target and each of ``others``: a pair of their names.

    On another target than the default one all take long, but for the ``quick`` one of the others; on the default one
    those of ``seldom``. Skipped, and why, where this machine lacks what the target needs.
    """

    def is_long(target: str, other: str) -> bool:
        return other in seldom if target == DEFAULT_TARGET else other != quick

    return [
        pytest.param(
            (target, other),
            id="-".join(filter(None, (target, other))),
            marks=[
                *([pytest.mark.long] if is_long(target, other) else []),
                *([pytest.mark.skip(reason=why)] if (why := missing(target)) else []),
            ],
        )
        for target in STARTABLE
        for other in others
    ]
