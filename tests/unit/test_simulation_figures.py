"""Figures without rows: equal to what the rows of the same run come to."""

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resources.simulation import direct, kernel, oracle
from resources.simulation import system as codes
from resources.simulation.figures import (
    ACCEPTED,
    ANSWERED,
    FAILED,
    THROTTLED,
    Distribution,
    bin_starts_us,
    bins_of,
    distribution,
    figures_from,
    figures_of,
    parts,
    simulate_figures,
)
from tests.simulated_systems import constant_draws, ints, load, system, systems_and_loads
from tests.unit.test_simulation import fault

MS, SECOND = 1000, 1_000_000


@given(st.lists(st.integers(0, 2**60), min_size=1))
def test_a_bin_holds_what_is_at_most_a_256th_above_its_start(times_us: list[int]) -> None:
    starts_us = bin_starts_us(bins_of(ints(times_us)))
    assert (starts_us <= ints(times_us)).all()
    assert (ints(times_us) - starts_us <= starts_us // 256).all()


@pytest.mark.parametrize("share", [0.0, 0.5, 0.9, 0.99, 0.999, 1.0])
def test_a_quantile_is_within_04_per_cent_of_the_exact_one(share: float) -> None:
    times_us = np.random.default_rng(1).lognormal(10, 1, 10_001).astype(np.int64)
    exact = np.quantile(times_us, share, method="inverted_cdf")
    assert distribution(times_us).quantile_us(share) == pytest.approx(exact, rel=1 / 256)


def test_what_never_came_to_an_end_is_greater_than_all() -> None:
    found = distribution(ints([100] * 90))
    assert found.quantile_us(0.9, of=100) == 100
    assert found.quantile_us(0.91, of=100) is None
    assert distribution(ints([])).quantile_us(0.5) is None


def test_requests_are_counted_by_their_last_answer_and_limits_by_name() -> None:
    one = system(
        reserved=ints([2, -1, -1, -1]),
        draws=constant_draws(gateway=4 * MS, write=8 * MS, idle=SECOND),
        **fault(codes.ERROR, codes.AT_TABLE, 5 * SECOND, 9 * SECOND),
    )
    calls = load(
        [0, 0, 0, 100 * MS, 6 * SECOND, 7 * SECOND],
        query=[0, 0, 0, 1, 0, 0],
        queued=[0, 0, 0, 0, 0, 1],
        function=[0, 0, 0, 1, 0, 0],
        order=[0] * 6,
        work_us=[100 * MS] * 6,
        seeded=[1],
    )
    found = simulate_figures(one, calls)
    assert found.outcomes[0, [ANSWERED, ACCEPTED, THROTTLED, FAILED]].tolist() == [2, 1, 1, 1]
    assert found.outcomes[1].tolist() == [1, 0, 0, 0, 0]
    assert (found.offered, found.refused, found.statuses[500]) == (6, 2, 1)
    assert found.bound == {"reserved concurrency": 1}
    assert found.concurrency.tolist() == [2, 1, 1, 0]
    assert found.response[0].max_us == (4 + 100 + 8) * MS
    assert found.committed.tolist() == [3, 1]
    assert (found.messages.tolist(), found.dead, found.backlog) == ([1, 0], 0, 1)
    assert 19 * SECOND < found.drained_us < 20 * SECOND  # the message came again after its visibility timeout
    counts = found.counts(seconds=60)
    assert (counts.function_invocations, counts.batches, counts.messages) == (4, 2, 1)
    assert (counts.work_ms, counts.seconds, counts.order_writes) == (600, 60, 5)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(systems_and_loads(), st.sampled_from([1, 7, 50]))
def test_figures_without_rows_are_those_of_the_oracles_rows(both: tuple[codes.System, codes.Load], part: int) -> None:
    """Few have rows at once, so that most are gone before the run is over."""
    one, calls = both
    if not kernel.can_stream(one, calls):
        calls = calls._replace(delivery=0 * calls.delivery)
        one = one._replace(retries=0)
    expected = figures_of(one, calls, oracle.simulate(one, calls))
    found = figures_from(one, kernel.stream(one, parts(calls, part), calls.seeded, window=8))
    assert different(expected, found) == []


def called_directly(one: codes.System, calls: codes.Load, step_us: int) -> tuple[codes.System, codes.Load]:
    """A system and a load as they are where nothing is queued or broken; with long steps much happens at once."""
    nothing = {name: getattr(one, name)[:0] for name in codes.System._fields if name.startswith("fault_")}
    one = one._replace(
        **nothing,
        write_capacity=4000,
        read_capacity=12_000,
        partition_writes=1000,
        partition_reads=3000,
        table_burst_s=300,
        table_timeout_us=1_000_000,
        timeout_us=np.maximum(one.timeout_us, 2_000_000),
        retries=0,
        calls=0 * one.calls + codes.NEVER,
        effect=0 * one.effect,
        work_parts=0 * one.work_parts + 1,
        effects=1,
    )
    return one, calls._replace(
        due_us=calls.due_us // step_us * step_us,
        queued=0 * calls.queued,
        poison=0 * calls.poison,
        work_us=np.minimum(calls.work_us, 20_000),
    )


def test_the_quick_engine_comes_to_the_oracles_figures_or_leaves_it_to_the_other() -> None:
    done = []

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(systems_and_loads(), st.sampled_from([1, 7, 50]), st.sampled_from([1, 10_000]))
    def check(both: tuple[codes.System, codes.Load], part: int, step_us: int) -> None:
        one, calls = called_directly(*both, step_us)
        found = direct.stream(one, parts(calls, part), calls.seeded)
        done.append(found is not None)
        if found is not None:
            expected = figures_of(one, calls, oracle.simulate(one, calls))
            assert different(expected, figures_from(one, found)) == []

    check()
    assert sum(done) > len(done) / 4


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(systems_and_loads(), st.sampled_from([1, 7, 50]))
def test_what_happened_is_the_same_in_parts_and_whole(both: tuple[codes.System, codes.Load], part: int) -> None:
    one, calls = both
    if not kernel.can_stream(one, calls):
        calls = calls._replace(delivery=0 * calls.delivery)
        one = one._replace(retries=0)
    found = list(kernel.simulated_parts(one, parts(calls, part), calls.seeded, window=8))
    assert [first for first, _ in found] == np.cumsum([0, *(len(part.sent_us) for _, part in found)])[:-1].tolist()
    results = [result for _, result in found]
    so_far = ("concurrency", "bound", "bound_first_us", "init_us", "settled_us")
    whole: dict[str, Any] = {
        name: getattr(results[-1], name)
        if name in so_far
        else np.concatenate([getattr(result, name) for result in results])
        for name in codes.Result._fields
    }
    assert codes.differences(kernel.simulate(one, calls), codes.Result(**whole)) == []


def different(one: Any, other: Any) -> list[str]:
    """The names of the fields in which two dataclasses differ."""
    return [name for name, value in vars(one).items() if not same(value, getattr(other, name))]


def same(one: Any, other: Any) -> bool:
    if isinstance(one, tuple):
        return all(same(*both) for both in zip(one, other, strict=True))
    return not different(one, other) if isinstance(one, Distribution) else bool(np.array_equal(one, other))


def test_requests_out_of_order_are_refused() -> None:
    calls = load([2, 1])
    with pytest.raises(ValueError, match="in the order in which they are due"):
        simulate_figures(system(), calls)


@pytest.mark.parametrize("name", ["order", "function"])
def test_what_does_not_exist_is_refused_before_compiled_code_looks_for_it(name: str) -> None:
    calls = load([0, 1], seeded=[1], order=[0, 0])
    for engine in (kernel.simulate, simulate_figures):
        with pytest.raises(ValueError, match=f"{name} must be numbers from 0 to"):
            engine(system(), calls._replace(**{name: ints([0, 9])}))


def test_what_is_queued_where_nothing_takes_it_is_refused_before_compiled_code_looks_for_its_messages() -> None:
    one = system(consumer=codes.NEVER)
    for engine in (kernel.simulate, simulate_figures):
        with pytest.raises(ValueError, match="no function takes them from the queue"):
            engine(one, load([0], queued=[1]))


def test_messages_have_rows_however_few_requests_have_rows_at_first() -> None:
    one, calls = system(), load(np.arange(200) * MS, queued=[1] * 200, work_us=[SECOND] * 200)
    expected = figures_of(one, calls, oracle.simulate(one, calls))
    found = figures_from(one, kernel.stream(one, parts(calls, 1), calls.seeded, window=1))
    assert different(expected, found) == []


def test_the_compiled_code_is_ready_after_one_call_and_nobody_is_told_where_it_was_before() -> None:
    told: list[str] = []
    kernel.make_ready(told.append)
    kernel.make_ready(told.append)
    assert len(told) <= 1
    assert kernel.is_compiled()


def test_all_of_the_quick_engine_is_compiled_before_anything_is_timed() -> None:
    assert direct.compile_all()
