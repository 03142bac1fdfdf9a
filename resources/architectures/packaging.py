"""The handlers packaged for Lambda: the same sources give the same bytes, so that their digest identifies the code.

Put here which files are deployed, and their digest. Keep out the function they are deployed to
(`resources.architectures.parts.function`) and the zip (`resources.services.archive`).
"""

import base64
import hashlib
from collections.abc import Mapping
from pathlib import Path

from resources.services.archive import zipped

_HANDLERS = Path(__file__).parent / "handlers"
_OF_A_SERVICE = ("adapter.py", "adapter.mjs")  # deployed beside the user's own code only: of Python, of Node
_PREFIX = "archduel_"  # of the handlers' names beside the user's own code


def _modules() -> list[Path]:
    return sorted(path for path in _HANDLERS.glob("*.py") if path.name not in ("__init__.py", *_OF_A_SERVICE))


def package(*modules: Path) -> bytes:
    """A deployable zip of ``modules``, or of all handlers of the lab's own backend where none is given.

    It is deterministic: sorted by name, without time stamps, with fixed permissions.
    """
    return zipped({module.name: module.read_bytes() for module in modules or _modules()})


def package_with(code: Mapping[str, bytes], *, node: bool = False) -> bytes:
    """A deployable zip of a service's own code, with what calls it beside it: in Node, or in Python."""
    python, javascript = (_HANDLERS / name for name in _OF_A_SERVICE)
    own = [javascript] if node else [*_modules(), python]
    return zipped({**code, **{f"{_PREFIX}{module.name}": module.read_bytes() for module in own}})


def code_digest(archive: bytes | None = None) -> str:
    """The ``CodeSha256`` that Lambda reports for a function with this code, or with that of all handlers."""
    return base64.b64encode(hashlib.sha256(package() if archive is None else archive).digest()).decode()
