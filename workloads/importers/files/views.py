"""Arrow's string views, which point into the memory that a file was read into, and reading bytes there.

Put here the layout of views. Keep out lines (`workloads.importers.files.reading`) and what is in them
(`workloads.importers.formats.fast_path`).
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Offsets = npt.NDArray[np.intp]
Words = npt.NDArray[np.uint64]  # eight bytes each, the first the lowest

_INLINE_BYTES = 12
_MAX_WORDS = 8  # words
_HALF = np.uint64(32)
MASKS = np.array([(1 << 8 * count) - 1 for count in range(9)], np.uint64)  # by how many bytes of a word are kept


class Bytes:
    """Reads ``content`` at many offsets at once; after its end are zeros."""

    def __init__(self, content: memoryview) -> None:
        self._content = content
        self._tail_begins = max(0, len(content) - 8 * _MAX_WORDS)
        self._tail = bytes(content[self._tail_begins :]) + bytes(16 * _MAX_WORDS)

    def at(self, offsets: Offsets, words: int) -> Words:
        """Read ``words`` consecutive words from each of ``offsets`` on.

        Returns:
            An array of the shape (``words``, number of offsets). More words cost hardly more time.
        """
        size = 8 * words
        within = offsets <= len(self._content) - size
        if within.all():
            found = _windows(self._content, size)[offsets]
        else:
            found = np.empty(len(offsets), f"V{size}")
            found[within] = _windows(self._content, size)[offsets[within]]
            beyond = np.minimum(offsets[~within] - self._tail_begins, len(self._tail) - size)
            found[~within] = _windows(memoryview(self._tail), size)[beyond]
        return np.ascontiguousarray(found.view("<u8").reshape(len(offsets), words).T)


def _windows(content: memoryview, size: int) -> npt.NDArray[np.void]:
    return np.ndarray((max(len(content) - size + 1, 0),), f"V{size}", buffer=content, strides=(1,))


def string_views(content: memoryview, starts: Offsets, lengths: Offsets) -> "pa.Array[Any]":
    """Make strings that point into ``content``: to copy a log takes as long as to parse it.

    Args:
        content: The text in UTF-8.
        starts: Where each string begins, in bytes.
        lengths: How long each is, in bytes.
    """
    first, second = Bytes(content).at(starts, 2)
    return array_of(content, views(starts, lengths, first, second))


def array_of(content: memoryview, made: Words) -> "pa.Array[Any]":
    """The Arrow array of strings whose `views` over ``content`` are ``made``."""
    return pa.Array.from_buffers(pa.string_view(), len(made), [None, pa.py_buffer(made), pa.py_buffer(content)])


def views(starts: Offsets, lengths: Offsets, first: Words, second: Words) -> Words:
    """Make views: the length, then the string itself if it is short, or else its beginning, buffer and offset.

    The layout is Arrow's (arrow.apache.org/docs/format/Columnar.html).

    Args:
        starts: Where each string begins, in bytes.
        lengths: How long each is, in bytes.
        first: The first eight bytes of each.
        second: The next eight.

    Returns:
        An array of the shape (number of strings, 2).
    """
    made = np.empty((len(starts), 2), np.uint64)
    made[:, 0] = lengths.astype(np.uint64) | first << _HALF
    made[:, 1] = starts.astype(np.uint64) << _HALF
    inline = np.flatnonzero(lengths <= _INLINE_BYTES)
    if len(inline):
        first, second, lengths = first[inline], second[inline], lengths[inline]
        made[inline, 0] = lengths.astype(np.uint64) | (first & MASKS[np.minimum(lengths, 4)]) << _HALF
        made[inline, 1] = (first >> _HALF | second << _HALF) & MASKS[np.maximum(lengths - 4, 0)]
    return made


def places_in(strings: "pa.Array[Any]") -> tuple[memoryview, Offsets, Offsets]:
    """The content of ``strings``, views or not, and where in it each begins and how long it is, in bytes.

    Inline views point nowhere: they get the end of the content, and the length 0.
    """
    _, places, *contents = strings.buffers()
    content = memoryview(contents[0]) if contents and contents[0] is not None else memoryview(b"")
    if strings.type != pa.string_view():
        offsets = np.frombuffer(places, np.int32)[strings.offset :][: len(strings) + 1].astype(np.intp)
        return content, offsets[:-1], np.diff(offsets)
    parts = np.frombuffer(places, np.int32).reshape(-1, 4)[strings.offset :][: len(strings)]
    lengths, _, buffers, starts = parts.T
    outside = (lengths > _INLINE_BYTES) & (buffers == 0)
    starts = np.where(outside, starts, len(content)).astype(np.intp)
    return content, starts, np.where(outside, lengths, 0).astype(np.intp)
