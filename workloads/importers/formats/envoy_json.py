"""Access logs of Envoy in JSON, as Istio writes them by default.

Put here the names that Istio gives Envoy's values. Keep out how objects are read
(`workloads.importers.formats.json_lines`) and Envoy's text (`workloads.importers.formats.envoy`). ``start_time`` is
when the request began, and ``duration`` is in milliseconds, as Envoy's ``%DURATION%`` is.
"""

from workloads.importers.formats.json_lines import JsonImporter

IMPORTER = JsonImporter(
    name="envoy_json",
    description="Envoy and Istio in JSON, by Istio's names; stamped to the millisecond when the request began",
    example='{"start_time": "2026-05-17T10:05:01.250Z", "method": "GET", "path": "/", "response_code": 200}',
    names={
        "timestamp": ("start_time",),
        "method": ("method",),
        "path": ("path",),
        "status": ("response_code",),
        "latency_ms": ("duration",),
        "client": ("x_forwarded_for", "downstream_remote_address"),
        "payload_bytes": ("bytes_received",),
    },
    position=0,
    mark=(
        r'(?=.*"start_time" *:)'
        r'(?=.*"response_code" *:)'
    ),
)
