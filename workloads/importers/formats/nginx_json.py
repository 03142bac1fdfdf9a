"""nginx access logs in JSON (``log_format ... escape=json``), by nginx's names.

Put here nginx's names. Keep out how objects are read (`workloads.importers.formats.json_lines`). nginx writes a line
when the response was sent: the arrival is that time less ``request_time``, if that is there.
"""

from workloads.importers.formats.json_lines import JsonImporter

IMPORTER = JsonImporter(
    name="nginx_json",
    description="nginx access logs in JSON, by nginx's names; the arrival is the stamp less request_time",
    example='{"msec": "1431857103.250", "request": "GET /path HTTP/1.1", "request_time": "0.020", "status": "200"}',
    names={
        "ended": ("msec", "time_iso8601", "time_local", "time", "timestamp", "@timestamp", "ts"),
        "request": ("request",),
        "method": ("request_method",),
        "path": ("request_uri", "uri"),
        "query": ("args", "query_string"),
        "status": ("status", "response", "response_code"),
        "latency_s": ("request_time",),
        "client": ("remote_addr", "remote_ip", "realip_remote_addr", "client_ip"),
        "payload_bytes": ("request_length", "content_length"),
    },
    position=0,
)
