"""Access logs of Traefik in JSON.

Put here Traefik's names. Keep out how objects are read (`workloads.importers.formats.json_lines`) and Traefik's text
(`workloads.importers.formats.traefik`). ``StartUTC`` is when the request began; ``time`` is when the line was written,
to the second. ``Duration`` is in nanoseconds.
"""

from workloads.importers.formats.json_lines import JsonImporter

IMPORTER = JsonImporter(
    name="traefik_json",
    description="Traefik in JSON; stamped to the nanosecond when the request began",
    example='{"StartUTC": "2026-05-17T10:05:01.25Z", "RequestMethod": "GET", "RequestPath": "/", "Duration": 2500000}',
    names={
        "timestamp": ("StartUTC", "StartLocal"),
        "logged": ("time",),
        "method": ("RequestMethod",),
        "path": ("RequestPath",),
        "status": ("DownstreamStatus",),
        "latency_ns": ("Duration",),
        "client": ("ClientHost", "ClientAddr"),
        "payload_bytes": ("RequestContentSize",),
    },
    position=0,
    mark=(
        r'(?=.*"RequestMethod" *:)'
        r'(?=.*"RequestPath" *:)'
    ),
)
