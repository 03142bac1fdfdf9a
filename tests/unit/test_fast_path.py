"""The fast path recognises its lines, and reads them as the query would."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from workloads.importers.files.queries import Queries
from workloads.importers.files.reading import Source
from workloads.importers.formats.combined import IMPORTER
from workloads.importers.formats.fast_path import parse_fast
from workloads.importers.importer import Entries

FORM = '{client} {ident} {user} [{day}:{time} {zone}] "{method} {target} {protocol}" {status} {size}{rest}'
DEFAULTS = {
    "client": "192.0.2.1",
    "ident": "-",
    "user": "-",
    "day": "17/May/2015",
    "time": "10:05:03",
    "zone": "+0000",
    "method": "GET",
    "target": "/menu",
    "protocol": "HTTP/1.1",
    "status": "200",
    "size": "1234",
    "rest": ' "-" "agent"',
}
VARIANTS = {
    "client": ["192.0.2.1", "2001:db8::1", "-", "", "a", "host.example", "10.0.0.1:443", "shop:80 192.0.2.1", '"', "é"],
    "ident": ["-", "", "x", "- "],
    "user": ["-", "anna", "anna maria", "a" * 7, "a" * 8, "a" * 9, "", "[x]", "\\", '""', '"q r"', 'x"y'],
    "day": [
        "17/May/2015",
        "29/Feb/2023",
        "29/Feb/2024",
        "31/Apr/2020",
        "00/Jan/2020",
        "1/Jan/2020",
        "31/Dec/1969",
        "01/Jan/0000",
        "31/Dec/9999",
    ],
    "month": ["17/may/2015", "17/Mai/2015", "17/May/15", "17/May/2100", "07/Sep/1970"],
    "time": ["10:05:03", "23:59:59", "24:00:00", "10:60:00", "23:59:60", "1:05:03", "10-05-03", "00:00:00"],
    "zone": ["+0000", "-0000", "+0530", "-1200", "+1400", "+1500", "+9959", "0000", "Z", "+00:00", "+0060"],
    "method": ["GET", "POST", "OPTIONS", "PATCH", "PURGE", "get", "", "-", "DELETE", "HEAD", "PUT"],
    "target": ["/", "/menu?day=1", "*", "", "/" + "a" * 30, "/" + "a" * 31, "/" + "a" * 32, "/" + "b" * 4000, '/\\"x'],
    "more": ["/a b", "/\\x22", "/é", "/!", "http://shop.example/a", "/x#y", "/\x7f", "/\x01", "/%20", "?", '/"'],
    "protocol": ["HTTP/1.1", "HTTP/2.0", "HTTP/1.0", "HTTP/2", "HTTP/1.1 ", "HTTPS/1", "", "HTTP/a.b"],
    "status": ["200", "404", "-", "20", "2000", "abc", "000", "999"],
    "size": ["1234", "-", "0", "1234567", "12345678", "99999999999", "", "-1", "1.5", "12a"],
    "rest": ["", ' "-" "agent"', " ", "x", ' "a\\"b" "c" 0.123', "\t1", ' "-', ' [x] "y" 200 1'],
}


@st.composite
def lines(draw: st.DrawFn) -> str:
    """A line of the fast path with up to three other parts, and up to two other characters."""
    parts = dict(DEFAULTS)
    for part in draw(st.lists(st.sampled_from(list(VARIANTS)), max_size=3)):
        parts[{"month": "day", "more": "target"}.get(part, part)] = draw(st.sampled_from(VARIANTS[part]))
    characters = list(FORM.format_map(parts))
    for at in draw(st.lists(st.integers(0, len(characters) - 1), max_size=2)):
        characters[at] = draw(
            st.sampled_from(["", " ", '"', "\\", "[", "0", "/", "\t", "\r", "\0", "é", ":", "9", "-"])
        )
    return "".join(characters)


class Log:
    """A log file that the importer reads."""

    def __init__(self, path: Path, database: duckdb.DuckDBPyConnection) -> None:
        self._path = path
        self._queries = Queries(database)

    def entries(self, content: str) -> tuple[Source, list[Entries]]:
        """What the importer makes of ``content``."""
        self._path.write_bytes(content.encode())
        source = Source(self._path, self._queries.database, queries=self._queries)
        return source, list(IMPORTER.entries(source))

    def fast(self, content: str) -> list[bool]:
        """Which lines are on the fast path."""
        _, blocks = self.entries(content)
        return [fast for block in blocks for fast in block.prepared().column("fast").to_pylist()]


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Log]:
    with duckdb.connect() as database:
        yield Log(tmp_path_factory.mktemp("logs") / "access.log", database)


def nothing_fast(lines: pa.Table) -> pa.Table:
    """As `parse_fast`, but leaves every line to the query."""
    parsed = parse_fast(lines)
    at = parsed.schema.get_field_index("fast")
    return parsed.set_column(at, "fast", pa.array([False] * parsed.num_rows, pa.bool_()))


def copied(lines: pa.Table) -> pa.Table:
    """With strings instead of views, as after filtering."""
    at = lines.schema.get_field_index("line")
    return lines.set_column(at, "line", lines.column(at).cast(pa.string()))


def line(**other: str) -> str:
    return FORM.format_map(DEFAULTS | other)


class TestEveryLine:
    @pytest.mark.fuzz
    @settings(max_examples=40)
    @given(st.lists(lines(), max_size=25), st.sampled_from(["\n", "\r\n"]), st.booleans())
    @example([line(rest="")] * 3, "\n", False)
    @example([line(client="10.0.0.1:443", rest=' [x] "y" 200 1')], "\n", True)
    def test_is_read_as_by_the_query(self, log: Log, content: list[str], end: str, ended: bool) -> None:
        source, blocks = log.entries(end.join(content) + (end if ended else ""))
        for block in blocks:
            by_the_query = replace(block, prepare=nothing_fast).table(source).to_pylist()
            assert block.table(source).to_pylist() == by_the_query
            assert replace(block, lines=copied(block.lines)).table(source).to_pylist() == by_the_query

    def test_of_a_long_file_is_read_as_by_the_query(self, log: Log) -> None:
        content = (
            line(
                time=f"{at // 3000 % 24:02}:{at // 50 % 60:02}:{at % 7:02}", target=f"/{'a' * (at % 90)}", size=str(at)
            )
            for at in range(60_000)
        )
        source, blocks = log.entries("\n".join(content))
        for block in blocks:
            assert block.table(source).equals(replace(block, prepare=nothing_fast).table(source))


FAST = [
    line(),
    line(rest=""),
    line(client="2001:db8:0:1:2:3:4:5"),
    line(user="a.very.long.name@shop.example"),
    line(zone="+0530"),
    line(method="OPTIONS"),
    line(target=f"/{'a' * 1000}?q=%20"),
    line(protocol="HTTP/2.0"),
    line(size="-"),
    line(size="-", rest=""),
    line(rest=' "\\"" "a" 0.123'),
]
OTHERS = [
    "",
    "192.0.2.1",
    line(client=""),
    line(user=""),
    line(time="23:59:60"),
    line(day="29/Feb/2023"),
    line(target="/a b"),
    line(target="/\\x22"),
    line(target=""),
    line(user="anna maria"),
    line(protocol="HTTP/2"),
    line(status="-"),
    line(size="12a"),
    line(target=f"/{'a' * 5000}"),
]


class TestTheFastPath:
    @pytest.mark.parametrize("content", ["{}", "{}\n", "{}\r\n", "\n{}\nx\n"])
    def test_takes_these_lines_wherever_they_stand(self, log: Log, content: str) -> None:
        slow = [line for line in FAST if log.fast(content.replace("{}", line)).count(True) != 1]
        assert not slow

    def test_takes_no_others(self, log: Log) -> None:
        fast = [line for line in OTHERS if any(log.fast(f"{line}\n{line}"))]
        assert not fast
