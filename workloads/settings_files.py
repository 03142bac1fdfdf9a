"""Small files that people write: mappings, scenarios, requirements, price lists.

Put here reading one within bounds, and what complaints of all kinds of them have in common. Keep out what is in it
(`workloads.importers.rules.mapping`, `workloads.scenarios.reading` and others).
"""

import errno
import os
import stat
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic_core import ErrorDetails, PydanticCustomError

from workloads.errors import UsageError

MAX_BYTES = 1 << 20  # ten thousands of rules


def read_settings(path: Path) -> str:
    """The text of a small file, without a byte order mark.

    Raises:
        OSError: It cannot be read, is a pipe or a device (which may have no end, or never begin), or is too large; its
            ``strerror`` says so in words.
        UnicodeDecodeError: It is no text in UTF-8.
    """
    # Without O_NONBLOCK a pipe that nobody writes to would be waited for.
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
        mode = os.fstat(file.fileno()).st_mode
        if stat.S_ISDIR(mode):
            raise OSError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, "a pipe or a device, not a file: write it to a file first", str(path))
        stored = file.read(MAX_BYTES + 1)
    if len(stored) > MAX_BYTES:
        raise OSError(errno.EFBIG, f"over {MAX_BYTES:,} bytes, which none of its kind needs", str(path))
    return stored.decode("utf-8-sig")


def read_toml(file: Path) -> dict[str, Any]:
    """The content of a small TOML file.

    Raises:
        UsageError: It cannot be read.
    """
    try:
        return tomllib.loads(read_settings(file))
    except OSError as error:
        raise UsageError(f"cannot read {file}: {error.strerror or error}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"{file} is not a TOML file: {error}") from None


def to_name(errors: Iterable[ErrorDetails]) -> ErrorDetails:
    """Of all that is wrong in a file what is to be named: an unknown key first, which explains a missing one."""
    return min(errors, key=lambda error: error["type"] != "extra_forbidden")


def wrong(words: str) -> PydanticCustomError:
    """What a model's validator raises to have its own words for what is wrong."""
    return PydanticCustomError("wrong", "{words}", {"words": words})
