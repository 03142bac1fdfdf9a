"""Plug-ins: entries of a registry that other installed packages bring, found by their entry points.

Put here how a plug-in is found, imported and, where it is of no use, named and left out. Keep out what is right for one
kind of entry: each registry has the check of its own (`resources.architectures`, `resources.targets`,
`workloads.scenarios`, `workloads.importers.formats`).
"""

import logging
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from typing import Any, TypeVar

from workloads.printable import printable

Entry = TypeVar("Entry")
Check = Callable[[Any], Iterable[str]]
"""Says what an object lacks to be an entry, a clause each; nothing where it is one."""

KINDS = ("architecture", "scenario", "importer", "target")
_LOG = logging.getLogger(__name__)
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*(_[A-Za-z0-9]+)*")  # no double underscore: it separates the parts of a cell
_LONGEST_NAME = 64
_LONGEST_PROBLEM = 300


@dataclass(frozen=True)
class Plugin:
    """An entry that a package brings.

    Attributes:
        kind: Of which registry it is, one of the `KINDS`.
        name: Its name, as the entry point has it.
        package: The package's name and version; empty where that says neither.
        where: What the entry point refers to, ``module:object``.
        problem: Why it is left out, a clause; empty: it is not.
    """

    kind: str
    name: str
    package: str
    where: str
    problem: str = ""

    def __str__(self) -> str:
        return f"the {self.kind} {self.name} of the plug-in {self.package or self.where}"


@cache
def _points(kind: str) -> tuple[metadata.EntryPoint, ...]:
    """The entry points of a kind, in an order that does not depend on how they were installed. Nothing is imported."""
    return tuple(sorted(metadata.entry_points(group=f"archduel.{kind}s"), key=lambda one: (_package(one), one.name)))


def _package(point: metadata.EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist else ""


def packages() -> list[str]:
    """The names and versions of the packages with plug-ins, sorted; it imports none of them."""
    return sorted({_package(point) or point.value for kind in KINDS for point in _points(kind)})


_left_out: dict[tuple[str, str, str], Plugin] = {}
_taken: dict[tuple[str, str], Plugin] = {}


def with_plugins(
    kind: str, bundled: Mapping[str, Entry], check: Check, points: Iterable[metadata.EntryPoint] | None = None
) -> dict[str, Entry]:
    """Add what packages bring to a registry.

    A plug-in that cannot be imported, has a name that is taken, or is no entry is named in a warning and left out.

    Args:
        kind: Which registry it is, one of the `KINDS`.
        bundled: The entries that archduel brings, which no plug-in replaces.
        check: Says what an object lacks to be an entry.
        points: The entry points; None: those of installed packages.

    Returns:
        All entries by their names, in order of ``position``, then of names.
    """
    found: dict[str, Any] = dict(bundled)
    for point in _points(kind) if points is None else points:
        plugin = Plugin(kind, point.name, _package(point), point.value)
        entry, problem = _loaded(point, check)
        if not problem and point.name in found:
            owner = _taken.get((kind, point.name))
            problem = f"{'archduel' if owner is None else owner.package or owner.where} has one of that name"
        if problem:
            leave_out(plugin, problem)
        else:
            found[point.name] = entry
            _taken[kind, point.name] = plugin
    return dict(sorted(found.items(), key=lambda item: (getattr(item[1], "position", 0), item[0])))


def plugin_of(kind: str, name: str) -> Plugin | None:
    """The plug-in that an entry of a registry is; None where archduel brings it."""
    return _taken.get((kind, name))


def leave_out(plugin: Plugin, problem: str) -> None:
    """Name a plug-in and what is wrong with it, once in a process."""
    key = (plugin.kind, plugin.name, plugin.where)
    problem = printable(problem)
    problem = problem if len(problem) <= _LONGEST_PROBLEM else problem[:_LONGEST_PROBLEM] + " ..."
    if key not in _left_out:
        _left_out[key] = Plugin(plugin.kind, plugin.name, plugin.package, plugin.where, problem)
        _LOG.warning("%s is left out: %s", printable(str(plugin)), problem)


def known_plugins() -> list[Plugin]:
    """Every plug-in of the registries that this process has read, those left out included."""
    return sorted([*_taken.values(), *_left_out.values()], key=lambda one: (KINDS.index(one.kind), one.name, one.where))


def _loaded(point: metadata.EntryPoint, check: Check) -> tuple[Any, str]:
    if not _NAME.fullmatch(point.name) or len(point.name) > _LONGEST_NAME:
        return (
            None,
            f"a name begins with a letter and has letters, digits and single _, {_LONGEST_NAME} at most",
        )
    try:
        entry = point.load()
        problem = next(iter(check(entry)), "")
        if not problem and entry.name != point.name:
            problem = f"{point.value} is named {entry.name!r}, unlike its entry point"
    except (Exception, SystemExit) as error:  # whatever it raises: everything else goes on
        return None, f"{point.value} cannot be used: {described(error)}"
    return entry, problem


def described(error: BaseException) -> str:
    """What an error says, in one line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
