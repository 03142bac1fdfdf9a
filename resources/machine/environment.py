"""What of the user's environment the processes get that archduel starts.

Put here the names that are passed on. Keep out what a process is told besides (`resources.targets`,
`resources.faults.control`).
"""

import os
from collections.abc import Mapping

from workloads.places import REPOSITORY

# What programs need to be found, to start, and to write text and times as the user does. Names in full: whatever else
# there is, a credential, profile, proxy or token, is left out, however it will be called.
_NAMES = frozenset(
    {
        *("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TZ"),
        "ARCHDUEL_HOME",  # by it a home's processes are found
        *("LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "LC_COLLATE", "LC_MESSAGES", "LC_NUMERIC", "LC_TIME"),
        *("PYTHONPATH", "PYTHONHOME", "PYTHONPYCACHEPREFIX", "PYTHONDONTWRITEBYTECODE", "PYTHONUTF8", "PYTHONHASHSEED"),
    }
)


def passed_on(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The variables that a process of archduel's own gets of ``environment``, with its modules on Python's path."""
    kept = {name: value for name, value in environment.items() if name in _NAMES}
    modules = filter(None, (str(REPOSITORY), kept.get("PYTHONPATH")))
    return {**kept, "PYTHONPATH": os.pathsep.join(modules)}
