"""The handlers packaged for Lambda: the same sources give the same bytes, so that their digest identifies the code.

Put here the zip and its digest. Keep out the function it is deployed to (`resources.architectures.parts.function`).
"""

import base64
import hashlib
import io
import zipfile
from pathlib import Path

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest date a zip can hold
_HANDLERS = Path(__file__).parent / "handlers"


def package(*modules: Path) -> bytes:
    """A deployable zip of ``modules``, or of all handlers where none is given.

    It is deterministic: sorted by name, without time stamps, with fixed permissions.
    """
    paths = modules or [path for path in _HANDLERS.glob("*.py") if path.name != "__init__.py"]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for module in sorted(paths, key=lambda path: path.name):
            entry = zipfile.ZipInfo(module.name, _EPOCH)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, module.read_bytes())
    return buffer.getvalue()


def code_digest() -> str:
    """The ``CodeSha256`` that Lambda reports for a function with the code of all handlers."""
    return base64.b64encode(hashlib.sha256(package()).digest()).decode()
