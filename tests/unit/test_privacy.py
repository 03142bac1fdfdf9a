"""Personal data in a path are masked however they are written, and everything else stays: properties of both."""

import ipaddress
import string
from collections.abc import Iterator
from itertools import pairwise
from urllib.parse import quote
from uuid import UUID

import duckdb
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from workloads.importers.rules.privacy import _IBANS, decoded, masked, may_hold_secrets
from workloads.sql import quoted

DIGITS = string.digits
LETTERS_AND_DIGITS = DIGITS + string.ascii_uppercase


@pytest.fixture(scope="module")
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as database:
        query = f"SELECT path, {masked(decoded('path'))} FROM (SELECT unnest($paths) AS path)"
        database.execute(f"PREPARE ask AS {query}")
        yield database


def shown(database: duckdb.DuckDBPyConnection, paths: list[str]) -> list[str]:
    """``paths`` as a recording shows them, in one query: its expressions take longer to start than one path."""
    suspicious = may_hold_secrets(pa.chunked_array([paths], pa.string()))
    listed = f"[{', '.join(map(quoted, paths))}]"
    masks = dict(database.execute(f"EXECUTE ask(paths := {listed})").fetchall())
    return [masks[path] if suspicious[index] else path for index, path in enumerate(paths)]


@st.composite
def addresses(draw: st.DrawFn) -> str:
    """An IPv6 address of a client, in any of the ways to write it."""
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
Planted = list[tuple[str, int, str]]  # a secret, how often it is encoded, and where in a path it is


def planted(secrets: st.SearchStrategy[str]) -> st.SearchStrategy[Planted]:
    return st.lists(st.tuples(secrets, st.integers(0, 2), PLACES), min_size=1, max_size=10)


def masks(database: duckdb.DuckDBPyConnection, secrets: Planted) -> list[tuple[str, str]]:
    """What a recording shows, and the place of the secret in it."""
    paths = [written(*secret) for secret in secrets]
    return list(zip(shown(database, paths), [place for _, _, place in secrets], strict=True))


@settings(max_examples=25, deadline=None)
@given(secrets=planted(addresses()))
@example(secrets=[("2001:db8::192.0.2.1", 0, "/a/{}.json"), ("2001:db8::", 0, "/a/{}/64")])
def test_addresses_are_masked(database: duckdb.DuckDBPyConnection, secrets: Planted) -> None:
    for path, place in masks(database, secrets):
        assert path.count(":address") == place.count("{}")
        assert len(path) < len(place) + 12 * place.count("{}")


@settings(max_examples=25, deadline=None)
@given(secrets=planted(phones()))
def test_phone_numbers_are_masked(database: duckdb.DuckDBPyConnection, secrets: Planted) -> None:
    for path, place in masks(database, secrets):
        assert path == place.replace("{}", ":phone")


@settings(max_examples=25, deadline=None)
@given(secrets=planted(accounts()))
@example(
    secrets=[
        ("MT84MALT011000012345MTLCAST001S", 0, "/a/{}"),
        ("AD1200012030ABCDEF591001", 0, "/a/{}.json"),
        ("KZ86-125K-ZT50-0410-0100", 0, "/a/{}"),
        ("FR14 2004 1010 0505 0001 3M02 606", 1, "/a/{}"),
    ]
)
def test_bank_accounts_are_masked(database: duckdb.DuckDBPyConnection, secrets: Planted) -> None:
    for path, place in masks(database, secrets):
        assert path == place.replace("{}", ":iban")


HARMLESS = st.one_of(
    st.uuids().map(str),
    st.uuids(version=4).map(lambda uuid: str(uuid).upper()),
    st.integers(0, 10**12 - 1).map(str),
    st.datetimes().map(lambda moment: moment.isoformat(timespec="seconds")),
    st.datetimes().map(lambda moment: moment.strftime("%H:%M:%S")),
    st.binary(min_size=6, max_size=6).map(lambda data: data.hex(":")),  # of a network card
    st.binary(min_size=10, max_size=10).map(bytes.hex).filter(lambda text: not text[:2].isalpha()),
    st.tuples(st.sampled_from(["std", "Foo", "a", "cafe"]), st.sampled_from(["vector", "Bar", "b", "babe"])).map(
        "::".join
    ),
    st.from_regex(r"[a-z]{2,8}-[0-9]{2,4}-[a-z]{2,8}", fullmatch=True),
    st.from_regex(r"[a-z]{1,8}\+[0-9]{1,8}", fullmatch=True),
    st.from_regex(r"\+[0-9]{1,7}", fullmatch=True),
)


@settings(max_examples=25, deadline=None)
@given(names=st.lists(HARMLESS, min_size=1, max_size=10))
# A phone number without its + is like any other number.
@example(names=["c++20230101", "00491511234567", str(UUID(int=0))])
def test_what_is_no_secret_stays(database: duckdb.DuckDBPyConnection, names: list[str]) -> None:
    for path in shown(database, [f"/a/{name}/b" for name in names]):
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
