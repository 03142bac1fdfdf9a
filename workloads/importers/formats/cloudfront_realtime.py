"""Real-time logs of AWS CloudFront, which are refused as they are: no line says which fields were chosen.

Put here how they look and what works instead. Keep out logs with a #Fields line
(`workloads.importers.formats.cloudfront`), which a real-time log becomes by adding one.
"""

from workloads.importers.formats.refused import RefusedImporter

IMPORTER = RefusedImporter(
    name="cloudfront_realtime",
    description="AWS CloudFront real-time logs: refused until a #Fields line in front names the fields you chose",
    example="1779012303.250 and other values with tabs between",
    instead=(
        "a real-time log of CloudFront does not say which fields were chosen: put a line in front that names them in"
        ' their order, as in "#Fields: timestamp c-ip sc-status cs-method cs-uri-stem time-taken", and import it as'
        " cloudfront"
    ),
    mark=r"^\d{10}\.\d{3}\t(?:[^\t]*\t)*(?:GET|POST|PUT|HEAD|OPTIONS|DELETE|PATCH)\t",
)
