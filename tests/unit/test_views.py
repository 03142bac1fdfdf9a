"""String views are the strings they were made of, and bytes are found anywhere."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workloads.importers.files.views import Bytes, places_in, string_views

SOME_TEXTS = st.lists(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=20), max_size=20)


def made(parts: list[str], apart: bytes) -> tuple[memoryview, "pa.Array[pa.StringViewScalar]"]:
    """``parts`` as views into one memory, where ``apart`` stands after each."""
    stored = [part.encode() for part in parts]
    lengths = np.array([len(part) for part in stored], np.intp)
    starts = np.array([sum(len(part) + len(apart) for part in stored[:at]) for at in range(len(stored))], np.intp)
    content = memoryview(b"".join(part + apart for part in stored))
    return content, string_views(content, starts, lengths)


class TestStringViews:
    @given(SOME_TEXTS, st.sampled_from([b"", b"\n", b"abcdefgh"]))
    def test_are_what_stands_there(self, parts: list[str], apart: bytes) -> None:
        _, views = made(parts, apart)
        views.validate(full=True)
        assert views.to_pylist() == parts
        assert views.cast(pa.string()).to_pylist() == parts

    @given(SOME_TEXTS, st.integers(0, 5), st.booleans())
    def test_are_found_again(self, parts: list[str], skipped: int, as_views: bool) -> None:
        views = made(parts, b"\n")[1]
        strings = (views if as_views else views.cast(pa.string())).slice(skipped)
        content, starts, lengths = places_in(strings)
        found = [bytes(content[start:][:length]).decode() for start, length in zip(starts, lengths, strict=True)]
        short = 12 if as_views else -1
        assert found == [part if len(part.encode()) > short else "" for part in parts[skipped:]]


class TestBytes:
    @given(st.binary(max_size=200), st.lists(st.integers(0, 400), max_size=20), st.integers(1, 8))
    def test_anywhere_are_those_of_the_content_then_zeros(self, content: bytes, places: list[int], words: int) -> None:
        found = Bytes(memoryview(content)).at(np.array(places, np.intp), words)
        padded = content + bytes(500)
        assert found.shape == (words, len(places))
        for at, place in enumerate(places):
            assert found[:, at].tobytes() == padded[place : place + 8 * words]

    @pytest.mark.parametrize("length", [0, 7, 8, 63, 64, 65])
    def test_of_little_content_are_found(self, length: int) -> None:
        content = bytes(range(1, length + 1))
        assert Bytes(memoryview(content)).at(np.array([0]), 8)[:, 0].tobytes() == content[:64].ljust(64, b"\0")
