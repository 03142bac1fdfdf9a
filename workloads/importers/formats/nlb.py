"""Access logs of the AWS Network Load Balancer, which are refused: they hold connections and no requests.

Put here how they look and what to import instead. Keep out the load balancer of requests
(`workloads.importers.formats.alb`).
"""

from workloads.importers.formats.refused import RefusedImporter

IMPORTER = RefusedImporter(
    name="nlb",
    description="AWS Network Load Balancer: refused, as it logs TLS connections and no requests",
    example="tls 2.0 2026-05-17T10:05:03 net/my-nlb/id listener 192.0.2.1:51341 ...",
    instead=(
        "a Network Load Balancer logs TLS connections, not the requests in them; import the access log of the servers"
        " behind it"
    ),
    mark=r"^tls \d\.\d \d{4}-\d\d-\d\dT",
)
