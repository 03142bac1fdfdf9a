"""Whether a service's handler can be imported: asked of a process of its own, before an emulator is started for it.

Put here that question and the answers to it. Keep out what the handler does when it is called
(`resources.services.trial`).
"""

import re
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from resources.aws.clients import FOR_HANDLERS
from resources.machine.environment import passed_on
from resources.machine.isolation import isolated
from resources.machine.leash import run_leashed
from resources.services.model import Deployable, Function
from workloads.errors import ArchduelError
from workloads.scratch import scratch

LIMIT_S = 10.0  # Lambda's own, for all that is done before the first call
_MAX_CHARACTERS = 2_000
_IMPORTED = "archduel-imported"
# The handler's own code decides what happens here: what it prints comes before the mark, and what it started does not
# hold it up.
_PYTHON = f"""
import importlib, os, sys
folder, module, function, *variables = sys.argv[1:]
sys.path.insert(0, folder)
os.chdir(folder)
os.environ.update(one.split("=", 1) for one in variables)
found = getattr(importlib.import_module(module.replace("/", ".")), function)
print("{_IMPORTED}" if callable(found) else f"{{function}} is not callable", flush=True)
os._exit(0)
"""
_NODE = f"""
import {{ existsSync, writeSync }} from "node:fs";
const [folder, module, name, ...variables] = process.argv.slice(1);
process.chdir(folder);
for (const one of variables) process.env[one.slice(0, one.indexOf("="))] = one.slice(one.indexOf("=") + 1);
const path = `${{folder}}/${{module}}`;
const found = await import([".js", ".mjs", ".cjs"].map((ending) => path + ending).find(existsSync) ?? path);
const handler = found[name] ?? found.default?.[name];
writeSync(1, typeof handler === "function" ? "\\n{_IMPORTED}\\n" : `${{name}} is no function\\n`);
process.exit(0);
"""
# No more is written to this disk than Lambda has room for, which it has for files only.
_BOUNDED = ("/bin/sh", "-c", 'ulimit -f 1048576; exec "$@"', "import")
_LACKS_SDK = "'@aws-sdk/"

Run = Callable[[Sequence[str]], tuple[int, str]]


def _run(arguments: Sequence[str]) -> tuple[int, str]:
    # It is the handler's code that runs: what of the user's a handler on an emulator does not get, it gets neither.
    return run_leashed(arguments, timeout_s=LIMIT_S, environment={**passed_on(), **FOR_HANDLERS})


def check_import(
    deployable: Deployable, temporary: Path, run: Run = _run, *, isolated_from: Path | None = None
) -> None:
    """Import a service's handlers, each as a cold start does.

    Args:
        deployable: The service.
        temporary: Where folders are that are needed only now: `workloads.places.Places` has it.
        run: Runs a program; returns its exit code, -1 where it did not end in time, and its output.
        isolated_from: Archduel's home, from which, as from all of the user's, the handlers are kept
            (`resources.machine.isolation`); None: they are not.

    Raises:
        UsageError: They cannot be isolated here.
        ArchduelError: One cannot be imported; the message has the end of its own traceback.
    """
    for part in deployable.service.parts:
        _check(deployable, part, temporary, run, isolated_from)


def _check(deployable: Deployable, part: Function, temporary: Path, run: Run, home: Path | None) -> None:
    variables = part.variables({table.name: table.name for table in deployable.service.tables})
    node = shutil.which("node") if part.node else None
    if part.node and node is None:
        raise ArchduelError(
            f"{part.name}: {part.runtime} needs Node, and there is no program node on this machine: install it, as with"
            " apt-get install nodejs"
        )
    program = [node, "--input-type=module", "-e", _NODE] if node else [sys.executable, "-P", "-c", _PYTHON]
    with scratch(temporary) as folder:
        for name, content in deployable.code[part.name].items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        pairs = [f"{name}={value}" for name, value in variables.items()]
        function = part.handler.rpartition(".")[2]
        arguments = [*_BOUNDED, *program, str(folder), part.module, function, *pairs]
        code, output = run(arguments if home is None else isolated(arguments, folder, home))
    if code == 0 and output.rstrip().endswith(_IMPORTED):
        return
    if code == -1:
        why = f"did not end within {LIMIT_S:.0f} s: Lambda would give up as well"
    else:
        last = re.sub(r"\s+", " ", output.strip()[-_MAX_CHARACTERS:]) or "it said nothing"
        why = f"failed{f' with exit code {code}' if code else ''}: {last}"
    if part.node and _LACKS_SDK in why:
        why += ". Lambda brings this SDK and this machine does not: install it into the code's folder, with npm install"
    raise ArchduelError(f"{part.name}: importing {part.handler} {why}")
