"""A ``service.toml`` from a SAM or CloudFormation template.

Put here what a template's resources mean for a service, and what cannot be carried over. Keep out what a service may
have (`resources.services.model`).
"""

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from workloads.errors import ArchduelError, UsageError, choose

_FUNCTIONS = ("AWS::Serverless::Function", "AWS::Lambda::Function")
_TABLES = ("AWS::DynamoDB::Table", "AWS::Serverless::SimpleTable")
_PARTS = {"Api": "1.0", "HttpApi": "2.0"}  # events of SAM's functions, with the payload that their handlers take
_SOURCES = (".py", ".js", ".mjs", ".cjs")
_IN_TEXT = re.compile(r"\$\{([^{}!]*)\}")
_CARRIED = {
    *("Runtime", "Handler", "CodeUri", "Code", "Timeout", "MemorySize", "Environment", "Events"),
    # What does not matter to a replay: archduel makes names, roles and tags of its own.
    *("FunctionName", "Role", "Policies", "Tags", "Description", "Architectures"),
}
_CARRIED_OF_TABLES = {
    *("KeySchema", "AttributeDefinitions", "PrimaryKey", "BillingMode", "ProvisionedThroughput"),
    "GlobalSecondaryIndexes",
    *("TableName", "Tags", "SSESpecification", "SSEEnabled", "PointInTimeRecoverySpecification"),
}


@dataclass
class Carried:
    """What became of a template.

    Attributes:
        text: The ``service.toml``.
        left: What could not be carried over, a line each.
    """

    text: str = ""
    left: list[str] = field(default_factory=list)


def from_template(path: Path, function: str | None = None, folder: Path | None = None) -> Carried:
    """Make a ``service.toml`` of a template: of its functions with an API, or of the only one, and of its tables.

    Args:
        path: The template, YAML or JSON.
        function: The logical name of a function; None for all with an API, or the only one.
        folder: Where the file is to be, from which its code is found; None for the template's own folder.

    Raises:
        UsageError: It cannot be read, or has no such function.
        ArchduelError: What reads templates is not installed.
    """
    template = _read(path)
    resources: Mapping[str, Any] = template.get("Resources") or {}
    functions = {name: one for name, one in resources.items() if one.get("Type") in _FUNCTIONS}
    chosen = _chosen(path, functions, function)
    tables = {one: made for one, made in resources.items() if made.get("Type") in _TABLES}
    carried = Carried()
    reading = _Reading(
        defaults=(template.get("Globals") or {}).get("Function") or {},
        tables=tables,
        parameters=template.get("Parameters") or {},
        here=path.parent,
        there=folder or path.parent,
        carried=carried,
    )
    if len(chosen) == 1:
        lines = list(_function(chosen[0], functions[chosen[0]].get("Properties") or {}, reading, heading="environment"))
    else:
        lines = [f"name = {json.dumps(_kebab(path.resolve().parent.name))}"]
        for name in chosen:
            properties = functions[name].get("Properties") or {}
            lines += ["", "[[functions]]", *_function(name, properties, reading, heading="functions.environment")]
    for table, described in tables.items():
        lines += ["", *_table(table, described.get("Properties") or {}, reading)]
    carried.left += [
        f"{other}: {one.get('Type')}"
        for other, one in resources.items()
        if other not in chosen and other not in tables and one.get("Type") != "AWS::IAM::Role"
    ]
    carried.text = "\n".join([*lines, ""])
    return carried


@dataclass(frozen=True)
class _Reading:
    """What the reading of a template's functions has in common."""

    defaults: Mapping[str, Any]  # of all functions, as SAM's Globals have them
    tables: Mapping[str, Any]
    parameters: Mapping[str, Any]
    here: Path
    there: Path
    carried: Carried
    sources: dict[Path, bytes] = field(default_factory=dict)  # of the functions' code, which they may share

    def resolved(self, value: Any) -> str:
        """A value as text: tables by their placeholder, parameters by their default; `KeyError` where it is neither."""
        if isinstance(value, str | int | float):
            named = (table for table in self.tables if value == self.fixed_name(table))
            return next((f"{{table:{_kebab(table)}}}" for table in named), str(value))
        if not isinstance(value, dict) or len(value) != 1:
            raise KeyError
        [(function, argument)] = value.items()
        if function == "Ref" and argument in self.tables:
            return f"{{table:{_kebab(argument)}}}"
        if function == "Ref":
            return str(self.parameters[argument]["Default"])
        if function == "Fn::Sub" and isinstance(argument, str):
            return _IN_TEXT.sub(lambda found: self.resolved({"Ref": found[1]}), argument)
        raise KeyError

    def fixed_name(self, table: str) -> str | None:
        """The name that the template gives a table, where it is written out."""
        given = (self.tables[table].get("Properties") or {}).get("TableName")
        return given if isinstance(given, str) else None

    def text(self, name: str, properties: Mapping[str, Any], field_name: str, otherwise: str) -> str:
        """A property of what has this name; ``otherwise`` where it has none, or, which is said, none to resolve."""
        value = properties.get(field_name, otherwise)
        try:
            return value if isinstance(value, str) else self.resolved(value)
        except KeyError:
            given = json.dumps(value, default=str)
            self.carried.left.append(
                f"{name}: {field_name} {given} cannot be resolved here, and {otherwise} stands in its place"
            )
            return otherwise

    def number(self, name: str, properties: Mapping[str, Any], field_name: str, otherwise: int) -> int:
        """The same of a whole number."""
        text = self.text(name, properties, field_name, str(otherwise))
        return int(text) if text.isdecimal() else otherwise


def _function(name: str, own: Mapping[str, Any], reading: _Reading, *, heading: str) -> Iterator[str]:
    """The lines of a function, its environment under a ``heading``."""
    properties = {**reading.defaults, **own}
    variables = {
        **((reading.defaults.get("Environment") or {}).get("Variables") or {}),
        **((own.get("Environment") or {}).get("Variables") or {}),
    }
    routes, payload = _routes(name, properties, reading)
    yield f"name = {json.dumps(_kebab(name))}"
    yield f"code = {json.dumps(_code(name, properties, reading))}"
    yield f"runtime = {json.dumps(reading.text(name, properties, 'Runtime', 'python3.12'))}"
    yield f"handler = {json.dumps(reading.text(name, properties, 'Handler', 'app.handler'))}"
    yield f"payload = {json.dumps(payload)}"
    yield f"timeout_s = {reading.number(name, properties, 'Timeout', 3)}"
    yield f"memory_mb = {reading.number(name, properties, 'MemorySize', 128)}"
    yield f"routes = {json.dumps(routes)}"
    yield from ("", f"[{heading}]")
    for variable, value in variables.items():
        try:
            yield f"{variable} = {json.dumps(reading.resolved(value))}"
        except KeyError:
            given = json.dumps(value, default=str)
            reading.carried.left.append(f"environment {variable}: {given} cannot be resolved here")
    reading.carried.left += [f"{name}: {one}" for one in sorted(set(properties) - _CARRIED)]


def _read(path: Path) -> Mapping[str, Any]:
    if not path.is_file():
        raise UsageError(f"{path} does not exist, or is no file")
    try:
        from cfnlint.decode import decode  # noqa: PLC0415 - of an extra, which few need
    except ImportError:
        raise ArchduelError(
            "templates are read with cfn-lint, which is installed apart: .venv/bin/uv pip install --python"
            " .venv/bin/python -e '.[templates]'"
        ) from None
    template, faults = decode(str(path))
    if faults or not isinstance(template, dict):
        why = f": line {faults[0].linenumber}: {faults[0].message}" if faults else ""
        raise UsageError(f"{path} is no template{why}")
    return template


def _chosen(path: Path, functions: Mapping[str, Any], function: str | None) -> list[str]:
    if function is not None:
        choose(functions, function, "function")
        return [function]
    with_api = [
        name
        for name, one in functions.items()
        if any(event.get("Type") in _PARTS for event in ((one.get("Properties") or {}).get("Events") or {}).values())
    ]
    if with_api or len(functions) == 1:
        return with_api or list(functions)
    names = ", ".join(functions) or "none"
    raise UsageError(f"{path} has no function with an API, and not a single one ({names}): name one with --function")


def _routes(name: str, properties: Mapping[str, Any], reading: _Reading) -> tuple[list[str], str]:
    routes, payloads, carried = [], set(), reading.carried
    for event, described in (properties.get("Events") or {}).items():
        kind, own = described.get("Type"), described.get("Properties") or {}
        if kind not in _PARTS:
            carried.left.append(f"{name}, event {event}: {kind}")
            continue
        payloads.add(own.get("PayloadFormatVersion") or _PARTS[kind])
        where = f"{name}, event {event}"
        method = reading.text(where, own, "Method", "ANY").upper()
        every = method in ("*", "X-AMAZON-APIGATEWAY-ANY-METHOD")
        routes.append(f"{'ANY' if every else method} {reading.text(where, own, 'Path', '/{proxy+}')}")
    if len(payloads) > 1:
        carried.left.append(f"{name}: it has a REST API and an HTTP API; the events are those of the HTTP API")
    return routes, max(payloads, default="1.0")


def _code(name: str, properties: Mapping[str, Any], reading: _Reading) -> str:
    code = properties.get("CodeUri", properties.get("Code", "."))
    if isinstance(code, str) and "://" not in code:
        files = (reading.here / code).rglob("*") if (reading.here / code).is_dir() else ()
        own = (file for file in files if file.suffix in _SOURCES and "node_modules" not in file.parts)
        new = (file for file in own if file not in reading.sources and file.is_file())
        reading.sources.update({file: file.read_bytes() for file in new})
        return os.path.relpath(reading.here / code, reading.there)
    reading.carried.left.append(
        f"{name}: its code is not a folder here: set code to the folder or zip that is deployed"
    )
    return "."


def _table(name: str, properties: Mapping[str, Any], reading: _Reading) -> list[str]:
    carried = reading.carried
    primary = properties.get("PrimaryKey") or {}
    key = reading.text(name, primary, "Name", "id")
    types: dict[str, str] = {
        reading.text(name, one, "AttributeName", "id"): one["AttributeType"]
        for one in properties.get("AttributeDefinitions") or ()
    }
    if not properties.get("KeySchema"):  # as SAM's simple tables, whose key has its type beside it
        types[key] = {"Number": "N", "Binary": "B"}.get(str(primary.get("Type")), "S")
    carried.left += [f"{name}: {one}" for one in sorted(set(properties) - _CARRIED_OF_TABLES)]
    carried.left += [
        f"{name}: {attribute} is binary, and becomes a text" for attribute, kind in types.items() if kind == "B"
    ]
    fixed = reading.fixed_name(name)
    is_written = fixed is not None and any(fixed.encode() in content for content in reading.sources.values())
    numbers = [attribute for attribute, kind in types.items() if kind == "N"]
    lines = ["[[tables]]", f"name = {json.dumps(_kebab(name))}"]
    lines += [f"fixed_name = {json.dumps(fixed)}"] if is_written else []
    lines += _keys(name, properties.get("KeySchema") or (), key, reading)
    lines += [f"numbers = {json.dumps(numbers)}"] if numbers else []
    for index in properties.get("GlobalSecondaryIndexes") or ():
        lines += [
            "[[tables.indexes]]",
            f"name = {json.dumps(index['IndexName'])}",
            *_keys(name, index["KeySchema"], "id", reading),
        ]
    return lines


def _keys(name: str, described: Sequence[Mapping[str, str]], otherwise: str, reading: _Reading) -> list[str]:
    keys = {one["KeyType"]: reading.text(name, one, "AttributeName", "id") for one in described}
    sort_key = [f"sort_key = {json.dumps(keys['RANGE'])}"] if "RANGE" in keys else []
    return [f"key = {json.dumps(keys.get('HASH', otherwise))}", *sort_key]


def _kebab(name: str) -> str:
    """A logical name as archduel's names are: ``MyLinks`` as ``my-links``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower()[:31]
