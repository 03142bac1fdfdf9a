"""Writing a file whole or not at all: under a hidden name first, then renamed over the old one.

Put here the one way in which archduel replaces a file. Keep out folders and what is in the files: a partition of the
warehouse is `resources.warehouse.partitions`, a recording `workloads.recordings.library`.
"""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def replacing(file: Path, *, durable: bool = False) -> Iterator[Path]:
    """Replace ``file`` by what the block writes, whole or not at all.

    Args:
        file: The file to replace. Folders that lead to it are made.
        durable: Whether the content has to be on the disk, and not only handed to the system, before the rename.

    Yields:
        A hidden path beside ``file``, with its suffix. It takes the place of ``file`` when the block ends, and is
        removed when the block raises: ``file`` is then as it was.

    Raises:
        OSError: Something could not be written; ``file`` is as it was.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    hidden = file.with_name(f".{file.stem}.{uuid.uuid4().hex}{file.suffix}")
    try:
        yield hidden
        if durable:
            with hidden.open("rb") as written:
                os.fsync(written.fileno())
        hidden.replace(file)
    finally:
        with suppress(OSError):
            hidden.unlink(missing_ok=True)
