"""The route of each request: its method and its path with names in place of ids, as a mapping or the paths have it."""

import time

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workloads.recordings.routes import DEEPEST, Pattern, routes, with_routes

ORDERS = Pattern(("GET", "PATCH"), r"/orders/([^/]+)", "/orders/{number}")


def paths(*targets: str) -> pa.Table:
    pairs = [target.split(" ", 1) for target in targets]
    return pa.table({"method": [method for method, _ in pairs], "path": [path for _, path in pairs]})


@pytest.mark.parametrize(
    ("target", "route"),
    [
        ("POST /orders", "POST /orders"),
        ("GET /orders/17", "GET /orders/{order}"),
        ("GET /orders/17/lines/3", "GET /orders/{order}/lines/{line}"),
        ("GET /a/6d0f4c1e-9c1a-4ac5-8c43-0f1be0a0e9f2", "GET /a/{a}"),
        ("GET /", "GET /"),
        ("GET /files/**/{x}", "GET /files/*/*"),
    ],
)
def test_ids_are_named_by_what_stands_before_them(target: str, route: str) -> None:
    assert routes(paths(target)).to_pylist() == [route]


def test_a_place_with_many_rare_names_holds_ids() -> None:
    many = [f"GET /people/{chr(97 + one // 26)}{chr(97 + one % 26)}" for one in range(40)]
    pages = ["GET /about/team"] * 40 + ["GET /about/jobs"] * 40
    assert set(routes(paths(*many, *pages)).to_pylist()) == {
        "GET /people/{people}",
        "GET /about/team",
        "GET /about/jobs",
    }


def test_a_path_of_hundreds_of_parts_takes_no_longer_than_its_beginning() -> None:
    deep = [f"GET /{'/'.join(f'part{(number * 31 + at) % 997}x' for at in range(900))}" for number in range(400)]
    begun_s = time.process_time()
    [route, short] = sorted(set(routes(paths(*deep, "GET /a")).to_pylist()), key=len, reverse=True)
    assert time.process_time() - begun_s < 5
    assert (short, route.count("/"), route[-4:]) == ("GET /{id}", DEEPEST + 1, "}/**")


def test_a_mapping_names_what_it_matches() -> None:
    table = paths("GET /orders/x", "PATCH /orders/x", "DELETE /orders/x", "GET /orders/x/lines")
    found = with_routes(table, [{"methods": list(ORDERS.methods), "pattern": ORDERS.pattern, "path": ORDERS.path}])
    assert found.column("route").to_pylist() == [
        "GET /orders/{number}",
        "PATCH /orders/{number}",
        "DELETE /orders/x",
        "GET /orders/x/lines",
    ]


@given(st.lists(st.tuples(st.sampled_from(["GET", "POST"]), st.text("ab1{}*/\\'", max_size=8)), max_size=60))
def test_every_request_keeps_its_place_and_its_method(pairs: list[tuple[str, str]]) -> None:
    table = pa.table(
        {
            "method": pa.array([method for method, _ in pairs], pa.string()),
            "path": pa.array([f"/{path}" for _, path in pairs], pa.string()),
        }
    )
    found = routes(table, [ORDERS]).to_pylist()
    assert [route.split(" ", 1)[0] for route in found] == [method for method, _ in pairs]
    again = dict(zip(zip(*table.to_pydict().values(), strict=True), found, strict=True))
    assert [again[method, f"/{path}"] for method, path in pairs] == found, "one path, one route"
