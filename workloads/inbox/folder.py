"""A folder as an inbox.

Put here how files of a folder are listed and opened. Keep out an object store as an inbox (`resources.object_store`).
Links are not followed: they may lead anywhere, and in circles.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from workloads.errors import ArchduelError
from workloads.importers.files.reading import Readable
from workloads.inbox import VARIABLE, Entry
from workloads.inbox.names import is_traffic, mapping_names


class FolderInbox:
    """Every file below a folder, subfolders included, hidden ones apart."""

    object_store = None

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def entries(self) -> Iterator[Entry]:
        """See `Inbox.entries`."""
        if not self.folder.is_dir():
            raise ArchduelError(f"{VARIABLE} names {self.folder}, which is no folder: make it, or name another")
        yield from self._below(str(self.folder), "")

    def _below(self, folder: str, prefix: str) -> Iterator[Entry]:
        try:
            with os.scandir(folder) as found:
                children = sorted(found, key=lambda child: child.name)
        except FileNotFoundError:
            return
        except OSError as error:
            if not prefix:
                raise ArchduelError(f"{folder} cannot be read: {error.strerror}") from None
            reason = f"cannot be read: {error.strerror}"
            yield Entry(_printable_path(folder), prefix, 0, "unreadable folder", refusal=reason)
            return
        for child in children:
            name = prefix + child.name
            if not is_traffic(name):
                continue
            if child.is_dir(follow_symlinks=False):
                yield from self._below(child.path, f"{name}/")
                continue
            try:
                yield _entry(child.path, name, child.stat(follow_symlinks=False))
            except FileNotFoundError:
                continue

    def entry(self, address: str) -> Entry:
        """See `Inbox.entry`."""
        path = Path(address)
        return _entry(address, path.relative_to(self.folder).as_posix(), path.lstat())

    @contextmanager
    def open(self, address: str, offset: int) -> Iterator[Readable]:
        """See `Inbox.open`."""
        # Refuses a link and does not wait for a pipe that took the file's place since it was listed.
        handle = os.open(address, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with open(handle, "rb", buffering=0) as file:  # noqa: PTH123 - `Path.open` takes no handle
            file.seek(offset)
            yield file

    def mapping(self, entry: Entry, folder: Path) -> Path | None:  # noqa: ARG002 - nothing has to be fetched
        """See `Inbox.mapping`."""
        for name in mapping_names(entry.name):
            with suppress(OSError):  # a long name has no room for an ending
                if (self.folder / name).is_file():
                    return self.folder / name
        return None


def _entry(path: str, name: str, status: os.stat_result) -> Entry:
    return Entry(
        address=_printable_path(path),
        name=name,
        size=status.st_size,
        signature=f"{status.st_size}:{status.st_mtime_ns}:{status.st_ctime_ns}:{status.st_ino}",
        modified=status.st_mtime,
        refusal=_refusal(path, status),
    )


def _refusal(path: str, status: os.stat_result) -> str | None:
    if stat.S_ISLNK(status.st_mode):
        return "a link: put the file itself into the inbox"
    if not stat.S_ISREG(status.st_mode):
        return "a pipe or a device, not a file"
    if _printable_path(path) != path:
        return "its name is not UTF-8: rename it"
    return None


def _printable_path(path: str) -> str:
    """A path as text: bytes that are not UTF-8 become escape sequences."""
    return path.encode(errors="surrogateescape").decode(errors="backslashreplace")
