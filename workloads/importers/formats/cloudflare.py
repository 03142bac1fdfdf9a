"""Cloudflare's Logpush, data set http_requests.

Put here Cloudflare's names. Keep out how objects are read (`workloads.importers.formats.json_lines`).
``EdgeStartTimestamp`` is when Cloudflare received the request. ``ClientRequestBytes`` holds the headers, too.
"""

from workloads.importers.formats.json_lines import JsonImporter

IMPORTER = JsonImporter(
    name="cloudflare",
    description="Cloudflare Logpush, http_requests; stamped when the edge received the request",
    example='{"EdgeStartTimestamp": "2026-05-17T10:05:01Z", "ClientRequestMethod": "GET", "ClientRequestURI": "/"}',
    names={
        "timestamp": ("EdgeStartTimestamp",),
        "ended": ("EdgeEndTimestamp",),
        "method": ("ClientRequestMethod",),
        "path": ("ClientRequestURI", "ClientRequestPath"),
        "status": ("EdgeResponseStatus",),
        "client": ("ClientIP",),
        "payload_bytes": ("ClientRequestBytes",),
    },
    position=0,
    mark=(r'(?=.*"ClientRequestMethod" *:)'),
)
