"""What may be varied of a simulated system: values, ranges, names of cells."""

import numpy as np
import pytest

from resources.architectures.stack import StackSettings
from resources.simulation import varying
from resources.simulation.building import Caller
from resources.simulation.multiplying import copies, multiplied
from resources.simulation.parameters import bundled
from resources.simulation.system import Load
from workloads.errors import UsageError

CALLER = Caller(0, 29_000_000)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("batch_size=1,5,10", (1, 5, 10)),
        ("batch_size=10,1,1", (1, 10)),
        ("rate=1..50:8", (1, 8, 15, 22, 29, 36, 43, 50)),
        ("rate=2..20", (2, 4, 6, 8, 10, 12, 14, 16, 18, 20)),
        ("traffic=1..100:3:log", (1, 10, 100)),
        ("traffic=5..50:1", (5,)),
        ("batch_size=1..3:9", (1, 2, 3)),
        ("lambda.account_concurrency=1_000", (1000,)),
        ("account_concurrency=1e3", (1000,)),
    ],
)
def test_values_are_read(text: str, values: tuple[float, ...]) -> None:
    assert varying.read_values(text)[1] == pytest.approx(values)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rates=1", "unknown parameter 'rates': did you mean rate"),
        ("table.writes=1", "unknown parameter"),
        ("rate", "'rate' is no parameter with values"),
        ("rate=", "is no parameter with values"),
        ("rate=50..1", "rate: 50..1 is reversed"),
        ("rate=nan", "rate: 'nan' is no number: its range is 0.001 to 1000000 requests/s"),
        ("rate=1..inf", "'inf' is no number"),
        ("rate=1..50:0", "rate: '0' is no number of values: 1 to 1,000"),
        ("rate=1..50:-3", "'-3' is no number of values"),
        ("rate=1..50:99999", "'99999' is no number of values"),
        ("rate=0..50:5:log", "rate: 0 is outside of its range"),
        ("client_retries=0..5:3:log", "must begin above 0"),
        ("rate=1...50", "is no range"),
        ("rate=1..5..9", "is no range"),
        ("rate=1..", "is no range"),
        ("rate=1..9:3:4", "is no range"),
        ("batch_size=0", "batch_size: 0 is outside of its range, 1 to 10000 messages"),
        ("batch_size=2.5", "batch_size: 2.5 must be a whole number"),
        ("reserved_concurrency=-1", "outside of its range"),
        ("memory_mb=64", "memory_mb: 64 is outside of its range, 128 to 10240 MB"),
        ("table.write_latency=3", "is a distribution and no number"),
    ],
)
def test_values_that_make_no_sense_are_refused_in_a_line_with_the_range(text: str, message: str) -> None:
    with pytest.raises(UsageError) as raised:
        varying.read_values(text)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


def test_one_thing_is_varied_once() -> None:
    with pytest.raises(UsageError, match="varied twice"):
        varying.check_together(["batch_size", "batch_size"])
    with pytest.raises(UsageError, match="say the same"):
        varying.check_together(["traffic", "rate"])


def test_a_cells_name_gives_its_values_back() -> None:
    values: varying.Values = {"traffic": 2.5, "batch_size": 5, "gateway.rate": 1e-3}
    assert varying.key(values) == "batch_size=5/gateway.rate=0.001/traffic=2.5"
    assert varying.parse_key(varying.key(values)) == values


@pytest.mark.parametrize("text", ["", "batch_size", "batch_size=1,2", "batch_size=1/batch_size=2", "nothing=3"])
def test_a_name_that_is_no_cell_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        varying.parse_key(text)


def test_values_reach_settings_parameters_and_caller() -> None:
    values = {
        "batch_size": 3,
        "reserved_concurrency": 7,
        "max_concurrency": 2,
        "client_retries": 4,
        "work_ms": 1.5,
        "gateway.rate": 12,
    }
    settings, parameters, caller = varying.apply(values, StackSettings(), bundled(), CALLER)
    assert (settings.batch_size, settings.reserved_concurrency, settings.work_us) == (3, 7, 1500)
    assert caller.retries == 4
    assert parameters["gateway.rate"].number == 12
    assert (parameters["mapping.pollers"].whole, parameters["mapping.max_pollers"].whole) == (2, 2)


@pytest.mark.parametrize(
    ("values", "named"),
    [({"batch_size": 11}, "mapping.batch_window"), ({"visibility_timeout_s": 1}, "visibility_timeout_s")],
)
def test_what_aws_refuses_is_refused(values: varying.Values, named: str) -> None:
    with pytest.raises(UsageError, match=named):
        varying.apply(values, StackSettings(), bundled(), CALLER)


def test_a_batch_of_more_than_ten_may_be_gathered() -> None:
    values = {"batch_size": 100, "mapping.batch_window": 1000}
    assert varying.apply(values, StackSettings(), bundled(), CALLER)[0].batch_size == 100


def test_scaling_keeps_a_parameter_within_its_range() -> None:
    twice = bundled().times("gateway.latency", 2, "a test")
    assert list(twice["gateway.latency"].quantiles) == [(0.05, 20), (0.95, 60)]
    assert bundled().times("sqs.duplicate_share", 2, "a test")["sqs.duplicate_share"].number == 0
    assert bundled().times("mapping.throttle_backoff", 1e9, "a test")["mapping.throttle_backoff"].number == 900_000


def load_of(count: int) -> Load:
    due_us = np.arange(count, dtype=np.int64) * 1000
    nothing = np.zeros(count, np.int64)
    orders = np.arange(count, dtype=np.int64) // 2
    return Load(
        due_us,
        nothing,
        nothing,
        nothing,
        orders,
        nothing,
        nothing,
        nothing,
        nothing,
        nothing,
        np.zeros(count // 2, np.int64),
    )


class TestMoreClients:
    @pytest.mark.parametrize("factor", [1, 2, 3.5, 0.5, 0.1])
    def test_there_are_so_many_requests_in_order(self, factor: float) -> None:
        load = load_of(4000)
        more = multiplied(load, copies(load, factor, seed=1))
        assert len(more.due_us) == pytest.approx(4000 * factor, rel=0.1)
        assert (np.diff(more.due_us) >= 0).all()

    def test_a_copys_requests_are_about_its_own_order_and_keep_their_distance(self) -> None:
        load = load_of(100)
        more = multiplied(load, copies(load, 4, seed=1))
        assert len(more.seeded) == 200
        for order in range(200):
            assert np.diff(more.due_us[more.order == order]).tolist() == [1000]

    def test_the_same_seed_gives_the_same_load(self) -> None:
        load = load_of(100)
        one, other = (copies(load, 2.5, seed=7) for _ in range(2))
        assert np.array_equal(one.due_us, other.due_us)
        assert not np.array_equal(one.due_us, copies(load, 2.5, seed=8).due_us)
