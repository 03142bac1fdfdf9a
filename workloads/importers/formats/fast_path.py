"""The fast path for lines of web servers' logs: many are parsed at once, eight bytes of each at a time.

Put here how lines ``client - user [17/May/2015:10:05:03 +0000] "GET /path HTTP/1.1" 200 1234``, whatever follows, are
recognised and cut by numpy, in half the time of SQL. Keep out every other form: the format's query reads those
(`workloads.importers.formats.combined`), and a line is on the fast path only if that query would read it the same.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from workloads.importers.files.views import MASKS, Bytes, Offsets, Words, array_of, places_in, views

Truths = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.int64]

_METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

# The text between the parts that are extracted: between user and method, and between target and size.
_DATE = ' [17/May/2015:10:05:03 +0000] "'
_ANSWER = ' HTTP/1.1" 200 '

# Each of numpy's operations takes microseconds, even for a single line: a target of a megabyte would take thousands.
_LONGEST_WORD_BYTES = 2048
_AT_ONCE = 1 << 14  # lines: the arrays for so many stay in the processor's cache


def parse_fast(lines: pa.Table) -> pa.Table:
    """Parse the lines that the fast path recognises.

    Args:
        lines: At least one row, with the columns ``line_number`` and ``line``.

    Returns:
        ``lines`` with the columns ``fast`` (whether the line was recognised) and, to be used only where that is true,
        ``client``, ``stamp_us`` (microseconds since 1970), ``method``, ``target`` and ``status``.
    """
    content, starts, lengths = places_in(lines.column("line").combine_chunks())
    text = Bytes(content)
    pieces = [_parts(text, starts[at:][:_AT_ONCE], lengths[at:][:_AT_ONCE]) for at in range(0, len(starts), _AT_ONCE)]
    parts = {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}
    stamps_us, dated = _stamps_us(parts["dates"].T)
    repeated = np.diff(np.flatnonzero(parts["new_date"]), append=len(starts))
    made: dict[str, Any] = {
        "fast": pa.array(parts["fast"] & np.repeat(dated, repeated)),
        "client": array_of(content, parts["client"]),
        "stamp_us": pa.array(np.repeat(stamps_us, repeated)),
        "method": pa.DictionaryArray.from_arrays(parts["method"], pa.array(_METHODS)),
        "target": array_of(content, parts["target"]),
        "status": pa.array(parts["status"]),
    }
    return pa.table([*lines.columns, *made.values()], names=[*lines.column_names, *made])


def _parts(content: Bytes, starts: Offsets, lengths: Offsets) -> dict[str, npt.NDArray[Any]]:
    """The parts of lines. Each part is expected where the one before it ends, whether that was recognised or not.

    The next line may follow without a line feed between, so a line is recognised only if its last part, and so every
    part, ends within it. ``dates`` holds only the first of several equal dates in a row, where ``new_date`` is true:
    to parse a date takes as long as all else.
    """
    client_ends, client = _ends(content, starts, words=2)
    (identity,) = content.at(client_ends, words=1)
    users = client_ends + len(" - ")
    user_ends, _ = _ends(content, users, words=1)
    *date, requests = content.at(user_ends, words=5)
    methods, method_bytes = _methods(_shifted(date[-1], requests, 7))
    date[-1] &= MASKS[len(_DATE) % 8]
    new_date = np.zeros(len(starts), np.bool_)
    new_date[0] = True
    for word in date:
        new_date[1:] |= word[1:] != word[:-1]
    targets = user_ends + len(_DATE) + method_bytes + len(" ")
    target_ends, target = _ends(content, targets, words=4)
    protocol, status, size = content.at(target_ends, words=3)
    size = _shifted(status, size, 7)
    size_bytes = np.where(_like(size, "-"), np.uint8(1), _first_marked(_no_digits(size)))
    ends, line_ends = target_ends + len(_ANSWER) + size_bytes, starts + lengths
    fast = (
        (client_ends > starts)
        & _like(identity, " - ")
        & (user_ends > users)
        & (method_bytes > 0)
        & (target_ends > targets)
        & _like(protocol, " HTTP/9.")
        & _like(status, '9" 999 ')
        & (size_bytes > 0)
        & ((ends == line_ends) | (ends < line_ends) & (_byte(size, np.minimum(size_bytes, 7)) == ord(" ")))
    )
    return {
        "fast": fast,
        "client": views(starts, np.where(fast, client_ends - starts, 0), *client[:2]),
        "new_date": new_date,
        "dates": np.stack([word[new_date] for word in date], axis=1),
        "method": methods,
        "target": views(targets, np.where(fast, target_ends - targets, 0), *target[:2]),
        "status": _number(status, 3, 3).astype(np.int16),
    }


def _ends(content: Bytes, starts: Offsets, words: int) -> tuple[Offsets, Words]:
    """Where the parts that begin at ``starts`` end, as `_stops` has it, and the first ``words`` words of each.

    It compares so many words in a step, until all parts have ended.
    """
    begun = content.at(starts, words)
    ends = starts + _first_stop(begun)
    going = np.flatnonzero(ends == starts + 8 * words)
    for _ in range(_LONGEST_WORD_BYTES // (8 * words)):
        if not len(going):
            break
        further = _first_stop(content.at(ends[going], words))
        ends[going] += further
        going = going[further == 8 * words]
    return ends, begun


def _first_stop(words: Words) -> Offsets:
    """The place of the first byte that `_stops` marks in several consecutive words."""
    *before, last = _first_marked(_stops(words))
    found: Offsets = last.astype(np.intp)
    for first in reversed(before):
        found = first + (first == 8) * found
    return found


def _methods(requests: Words) -> tuple[npt.NDArray[np.int8], Offsets]:
    """Which of `_METHODS` requests begin with, and in how many bytes; 0 where it is none of them."""
    found = (requests & _MASKS_OF_METHODS == _WORDS_OF_METHODS).view(np.int8)
    # At most one matches, so that a sum of products gives its index, in a tenth of argmax's time.
    indexes, lengths = (np.einsum("i,ij", numbers, found) for numbers in (_INDEXES, _LENGTHS))
    return indexes, lengths.astype(np.intp)


def _stamps_us(dates: Words) -> tuple[Numbers, Truths]:
    """Microseconds since 1970 of texts like `_DATE`, four words each, and whether they are dates.

    Leap seconds count as no dates: they are left to the format's query.
    """
    day_month, year_hour, time, zone = dates
    known = _like(day_month, " [99/") & _like(year_hour, "/9999:99") & _like(time, ":99:99 ") & _like(zone, '9999] "')
    months = np.zeros(len(day_month), np.int64)
    for number, name in enumerate(_MONTHS, 1):
        months[_shifted(day_month, 0, 5) == _word(name)] = number
    years, days = _number(year_hour, 1, 4), _number(day_month, 2, 2)
    known &= months > 0
    month = np.where(known, 12 * (years - 1970) + months - 1, 0).astype("M8[M]")
    first_days, next_first_days = (one.astype("M8[D]").astype(np.int64) for one in (month, month + 1))
    hours, minutes, seconds = _number(year_hour, 6, 2), _number(time, 1, 2), _number(time, 4, 2)
    east, zone_hours, zone_minutes = _byte(time, 7), _number(zone, 0, 2), _number(zone, 2, 2)
    known &= (days >= 1) & (days <= next_first_days - first_days) & (hours < 24) & (minutes < 60) & (seconds < 60)
    known &= (east == ord("+")) | (east == ord("-"))
    offset_minutes = np.where(east == ord("+"), 1, -1) * (60 * zone_hours + zone_minutes)
    since_minutes = 1440 * (first_days + days - 1) + 60 * hours + minutes - offset_minutes
    return np.where(known, 1_000_000 * (60 * since_minutes + seconds), 0), known


# SIMD within a register (SWAR): eight bytes of a word are tested at once. The results are marks, the highest bit of
# each byte for which the test holds.
_HIGH, _LOW = np.uint64(0x8080808080808080), np.uint64(0x7F7F7F7F7F7F7F7F)


def _each(byte: int) -> np.uint64:
    return np.uint64(byte * 0x0101010101010101)


def _word(text: str) -> np.uint64:
    return np.uint64(int.from_bytes(text.encode(), "little"))


def _stops(words: Words) -> Words:
    """Marks of bytes up to ``"``, of backslashes and of bytes beyond ASCII.

    Only the first mark of a word is reliable: additions carry into the bytes behind it.
    """
    others = words + _each(0x80 - ord('"') - 1) & (words ^ _each(ord("\\"))) + _each(0x7F)
    return (~others | words) & _HIGH


def _no_digits(words: Words) -> Words:
    """Marks of bytes that are no digits."""
    above = words ^ _each(ord("0"))
    return ((above & _LOW) + _each(0x80 - 10) | above) & _HIGH


def _first_marked(marks: Words) -> npt.NDArray[np.uint8]:
    """The place of the first marked byte, 8 for none."""
    return np.bitwise_count(~marks & marks - np.uint64(1)) >> np.uint8(3)


def _like(words: Words, form: str) -> Truths:
    """Whether words begin as ``form`` does, in which a 9 is any digit."""
    digits = sum(0x80 << 8 * place for place, character in enumerate(form) if character == "9")
    fixed = np.uint64(sum(0xFF << 8 * place for place, character in enumerate(form) if character != "9"))
    alike: Truths = words & fixed == _word(form) & fixed
    return alike & (_no_digits(words) & np.uint64(digits) == 0) if digits else alike


def _shifted(words: Words, following: Words | int, places: int) -> Words:
    """The words that begin ``places`` bytes further on, from 1 to 7."""
    return words >> np.uint64(8 * places) | np.asarray(following, np.uint64) << np.uint64(64 - 8 * places)


def _byte(words: Words, place: int | npt.NDArray[np.uint8]) -> Words:
    return words >> np.uint64(8) * np.asarray(place, np.uint64) & np.uint64(0xFF)


def _number(words: Words, place: int, digits: int) -> Numbers:
    """The number in ``digits`` bytes from ``place`` on, if they are digits."""
    number = np.zeros(len(words), np.int64)
    for at in range(place, place + digits):
        number = 10 * number + _byte(words, at).astype(np.int64) - ord("0")
    return number


_WORDS_OF_METHODS = np.array([[_word(f"{method} ")] for method in _METHODS])
_MASKS_OF_METHODS = np.array([[MASKS[len(method) + 1]] for method in _METHODS])
_INDEXES = np.arange(len(_METHODS), dtype=np.int8)
_LENGTHS = np.array([len(method) for method in _METHODS], np.int8)
