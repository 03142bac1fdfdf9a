"""What becomes of personal data on its way into a recording: pseudonyms and masks. Nothing here knows a format.

User agents, referrers, user names and cookies need no rule here: no importer hands them on.
"""

import hashlib
import os
import secrets
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa

from workloads.errors import ArchduelError

_KEY_BYTES = 32

# From a request's target (path or URL) to its path, as a DuckDB expression over a column `target`. Credentials and
# session ids hide in a URL's authority, its query (encoded question marks included: clients encode twice) and in
# parameters such as ;jsessionid=. A picture for dense displays, image@2x.png, looks like an address and is none: its @
# is put aside.
PATH = r"""
    regexp_replace(regexp_replace(regexp_replace(
        regexp_replace(
            coalesce(nullif(regexp_extract(target, '(?s)^(?:[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*)?([^?#]*)', 1), ''), '/'),
            '(?is)%(?:25)*3f.*|;[^/]*', '', 'g'
        ),
        '(?i)@([1-4]x\.(?:png|jpe?g|gif|webp|avif|svg))', E'\x01\\1', 'g'),
        '(?i)[^/\s@;,:=&]+(?:@|%(?:25)*40)(?:[\pL\pN_-]+\.)+(?:xn--[a-z0-9-]+|\pL{2,})', ':email', 'g'),
        E'\x01', '@', 'g')
"""

# The shape of a line: enough to see what was wrong with it, nothing of what it said.
SHAPE = r"""
    regexp_replace(regexp_replace(regexp_replace(
        left(text, 500), '[A-Za-z]|[^\x00-\x7F]', 'a', 'g'), '[0-9]', '9', 'g'), '[\x00-\x1F\x7F]', ' ', 'g')
"""


def library_key(recordings: Path) -> bytes:
    """The secret that pseudonyms in this folder of recordings are made with; made when first asked for.

    One per library, so that a client has one name in all its recordings, and beside the data, never in it: whoever is
    given a recording cannot find out addresses by trying them all.
    """
    path = recordings / ".key"
    if not path.exists():
        fresh = recordings / f".key.{secrets.token_hex(8)}"
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(_KEY_BYTES))
        try:
            os.link(fresh, path)  # whole or not at all, and the first of two imports at once wins
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    key = path.read_bytes()
    if len(key) != _KEY_BYTES:
        raise ArchduelError(f"{path} holds no key: delete it, and pseudonyms start anew")
    return key


class Pseudonyms:
    """Names for client addresses: 16 hex digits, the same for the same address and key."""

    def __init__(self, key: bytes) -> None:
        @lru_cache(maxsize=1 << 18)
        def name(address: str | None) -> str | None:
            if address in (None, "", "-"):
                return None
            return hashlib.blake2b(str(address).encode(), key=key, digest_size=8).hexdigest()

        self._name = name

    def of(self, addresses: "pa.ChunkedArray[Any]") -> "pa.Array[Any]":
        """One name per address, null where there is none. Python sees each different address once per call."""
        encoded = addresses.combine_chunks().dictionary_encode()
        names = pa.array([self._name(address) for address in encoded.dictionary.to_pylist()], pa.string())
        return names.take(encoded.indices)
