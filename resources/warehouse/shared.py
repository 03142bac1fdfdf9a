"""A home as a copy of the store that several machines share: what it takes from there, and what it adds.

Put here which files and folders are objects of the store, and what becomes of one that comes. Keep out how objects are
read and written (`resources.store`). Partitions are written to the store as they are written to the home
(`resources.warehouse.partitions`), the cells of grids as they are added (`resources.warehouse.grids`).

Queries, judgements and the report read the home alone. So a home without a store is as quick as ever, and one with a
store reads over the network only what others have changed.
"""

import hashlib
import json
import shutil
import socket
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path, PurePosixPath

import filelock

from resources.store import bundle
from resources.store.copy import StoreCopy, stamp, store_of
from resources.store.objects import ChangedError
from resources.version import code_version
from resources.warehouse.grids import CELLS
from resources.warehouse.partitions import install
from workloads.atomic import hidden_beside
from workloads.errors import ArchduelError
from workloads.places import Places
from workloads.recordings.folders import taking_place

PUBLISHED = "archduel.duckdb"
_AGREED = "agreed"
_TAKEN = {"conformance", "grids", "judgements", "observations", "outcomes", "recordings", "scenarios"}
# What is written to the home alone, and to the store by `give`. Other files of these folders go there at once.
_GIVEN = (
    "conformance/[!.]*.parquet",
    "grids/[!.]*/[!.]*.*",
    "judgements/[!.]*/[!.]*.fingerprint",
    "judgements/[!.]*/pruned",
    "judgements/[!.]*/requirements.toml",
    "scenarios/[!.]*.toml",
)
_OWN_SETTINGS = ("assumptions.toml", "requirements.toml")  # and the price list: each machine's own, beside the results
_NONE = "none"
_AT_ONCE = 8  # objects; most of the time goes by waiting


def fetch(places: Places) -> bool:
    """Take from the store what others have changed; nothing without a store.

    Returns:
        Whether anything in the home has changed.

    Raises:
        ArchduelError: The store cannot be reached. What was taken is whole; the rest is as it was.
    """
    copy = store_of(places)
    if copy is None:
        return False
    with filelock.FileLock(places.home / ".store.lock"):
        here = copy.tags()  # first: what this machine writes meanwhile must not pass for deleted
        there = copy.objects.tags()
        changed = [key for key, tag in there.items() if _is_taken(key) and here.get(key) != tag]
        gone = [key for key in here if key not in there]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for _ in pool.map(partial(_take, places, copy), changed):
                pass
        for key in gone:
            _drop(places, copy, key)
    return bool(changed or gone)


def _is_taken(key: str) -> bool:
    parts = PurePosixPath(key).parts
    return len(parts) > 1 and parts[0] in _TAKEN and not any(part.startswith(".") for part in parts)


def _take(places: Places, copy: StoreCopy, key: str) -> None:
    path = places.home / key
    folder = path.with_name(path.name.removesuffix(bundle.SUFFIX))
    with hidden_beside(path) as hidden, suppress(FileNotFoundError):  # deleted meanwhile
        tag = copy.objects.get(key, hidden)
        if not key.endswith(bundle.SUFFIX):
            hidden.replace(path)
            copy.record(key, tag, stamp(path))
        elif key.startswith("recordings/"):
            with taking_place(folder) as inside:
                bundle.unpack(hidden, inside)
            copy.record(key, tag, stamp(folder))
        else:
            install(folder, partial(bundle.unpack, hidden))
            copy.record(key, tag)


def _drop(places: Places, copy: StoreCopy, key: str) -> None:
    path = places.home / key
    if key.endswith(bundle.SUFFIX):
        shutil.rmtree(path.with_name(path.name.removesuffix(bundle.SUFFIX)), ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
    copy.forget(key)


def give(places: Places) -> None:
    """Write to the store what was written to the home alone: recordings, scenarios and notes; nothing without a store.

    Raises:
        ArchduelError: The store cannot be reached; what was given stays there, whole.
    """
    if copy := store_of(places):
        known = copy.stamps()
        for path in _own(places):
            key = copy.key(path) + (bundle.SUFFIX if path.is_dir() else "")
            if known.get(key) != stamp(path):
                copy.put(path)


def _own(places: Places) -> Iterator[Path]:
    yield from (path.parent for path in places.recordings.glob("[!.]*/requests.parquet"))
    for pattern in _GIVEN:
        yield from (path for path in places.home.glob(pattern) if path.name != f"{CELLS}.parquet")


def give_published(places: Places, expected: str | None) -> None:
    """Write the published database to the store, unless somebody else has published since.

    Args:
        places: The home.
        expected: What `published_tag` said before the home was brought up to date.

    Raises:
        ChangedError: Somebody has. What they published rests on what they wrote: take that, and publish again.
    """
    copy = store_of(places)
    assert copy is not None  # noqa: S101 - the caller has asked for its tag
    copy.objects.put_over(PUBLISHED, places.database, expected)


def published_tag(places: Places) -> str | None:
    """The tag of the store's published database; None where there is none yet, or no store."""
    copy = store_of(places)
    return copy.objects.tags().get(PUBLISHED) if copy else None


def agree(places: Places, name: str, files: Mapping[str, Path]) -> None:
    """See to it that a comparison or a grid is made of the same on all machines; nothing without a store.

    The first machine notes its code and what it has of its own; every other one is held to that.

    Args:
        places: The home.
        name: The comparison's or the grid's.
        files: What results follow from besides, by what it is, for people.

    Raises:
        ArchduelError: This machine has another version of something. Nothing of it was written.
    """
    copy = store_of(places)
    if copy is None:
        return
    own = {file.name: file for file in (places.prices, *(places.home / other for other in _OWN_SETTINGS))}
    made_of = {"archduel's code": code_version()} | {what: _digest(file) for what, file in {**own, **files}.items()}
    key = f"{_AGREED}/{name}.json"
    with hidden_beside(places.home / "store.json") as hidden:
        hidden.write_text(json.dumps(made_of, indent=1, sort_keys=True))
        with suppress(ChangedError):
            copy.objects.put_over(key, hidden, None)
            return
        copy.objects.get(key, hidden)
        agreed = json.loads(hidden.read_text())
    for what in sorted({*agreed, *made_of}):
        here, there = made_of.get(what, _NONE), agreed.get(what, _NONE)
        if here != there:
            raise ArchduelError(
                f"{name}: {what} is {here} on {socket.gethostname()} and {there} where it was begun; nothing of it was"
                f" written. Give this machine the same, or delete {key} from the store and begin it anew"
            )


def _digest(file: Path) -> str:
    try:
        return hashlib.blake2b(file.read_bytes(), digest_size=6).hexdigest()
    except FileNotFoundError:
        return _NONE
