"""Finding entries that register themselves, one in each module of a package.

Put here how a package is searched. Keep out what the entries are: a format, an architecture or a target is added by
adding one module to its package, and no list anywhere is edited.
"""

import importlib
import pkgutil
from types import ModuleType
from typing import Any


def discover(package: ModuleType, attribute: str) -> dict[str, Any]:
    """Collect the entries of a package.

    Args:
        package: It is searched without its subpackages' modules.
        attribute: What an entry is called in its module; modules without one are left out.

    Returns:
        The entries by their ``name``, in order of ``position`` where they have one, then of names.
    """
    modules = (
        importlib.import_module(f"{package.__name__}.{info.name}") for info in pkgutil.iter_modules(package.__path__)
    )
    entries = [getattr(module, attribute) for module in modules if hasattr(module, attribute)]
    return {
        entry.name: entry for entry in sorted(entries, key=lambda entry: (getattr(entry, "position", 0), entry.name))
    }
