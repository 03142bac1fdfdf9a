"""Services kept in the home, each by its name and a digest of all of it: what was replayed is there to be replayed
again, whatever became of its files.

Put here keeping a service and finding one. Keep out reading it from the user's files (`resources.services.model`).
"""

import hashlib
import zipfile
from pathlib import Path

from pydantic_core import PydanticSerializationError

from resources.services.archive import unzipped, zipped
from resources.services.model import Deployable, Service, read_service
from workloads.atomic import hidden_beside
from workloads.errors import ArchduelError, UsageError, choose
from workloads.places import Places

_DESCRIPTION = "service.json"


def keep(places: Places, file: Path) -> Deployable:
    """Read a service and keep it in the home.

    Args:
        places: The home.
        file: Its ``service.toml``.

    Raises:
        UsageError: The file or its code is wrong.
        ArchduelError: It cannot be kept.
    """
    service, code = read_service(file)
    described = service.model_dump_json().encode()
    archives = {name: zipped(files) for name, files in code.items()}
    whole = hashlib.blake2b(b"\0".join([described, *archives.values()]), digest_size=6)
    found = Deployable(service, f"{service.name}@{whole.hexdigest()}", code)
    folder = places.services / found.name
    try:
        with hidden_beside(folder) as hidden:
            hidden.mkdir()
            (hidden / _DESCRIPTION).write_bytes(described)
            for name, archive in archives.items():
                (hidden / _archive(name)).write_bytes(archive)
            if not folder.exists():
                hidden.rename(folder)
    except (OSError, PydanticSerializationError) as error:
        raise ArchduelError(f"{service.name} cannot be kept in {places.services}: {error}") from None
    return found


def find(places: Places, name: str) -> Deployable:
    """A kept service by its name with its digest, such as ``checkout@0a1b2c3d4e5f``; a ``.toml`` file is kept first.

    Raises:
        UsageError: There is none of that name.
        ArchduelError: It cannot be read.
    """
    if name.endswith(".toml"):
        return keep(places, Path(name))
    kept = {path.name: path for path in places.services.glob("[!.]*@*")}
    if not kept:
        raise UsageError(f"no service is kept here, and {name!r} is none: name one with --service FILE first")
    folder = choose(kept, name, "service")
    try:
        service = Service.model_validate_json((folder / _DESCRIPTION).read_bytes())
        code = {part.name: unzipped((folder / _archive(part.name)).read_bytes()) for part in service.parts}
        return Deployable(service, name, code)
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise ArchduelError(f"{folder} cannot be read: {error}; remove it, and name the service's file again") from None


def _archive(function: str) -> str:
    """The file with the code of a function."""
    return f"code-{function}.zip"
