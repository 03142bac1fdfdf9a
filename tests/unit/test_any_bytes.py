"""Any bytes at all, for every importer: never a traceback, never a hang, never an entry unaccounted for."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.importing import Imports, balanced
from tests.unit.traffic_samples import AZURE, FORMATS, SEPARATOR, Format, Sent
from workloads.errors import ArchduelError
from workloads.importers.files.queries import Queries
from workloads.importers.files.reading import Source
from workloads.importers.formats import importers
from workloads.importers.importer import ENTRIES
from workloads.importers.rules.classify import classified

PACKED = (b"\x1f\x8b", b"BZh", b"\x28\xb5\x2f\xfd")
MARK = b"\xef\xbb\xbf"
ODD = [
    *(b'"', b"\\", b"\x00", b"-1", b" ", b"99999999999999999999", b"nan", b"\xff", b"[", b"]", b"{", b"}", b"%40"),
    *(b"infinity", b"\r", b"\n", b"\r\n", b"\t", b",", b";", b"<", b"$context", b"\xe2\x80\xa8", b"\xed\xa0\x80"),
    *(b"1e999", b"null", b"true", b"#Fields:", b"#Fields: date time cs-method cs-uri-stem\n", b"-", SEPARATOR.encode()),
    *(b"%", b"::", b"0", b"''", b"??", b"+9999", b"31/Feb/2015:25:61:61 +9999", b"9999-99-99T99:99:99.9Z"),
    b"2026-05-17T10:05:60Z",
]
REQUESTS = [Sent(), Sent("POST", "/orders?x=%ff%00"), Sent("FROB", "*", client="2001:db8::1"), Sent(status=0)]
# An importer may read what several kinds of programs write: the API Gateway's reads all its presets.
WRITTEN: dict[str, list[Format]] = {}
for form in (*FORMATS.values(), AZURE):
    WRITTEN.setdefault(f"{form.form}{' by template' if form.options.template else ''}", []).append(form)
EVERY = pytest.mark.parametrize("forms", WRITTEN.values(), ids=WRITTEN)
# One for each way of reading; the others share the reader of one of these, and are long.
READERS = (
    "alb",
    "api_gateway",
    "cloudfront",
    "combined",
    "csv",
    "goreplay",
    "har",
    "jsonl",
    "parquet",
    "iis",
    "haproxy",
)
EACH_READER = pytest.mark.parametrize(
    "forms",
    [pytest.param(forms, marks=() if name in READERS else pytest.mark.long) for name, forms in WRITTEN.items()],
    ids=WRITTEN,
)
BOTH = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def changed(draw: st.DrawFn, data: bytes, changes: int, length: int) -> bytes:
    """``data`` with up to so many places where up to ``length`` bytes are replaced by others."""
    changing = bytearray(data)
    for _ in range(draw(st.integers(0, changes))):
        start = draw(st.integers(0, len(changing)))
        end = start + draw(st.integers(0, length))
        changing[start:end] = draw(st.sampled_from(ODD) | st.binary(max_size=4))
    return bytes(changing)


@st.composite
def log_like(draw: st.DrawFn) -> bytes:
    """A file of some format, or several formats in one, with changes."""
    texts = [form.write(REQUESTS) for forms in WRITTEN.values() for form in forms if form.form != "parquet"]
    pieces = [draw(st.sampled_from(texts))]
    pieces += draw(st.lists(st.sampled_from(ODD) | st.binary(max_size=20), max_size=3))
    return changed(draw, b"".join(draw(st.permutations(pieces))), 8, 12)


@st.composite
def damaged(draw: st.DrawFn, forms: list[Format]) -> bytes:
    """A file that the importer reads, with a few changes."""
    written = draw(st.sampled_from(forms)).write(REQUESTS[: draw(st.integers(0, 4))])
    return changed(draw, written, 6, 40)


def lines_in(data: bytes) -> int:
    """What ``wc -l`` counts, and one more where the last line has no end."""
    data = data.removeprefix(MARK)
    return data.count(b"\n") + bool(data and not data.endswith(b"\n"))


@dataclass
class Anything:
    """A file of any bytes, read with the same queries for all examples: planning one takes longer than a few lines."""

    path: Path
    queries: Queries

    def check(self, written: Format, data: bytes) -> None:
        """Every entry is classified once, or the file is refused."""
        self.path.write_bytes(data)
        source = Source(self.path, self.queries.database, queries=self.queries)
        numbers: list[int | None] = []
        refused = ""
        try:
            with source.explained():
                for entries in importers()[written.form].with_options(written.options).entries(source):
                    table = entries.table(source)
                    assert table.schema.names == ENTRIES.names
                    assert [column.type for column in table.schema] == [column.type for column in ENTRIES]
                    numbers += classified(entries, source).column("line_number").to_pylist()
        except ArchduelError as error:
            refused = str(error)
        if refused:
            assert "\n" not in refused
            assert str(self.path) in refused
            may_refuse = written.headers or not written.lines
            assert may_refuse or data.startswith(PACKED)
        else:
            assert numbers == list(range(1, source.items_read + 1))
            assert not written.lines or source.items_read == lines_in(data)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Anything]:
    with duckdb.connect() as database:
        yield Anything(tmp_path_factory.mktemp("any") / "any", Queries(database))


@EACH_READER
@pytest.mark.fuzz
class TestAnyBytes:
    @settings(BOTH, max_examples=6)
    @given(data=st.binary(max_size=200))
    @example(data=b"")
    @example(data=MARK)
    @example(data=b"\n" * 50)
    @example(data=b"- " * 200)
    @example(data=b'"' * 999)
    @example(data=b"{" * 20_000)
    @example(data=b"[" * 20_000)
    @example(data=b'{"a":' * 5_000)
    def test_every_entry_is_classified_once_or_the_file_refused(
        self, forms: list[Format], file: Anything, data: bytes
    ) -> None:
        file.check(forms[0], data)

    @settings(BOTH, max_examples=16)
    @given(data=st.data())
    def test_a_damaged_file_too(self, forms: list[Format], file: Anything, data: st.DataObject) -> None:
        content = data.draw(damaged(forms) | log_like())
        file.check(forms[0], content)


@pytest.mark.fuzz
@settings(BOTH, max_examples=20)
@given(data=st.binary(max_size=60) | log_like(), form=st.sampled_from(sorted(importers())))
def test_an_import_succeeds_with_its_books_balanced_or_explains_itself(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, form: str
) -> None:
    imports = Imports(tmp_path_factory.mktemp("any"))
    try:
        result = imports.run(data, form)
    except ArchduelError:
        assert imports.library.paths() == {}
    else:
        assert balanced(result)
        assert imports.library.load("mine").requests == result.accepted


@pytest.mark.long
@EVERY
@settings(BOTH, max_examples=400)
@given(data=st.data())
def test_every_importer_withstands_much_more_of_it(forms: list[Format], file: Anything, data: st.DataObject) -> None:
    content = data.draw(damaged(forms) | log_like())
    file.check(forms[0], content)
