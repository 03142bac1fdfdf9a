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
    """Make a ``service.toml`` of one function of a template, with the tables of the template.

    Args:
        path: The template, YAML or JSON.
        function: The function's logical name; None for the only one, or the only one with an API.
        folder: Where the file is to be, from which its code is found; None for the template's own folder.

    Raises:
        UsageError: It cannot be read, or has no such function.
        ArchduelError: What reads templates is not installed.
    """
    template = _read(path)
    resources: Mapping[str, Any] = template.get("Resources") or {}
    functions = {name: one for name, one in resources.items() if one.get("Type") in _FUNCTIONS}
    name = _chosen(path, functions, function)
    carried = Carried()
    defaults = (template.get("Globals") or {}).get("Function") or {}
    own = functions[name].get("Properties") or {}
    properties = {**defaults, **own}
    variables = {
        **((defaults.get("Environment") or {}).get("Variables") or {}),
        **((own.get("Environment") or {}).get("Variables") or {}),
    }
    routes, payload = _routes(name, properties, carried)
    lines = [
        f"name = {json.dumps(_kebab(name))}",
        f"code = {json.dumps(_code(name, properties, carried, path.parent, folder or path.parent))}",
        f"runtime = {json.dumps(_text(properties.get('Runtime'), 'python3.12'))}",
        f"handler = {json.dumps(_text(properties.get('Handler'), 'app.handler'))}",
        f"payload = {json.dumps(payload)}",
        f"timeout_s = {_number(properties.get('Timeout'), 3)}",
        f"memory_mb = {_number(properties.get('MemorySize'), 128)}",
        f"routes = {json.dumps(routes)}",
    ]
    tables = {one: made for one, made in resources.items() if made.get("Type") in _TABLES}
    lines += ["", "[environment]", *_environment(variables, tables, template.get("Parameters") or {}, carried)]
    for table, described in tables.items():
        lines += ["", *_table(table, described.get("Properties") or {}, carried)]
    carried.left += [f"{name}: {one}" for one in sorted(set(properties) - _CARRIED)]
    carried.left += [
        f"{other}: {one.get('Type')}"
        for other, one in resources.items()
        if other != name and other not in tables and one.get("Type") != "AWS::IAM::Role"
    ]
    carried.text = "\n".join([*lines, ""])
    return carried


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


def _chosen(path: Path, functions: Mapping[str, Any], function: str | None) -> str:
    if function is not None:
        choose(functions, function, "function")
        return function
    with_api = [
        name
        for name, one in functions.items()
        if any(event.get("Type") in _PARTS for event in ((one.get("Properties") or {}).get("Events") or {}).values())
    ]
    candidates = with_api or list(functions)
    if len(candidates) != 1:
        names = ", ".join(candidates) or "none"
        raise UsageError(f"{path} has no single function with an API ({names}): name one with --function")
    return candidates[0]


def _routes(name: str, properties: Mapping[str, Any], carried: Carried) -> tuple[list[str], str]:
    routes, payloads = [], set()
    for event, described in (properties.get("Events") or {}).items():
        kind, own = described.get("Type"), described.get("Properties") or {}
        if kind not in _PARTS:
            carried.left.append(f"{name}, event {event}: {kind}")
            continue
        payloads.add(own.get("PayloadFormatVersion") or _PARTS[kind])
        method = _text(own.get("Method"), "ANY").upper()
        routes.append(f"{'ANY' if method == '*' else method} {_text(own.get('Path'), '/{proxy+}')}")
    if len(payloads) > 1:
        carried.left.append(f"{name}: it has a REST API and an HTTP API; the events are those of the HTTP API")
    return routes, max(payloads, default="1.0")


def _code(name: str, properties: Mapping[str, Any], carried: Carried, here: Path, there: Path) -> str:
    code = properties.get("CodeUri", properties.get("Code", "."))
    if isinstance(code, str) and "://" not in code:
        return os.path.relpath(here / code, there)
    carried.left.append(f"{name}: its code is not a folder here: set code to the folder or zip that is deployed")
    return "."


def _environment(
    variables: Mapping[str, Any], tables: Mapping[str, Any], parameters: Mapping[str, Any], carried: Carried
) -> Iterator[str]:
    for variable, value in variables.items():
        try:
            yield f"{variable} = {json.dumps(_resolved(value, tables, parameters))}"
        except KeyError:
            carried.left.append(f"environment {variable}: {json.dumps(value, default=str)} cannot be resolved here")


def _resolved(value: Any, tables: Mapping[str, Any], parameters: Mapping[str, Any]) -> str:
    """A value as text: tables by their placeholder, parameters by their default; `KeyError` where it is neither."""
    if isinstance(value, str | int | float):
        return str(value)
    if not isinstance(value, dict) or len(value) != 1:
        raise KeyError
    [(function, argument)] = value.items()
    if function == "Ref" and argument in tables:
        return f"{{table:{_kebab(argument)}}}"
    if function == "Ref":
        return str(parameters[argument]["Default"])
    if function == "Fn::Sub" and isinstance(argument, str):
        return _IN_TEXT.sub(lambda found: _resolved({"Ref": found[1]}, tables, parameters), argument)
    raise KeyError


def _table(name: str, properties: Mapping[str, Any], carried: Carried) -> list[str]:
    primary = properties.get("PrimaryKey") or {}
    types: dict[Any, str] = {
        one["AttributeName"]: one["AttributeType"] for one in properties.get("AttributeDefinitions") or ()
    }
    types[primary.get("Name")] = {"Number": "N", "Binary": "B"}.get(str(primary.get("Type")), "S")
    carried.left += [f"{name}: {one}" for one in sorted(set(properties) - _CARRIED_OF_TABLES)]
    carried.left += [
        f"{name}: {attribute} is binary, and becomes a text" for attribute, kind in types.items() if kind == "B"
    ]
    numbers = [attribute for attribute, kind in types.items() if kind == "N"]
    lines = ["[[tables]]", f"name = {json.dumps(_kebab(name))}"]
    lines += _keys(properties.get("KeySchema") or (), primary.get("Name") or "id")
    lines += [f"numbers = {json.dumps(numbers)}"] if numbers else []
    for index in properties.get("GlobalSecondaryIndexes") or ():
        lines += ["[[tables.indexes]]", f"name = {json.dumps(index['IndexName'])}", *_keys(index["KeySchema"], "id")]
    return lines


def _keys(described: Sequence[Mapping[str, str]], otherwise: str) -> list[str]:
    keys = {one["KeyType"]: one["AttributeName"] for one in described}
    sort_key = [f"sort_key = {json.dumps(keys['RANGE'])}"] if "RANGE" in keys else []
    return [f"key = {json.dumps(keys.get('HASH', otherwise))}", *sort_key]


def _kebab(name: str) -> str:
    """A logical name as archduel's names are: ``MyLinks`` as ``my-links``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower()[:31]


def _text(value: Any, otherwise: str) -> str:
    return value if isinstance(value, str) else otherwise


def _number(value: Any, otherwise: int) -> int:
    return int(value) if isinstance(value, int) or (isinstance(value, str) and value.isdecimal()) else otherwise
