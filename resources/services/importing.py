"""Whether a service's handler can be imported: asked of a process of its own, before an emulator is started for it.

Put here that question and the answers to it. Keep out what the handler does when it is called
(`resources.services.trial`).
"""

import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from resources.aws.clients import FOR_HANDLERS
from resources.machine.environment import passed_on
from resources.machine.leash import run_leashed
from resources.services.model import Deployable
from workloads.errors import ArchduelError
from workloads.scratch import scratch

LIMIT_S = 10.0  # Lambda's own, for all that is done before the first call
_MAX_CHARACTERS = 2_000
_IMPORTED = "archduel-imported"
# The handler's own code decides what happens here: what it prints comes before the mark.
_PROGRAM = """
import importlib, os, sys
folder, module, function, *variables = sys.argv[1:]
sys.path.insert(0, folder)
os.chdir(folder)
os.environ.update(one.split("=", 1) for one in variables)
found = getattr(importlib.import_module(module), function)
print("archduel-imported" if callable(found) else f"{function} is not callable", flush=True)
"""

Run = Callable[[Sequence[str]], tuple[int, str]]


def _run(arguments: Sequence[str]) -> tuple[int, str]:
    # It is the handler's code that runs: what of the user's a handler on an emulator does not get, it gets neither.
    return run_leashed(arguments, timeout_s=LIMIT_S, environment={**passed_on(), **FOR_HANDLERS})


def check_import(deployable: Deployable, temporary: Path, run: Run = _run) -> None:
    """Import a service's handler, as a cold start does.

    Args:
        deployable: The service.
        temporary: Where folders are that are needed only now: `workloads.places.Places` has it.
        run: Runs a program; returns its exit code, -1 where it did not end in time, and its output.

    Raises:
        ArchduelError: It cannot be imported; the message has the end of its own traceback.
    """
    service = deployable.service
    module, _, function = service.handler.rpartition(".")
    variables = service.variables({table.name: table.name for table in service.tables})
    with scratch(temporary) as folder:
        for name, content in deployable.code.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        pairs = [f"{name}={value}" for name, value in variables.items()]
        code, output = run(
            [sys.executable, "-P", "-c", _PROGRAM, str(folder), module.replace("/", "."), function, *pairs]
        )
    if code == 0 and output.rstrip().endswith(_IMPORTED):
        return
    if code == -1:
        why = f"did not end within {LIMIT_S:.0f} s: Lambda would give up as well"
    else:
        last = re.sub(r"\s+", " ", output.strip()[-_MAX_CHARACTERS:]) or "it said nothing"
        why = f"failed{f' with exit code {code}' if code else ''}: {last}"
    raise ArchduelError(f"{service.name}: importing {service.handler} {why}")
