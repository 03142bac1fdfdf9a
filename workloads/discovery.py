"""Finding what registers itself: one module, one entry. Knows nothing of what the entries are.

A format, an architecture or a target is added by adding one module to its package; no list elsewhere is edited.
"""

import importlib
import pkgutil
from types import ModuleType
from typing import Any


def discover(package: ModuleType, attribute: str) -> dict[str, Any]:
    """The ``attribute`` of every module of ``package`` that has one, keyed by the entry's ``name``, sorted."""
    modules = (
        importlib.import_module(f"{package.__name__}.{info.name}") for info in pkgutil.iter_modules(package.__path__)
    )
    entries = [getattr(module, attribute) for module in modules if hasattr(module, attribute)]
    return {
        entry.name: entry for entry in sorted(entries, key=lambda entry: (getattr(entry, "position", 0), entry.name))
    }
