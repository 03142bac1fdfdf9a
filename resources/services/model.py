"""A service as its ``service.toml`` describes it.

Put here the file's fields, and what can be wrong with it and its code. Keep out where a service is kept
(`resources.services.kept`).
"""

import re
import tomllib
import zipfile
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from workloads.errors import UsageError
from workloads.recordings.recording import Operation, operation_of
from workloads.replay.schedule import sent_as
from workloads.settings import Settings

FILE = "service.toml"
NODE_ENDINGS = (".js", ".mjs", ".cjs")
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
        fixed_name: Its name where it runs, for code that has it written out and does not read it from the environment.
        numbers: Which of the attributes in keys are numbers; the others are texts.
    """

    name: str = Field(pattern=rf"^{_NAME}$")
    key: str = Field(min_length=1)
    fixed_name: str | None = Field(default=None, pattern=r"^[a-zA-Z0-9_.-]{3,255}$")
    sort_key: str | None = None
    numbers: list[str] = Field(default=[])
    indexes: list[Index] = Field(default=[])

    @property
    def attributes(self) -> dict[str, str]:
        """The attributes in keys, its own and its indexes', with their types."""
        keyed: list[Table | Index] = [self, *self.indexes]
        keys = (key for one in keyed for key in (one.key, one.sort_key) if key)
        return {key: "N" if key in self.numbers else "S" for key in keys}


class Runs(Settings):
    """How a handler is run: of a service, what its functions do not say themselves.

    Attributes:
        code: The folder or zip that is deployed, from the file's own folder.
        payload: The version of API Gateway's proxy event that the handler takes.
        environment: Its variables; ``{table:NAME}`` is the name that the table of that name has where it runs.
        routes: What its API has, such as ``GET /carts/{id}``: from these come ``resource`` and ``pathParameters`` of
            its events. Without any it gets every path as ``proxy``.
    """

    code: str = ""
    runtime: str = "python3.12"
    handler: str = Field(default="", pattern=rf"^(?:{_HANDLER})?$")
    payload: Literal["1.0", "2.0"] = "1.0"
    timeout_s: Annotated[int, Field(ge=1, le=900)] = 10
    memory_mb: Annotated[int, Field(ge=128, le=10_240)] = 512
    environment: dict[str, str] = Field(default={})
    routes: list[str] = Field(default=[])

    @model_validator(mode="after")
    def _can_be_run(self) -> Self:
        if not re.fullmatch(r"python3\.\d+|nodejs\d+\.x", self.runtime):
            raise UsageError(f"runtime {self.runtime} cannot be run here: only python3.x and nodejs can")
        for variable in self.environment:
            if _RESERVED.fullmatch(variable):
                raise UsageError(f"environment.{variable} is set by Lambda or archduel: choose another name")
        for route in self.routes:
            if not _ROUTE.fullmatch(route):
                raise UsageError(f"routes: {route!r} must be a method and a path, such as GET /carts/{{id}}")
        return self

    @property
    def node(self) -> bool:
        """Whether Node runs it, and not Python."""
        return self.runtime.startswith("nodejs")

    @property
    def module(self) -> str:
        """The handler's module, as a path in its code without its ending."""
        module = self.handler.rpartition(".")[0]
        return module if self.node else module.replace(".", "/")

    @property
    def named_tables(self) -> list[tuple[str, str]]:
        """The tables that its environment names, each with the variable: it knows the names of no others."""
        return [(name, table) for name, value in self.environment.items() for table in _TABLE.findall(value)]

    def variables(self, tables: Mapping[str, str]) -> dict[str, str]:
        """Its environment where its tables have these names."""
        return {name: _TABLE.sub(lambda found: tables[found[1]], value) for name, value in self.environment.items()}


class Function(Runs):
    """One of a service's functions, whole: with what it shares with the others."""

    name: str = Field(pattern=rf"^{_NAME}$")


class Service(Runs):
    """A service as it is deployed, with one function or with several.

    Attributes:
        functions: Its functions, by what each says itself; empty for a single one, which the service describes.
    """

    name: str = Field(pattern=rf"^{_NAME}$")
    functions: list[dict[str, Any]] = Field(default=[])
    tables: list[Table] = Field(default=[])

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        names = [table.name for table in self.tables]
        if len(set(names)) < len(names):
            raise UsageError("tables must have different names")
        parts = self.parts
        named = [part.name for part in parts]
        if len(set(named)) < len(named):
            raise UsageError("functions must have different names")
        for part in parts:
            where = f"functions: {part.name}: " if self.functions else ""
            for field in ("code", "handler"):
                if not getattr(part, field):
                    raise UsageError(f"{where}{field} must be given")
            for variable, table in part.named_tables:
                if table not in names:
                    raise UsageError(
                        f"{where}environment.{variable} names the table {table!r}, which is not declared: add it"
                        f" as [[tables]], beside {', '.join(names) or 'none so far'}"
                    )
        if sum(not part.routes for part in parts[1:]) and self.functions:
            raise UsageError("functions: each but the first must have routes; the first gets what no route names")
        return self

    @property
    def parts(self) -> list[Function]:
        """Its functions, whole; the first gets what no route names."""
        shared = self.model_dump(include=set(Runs.model_fields))
        if not self.functions:
            return [Function(name=self.name, **shared)]
        found = []
        for one in self.functions:
            own = one.get("environment", {})
            variables = {**self.environment, **own} if isinstance(own, dict) else own
            try:
                found.append(Function(**{**shared, "routes": [], **one, "environment": variables}))
            except UsageError as error:
                raise UsageError(f"functions: {one.get('name', 'one without a name')}: {error}") from None
        return found

    def part_of(self, method: str, path: str) -> Function:
        """The function that gets a request: the one with the most special route that fits, or else the first."""
        parts = self.parts
        if len(parts) == 1:
            return parts[0]
        fitting = [
            ("+}" in route, route.count("{"), number)
            for number, part in enumerate(parts)
            for route in part.routes
            if _fits(route, method, path)
        ]
        return parts[min(fitting)[2]] if fitting else parts[0]

    def serving(self, operations: Collection[Operation]) -> list[Function]:
        """Its functions with a route for one of these operations, or without any; the first where there is none."""
        fitting = [
            part
            for part in self.parts
            if not part.routes
            or any(set(operations) & set(operations_of(route.partition(" ")[0])) for route in part.routes)
        ]
        return fitting or self.parts[:1]

    @property
    def longest_timeout_s(self) -> int:
        """The longest time-out of its functions."""
        return max(part.timeout_s for part in self.parts)


def _fits(route: str, method: str, path: str) -> bool:
    known, _, pattern = route.partition(" ")
    expression = re.sub(
        r"\\\{[^{}]*?(\\\+)?\\\}", lambda found: ".+" if found[1] else "[^/]+", re.escape(f"/{pattern.strip('/')}")
    )
    return known in (sent_as(method), "ANY") and re.fullmatch(f"{expression}/?", path) is not None


def operations_of(method: str) -> tuple[Operation, ...]:
    """What requests with a route's method are."""
    operation = operation_of(method)
    return ("command", "query") if method == "ANY" else (operation,) if operation else ()


@dataclass(frozen=True)
class Deployable:
    """A service with the code that is deployed.

    Attributes:
        name: Its name with a digest of all of it, such as ``checkout@0a1b2c3d4e5f``.
        code: The content of the code's files by their names, of each of its functions by its name.
    """

    service: Service
    name: str
    code: Mapping[str, Mapping[str, bytes]]


def read_service(file: Path) -> tuple[Service, dict[str, dict[str, bytes]]]:
    """Read a service and its code.

    Args:
        file: Its ``service.toml``.

    Returns:
        The service, and of each function by its name the content of its code's files by theirs.

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
    read: dict[str, dict[str, bytes]] = {}
    found: dict[str, dict[str, bytes]] = {}
    for part in service.parts:
        if part.code not in read:
            read[part.code] = _code(file.parent / part.code, file)
        found[part.name] = code = read[part.code]
        endings = NODE_ENDINGS if part.node else (".py", "/__init__.py")
        if not any(f"{part.module}{end}" in code for end in endings):
            raise UsageError(
                f"{file}: handler {part.handler} is not in {part.code}, which has no {part.module}{endings[0]}: build"
                " the code, or name the handler as MODULE.FUNCTION"
            )
    return service, found


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
