"""Keeping personal data out of recordings: pseudonyms for clients, masks in paths.

Put here what is masked, and how. Keep out formats (`workloads.importers.formats`): no importer passes on user agents,
referrers, user names or cookies, so that they need no rule here. A mask that covers too much only makes a path less
readable: a keyed hash of what was masked still keeps entities apart.
"""

import hashlib
import os
import secrets
from collections.abc import Callable
from functools import lru_cache
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from workloads.errors import ArchduelError
from workloads.importers.rules.clients import client_of
from workloads.sql import quoted

_KEY_BYTES = 32
_PATHS_TOGETHER = 16

# From a request's target (path or URL) to its path without credentials and session ids: an SQL expression over a column
# `target`. Those are in a URL's authority, in its query (some clients encode the question mark, even twice) and in
# parameters such as ;jsessionid=.
BARE_PATH = r"""
    regexp_replace(
        coalesce(nullif(regexp_extract(target, '(?s)^(?:[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*)?([^?#]*)', 1), ''), '/'),
        '(?is)%(?:25)*3f.*|;[^/]*', '', 'g'
    )
"""

# The same for most targets, a plain path or URL; null for those that need `BARE_PATH`.
PLAIN_PATH = r"""
    CASE
        WHEN starts_with(target, '/') AND NOT contains(target, '#') THEN
            CASE WHEN contains(target, '?') THEN split_part(target, '?', 1) ELSE target END
        ELSE nullif(regexp_extract(target, '^https?://[a-z0-9.:-]+(/[^?#]*)(?:\?[^#]*)?$', 1), '')
    END
"""

# What could be a secret: nearly every path holds none, and one search is far cheaper than masking. The expression has
# no anchors, since it searches several paths at once.
_SUSPICIOUS = (
    r"(?i)[@%;]|[a-z0-9_]{20,}|[0-9](?:[ +._-]?[0-9]){11,}|(?:[0-9]{1,3}\.){3}[0-9]|eyJ|(?:AKIA|ASIA)[a-z0-9]|xox|"
    r"glpat|AIza|ya29|SG[.]|(?:sk|tok|whsec|key|npm|hf|gh[a-z]|[ps]k|rk)[_-]|token|secret|passw|pwd|key[=:/%]|sess|"
    r"sid[=:%]|jwt|bearer|basic|auth|sign|cred|otp|:[0-9a-f]*:|[^0-9a-z+][+][1-9]|"
    r"(?:nl|fk|mk|kz)[0-9]{2}"  # other IBANs are long runs, or hold a dozen digits on end
)
_NAMES_OF_SECRETS = (
    r"[\w-]*(?:token|secret|passwd|password|pwd|api[_-]?key|session[_-]?(?:id)?|sess|sid|jwt|bearer|auth|authorization|"
    r"signature|credentials?|otp)"
)
# A long run of letters and digits is no word if it has three kinds of characters, or scattered digits, or hexadecimal
# digits alone; before an extension it is a file's name. Runs are put between marks first, since one expression cannot
# test length and kinds at once.
_RUN = "[A-Za-z0-9_-]*"
_KINDS = "|".join(_RUN + _RUN.join(kinds) for kinds in permutations(("[0-9]", "[a-z]", "[A-Z]")))
_SCATTERED = (
    rf"{_RUN}[0-9][A-Za-z]*[g-zG-Z][A-Za-z]*[0-9]+[A-Za-z]+[0-9]|"
    rf"{_RUN}[0-9][A-Za-z]+[0-9]+[A-Za-z]*[g-zG-Z][A-Za-z]*[0-9]"
)
_APART = r"(?:[ +._-]|%20)?"
# IPv6 addresses that identify a client (global, site and link addresses) begin with a part of four digits, unlike a::b
# and 12:34:56.
_IPV6 = (
    r"(?i)\b(?:[23][0-9a-f]{3}|f[cd][0-9a-f]{2}|fe[89ab][0-9a-f])(?:"
    r"(?::[0-9a-f]{1,4}){0,5}:{1,2}(?:[0-9a-f]{1,4}:){0,5}(?:[0-9]{1,3}\.){3}[0-9]{1,3}|"
    r"(?::[0-9a-f]{1,4}){7}|(?::[0-9a-f]{1,4}){0,6}::(?:[0-9a-f]{1,4}:){0,6}(?:[0-9a-f]{1,4})?"
    r")(?:%[\w.-]+)?([^\w:]|$)"
)
# How many characters follow a country and two digits, and whether they are digits alone, by the registry of ISO 13616.
# An expression cannot test the check digits.
_IBANS = (
    ("NO", 11, "[0-9]"),
    ("BE", 12, "[0-9]"),
    ("DK|FI|FO|GL|SD", 14, "[0-9]"),
    ("SI", 15, "[0-9]"),
    ("AT|BA|EE|LT|MN|XK", 16, "[0-9]"),
    ("HR", 17, "[0-9]"),
    ("CR|DE|ME|RS|VA", 18, "[0-9]"),
    ("AE|IL|SO|TL", 19, "[0-9]"),
    ("CZ|ES|SE|SK|TN", 20, "[0-9]"),
    ("LY|PT|ST", 21, "[0-9]"),
    ("IS", 22, "[0-9]"),
    ("BI|DJ|MR", 23, "[0-9]"),
    ("HU|PL", 24, "[0-9]"),
    ("EG", 25, "[0-9]"),
    ("FK|NL", 14, "[0-9A-Z]"),
    ("MK", 15, "[0-9A-Z]"),
    ("KZ|LU", 16, "[0-9A-Z]"),
    ("CH|LI|LV", 17, "[0-9A-Z]"),
    ("BG|BH|GB|GE|IE", 18, "[0-9A-Z]"),
    ("GI|IQ|OM", 19, "[0-9A-Z]"),
    ("MD|PK|RO|SA|VG", 20, "[0-9A-Z]"),
    ("TR", 22, "[0-9A-Z]"),
    ("FR|GR|IT|MC|SM", 23, "[0-9A-Z]"),
    ("AL|AZ|BY|CY|DO|GT|HN|LB|NI|SV", 24, "[0-9A-Z]"),
    ("BR|PS|QA|UA", 25, "[0-9A-Z]"),
    ("JO|KW|MU|YE", 26, "[0-9A-Z]"),
    ("MT|SC", 27, "[0-9A-Z]"),
    ("LC", 28, "[0-9A-Z]"),
    ("RU", 29, "[0-9A-Z]"),
)
_IBAN = "|".join(
    [rf"(?:{countries})[0-9]{{2}}(?:{_APART}{kind}){{{count}}}" for countries, count, kind in _IBANS]
    + [rf"AD[0-9]{{2}}(?:{_APART}[0-9]){{8}}(?:{_APART}[0-9A-Z]){{12}}"]  # else many hexadecimal numbers would match
)
_MASKS = (
    # image@2x.png, a picture for dense displays, looks like an e-mail address: its @ is replaced meanwhile.
    (r"(?i)@([1-4]x\.(?:png|jpe?g|gif|webp|avif|svg))", "\x01" + r"\1"),
    (r"(?i)[^/\s@;,:=&]+(?:@|%(?:25)*40)(?:[\pL\pN_-]+\.)+(?:xn--[a-z0-9-]+|\pL{2,})", ":email"),
    (r"\x01", "@"),
    # User and password before a host: a path may contain a URL.
    (r"(//)(?:[^/\s@]+@|[^/\s@:]+:(:email))", r"\1:token@\2"),
    (r"[^/\s@:]+:[^/\s@]+@", ":token@"),
    (r"eyJ[\w-]{5,}(?:\.[\w-]*){0,2}", ":token"),
    (r"\b(?:AKIA|ASIA)[A-Z0-9]{12,}", ":token"),
    (r"\b(?:sk|pk|rk)[_-](?:live|test|proj|ant)[_-]?[\w-]{4,}", ":token"),
    (r"\b(?:sk|tok|key|whsec)[_-][A-Za-z0-9]{16,}", ":token"),
    (r"\b(?:gh[a-z]|github_pat|npm|hf|whsec|tok)_\w{8,}", ":token"),
    (r"\b(?:xox[a-z]|glpat)-[\w-]{8,}|\bya29\.[\w-]{8,}|\bSG\.[\w-]{8,}|\bAIza[\w-]{20,}", ":token"),
    (r"(?i)\b(bearer|basic)(?:%20|[ +])[\w+/=.~-]+", r"\1 :token"),
    (rf"(?i)({_NAMES_OF_SECRETS})(=|:|%3d|%3a)[^/&;,\s]+", r"\1\2:token"),
    (rf"(?i)/({_NAMES_OF_SECRETS}s?)/(?:[^/]{{4,}}[0-9][^/]*|[^/]*[0-9][^/]{{4,}})", r"/\1/:token"),
    (rf"(?i)(\b|_)(?:{_IBAN})(_|\b)", r"\1:iban\2"),
    (r"(^|[^\pL\pN+])[+][1-9](?:[ .()-]{0,2}[0-9]){7,14}(_|\b)", r"\1:phone\2"),
    (rf"(\b|_)[2-6][0-9]{{3}}(?:{_APART}[0-9]{{4}}){{2}}{_APART}[0-9]+", r"\1:card"),
    (rf"(\b|_)3[47][0-9]{{2}}{_APART}[0-9]{{6}}{_APART}[0-9]{{5}}", r"\1:card"),
    (_IPV6, r":address\1"),
    (r"\b(?:[0-9]{1,3}\.){3}[0-9]{1,3}\b", ":address"),
    (r"([A-Za-z0-9_-]*[A-Za-z0-9_]{20,}[A-Za-z0-9_-]*)", "\x02" + r"\1" + "\x03"),
    (rf"\x02(?:{_KINDS}|{_SCATTERED}|{_RUN}[0-9a-fA-F]{{32,}}){_RUN}\x03([^.]|$)", r":token\1"),
    (r"[\x02\x03]", ""),
)


def may_hold_secrets(paths: "pa.ChunkedArray[Any]") -> npt.NDArray[np.bool_]:
    """Find the paths that may hold a secret.

    Returns:
        True for every path that holds one, for some that hold none, and for nulls, which need a closer look.
    """
    return np.concatenate([np.zeros(0, np.bool_), *map(_suspicious, paths.cast(pa.string()).chunks)])


def _suspicious(paths: "pa.Array[Any]") -> npt.NDArray[np.bool_]:
    """As `may_hold_secrets`: searches several paths at once, as they lie in memory, and each only after a match.

    To search each takes twice as long: beginning a search costs more than going through a path.
    """
    found: npt.NDArray[np.bool_] = paths.is_null().to_numpy(zero_copy_only=False)
    _, offsets, characters = paths.buffers()
    if not len(paths) or offsets is None or characters is None:
        return found
    starts = np.frombuffer(offsets, np.int32)[paths.offset :][: len(paths) + 1]
    together = np.append(starts[:-1:_PATHS_TOGETHER], starts[-1])
    several = pa.Array.from_buffers(pa.string(), len(together) - 1, [None, pa.py_buffer(together), characters])
    somewhere = pc.match_substring_regex(several, _SUSPICIOUS).to_numpy(zero_copy_only=False)
    at = np.flatnonzero(np.repeat(somewhere, _PATHS_TOGETHER)[: len(paths)])
    if len(at):
        each = pc.match_substring_regex(paths.take(pa.array(at)), _SUSPICIOUS)
        found[at] = each.fill_null(True).to_numpy(zero_copy_only=False)
    return found


def decoded(path: str) -> str:
    """An SQL expression for ``path``, another, with percent-encoding undone: twice, since some clients encode twice."""
    ascii_only = f"regexp_replace({path}, '%(?:25)*[89A-Fa-f][0-9A-Fa-f]', '_', 'g')"
    undone = f"coalesce(TRY(url_decode(url_decode({ascii_only}))), {path})"
    return f"CASE WHEN contains({path}, '%') THEN {undone} ELSE {path} END"


def masked(text: str) -> str:
    """An SQL expression for ``text``, another, with words such as ``:email`` in place of what may be a secret."""
    for pattern, replacement in _MASKS:
        text = f"regexp_replace({text}, {quoted(pattern)}, {quoted(replacement)}, 'g')"
    return text


# The shape of a line: enough to see what is wrong with it, and nothing of its content.
SHAPE = r"""
    regexp_replace(regexp_replace(regexp_replace(
        left(text, 500), '[A-Za-z]|[^\x00-\x7F]', 'a', 'g'), '[0-9]', '9', 'g'), '[\x00-\x1F\x7F]', ' ', 'g')
"""


def library_key(recordings: Path) -> bytes:
    """Return the key that pseudonyms in a library are made with; the first call creates it.

    A library has one key, so that a client has one name in all its recordings. The key is beside the data and never in
    it: without it, the addresses behind pseudonyms cannot be found by trying them all.

    Args:
        recordings: The library's folder.

    Raises:
        ArchduelError: The file of the key is damaged.
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


def content_mark(digest: str, key: bytes) -> str:
    """Return a keyed hash of the digest of the bytes that a recording was made of.

    It stands in the recording's provenance. From the digest itself of a short log, its addresses could be found by
    trying them all. ``key`` is the library's.
    """
    return hashlib.blake2b(digest.encode(), key=key, digest_size=16).hexdigest()


class Pseudonyms:
    """Names for client addresses and masked entities: 16 hexadecimal digits, the same for the same address and key."""

    def __init__(self, key: bytes) -> None:
        @lru_cache(maxsize=1 << 18)
        def name(text: str | None) -> str | None:
            if text in (None, "", "-"):
                return None
            return hashlib.blake2b(str(text).encode(), key=key, digest_size=8).hexdigest()

        @lru_cache(maxsize=1 << 18)
        def name_of_client(text: str | None) -> str | None:
            return name(client_of(text))

        self._name = name
        self._name_of_client = name_of_client

    def of(self, texts: "pa.ChunkedArray[Any]") -> "pa.Array[Any]":
        """Return a name for each text, null for a null, an empty text and "-"."""
        return _each_once(texts, self._name)

    def of_clients(self, clients: "pa.ChunkedArray[Any]") -> "pa.Array[Any]":
        """Return a name for the client in each text (`client_of`); null where there is none."""
        return _each_once(clients, self._name_of_client)


def _each_once(texts: "pa.ChunkedArray[Any]", made: Callable[[str | None], str | None]) -> "pa.Array[Any]":
    encoded = texts.combine_chunks().dictionary_encode()
    names = pa.array([made(text) for text in encoded.dictionary.to_pylist()], pa.string())
    return names.take(encoded.indices)
