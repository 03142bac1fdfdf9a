"""Making the next piece of work while the last one is still in use. Knows nothing of what the pieces are."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

Piece = TypeVar("Piece")

_END: Any = object()


def ahead(pieces: Iterator[Piece]) -> Iterator[Piece]:
    """The same pieces, each made in a thread while the one before it is used.

    That helps where the making is done outside Python: unpacking, queries, writing. What it raises is raised here.
    """
    with ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(next, pieces, _END)
        while (piece := waiting.result()) is not _END:
            waiting = thread.submit(next, pieces, _END)
            yield piece
