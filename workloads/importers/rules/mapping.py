"""A user's mapping: which requests are dropped, which are commands, which queries, and what each is about.

Put here the YAML file, its patterns, and what can be wrong with it. Keep out suggesting a mapping
(`workloads.importers.rules.suggestion`) and applying one (`workloads.importers.rules.classify`).
"""

import re
from collections.abc import Callable
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml

from workloads.errors import UsageError
from workloads.recordings.recording import Operation
from workloads.recordings.routes import NO_TEMPLATE, Pattern, Template
from workloads.replay.bodies import check, check_headers
from workloads.settings_files import read_settings

_MAX_RULES = 1_000  # each is tried with every request; five thousand take half a minute and 1.5 GB to prepare
_METHOD = re.compile(r"[A-Z][A-Z_-]*(?:\|[A-Z][A-Z_-]*)*|\*")
_PLACEHOLDER = re.compile(r"\{([^{}/]*)\}|(\*\*)|(\*)")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_STATUSES = re.compile(r"[1-5]\d\d(?:-[1-5]\d\d)?(?:,[1-5]\d\d(?:-[1-5]\d\d)?)*")
_Read = TypeVar("_Read")
_EXAMPLE = 'such as "GET /orders/{order}"'


@dataclass(frozen=True)
class Rule:
    """Selects requests by method and path.

    Attributes:
        methods: The methods; empty for any.
        pattern: A regular expression for the whole path.
    """

    methods: tuple[str, ...]
    pattern: str


@dataclass(frozen=True)
class Drop(Rule):
    """Requests that are dropped; ``why`` is the rule's name in the account of an import."""

    why: str


@dataclass(frozen=True)
class Route(Rule):
    """Requests that are about the same kind of entity.

    Attributes:
        operation: What they are; None leaves it to the method.
        entity: The name of the kind; None: each command makes a new entity, and a query's entity is its path.
        in_path: Whether the part of the path that is the one group of ``pattern`` tells entities apart.
        parameter: Or the parameter of the query that does.
        path: The path as the mapping writes it, such as ``/orders/{order}``.
        template: How they are sent with recorded routes, and what counts as their success.
    """

    operation: Operation | None
    path: str
    entity: str | None = None
    in_path: bool = False
    parameter: str | None = None
    template: Template = NO_TEMPLATE


@dataclass(frozen=True)
class Mapping:
    """Rules in their order: of the drops, and of the routes, the first that matches counts."""

    drops: tuple[Drop, ...] = ()
    routes: tuple[Route, ...] = ()

    @property
    def named_routes(self) -> list[dict[str, Any]]:
        """What a recording's provenance keeps for `workloads.recordings.routes`, which then names routes the same."""
        return [Pattern(route.methods, route.pattern, route.path, route.template).kept for route in self.routes]


EMPTY_MAPPING = Mapping()


def read_mapping(path: Path) -> Mapping:
    """Read a mapping from a YAML file.

    Raises:
        UsageError: The file cannot be read, or something in it is wrong; the message names the line and what is
            allowed there.
    """
    try:
        text = read_settings(path)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: not a text in UTF-8: {error.reason}") from None
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise UsageError(f"{path.name}{line}: not YAML: {getattr(error, 'problem', None) or error}") from None
    except RecursionError:
        raise UsageError(f"{path.name}: nested too deeply for a mapping") from None
    return _Reader(path.name).mapping(root)


class _Reader:
    """From YAML nodes, which know their lines, to rules."""

    def __init__(self, file: str) -> None:
        self._file = file

    def mapping(self, root: yaml.Node | None) -> Mapping:
        if root is None:
            raise UsageError(f"{self._file}: empty: a mapping has routes, drop or both")
        parts = self._table(root, "a mapping", {"routes", "drop"})
        drops = [self._drop(node) for node in self._list(parts.get("drop"), "drop")]
        routes = [self._route(node) for node in self._list(parts.get("routes"), "routes")]
        return Mapping(tuple(drops), tuple(routes))

    def _drop(self, node: yaml.Node) -> Drop:
        parts = self._table(node, "a drop", {"match", "why"})
        methods, pattern, _names = self._match(node, parts)
        why = self._text(parts["why"], "why") if "why" in parts else self._text(parts["match"], "match")
        if len(why) > 100 or not why.isprintable():
            raise self._wrong(parts.get("why", node), "why must be up to 100 printable characters")
        return Drop(methods, pattern, why)

    def _route(self, node: yaml.Node) -> Route:
        parts = self._table(node, "a route", {"match", "operation", "entity", "body", "headers", "success"})
        template = self._template(parts)
        methods, pattern, names = self._match(node, parts)
        path = self._path(parts)
        operation = self._text(parts["operation"], "operation") if "operation" in parts else None
        if operation is not None and operation not in get_args(Operation):
            raise self._wrong(parts["operation"], f"operation must be command or query, not {operation!r}")
        kind: Operation | None = None if operation is None else "command" if operation == "command" else "query"
        if "entity" not in parts:
            return Route(methods, pattern, kind, path, template=template)
        entity = self._text(parts["entity"], "entity")
        if entity.startswith("?") and len(entity) > 1:
            return Route(methods, pattern, kind, path, entity=entity[1:], parameter=entity[1:], template=template)
        if entity not in names:
            known = ", ".join(names) or "none there"
            raise self._wrong(
                parts["entity"], f"entity must be a {{name}} of match ({known}), or ?name of the query, not {entity!r}"
            )
        return Route(methods, pattern, kind, path, entity=entity, in_path=True, template=template)

    def _template(self, parts: MappingOf[str, yaml.Node]) -> Template:
        body, success = None, None
        headers: tuple[tuple[str, str], ...] = ()
        if "body" in parts:
            body = self._checked(parts["body"], lambda: check(self._text(parts["body"], "body")))
        if "headers" in parts:
            headers = self._checked(parts["headers"], lambda: check_headers(self._texts(parts["headers"], "headers")))
        if "success" in parts:
            success = re.sub(r"\s", "", self._text(parts["success"], "success"))
            if not _STATUSES.fullmatch(success):
                raise self._wrong(parts["success"], "success must be statuses, such as 200-299, 404")
        return Template(body, headers, success)

    def _checked(self, node: yaml.Node, read: Callable[[], _Read]) -> _Read:
        try:
            return read()
        except UsageError as error:
            raise self._wrong(node, str(error)) from None

    def _path(self, parts: MappingOf[str, yaml.Node]) -> str:
        return self._text(parts["match"], "match").partition(" ")[2].strip()

    def _match(self, node: yaml.Node, parts: MappingOf[str, yaml.Node]) -> tuple[tuple[str, ...], str, list[str]]:
        if "match" not in parts:
            raise self._wrong(node, f"match is missing: a method and a path, {_EXAMPLE}")
        text = self._text(parts["match"], "match")
        method, path = text.partition(" ")[0], self._path(parts)
        if not _METHOD.fullmatch(method) or not path.startswith("/"):
            raise self._wrong(parts["match"], f"match must be a method (or GET|HEAD, or *) and a path, {_EXAMPLE}")
        entity = parts["entity"].value if "entity" in parts else None
        names: list[str] = []
        pattern = ""
        end = 0
        for found in _PLACEHOLDER.finditer(path):
            pattern += re.escape(path[end : found.start()])
            end = found.end()
            name, rest, _within = found.groups()
            if name is None:
                pattern += ".*" if rest else "[^/]*"
                continue
            if not _NAME.fullmatch(name) or name in names:
                raise self._wrong(parts["match"], f"{{{name}}} must be a name of letters and digits, each once")
            names.append(name)
            # DuckDB extracts the first nine groups and no other: there is one at most.
            pattern += "([^/]+)" if name == entity else "[^/]+"
        return () if method == "*" else tuple(method.split("|")), pattern + re.escape(path[end:]), names

    def _texts(self, node: yaml.Node, what: str) -> dict[str, str]:
        return {name: self._text(value, name) for name, value in self._table(node, what).items()}

    def _table(self, node: yaml.Node, what: str, known: set[str] | None = None) -> dict[str, yaml.Node]:
        if not isinstance(node, yaml.MappingNode):
            names = f": {', '.join(sorted(known))}" if known else ""
            raise self._wrong(node, f"{what} must have names and values{names}")
        parts: dict[str, yaml.Node] = {}
        for key, value in node.value:
            name = self._text(key, "a name")
            if known is not None and name not in known:
                raise self._wrong(key, f"unknown {name}: {what} knows {', '.join(sorted(known))}")
            if name in parts:
                raise self._wrong(key, f"{name} is there twice")
            parts[name] = value
        return parts

    def _list(self, node: yaml.Node | None, what: str) -> list[yaml.Node]:
        if node is None or (isinstance(node, yaml.ScalarNode) and not node.value):
            return []
        if not isinstance(node, yaml.SequenceNode):
            raise self._wrong(node, f"{what} must be a list, each item after a dash")
        items: list[Any] = node.value
        if len(items) > _MAX_RULES:
            raise self._wrong(
                items[_MAX_RULES], f"{what} has {len(items):,} items: no mapping needs over {_MAX_RULES:,}"
            )
        return items

    def _text(self, node: yaml.Node, what: str) -> str:
        if not isinstance(node, yaml.ScalarNode) or not node.value:
            raise self._wrong(node, f"{what} must be a text")
        value: str = node.value
        return value

    def _wrong(self, node: yaml.Node, sentence: str) -> UsageError:
        return UsageError(f"{self._file}, line {node.start_mark.line + 1}: {sentence}")
