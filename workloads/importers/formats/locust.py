"""Statistics of Locust in CSV, which are refused: they are sums over requests.

Put here how they look and what works instead. Keep out CSV (`workloads.importers.formats.comma_separated`).
"""

from workloads.importers.formats.refused import RefusedImporter

IMPORTER = RefusedImporter(
    name="locust",
    description="statistics of Locust (--csv): refused, as they are sums and hold no single request",
    example="Type,Name,Request Count,Failure Count,... in the first line",
    instead=(
        "Locust's statistics are sums over many requests. Let a listener of Locust's event `request` write a line of"
        " JSON for each, with ended, method, path, latency_ms and status, and import that"
    ),
    mark="^(?:Type,Name,Request Count,|Timestamp,User Count,Type,Name,|Method,Name,Error,|Count,Message,Traceback,)",
)
