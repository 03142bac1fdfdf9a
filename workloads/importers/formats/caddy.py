"""Access logs of Caddy.

Put here Caddy's names. Keep out how objects are read (`workloads.importers.formats.json_lines`). A line is written when
the request was handled: the arrival is ``ts`` less ``duration``, which is in seconds. ``client_ip`` is the visitor,
``remote_ip`` may be a proxy.
"""

from workloads.importers.formats.json_lines import JsonImporter

IMPORTER = JsonImporter(
    name="caddy",
    description="Caddy's access logs; the arrival is ts less duration",
    example='{"ts": 1779012304.25, "request": {"client_ip": "::1", "method": "GET", "uri": "/"}, "duration": 2.0}',
    names={
        "ended": ("ts",),
        "method": ("request.method",),
        "path": ("request.uri",),
        "status": ("status",),
        "latency_s": ("duration",),
        "client": ("request.client_ip", "request.remote_ip", "request.remote_addr"),
        "payload_bytes": ("bytes_read",),
    },
    position=0,
    mark=(
        r'(?=.*"request" *:)'
        r'(?=.*"uri" *:)'
        r'(?=.*"duration" *:)'
    ),
)
