"""AWS CloudFront standard access logs in JSON, as version 2 delivers them.

Put here the names in an object. Keep out how objects are read (`workloads.importers.formats.json_lines`) and tables of
the same fields (`workloads.importers.formats.cloudfront`). The arrival is date and time less ``time-taken``.
"""

from workloads.importers.formats.json_lines import JsonImporter

IMPORTER = JsonImporter(
    name="cloudfront_json",
    description="AWS CloudFront standard logs (v2) in JSON; stamped to the second, less time-taken",
    example='{"date": "2026-05-17", "time": "10:05:01", "cs-method": "GET", "cs-uri-stem": "/", "time-taken": "0.113"}',
    names={
        "ended": ("timestamp(ms)", "timestamp", "date+time"),
        "method": ("cs-method",),
        "path": ("cs-uri-stem",),
        "query": ("cs-uri-query",),
        "status": ("sc-status",),
        "latency_s": ("time-taken",),
        "client": ("c-ip",),
        "payload_bytes": ("cs-bytes",),
    },
    position=0,
    mark=(
        r'(?=.*"cs-method" *:)'
        r'(?=.*"cs-uri-stem" *:)'
    ),
)
