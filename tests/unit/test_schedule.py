"""The schedule of a replay: requests byte for byte, ids that survive any gateway, and orders that exist beforehand."""

import json
import re
from dataclasses import replace
from urllib.parse import parse_qs, unquote, urlsplit

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from tests.unit.test_recording import recorded
from workloads.recordings.recording import Recording
from workloads.recordings.routes import Template
from workloads.replay.schedule import (
    LAB_FIELD,
    WARM_UP_PREFIX,
    Schedule,
    opened,
    order_id,
    schedule,
    sealed,
    split_url,
    warm_up,
)

ODD = (
    *("/menu/17/../18", "Crème brûlée, 2 ×", "注文/一七", "🍕", "x" * 1024, "", "a%2Fb?c=d&e#f", '"\\\r\n'),
    "'; DROP TABLE orders; --",
)
entities = st.one_of(st.text(max_size=80), st.from_regex(r"[A-Za-z0-9_-]{1,70}", fullmatch=True))


def replayed(*rows: tuple[str, str | None, int], seed: int = 1, speed: float = 1.0) -> Schedule:
    """Requests as (operation, entity, payload bytes), a tenth of a second apart."""
    table = recorded([100_000 * number for number in range(len(rows))]).table
    for at, name in enumerate(("operation", "entity", "payload_bytes")):
        index = table.schema.get_field_index(name)
        field = table.schema.field(index)
        table = table.set_column(index, field, pa.array([row[at] for row in rows], field.type))
    return schedule(Recording("mine", table), speed=speed, seed=seed)


def messages(due: Schedule) -> list[bytes]:
    return [due.message(index, "/lab", "127.0.0.1:80") for index in range(len(due))]


def parts(message: bytes) -> tuple[str, str, dict[str, str], bytes]:
    """Method, target, headers and body of a request."""
    head, body = message.split(b"\r\n\r\n", 1)
    first, *lines = head.decode("ascii").split("\r\n")
    method, target, version = first.split(" ")
    assert version == "HTTP/1.1"
    return method, target, dict(line.split(": ", 1) for line in lines), body


class TestOrderId:
    def test_plain_entity_is_its_own_key(self) -> None:
        for entity in ("order-17", "17", "a_B-9", "x" * 64):
            assert order_id(entity) == entity

    def test_odd_entity_travels_as_a_plain_key(self) -> None:
        for entity in ODD:
            assert re.fullmatch(r"e-[0-9a-f]{24}", order_id(entity)), entity

    @given(entities)
    def test_every_key_is_plain_and_always_the_same(self, entity: str) -> None:
        assert re.fullmatch(r"[A-Za-z0-9_-]{1,64}", order_id(entity))
        assert order_id(entity) == order_id(entity)

    @given(entities, entities)
    @example("a/b", order_id("a/b"))
    @example("a", "a\n")
    @example("é", "e\u0301")
    def test_different_entities_have_different_keys(self, one: str, other: str) -> None:
        assume(one != other)
        assert order_id(one) != order_id(other)


class TestSchedule:
    def test_due_times_are_recorded_time_divided_by_the_speed(self) -> None:
        due = replayed(("query", "a", 0), ("query", "b", 0), ("query", "c", 0), speed=2.0)
        assert due.due_us.tolist() == [0, 50_000, 100_000]
        assert due.duration_us == 100_000

    def test_ids_are_the_recordings(self) -> None:
        recording = recorded([0, 1, 2])
        later = Recording("mine", recording.table.slice(1))
        assert schedule(later, speed=1.0, seed=1).request_ids == ["1", "2"]

    def test_command_without_an_entity_makes_a_new_one(self) -> None:
        due = replayed(("command", None, 0), ("command", None, 0), ("command", "a", 0))
        assert due.entities == ["new-0", "new-1", "a"]

    def test_of_nothing_lasts_no_time(self) -> None:
        empty = warm_up(20, 0.5)
        assert Schedule([], [], [], [], [], empty.due_us[:0], 1).duration_us == 0


class TestMessages:
    ROWS = (("command", "a", 300), ("query", "a", 0), ("command", None, 512), ("command", "x/y", 90))

    def test_same_seed_same_bytes(self) -> None:
        assert messages(replayed(*self.ROWS, seed=5)) == messages(replayed(*self.ROWS, seed=5))

    def test_another_seed_other_bodies_of_the_same_size(self) -> None:
        one, other = messages(replayed(*self.ROWS, seed=5)), messages(replayed(*self.ROWS, seed=6))
        assert one != other
        assert [len(message) for message in one] == [len(message) for message in other]

    def test_a_cut_changes_no_request(self) -> None:
        due = replayed(*self.ROWS)
        assert messages(replayed(*self.ROWS[:2])) == messages(due)[:2]

    @given(st.integers(0, 5000), entities, st.integers(0, 2**31))
    def test_body_has_the_recorded_size_where_its_ids_fit(self, size: int, entity: str, seed: int) -> None:
        due = replayed(("command", entity, size), seed=seed)
        method, target, headers, body = parts(messages(due)[0])
        assert (method, target) == ("POST", "/lab/orders")
        assert int(headers["Content-Length"]) == len(body)
        fields = json.loads(body)
        bare = len(json.dumps({**fields, "details": ""}, separators=(",", ":")))
        assert len(body) == max(size, bare)
        assert set(fields) == {"request_id", "order_id", "details"}

    def test_ids_of_a_command_travel_in_its_body(self) -> None:
        entities = ["order-17", *ODD]
        for index, message in enumerate(messages(replayed(*(("command", entity, 400) for entity in entities)))):
            _, _, headers, body = parts(message)
            fields = json.loads(body)
            assert (fields["request_id"], fields["order_id"]) == (str(index), order_id(entities[index]))
            assert headers["Content-Type"] == "application/json"

    def test_ids_of_a_query_travel_in_its_path_and_query_string(self) -> None:
        entities = ["order-17", *ODD]
        for index, message in enumerate(messages(replayed(*(("query", entity, 70) for entity in entities)))):
            method, target, headers, body = parts(message)
            url = urlsplit(target)
            assert (method, body) == ("GET", b"")
            assert "Content-Length" not in headers
            assert [unquote(part) for part in url.path.split("/")] == ["", "lab", "orders", order_id(entities[index])]
            assert parse_qs(url.query) == {"request_id": [str(index)]}

    def test_host_is_named(self) -> None:
        for message in messages(replayed(*self.ROWS)):
            assert parts(message)[2]["Host"] == "127.0.0.1:80"


class TestSeeded:
    @pytest.mark.parametrize(
        ("rows", "seeded"),
        [
            pytest.param([("command", "a"), ("query", "a")], [], id="made before it is read"),
            pytest.param([("query", "a"), ("command", "a")], ["a"], id="read before it is made"),
            pytest.param([("query", "a"), ("query", "a")], ["a"], id="read and never made"),
            pytest.param([("command", "a")], [], id="never read"),
            pytest.param([("query", "b"), ("query", "a"), ("query", "b")], ["b", "a"], id="in the order of reading"),
            pytest.param([("query", "a/b")], [order_id("a/b")], id="by the lab's keys"),
            pytest.param([("command", "a"), ("query", "b"), ("query", "a")], ["b"], id="each on its own"),
        ],
    )
    def test_orders_are_those_read_before_they_are_made(self, rows: list[tuple[str, str]], seeded: list[str]) -> None:
        due = replayed(*((operation, entity, 0) for operation, entity in rows))
        assert due.seeded_order_ids() == seeded

    @given(st.lists(st.tuples(st.sampled_from(["command", "query"]), st.sampled_from("abc")), min_size=1, max_size=12))
    def test_every_query_finds_its_order_seeded_or_made_before(self, rows: list[tuple[str, str]]) -> None:
        due = replayed(*((operation, entity, 0) for operation, entity in rows))
        there = set(due.seeded_order_ids())
        assert len(there) == len(due.seeded_order_ids())
        for operation, entity in rows:
            if operation == "command":
                there.add(entity)
            else:
                assert entity in there


class TestWarmUp:
    def test_every_id_carries_the_prefix_that_keeps_it_out_of_the_tables(self) -> None:
        due = warm_up(20, 0.5)
        assert len(due) == 10
        assert all(one.startswith(WARM_UP_PREFIX) for one in [*due.request_ids, *due.order_ids])
        assert len(set(due.request_ids)) == 10
        assert set(due.operations) == {"command", "query"}
        assert due.seeded_order_ids() == []

    def test_is_at_an_even_rate(self) -> None:
        assert warm_up(20, 0.5).due_us.tolist() == [50_000 * number for number in range(10)]


class TestUrl:
    def test_is_split_into_host_port_and_path(self) -> None:
        amazon = "a1.execute-api.eu-west-1.amazonaws.com"
        assert split_url("http://127.0.0.1:4566/a/b/") == ("127.0.0.1", 4566, "/a/b")
        assert split_url("http://localhost") == ("localhost", 80, "")
        assert split_url("http://[::1]:8080/x") == ("::1", 8080, "/x")
        assert split_url(f"https://{amazon}/lab") == (amazon, 443, "/lab")


class TestRecordedRoutes:
    ROWS = (
        ("POST", "/carts/17/items", "command", "cart-17"),
        ("HEAD", "/carts/17", "query", "cart-17"),
        ("DELETE", "/carts/Crème brûlée\r\nX: 1?a#b", "command", None),
        ("GET", "/", "query", "/"),
    )

    def due(self, templates: dict[str, Template] | None = None) -> Schedule:
        table = recorded([100_000 * number for number in range(len(self.ROWS))]).table
        for at, name in enumerate(("method", "path", "operation", "entity")):
            index = table.schema.get_field_index(name)
            table = table.set_column(index, table.schema.field(index), pa.array([row[at] for row in self.ROWS]))
        return schedule(Recording("mine", table, templates or {}), speed=1.0, seed=1, recorded_routes=True)

    def test_go_where_they_went_with_their_method_and_a_head_as_a_get(self) -> None:
        sent = [parts(message)[:2] for message in messages(self.due())]
        assert [(method, urlsplit(target).path) for method, target in sent] == [
            ("POST", "/lab/carts/17/items"),
            ("GET", "/lab/carts/17"),
            ("DELETE", "/lab/carts/Cr%C3%A8me%20br%C3%BBl%C3%A9e%0D%0AX:%201%3Fa%23b"),
            ("GET", "/lab/"),
        ]

    def test_say_in_their_query_what_the_lab_has_to_know_and_nothing_in_their_body(self) -> None:
        due = replace(self.due(), extras={0: {"work_ms": 5}}, work_us=np.array([7, 8, 9, 10]))
        _, target, headers, body = parts(messages(due)[0])
        [known] = parse_qs(urlsplit(target).query)[LAB_FIELD]
        assert opened(f"{known}\n{body.decode()}") == {
            "request_id": "0",
            "order_id": "cart-17",
            "operation": "command",
            "method": "POST",
            "path": "/carts/17/items",
            "work_us": 7,
            "work_ms": 5,
        }
        assert int(headers["Content-Length"]) == len(body)
        assert set(json.loads(body)) == {"details"}

    def test_have_the_bodies_of_their_templates_the_same_for_a_seed(self) -> None:
        template = '{"cart": "{{ entity }}", "n": {{ n }}, "size": "{{ pick(\'S\', \'L\') }}", "text": "{{ text(9) }}"}'
        templates = {"POST /carts/{cart}/items": Template(template)}
        body = json.loads(parts(messages(self.due(templates))[0])[3])
        assert (body["cart"], body["n"], len(body["text"])) == ("cart-17", 0, 9)
        assert body["size"] in {"S", "L"}
        assert messages(self.due(templates)) == messages(self.due(templates))

    def test_have_the_headers_of_their_templates_for_the_api_and_for_whoever_takes_them_from_a_queue(self) -> None:
        headers = {"content-type": "text/plain", "X-Tenant": "{{ entity }}-{{ n }}"}
        template = Template(headers=tuple(headers.items()), success="200-299")
        sent = messages(self.due({"POST /carts/{cart}/items": template, "GET /": template}))
        for number, entity in ((0, "cart-17"), (3, "/")):
            head, _, _ = sent[number].partition(b"\r\n\r\n")
            lines = head.decode().split("\r\n")[1:]
            assert f"X-Tenant: {entity}-{number}" in lines
            assert sum(line.lower().startswith("content-type:") for line in lines) == 1
            [known] = parse_qs(urlsplit(parts(sent[number])[1]).query)[LAB_FIELD]
            assert opened(f"{known}\n")["headers"] == {"content-type": "text/plain", "X-Tenant": f"{entity}-{number}"}
            assert opened(f"{known}\n")["success"] == "200-299"

    def test_are_answered_beside_the_services_own_paths(self) -> None:
        assert parts(self.due().fetch(1, "/lab", "h"))[1] == "/lab/archduel-results/1"

    @given(st.text())
    def test_what_is_sealed_is_opened_again_and_anything_else_is_nothing(self, text: str) -> None:
        assert opened(f"{sealed({'request_id': text})}\n{text}") == {"request_id": text}
        assert isinstance(opened(text), dict)
