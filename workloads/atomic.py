"""Writing files whole or not at all: under a hidden name first, then renamed over the old one.

Put here the one way in which archduel replaces a file, or several. Keep out folders and what is in the files: a
partition of the warehouse is `resources.warehouse.partitions`, a recording `workloads.recordings.library`.
"""

import os
import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
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


def replace_all(texts: Mapping[Path, str]) -> None:
    """Replace every file by its text, or leave every one as it was. A kill between two renames leaves new beside old.

    Raises:
        OSError: Something could not be written; all files are as they were.
    """
    with ExitStack() as restored, ExitStack() as renamed:
        for file, text in texts.items():
            renamed.enter_context(replacing(file)).write_text(text, encoding="utf-8")
            restored.enter_context(_restoring(file))


@contextmanager
def _restoring(file: Path) -> Iterator[None]:
    """Put ``file`` back as it was, or away where there was none, when the block raises."""
    kept, existed = file.with_name(f".{uuid.uuid4().hex}"), file.exists()
    try:
        if existed:
            _keep(file, kept)
        try:
            yield
        except BaseException:
            with suppress(OSError):
                if existed:
                    kept.replace(file)
                else:
                    file.unlink()
            raise
    finally:
        kept.unlink(missing_ok=True)


def _keep(file: Path, beside: Path) -> None:
    """A second name for a file; a copy where the file system has no such thing."""
    try:
        os.link(file, beside)
    except OSError:
        shutil.copy2(file, beside)
