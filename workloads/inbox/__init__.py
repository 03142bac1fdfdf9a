"""The inbox: a folder or a prefix of an object store whose new files become recordings, each content once.

Put here what an inbox is, and what is known and decided of its files. Keep out when the inbox is scanned and what is
launched then (`orchestration.inbox`), and S3 (`resources.object_store`).
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
    """A file of the inbox, as a listing shows it."""

    address: str  # a path, or an s3:// address: what an import takes
    name: str  # its path below the inbox, with slashes
    size: int  # bytes, as stored
    signature: str  # differs when the file has changed
    modified: float | None = None  # seconds since 1970; None where only complete files are listed
    refusal: str | None = None  # why it must not be opened


class Inbox(Protocol):
    """Where files arrive.

    Raises:
        ArchduelError: By any method: the inbox is not available.
        FileNotFoundError: By a method for one file: it is gone.
    """

    @property
    def object_store(self) -> ObjectStore | None:
        """What an import downloads from; None for a folder."""

    def entries(self) -> Iterator[Entry]:
        """Yield every file, without mappings and files being written (hidden, ``.part``)."""

    def entry(self, address: str) -> Entry:
        """Look up one file as it is now."""

    def open(self, address: str, offset: int) -> AbstractContextManager[Readable]:
        """Open a file to read its bytes from ``offset`` on."""

    def mapping(self, entry: Entry, folder: Path) -> Path | None:
        """Find the mapping for a file: its own, or that of the whole inbox.

        Args:
            entry: The file.
            folder: Where a mapping that has to be downloaded is put.

        Returns:
            The mapping's file, to be read at once; None if there is none.
        """
