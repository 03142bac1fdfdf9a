"""The plug-ins of every registry.

Put here what needs all registries. Keep out how a plug-in is found and judged (`workloads.plugins`), and each registry.
"""

from resources.architectures import architectures
from resources.targets import targets
from workloads.importers.formats import importers
from workloads.plugins import Plugin, known_plugins
from workloads.scenarios import scenarios


def installed_plugins() -> list[Plugin]:
    """Every plug-in of the installed packages, imported; those left out say why."""
    for registry in (architectures, scenarios, importers, targets):
        registry()
    return known_plugins()
