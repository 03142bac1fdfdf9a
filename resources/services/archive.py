"""Zips for Lambda: the same files give the same bytes, so that their digest identifies the code.

Put here packing and unpacking. Keep out which files are deployed (`resources.architectures.packaging`).
"""

import io
import zipfile
from collections.abc import Mapping

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest date a zip can hold


def zipped(files: Mapping[str, bytes]) -> bytes:
    """A zip of files by their names: sorted, without time stamps, with fixed permissions."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, files[name])
    return buffer.getvalue()


def unzipped(archive: bytes) -> dict[str, bytes]:
    """The files of such a zip."""
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return {name: opened.read(name) for name in opened.namelist()}
