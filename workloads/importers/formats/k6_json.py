"""Results of k6 in JSON (``--out json``): a sample of a metric a line.

Put here which samples are requests. Keep out how objects are read (`workloads.importers.formats.json_lines`) and the
CSV of the same samples (`workloads.importers.formats.k6`). The samples of http_req_duration are the requests: their
time is the end and their value the latency in milliseconds.
"""

from workloads.importers.formats.json_lines import JsonImporter

# Objects are written without blanks, and the metric is the first or second value: nothing of a request is searched.
_DROPPED = """CASE WHEN json_valid(line) AND coalesce(TRY(json_extract_string(line, '$.metric')) <> 'http_req_duration'
    OR TRY(json_extract_string(line, '$.type')) = 'Metric', false) THEN 'a sample of another metric of k6' END"""

IMPORTER = JsonImporter(
    name="k6_json",
    description="results of k6 as JSON; the arrival is the time of http_req_duration less its value",
    example='{"metric": "http_req_duration", "type": "Point", "data": {"time": "...", "value": 12.5, ...}}',
    names={
        "ended": ("data.time",),
        "method": ("data.tags.method",),
        "path": ("data.tags.url",),
        "status": ("data.tags.status",),
        "latency_ms": ("data.value",),
    },
    position=0,
    mark=(
        r'(?=.*"metric" *:)'
        r'(?=.*"type" *:)'
        r'(?=.*"data" *:)'
    ),
    dropped=_DROPPED,
)
