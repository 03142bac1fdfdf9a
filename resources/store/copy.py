"""A home's copy of the store: which objects it has, as of which tag, and what it writes to the store.

Put here how a home and the store keep step, object by object. Keep out which files and folders are objects, and what
becomes of one that comes (`resources.warehouse.shared`).
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path

from resources.store import bundle
from resources.store.objects import Objects
from resources.store.opening import open_store
from workloads.atomic import hidden_beside
from workloads.errors import ArchduelError
from workloads.places import Places

_INDEX = "store.sqlite"
_TABLES = """
CREATE TABLE IF NOT EXISTS store (address TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS copies (key TEXT PRIMARY KEY, tag TEXT NOT NULL, stamp TEXT NOT NULL);
"""
# What a home must not hold yet when it becomes a copy of a store: it would be of neither the one nor the other.
_RESULTS = ("outcomes", "observations", "judgements", "recordings", "grids")


class StoreCopy:
    """The copy of a store in a home. Threads and processes may use one at once.

    Args:
        places: The home.
        objects: The store.

    Raises:
        ArchduelError: The home is a copy of another store, or has results of its own.
    """

    def __init__(self, places: Places, objects: Objects) -> None:
        self.objects = objects
        self._home = places.home
        new = not (places.home / _INDEX).exists()
        if new and (own := [name for name in _RESULTS if any((places.home / name).glob("[!.]*"))]):
            raise ArchduelError(
                f"{places.home} has {own[0]} of its own, which are not of the store {objects.where}: give another"
                " ARCHDUEL_HOME, which becomes a copy of the store"
            )
        places.home.mkdir(parents=True, exist_ok=True)
        with self._index() as index:
            index.executescript(_TABLES)
            index.execute("INSERT INTO store SELECT ? WHERE NOT EXISTS (SELECT 1 FROM store)", [objects.where])
            [(address,)] = index.execute("SELECT address FROM store").fetchall()
        if address != objects.where:
            raise ArchduelError(
                f"{places.home} is a copy of the store {address}, not of {objects.where}: give another ARCHDUEL_HOME"
            )

    @contextmanager
    def _index(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(sqlite3.connect(self._home / _INDEX, timeout=60)) as index, index:
                yield index
        except sqlite3.Error as error:
            raise ArchduelError(
                f"{self._home / _INDEX} cannot be used: {error}; delete the home, which is a copy"
            ) from None

    def tags(self) -> dict[str, str]:
        """The tags of the objects that the home has, by key."""
        return {key: tag for key, tag, _ in self._entries()}

    def stamps(self) -> dict[str, str]:
        """What `stamp` said of the files that the objects are copies of, by key."""
        return {key: stamp for key, _, stamp in self._entries()}

    def _entries(self) -> list[tuple[str, str, str]]:
        with self._index() as index:
            return index.execute("SELECT key, tag, stamp FROM copies").fetchall()

    def record(self, key: str, tag: str, stamp: str = "") -> None:
        """The home has an object as of this tag now."""
        with self._index() as index:
            index.execute("INSERT OR REPLACE INTO copies VALUES (?, ?, ?)", [key, tag, stamp])

    def forget(self, key: str) -> None:
        """The home does not have an object any more."""
        with self._index() as index:
            index.execute("DELETE FROM copies WHERE key = ?", [key])

    @contextmanager
    def putting(self, folder: Path, content: Path) -> Iterator[None]:
        """Write a folder to the store as one object; in the block ``content`` takes the folder's place in the home.

        In this order: whatever is in the home is in the store, and a kill between the two leaves what the next fetch
        brings.
        """
        key, tag = self._put_folder(folder, content)
        yield
        self.record(key, tag)

    def _put_folder(self, folder: Path, content: Path) -> tuple[str, str]:
        key = self.key(folder) + bundle.SUFFIX
        with hidden_beside(self._home / "store.tar") as packed:
            bundle.pack(content, packed)
            return key, self.objects.put(key, packed)

    def put(self, path: Path) -> None:
        """Write a file or a folder of the home to the store."""
        stamped = stamp(path)  # first: what is written meanwhile must not pass for what is in the store
        if path.is_dir():
            key, tag = self._put_folder(path, path)
        else:
            key, tag = self.key(path), self.objects.put(self.key(path), path)
        self.record(key, tag, stamped)

    def delete(self, path: Path) -> None:
        """Delete what was written of this file or folder."""
        for key in (self.key(path), self.key(path) + bundle.SUFFIX):
            self.objects.delete(key)
            self.forget(key)

    def key(self, path: Path) -> str:
        """The key of a path in the home."""
        return path.relative_to(self._home).as_posix()


def stamp(path: Path) -> str:
    """What changes when a file, or one in a folder, is written again."""
    files = bundle.files_of(path) if path.is_dir() else [path]
    return " ".join(f"{file.name}:{file.stat().st_mtime_ns}:{file.stat().st_size}" for file in files)


@cache
def _opened(places: Places) -> StoreCopy:
    return StoreCopy(places, open_store(places.store))


def store_of(places: Places) -> StoreCopy | None:
    """The copy of the store that a home holds; None where there is no store.

    Raises:
        UsageError: The store's address or its variables are wrong.
        ArchduelError: It cannot be used, or the home is no copy of it.
    """
    return _opened(places) if places.store else None
