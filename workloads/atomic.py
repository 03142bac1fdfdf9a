"""Writing files whole or not at all: under a hidden name first, then renamed over the old one.

Put here the one way in which archduel replaces a file, or several, and what a kill leaves of that. Keep out folders and
what is in the files: a partition of the warehouse is `resources.warehouse.partitions`, a recording
`workloads.recordings.library`.
"""

import fcntl
import os
import re
import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

_MARK = ".archduel-"
_HIDDEN = re.compile(rf"\..*{re.escape(_MARK)}[0-9a-f]{{32}}(\..*)?")  # ours for certain: folders may be the user's


@contextmanager
def hidden_beside(final: Path) -> Iterator[Path]:
    """A hidden path beside ``final``, for what is to take its place. Folders that lead to it are made.

    While any process is in such a block, its folder is locked (``flock``). Who finds it not locked removes what killed
    processes left in it.

    Yields:
        The path, with the suffix of ``final``. Whatever is there when the block ends, file or folder, is removed.
    """
    final.parent.mkdir(parents=True, exist_ok=True)
    hidden = final.with_name(f".{final.stem}{_MARK}{uuid.uuid4().hex}{final.suffix}")
    with _in_use(final.parent):
        try:
            yield hidden
        finally:
            _remove(hidden)


@contextmanager
def _in_use(folder: Path) -> Iterator[None]:
    lock = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # others are writing, or a file system without such locks: nothing is removed then
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for leftover in os.scandir(folder):
                if _HIDDEN.fullmatch(leftover.name):
                    _remove(Path(leftover.path))
        with suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_SH)
        yield
    finally:
        os.close(lock)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink(missing_ok=True)


@contextmanager
def replacing(file: Path, *, durable: bool = False) -> Iterator[Path]:
    """Replace ``file`` by what the block writes, whole or not at all.

    Args:
        file: The file to replace. Folders that lead to it are made.
        durable: Whether the content has to be on the disk, and not only handed to the system, before the rename.

    Yields:
        A path as of `hidden_beside`. It takes the place of ``file`` when the block ends, and is removed when the block
        raises: ``file`` is then as it was.

    Raises:
        OSError: Something could not be written; ``file`` is as it was.
    """
    with hidden_beside(file) as hidden:
        yield hidden
        if durable:
            with hidden.open("rb") as written:
                os.fsync(written.fileno())
        hidden.replace(file)


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
    with hidden_beside(file) as kept:
        existed = file.exists()
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


def _keep(file: Path, beside: Path) -> None:
    """A second name for a file; a copy where the file system has no such thing."""
    try:
        os.link(file, beside)
    except OSError:
        shutil.copy2(file, beside)
