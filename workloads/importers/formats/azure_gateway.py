"""Access logs of Azure's Application Gateway and Front Door, a resource log a line.

Put here where an entry holds what. Keep out how objects are read (`workloads.importers.formats.json_lines`).
``timeTaken`` is milliseconds in version 1 of the gateway and seconds in version 2 and Front Door, and nothing on a line
says which: there is no latency but by ``--column latency_s=properties.timeTaken``.
"""

from workloads.importers.formats.json_lines import JsonImporter

IMPORTER = JsonImporter(
    name="azure_gateway",
    description="Azure Application Gateway and Front Door; without a latency, as timeTaken has no unit",
    example='{"timeStamp": "2026-05-17T10:05:01Z", "properties": {"httpMethod": "GET", "requestUri": "/orders/1"}}',
    names={
        "logged": ("timeStamp", "time"),
        "method": ("properties.httpMethod",),
        "path": ("properties.requestUri",),
        "query": ("properties.requestQuery",),
        "status": ("properties.httpStatus", "properties.httpStatusCode"),
        "client": ("properties.clientIP", "properties.clientIp"),
        "payload_bytes": ("properties.receivedBytes", "properties.requestBytes"),
    },
    position=0,
    mark=(
        r'(?=.*"properties" *:)'
        r'(?=.*"httpMethod" *:)'
        r'(?=.*"requestUri" *:)'
    ),
)
