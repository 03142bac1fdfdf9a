"""Files that a connection can read and nothing else: no other file, no network, no writing.

Put here the file system that stands in for the machine's own while somebody's SQL is run. Keep out which statements are
taken (`resources.warehouse.reading`).

What a statement is called does not tell what it does: a common table expression may hold a COPY, and EXPLAIN ANALYZE
carries out what it explains. So a connection for other people's SQL has no file system that could write.
"""

import os
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import fsspec

SCHEME = "results"


def only_read(connection: duckdb.DuckDBPyConnection, folders: Sequence[Path]) -> None:
    """Let a connection read what it has attached, and files in ``folders`` by ``results://`` and their path, for good.

    Args:
        connection: Of its own: nothing else may use its instance.
        folders: Whose files it may read.
    """
    connection.register_filesystem(_Files([folder.resolve() for folder in folders]))
    connection.execute("SET temp_directory = ''")
    connection.execute("SET disabled_filesystems = 'LocalFileSystem'")
    connection.execute("SET lock_configuration = true")


class _File:
    """A file open for reading. DuckDB's threads share it, and seek and read in two calls: each has its own place."""

    closed = True  # until it is open

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._size = os.fstat(self._descriptor).st_size
        self._place = threading.local()
        self.closed = False

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._place.offset = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self.tell(), os.SEEK_END: self._size}[whence]
        return self.tell()

    def tell(self) -> int:
        return int(getattr(self._place, "offset", 0))

    def read(self, size: int = -1) -> bytes:
        data = os.pread(self._descriptor, self._size if size < 0 else size, self.tell())
        self._place.offset = self.tell() + len(data)
        return data

    def seekable(self) -> bool:
        return True

    def close(self) -> None:
        if not self.closed:
            os.close(self._descriptor)
            self.closed = True

    def __del__(self) -> None:
        self.close()  # DuckDB lets go of most files without closing them


class _Files(fsspec.AbstractFileSystem):  # type: ignore[misc]  # fsspec has no types
    protocol = SCHEME
    cachable = False

    def __init__(self, folders: Sequence[Path]) -> None:
        super().__init__()
        self._folders = folders

    def open(self, path: str, mode: str = "rb", **_options: Any) -> _File:
        if mode != "rb":
            raise PermissionError("results can only be read")
        return _File(self._allowed(path))

    def info(self, path: str, **_options: Any) -> dict[str, Any]:
        status = self._allowed(path).stat()
        return {"name": path, "size": status.st_size, "type": "file", "mtime": status.st_mtime}

    def exists(self, path: str, **_options: Any) -> bool:
        return self._allowed(path).is_file()

    def isfile(self, path: str) -> bool:
        return self.exists(path)

    def modified(self, path: str) -> datetime:
        return datetime.fromtimestamp(self._allowed(path).stat().st_mtime, UTC)

    def glob(self, path: str, **_options: Any) -> list[str]:
        return [path]  # names of results are written out: a bracket in one is no pattern

    def _allowed(self, path: str) -> Path:
        real = Path(path.removeprefix(f"{SCHEME}://")).resolve()
        if not any(real.is_relative_to(folder) for folder in self._folders):
            raise PermissionError("only results can be read")
        return real
