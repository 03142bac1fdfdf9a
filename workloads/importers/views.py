"""Texts that point into the memory they were read into: making them, and looking at bytes there. Knows no lines."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Places = npt.NDArray[np.intp]
Words = npt.NDArray[np.uint64]  # eight bytes each, the first the lowest

_SHORT_BYTES = 12
_MOST_WORDS = 8


class Bytes:
    """Of ``content``, whatever stands at many places at once; zeros after its end."""

    def __init__(self, content: memoryview) -> None:
        self._content = content
        self._tail_begins = max(0, len(content) - 8 * _MOST_WORDS)
        self._tail = bytes(content[self._tail_begins :]) + bytes(16 * _MOST_WORDS)

    def at(self, places: Places, words: int) -> Words:
        """So many words from each of ``places`` on, as an array of that many rows: a longer look costs no more."""
        size = 8 * words
        within = places <= len(self._content) - size
        if within.all():
            found = _windows(self._content, size)[places]
        else:
            found = np.empty(len(places), f"V{size}")
            found[within] = _windows(self._content, size)[places[within]]
            beyond = np.minimum(places[~within] - self._tail_begins, len(self._tail) - size)
            found[~within] = _windows(memoryview(self._tail), size)[beyond]
        return np.ascontiguousarray(found.view("<u8").reshape(len(places), words).T)


def _windows(content: memoryview, size: int) -> npt.NDArray[np.void]:
    return np.ndarray((max(len(content) - size + 1, 0),), f"V{size}", buffer=content, strides=(1,))


def texts(content: memoryview, starts: Places, lengths: Places) -> "pa.Array[Any]":
    """Parts of ``content`` as strings that point into it: copying a log costs as much as taking it apart."""
    first, second = Bytes(content).at(starts, 2)
    return pointing(content, views(starts, lengths, first, second))


def pointing(content: memoryview, made: Words) -> "pa.Array[Any]":
    """The strings that `views` are of."""
    return pa.Array.from_buffers(pa.string_view(), len(made), [None, pa.py_buffer(made), pa.py_buffer(content)])


def views(starts: Places, lengths: Places, first: Words, second: Words) -> Words:
    """Views, two words each, of strings that begin with the words ``first`` and ``second``.

    A view is the length, then the string itself if it is short, or else its beginning, buffer and offset.
    """
    made = np.empty((len(starts), 2), np.uint64)
    made[:, 0] = lengths.astype(np.uint64) | first << _HALF
    made[:, 1] = starts.astype(np.uint64) << _HALF
    short = np.flatnonzero(lengths <= _SHORT_BYTES)
    if len(short):
        first, second, bytes_ = first[short], second[short], lengths[short]
        made[short, 0] = bytes_.astype(np.uint64) | (first & _KEPT[np.minimum(bytes_, 4)]) << _HALF
        made[short, 1] = (first >> _HALF | second << _HALF) & _KEPT[np.maximum(bytes_ - 4, 0)]
    return made


_HALF = np.uint64(32)
_KEPT = np.array([(1 << 8 * count) - 1 for count in range(9)], np.uint64)  # by how many bytes


def places_in(strings: "pa.Array[Any]") -> tuple[memoryview, Places, Places]:
    """What `texts` was given for ``strings``, views or not; of short views, which point nowhere, 0 and no length."""
    _, places, *contents = strings.buffers()
    content = memoryview(contents[0]) if contents and contents[0] is not None else memoryview(b"")
    if strings.type != pa.string_view():
        offsets = np.frombuffer(places, np.int32)[strings.offset :][: len(strings) + 1].astype(np.intp)
        return content, offsets[:-1], np.diff(offsets)
    parts = np.frombuffer(places, np.int32).reshape(-1, 4)[strings.offset :][: len(strings)]
    lengths, _, buffers, starts = parts.T
    pointing = (lengths > _SHORT_BYTES) & (buffers == 0)
    return content, np.where(pointing, starts, 0).astype(np.intp), np.where(pointing, lengths, 0).astype(np.intp)
