"""Arrow's string views, which point into the memory they were read into; and looking at bytes there. Knows no lines."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Offsets = npt.NDArray[np.intp]
Words = npt.NDArray[np.uint64]  # eight bytes each, the first the lowest

_INLINE_BYTES = 12
_LONGEST_LOOK = 8  # words
_HALF = np.uint64(32)
MASKS = np.array([(1 << 8 * count) - 1 for count in range(9)], np.uint64)  # by how many bytes of a word are kept


class Bytes:
    """Whatever stands at many offsets of ``content`` at once; zeros after its end."""

    def __init__(self, content: memoryview) -> None:
        self._content = content
        self._tail_begins = max(0, len(content) - 8 * _LONGEST_LOOK)
        self._tail = bytes(content[self._tail_begins :]) + bytes(16 * _LONGEST_LOOK)

    def at(self, offsets: Offsets, words: int) -> Words:
        """So many words from each of ``offsets`` on, as an array of that many rows: a longer look costs no more."""
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
    """Parts of ``content`` as strings that point into it: copying a log costs as much as taking it apart."""
    first, second = Bytes(content).at(starts, 2)
    return array_of(content, views(starts, lengths, first, second))


def array_of(content: memoryview, of_it: Words) -> "pa.Array[Any]":
    """The strings whose `views` these are."""
    return pa.Array.from_buffers(pa.string_view(), len(of_it), [None, pa.py_buffer(of_it), pa.py_buffer(content)])


def views(starts: Offsets, lengths: Offsets, first: Words, second: Words) -> Words:
    """Views, of two words each, of strings that begin with the words ``first`` and ``second``.

    A view is the length, then the string itself if it is short, or else its beginning, buffer and offset
    (arrow.apache.org/docs/format/Columnar.html).
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
    """The content, starts and lengths of ``strings``, views or not.

    Inline views point nowhere: they are given the end of the content, and no length.
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
