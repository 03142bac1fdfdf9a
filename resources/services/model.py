"""A service as its ``service.toml`` describes it.

Put here the file's fields, and what can be wrong with it and its code. Keep out where a service is kept
(`resources.services.kept`).
"""

import re
import tomllib
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from workloads.errors import UsageError
from workloads.settings import Settings

FILE = "service.toml"
MAX_CODE_BYTES = 250_000_000  # unpacked, as Lambda takes it
_TABLE = re.compile(r"\{table:([^{}]*)\}")
_RESERVED = re.compile(r"AWS_.*|ARCHDUEL_.*|TABLE_NAME|VARIANT|WORK_US|CPU_SHARE|TABLE_TIMEOUT_MS|CLOCK|HANDLERS")
_ROUTE = re.compile(r"(?:[A-Z]+|ANY) /\S*")
Content = Callable[[], bytes]
_NAME = r"[a-z][a-z0-9_-]{0,30}"
_HANDLER = r"[A-Za-z_][\w/.-]*\.[A-Za-z_]\w*"


class Index(Settings):
    """A global secondary index, of all attributes."""

    name: str = Field(pattern=r"^[a-zA-Z0-9_.-]{3,255}$")
    key: str = Field(min_length=1)
    sort_key: str | None = None


class Table(Settings):
    """A table of DynamoDB that the service has.

    Attributes:
        numbers: Which of the attributes in keys are numbers; the others are texts.
    """

    name: str = Field(pattern=rf"^{_NAME}$")
    key: str = Field(min_length=1)
    sort_key: str | None = None
    numbers: list[str] = Field(default=[])
    indexes: list[Index] = Field(default=[])

    @property
    def attributes(self) -> dict[str, str]:
        """The attributes in keys, its own and its indexes', with their types."""
        keyed: list[Table | Index] = [self, *self.indexes]
        keys = (key for one in keyed for key in (one.key, one.sort_key) if key)
        return {key: "N" if key in self.numbers else "S" for key in keys}


class Service(Settings):
    """A service with one handler, as it is deployed.

    Attributes:
        code: The folder or zip that is deployed, from the file's own folder.
        payload: The version of API Gateway's proxy event that the handler takes.
        environment: Its variables; ``{table:NAME}`` is the name that the table of that name has where it runs.
        routes: What its API has, such as ``GET /carts/{id}``: from these come ``resource`` and ``pathParameters`` of
            its events. Without any it gets every path as ``proxy``.
    """

    name: str = Field(pattern=rf"^{_NAME}$")
    code: str
    runtime: str = "python3.12"
    handler: str = Field(pattern=rf"^{_HANDLER}$")
    payload: Literal["1.0", "2.0"] = "1.0"
    timeout_s: Annotated[int, Field(ge=1, le=900)] = 10
    memory_mb: Annotated[int, Field(ge=128, le=10_240)] = 512
    environment: dict[str, str] = Field(default={})
    routes: list[str] = Field(default=[])
    tables: list[Table] = Field(default=[])

    @model_validator(mode="after")
    def _fits_together(self) -> "Service":
        if not self.runtime.startswith("python3."):
            raise UsageError(f"runtime {self.runtime} cannot be run here: only python3.x can")
        names = [table.name for table in self.tables]
        if len(set(names)) < len(names):
            raise UsageError("tables must have different names")
        for variable, value in self.environment.items():
            if _RESERVED.fullmatch(variable):
                raise UsageError(f"environment.{variable} is set by Lambda or archduel: choose another name")
            for table in _TABLE.findall(value):
                if table not in names:
                    raise UsageError(
                        f"environment.{variable} names the table {table!r}, which is not declared: add it as"
                        f" [[tables]], beside {', '.join(names) or 'none so far'}"
                    )
        for route in self.routes:
            if not _ROUTE.fullmatch(route):
                raise UsageError(f"routes: {route!r} must be a method and a path, such as GET /carts/{{id}}")
        return self

    @property
    def module(self) -> str:
        """The handler's module, as a path in its code without ``.py``."""
        return self.handler.rpartition(".")[0].replace(".", "/")

    def variables(self, tables: Mapping[str, str]) -> dict[str, str]:
        """Its environment where its tables have these names."""
        return {name: _TABLE.sub(lambda found: tables[found[1]], value) for name, value in self.environment.items()}


@dataclass(frozen=True)
class Deployable:
    """A service with the code that is deployed.

    Attributes:
        name: Its name with a digest of all of it, such as ``checkout@0a1b2c3d4e5f``.
        code: The content of the code's files by their names.
    """

    service: Service
    name: str
    code: Mapping[str, bytes]


def read_service(file: Path) -> tuple[Service, dict[str, bytes]]:
    """Read a service and its code.

    Args:
        file: Its ``service.toml``.

    Returns:
        The service, and the content of its code's files by their names.

    Raises:
        UsageError: The file or the code is wrong; the message names what and what to do.
    """
    try:
        described = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{file}: {error.strerror or error}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{file}: no TOML: {error}") from None
    try:
        service = Service(**described)
    except UsageError as error:
        raise UsageError(f"{file}: {error}") from None
    code = _code(file.parent / service.code, file)
    if not any(f"{service.module}{end}" in code for end in (".py", "/__init__.py")):
        raise UsageError(
            f"{file}: handler {service.handler} is not in {service.code}, which has no {service.module}.py: build the"
            " code, or name the handler as MODULE.FUNCTION"
        )
    return service, code


def _code(path: Path, file: Path) -> dict[str, bytes]:
    if not path.exists():
        raise UsageError(f"{file}: code {path} does not exist: build it, or name the folder or zip that is deployed")
    found: dict[str, bytes] = {}
    left = MAX_CODE_BYTES
    try:
        for name, size, content in _zipped(path) if path.is_file() else _files(path):
            if name.startswith(("/", "archduel_")) or ".." in name.split("/"):
                raise UsageError(f"{file}: code {path} has {name!r}, which leads out of it or is a name of archduel's")
            left -= size
            if left < 0:
                raise UsageError(f"{file}: code {path} is over {MAX_CODE_BYTES:,} bytes, which Lambda refuses as well")
            found[name] = content()
    except zipfile.BadZipFile:
        raise UsageError(f"{file}: code {path} is neither a folder nor a zip") from None
    except OSError as error:
        raise UsageError(f"{file}: code {path}: {error.strerror or error}") from None
    return found


def _files(folder: Path) -> Iterator[tuple[str, int, Content]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            yield path.relative_to(folder).as_posix(), path.stat().st_size, path.read_bytes


def _zipped(path: Path) -> Iterator[tuple[str, int, Content]]:
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            if not entry.is_dir():
                yield entry.filename, entry.file_size, lambda entry=entry: archive.read(entry)  # type: ignore[misc]
