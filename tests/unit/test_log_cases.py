"""Logs that are easily read wrongly: who the client was, what a number's unit is, when a request began.

A case is a few lines as a program writes them, and what must be read. Formats as such are tested in `test_formats`.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.importing import Imports, balanced
from workloads.errors import ArchduelError
from workloads.importers.importer import Options
from workloads.importers.rules.clients import client_of

ENDING = '[17/May/2026:10:05:0{n} +0000] "GET /orders/{n} HTTP/1.1" 200 512 "-" "curl/8.5.0"'
MONKEYS = "\N{MONKEY FACE}\N{SEE-NO-EVIL MONKEY}\N{HEAR-NO-EVIL MONKEY}\n"


def lines(form: str, count: int = 4) -> str:
    """``count`` lines of ``form``, in which {n} is 1, 2 and so on."""
    return "".join(form.replace("{n}", str(number)) + "\n" for number in range(1, count + 1))


def objects(values: Mapping[str, Any], count: int = 4) -> str:
    """``count`` objects, a line each, in whose texts {n} is 1, 2 and so on."""
    return lines(json.dumps(values), count)


def clients_of(rows: Sequence[Mapping[str, Any]]) -> str:
    """A letter for each row's client, in the order they come; - for none."""
    names: dict[str, str] = {}
    return "".join(
        "-" if row["client"] is None else names.setdefault(row["client"], "ABCDEFGH"[len(names)]) for row in rows
    )


class TestClients:
    @pytest.mark.parametrize(
        ("text", "client"),
        [
            ("192.0.2.1", "192.0.2.1"),
            ("192.0.2.1:51123", "192.0.2.1"),
            ("192.0.2.1, 198.51.100.7", "192.0.2.1"),
            (' "192.0.2.1" ', "192.0.2.1"),
            ("[2001:db8::7]:443", "2001:db8::7"),
            ("[2001:DB8:0::7]", "2001:db8::7"),
            ("2001:db8::7%eth0", "2001:db8::7"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ('for="[2001:db8::7]:4711";proto=https', "2001:db8::7"),
            ("host.example.com:80", "host.example.com"),
            ("customer-17", "customer-17"),
            ("a:b:c", "a:b:c"),
            *((nobody, None) for nobody in ("", "-", "unknown", "unix:", "unix:/run/a", None)),
        ],
    )
    def test_what_is_around_an_address_is_no_part_of_it(self, text: str | None, client: str | None) -> None:
        assert client_of(text) == client

    @pytest.mark.parametrize(
        ("before", "clients"),
        [
            ("shop.example.com 192.0.2.{n} - -", "ABCD"),
            ("shop.example.com:443 192.0.2.{n} - -", "ABCD"),
            ("shop.example.com 192.0.2.{n} - Jane Doe", "ABCD"),
            ("shop.example.com 2001:db8::{n} - -", "ABCD"),
            ("198.51.100.7, 192.0.2.{n} - -", "AAAA"),
            ("198.51.100.7,192.0.2.{n} - -", "AAAA"),
            ("192.0.2.9:5112{n} - -", "AAAA"),
            ("192.0.2.9 - Jane {n} Doe", "AAAA"),
        ],
    )
    def test_the_client_is_the_word_before_ident_and_user(self, imports: Imports, before: str, clients: str) -> None:
        result = imports.run(lines(f"{before} {ENDING}"), "combined")
        assert (result.accepted, result.quarantined) == (4, 0)
        assert clients_of(imports.rows()) == clients

    def test_a_word_that_is_no_address_is_no_client_of_an_unknown_prefix(self, imports: Imports) -> None:
        with pytest.raises(ArchduelError, match="is not in the format combined"):
            imports.run(lines(f"app took it 192.0.2.{{n}} - - {ENDING}"), "combined")

    @pytest.mark.parametrize(
        ("client", "clients"),
        [
            ({"remote_addr": "192.0.2.7:5112{n}"}, "AAAA"),
            ({"remote_addr": "198.51.100.1", "client_ip": "192.0.2.{n}"}, "ABCD"),
            ({"remote_addr": "198.51.100.1", "x_forwarded_for": "192.0.2.{n}, 198.51.100.9"}, "ABCD"),
        ],
    )
    def test_of_several_addresses_the_one_furthest_away_counts(
        self, imports: Imports, client: dict[str, str], clients: str
    ) -> None:
        line = {"time": "2026-05-17T10:05:0{n}.25Z", "method": "GET", "path": "/a", "status": 200}
        imports.run(objects(line | client), "auto")
        assert clients_of(imports.rows()) == clients


class TestPrefixes:
    PREFIXES = (
        "May 17 10:05:0{n} web1 nginx: ",
        "<190>May 17 10:05:0{n} web1 nginx[7]: ",
        "2026-05-17T10:05:01.123456+00:00 web1 nginx[7]: ",
        "<190>1 2026-05-17T10:05:01Z web1 nginx 7 - - ",
        '<190>1 2026-05-17T10:05:01Z web1 nginx 7 - [a b="c"] ',
        "2026-05-17T10:05:01.123456789Z stdout F ",
        "[pod/shop-7d4/web] ",
        "web-{n}  | ",
        "proxy  | ",
        "2026-05-17T10:05:01.123Z ",
        "May 17 10:05:01 node1 containerd[9]: 2026-05-17T10:05:01.1Z stdout F ",
    )

    @pytest.mark.parametrize("prefix", PREFIXES)
    @pytest.mark.parametrize("form", ["combined", "nginx_json"])
    def test_what_shippers_put_before_lines_is_passed_over(self, imports: Imports, prefix: str, form: str) -> None:
        json_line = '{"msec": "177901230{n}.25", "request": "GET /orders/{n} HTTP/1.1", "remote_addr": "192.0.2.{n}"}'
        line = json_line if form == "nginx_json" else f"192.0.2.{{n}} - - {ENDING}"
        result = imports.run(lines(prefix + line), "auto")
        assert (result.formats, result.accepted, result.quarantined) == ({form: 1}, 4, 0)
        assert clients_of(imports.rows()) == "ABCD"

    def test_a_line_within_an_object_is_taken_out(self, imports: Imports) -> None:
        text = "".join(
            json.dumps({"log": line + "\n", "stream": "stdout", "time": "2026-05-17T10:05:09Z"}) + "\n"
            for line in lines(f"192.0.2.{{n}} - - {ENDING}").splitlines()
        )
        result = imports.run(text, "auto")
        assert (result.formats, result.accepted) == ({"combined": 1}, 4)

    def test_the_export_of_a_gateways_log_is_read(self, imports: Imports) -> None:
        line = {"requestId": "abcdefgh=", "ip": "192.0.2.1", "requestTimeEpoch": "177901230{n}250", "httpMethod": "GET"}
        result = imports.run(lines("2026-05-17T10:05:01.123Z " + json.dumps(line | {"path": "/prod/a"})), "auto")
        assert (result.formats, result.accepted, result.subsecond) == ({"api_gateway": 1}, 4, "recorded")

    def test_a_prefix_on_a_few_lines_costs_those_only(self, imports: Imports) -> None:
        odd = lines(f"May 17 10:05:01 web1 nginx: 192.0.2.{{n}} - - {ENDING}", 1)
        result = imports.run(lines(f"192.0.2.{{n}} - - {ENDING}") + odd, "combined")
        assert (result.accepted, result.quarantined) == (4, 1)


class TestTimes:
    @pytest.mark.parametrize(
        ("values", "form", "first", "latency_us", "clients"),
        [
            (
                {
                    "start_time": "2026-05-17T10:05:0{n}.250Z",
                    "method": "GET",
                    "path": "/a",
                    "response_code": 200,
                    "duration": 10,
                    "downstream_remote_address": "192.0.2.{n}:51123",
                },
                *("envoy_json", "10:05:01.250000", 10_000, "ABCD"),
            ),
            (
                {
                    "StartUTC": "2026-05-17T10:05:0{n}.251000000Z",
                    "time": "2026-05-17T10:05:09Z",
                    "RequestMethod": "GET",
                    "RequestPath": "/a",
                    "DownstreamStatus": 200,
                    "Duration": 2_500_000_000,
                    "ClientAddr": "192.0.2.1:5112{n}",
                },
                *("traefik_json", "10:05:01.251000", 2_500_000, "AAAA"),
            ),
            (
                {
                    "ts": "177901230{n}.25",
                    "logger": "http.log.access",
                    "status": 200,
                    "duration": 2.0,
                    "request": {
                        "remote_ip": "198.51.100.1",
                        "client_ip": "192.0.2.{n}",
                        "method": "GET",
                        "uri": "/a",
                    },
                },
                *("caddy", "10:04:59.250000", 2_000_000, "ABCD"),
            ),
            (  # no unit is known: nothing is subtracted
                {
                    "end_time": "2026-05-17T10:05:0{n}.250Z",
                    "duration": 75,
                    "method": "GET",
                    "path": "/a",
                    "ip": "192.0.2.1",
                },
                *("jsonl", "10:05:01.250000", None, "AAAA"),
            ),
            (
                {"time": "2026-05-17T10:05:09.5Z", "started": "2026-05-17T10:05:0{n}Z", "method": "GET", "path": "/a"},
                *("jsonl", "10:05:01.000000", None, "----"),
            ),
            (
                {"time": "2026-05-17T10:05:09Z", "ts": "2026-05-17T10:05:0{n}.5Z", "method": "GET", "path": "/a"},
                *("jsonl", "10:05:01.500000", None, "----"),
            ),
            (
                {
                    "time_local": "17/May/2026:10:05:0{n} +0000",
                    "http_method": "GET",
                    "request_uri": "/a",
                    "request_time": "0.5",
                },
                *("nginx_json", "10:05:00.500000", 500_000, "----"),
            ),
            (
                {
                    "date": "2026-05-17",
                    "time": "10:05:0{n}",
                    "cs-method": "GET",
                    "cs-uri-stem": "/a",
                    "time-taken": "0.113",
                },
                *("cloudfront_json", "10:05:00.887000", 113_000, "----"),
            ),
        ],
        ids=[
            "istio",
            "traefik",
            "caddy",
            "no unit",
            "start beats logged",
            "a fraction beats none",
            "nginx",
            "cloudfront",
        ],
    )
    def test_a_program_is_known_by_its_names(
        self, imports: Imports, values: dict[str, Any], form: str, first: str, latency_us: int | None, clients: str
    ) -> None:
        result = imports.run(objects(values), "auto")
        assert (result.formats, result.accepted) == ({form: 1}, 4)
        assert result.first_arrival.strftime("%H:%M:%S.%f") == first
        assert {row["recorded_latency_us"] for row in imports.rows()} == {latency_us}
        assert clients_of(imports.rows()) == clients

    @pytest.mark.parametrize("form", ["jsonl", "csv"])
    def test_what_the_user_says_beats_every_common_name(self, imports: Imports, form: str) -> None:
        values = {"ts": "2026-05-17T10:05:0{n}.250Z", "took_s": "1.5", "method": "GET", "path": "/a", "latency_ms": "7"}
        text = objects(values) if form == "jsonl" else ",".join(values) + "\n" + lines(",".join(values.values()))
        result = imports.run(text, form, Options(columns={"ended": "ts", "latency_s": "took_s"}))
        assert result.first_arrival.strftime("%H:%M:%S.%f") == "10:04:59.750000"
        assert {row["recorded_latency_us"] for row in imports.rows()} == {1_500_000}

    @pytest.mark.parametrize("form", ["jsonl", "csv"])
    def test_a_date_and_a_time_apart_are_one_stamp(self, imports: Imports, form: str) -> None:
        values = {"day": "2026-05-17", "clock": "10:05:0{n}", "method": "GET", "path": "/a"}
        text = objects(values) if form == "jsonl" else ",".join(values) + "\n" + lines(",".join(values.values()))
        result = imports.run(text, form, Options(columns={"timestamp": "day+clock"}))
        assert result.first_arrival.strftime("%H:%M:%S.%f") == "10:05:01.000000"


class TestUnits:
    LINE: Mapping[str, Any] = {
        "time": "2026-05-17T10:05:0{n}.25Z",
        "method": "GET",
        "path": "/a",
        "duration_s": 9_000_000,
    }

    def test_latencies_of_hours_are_in_another_unit_than_their_name_says(self, imports: Imports) -> None:
        with pytest.raises(ArchduelError, match=r"4 of 4 requests took over an hour: .*--column latency_ms="):
            imports.run(objects(self.LINE), "jsonl")

    @pytest.mark.parametrize("form", ["jsonl", "auto"])
    def test_an_order_turned_round_by_latencies_shows_that_they_are_in_another_unit(
        self, imports: Imports, form: str
    ) -> None:
        """Of seconds, not hours: what ended within six seconds began half a minute apart, the last one first."""
        lines = [{"end_time": f"2026-05-17T10:05:0{n}.25Z", "method": "GET", "path": "/a"} for n in range(6)]
        text = "".join(json.dumps({**line, "request_time": 8 * n}) + "\n" for n, line in enumerate(lines))
        with pytest.raises(ArchduelError, match=r"5 of 6 requests ended .* up to 35 s .*--column latency_ms="):
            imports.run(text, form)
        imports.run(text, form, Options(columns={"latency_ms": "request_time"}))
        assert imports.column("arrival_us") == [n * 992_000 for n in range(6)]

    def test_an_order_that_latencies_of_seconds_disturb_is_as_it_was(self, imports: Imports) -> None:
        lines = [{"end_time": f"2026-05-17T10:{n:02}:00Z", "method": "GET", "path": "/a"} for n in range(40)]
        text = "".join(json.dumps({**line, "request_time": 90 * (n % 3)}) + "\n" for n, line in enumerate(lines))
        assert imports.run(text, "jsonl").behind > 0

    @pytest.mark.parametrize("form", ["jsonl", "auto"])
    def test_what_the_user_says_of_them_holds(self, imports: Imports, form: str) -> None:
        imports.run(objects(self.LINE), form, Options(columns={"latency_s": "duration_s"}))
        assert set(imports.column("recorded_latency_us")) == {9_000_000_000_000}


class TestValues:
    @staticmethod
    def har(*entries: Mapping[str, Any]) -> str:
        return json.dumps({"log": {"version": "1.2", "entries": list(entries)}})

    @staticmethod
    def entry(url: str = "https://shop.example.com/a", status: int = 200, **request: Any) -> dict[str, Any]:
        return {
            "startedDateTime": "2026-05-17T10:05:01.250Z",
            "request": {"method": "POST" if request else "GET", "url": url, "bodySize": -1, **request},
            "response": {"status": status},
        }

    def test_a_status_is_100_to_599_or_none(self, imports: Imports) -> None:
        imports.run(self.har(*(self.entry(status=status) for status in (-1, 0, 99, 100, 499, 599, 600, 1000))), "har")
        assert imports.column("recorded_status") == [None, None, None, 100, 499, 599, None, None]

    def test_what_never_left_the_browser_is_no_request_to_a_server(self, imports: Imports) -> None:
        elsewhere = (
            "chrome-extension://id/x.js",
            "blob:https://shop.example.com/0a",
            "data:text/plain,a",
            "about:blank",
        )
        entries = [self.entry(url) for url in (*elsewhere, "file:///home/jane/page.html", "wss://shop.example.com/ws")]
        result = imports.run(self.har(*entries), "har")
        assert result.dropped_by_rule == {"no request to a server": 5}
        assert imports.column("path") == ["/ws"]

    def test_a_stated_size_counts_before_a_text(self, imports: Imports) -> None:
        text = {"text": "x" * 33}
        both, text_only, size_only = (
            self.entry(postData=text, bodySize=80),
            self.entry(postData=text),
            self.entry(bodySize=41),
        )
        imports.run(self.har(both, text_only, size_only), "har")
        assert imports.column("payload_bytes") == [80, 33, 41]

    def test_a_length_of_the_body_counts_before_one_with_the_headers(self, imports: Imports) -> None:
        line = {
            "msec": "177901230{n}.25",
            "request": "POST /a HTTP/1.1",
            "request_length": "901",
            "content_length": "50",
        }
        imports.run(objects(line), "auto")
        assert set(imports.column("payload_bytes")) == {50}

    def test_a_methods_case_is_part_of_it(self, imports: Imports) -> None:
        line = {"time": "2026-05-17T10:05:01.25Z", "path": "/a"}
        result = imports.run(objects(line | {"method": "GET"}, 1) + objects(line | {"method": "get"}, 1), "jsonl")
        assert (result.accepted, result.dropped) == (1, 1)

    def test_a_path_that_is_not_known_is_not_the_root(self, imports: Imports) -> None:
        line = {"requestId": "JKJaXmPLvHc=", "requestTime": "17/May/2026:10:05:01 +0000", "httpMethod": "GET"}
        good = objects(line | {"path": "/a"}, 1)
        result = imports.run(good + objects(line | {"routeKey": "$default"}), "api_gateway")
        assert result.quarantined_by_reason == {"names no path": 4}
        with pytest.raises(
            ArchduelError, match=r"looks like api_gateway.*names no path; let the stage log .context.path"
        ):
            imports.run(objects(line | {"routeKey": "$default"}), "auto")


class TestGoReplay:
    GET = "1 a1b2 1779012303250000000\nGET /a HTTP/1.1\nHost: shop.example.com\n\n\n"

    def test_separators_in_front_and_in_a_row_cost_nothing(self, imports: Imports) -> None:
        result = imports.run(MONKEYS + self.GET + MONKEYS + MONKEYS + self.GET + MONKEYS, "auto")
        assert (result.accepted, result.quarantined) == (2, 0)

    @pytest.mark.parametrize(("rest", "accepted", "quarantined"), [("", 2, 0), ("\r\n", 2, 0), ("junk", 2, 1)])
    def test_what_is_beyond_a_stated_length_is_no_part_of_the_body(
        self, imports: Imports, rest: str, accepted: int, quarantined: int
    ) -> None:
        head = "1 a1b2 1779012303250000000\nPOST /a HTTP/1.1\r\nContent-Length: 90\r\n\r\n"
        result = imports.run(f"{head}{'x' * 90}{rest}\n{MONKEYS}{self.GET}{MONKEYS}", "goreplay")
        assert (result.accepted, result.quarantined) == (accepted, quarantined)
        assert imports.column("payload_bytes")[0] == 90
        assert balanced(result)

    def test_a_request_whose_separator_was_never_written_is_read(self, imports: Imports) -> None:
        first = f"POST /a HTTP/1.1\r\nContent-Length: 90\r\n\r\n{'x' * 90}"
        second = f"POST /b HTTP/1.1\r\nContent-Length: 30\r\n\r\n{'y' * 30}"
        result = imports.run(f"1 a1b2 1779012303250000000\n{first}{second}\n{MONKEYS}", "goreplay")
        assert (result.lines, result.accepted) == (2, 2)
        assert [(row["path"], row["payload_bytes"]) for row in imports.rows()] == [("/a", 90), ("/b", 30)]


class TestAuto:
    def test_lines_with_a_request_id_behind_the_agent_are_combined(self, imports: Imports) -> None:
        text = lines(f"192.0.2.{{n}} - - {ENDING} 0000000000000000000000000000000{{n}}")
        odd = (
            '192.0.2.9 - - [17/May/2026:10:05:04 +0000] "" 400 512 "-" "curl/8.5.0" 00000000000000000000000000000009\n'
        )
        result = imports.run(text + odd + odd.replace('""', '"get /a HTTP/1.1"'), "auto")
        assert (result.formats, result.accepted, result.dropped) == ({"combined": 1}, 4, 2)

    def test_one_odd_line_does_not_make_a_file_another_formats(self, imports: Imports) -> None:
        form = '192.0.2.{n} - - [17/May/2026:10:05:01 +0000] "GET GET /a/{id} HTTP/1.1" 200 512 JKJaXmPLvHcESH{n}='
        odd = '192.0.2.9 - - [17/May/2026:10:05:01 +0000] "- - -" 400 0 -\n'
        result = imports.run(lines(form, 9) + odd, "auto")
        assert (result.formats, result.accepted) == ({"api_gateway": 1}, 9)
        assert result.dropped + result.quarantined == 1

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            (
                objects({"When": "2026-05-17T10:05:01Z", "ClientVerb": "GET", "Place": {"Path": "/a"}}),
                r"looks like jsonl.*of 4 lines 4 cannot be used.*its names are When, ClientVerb, Place.Path",
            ),
            ("When,Verb,Place\n1,GET,/a\n", r"looks like csv.*no column for the timestamp among When, Verb, Place"),
            (lines(f"192.0.2.{{n}} - - {ENDING}".replace("2026:", "2026-")), r"looks like combined.*its date cannot"),
        ],
        ids=["json", "csv", "date"],
    )
    def test_a_refusal_names_the_nearest_format_and_its_reason(self, imports: Imports, text: str, message: str) -> None:
        with pytest.raises(ArchduelError, match=message):
            imports.run(text, "auto")

    def test_a_har_without_times_is_said_to_be_one(self, imports: Imports) -> None:
        text = json.dumps({"log": {"entries": [{"request": {"method": "GET", "url": "https://shop.example.com/a"}}]}})
        with pytest.raises(ArchduelError, match="names no startedDateTime"):
            imports.run(text, "har")


class TestRefused:
    JMETER = (
        "timeStamp,elapsed,label,responseCode,success,URL\n1779012303250,12,a,200,true,https://shop.example.com/a\n"
    )
    REALTIME = "1779012303.250\t192.0.2.1\t200\tGET\t/a\t0.125\n"

    @pytest.mark.parametrize(
        ("form", "text", "message"),
        [
            ("nlb", "tls 2.0 2026-05-17T10:05:03 net/a/b c 192.0.2.1:51341 192.0.2.2:443 5 2 98\n", "TLS connections"),
            ("jmeter", JMETER, "name no method"),
            ("locust", "Type,Name,Request Count,Failure Count\nGET,/a,7,0\n", "are sums over many requests"),
            ("cloudfront_realtime", REALTIME, "put a line in front"),
        ],
    )
    def test_a_format_that_cannot_be_read_is_named_with_what_to_do(
        self, imports: Imports, form: str, text: str, message: str
    ) -> None:
        with pytest.raises(ArchduelError, match=message):
            imports.run(text, form)
        with pytest.raises(ArchduelError, match=f"looks like {form}.*{message}"):
            imports.run(text, "auto")

    def test_the_way_for_jmeter_works(self, imports: Imports) -> None:
        columns = {"timestamp": "timeStamp", "path": "URL", "latency_ms": "elapsed", "status": "responseCode"}
        imports.run(self.JMETER, "csv", Options(columns=columns | {"method": "'GET'"}))
        assert [(row["path"], row["recorded_latency_us"]) for row in imports.rows()] == [("/a", 12_000)]

    def test_the_way_for_a_real_time_log_works(self, imports: Imports) -> None:
        fields = "#Fields: timestamp c-ip sc-status cs-method cs-uri-stem time-taken\n"
        result = imports.run(fields + self.REALTIME, "cloudfront")
        assert result.first_arrival.strftime("%H:%M:%S.%f") == "10:05:03.125000"

    def test_what_is_no_line_of_it_is_refused_as_in_any_format(self, imports: Imports) -> None:
        with pytest.raises(ArchduelError, match="is not in the format nlb"):
            imports.run("hello\n", "nlb")


class TestRequestTimes:
    @pytest.mark.parametrize(
        ("added", "form", "latency_us"),
        [
            (" 0.250", "combined_timed", 250_000),
            (" 0.250 0.240", "combined_timed", 250_000),
            (' 0.250 "0.100, 0.140"', "combined_timed", 250_000),
            (" rt=0.250 uct=0.001 uht=0.240 urt=0.240", "combined_timed", 250_000),
            (" 250", "combined", None),  # Apache's %D or a size
            (" 0.25", "combined", None),
            (" 0.250 gzip", "combined", None),
            (" 1.250 /index.html", "combined", None),
        ],
    )
    def test_a_time_behind_the_agent_is_read_where_nothing_else_can_be_meant(
        self, imports: Imports, added: str, form: str, latency_us: int | None
    ) -> None:
        result = imports.run(lines(f"192.0.2.{{n}} - - {ENDING}{added}"), "auto")
        assert (result.formats, result.accepted) == ({form: 1}, 4)
        assert set(imports.column("recorded_latency_us")) == {latency_us}


class TestManySmallFiles:
    LINE = '192.0.2.1 - - [17/May/2026:10:0{minute}:0{second} +0000] "GET /{name}/{second} HTTP/1.1" 200 1\n'

    def written(self, imports: Imports, name: str, minute: int, odd: str = "") -> None:
        lines = "".join(self.LINE.format(name=name, minute=minute, second=second) for second in range(4))
        imports.file(odd + lines, f"log.{name}")

    @pytest.mark.parametrize("form", ["combined", "auto"])
    def test_are_read_as_if_each_were_read_by_itself(self, imports: Imports, form: str) -> None:
        for minute in range(6):
            self.written(imports, f"{minute}", minute)
        imports.file("", "log.7")
        imports.file(self.LINE.format(name="7", minute=7, second=1).rstrip(), "log.8")  # without an end of line
        result = imports.read(f"{imports.folder}/log.*", form=form)
        assert (result.accepted, result.quarantined, result.behind) == (25, 0, 0)
        assert result.formats == {"combined": 7}
        assert result.files == {**{f"log.{minute}": 4 for minute in range(6)}, "log.7": 0, "log.8": 1}
        assert [row["path"] for row in imports.rows()][:5] == ["/0/0", "/0/1", "/0/2", "/0/3", "/1/0"]

    @pytest.mark.parametrize("form", ["combined", "auto"])
    def test_what_cannot_be_used_has_its_own_file_and_line(self, imports: Imports, form: str) -> None:
        for minute in range(6):
            self.written(imports, f"{minute}", minute, odd="odd\n" if minute == 3 else "")
        long = "".join(self.LINE.format(name="9", minute=9, second=second % 10) for second in range(20))
        imports.file(long + "odd\n", "log.9")
        result = imports.read(f"{imports.folder}/log.*", form=form)
        assert (result.accepted, result.quarantined) == (44, 2)
        folder = imports.home / "recordings" / "mine"
        table = pq.read_table(folder / "quarantine.parquet").select(["file", "line_number"]).to_pylist()
        assert sorted((row["file"], row["line_number"]) for row in table) == [("log.3", 1), ("log.9", 21)]

    def test_one_of_another_format_among_them_is_still_refused(self, imports: Imports) -> None:
        for minute in range(6):
            self.written(imports, f"{minute}", minute)
        imports.file("hello\n", "log.4")
        with pytest.raises(ArchduelError, match=r"log\.4 is not in the format combined"):
            imports.read(f"{imports.folder}/log.*", form="combined")
        with pytest.raises(ArchduelError, match=r"log\.4 is in none of the formats"):
            imports.read(f"{imports.folder}/log.*", form="auto")

    def test_strict_names_the_file_and_the_line(self, imports: Imports) -> None:
        for minute in range(6):
            self.written(imports, f"{minute}", minute, odd="odd\n" if minute == 3 else "")
        with pytest.raises(ArchduelError, match=r"log\.3, line 1 "):
            imports.read(f"{imports.folder}/log.*", form="combined", strict=True)
