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

# Characters that are written as numbers or names, in HTML, JavaScript and by servers of Microsoft's.
_NAMED = {"commat": "@", "period": ".", "colon": ":", "equals": "=", "plus": "+", "lowbar": "_", "sol": "/"}
_IN_HTML = rf"(?i)&(?:amp;)*(?:#[0-9]{{1,7}};?|#x[0-9a-f]{{1,6}};?|(?:{'|'.join(_NAMED)});)"
_WRITTEN = rf"{_IN_HTML}|(?:\\u|%u)[0-9a-f]{{4}}|\\x[0-9a-f]{{2}}|\\/"
# Full-width forms, as Chinese and Japanese keyboards write them, a small @ and their full stops.
_WIDE = "".join(map(chr, range(0xFF01, 0xFF5F))) + "\ufe6b\u3002\uff61"
_NARROW = "".join(map(chr, range(0x21, 0x7F))) + "@.."


def _let(name: str, value: str, expression: str) -> str:
    """An SQL expression for ``expression``, in which ``name`` is ``value``, another that is computed once."""
    return f"list_transform([{value}], lambda {name}: {expression})[1]"


def _as_characters(text: str, written: str = _WRITTEN) -> str:
    """An SQL expression for ``text``, another, with characters in place of what stands for them, such as ``&#64;``, in
    one of the ways that the pattern ``written`` has.
    """
    code = r"""CASE WHEN regexp_matches(token, '#[0-9]') THEN regexp_extract(token, '[0-9]+')::INTEGER
        ELSE ('0x' || regexp_extract(token, '(?i)[xu]([0-9a-f]+)', 1))::INTEGER END"""
    named = " ".join(f"WHEN regexp_matches(token, '(?i){name};$') THEN {quoted(is_)}" for name, is_ in _NAMED.items())
    # What stands for no printable character stays.
    numbered = f"coalesce(TRY(CASE WHEN {code} > 31 THEN chr({code}) END), token)"
    character = f"CASE WHEN token = '\\/' THEN '/' {named} ELSE {numbered} END"
    tokens = f"list_distinct(regexp_extract_all(written, {quoted(written)}))"
    read = f"list_reduce({tokens}, lambda read, token: replace(read, token, {character}), written)"
    return _let("written", text, f"CASE WHEN regexp_matches(written, {quoted(written)}) THEN {read} ELSE written END")


# A key in Base64 may hold slashes and so be several parts of a path: nothing but letters, digits, + and /, with
# letters and digits mixed as in no word, in CamelCase neither. One of AWS has exactly 40 characters.
_MIXED = (
    r"(?:[A-Z][a-z][A-Z]|[a-z][A-Z]{2}|[a-z][0-9]+[A-Z]|[A-Z][0-9]+[a-z]|[A-Z]{2}[a-z][0-9A-Z]|[0-9][a-z][A-Z]|"
    r"[0-9][A-Z][a-z][0-9A-Z])"
)
_BASE64 = "[A-Za-z0-9+/]*"
_PART = rf"[A-Za-z0-9+]*(?:{_MIXED}|[+])[A-Za-z0-9+]*"
_PARTS = rf"{_PART}(?:/+(?:{_PART}|[A-Z0-9+]*(?:[A-Z][0-9]|[0-9][A-Z])[A-Z0-9+]*|[A-Za-z0-9]{{1,4}}\b))*"
_GOES_ON = rf"(?:/+[A-Za-z0-9+]*(?:{_MIXED}|[A-Za-z][0-9]+[A-Za-z]|[+])[A-Za-z0-9+]*)"  # after a part that is mixed

# From a request's target (path or URL) to its path without credentials and session ids: an SQL expression over a column
# `target`. Those are in a URL's authority, in its query (some clients encode the question mark, even twice) and in
# parameters such as ;jsessionid=. HTML's characters are read before: jane&#64;shop.example would else end at its #.
BARE_PATH = rf"""
    regexp_replace(
        coalesce(nullif(regexp_extract(
            {_as_characters("target", _IN_HTML)}, '(?s)^(?:[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*)?([^?#]*)', 1), ''), '/'),
        '(?s)%(?:25)*3[fF].*|;[^/]*{_MIXED}[^/]*{_GOES_ON}*|;[^/]*', '', 'g'
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
    r"(?i)[@%;\x22\\\x{FF01}-\x{FF5E}\x{FE6B}]|[a-z0-9_]{20,}|[0-9](?:[ +._-]?[0-9]){11,}|(?:[0-9]{1,3}\.){3}[0-9]|"
    r"eyJ|(?:AKIA|ASIA)[a-z0-9]|xox|"
    r"glpat|AIza|ya29|SG[.]|(?:sk|tok|whsec|key|npm|hf|gh[a-z]|[ps]k|rk)[_-]|token|secret|pass|pwd|sess|"
    r"jwt|bearer|basic|auth|sign|cred|otp|cookie|hmac|[cx]srf|nonce|:[0-9a-f]*:|[^0-9a-z+][+][1-9]|"
    r"(?:key|sid|sig|pin|code|pw|cv[cv]|tan|[m2]fa)'?[=:/]|[(\[{] ?at ?[)\]}]|&#|"
    r"(?:nl|fk|mk|kz)[0-9]{2}|"  # other IBANs are long runs, or hold a dozen digits on end
    r"[0-9]{4}/[0-9]{4}/[0-9]{4}|[0-9]{4}/[0-9]{6}/[0-9]|"
    # Letters mixed as in no word: part of a key with slashes in it.
    r"(?-i:[A-Z]{2}[0-9]{2}/[A-Z0-9]{4}/|[A-Z][a-z][A-Z]|[a-z][A-Z]{2}|[a-z][0-9][A-Z]|[A-Z][0-9][a-z])"
)
_NAMES_OF_SECRETS = (
    r"[\w-]*(?:token|secret|passwd|password|passphrase|passcode|pwd|api[_-]?key|session[_-]?(?:id)?|sess|sid|jwt|"
    r"bearer|auth|authorization|signature|credentials?|otp)"
)
# These are also ends of other words, as in barcode: here they are words of their own, or begin with a capital.
_SHORT_NAMES = "sig|sign|pass|pw|pin|pin[_-]?code|code|key|hmac|[cx]srf|nonce|cookie|cv[cv]|tan|[m2]fa|creds?"
_CAPITAL_NAMES = "Sig|Pass|Pw|Pin|Code|Key|Hmac|Nonce|Cookie|Cv[cv]|Tan"
_VALUE = r"[^/&;,\s\x22']"
_NAMED_VALUE = (
    rf"(?i)({_NAMES_OF_SECRETS}|\b(?:[\w-]*[_-])?(?:{_SHORT_NAMES})|[\w-]*(?-i:[a-z0-9](?:{_CAPITAL_NAMES})))"
    rf"([\x22']?\s?(?:=|:|%3d|%3a)\s?[\x22']?)(?:{_VALUE}*(?-i:{_MIXED}){_VALUE}*(?-i:{_GOES_ON})+|{_VALUE}+)"
)
_CODES = (
    "auth|access|otp|sms|login|verif[a-z]*|security|reset|recovery|backup|activat[a-z]*|confirm[a-z]*|invit[a-z]*|mfa"
)
_NAME_AND_VALUE = (
    rf"(?i)/((?:(?:{_CODES})[_-]?)?code|sig|pass|pin|hmac|[cx]srf|nonce|cv[cv]|tan|[m2]fa)/"
    r"(?:[^/]{3,}[0-9][^/]*|[^/]{2,}[0-9][^/]+|[^/]+[0-9][^/]{2,}|[0-9][^/]{3,})"
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
_LOCAL = r"(?:\x22[^\x22/]*\x22|[^/\s@;,:=&]+)"  # of an e-mail address, before its @
_VERSIONS = "latest|next|alpha|beta|canary|rc|stable|lts|experimental|nightly|main|master|head"  # package@latest
# What is masked how, one after the other. Where none of a group can be found, none of it is looked for: most long words
# are ids, and hold neither.
_OF_PEOPLE = (
    (r"(?i)\s?[(\[{] ?at ?[)\]}]\s?", "@"),
    (rf"{_LOCAL}@(?:(?:[0-9]{{1,3}}\.){{3}}[0-9]{{1,3}}\b|\[[^\]/]+\])", ":email"),
    # image@2x.png, a picture for dense displays, and package@1.2.3 look like an e-mail address: their @ is replaced
    # meanwhile.
    (r"(?i)@([1-4]x\.(?:png|jpe?g|gif|webp|avif|svg)|v?[0-9]+\.[0-9]+\.[0-9]+)", "\x01" + r"\1"),
    (
        r"(?i)@((?:latest|next|alpha|beta|canary|rc|stable|lts|experimental|nightly|main|master|head)(?:[^\pL]|$))",
        "\x01" + r"\1",
    ),
    (rf"(?i){_LOCAL}\s?(?:@|%(?:25)*40)\s?(?:[\pL\pN_-]+\.)+(?:xn--[a-z0-9-]+|\pL{{2,}})", ":email"),
    # Of a host in its own network, localhost first of all. After a colon or // it is a password.
    (rf"(^/?|[^/]/|[\s;,=&]){_LOCAL}@\pL[\pL\pN_-]*", r"\1:email"),
    (r"\x01", "@"),
)
_KNOWN = (
    # User and password before a host: a path may contain a URL.
    (r"(//)(?:[^/\s@]+@|[^/\s@:]+:(:email))", r"\1:token@\2"),
    (r"[^/\s@:;,=&]+:(:email)", r":token@\1"),
    (r"[^/\s@:]+:[^/\s@]+@", ":token@"),
    (r"eyJ[\w-]{5,}(?:\.[\w-]*){0,2}", ":token"),
    (r"\b(?:AKIA|ASIA)[A-Z0-9]{12,}", ":token"),
    (r"\b(?:sk|pk|rk)[_-](?:live|test|proj|ant)[_-]?[\w-]{4,}", ":token"),
    (r"\b(?:sk|tok|key|whsec)[_-][A-Za-z0-9]{16,}", ":token"),
    (r"\b(?:gh[a-z]|github_pat|npm|hf|whsec|tok)_\w{8,}", ":token"),
    (r"\b(?:xox[a-z]|glpat)-[\w-]{8,}|\bya29\.[\w-]{8,}|\bSG\.[\w-]{8,}|\bAIza[\w-]{20,}", ":token"),
    (r"(?i)\b(bearer|basic)(?:%20|[ +])[\w+/=.~-]+", r"\1 :token"),
)
_ACROSS_SLASHES = (
    # Across slashes, before anything takes a part of it away: what ends as Base64 does, what goes on for long, a key.
    (rf"(^|[^A-Za-z0-9+])({_PARTS}(?:/+[A-Za-z0-9+]*)?==?)([^A-Za-z0-9=]|$)", r"\1" + "\x02" + r"\2" + "\x03" + r"\3"),
    (r"\x02[A-Za-z0-9+/]{20,}==?\x03", ":token"),
    (r"[\x02\x03]", ""),
    (rf"(^|[^A-Za-z0-9+])({_PARTS})", r"\1" + "\x02" + r"\2" + "\x03"),
    (r"\x02([A-Za-z0-9+/]{40,})\x03", "\x04" + r"\1" + "\x05"),
    (rf"\x04(?:{_BASE64}{_MIXED}){{3}}{_BASE64}\x05", ":token"),
    (r"[\x02-\x05]", ""),
    (r"(^|[^\w+-])([\w+/-]{40})([^\w+-]|$)", r"\1" + "\x02" + r"\2" + "\x03" + r"\3"),
    (rf"\x02[\w+/-]*{_MIXED}[\w+/-]*{_MIXED}[\w+/-]*\x03", ":token"),
    (r"[\x02\x03]", ""),
)
_NAMED_VALUES = (
    (r"\b4/0A[\w-]{4,}", ":token"),  # a code of Google's sign-in
    (_NAMED_VALUE, r"\1\2:token"),
)
_OTHERS = (
    (_NAME_AND_VALUE, r"/\1/:token"),
    (rf"(?i)/({_NAMES_OF_SECRETS}s?)/(?:[^/]{{4,}}[0-9][^/]*|[^/]*[0-9][^/]{{4,}})", r"/\1/:token"),
    (rf"(?i)(\b|_)(?:{_IBAN})(_|\b)", r"\1:iban\2"),
    (r"\b[A-Z]{2}[0-9]{2}(?:/[A-Z0-9]{4}){2,7}(?:/[A-Z0-9]{1,3})?(/|$)", r":iban\1"),
    (r"(^|[^\pL\pN+])[+][1-9](?:[ .()/-]{0,2}[0-9]){7,14}(_|\b)", r"\1:phone\2"),
    (rf"(\b|_)(?:2[2-7]|[3-6][0-9])[0-9]{{2}}(?:{_APART}[0-9]{{4}}){{2}}{_APART}[0-9]+", r"\1:card"),
    (rf"(\b|_)3[47][0-9]{{2}}{_APART}[0-9]{{6}}{_APART}[0-9]{{5}}", r"\1:card"),
    (_IPV6, r":address\1"),
    (r"\b(?:[0-9]{1,3}\.){3}[0-9]{1,3}\b", ":address"),
    (r"([A-Za-z0-9_-]*[A-Za-z0-9_]{20,}[A-Za-z0-9_-]*)", "\x02" + r"\1" + "\x03"),
    (rf"\x02(?:{_KINDS}|{_SCATTERED}|{_RUN}[0-9a-fA-F]{{32,}}){_RUN}\x03([^.]|$)", r":token\1"),
    (r"[\x02\x03]", ""),
)
_MASKS = (
    (r"[@({\[]|%(?:25)*40", _OF_PEOPLE),
    ("", _KNOWN),
    (_MIXED, _ACROSS_SLASHES),
    (r"[=:]|4/0A|%3", _NAMED_VALUES),
    ("", _OTHERS),
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
    """An SQL expression for ``path``, another, as people read it: with percent-encoding undone however often it was
    done, other ways to write characters read, and full-width forms narrow.
    """
    once = f"regexp_replace({path}, '%(?:25)+([0-9A-Fa-f]{{2}})', '%\\1', 'g')"
    ascii_only = f"regexp_replace({once}, '%[89A-Fa-f][0-9A-Fa-f]', '_', 'g')"  # of what is no UTF-8
    undone = f"coalesce(TRY(url_decode(url_decode({once}))), TRY(url_decode(url_decode({ascii_only}))), {path})"
    characters = _as_characters(f"CASE WHEN contains({path}, '%') THEN {undone} ELSE {path} END")
    wide = quoted(_WIDE)
    narrow = f"CASE WHEN strlen(read) = length(read) THEN read ELSE translate(read, {wide}, {quoted(_NARROW)}) END"
    return _let("read", characters, narrow)


def masked(text: str) -> str:
    """An SQL expression for ``text``, another, with words such as ``:email`` in place of what may be a secret."""
    for sign, masks in _MASKS:
        without = "text" if sign else text
        for pattern, replacement in masks:
            without = f"regexp_replace({without}, {quoted(pattern)}, {quoted(replacement)}, 'g')"
        guarded = f"CASE WHEN regexp_matches(text, {quoted(sign)}) THEN {without} ELSE text END"
        text = _let("text", text, guarded) if sign else without
    return _without_cards(text)  # last: the digits of a bank account may be a card's


# Numbers of cards by the networks that give them out. Anywhere, in words too: so their check digit has to be right.
_SPACED = "[ +._-]?"
_MORE = rf"(?:{_SPACED}[0-9])"
_CARDS = (
    rf"(?:^|[^0-9])((?:[3-6]{_MORE}|2{_SPACED}[2-7]){_MORE}{{14}}|"
    rf"3{_SPACED}[47]{_MORE}{{13}}|3{_SPACED}[068]{_MORE}{{12}}|"
    r"[2-6][0-9]{3}(?:/[0-9]{4}){3}|3[47][0-9]{2}/[0-9]{6}/[0-9]{5})"
)


def _without_cards(text: str) -> str:
    """An SQL expression for ``text``, another, with ``:card`` in place of numbers of cards with a right check digit."""
    digits = "string_split(reverse(regexp_replace(card, '[^0-9]', '', 'g')), '')"
    weighed = "CASE WHEN place % 2 = 1 THEN digit::INTEGER ELSE digit::INTEGER * 2 - 9 * (digit > '4')::INTEGER END"
    right = f"list_sum(list_transform({digits}, lambda digit, place: {weighed})) % 10 = 0"
    cards = f"list_filter(regexp_extract_all(text, {quoted(_CARDS)}, 1), lambda card: {right})"
    without = f"list_reduce({cards}, lambda text, card: replace(text, card, ':card'), text)"
    return _let("text", text, f"CASE WHEN regexp_matches(text, {quoted(_CARDS)}) THEN {without} ELSE text END")


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
