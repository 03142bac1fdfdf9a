"""Preparing the next pieces of work in threads while the current one is in use.

Put here what helps any pipeline. Keep out what the pieces are: bytes (`workloads.importers.files.reading`), tables
(`workloads.importers.ingest`, `workloads.recordings.writing`).
"""

from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

Piece = TypeVar("Piece")
Made = TypeVar("Made")

_END: Any = object()


def prefetch(pieces: Iterator[Piece]) -> Generator[Piece, None, None]:
    """Yield the same pieces; each is made in a thread while the one before it is used.

    This saves time where a piece is made outside Python: by unpacking, queries or writing. An error of ``pieces`` is
    raised here.
    """
    with ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(next, pieces, _END)
        while (piece := waiting.result()) is not _END:
            waiting = thread.submit(next, pieces, _END)
            yield piece


def side_by_side(make: Callable[[Piece], Made], pieces: Iterator[Piece], threads: int) -> Iterator[Made]:
    """Yield ``make(piece)`` for each piece, in their order, computed in ``threads`` threads at once."""
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[Future[Made]] = deque()
        for piece in pieces:
            waiting.append(pool.submit(make, piece))
            if len(waiting) > threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
