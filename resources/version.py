"""Which version of archduel made something.

Put here what identifies a state of the code. Keep out what is done about a difference (`assets`).
"""

import hashlib
from functools import cache
from importlib.metadata import version

from workloads.places import REPOSITORY
from workloads.plugins import packages

_DECIDING = ("assets/analysis", "resources", "workloads")


@cache
def code_version() -> str:
    """archduel's version, a digest of all its code that decides outcomes, and the packages with plug-ins."""
    digest = hashlib.blake2b(digest_size=6)
    for package in _DECIDING:
        for path in sorted((REPOSITORY / package).rglob("*")):
            if path.suffix in {".py", ".sql", ".toml"}:
                digest.update(path.read_bytes())
    return ", ".join([f"{version('archduel')}+{digest.hexdigest()}", *packages()])
