"""The built-in customers, the recorder and the bundled recording made with them. No emulator, no Dagster.

The recording session around them needs an emulator and is tested elsewhere.
"""

import asyncio
import itertools
import json
import re
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, fields, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workloads.customers import session as recorder
from workloads.customers.customer import Customer, Population, Step, busiest_per_s, customers
from workloads.customers.days import days, read_day
from workloads.errors import ArchduelError, UsageError
from workloads.places import BUNDLED_RECORDINGS, Places
from workloads.recordings.library import DEFAULT_WORKLOAD, Library
from workloads.recordings.recording import SCHEMA, Recording, operation_of, peak_rate

SHORT = replace(Population(), duration_s=30.0)
seeds = st.integers(0, 2**32)


def test_different_seeds_give_different_intentions() -> None:
    orders = [{customer.steps[-1].entity for customer in customers(SHORT, seed)} for seed in (1, 2)]

    assert not orders[0] & orders[1]


@given(seeds)
@settings(max_examples=20, deadline=None)
def test_customers_browse_then_order_then_ask_for_their_own_order_until_it_is_delivered(seed: int) -> None:
    latest_s = SHORT.delivery_s[1]
    for customer in customers(SHORT, seed):
        actions = [step.action for step in customer.steps]
        placed = actions.index("order")
        order = customer.steps[placed].entity
        assert 1 <= placed <= 3
        assert set(actions[:placed]) == {"browse"}
        assert set(actions[placed + 1 :]) <= {"status", "change"}
        assert actions.count("change") <= 1
        assert {step.entity for step in customer.steps[placed:]} == {order}
        assert customer.intended_s[-1] - customer.intended_s[placed] < latest_s


@given(seeds)
@settings(max_examples=10, deadline=None)
def test_no_two_customers_share_an_order_or_a_name(seed: int) -> None:
    everyone = customers(SHORT, seed)
    orders = {step.entity for customer in everyone for step in customer.steps if step.action == "order"}

    assert len(orders) == len({customer.name for customer in everyone}) == len(everyone)


def test_customers_come_in_order_of_their_names() -> None:
    everyone = customers(SHORT, 1)

    assert [customer.name for customer in everyone] == sorted(customer.name for customer in everyone)
    assert all(a.arrives_s <= b.arrives_s for a, b in pairwise(everyone))


def test_more_come_at_the_height_of_lunch() -> None:
    long = replace(Population(), duration_s=3600.0)
    arrivals_s = np.array([customer.arrives_s for customer in customers(long, 1)])
    per_tenth = np.histogram(arrivals_s, 10, (0, 3600))[0]

    assert per_tenth[4:6].mean() > 1.3 * per_tenth[[0, -1]].mean()


def test_an_office_orders_together() -> None:
    office = replace(SHORT, office_share=1.0, peak_per_s=0.2)
    everyone = customers(office, 3)
    orders = [[step.action for step in customer.steps].index("order") for customer in everyone]
    ordered_s = sorted(customer.intended_s[order] for customer, order in zip(everyone, orders, strict=True))
    gaps_s = np.diff(ordered_s)

    assert np.median(gaps_s) < office.office_spread_s


def test_an_action_is_the_operation_its_method_stands_for() -> None:
    steps = [step for customer in customers(SHORT, 1) for step in customer.steps]

    assert {step.action for step in steps} == {"browse", "order", "change", "status"}
    assert all(step.operation == operation_of(step.method) for step in steps)


class TestDays:
    @given(seed=seeds)
    @settings(max_examples=5, deadline=None)
    def test_the_same_seed_gives_the_same_intentions_on_any_day(self, seed: int) -> None:
        for day in days().values():
            population = day.scaled(minutes=1, peak=5)
            assert customers(population, seed) == customers(population, seed), day.name

    @pytest.mark.parametrize(("name", "minutes"), list(zip(days(), itertools.cycle([3, 10]), strict=False)))
    def test_the_peak_is_in_requests_per_second(self, name: str, minutes: float) -> None:
        population = days()[name].scaled(minutes=minutes, peak=40)
        busiest = []
        for seed in range(3):
            at_s = [moment for customer in customers(population, seed) for moment in customer.intended_s]
            busiest.append(np.histogram(at_s, round(minutes * 6), (0, minutes * 60))[0].max() / 10)

        assert 0.85 * 40 < np.mean(busiest) < 1.2 * 40

    def test_lunch_is_what_the_bundled_recording_was_made_with(self, bundled: Recording, tmp_path: Path) -> None:
        provenance = Library(Places(tmp_path)).provenance(DEFAULT_WORKLOAD)

        assert days()["lunch"].scaled() == Population() == _population(provenance["customers_model"])
        assert days()["lunch"].architecture == provenance["architecture"]

    def test_a_flash_sale_comes_at_once(self) -> None:
        sale = days()["flash_sale"].scaled(minutes=10)
        arrivals_s = np.array([customer.arrives_s for customer in customers(sale, 1)])
        announced_s = sale.peak_at * 600

        assert ((arrivals_s < announced_s - 30).mean()) < 0.05
        assert ((arrivals_s > announced_s) & (arrivals_s < announced_s + 120)).mean() > 0.6

    def test_a_quiet_night_has_no_height(self) -> None:
        night = days()["quiet_night"].scaled(minutes=60, peak=20)
        per_tenth = np.histogram([customer.arrives_s for customer in customers(night, 1)], 10, (0, 3600))[0]

        assert per_tenth.max() < 1.25 * per_tenth.min()

    def test_trying_again_changes_nothing_else_of_what_is_intended(self) -> None:
        patient = customers(replace(SHORT, retry_attempts=4), 7)
        without = [
            replace(customer, steps=tuple(replace(step, retry_s=()) for step in customer.steps)) for customer in patient
        ]

        assert without == customers(SHORT, 7)

    @given(seeds)
    @settings(max_examples=5, deadline=None)
    def test_pauses_before_trying_again_grow_and_are_not_all_alike(self, seed: int) -> None:
        storm = days()["retry_storm"].scaled(minutes=1, peak=5)
        pauses = [step.retry_s for customer in customers(storm, seed) for step in customer.steps]
        max_s = storm.retry_max_s * (1 + storm.retry_jitter)

        assert all(len(retry_s) == storm.retry_attempts - 1 for retry_s in pauses)
        assert all(0 < pause_s <= max_s for retry_s in pauses for pause_s in retry_s)
        assert len({retry_s[0] for retry_s in pauses}) > len(pauses) / 2
        assert np.mean([retry_s[1] for retry_s in pauses]) > 1.5 * np.mean([retry_s[0] for retry_s in pauses])

    def test_a_day_is_described_down_to_every_parameter(self) -> None:
        for day in days().values():
            text = "\n".join(day.described())
            assert all(parameter.name in text for parameter in fields(Population))
            assert f"{busiest_per_s(day.population):.1f} requests/s" in text

    def test_a_word_that_no_day_knows_is_named(self, tmp_path: Path) -> None:
        path = tmp_path / "mine.toml"
        path.write_text('title = "a"\ndescription = "b"\nposition = 9\n[customers]\npeek_per_s = 1\n')

        with pytest.raises(UsageError, match=r"mine\.toml: unknown peek_per_s: choose from browse_s"):
            read_day(path)


@pytest.fixture(scope="module")
def bundled(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    return Library(Places(tmp_path_factory.mktemp("home"))).load(DEFAULT_WORKLOAD)


def _dispersion(recording: Recording) -> float:
    """Variance over mean of the counts of whole seconds: 1 for a Poisson process of one rate."""
    counts = np.bincount(recording.arrival_us // 1_000_000)[: int(recording.duration_s)]
    return float(counts.var(ddof=1) / counts.mean())


def _six_second_peak(recording: Recording) -> float:
    """Busiest six seconds over the mean: a default replay plays them in one second."""
    return peak_rate(recording.arrival_us, 6.0) / (recording.requests / recording.duration_s)


def _population(parameters: dict[str, Any]) -> Population:
    """Parameters as JSON keeps them: tuples have become lists."""
    fields: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in parameters.items()
    }
    return Population(**fields)


def _lunch(recording: Recording) -> float:
    """The middle third's requests over those of an average third."""
    thirds = np.histogram(recording.arrival_us, 3)[0]
    return float(thirds[1] / thirds.mean())


def test_the_bundled_recording_has_the_shape_it_promises(bundled: Recording) -> None:
    assert 125 <= bundled.duration_s <= 150
    assert 1500 <= bundled.requests <= 1560
    assert 0.2 <= bundled.command_share <= 0.4
    assert 1.8 <= _dispersion(bundled) <= 4
    assert 1 <= _six_second_peak(bundled) <= 1.55
    assert 1.15 <= _lunch(bundled) <= 2


def test_the_bundled_recording_is_in_order_of_arrival(bundled: Recording) -> None:
    assert bundled.table.select(SCHEMA.names).schema.equals(SCHEMA)
    assert bundled.table.column("request_id").to_pylist() == list(range(bundled.requests))
    assert bundled.arrival_us[0] == 0
    assert (np.diff(bundled.arrival_us) >= 0).all()


def test_the_bundled_recordings_customers_act_on_their_own_orders_alone(bundled: Recording) -> None:
    owner: dict[str, str] = {}
    for row in bundled.table.to_pylist():
        if row["method"] == "POST":
            assert owner.setdefault(row["entity"], row["client"]) == row["client"]
        elif not row["entity"].startswith("menu-"):
            assert owner[row["entity"]] == row["client"], "read or changed before it was placed, or by another client"


def test_the_bundled_recording_mixes_methods_and_was_answered(bundled: Recording) -> None:
    methods = Counter(bundled.table.column("method").to_pylist())
    rows = bundled.table.to_pylist()

    assert set(methods) == {"GET", "POST", "PATCH"}
    assert {row["recorded_status"] for row in rows} <= {200, 202, 404}
    assert all(row["recorded_latency_us"] > 0 for row in rows)
    assert {row["subsecond"] for row in rows} == {"recorded"}
    assert all((row["payload_bytes"] in range(250, 451)) == (row["operation"] == "command") for row in rows)


def test_the_bundled_recording_holds_pseudonyms_only(bundled: Recording) -> None:
    assert all(re.fullmatch(r"customer-\d{4}", row["client"]) for row in bundled.table.to_pylist())
    assert bundled.table.column_names == [*SCHEMA.names, "route"]


def test_the_bundled_recording_is_small_and_says_how_it_came_to_be(bundled: Recording, tmp_path: Path) -> None:
    provenance = Library(Places(tmp_path)).provenance(DEFAULT_WORKLOAD)
    population = _population(provenance["customers_model"])

    assert (BUNDLED_RECORDINGS / f"{DEFAULT_WORKLOAD}.parquet").stat().st_size < 150_000
    assert provenance["requests"] == bundled.requests
    assert sum(provenance["statuses"].values()) + provenance["unanswered"] == bundled.requests
    everyone = customers(population, provenance["seed"])
    intended = {(customer.name, step.method, step.path) for customer in everyone for step in customer.steps}
    made = zip(*(bundled.table.column(name).to_pylist() for name in ("client", "method", "path")), strict=True)
    assert set(made) <= intended, "the model has changed since: record it again"
    intended_s = [at_s for customer in everyone for at_s in customer.intended_s if at_s < population.duration_s]
    assert abs(len(intended_s) - bundled.requests) < 0.02 * bundled.requests


@dataclass
class Server:
    """A tiny API. ``answers`` are the bytes it answers with, in turn; b"" hangs up, None keeps silent."""

    answers: Sequence[bytes | None]
    url: str = ""
    heads: list[str] = field(default_factory=list)  # request lines, as they came
    bodies: list[bytes] = field(default_factory=list)
    connections: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                lines = head.decode().split("\r\n")
                lengths = [int(line.split(":")[1]) for line in lines if line.lower().startswith("content-length")]
                self.bodies.append(await reader.readexactly(sum(lengths)))
                answer = self.answers[len(self.heads) % len(self.answers)]
                self.heads.append(lines[0])
                if answer is None:
                    await reader.read()
                else:
                    writer.write(answer)
                if not answer or b"Connection: close" in answer:
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the customer has hung up
        finally:
            writer.close()


@asynccontextmanager
async def serving(*answers: bytes | None) -> AsyncIterator[Server]:
    made = Server(answers)
    listening = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/lab"
    async with listening:
        yield made


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
ACCEPTED = b"HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n" + OK
CLOSING = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
ERROR = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"
GARBAGE = b"SSH-2.0-OpenSSH_9.9\r\n"
CUT_OFF = b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\nConnection: close\r\n\r\n{"

STEPS = (
    Step("browse", "menu-12", 0.0, 0),
    Step("order", "order-1f", 0.01, 300),
    Step("change", "order-1f", 0.01, 250),
    Step("status", "order-1f", 0.01, 0),
)
ANN = Customer("customer-0000", 0.0, STEPS)
BOB = Customer("customer-0001", 0.02, tuple(replace(step, entity=step.entity.replace("1f", "2e")) for step in STEPS))


def recorded(
    *answers: bytes | None, everyone: Sequence[Customer] = (ANN, BOB), **options: Any
) -> tuple[pa.Table, Server]:
    """What the recorder makes of these customers against a server with these answers."""

    async def session() -> tuple[pa.Table, Server]:
        async with serving(*answers) as server:
            return await recorder.record(everyone, server.url, **{"duration_s": 5.0, "seed": 1, **options}), server

    return asyncio.run(session())


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        pytest.param(OK, 200, id="ok"),
        pytest.param(ACCEPTED, 202, id="chunked"),
        pytest.param(CONTINUE, 200, id="continue"),
        pytest.param(CLOSING, 200, id="closing"),
        pytest.param(ERROR, 500, id="error"),
        pytest.param(b"", None, id="dropped"),
        pytest.param(GARBAGE, None, id="garbage"),
    ],
)
def test_every_request_made_is_a_row_with_any_answer(answer: bytes, status: int | None) -> None:
    table, server = recorded(answer)
    rows = table.to_pylist()

    assert table.schema.equals(SCHEMA)
    assert len(rows) == len(server.heads) == 8
    assert [row["request_id"] for row in rows] == list(range(8))
    assert rows[0]["arrival_us"] == 0
    assert (np.diff(table.column("arrival_us").to_numpy()) >= 0).all()
    assert {row["recorded_status"] for row in rows} == {status}
    assert all((row["recorded_latency_us"] is None) == (status is None) for row in rows)


def test_a_row_tells_what_the_food_service_would_have_logged() -> None:
    table, server = recorded(OK, everyone=[ANN])
    facts = ("operation", "entity", "client", "method", "path", "payload_bytes", "subsecond")

    assert [tuple(row[fact] for fact in facts) for row in table.to_pylist()] == [
        ("query", "menu-12", "customer-0000", "GET", "/menus/12", 0, "recorded"),
        ("command", "order-1f", "customer-0000", "POST", "/orders", 300, "recorded"),
        ("command", "order-1f", "customer-0000", "PATCH", "/orders/1f", 250, "recorded"),
        ("query", "order-1f", "customer-0000", "GET", "/orders/1f", 0, "recorded"),
    ]
    assert [head.split("?")[0].removesuffix(" HTTP/1.1") for head in server.heads] == [
        "GET /lab/orders/menu-12",
        "POST /lab/orders",
        "POST /lab/orders",
        "GET /lab/orders/order-1f",
    ]
    assert [len(body) for body in server.bodies] == [0, 300, 250, 0]
    assert json.loads(server.bodies[1])["order_id"] == "order-1f"


def test_a_body_too_short_for_its_ids_is_recorded_as_long_as_it_was() -> None:
    table, server = recorded(OK, everyone=[replace(ANN, steps=(Step("order", "order-1f", 0.0, 1),))])

    assert table.column("payload_bytes").to_pylist() == [len(server.bodies[0])] != [1]


def test_a_customer_keeps_the_connection_and_takes_a_new_one_when_it_breaks() -> None:
    _, kept = recorded(OK)
    table, broken = recorded(OK, CUT_OFF, OK, b"", everyone=[ANN])

    assert kept.connections == 2
    assert broken.connections == 2
    assert table.column("recorded_status").to_pylist() == [200, None, 200, None]


def test_a_customer_waits_for_the_answer_until_the_deadline() -> None:
    table, _ = recorded(None, OK, OK, OK, everyone=[ANN], deadline_s=0.2)
    arrivals_us = table.column("arrival_us").to_numpy()

    assert table.column("recorded_status").to_pylist() == [None, 200, 200, 200]
    assert arrivals_us[1] >= 200_000 + 10_000


def test_a_refused_connection_is_a_row_without_an_answer() -> None:
    async def session() -> pa.Table:
        async with serving(OK) as server:
            url = server.url
        return await recorder.record([ANN], url, duration_s=5.0, seed=1)

    assert asyncio.run(session()).column("recorded_status").to_pylist() == [None] * 4


def test_nothing_is_sent_after_the_end_and_what_is_under_way_is_waited_for() -> None:
    late = replace(ANN, steps=(STEPS[0], replace(STEPS[1], think_s=60.0)))
    table, server = recorded(OK, everyone=[late, replace(BOB, arrives_s=60.0)], duration_s=0.3)

    assert table.num_rows == len(server.heads) == 1


PATIENT = replace(ANN, steps=(replace(STEPS[1], think_s=0.0, retry_s=(0.05, 0.1)), STEPS[3]))


@pytest.mark.parametrize(
    ("answers", "statuses"),
    [
        ((ERROR, OK), [500, 200, 500, 200]),
        ((ERROR, ERROR, ERROR, OK), [500, 500, 500, 200]),
        ((b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n", OK, OK), [429, 200, 200]),
        ((b"", OK, OK), [None, 200, 200]),
        ((b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", OK), [404, 200]),
    ],
    ids=["error", "gives up", "throttled", "no answer", "another answer"],
)
def test_a_patient_customer_tries_again_after_failures_each_time_a_row(
    answers: tuple[bytes, ...], statuses: list[int | None]
) -> None:
    everyone = [replace(PATIENT, steps=(PATIENT.steps[0], replace(PATIENT.steps[1], retry_s=(0.02,))))]
    table, server = recorded(*answers, everyone=everyone)
    rows = table.to_pylist()

    assert [row["recorded_status"] for row in rows] == statuses
    tried = [body for body in server.bodies if body]
    assert len(set(tried)) == 1, "the very same order"
    assert len(tried) == sum(row["method"] == "POST" for row in rows)
    if len(tried) > 1:
        assert rows[1]["arrival_us"] - rows[0]["arrival_us"] >= 50_000


def test_no_customer_tries_again_after_the_end() -> None:
    table, _ = recorded(ERROR, everyone=[replace(PATIENT, steps=PATIENT.steps[:1])], duration_s=0.04)

    assert table.num_rows == 1


def test_no_customers_make_an_empty_recording() -> None:
    table, _ = recorded(OK, everyone=[])

    assert table.num_rows == 0
    assert table.schema.equals(SCHEMA)


def test_progress_counts_the_requests_that_are_over() -> None:
    counts: list[int] = []
    recorded(OK, progress=counts.append)

    assert counts == sorted(counts)
    assert counts[-1] == 8


def test_an_error_while_reporting_progress_ends_the_recording_at_once() -> None:
    def died(_: int) -> None:
        raise ArchduelError("the emulator died")

    async def session() -> None:
        async with serving(None) as server:
            with pytest.raises(ArchduelError, match="the emulator died"):
                await recorder.record([ANN, BOB], server.url, duration_s=60.0, seed=1, progress=died)
            assert not [task for task in asyncio.all_tasks() if "_Session.serve" in repr(task)]

    asyncio.run(asyncio.wait_for(session(), 5))
