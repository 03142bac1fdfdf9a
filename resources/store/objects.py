"""What a store can do: objects by key, each replaced whole or not at all, and only if nobody else did so meanwhile.

Put here what every kind of store has to offer. Keep out the kinds (`resources.store.folder`, `resources.store.s3`).
"""

from pathlib import Path
from typing import Protocol


class ChangedError(Exception):
    """An object is not the one that was expected: somebody else has replaced, made or deleted it."""


class Objects(Protocol):
    """Objects by key. A key is a path of parts with slashes. Threads and processes may use one at once.

    A tag stands for the content of an object: another content has another tag.

    Attributes:
        where: The store's address, for people and to tell stores apart.

    Raises:
        ArchduelError: By any method: the store cannot be reached, or refuses.
    """

    where: str

    def tags(self) -> dict[str, str]:
        """The tags of all objects, by key. An object whose writing was over when this began is among them."""

    def get(self, key: str, file: Path) -> str:
        """Write an object's content to ``file``; returns the tag of what was written.

        Raises:
            FileNotFoundError: There is no such object.
        """

    def put(self, key: str, file: Path) -> str:
        """Replace an object by the content of ``file``, whole or not at all; returns its new tag."""

    def put_over(self, key: str, file: Path, tag: str | None) -> str:
        """As `put`, if the object still has this tag; None: if there is none.

        Raises:
            ChangedError: It has another one; nothing was written.
        """

    def delete(self, key: str) -> None:
        """Delete an object; nothing happens where there is none."""
