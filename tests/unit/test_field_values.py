"""Lines as the documentation of their formats shows them, and what each of their fields means, written out by hand.

What the formats have in common is tested in `test_formats`; here a field taken for its neighbour is found.
"""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from tests.unit.traffic_samples import SEPARATOR
from workloads.importers.files.reading import Source
from workloads.importers.formats import importers
from workloads.importers.importer import Options
from workloads.importers.rules.classify import classified


@dataclass(frozen=True)
class Read:
    """One request as it must be read. The arrival is UTC; a client is an address until it is staged."""

    arrival: str
    method: str
    path: str
    status: int | None = 200
    latency_us: int | None = None
    payload_bytes: int = 0
    client: str | None = None
    whole_second: bool = False


@dataclass(frozen=True)
class Sample:
    """A file of a format and the requests in it."""

    form: str
    text: str
    read: list[Read]
    options: Options = field(default_factory=Options)


def alb(kind: str, client: str, times: str, statuses: str, rest: str, end: str) -> str:
    """A line of the load balancer's documentation; its samples differ in these parts."""
    group = "arn:aws:elasticloadbalancing:us-east-2:123456789012:targetgroup/my-targets/73e2d6bc24d8a067"
    return (
        f"{kind} 2018-07-02T22:23:00.186641Z app/my-loadbalancer/50dc6c495c0c9188 {client} {times} {statuses} "
        f'{rest} {group} "Root=1-58337262-36d228ad5d99923122bbe354" "-" "-" 0 2018-07-02T22:22:48.364000Z {end}\n'
    )


_PLAIN = '"GET http://www.example.com:80/ HTTP/1.1" "curl/7.46.0" - -'
_SECURE = '"GET https://10.0.2.105:773/a/b?x=1 HTTP/2.0" "curl/7.46.0" ECDHE-RSA-AES128-GCM-SHA256 TLSv1.2'
_ORDER = '"POST https://www.example.com:443/orders HTTP/1.1" "agent, with [brackets]" ECDHE-RSA-AES128 TLSv1.2'
_CREATED = "2018-07-02T22:22:48.364000"
_REST = [
    Read(_CREATED, "GET", "/", 200, 1_000, 0, "192.168.131.39"),
    Read(_CREATED, "GET", "/a/b", 301, 3_500, 0, "10.0.1.252"),
    Read(_CREATED, "POST", "/orders", 502, None, 1_834, "2001:db8::1"),
]
_QUOTED_ENDS = ('"10.0.0.1:80" "200" "-" "-"', '"10.0.0.66:9000" "301" "-" "-"', '"-" "-" "-" "-"')
# As AWS's documentation shows them, and as load balancers wrote them before the last fields were added.
_UNQUOTED_ENDS = ('10.0.0.1:80 200 "-" "-"', '10.0.0.66:9000 301 "-" "-"', '- - "-" "-"')


def albs(ends: tuple[str, str, str], more: str = "") -> str:
    return (
        alb(
            *("http", "192.168.131.39:2817 10.0.0.1:80", "0.000 0.001 0.000", "200 200 34 366", _PLAIN),
            f'"forward" "-" "-" {ends[0]}{more}',
        )
        + alb(
            *("h2", "10.0.1.252:48160 10.0.0.66:9000", "0.001 0.002 0.0005", "301 301 5 257", _SECURE),
            f'"redirect" "https://example.com:80/" "-" {ends[1]}{more}',
        )
        + alb(
            *("https", "[2001:db8::1]:2817 -", "-1 -1 -1", "502 - 1834 366", _ORDER),
            f'"forward" "-" "LambdaInvalidResponse" {ends[2]}{more}',
        )
    )


_CLOUDFRONT = (
    "#Version: 1.0\n"
    "#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) "
    "cs(User-Agent) cs-uri-query cs(Cookie) x-edge-result-type x-edge-request-id x-host-header cs-protocol cs-bytes "
    "time-taken x-forwarded-for ssl-protocol ssl-cipher x-edge-response-result-type cs-protocol-version fle-status "
    "fle-encrypted-fields c-port time-to-first-byte x-edge-detailed-result-type sc-content-type sc-content-len "
    "sc-range-start sc-range-end\n"
    "2019-12-04\t21:02:31\tLAX1\t392\t192.0.2.100\tGET\td111111abcdef8.cloudfront.net\t/index.html\t200\t-\t"
    "Mozilla/5.0%20(Windows)\t-\t-\tHit\tSOX4xwn4XV6Q4rgb7XiVGOHms_BGlTAC4KyHmureZmBNrjGdRLiNIQ==\t"
    "d111111abcdef8.cloudfront.net\thttps\t23\t0.001\t-\tTLSv1.2\tECDHE-RSA-AES128-GCM-SHA256\tHit\tHTTP/2.0\t-\t-\t"
    "11040\t0.001\tHit\ttext/html\t78\t-\t-\n"
    "2019-12-13\t22:36:27\tSEA19-C1\t900\t2001:db8::1\tPOST\td111111abcdef8.cloudfront.net\t/orders\t502\t"
    "http://www.example.com/\tMozilla/5.0%20(Windows)\ta=b\t-\tError\t1pkpNfBQ39sYMnjjUQjmH2w1wdJnbHYTbag21o_3OfcQgPzd\t"
    "www.example.com\thttp\t675\t1.102\t-\t-\t-\tError\tHTTP/1.1\t-\t-\t25260\t1.102\tOriginDnsError\ttext/html\t507\t"
    "-\t-\n"
)

_COMBINED = (
    '127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /apache_pb.gif HTTP/1.0" 200 2326 '
    '"http://www.example.com/start.html" "Mozilla/4.08 [en] (Win98; I ;Nav)"\n'
    '127.0.0.1 - - [10/Oct/2000:20:55:37 +0000] "HEAD / HTTP/1.1" 304 -\n'
    # nginx: a quote and a backslash, and a byte that is no ASCII
    r'2001:db8::1 - - [10/Oct/2000:20:55:38 +0000] "GET /a\x22b\x5Cc\xE4d\x5Cx22 HTTP/1.1" 404 9 "-" "x\x22y"'
    "\n"
    # Apache: the same, and fields added behind
    r'192.0.2.9 - "q" [10/Oct/2000:20:55:39 +0000] "GET /a\"b\\c\xe4d\\x22 HTTP/1.1" 404 9 "-" "x\"y" 1834 "z\"" 12'
    "\n"
    'shop.example:443 192.0.2.9 - - [10/Oct/2000:20:55:40 +0000] "DELETE /orders/17 HTTP/2.0" 500 12 "-" "-" 7 0.25\n'
)

_GATEWAY_AT = "2026-05-17T10:05:03"
_GATEWAY = [
    Read(_GATEWAY_AT, "POST", "/orders/{id}", 504, None, 300, "192.0.2.1", True),
]
_GATEWAY_VALUES = {
    "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
    "ip": "192.0.2.1",
    "caller": "-",
    "user": "-",
    "requestTime": "17/May/2026:10:05:03 +0000",
    "httpMethod": "POST",
    "resourcePath": "/orders/{id}",
    "status": "504",
    "protocol": "HTTP/1.1",
    "responseLength": "512",
}
_GATEWAY_XML = (
    '<request id="c6af9ac6-7b61-11e6-9a41-93e8deadbeef"> <ip>192.0.2.1</ip> <caller>-</caller> <user>-</user> '
    "<requestTime>17/May/2026:10:05:03 +0000</requestTime> <httpMethod>POST</httpMethod> "
    "<resourcePath>/orders/{id}</resourcePath> <status>504</status> <protocol>HTTP/1.1</protocol> "
    "<responseLength>512</responseLength> </request>\n"
)
_GATEWAY_CLF = (
    '192.0.2.1 - - [17/May/2026:10:05:03 +0000] "POST /orders/{id} HTTP/1.1" 504 512 '
    "c6af9ac6-7b61-11e6-9a41-93e8deadbeef\n"
)
_GATEWAY_CSV = (
    "192.0.2.1,-,-,17/May/2026:10:05:03 +0000,POST,/orders/{id},HTTP/1.1,504,512,c6af9ac6-7b61-11e6-9a41-93e8deadbeef\n"
)
_GATEWAY_OWN = Options(template="$context.requestTimeEpoch $context.routeKey $context.status $context.responseLatency")

_NGINX = {
    "msec": "1779012303.750",
    "remote_addr": "192.0.2.1",
    "request": "PUT /orders/17?x=1 HTTP/1.1",
    "status": "201",
    "body_bytes_sent": "99",
    "request_length": "734",
    "request_time": "0.500",
}

_HAR_ENTRY = {
    "startedDateTime": "2026-05-17T12:05:03.250+02:00",
    "time": 50.5,
    "request": {
        "method": "POST",
        "url": "https://shop.example/orders?x=1#y",
        "httpVersion": "HTTP/1.1",
        "headersSize": 150,
        "bodySize": 42,
    },
    "response": {"status": 201, "bodySize": 850, "content": {"size": 33}},
    "serverIPAddress": "10.0.0.1",
    "timings": {"send": 20, "wait": 38, "receive": 12},
}
_GOREPLAY = (
    f"1 f45590522cd1838b4a0d5c5aab80b77929dea3b3 1779012303250123456 0\nPUT /orders/17?x=1 HTTP/1.1\r\n"
    f"Host: shop.example\r\nContent-Length: 7\r\n\r\na=1&b=2{SEPARATOR}"
    f"1 932340759656cc9e7a0d5c5aab80b77929dea3b4 1779012303260000000 0\nGET / HTTP/1.1\r\nHost: shop.example\r\n\r\n"
    f"{SEPARATOR}"
)
_AZURE = (
    f"app,func,end_timestamp,duration\n{'7b' * 32},{'e3' * 32},57.158,57.154\n{'7b' * 32},{'a1' * 32},60.25,0.001\n"
)

SAMPLES = {
    "alb": Sample("alb", albs(_QUOTED_ENDS), _REST),
    "alb, targets without quotes": Sample("alb", albs(_UNQUOTED_ENDS), _REST),
    "alb, fields added": Sample("alb", albs(_QUOTED_ENDS, ' TID_1234abcd5678ef90 "-" "-" "-"'), _REST),
    "cloudfront": Sample(
        "cloudfront",
        _CLOUDFRONT,
        [
            Read("2019-12-04T21:02:30.999", "GET", "/index.html", 200, 1_000, 0, "192.0.2.100", True),
            Read("2019-12-13T22:36:25.898", "POST", "/orders", 502, 1_102_000, 675, "2001:db8::1", True),
        ],
    ),
    "combined": Sample(
        "combined",
        _COMBINED,
        [
            Read("2000-10-10T20:55:36", "GET", "/apache_pb.gif", 200, None, 0, "127.0.0.1", True),
            Read("2000-10-10T20:55:37", "HEAD", "/", 304, None, 0, "127.0.0.1", True),
            Read("2000-10-10T20:55:38", "GET", r'/a"b\c\xE4d\x22', 404, None, 0, "2001:db8::1", True),
            Read("2000-10-10T20:55:39", "GET", r'/a"b\c\xe4d\x22', 404, None, 0, "192.0.2.9", True),
            Read("2000-10-10T20:55:40", "DELETE", "/orders/17", 500, None, 300, "192.0.2.9", True),
        ],
    ),
    "gateway clf": Sample("api_gateway", _GATEWAY_CLF, _GATEWAY),
    "gateway csv": Sample("api_gateway", _GATEWAY_CSV, _GATEWAY),
    "gateway json": Sample("api_gateway", json.dumps(_GATEWAY_VALUES), _GATEWAY),
    "gateway xml": Sample("api_gateway", _GATEWAY_XML, _GATEWAY),
    "gateway template": Sample(
        "api_gateway",
        "1779012303250 PATCH /orders/{id} 200 33\n",
        [Read("2026-05-17T10:05:03.25", "PATCH", "/orders/{id}", 200, 33_000, 300)],
        _GATEWAY_OWN,
    ),
    "nginx_json": Sample(
        "nginx_json",
        json.dumps(_NGINX),
        [Read("2026-05-17T10:05:03.25", "PUT", "/orders/17", 201, 500_000, 734, "192.0.2.1")],
    ),
    "har": Sample(
        "har",
        json.dumps({"log": {"version": "1.2", "entries": [_HAR_ENTRY]}}),
        [Read("2026-05-17T10:05:03.25", "POST", "/orders", 201, 50_500, 42)],
    ),
    "goreplay": Sample(
        "goreplay",
        _GOREPLAY,
        [
            Read("2026-05-17T10:05:03.250123", "PUT", "/orders/17", None, None, 7),
            Read("2026-05-17T10:05:03.26", "GET", "/", None, None, 0),
        ],
    ),
    "azure_functions": Sample(
        "azure_functions",
        _AZURE,
        [
            Read("1970-01-01T00:00:00.004", "POST", "/7b7b7b7b7b7b/e3e3e3e3e3e3/invocations", None, 57_154_000, 300),
            Read("1970-01-01T00:01:00.249", "POST", "/7b7b7b7b7b7b/a1a1a1a1a1a1/invocations", None, 1_000, 300),
        ],
    ),
}


@pytest.mark.parametrize("sample", SAMPLES.values(), ids=SAMPLES)
def test_every_field_is_what_the_format_means_by_it(sample: Sample, tmp_path: Path) -> None:
    path = tmp_path / "traffic"
    path.write_text(sample.text)
    importer = importers()[sample.form].with_options(sample.options)
    with duckdb.connect() as database:
        source = Source(path, database)
        rows = [row for entries in importer.entries(source) for row in classified(entries, source).to_pylist()]
    assert not [row["reason"] for row in rows if row["outcome"] not in ("accepted", "header")]
    read = [
        Read(
            _utc(row["stamp_us"]),
            row["method"],
            row["path"],
            row["recorded_status"],
            row["recorded_latency_us"],
            row["payload_bytes"],
            None if sample.form == "azure_functions" else row["client"],  # an app's digest
            row["whole_second"],
        )
        for row in rows
        if row["outcome"] == "accepted"
    ]
    assert read == [_exact(one) for one in sample.read]


def _utc(stamp_us: int) -> str:
    seconds, fraction = divmod(stamp_us, 1_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{fraction:06}"


def _exact(one: Read) -> Read:
    whole, _, fraction = one.arrival.partition(".")
    return Read(f"{whole}.{fraction:0<6}", *list(vars(one).values())[1:])
