"""Bodies of requests with recorded routes: from a mapping's templates, since logs hold none.

Put here what a template may use, and what is wrong with one. Keep out where templates are written
(`workloads.importers.rules.mapping`) and the requests they go into (`workloads.replay.schedule`).
"""

import random
import string
from functools import cache
from typing import TYPE_CHECKING, Any

from workloads.errors import UsageError

if TYPE_CHECKING:  # it takes a fifth of a second to import: it is, in functions, once there is a template
    import jinja2

MAX_BODY_BYTES = 6_000_000  # what API Gateway and Lambda take is less than that
_FAULTS = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, MemoryError, RecursionError)
_NAMES = "entity, request_id, n, pick(...), integer(low, high), text(bytes)"


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
    drawn = random.Random(seed)  # noqa: S311 - filler

    def text(size: int) -> str:
        if not 0 <= size <= MAX_BODY_BYTES:
            raise UsageError(f"text({size}) is not between 0 and {MAX_BODY_BYTES:,} bytes")
        return "".join(drawn.choices(string.ascii_letters, k=size))

    names: dict[str, Any] = {
        "entity": entity,
        "request_id": request_id,
        "n": number,
        "pick": lambda *choices: drawn.choice(choices),
        "integer": drawn.randint,
        "text": text,
    }
    import jinja2  # noqa: PLC0415 - see above

    try:
        return _compiled(template).render(names)
    except (jinja2.TemplateError, *_FAULTS) as error:
        why = " ".join(str(error).split())
        raise UsageError(f"the body's template cannot be filled: {why}; it may use {_NAMES}") from None


def check(template: str) -> str:
    """Return a template.

    Raises:
        UsageError: It cannot be read, or not filled with what requests have.
    """
    rendered(template, entity="entity", request_id="0", number=0, seed="")
    return template
