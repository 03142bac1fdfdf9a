"""Access logs of the AWS API Gateway: the presets CLF, JSON, XML and CSV, and a user's own format.

Put here which ``$context`` variables hold what. Keep out other logs of AWS (`workloads.importers.formats.alb`,
`workloads.importers.formats.cloudfront`). A stage's format is a text in which API Gateway replaces the variables: so
each is read by the text it was written with. The arrival is the request's time.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from workloads.errors import UsageError
from workloads.importers.files.reading import Source
from workloads.importers.formats.json_lines import json_fields
from workloads.importers.formats.lines import entries
from workloads.importers.formats.named import fields, first_of
from workloads.importers.importer import Entries, Format, Options, refuse_options

_VARIABLE = re.compile(r"\$context\.([A-Za-z]\w*(?:\.\w+)*)")

# The likeliest first: a real path rather than the resource it matched, milliseconds rather than seconds.
_ROLES: Mapping[str, tuple[str, ...]] = {
    "timestamp": ("requestTimeEpoch", "requestTime"),
    "method": ("httpMethod",),
    "path": ("path", "resourcePath"),
    "request": ("routeKey",),
    "status": ("status",),
    "latency_ms": ("responseLatency",),
    "client": ("identity.sourceIp", "identity.caller", "identity.user", "identity.userArn", "authorizer.principalId"),
}
# Names that the documentation gives these variables in JSON, besides their own.
_JSON_NAMES = {
    "timestamp": ("requestTimeEpoch", "requestTime"),
    "method": ("httpMethod",),
    "path": ("path", "resourcePath"),
    "request": ("routeKey",),
    "status": ("status",),
    "latency_ms": ("responseLatency", "latency"),
    "client": ("ip", "sourceIp", "sourceIP", "identity.sourceIp", "caller", "user"),
}
_CLF = (
    "$context.identity.sourceIp $context.identity.caller $context.identity.user [$context.requestTime] "
    '"$context.httpMethod $context.resourcePath $context.protocol" $context.status $context.responseLength '
    "$context.requestId"
)
_CSV = (
    "$context.identity.sourceIp,$context.identity.caller,$context.identity.user,$context.requestTime,"
    "$context.httpMethod,$context.resourcePath,$context.protocol,$context.status,$context.responseLength,"
    "$context.requestId"
)
_XML = (
    '<request id="$context.requestId"> <ip>$context.identity.sourceIp</ip> <caller>$context.identity.caller</caller> '
    "<user>$context.identity.user</user> <requestTime>$context.requestTime</requestTime> "
    "<httpMethod>$context.httpMethod</httpMethod> <resourcePath>$context.resourcePath</resourcePath> "
    "<status>$context.status</status> <protocol>$context.protocol</protocol> "
    "<responseLength>$context.responseLength</responseLength> </request>"
)
# The preset shows in the beginning of a line, and in a bracket, which is in no CSV line. A common log of another server
# has no request id at its end.
_PRESETS = {
    "starts_with(line, '<')": _XML,
    "NOT starts_with(line, '<') AND NOT starts_with(line, '{') AND contains(line, '[')": _CLF,
    "NOT starts_with(line, '<') AND NOT starts_with(line, '{') AND NOT contains(line, '[')": _CSV,
}
_NOT_AS_THE_TEMPLATE = "is in none of the presets, and not as the template says"


@dataclass(frozen=True, kw_only=True)
class ApiGatewayImporter(Format):
    """Reads lines of the ``template`` where there is one, else of the presets."""

    template: str | None = None
    reads_each_line_alone: bool = True
    presets: Mapping[str, str] = field(default_factory=lambda: _PRESETS)

    def advice(self, line: str) -> str:
        """See `Importer.advice`."""
        return (
            "; let the stage log $context.path as well: the route $default says no path" if "$default" in line else ""
        )

    def with_options(self, options: Options) -> "ApiGatewayImporter":
        """See `Importer.with_options`."""
        refuse_options(self.name, options, template=True)
        if options.template is not None:
            _check(options.template)
        return replace(self, template=options.template)

    def entries(self, source: Source) -> Iterator[Entries]:
        """See `Importer.entries`."""
        parameters: dict[str, object] = {}
        if self.template is not None:
            query = _template_fields(self.template, "true", 0, parameters)
        else:
            json_query, parameters["paths"] = json_fields(_JSON_NAMES, {})
            json_query = json_query.replace("FROM lines", "FROM lines WHERE starts_with(line, '{')")
            parts = [
                _template_fields(template, condition, number, parameters)
                for number, (condition, template) in enumerate(self.presets.items())
            ]
            query = f"SELECT * FROM ({' UNION ALL '.join([json_query, *parts])}) ORDER BY line_number"
        for lines in source.lines():
            yield entries(lines, query, parameters)


def _check(template: str) -> None:
    known = set(_VARIABLE.findall(template))
    if not known:
        raise UsageError(f"--template {template!r} holds no $context variable: give the stage's access log format")
    if not known & set(_ROLES["timestamp"]):
        raise UsageError("--template has no time: it needs $context.requestTimeEpoch or $context.requestTime")
    if not known & {*_ROLES["path"], "routeKey"} or not known & {*_ROLES["method"], "routeKey"}:
        raise UsageError(
            "--template has no method and path: it needs $context.httpMethod with $context.path or"
            " $context.resourcePath, or $context.routeKey"
        )


def _template_fields(template: str, condition: str, number: int, parameters: dict[str, object]) -> str:
    """A query as `lines.entries` takes it for lines that meet ``condition``; its pattern goes into ``parameters``."""
    literals_and_names = _VARIABLE.split(template.strip())
    names = literals_and_names[1::2]
    pattern = "".join(
        f"({_value(names[index])})" if odd else _literal(text)
        for index, odd, text in ((at // 2, at % 2, text) for at, text in enumerate(literals_and_names))
    )
    parameters[f"pattern{number}"] = rf"^\s*{pattern}\s*$"
    groups = ", ".join(f"'v{index}'" for index in range(len(names)))
    cells = {
        role: first_of([f"value.v{names.index(name)}" for name in known if name in names], role)
        for role, known in _ROLES.items()
        if any(name in names for name in known)
    }
    if "path" in cells:  # HTTP APIs have a route's key, method and path, where REST APIs have a path
        cells["path"] = f"regexp_replace({cells['path']}, '^[A-Z]+ /', '/')"
    stamp = min(names.index(name) for name in _ROLES["timestamp"] if name in names)
    relation = f"""(
        SELECT line_number, line, regexp_extract(line, $pattern{number}, [{groups}]) AS value
        FROM lines WHERE {condition}
    )"""
    return fields(cells, relation=relation, problem=f"CASE WHEN value.v{stamp} = '' THEN '{_NOT_AS_THE_TEMPLATE}' END")


def _value(name: str) -> str:
    # A request id is one word: at the end of a line it alone tells this log from a common one. A protocol is one word,
    # too: it ends a path with a blank in it. A length is a number, and not a web server's quoted referrer. A route's
    # key is two words if it holds a method and a path.
    values = {
        "requestId": "[A-Za-z0-9_=-]{8,}|-",
        "protocol": r"\S*",
        "routeKey": r"[A-Z]+ /\S*|.*?",
        "responseLength": r"\d+|-",
    }
    return values.get(name, ".*?")


def _literal(text: str) -> str:
    """``text`` as a regular expression in which blanks may be more, or none beside other text."""
    blank = r"\s+" if not text.strip() else r"\s*"
    return blank.join(re.escape(part) for part in re.split(r"\s+", text))


IMPORTER = ApiGatewayImporter(
    name="api_gateway",
    description="AWS API Gateway access logs: CLF, JSON, XML, CSV, or the stage's own format given by --template",
    example='192.0.2.1 - - [17/May/2015:10:05:03 +0000] "GET /orders/{id} HTTP/1.1" 200 512 JKJaXmPLvHcESHA=',
)
