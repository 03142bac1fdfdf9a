"""A store in a folder that all machines see, such as a network file system.

Put here objects as files. Keep out what is in them (`resources.warehouse.shared`).
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import filelock

from resources.store.objects import ChangedError
from workloads.atomic import replacing
from workloads.errors import ArchduelError

_LOCK = ".lock"


class FolderObjects:
    """Objects as files of their keys' names. Conditional writes hold a lock, which the file system has to support.

    Args:
        folder: Where they are; it exists.

    Raises:
        ArchduelError: There is no such folder.
    """

    def __init__(self, folder: Path) -> None:
        self.where = str(folder)
        self._folder = folder
        self._check()

    def _check(self) -> None:
        if not self._folder.is_dir():  # made here, an unmounted one would look like an empty store
            raise ArchduelError(f"the store {self.where} is not there: make or mount the folder")

    def tags(self) -> dict[str, str]:
        """See `Objects.tags`."""
        with self._explained("."):
            self._check()
            found = {}
            for path in self._folder.rglob("[!.]*"):
                with suppress(FileNotFoundError):  # deleted meanwhile
                    if path.is_file():
                        found[path.relative_to(self._folder).as_posix()] = _tag(path)
            return found

    def get(self, key: str, file: Path) -> str:
        """See `Objects.get`."""
        with self._explained(key), (self._folder / key).open("rb") as source:  # renamed over, it stays what it was
            tag = _tag(source.fileno())
            with file.open("wb") as target:
                shutil.copyfileobj(source, target)
            return tag

    def put(self, key: str, file: Path) -> str:
        """See `Objects.put`."""
        with self._explained(key):
            self._check()
            return self._put(key, file)

    def _put(self, key: str, file: Path) -> str:
        with replacing(self._folder / key, durable=True) as hidden:
            shutil.copyfile(file, hidden)
            return _tag(hidden)

    def put_over(self, key: str, file: Path, tag: str | None) -> str:
        """See `Objects.put_over`."""
        with self._explained(key):
            self._check()
            with filelock.FileLock(self._folder / _LOCK):
                path = self._folder / key
                if (_tag(path) if path.is_file() else None) != tag:
                    raise ChangedError(key)
                return self._put(key, file)

    def delete(self, key: str) -> None:
        """See `Objects.delete`."""
        with self._explained(key):
            (self._folder / key).unlink(missing_ok=True)

    @contextmanager
    def _explained(self, key: str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            self._check()
            raise
        except OSError as error:
            raise ArchduelError(f"the store {self.where}: {key}: {error.strerror or error}") from error


def _tag(file: Path | int) -> str:
    """A file is written once and renamed: another content is another file, written at another time."""
    status = file.stat() if isinstance(file, Path) else os.fstat(file)
    return f"{status.st_ino}-{status.st_mtime_ns}-{status.st_size}"
