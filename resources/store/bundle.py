"""A folder as one file, and back: names, contents and times of writing, to the nanosecond.

Put here how a folder is packed. Keep out which folders are (`resources.warehouse.shared`).
"""

import os
import tarfile
from pathlib import Path

from workloads.errors import ArchduelError

SUFFIX = ".tar"
_WRITTEN = "ARCHDUEL.mtime_ns"


def files_of(folder: Path) -> list[Path]:
    """The files of a folder that are packed: all but hidden ones. There are no folders in it."""
    return sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))


def pack(folder: Path, file: Path) -> None:
    """Write the files of ``folder`` as one file, without compressing them: they are compressed already."""
    with tarfile.open(file, "w", format=tarfile.PAX_FORMAT) as tar:
        for path in files_of(folder):
            status = path.stat()
            entry = tarfile.TarInfo(path.name)
            entry.size, entry.pax_headers = status.st_size, {_WRITTEN: str(status.st_mtime_ns)}
            with path.open("rb") as content:
                tar.addfile(entry, content)


def unpack(file: Path, folder: Path) -> None:
    """Write what was packed into ``folder``, which exists.

    Raises:
        ArchduelError: The file is damaged, or names something outside the folder.
    """
    try:
        with tarfile.open(file, "r:") as tar:
            for entry in tar:
                if not entry.isfile() or Path(entry.name).name != entry.name or entry.name in {"", ".", ".."}:
                    raise ArchduelError(f"{file.name} is damaged: {entry.name!r} is no file of a bundle")
                content = tar.extractfile(entry)
                assert content is not None  # noqa: S101 - it is a file
                path = folder / entry.name
                with path.open("wb") as target:
                    while part := content.read(1 << 20):
                        target.write(part)
                written_ns = int(entry.pax_headers[_WRITTEN])
                os.utime(path, ns=(written_ns, written_ns))
    except (tarfile.TarError, KeyError, ValueError, EOFError) as error:
        raise ArchduelError(f"{file.name} is damaged: {error}") from None
