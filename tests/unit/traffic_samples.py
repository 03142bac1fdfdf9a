"""The same requests written as each format's programs write them, for the tests of importers. No test is here."""

import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlsplit
from xml.sax.saxutils import escape

import pyarrow as pa
import pyarrow.parquet as pq

from workloads.importers.importer import Options

SEPARATOR = "\n\N{MONKEY FACE}\N{SEE-NO-EVIL MONKEY}\N{HEAR-NO-EVIL MONKEY}\n"
AT = datetime(2026, 5, 17, 10, 5, 3, 250_000, UTC)
CLOUDFRONT_FIELDS = (
    "date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) cs(User-Agent) "
    "cs-uri-query cs(Cookie) x-edge-result-type x-host-header cs-bytes time-taken x-forwarded-for"
)
TEMPLATE = (
    "$context.requestTimeEpoch|$context.httpMethod|$context.path|$context.status|$context.responseLatency|"
    "$context.identity.sourceIp|$context.authorizer.principalId|$context.identity.userAgent"
)

# What must not be in a recording, nor anywhere behind it.
SECRETS = {
    "e-mail": "jane.doe@mail.example.org",
    "card": "4111111111111111",
    "card in groups": "5500-0000-0000-0004",
    "card of other groups": "3782-822463-10005",
    "web token": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
    "cloud key": "AKIAIOSFODNN7EXAMPLE",
    "cloud secret": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "e-mail in a network": "jane.doe@localhost",
    "card in a word": "order4012888888881881x",
    "payment key": "sk_live_4eC39HqLyjWDarjtT1zdp7dc",
    "code host": "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
    "chat": "xoxb-123456789012-abcdefghijkl",
    "random": "q9Zt4Kx2Vb7Rm1Lp8Ws3",
    "digest": "d41d8cd98f00b204e9800998ecf8427e",
    "IPv6 address": "2001:db8:85a3::8a2e:370:7334",
    "phone number": "+14155552671",
    "bank account": "NL91ABNA0417164300",
    "bank account in groups": "FR14-2004-1010-0505-0001-3M02-606",
}


@dataclass(frozen=True)
class Sent:
    """A request as it was made. ``secret`` goes into every field that importers must not read."""

    method: str = "GET"
    target: str = "/orders/17"
    at: datetime = AT
    client: str = "203.0.113.7"
    status: int = 200
    latency_ms: int = 250
    secret: str = "-"

    @property
    def common_date(self) -> str:
        return self.at.strftime("%d/%b/%Y:%H:%M:%S +0000")

    @property
    def ended(self) -> datetime:
        return self.at + timedelta(milliseconds=self.latency_ms)


Write = Callable[[Sequence[Sent]], bytes]


def _lines(line: Callable[[Sent], str], *header: str) -> Write:
    def write(requests: Sequence[Sent]) -> bytes:
        return "".join(f"{text}\n" for text in [*header, *map(line, requests)]).encode()

    return write


def _combined(one: Sent) -> str:
    request = f"{one.method} {one.target} HTTP/1.1"
    return f'{one.client} - {one.secret} [{one.common_date}] "{request}" {one.status} 12 "{one.secret}" "{one.secret}"'


def _alb(one: Sent) -> str:
    created = one.at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    ended = one.ended.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return (
        f"https {ended} app/shop/2b39 {one.client}:65301 192.0.2.9:80 0.000 {one.latency_ms / 1000:.3f} 0.000 "
        f'{one.status} {one.status} 472 696 "{one.method} https://shop.example:443{one.target} HTTP/1.1" '
        f'"{one.secret}" - - arn:aws:x "{one.secret}" "{one.secret}" "-" 1 {created} "forward" "{one.secret}" "-" '
        f'"192.0.2.9:80" "{one.status}" "-" "-" "{one.secret}"'
    )


def _gateway_clf(one: Sent) -> str:
    return (
        f"{one.client} {one.secret} {one.secret} [{one.common_date}] "
        f'"{one.method} {one.target} HTTP/1.1" {one.status} 12 JKJaXmPLvHcESHA='
    )


def _gateway_csv(one: Sent) -> str:
    fields = (one.client, one.secret, one.secret, one.common_date, one.method, one.target, "HTTP/1.1", str(one.status))
    return ",".join([*fields, "12", "JKJaXmPLvHcESHA="])


def _gateway_json(one: Sent) -> str:
    values = {
        "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
        "ip": one.client,
        "caller": one.secret,
        "user": one.secret,
        "requestTime": one.common_date,
        "httpMethod": one.method,
        "resourcePath": one.target,
        "status": str(one.status),
        "protocol": "HTTP/1.1",
        "responseLength": "12",
    }
    return json.dumps(values)


def _gateway_xml(one: Sent) -> str:
    return (
        f'<request id="JKJaXmPLvHcESHA="> <ip>{one.client}</ip> <caller>{escape(one.secret)}</caller> '
        f"<user>{escape(one.secret)}</user> <requestTime>{one.common_date}</requestTime> "
        f"<httpMethod>{one.method}</httpMethod> <resourcePath>{one.target}</resourcePath> "
        f"<status>{one.status}</status> <protocol>HTTP/1.1</protocol> <responseLength>12</responseLength> </request>"
    )


def _gateway_template(one: Sent) -> str:
    epoch = round(one.at.timestamp() * 1000)
    return f"{epoch}|{one.method}|{one.target}|{one.status}|{one.latency_ms}|{one.client}|{one.secret}|{one.secret}"


def _nginx_json(one: Sent) -> str:
    values = {
        "msec": f"{one.ended.timestamp():.3f}",
        "remote_addr": one.client,
        "remote_user": one.secret,
        "request": f"{one.method} {one.target} HTTP/1.1",
        "status": str(one.status),
        "request_time": f"{one.latency_ms / 1000:.3f}",
        "http_cookie": one.secret,
        "http_authorization": one.secret,
        "http_user_agent": one.secret,
    }
    return json.dumps(values)


def _json(one: Sent) -> str:
    values = {
        "timestamp": one.at.isoformat(),
        "method": one.method,
        "path": one.target,
        "status": one.status,
        "duration_ms": one.latency_ms,
        "client_ip": one.client,
        "headers": {"Cookie": one.secret},
        "body": {"password": one.secret},
    }
    return json.dumps(values)


def _csv(one: Sent) -> str:
    return f'{one.at.isoformat()},{one.method},"{one.target}",{one.status},{one.latency_ms},{one.client},{one.secret}'


def _cloudfront(one: Sent) -> str:
    parts = urlsplit(one.target)
    secret = quote(one.secret)
    values = [
        *(one.ended.strftime("%Y-%m-%d"), one.ended.strftime("%H:%M:%S"), "HKG62-C2", "675", one.client, one.method),
        *("d1.cloudfront.net", parts.path, str(one.status), secret, secret, parts.query or "-", secret, "Miss"),
        *("shop.example", "118", f"{one.latency_ms / 1000:.3f}", secret),
    ]
    return "\t".join(values)


def _azure(one: Sent) -> str:
    return f"{'7b' * 32},{'e3' * 32},{one.ended.timestamp() - AT.timestamp() + 10:.6f},{one.latency_ms / 1000:.3f}"


def _har(requests: Sequence[Sent]) -> bytes:
    def entry(one: Sent) -> dict[str, Any]:
        headers = [{"name": name, "value": one.secret} for name in ("Authorization", "Cookie", "User-Agent")]
        return {
            "startedDateTime": one.at.isoformat(timespec="milliseconds"),
            "time": one.latency_ms,
            "request": {
                "method": one.method,
                "url": f"https://shop.example{one.target}",
                "headers": headers,
                "cookies": [{"name": "session", "value": one.secret}],
                "queryString": [{"name": "t", "value": one.secret}],
                "postData": {"mimeType": "text/plain", "text": one.secret},
                "bodySize": -1,
            },
            "response": {
                "status": one.status,
                "headers": [{"name": "Set-Cookie", "value": one.secret}],
                "content": {"text": one.secret},
            },
        }

    log = {"version": "1.2", "creator": {"name": "test"}, "pages": [], "entries": [entry(one) for one in requests]}
    return json.dumps({"log": log}).encode()


def _goreplay(requests: Sequence[Sent]) -> bytes:
    def message(one: Sent) -> str:
        stamp_ns = round(one.at.timestamp() * 1e6) * 1000
        return (
            f"1 a1b2c3d4e5 {stamp_ns} 0\n{one.method} {one.target} HTTP/1.1\r\nHost: shop.example\r\n"
            f"Authorization: {one.secret}\r\nCookie: {one.secret}\r\n\r\n{one.secret}{SEPARATOR}"
        )

    return "".join(map(message, requests)).encode()


def _parquet(requests: Sequence[Sent]) -> bytes:
    table = pa.table(
        {
            "timestamp": pa.array([one.at for one in requests], pa.timestamp("us", "UTC")),
            "method": [one.method for one in requests],
            "path": [one.target for one in requests],
            "status": pa.array([one.status for one in requests], pa.int32()),
            "duration_ms": pa.array([one.latency_ms for one in requests], pa.int32()),
            "client_ip": [one.client for one in requests],
            "cookie": [one.secret for one in requests],
        }
    )
    file = io.BytesIO()
    pq.write_table(table, file)
    return file.getvalue()


def _combined_timed(one: Sent) -> str:
    ended = replace(one, at=one.ended)
    return f"{_combined(ended)} {one.latency_ms / 1000:.3f}"


def _ingress_nginx(one: Sent) -> str:
    request = f"{one.method} {one.target} HTTP/1.1"
    return (
        f'{one.client} - {one.secret} [{one.ended.strftime("%d/%b/%Y:%H:%M:%S +0000")}] "{request}" {one.status} 12 '
        f'"{one.secret}" "{one.secret}" 421 {one.latency_ms / 1000:.3f} [shop-web-80] [] 192.0.2.9:80 12 0.250 200 a1b2'
    )


def _traefik(one: Sent) -> str:
    return f'{_combined(one)} 17 "web@docker" "http://192.0.2.9:80" {one.latency_ms}ms'


def _traefik_json(one: Sent) -> str:
    values = {
        "StartUTC": one.at.strftime("%Y-%m-%dT%H:%M:%S.%f000Z"),
        "ClientHost": one.client,
        "ClientUsername": one.secret,
        "RequestMethod": one.method,
        "RequestPath": one.target,
        "DownstreamStatus": one.status,
        "Duration": one.latency_ms * 1_000_000,
        "request_Cookie": one.secret,
        "time": one.ended.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    return json.dumps(values)


def _caddy(one: Sent) -> str:
    request = {
        "remote_ip": "198.51.100.9",
        "client_ip": one.client,
        "method": one.method,
        "uri": one.target,
        "headers": {"Cookie": [one.secret]},
    }
    values = {
        "ts": one.ended.timestamp(),
        "logger": "http.log.access",
        "request": request,
        "user_id": one.secret,
        "duration": one.latency_ms / 1000,
        "status": one.status,
    }
    return json.dumps(values)


def _envoy(one: Sent) -> str:
    at = one.at.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]
    return (
        f'[{at}Z] "{one.method} {one.target} HTTP/1.1" {one.status} - 0 512 {one.latency_ms} 9 "{one.client}" '
        f'"{one.secret}" "{one.secret}" "shop.example" "192.0.2.9:80"'
    )


def _istio(one: Sent) -> str:
    return _envoy(one).replace(f" {one.status} - 0 ", f' {one.status} - via_upstream - "-" 0 ', 1)


def _envoy_json(one: Sent) -> str:
    values = {
        "start_time": one.at.isoformat(timespec="milliseconds"),
        "downstream_remote_address": f"{one.client}:65301" if "." in one.client else f"[{one.client}]:65301",
        "method": one.method,
        "path": one.target,
        "response_code": one.status,
        "duration": one.latency_ms,
        "user_agent": one.secret,
    }
    return json.dumps(values)


def _haproxy(one: Sent) -> str:
    at = one.at.strftime("%d/%b/%Y:%H:%M:%S.%f")[:-3]
    return (
        f"May 17 10:05:03 lb haproxy[14389]: {one.client}:33317 [{at}] web app/srv1 10/0/30/69/{one.latency_ms} "
        f'{one.status} 2750 - - ---- 1/1/1/1/0 0/0 "{one.method} {one.target} HTTP/1.1"'
    )


def _iis(one: Sent) -> str:
    parts = urlsplit(one.target)
    secret = quote(one.secret)
    values = [
        *(one.ended.strftime("%Y-%m-%d %H:%M:%S"), "192.0.2.9", one.method, parts.path, parts.query or "-", "443"),
        *(secret, one.client, secret, str(one.status), str(one.latency_ms)),
    ]
    return " ".join(values)


def _classic_elb(one: Sent) -> str:
    return (
        f"{one.at.strftime('%Y-%m-%dT%H:%M:%S.%fZ')} shop {one.client}:2817 192.0.2.9:80 0.000000 "
        f"{one.latency_ms / 1000:.6f} 0.000000 {one.status} {one.status} 0 29 "
        f'"{one.method} https://shop.example:443{one.target} HTTP/1.1" "{one.secret}" - -'
    )


def _s3_access(one: Sent) -> str:
    return (
        f"{'7b' * 32} shop [{one.common_date}] {one.client} {one.secret} 3E57427F3EXAMPLE REST.{one.method}.OBJECT "
        f'key "{one.method} {one.target} HTTP/1.1" {one.status} - 113 113 {one.latency_ms} 6 "{one.secret}" "-" -'
    )


def _gcp(one: Sent) -> str:
    request = {
        "requestMethod": one.method,
        "requestUrl": f"https://shop.example{one.target}",
        "status": one.status,
        "latency": f"{one.latency_ms / 1000:.6f}s",
        "remoteIp": one.client,
        "userAgent": one.secret,
    }
    return json.dumps({"insertId": "a1", "timestamp": one.at.isoformat(), "httpRequest": request})


def _azure_gateway(one: Sent) -> str:
    properties = {
        "clientIP": one.client,
        "httpMethod": one.method,
        "requestUri": one.target,
        "httpStatus": one.status,
        "timeTaken": one.latency_ms,
        "userAgent": one.secret,
    }
    return json.dumps({"timeStamp": one.at.isoformat(), "properties": properties})


def _cloudflare(one: Sent) -> str:
    values = {
        "ClientIP": one.client,
        "ClientRequestMethod": one.method,
        "ClientRequestURI": one.target,
        "ClientRequestUserAgent": one.secret,
        "EdgeResponseStatus": one.status,
        "EdgeStartTimestamp": one.at.isoformat(),
        "EdgeEndTimestamp": one.ended.isoformat(),
    }
    return json.dumps(values)


def _cloudfront_json(one: Sent) -> str:
    parts = urlsplit(one.target)
    values = {
        "date": one.ended.strftime("%Y-%m-%d"),
        "time": one.ended.strftime("%H:%M:%S"),
        "c-ip": one.client,
        "cs-method": one.method,
        "cs-uri-stem": parts.path,
        "cs-uri-query": parts.query or "-",
        "sc-status": str(one.status),
        "time-taken": f"{one.latency_ms / 1000:.3f}",
        "cs(Cookie)": one.secret,
    }
    return json.dumps(values)


def _k6(one: Sent) -> str:
    url = f"https://shop.example{one.target}"
    stamp = one.ended.timestamp()
    return f"http_req_duration,{stamp:.3f},{one.latency_ms:.6f},,true,{one.method},{url},HTTP/1.1,{one.status}"


def _k6_json(one: Sent) -> str:
    tags = {"method": one.method, "url": f"https://shop.example{one.target}", "status": str(one.status)}
    data = {"time": one.ended.isoformat(), "value": float(one.latency_ms), "tags": tags}
    return json.dumps({"metric": "http_req_duration", "type": "Point", "data": data})


@dataclass(frozen=True)
class Format:
    """How a format is written. ``headers`` are its lines that are no records; ``knows`` what else it can say."""

    form: str
    write: Write
    headers: int = 0
    options: Options = field(default_factory=Options)
    knows: frozenset[str] = frozenset({"fraction", "latency", "client"})
    lines: bool = True  # a request is a line of text


_K6_HEADER = "metric_name,timestamp,metric_value,check,expected_response,method,url,proto,status"
_IIS_FIELDS = (
    "date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) sc-status time-taken"
)
_CSV_HEADER = "timestamp,method,path,status,duration_ms,client_ip,cookie"

FORMATS: Mapping[str, Format] = {
    "combined": Format("combined", _lines(_combined), knows=frozenset({"client"})),
    "alb": Format("alb", _lines(_alb)),
    "gateway clf": Format("api_gateway", _lines(_gateway_clf), knows=frozenset({"client"})),
    "gateway csv": Format("api_gateway", _lines(_gateway_csv), knows=frozenset({"client"})),
    "gateway json": Format("api_gateway", _lines(_gateway_json), knows=frozenset({"client"})),
    "gateway xml": Format("api_gateway", _lines(_gateway_xml), knows=frozenset({"client"})),
    "gateway template": Format("api_gateway", _lines(_gateway_template), options=Options(template=TEMPLATE)),
    "cloudfront": Format(
        "cloudfront",
        _lines(_cloudfront, "#Version: 1.0", f"#Fields: {CLOUDFRONT_FIELDS}"),
        headers=2,
        knows=frozenset({"latency", "client"}),
    ),
    "nginx_json": Format("nginx_json", _lines(_nginx_json)),
    "jsonl": Format("jsonl", _lines(_json)),
    "csv": Format("csv", _lines(_csv, _CSV_HEADER), headers=1),
    "parquet": Format("parquet", _parquet, lines=False),
    "har": Format("har", _har, knows=frozenset({"fraction", "latency"}), lines=False),
    "combined_timed": Format("combined_timed", _lines(_combined_timed), knows=frozenset({"latency", "client"})),
    "ingress_nginx": Format("ingress_nginx", _lines(_ingress_nginx), knows=frozenset({"latency", "client"})),
    "traefik": Format("traefik", _lines(_traefik), knows=frozenset({"latency", "client"})),
    "traefik_json": Format("traefik_json", _lines(_traefik_json)),
    "caddy": Format("caddy", _lines(_caddy)),
    "envoy": Format("envoy", _lines(_envoy)),
    "istio": Format("envoy", _lines(_istio)),
    "envoy_json": Format("envoy_json", _lines(_envoy_json)),
    "haproxy": Format("haproxy", _lines(_haproxy)),
    "iis": Format(
        "iis",
        _lines(_iis, "#Version: 1.0", f"#Fields: {_IIS_FIELDS}"),
        headers=2,
        knows=frozenset({"latency", "client"}),
    ),
    "classic_elb": Format("classic_elb", _lines(_classic_elb)),
    "s3_access": Format("s3_access", _lines(_s3_access), knows=frozenset({"latency", "client"})),
    "gcp_load_balancer": Format("gcp_load_balancer", _lines(_gcp)),
    "azure_gateway": Format("azure_gateway", _lines(_azure_gateway), knows=frozenset({"fraction", "client"})),
    "cloudflare": Format("cloudflare", _lines(_cloudflare), knows=frozenset({"fraction", "client"})),
    "cloudfront_json": Format("cloudfront_json", _lines(_cloudfront_json), knows=frozenset({"latency", "client"})),
    "k6": Format("k6", _lines(_k6, _K6_HEADER), headers=1, knows=frozenset({"fraction", "latency"})),
    "k6_json": Format("k6_json", _lines(_k6_json), knows=frozenset({"fraction", "latency"})),
    "goreplay": Format("goreplay", _goreplay, knows=frozenset({"fraction"}), lines=False),
}
AZURE = Format("azure_functions", _lines(_azure, "app,func,end_timestamp,duration"), headers=1)
