"""nginx access logs in JSON (``log_format ... escape=json``), by nginx's names.

Put here nginx's names. Keep out how objects are read (`workloads.importers.formats.json_lines`). nginx writes a line
when the response was sent: the arrival is that time less ``request_time``, if that is there. What a value is called is
free in nginx's configuration: the common names are understood as well.
"""

from workloads.importers.formats.json_lines import JsonImporter
from workloads.importers.formats.named import LOGGED, NAMES

_OWN = {
    "ended": ("msec", "time_iso8601", "time_local", *NAMES[LOGGED]),
    "request": ("request",),
    "method": ("request_method",),
    "path": ("request_uri", "uri"),
    "query": ("args", "query_string"),
    "status": ("status", "response", "response_code"),
    "latency_s": ("request_time",),
    "client": ("http_x_forwarded_for", "realip_remote_addr", "remote_addr", "remote_ip", "client_ip"),
    # request_length holds the headers as well: it counts where nothing better is there
    "payload_bytes": ("content_length", "http_content_length", "request_length"),
}
_TOO = ("method", "path", "query", "status", "client")

IMPORTER = JsonImporter(
    name="nginx_json",
    description="nginx access logs in JSON, by nginx's names; the arrival is the stamp less request_time",
    example='{"msec": "1431857103.250", "request": "GET /path HTTP/1.1", "request_time": "0.020", "status": "200"}',
    names={role: tuple(dict.fromkeys([*own, *(NAMES[role] if role in _TOO else ())])) for role, own in _OWN.items()},
    position=0,
    mark=r'"(?:msec|time_local|time_iso8601|request_time|body_bytes_sent|request_method|request_uri|http_referrer'
    r'|http_referer|upstream_\w+)" *:|"request" *: *"',
)
