"""The inbox: a folder or a prefix of an object store whose new files become recordings, each content once.

Belongs here: what is known of each file (`ledger`), what a look at the inbox decides (`watching`), how one file is
imported (`importing`), what files are called as recordings (`names`), a folder as an inbox (`folder`). Not here: when
anybody looks, what is launched then, and S3.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from workloads.importers.files.reading import ObjectStore, Readable

VARIABLE = "ARCHDUEL_INBOX"
ENDPOINT_VARIABLE = "ARCHDUEL_INBOX_ENDPOINT_URL"

MAPPING_NAME = "mapping.yaml"
MAPPING_SUFFIX = ".mapping.yaml"


@dataclass(frozen=True)
class Entry:
    """A file of the inbox as a listing shows it."""

    address: str  # a path, or an s3:// address: what an import takes
    name: str  # below the inbox, parts parted by slashes
    size: int  # bytes, as stored
    signature: str  # another one: it changed
    modified: float | None = None  # seconds since 1970; None: what is listed is complete
    refusal: str | None = None  # why it is not even opened


class Inbox(Protocol):
    """Where files arrive. Raises `ArchduelError` where it cannot be reached, `FileNotFoundError` for a file that has
    gone."""

    @property
    def object_store(self) -> ObjectStore | None:
        """What an import downloads from."""

    def entries(self) -> Iterator[Entry]:
        """Every file there, mappings and what is on its way (hidden, ``.part``) apart."""

    def entry(self, address: str) -> Entry:
        """One file as it is now."""

    def open(self, address: str, offset: int) -> AbstractContextManager[Readable]:
        """Its bytes from there on."""

    def mapping(self, entry: Entry, folder: Path) -> Path | None:
        """The mapping that is meant for a file, its own or that of the whole inbox, to be read at once; one that
        has to be fetched is put into ``folder``."""
