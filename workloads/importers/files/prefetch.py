"""Making the next pieces of work while the last ones are still in use. Knows nothing of what the pieces are."""

from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

Piece = TypeVar("Piece")
Made = TypeVar("Made")

_END: Any = object()


def ahead(pieces: Iterator[Piece]) -> Generator[Piece, None, None]:
    """The same pieces, each made in a thread while the one before it is used.

    That helps where the making is done outside Python: unpacking, queries, writing. What it raises is raised here.
    """
    with ThreadPoolExecutor(1) as thread:
        waiting = thread.submit(next, pieces, _END)
        while (piece := waiting.result()) is not _END:
            waiting = thread.submit(next, pieces, _END)
            yield piece


def side_by_side(make: Callable[[Piece], Made], pieces: Iterator[Piece], threads: int) -> Iterator[Made]:
    """What ``make`` makes of each piece, in their order, of several at once. Helps where `ahead` does."""
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[Future[Made]] = deque()
        for piece in pieces:
            waiting.append(pool.submit(make, piece))
            if len(waiting) > threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
