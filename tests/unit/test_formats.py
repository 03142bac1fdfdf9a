"""Every format of recorded traffic: how its lines are read, and that none of them is lost.

The pipeline behind all formats is tested in `test_importers`.
"""

import bz2
import gzip
import itertools
import json
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.importing import Imports, balanced
from tests.unit.traffic_samples import AT, FORMATS, SEPARATOR, TEMPLATE, Format, Sent
from workloads.errors import ArchduelError, UsageError
from workloads.importers.files.reading import Source
from workloads.importers.formats import importers
from workloads.importers.importer import Options
from workloads.importers.rules.classify import Rules
from workloads.recordings.recording import SCHEMA

EVERY = pytest.mark.parametrize("written", FORMATS.values(), ids=FORMATS)
LINES = pytest.mark.parametrize(
    "written", [form for form in FORMATS.values() if form.lines], ids=[name for name in FORMATS if FORMATS[name].lines]
)


REQUESTS = [
    Sent("POST", "/orders", status=201, client="203.0.113.7"),
    Sent("GET", "/orders/17?page=2", at=AT + timedelta(seconds=2), client="203.0.113.7"),
    Sent("OPTIONS", "/orders", at=AT + timedelta(seconds=3), client="2001:db8::1"),
    Sent("DELETE", "/orders/18", at=AT + timedelta(seconds=5), status=404, client="198.51.100.1"),
]


class TestEveryFormat:
    @EVERY
    def test_is_detected_and_reads_the_same_requests(self, imports: Imports, written: Format) -> None:
        result = imports.run(written.write(REQUESTS), "auto", written.options)
        assert result.formats == {written.form: 1}
        assert result.lines == len(REQUESTS) + written.headers
        assert (result.accepted, result.header, result.quarantined) == (3, written.headers, 0)
        assert result.dropped_by_rule == {"method OPTIONS is neither command nor query": 1}
        assert imports.library.load("mine").table.drop_columns(["route"]).schema.equals(SCHEMA)
        table = imports.rows()
        assert [(row["method"], row["path"], row["operation"], row["entity"]) for row in table] == [
            ("POST", "/orders", "command", None),
            ("GET", "/orders/17", "query", "/orders/17"),
            ("DELETE", "/orders/18", "command", "/orders/18"),
        ]
        if written.form != "goreplay":  # it records no answers beside requests
            assert [row["recorded_status"] for row in table] == [201, 200, 404]
        arrivals = [row["arrival_us"] for row in table]
        if "fraction" in written.knows:
            assert (result.first_arrival, result.subsecond) == (AT, "recorded")
            assert arrivals == [0, 2_000_000, 5_000_000]
        else:
            assert abs(result.first_arrival - AT) < timedelta(seconds=1)
            assert result.subsecond == "synthetic"
            assert arrivals == pytest.approx([0, 2_000_000, 5_000_000], abs=1_000_000)
        latency_us = 250_000 if "latency" in written.knows else None
        assert {row["recorded_latency_us"] for row in table} == {latency_us}
        clients = [row["client"] for row in table]
        if "client" in written.knows:
            assert clients[0] == clients[1] != clients[2]
        else:
            assert clients == [None] * 3

    @pytest.mark.parametrize(
        ("name", "pack"),
        [
            ("combined", gzip.compress),
            ("combined", bz2.compress),
            ("combined", lambda data: pa.compress(data, "zstd", asbytes=True)),
            ("har", gzip.compress),
            ("goreplay", gzip.compress),
        ],
    )
    def test_may_be_packed_in_several_parts_under_any_name(
        self, imports: Imports, name: str, pack: Callable[[bytes], bytes]
    ) -> None:
        data = FORMATS[name].write(REQUESTS)
        half = len(data) // 2
        result = imports.run(pack(data[:half]) + pack(data[half:]), name)
        assert (result.accepted, result.quarantined) == (3, 0)

    @LINES
    def test_line_ends_of_any_kind_a_mark_in_front_and_none_at_the_end(self, imports: Imports, written: Format) -> None:
        ends = itertools.cycle([b"\r\n", b"\n\n", b"\r\n \r\n"])
        data = b"".join(line + next(ends) for line in written.write(REQUESTS).splitlines())
        result = imports.run(b"\xef\xbb\xbf" + data.rstrip(), written.form, written.options)
        assert (result.accepted, result.header, result.quarantined) == (3, written.headers, 0)
        assert result.blank >= 2
        assert balanced(result)

    @LINES
    def test_lines_that_are_none_are_quarantined_and_cost_no_other(self, imports: Imports, written: Format) -> None:
        junk = [
            *(b"junk", b'"', b"\x00", b"{", b"\xff\xfe", b"- - - - -", b"a\tb\t\t", b",,,,,,", b"<request>"),
            b"x" * 1_100_000,
        ]
        lines = written.write(REQUESTS).splitlines(keepends=True)
        good = [line for line in lines[written.headers :] for _ in range(3)]
        mixed = [line for pair in zip(good, [*junk, b" ", b""], strict=True) for line in (pair[1] + b"\n", pair[0])]
        result = imports.run(b"".join([*lines[: written.headers], *mixed]), written.form, written.options)
        assert (result.accepted, result.dropped) == (9, 3)
        assert (result.quarantined, result.blank) == (10, 2)
        assert balanced(result)

    @LINES
    def test_a_log_rotated_in_the_middle_of_a_line_loses_that_line_only(
        self, imports: Imports, written: Format
    ) -> None:
        data = written.write(REQUESTS * 3)
        head = b"".join(data.splitlines(keepends=True)[: written.headers])
        middle = data.index(b"/orders", len(data) // 2)
        first, second = imports.file(data[:middle], "a.log"), imports.file(head + data[middle:], "b.log")
        result = imports.read(first, second, form=written.form, options=written.options)
        assert 1 <= result.quarantined <= 2
        assert result.accepted + result.dropped >= 11 - 1
        assert balanced(result)

    @pytest.mark.parametrize("name", ["combined", "cloudfront", "goreplay"])
    def test_strict_fails_at_the_first_line_it_cannot_use(self, imports: Imports, name: str) -> None:
        written = FORMATS[name]
        imports.run(written.write(REQUESTS), name, strict=True)
        bad = [REQUESTS[0], replace(REQUESTS[1], target="nowhere"), REQUESTS[2]]
        with pytest.raises(
            ArchduelError, match=f"line {written.headers + 2} its request target is no path: .*--strict"
        ):
            imports.read(imports.file(written.write(bad), "bad"), form=name, strict=True)
        assert imports.library.load("mine").requests == 3

    @pytest.mark.parametrize("name", ["combined", "jsonl"])
    def test_only_what_arrived_from_and_before_given_times_is_taken(self, imports: Imports, name: str) -> None:
        start_us = round(AT.timestamp()) * 1_000_000
        rules = Rules(from_us=start_us + 1_000_000, to_us=start_us + 4_500_000)
        result = imports.run(FORMATS[name].write(REQUESTS), name, rules=rules)
        assert [row["path"] for row in imports.rows()] == ["/orders/17"]
        assert result.dropped_by_rule["before --from"] == 1
        assert result.dropped_by_rule["not before --to"] == 1
        assert balanced(result)


class TestGateway:
    def test_the_body_of_a_template_is_taken_literally(self, imports: Imports) -> None:
        template = "(.*)+ $context.requestTimeEpoch [$context.httpMethod] $context.path."
        result = imports.run(
            "(.*)+ 1779012303250 [GET] /a.b.\n(x)+ 1779012303250 [GET] /a.b.\n",
            "api_gateway",
            Options(template=template),
        )
        assert (result.accepted, result.quarantined) == (1, 1)
        assert imports.rows()[0]["path"] == "/a.b"

    @pytest.mark.parametrize(
        "line",
        [
            '{"ip": "192.0.2.1", "requestTime": "17/May/2026:10:05:03 +0000", "routeKey": "GET /orders/{id}"}',
            '192.0.2.1 - - [17/May/2026:10:05:03 +0000] "GET GET /orders/{id} HTTP/1.1" 200 12 JKJaXmPLvHcESHA=\n',
        ],
    )
    def test_a_route_key_says_method_and_path(self, imports: Imports, line: str) -> None:
        imports.run(line, "api_gateway")
        assert [(row["method"], row["path"]) for row in imports.rows()] == [("GET", "/orders/{id}")]

    def test_milliseconds_are_preferred_to_seconds_and_a_path_to_its_resource(self, imports: Imports) -> None:
        line = {
            "requestTime": "17/May/2026:10:05:03 +0000",
            "requestTimeEpoch": 1779012303250,
            "httpMethod": "GET",
            "resourcePath": "/orders/{id}",
            "path": "/prod/orders/17",
            "responseLatency": "33",
        }
        result = imports.run(json.dumps(line), "api_gateway")
        (row,) = imports.rows()
        assert (row["path"], row["recorded_latency_us"], result.subsecond) == ("/prod/orders/17", 33_000, "recorded")

    @pytest.mark.parametrize(
        ("template", "message"),
        [
            ("$request", "holds no .context variable"),
            ("$context.httpMethod $context.path", "has no time"),
            ("$context.requestTime $context.path", "has no method and path"),
            ("$context.requestTime $context.httpMethod", "has no method and path"),
        ],
    )
    def test_a_template_that_cannot_do_is_wrong_usage(self, template: str, message: str) -> None:
        with pytest.raises(UsageError, match=message):
            importers()["api_gateway"].with_options(Options(template=template))

    def test_a_template_is_for_the_gateway_alone(self) -> None:
        with pytest.raises(UsageError, match="alb takes no --template"):
            importers()["alb"].with_options(Options(template=TEMPLATE))


class TestCloudFront:
    HEADER = "#Version: 1.0\n#Fields: date time cs-method cs-uri-stem sc-status time-taken\n"

    def test_columns_may_change_within_a_file_put_together_from_several(self, imports: Imports) -> None:
        other = "#Fields: sc-status cs-uri-stem cs-method time date\n"
        text = (
            f"{self.HEADER}2026-05-17\t10:05:03\tGET\t/a\t200\t0.100\n{self.HEADER}"
            f"2026-05-17\t10:05:04\tGET\t/b\t200\t0.100\n{other}404\t/c\tPOST\t10:05:05\t2026-05-17\n"
        )
        result = imports.run(text, "cloudfront")
        assert (result.accepted, result.header) == (3, 5)
        assert [(row["path"], row["recorded_status"]) for row in imports.rows()] == [
            ("/a", 200),
            ("/b", 200),
            ("/c", 404),
        ]

    @pytest.mark.parametrize(
        ("fields", "message"),
        [("date time sc-status", "cs-method and cs-uri-stem"), ("cs-method cs-uri-stem", "neither date and time")],
    )
    def test_columns_without_which_nothing_can_be_done_are_named(
        self, imports: Imports, fields: str, message: str
    ) -> None:
        with pytest.raises(ArchduelError, match=message):
            imports.run(f"#Fields: {fields}\na\tb\n", "cloudfront")

    def test_records_before_the_columns_are_named_are_quarantined(self, imports: Imports) -> None:
        text = f"2026-05-17\t10:05:03\tGET\t/a\t200\t0.1\n{self.HEADER}2026-05-17\t10:05:03\tGET\t/a\t200\t0.1\n"
        result = imports.run(text, "cloudfront")
        assert result.quarantined_by_reason == {"comes before the line that names the columns": 1}
        assert result.accepted == 1

    def test_a_file_with_too_many_header_lines_is_refused(
        self, imports: Imports, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("workloads.importers.formats.headed._MAX_HEADERS", 3)
        text = "".join(f"#Fields: date time cs-method cs-uri-stem x{number}\n" for number in range(4))
        with pytest.raises(ArchduelError, match="has more than 3 header lines"):
            imports.run(text, "cloudfront")


class TestNamedColumns:
    def test_names_are_common_ones_or_given(self, imports: Imports) -> None:
        text = 'When;Verb;URL;"my status"\n2026-05-17 10:05:03.25;GET;"/a?x=""1""";404\n'
        options = Options(columns={"timestamp": "When", "status": "my status"})
        imports.run(text, "csv", options)
        (row,) = imports.rows()
        assert (row["method"], row["path"], row["recorded_status"]) == ("GET", "/a", 404)

    def test_a_name_in_quotes_is_a_value(self, imports: Imports) -> None:
        options = Options(columns={"method": "'POST'", "path": "'/generate'"})
        imports.run("TIMESTAMP,tokens\n2026-05-17 10:05:03.25,3\n", "csv", options)
        assert [(row["method"], row["path"]) for row in imports.rows()] == [("POST", "/generate")]

    @pytest.mark.parametrize(
        ("header", "columns", "message"),
        [
            ("when,method,path", {}, "no column for the timestamp among when, method, path; .*--column timestamp="),
            ("timestamp,path", {}, "no column for the method"),
            ("timestamp,method", {}, "no column for the path"),
            ("timestamp,method,path", {"path": "where"}, "no column is called 'where' among"),
            ("2026-05-17T10:05:03Z,GET,/reset/hunter2", {}, "its first line must name the columns"),
        ],
    )
    def test_a_missing_column_is_named_and_a_record_in_its_place_not_shown(
        self, imports: Imports, header: str, columns: dict[str, str], message: str
    ) -> None:
        with pytest.raises(ArchduelError, match=message) as caught:
            imports.run(f"{header}\n1,2,3\n", "csv", Options(columns=columns))
        assert "hunter2" not in str(caught.value)

    def test_an_unknown_role_is_wrong_usage(self) -> None:
        with pytest.raises(UsageError, match="no request has a colour; choose from timestamp"):
            importers()["csv"].with_options(Options(columns={"colour": "c"}))

    def test_nested_names_have_dots(self, imports: Imports) -> None:
        event = {"@timestamp": "2026-05-17T10:05:03Z", "http": {"request": {"method": "GET"}}, "url": {"path": "/a"}}
        other = {"@timestamp": "2026-05-17T10:05:03Z", "http.request.method": "GET", "a": {"b": "/b"}}
        imports.run(f"{json.dumps(event)}\n", "jsonl")
        assert imports.rows()[0]["path"] == "/a"
        imports.run(f"{json.dumps(other)}\n", "jsonl", Options(columns={"path": "a.b"}))
        assert imports.rows()[0]["path"] == "/b"

    def test_odd_characters_in_a_path_are_no_trouble(self, imports: Imports) -> None:
        odd = ["\\u0000", "\\ud800", "\\n", "\\u2028", "%00", "é", "\U0001f435", '\\"', "'", "$1"]
        lines = [f'{{"timestamp": 1779012303, "method": "GET", "path": "/a{letter}c"}}\n' for letter in [*odd, "b"]]
        result = imports.run("".join(lines), "jsonl")
        assert result.accepted >= 8
        assert balanced(result)
        assert imports.rows()[-1]["path"] == "/abc"

    def test_a_body_counts_and_is_not_kept(self, imports: Imports) -> None:
        line = {"timestamp": 1779012303, "method": "POST", "path": "/a", "body": "grüße"}
        imports.run(json.dumps(line), "jsonl")
        assert imports.rows()[0]["payload_bytes"] == 7

    def test_nested_columns_of_parquet_have_dots(self, imports: Imports, tmp_path: Path) -> None:
        table = pa.table(
            {"at": pa.array([1779012303250], pa.int64()), "request": [{"method": "GET", "path": "/a", "other": 1}]}
        )
        pq.write_table(table, tmp_path / "a.parquet")
        imports.read(tmp_path / "a.parquet", form="parquet", options=Options(columns={"timestamp": "at"}))
        assert [(row["method"], row["path"]) for row in imports.rows()] == [("GET", "/a")]

    def test_columns_of_parquet_with_dots_in_their_names_are_no_paths(self, imports: Imports, tmp_path: Path) -> None:
        """OpenTelemetry's own names; lists and other columns beside them are passed over."""
        columns = {
            "timestamp": [1779012303250],
            "tags": [["a"]],
            "url": ["/whole"],
            "http": [{"request": {"method": "PUT"}, "response": [{"status_code": 1}]}],
            "url.path": ["/a"],
            "http.response.status_code": [201],
        }
        pq.write_table(pa.table(columns), tmp_path / "a.parquet")
        options = Options(columns={"path": "url.path"})
        imports.read(tmp_path / "a.parquet", form="parquet", options=options)
        read = [(row["method"], row["path"], row["recorded_status"]) for row in imports.rows()]
        assert read == [("PUT", "/a", 201)]

    def test_names_with_dots_in_odd_places_are_names(self, imports: Imports) -> None:
        line = {"timestamp": 1779012303, "method": "GET", "..": "/a", "client.": "198.51.100.7"}
        imports.run(json.dumps(line), "jsonl", Options(columns={"path": "..", "client": "client."}))
        assert [row["path"] for row in imports.rows()] == ["/a"]

    @pytest.mark.parametrize("keep", [4, 50, -20])
    def test_a_damaged_parquet_file_is_named(self, imports: Imports, keep: int) -> None:
        data = FORMATS["parquet"].write(REQUESTS)
        with pytest.raises(ArchduelError, match="is damaged Parquet"):
            imports.run(data[:keep], "parquet")


class TestStamps:
    DATES = (  # the text, seconds from `AT`'s second, and whether it has a fraction
        ("2026-05-17T10:05:03Z", 0, False),
        ("2026-05-17T10:05:03", 0, False),
        ("2026-05-17 12:05:03+02:00", 0, False),
        ("2026-05-17 12:05:03 +0200", 0, False),
        ("2026-05-17T12:05:03.5+02", 0.5, True),
        ("2026-05-17T10:05:03.250000789Z", 0.25, True),
        ("2026-05-17 10:05:03.25 UTC", 0.25, True),
        ("2026-05-17 10:05:03 GMT", 0, False),
        ("17/May/2026:12:05:03 +0200", 0, False),
        ("1779012303", 0, False),
        ("1779012303.25", 0.25, True),
        ("1779012303250", 0.25, True),
        ("1779012303250000", 0.25, True),
        ("1779012303250000789", 0.25, True),
        ("2026-05-17T10:04:60Z", -3, False),  # a leap second
        ("2026-05-17T10:04:60.5Z", -2.5, True),
        ("17/May/2026:10:04:60 +0000", -3, False),
    )
    NO_DATES = ("", "-", "infinity", "yesterday", "2026-05-17", "26-05-17T10:05:03Z", "9" * 30, "-5")

    @pytest.mark.parametrize("fraction", [True, False])
    def test_a_date_in_any_common_form_is_understood(self, imports: Imports, fraction: bool) -> None:
        dates = [(text, seconds) for text, seconds, has_one in self.DATES if has_one is fraction]
        lines = "".join(f"{text},GET,/{number}\n" for number, (text, _) in enumerate(dates))
        result = imports.run(f"time,method,path\n{lines}", "csv")
        assert (result.accepted, result.subsecond) == (len(dates), "recorded" if fraction else "synthetic")
        first_us = round(result.first_arrival.timestamp() * 1e6)
        start_us = round(AT.replace(microsecond=0).timestamp() * 1e6)
        read_s = {row["path"]: (first_us - start_us + row["arrival_us"]) / 1e6 for row in imports.rows()}
        within_s = 1e-6 if fraction else 1  # else a fraction is made up, and the first one's counts from 0
        assert read_s == {
            f"/{number}": pytest.approx(seconds, abs=within_s) for number, (_, seconds) in enumerate(dates)
        }

    def test_what_is_no_date_is_quarantined(self, imports: Imports) -> None:
        lines = "".join(f"{text},GET,/a\n" for text in self.NO_DATES)
        result = imports.run(f"time,method,path\n{lines}1779012303,GET,/b\n", "csv")
        assert result.quarantined_by_reason == {"its date cannot be read": len(self.NO_DATES)}

    def test_the_hour_that_comes_twice_when_clocks_go_back_is_two_hours(self, imports: Imports) -> None:
        text = "".join(
            f'192.0.2.1 - - [25/Oct/2026:02:30:00 {zone}] "GET /{index} HTTP/1.1" 200 1\n'
            for index, zone in enumerate(("+0100", "+0200"))
        )
        imports.run(text, "combined")
        table = imports.rows()
        assert [row["path"] for row in table] == ["/1", "/0"]
        assert table[1]["arrival_us"] == pytest.approx(3_600_000_000, abs=1_000_000)


class TestHar:
    @staticmethod
    def document(*entries: object) -> str:
        return json.dumps({"log": {"version": "1.2", "entries": entries}})

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("", "nothing to import"),
            ("{}", "it has no log.entries"),
            ('{"log": {"entries": {}}}', "it has no log.entries"),
            ('{"log": {"entries": [{"a": 1}', "is cut off"),
            ('{"log": {"entries": []}} more', "is no JSON"),
            ("[" * 5000, "nested more than 100 deep"),
            ('{"log": {"entries": [], "n": ' + "9" * 5000 + "}}", "holds a number of over 1000"),
            ('{"log": {"entries": []}}', "nothing to import"),
        ],
    )
    def test_what_is_no_har_file_is_named(self, imports: Imports, text: str, message: str) -> None:
        with pytest.raises(ArchduelError, match=message):
            imports.run(text, "har")

    @pytest.mark.parametrize("number", ["1" * 5000, "-1." + "1" * 5000, "1e" + "1" * 5000, "0" * 2000, "1e" + "9" * 30])
    @pytest.mark.parametrize("before", ["", '"a": "\\\\\\"", "b": '], ids=["", "text"])
    def test_numbers_that_nothing_can_read_are_named(self, imports: Imports, before: str, number: str) -> None:
        with pytest.raises(ArchduelError, match="holds a number"):
            imports.run(f'{{"log": {{"entries": [{{{before or chr(34) + "time" + chr(34) + ": "}{number}}}]}}}}', "har")

    @pytest.mark.parametrize("length", [1000, 5000, 9 << 20])
    def test_a_text_may_hold_as_many_digits_as_it_likes(self, imports: Imports, length: int) -> None:
        entry = json.loads(FORMATS["har"].write(REQUESTS[:1]))["log"]["entries"][0]
        entry["comment"] = '\\"' + "1" * length + "\\"
        assert imports.run(self.document(entry, entry), "har").accepted == 2

    def test_entries_that_are_none_are_quarantined(self, imports: Imports) -> None:
        good = json.loads(FORMATS["har"].write(REQUESTS[:1]))["log"]["entries"][0]
        result = imports.run(self.document(good, 1, None, [], {"request": {}}, good), "har")
        assert (result.lines, result.accepted, result.quarantined) == (6, 2, 4)

    def test_a_long_file_is_read_piece_by_piece(self, imports: Imports) -> None:
        entry = json.loads(FORMATS["har"].write([replace(REQUESTS[0], secret="x" * 20_000)]))["log"]["entries"][0]
        path = imports.file(self.document(*[entry] * 200))
        assert path.stat().st_size > 20_000_000
        assert imports.read(path, form="auto").accepted == 200

    def test_the_size_of_a_body_is_known_from_its_text(self, imports: Imports) -> None:
        imports.run(FORMATS["har"].write([replace(REQUESTS[0], secret="x" * 1234)]), "har")
        assert imports.rows()[0]["payload_bytes"] == 1234


class TestGoReplay:
    HEAD = "1 a1b2 1779012303250000000 0\n"

    def test_responses_are_dropped_and_counted(self, imports: Imports) -> None:
        response = f"2 a1b2 1779012303260000000 5\nHTTP/1.1 200 OK\r\n\r\nsecret{SEPARATOR}"
        result = imports.run(FORMATS["goreplay"].write(REQUESTS).decode() + response, "goreplay")
        assert (result.lines, result.accepted) == (5, 3)
        assert result.dropped_by_rule["a recorded response"] == 1

    def test_a_body_of_any_size_is_counted(self, imports: Imports) -> None:
        sizes = [0, 10, 300_000, 9_000_000, 0, 300_000]
        head = f"{self.HEAD}POST /a HTTP/1.1\r\nHost: x\r\n\r\n"
        imports.run("".join(f"{head}{'b' * size}{SEPARATOR}" for size in sizes), "goreplay")
        assert [row["payload_bytes"] for row in imports.rows()] == sizes

    def test_the_last_message_needs_no_separator(self, imports: Imports) -> None:
        message = f"{self.HEAD}GET /a HTTP/1.1\r\n\r\n"
        assert imports.run(f"{message}{SEPARATOR}{message}", "goreplay").accepted == 2

    def test_what_is_no_message_is_quarantined(self, imports: Imports) -> None:
        good = f"{self.HEAD}GET /a HTTP/1.1\r\n\r\n"
        parts = [good, "junk", "1 a x\nGET / HTTP/1.1\r\n\r\n", f"{self.HEAD}nonsense\r\n\r\n", self.HEAD, good]
        result = imports.run(SEPARATOR.join(parts), "goreplay")
        assert (result.accepted, result.quarantined) == (2, 4)


class TestPlaces:
    LINE = FORMATS["combined"].write([Sent()])

    def test_a_folder_is_all_its_files(self, imports: Imports, tmp_path: Path) -> None:
        (tmp_path / "logs" / "day").mkdir(parents=True)
        (tmp_path / "logs" / ".hidden").write_bytes(b"junk")
        for name in ("b.log", "a.log", "day/c.log.gz"):
            packed = gzip.compress(self.LINE) if name.endswith(".gz") else self.LINE
            (tmp_path / "logs" / name).write_bytes(packed)
        result = imports.read(tmp_path / "logs", form="combined")
        assert list(result.files) == ["a.log", "b.log", "c.log.gz"]

    def test_a_pattern_is_all_files_like_it(self, imports: Imports, tmp_path: Path) -> None:
        for name in ("x.log", "x.log.1", "y.log", "z[1].log"):
            (tmp_path / name).write_bytes(self.LINE)
        assert list(imports.read(str(tmp_path / "x.log*"), form="combined").files) == ["x.log", "x.log.1"]
        assert list(imports.read(tmp_path / "z[1].log", form="combined").files) == ["z[1].log"]
        with pytest.raises(ArchduelError, match=r"no file matches it"):
            imports.read(str(tmp_path / "q*"), form="combined")

    def test_a_link_to_a_file_is_that_file_and_read_once(self, imports: Imports, tmp_path: Path) -> None:
        folder = tmp_path / "logs"
        folder.mkdir()
        (folder / "access.1.log").write_bytes(self.LINE)
        (folder / "current").symlink_to("access.1.log")
        (folder / "elsewhere.log").symlink_to(tmp_path / "outside.log")
        (tmp_path / "outside.log").write_bytes(self.LINE)
        assert imports.read(folder, form="combined").lines == 2
        assert imports.read(folder / "current", form="combined").lines == 1
        with pytest.raises(UsageError, match="named twice"):
            imports.read(folder / "current", folder / "access.1.log", form="combined")

    def test_links_that_lead_nowhere_in_circles_or_to_folders_are_named(self, imports: Imports, tmp_path: Path) -> None:
        (tmp_path / "dangling").symlink_to("missing")
        (tmp_path / "circle").symlink_to("circle")
        (tmp_path / "logs").mkdir()
        (tmp_path / "logs" / "up").symlink_to(tmp_path)
        for path, message in (
            ("dangling", "does not exist"),
            ("circle", "cannot be read"),
            ("logs", "up is a link to a folder"),
        ):
            with pytest.raises(ArchduelError, match=message):
                imports.read(tmp_path / path, form="combined")

    def test_a_pipe_is_refused_and_not_waited_for(self, imports: Imports, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(ArchduelError, match="is a pipe or a device"):
            imports.read(tmp_path / "pipe", form="combined")

    @pytest.mark.parametrize(
        ("form", "filling"), [("combined", b"\x00"), ("auto", b" " * 63 + b"\n"), ("goreplay", b"\x00")]
    )
    def test_what_unpacks_without_end_is_refused(self, imports: Imports, form: str, filling: bytes) -> None:
        bomb = gzip.compress(self.LINE + filling * ((24 << 20) // len(filling)))
        with pytest.raises(ArchduelError, match="unpacks to over 250 times its size"):
            imports.run(bomb, form)

    def test_lines_have_neither_their_line_feed_nor_a_carriage_return_before_it(self, imports: Imports) -> None:
        with duckdb.connect() as database:
            blocks = Source(imports.file(b"a\r\nb\n\r\n\rc\r"), database).lines()
            assert [line for block in blocks for line in block.column("line").to_pylist()] == ["a", "b", "", "\rc"]

    def test_millions_of_short_lines_are_not_held_at_once(self, imports: Imports) -> None:
        with duckdb.connect() as database:
            lines = Source(imports.file(b"x\n" * 3_000_000), database).lines()
            numbers = [table.column("line_number").to_numpy() for table in lines]
        assert len(numbers) > 2
        assert np.array_equal(np.concatenate(numbers), np.arange(1, 3_000_001))

    def test_millions_of_blank_lines_are_counted_alone(self, imports: Imports) -> None:
        with duckdb.connect() as database:
            source = Source(imports.file(b"\n" * 3_000_000), database)
            assert list(source.lines()) == []
        assert source.items_read == source.blank_read == 3_000_000

    def test_an_unknown_format_is_refused_as_such(self, imports: Imports) -> None:
        with pytest.raises(ArchduelError, match=r"is in none of the formats alb, api_gateway, .*; if it is, name it"):
            imports.run("hello\nworld\n", "auto")

    def test_of_many_files_of_like_names_each_is_still_looked_at(self, imports: Imports, tmp_path: Path) -> None:
        for number, name in enumerate(("combined", "combined", "alb", "combined")):
            (tmp_path / f"log.{number}").write_bytes(FORMATS[name].write([Sent()]))
        assert imports.read(str(tmp_path / "log.*"), form="auto").formats == {"combined": 3, "alb": 1}

    def test_files_of_several_formats_are_one_recording(self, imports: Imports) -> None:
        paths = [imports.file(FORMATS[name].write(REQUESTS), name) for name in ("combined", "alb", "har")] + [
            imports.file("\n", "empty")
        ]
        result = imports.read(*paths, form="auto")
        assert result.formats == {"combined": 1, "alb": 1, "har": 1, "auto": 1}  # one is empty
        assert result.accepted == 9
