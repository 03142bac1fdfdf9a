"""Request logs of Google Cloud's load balancers and of Cloud Run, an exported LogEntry a line.

Put here where an entry holds what. Keep out how objects are read (`workloads.importers.formats.json_lines`).
``timestamp`` is when the request came; ``latency`` is a text like ``0.123s``. ``requestSize`` holds the headers, too.
"""

from workloads.importers.formats.json_lines import JsonImporter

IMPORTER = JsonImporter(
    name="gcp_load_balancer",
    description="Google Cloud load balancers and Cloud Run; stamped when the request came",
    example='{"timestamp": "2026-05-17T10:05:01.25Z", "httpRequest": {"requestMethod": "GET", "requestUrl": "..."}}',
    names={
        "timestamp": ("timestamp",),
        "method": ("httpRequest.requestMethod",),
        "path": ("httpRequest.requestUrl",),
        "status": ("httpRequest.status",),
        "latency_s": ("httpRequest.latency",),
        "client": ("httpRequest.remoteIp",),
        "payload_bytes": ("httpRequest.requestSize",),
    },
    position=0,
    mark=(
        r'(?=.*"httpRequest" *:)'
        r'(?=.*"requestMethod" *:)'
        r'(?=.*"requestUrl" *:)'
    ),
)
