"""Mappings: what their rules do to an import, how wrong ones are explained, and which are suggested."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.importing import Imports, balanced
from tests.recordings import recording_of
from tests.unit.traffic_samples import FORMATS, Sent
from workloads.errors import UsageError
from workloads.importers.ingest import Import
from workloads.importers.rules.classify import Rules
from workloads.importers.rules.looks import counted
from workloads.importers.rules.mapping import Mapping, read_mapping
from workloads.importers.rules.suggestion import suggested
from workloads.recordings.shape import Shape
from workloads.replay.bodies import rendered
from workloads.replay.schedule import schedule

MAPPING = """
drop:
  - match: "GET|HEAD /static/**"
    why: static files
  - match: "* /health"
routes:
  - match: POST /search
    operation: query
    entity: "?customer"
  - match: GET /orders/{order}/pay  # a link in an e-mail
    operation: command
    entity: order
  - match: "* /orders/{order}"
    entity: order
  - match: "* /shops/{shop}/orders/{order}/*"
    entity: order
  - match: PURGE /cache/**
    operation: command
"""


@dataclass
class Shop(Imports):
    """Requests that are imported by the rules of a mapping, whose text may be given."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.mapping = self.folder / "shop.yaml"

    def parsed(self, text: str) -> Mapping:
        self.mapping.write_text(text, encoding="utf-8")
        return read_mapping(self.mapping)

    def sent(self, requests: list[Sent], mapping: str | None = None, name: str = "jsonl") -> Import:
        rules = Rules() if mapping is None else Rules(mapping=self.parsed(mapping))
        written = FORMATS[name]
        return self.run(written.write(requests), written.form, written.options, rules=rules)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


class TestRules:
    def test_the_first_route_that_fits_says_what_a_request_is(self, shop: Shop) -> None:
        expected = [
            ("GET", "/orders/17/pay", "command", "order-17"),
            ("GET", "/orders/17?x=1", "query", "order-17"),
            ("DELETE", "/orders/17", "command", "order-17"),
            ("POST", "/shops/3/orders/17/lines", "command", "order-17"),
            ("POST", "/shops/3/orders/17/lines/4", "command", "/shops/3/orders/17/lines/4"),
            ("POST", "/search", "query", None),
            ("PURGE", "/cache/a/b", "command", None),
            ("GET", "/orders", "query", "/orders"),
            ("PUT", "/other/9", "command", "/other/9"),
        ]
        requests = [Sent(method, target) for method, target, _, _ in expected]
        shop.sent(requests, MAPPING)
        read = [(row["method"], row["operation"], row["entity"]) for row in shop.rows()]
        assert read == [(method, operation, entity) for method, _, operation, entity in expected]

    @pytest.mark.parametrize("named", ["b", "k"])
    def test_any_placeholder_may_be_the_entity(self, shop: Shop, named: str) -> None:
        path = "".join(f"/{{{letter}}}" for letter in "abcdefghijkl")
        requests = [Sent("GET", "/1/2/3/4/5/6/7/8/9/10/11/12")]
        shop.sent(requests, f"routes: [{{match: 'GET {path}', entity: {named}}}]")
        assert shop.column("entity") == [{"b": "b-2", "k": "k-11"}[named]]

    @pytest.mark.parametrize("name", ["combined", "csv", "har"])
    def test_drops_are_counted_by_their_reason_in_any_format(self, shop: Shop, name: str) -> None:
        requests = [Sent("GET", "/static/a/b.css"), Sent("POST", "/static/x"), Sent("GET", "/health"), Sent()]
        result = shop.sent(requests, MAPPING, name)
        assert result.dropped_by_rule == {"static files": 1, "* /health": 1}
        assert balanced(result)
        assert result.accepted == 2

    def test_an_entity_of_the_query_is_distinguished_and_not_stored(self, shop: Shop) -> None:
        targets = [f"/search?q=x&customer={name}" for name in ("ann", "bob", "ann")]
        shop.sent([Sent("POST", target) for target in targets], MAPPING)
        one, two, three = shop.column("entity")
        assert one == three != two
        assert one.startswith("customer-")
        assert "ann" not in one

    def test_an_entity_that_is_masked_is_still_distinguished(self, shop: Shop) -> None:
        targets = [f"/u/{name}@example.com/orders" for name in ("ann", "bob", "ann")]
        mapping = 'routes: [{match: "* /u/{user}/orders", entity: user}]'
        shop.sent([Sent("POST", target) for target in targets], mapping)
        one, two, three = shop.column("entity")
        assert one == three != two
        assert one.startswith("user-:email")

    def test_a_route_with_patterns_of_expressions_is_taken_literally(self, shop: Shop) -> None:
        requests = [Sent(target="/aXbc"), Sent(target="/a.b(c)+")]
        result = shop.sent(requests, "drop: [{match: 'GET /a.b(c)+'}]")
        assert (result.accepted, result.dropped) == (1, 1)

    @pytest.mark.parametrize("text", ["'; DROP TABLE staged; --", "a'b", "{} {0} %s $1"])
    def test_nothing_in_a_mapping_is_taken_for_sql(self, shop: Shop, text: str) -> None:
        quoted = text.replace("'", "''").replace("{}", "").replace("{0}", "")
        mapping = f"drop: [{{match: 'GET /x/{quoted}', why: '{quoted}'}}]"
        target = "/x/" + text.replace("{}", "").replace("{0}", "")
        result = shop.sent([Sent(target=target), Sent()], mapping)
        assert result.accepted + result.dropped == 2


class TestErrors:
    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("", "shop.yaml: empty: a mapping has routes, drop or both"),
            ("- a", "line 1: a mapping must have names and values: drop, routes"),
            ("routes:\n  - match: GET /a\nroute: []", "line 3: unknown route: a mapping knows drop, routes"),
            ("routes:\n  - entity: a", "line 2: match is missing: a method and a path"),
            ("routes:\n  - match: /a", "line 2: match must be a method"),
            ("routes:\n  - match: get /a", "line 2: match must be a method"),
            ("routes:\n  - match: GET a", "line 2: match must be a method"),
            (
                "routes:\n  - match: GET /a\n\n    operation: read",
                "line 4: operation must be command or query, not 'read'",
            ),
            ("routes:\n  - match: GET /a/{b}\n    entity: c", r"line 3: entity must be a \{name\} of match \(b\)"),
            ("routes:\n  - match: GET /{a}/{a}", r"line 2: \{a\} must be a name of letters and digits, each once"),
            ("routes:\n  - match: GET /{1}", r"line 2: \{1\} must be a name"),
            ("routes:\n  - match: GET /a\n    match: GET /b", "line 3: match is there twice"),
            ("routes:\n  - GET /a", "line 2: a route must have names and values"),
            ("routes:\n  match: GET /a", "line 2: routes must be a list"),
            ("drop:\n  - match: GET /a\n    why: [x]", "line 3: why must be a text"),
            ("drop:\n  - match: GET /a\n    entity: b", "line 3: unknown entity: a drop knows match, why"),
            ("routes:\n  - match: 'GET /a", "line 3: not YAML|line 2: not YAML"),
            ("a: *b", "line 1: not YAML"),
            (
                "routes:\n  - match: POST /a\n    body: '{{ cart }}'",
                "line 3: the body's template .* 'cart' is undefined",
            ),
            ("routes:\n  - match: POST /a\n    body: '{{ text(5 }}'", "line 3: the body's template cannot be filled"),
            ("routes:\n  - match: POST /a\n    body: '{{ n / 0 }}'", "division by zero; it may use entity, request_id"),
            ("routes:\n  - match: POST /a\n    body: \"{{ ''.__class__.__mro__ }}\"", "unsafe"),
            ("routes:\n  - match: POST /a\n    body: {}", "line 3: body must be a text"),
            ("[" * 5000, "not YAML|nested too deeply"),
        ],
    )
    def test_a_wrong_mapping_is_named_with_its_line(self, shop: Shop, text: str, message: str) -> None:
        with pytest.raises(UsageError, match=message) as caught:
            shop.parsed(text)
        assert "shop.yaml" in str(caught.value)
        assert "\n" not in str(caught.value)

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("drop:\n" + "- match: GET /x\n" * 100_000, "over 1,048,576 bytes"),
            ("drop:\n- &a {match: GET /x}\n" + "- *a\n" * 1_000, "line 2: drop has 1,001 items"),
        ],
    )
    def test_one_that_would_take_minutes_is_refused(self, shop: Shop, text: str, message: str) -> None:
        with pytest.raises(UsageError, match=message):
            shop.parsed(text)

    def test_a_missing_file_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match=r"none\.yaml: No such file"):
            read_mapping(tmp_path / "none.yaml")

    @pytest.mark.fuzz
    @settings(max_examples=100, deadline=None)
    @given(
        data=st.binary(max_size=60)
        | st.text(alphabet="routesdpmach:- \n[]{}'\"/*GET&!|>#\t", max_size=60).map(str.encode)
    )
    def test_any_file_is_a_mapping_or_wrong(self, tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
        path = tmp_path_factory.getbasetemp() / "any.yaml"
        path.write_bytes(data)
        try:
            read_mapping(path)
        except UsageError as error:
            assert "any.yaml" in str(error)  # noqa: PT017  # nothing else may be raised


NAMES = [f"{chr(97 + number % 26)}{chr(97 + number // 26)}o" for number in range(60)]
REQUESTS = [
    *(Sent("POST", "/orders") for _ in range(5)),
    *(Sent("GET", f"/orders/{number}") for number in range(40)),
    *(Sent("GET", f"/people/{name}/basket") for name in NAMES),
    *(Sent("GET", f"/static/app.{number}.js") for number in range(9)),
    Sent("GET", "/orders/6f1c2d3e-4b5a-6978-8796-a5b4c3d2e1f0/lines/4"),
    Sent("GET", "/odd/{x}/*"),
    Sent("GET", "/gr%C3%BC%C3%9Fe"),
    Sent("GET", "/"),
    Sent("GET", "/callers/+14155552671/calls"),
    Sent("GET", "/callers/+14155552672/calls"),
    Sent("GET", "/accounts/NL91ABNA0417164300/balance"),
    Sent("GET", "/accounts/NL91ABNA0417164301/balance"),
]


class TestBodies:
    def test_are_kept_with_the_recording_by_route_and_the_first_counts(self, shop: Shop) -> None:
        mapping = """
            routes:
              - {match: "POST|PUT /carts/{cart}", entity: cart, body: 'first {{ entity }}'}
              - {match: "* /carts/{cart}", body: second}
              - {match: "POST /plain"}
        """
        shop.sent([Sent("POST", "/carts/7")], mapping)
        loaded = shop.library.load("mine")
        assert loaded.templates["POST /carts/{cart}"] == loaded.templates["PUT /carts/{cart}"]
        assert loaded.templates["POST /carts/{cart}"].body == "first {{ entity }}"
        assert loaded.templates["DELETE /carts/{cart}"].body == "second"
        assert "POST /plain" not in loaded.templates
        assert loaded.cut(limit=1).templates == loaded.templates == Shape(sample=1.0).of(loaded, 1).templates
        sent = schedule(loaded, speed=1.0, seed=1, recorded_routes=True).message(0, "", "h")
        assert sent.endswith(b"first cart-7")

    def test_come_with_headers_and_what_counts_as_success(self, shop: Shop) -> None:
        mapping = """
            routes:
              - {match: "* /carts/{cart}", entity: cart, success: "200-299, 404", headers: {X-Tenant: "{{ entity }}"}}
        """
        shop.sent([Sent("GET", "/carts/7")], mapping)
        template = shop.library.load("mine").templates["GET /carts/{cart}"]
        assert template.statuses == [(200, 299), (404, 404)]
        assert template.headers == (("X-Tenant", "{{ entity }}"),)

    @pytest.mark.parametrize(
        ("given", "message"),
        [
            ("success: fine", "success must be statuses, such as 200-299, 404"),
            ("success: 20-30", "success must be statuses"),
            ("headers: fine", "headers must have names and values"),
            ("headers: {Host: other}", "'Host' is no header that may be given"),
            ('headers: {"a b": other}', "'a b' is no header"),
            ("headers: {A: '{{ nobody }}'}", "the header A's template cannot be filled"),
            ('headers: {A: "1\\r\\nB: 2"}', "the header A must be one line of printable ASCII"),
            ("headers: {A: '{{ text(5000) }}'}", "headers must have up to 4,000 bytes together"),
        ],
    )
    def test_that_cannot_be_sent_are_refused_with_the_line(self, tmp_path: Path, given: str, message: str) -> None:
        file = tmp_path / "m.yaml"
        file.write_text(f'routes:\n  - match: "PUT /carts"\n    {given}\n')
        with pytest.raises(UsageError, match=f"m.yaml, line 3: {re.escape(message)}"):
            read_mapping(file)


class TestSuggestion:
    @pytest.fixture
    def text(self, shop: Shop) -> str:
        shop.sent(REQUESTS)
        return suggested(shop.library.load("mine"))

    def test_routes_are_found_by_collapsing_ids(self, text: str) -> None:
        for route in (
            'match: "POST /orders"',
            'match: "GET /orders/{order}"',
            'match: "GET /people/{people}/basket"',
            'match: "GET /orders/{order}/lines/{line}"',
            'match: "GET /callers/{caller}/calls"',
            'match: "GET /accounts/{account}/balance"',
            'match: "GET|HEAD /**.js"',
        ):
            assert route in text

    def test_a_suggestion_is_a_mapping_that_changes_no_operation(self, shop: Shop, text: str) -> None:
        before = shop.library.load("mine").table
        result = shop.sent(REQUESTS, text)
        assert result.dropped_by_rule == {"static files": 9}
        kept = [row for row in before.to_pylist() if not row["path"].endswith(".js")]
        after = shop.library.load("mine").table
        assert after.column("operation").to_pylist() == [row["operation"] for row in kept]
        entities = dict(zip(after.column("path").to_pylist(), after.column("entity").to_pylist(), strict=True))
        assert entities["/orders/7"] == "order-7"

    def test_a_suggested_body_has_about_the_recorded_size(self, shop: Shop, text: str) -> None:
        recorded = shop.library.load("mine")
        sizes = dict(zip(recorded.routes, recorded.table.column("payload_bytes").to_pylist(), strict=True))
        shop.sent(REQUESTS, text)
        template = shop.library.load("mine").templates["POST /orders"].body
        assert template is not None
        body = rendered(template, entity="order-7", request_id="7", number=0, seed="1")
        assert json.loads(body)["id"] == "7"
        assert len(body) == pytest.approx(sizes["POST /orders"], abs=40)

    @pytest.mark.fuzz
    @settings(deadline=None)
    @given(paths=st.lists(st.text(alphabet="ab/{}*\"'\\:#%\n\x85é ", max_size=12), min_size=1, max_size=5))
    def test_a_suggestion_for_any_paths_can_be_read(
        self, tmp_path_factory: pytest.TempPathFactory, paths: list[str]
    ) -> None:
        file = tmp_path_factory.getbasetemp() / "m.yaml"
        file.write_text(suggested(recording_of({"path": f"/{path}"} for path in paths)), encoding="utf-8")
        read_mapping(file)


REFUSED = [{"path": path, "recorded_status": 404} for path in ("/.env", "/a/.env.bak", "/wp-login.php", "/wp-json/x")]
SEEN: list[dict[str, Any]] = [
    *REFUSED,
    {"path": "/about.aspx", "recorded_status": 200},
    {"path": "/logo.svg"},
    {"path": "/healthz"},
    {"path": "/health-food/7"},
    {"path": "/search", "method": "POST", "operation": "command"},
    {"path": "/orders/research", "method": "POST", "operation": "command"},
    {"path": "/users/login", "method": "POST", "operation": "command"},
    *({"path": f"/carts/{number}"} for number in range(100, 103)),
    *({"path": f"/carts/100/items/{number}", "method": "DELETE", "operation": "command"} for number in range(3)),
    *({"path": f"/shops/{number}/menus/{number}"} for number in range(100, 103)),
]


def test_what_requests_look_like_is_counted_by_name_and_refusal() -> None:
    """A path that scanners ask for, and that was answered, may be the service's own."""
    assert counted(recording_of(SEEN).table) == {
        "probes of scanners": 4,
        "static files": 1,
        "health checks": 1,
        "searches by POST": 1,
        "logins": 1,
    }
    assert counted(recording_of([{"path": "/orders/7"}]).table) == {}


def test_what_is_no_work_of_a_service_is_proposed_to_be_dropped_and_searches_to_be_queries(shop: Shop) -> None:
    mapping = shop.parsed(suggested(recording_of(SEEN)))
    dropped = [one for one in SEEN if any(re.fullmatch(drop.pattern, one["path"]) for drop in mapping.drops)]
    assert dropped == [*REFUSED, {"path": "/logo.svg"}, {"path": "/healthz"}]
    operations = {route.path: route.operation for route in mapping.routes}
    assert operations["/search"] == "query"
    assert operations["/orders/research"] == operations["/users/login"] == "command"


def test_a_suggested_entity_is_what_several_routes_are_about(shop: Shop) -> None:
    entities = {route.path: route.entity for route in shop.parsed(suggested(recording_of(SEEN))).routes}
    assert entities["/carts/{cart}/items/{item}"] == entities["/carts/{cart}"] == "cart"
    assert entities["/shops/{shop}/menus/{menu}"] == "menu"  # nothing else is about a shop
