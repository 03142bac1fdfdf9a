"""Bodies and headers of requests with recorded routes: from a mapping's templates, since logs hold none.

Put here what a template may use, and what is wrong with one. Keep out where templates are written
(`workloads.importers.rules.mapping`) and the requests they go into (`workloads.replay.schedule`).
"""

import random
import re
import string
from collections.abc import Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from workloads.errors import UsageError

if TYPE_CHECKING:  # it takes a fifth of a second to import: it is, in functions, once there is a template
    import jinja2

MAX_BODY_BYTES = 6_000_000  # what API Gateway and Lambda take is less than that
MAX_HEADER_BYTES = 4_000  # they travel in the query as well, and a request line may have 8,190 bytes
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_OF_THE_CONNECTION = re.compile(
    r"host|content-length|connection|keep-alive|transfer-encoding|te|trailer|upgrade|expect|proxy-.*", re.IGNORECASE
)
_FAULTS = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, MemoryError, RecursionError)
_ANY: dict[str, Any] = {"entity": "entity", "request_id": "0", "number": 0, "seed": ""}
_ALLOWED = "entity, request_id, n, pick(...), integer(low, high), text(bytes)"


@cache
def _environment() -> "jinja2.Environment":
    import jinja2  # noqa: PLC0415 - see above
    from jinja2.sandbox import ImmutableSandboxedEnvironment  # noqa: PLC0415

    # A mapping may come from somebody else.
    return ImmutableSandboxedEnvironment(undefined=jinja2.StrictUndefined, autoescape=False, keep_trailing_newline=True)


@cache
def _compiled(template: str) -> "jinja2.Template":
    return _environment().from_string(template)


def rendered(template: str, *, entity: str, request_id: str, number: int, seed: str) -> str:
    """The body of one request. The same arguments give the same text.

    Args:
        template: A Jinja template.
        entity: What the request is about, as recorded.
        request_id: Its id.
        number: Its place in the replay, from 0: ``n``.
        seed: What draws ``pick``, ``integer`` and ``text``.

    Raises:
        UsageError: The template cannot be read or filled.
    """
    return _rendered(template, "the body", _names(entity, request_id, number, seed))


def rendered_headers(
    templates: Iterable[tuple[str, str]], *, entity: str, request_id: str, number: int, seed: str
) -> dict[str, str]:
    """The headers of one request by their names; of names with ``templates``. The rest is as for `rendered`."""
    names = _names(entity, request_id, number, seed)
    found = {name: _rendered(template, f"the header {name}", names) for name, template in templates}
    for name, value in found.items():
        if not (value.isascii() and value.isprintable()):
            raise UsageError(f"the header {name} must be one line of printable ASCII characters")
    if sum(len(name) + len(value) for name, value in found.items()) > MAX_HEADER_BYTES:
        raise UsageError(f"headers must have up to {MAX_HEADER_BYTES:,} bytes together")
    return found


def _names(entity: str, request_id: str, number: int, seed: str) -> dict[str, Any]:
    """What a template may use."""
    drawn = random.Random(seed)  # noqa: S311 - filler

    def text(size: int) -> str:
        if not 0 <= size <= MAX_BODY_BYTES:
            raise UsageError(f"text({size}) is not between 0 and {MAX_BODY_BYTES:,} bytes")
        return "".join(drawn.choices(string.ascii_letters, k=size))

    return {
        "entity": entity,
        "request_id": request_id,
        "n": number,
        "pick": lambda *choices: drawn.choice(choices),
        "integer": drawn.randint,
        "text": text,
    }


def _rendered(template: str, what: str, names: Mapping[str, Any]) -> str:
    import jinja2  # noqa: PLC0415 - see above

    try:
        return _compiled(template).render(names)
    except (jinja2.TemplateError, *_FAULTS) as error:
        why = " ".join(str(error).split())
        raise UsageError(f"{what}'s template cannot be filled: {why}; it may use {_ALLOWED}") from None


def check(template: str) -> str:
    """Return a template.

    Raises:
        UsageError: It cannot be read, or not filled with what requests have.
    """
    rendered(template, **_ANY)
    return template


def check_headers(templates: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return the templates of headers.

    Raises:
        UsageError: A name is none, or is that of a header which the connection needs; or as `check`.
    """
    for name in templates:
        if not _HEADER.fullmatch(name) or _OF_THE_CONNECTION.fullmatch(name):
            raise UsageError(f"{name!r} is no header that may be given: Host and those of the connection are set here")
    named = tuple(templates.items())
    rendered_headers(named, **_ANY)
    return named
