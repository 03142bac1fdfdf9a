"""What a path may say of somebody is masked however it is written, and what says nothing stays: properties of both."""

import ipaddress
import string
from collections.abc import Iterator
from itertools import pairwise
from urllib.parse import quote
from uuid import UUID

import duckdb
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from workloads.importers.rules.privacy import _IBANS, decoded, masked, may_hold_secrets
from workloads.sql import quoted

DIGITS = string.digits
LETTERS_AND_DIGITS = DIGITS + string.ascii_uppercase


@pytest.fixture(scope="module")
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as database:
        database.execute(f"PREPARE ask AS SELECT {masked(decoded('path'))} FROM (SELECT $path AS path)")
        yield database


def shown(database: duckdb.DuckDBPyConnection, path: str) -> str:
    """``path`` as a recording shows it."""
    if not may_hold_secrets(pa.chunked_array([[path]])).item():
        return path
    row = database.execute(f"EXECUTE ask(path := {quoted(path)})").fetchone()
    assert row
    return str(row[0])


@st.composite
def addresses(draw: st.DrawFn) -> str:
    """An IPv6 address of somebody, in any of the ways to write it."""
    network = draw(st.sampled_from(["2000::/3", "fc00::/7", "fe80::/10"]))
    address = draw(st.ip_addresses(v=6, network=network))
    # Zeros at random: what is left out for them is what differs.
    groups = [group if draw(st.booleans()) else "0" for group in address.exploded.split(":")]
    address = ipaddress.ip_address(":".join([address.exploded[:4], *groups[1:]]))
    text = draw(st.sampled_from([address.compressed, address.exploded]))
    last = int(address) & 0xFFFFFFFF
    if draw(st.booleans()) and text.count(":") == 7:
        text = f"{text.rsplit(':', 2)[0]}:{ipaddress.IPv4Address(last)}"
    return draw(st.sampled_from([text, text.upper(), f"[{text}]", f"{text}%eth0"]))


@st.composite
def phones(draw: st.DrawFn) -> str:
    """A number as E.164 has it: in one, or in groups."""
    digits = draw(st.sampled_from("123456789")) + draw(st.text(DIGITS, min_size=7, max_size=14))
    apart = draw(st.sampled_from(["", " ", "-", "."]))
    cut = draw(st.integers(1, 3))
    return f"+{digits[:cut]}{apart}{digits[cut : cut + 3]}{apart}{digits[cut + 3 :]}"


@st.composite
def accounts(draw: st.DrawFn) -> str:
    """An IBAN of any country: in one, or in groups of four."""
    countries, count, kind = draw(st.sampled_from([*_IBANS, ("AD", 20, "[0-9]")]))
    country = draw(st.sampled_from(countries.split("|")))
    checked = draw(st.text(DIGITS, min_size=2, max_size=2))
    letters = 0 if kind == "[0-9]" else 4  # of the bank; what follows are digits nearly everywhere
    own = draw(st.text(LETTERS_AND_DIGITS, min_size=letters, max_size=letters))
    own += draw(st.text(DIGITS, min_size=count - letters, max_size=count - letters))
    text = country + checked + own
    groups = [text[at : at + 4] for at in range(0, len(text), 4)]
    text = draw(st.sampled_from(["", " ", "-", "+", "_"])).join(groups)
    return draw(st.sampled_from([text, text.lower()]))


def written(secret: str, encode: int, place: str) -> str:
    for _ in range(encode):
        secret = quote(secret, safe="")
    return place.replace("{}", secret)


PLACES = st.sampled_from(["/a/{}", "/a/{}/b", "/a/{}.json", "/a/x={}", "/a/{},{}", "/a/{}/{}"])
TWICE = st.integers(0, 2)


@given(secret=addresses(), encode=TWICE, place=PLACES)
@example(secret="2001:db8::192.0.2.1", encode=0, place="/a/{}.json")
@example(secret="2001:db8::", encode=0, place="/a/{}/64")
def test_addresses_are_masked(database: duckdb.DuckDBPyConnection, secret: str, encode: int, place: str) -> None:
    path = shown(database, written(secret, encode, place))
    assert path.count(":address") == place.count("{}")
    assert len(path) < len(place) + 12 * place.count("{}")


@given(secret=phones(), encode=TWICE, place=PLACES)
def test_phone_numbers_are_masked(database: duckdb.DuckDBPyConnection, secret: str, encode: int, place: str) -> None:
    assert shown(database, written(secret, encode, place)) == place.replace("{}", ":phone")


@given(secret=accounts(), encode=TWICE, place=PLACES)
@example(secret="MT84MALT011000012345MTLCAST001S", encode=0, place="/a/{}")
@example(secret="AD1200012030ABCDEF591001", encode=0, place="/a/{}.json")
@example(secret="KZ86-125K-ZT50-0410-0100", encode=0, place="/a/{}")
@example(secret="FR14 2004 1010 0505 0001 3M02 606", encode=1, place="/a/{}")
def test_bank_accounts_are_masked(database: duckdb.DuckDBPyConnection, secret: str, encode: int, place: str) -> None:
    assert shown(database, written(secret, encode, place)) == place.replace("{}", ":iban")


@given(
    name=st.one_of(
        st.uuids().map(str),
        st.uuids(version=4).map(lambda one: str(one).upper()),
        st.integers(0, 10**12 - 1).map(str),
        st.datetimes().map(lambda one: one.isoformat(timespec="seconds")),
        st.datetimes().map(lambda one: one.strftime("%H:%M:%S")),
        st.binary(min_size=6, max_size=6).map(lambda data: data.hex(":")),  # of a network card
        st.binary(min_size=10, max_size=10).map(bytes.hex).filter(lambda text: not text[:2].isalpha()),
        st.tuples(st.sampled_from(["std", "Foo", "a", "cafe"]), st.sampled_from(["vector", "Bar", "b", "babe"])).map(
            "::".join
        ),
        st.from_regex(r"[a-z]{2,8}-[0-9]{2,4}-[a-z]{2,8}", fullmatch=True),
        st.from_regex(r"[a-z]{1,8}\+[0-9]{1,8}", fullmatch=True),
        st.from_regex(r"\+[0-9]{1,7}", fullmatch=True),
    )
)
@example(name="c++20230101")
@example(name="00491511234567")  # a phone number without its + is like any other
@example(name=str(UUID(int=0)))
def test_what_tells_of_nobody_stays(database: duckdb.DuckDBPyConnection, name: str) -> None:
    path = shown(database, f"/a/{name}/b")
    assert not [mask for mask in (":address", ":phone", ":iban") if mask in path]


# A Kelvin sign is a k and a long s an s to an expression that ignores case.
SUSPECTS = [
    "/a@b.example",
    "/to\u212aen/1",
    "/pa\u017fsword=x",
    "/" + 20 * "a",
    "/" + 12 * "1",
    None,
]


@given(
    paths=st.lists(
        st.one_of(st.sampled_from(SUSPECTS), st.text("/a1@%+:.-", max_size=12)),
        max_size=80,
    ),
    cuts=st.lists(st.integers(0, 80), max_size=4).map(sorted),
    kind=st.sampled_from([pa.string(), pa.large_string(), pa.string_view()]),
)
def test_what_may_hold_a_secret_is_found_in_any_company(
    paths: list[str | None], cuts: list[int], kind: "pa.DataType"
) -> None:
    whole = pa.array(paths, kind)
    bounds = [0, *(min(cut, len(paths)) for cut in cuts), len(paths)]
    chunks = [whole.slice(start, end - start) for start, end in pairwise(bounds)]
    alone = [bool(may_hold_secrets(pa.chunked_array([[path]], pa.string())).item()) for path in paths]
    assert may_hold_secrets(pa.chunked_array(chunks, kind)).tolist() == alone
    assert all(found for found, path in zip(alone, paths, strict=True) if path in SUSPECTS)
