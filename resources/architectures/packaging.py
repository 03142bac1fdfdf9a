"""Packaging the handlers for Lambda: the same sources give the same bytes, so that a code version means something."""

import base64
import hashlib
import io
import zipfile
from pathlib import Path

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest date a zip can hold
_HANDLERS = Path(__file__).parent / "handlers"


def package(*modules: Path) -> bytes:
    """A deployable zip of ``modules``, of all handlers when none is given.

    Deterministic: sorted by name, no time stamps, fixed permissions.
    """
    chosen = modules or [path for path in _HANDLERS.glob("*.py") if path.name != "__init__.py"]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for module in sorted(chosen, key=lambda path: path.name):
            entry = zipfile.ZipInfo(module.name, _EPOCH)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, module.read_bytes())
    return buffer.getvalue()


def code_digest() -> str:
    """What Lambda says of a function with the code of all handlers: ``CodeSha256``."""
    return base64.b64encode(hashlib.sha256(package()).digest()).decode()
