"""Results of JMeter (.jtl) in CSV, which are refused: they name no method.

Put here how they look and what works instead. Keep out CSV (`workloads.importers.formats.comma_separated`).
"""

from workloads.importers.formats.refused import RefusedImporter

IMPORTER = RefusedImporter(
    name="jmeter",
    description="results of JMeter (.jtl): refused, as they name no method; csv reads them with --column",
    example="timeStamp,elapsed,label,responseCode,... in the first line",
    instead=(
        "JMeter's results name no method. If all requests had the same one, import them as csv with --column"
        " timestamp=timeStamp --column path=URL --column latency_ms=elapsed --column status=responseCode --column"
        " method=\"'GET'\""
    ),
    mark="^timeStamp,elapsed,",
)
