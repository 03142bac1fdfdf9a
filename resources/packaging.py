"""Packaging the handlers for Lambda: the same sources give the same bytes, so that a code version means something."""

import io
import zipfile
from pathlib import Path

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest date a zip can hold


def package(module: Path = Path(__file__).parent / "handlers" / "orders.py") -> bytes:
    """A deployable zip of one handler module. Deterministic: no time stamps, fixed permissions."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        entry = zipfile.ZipInfo(module.name, _EPOCH)
        entry.external_attr = 0o644 << 16
        entry.compress_type = zipfile.ZIP_DEFLATED
        archive.writestr(entry, module.read_bytes())
    return buffer.getvalue()
