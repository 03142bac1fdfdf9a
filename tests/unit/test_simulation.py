"""The simulation's engines: the compiled one is equal to the oracle, and both do what the model's page says."""

import heapq
import subprocess
import sys
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from resources.simulation import draws, kernel, oracle
from resources.simulation import system as codes
from resources.simulation.system import NEVER, Result, differences
from tests.simulated_systems import (
    COMMAND,
    CONSUMER,
    PAYMENT,
    RESTAURANT,
    chain,
    constant_draws,
    ints,
    load,
    system,
    systems_and_loads,
)

Engine = Callable[[codes.System, codes.Load], Result]
ENGINES: dict[str, Engine] = {"oracle": oracle.simulate, "kernel": kernel.simulate}
MS, SECOND = 1000, 1_000_000


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(systems_and_loads())
def test_the_compiled_engine_is_equal_to_the_oracle_in_every_figure(both: tuple[codes.System, codes.Load]) -> None:
    assert differences(oracle.simulate(*both), kernel.simulate(*both)) == []


@pytest.fixture(params=ENGINES)
def simulate(request: pytest.FixtureRequest) -> Engine:
    return ENGINES[request.param]


def queued(count: int, **changes: Any) -> codes.Load:
    return load(np.zeros(count), queued=np.ones(count), **changes)


class TestFunctions:
    def test_a_request_takes_the_sum_of_its_ways(self, simulate: Engine) -> None:
        one = system(
            draws=constant_draws(
                gateway=4 * MS, invoke=25 * MS, init=84 * MS, placement=60 * MS, write=8 * MS, idle=SECOND
            )
        )
        result = simulate(one, load([0, 500 * MS, 3 * SECOND], work_us=[10 * MS] * 3))
        # Cold, warm, and cold again since an environment is kept for a second.
        assert (result.responded_us - result.sent_us).tolist() == [191 * MS, 47 * MS, 191 * MS]
        assert result.invocations[:, 4].tolist() == [1, 0, 1]
        assert result.init_us == 2 * 84 * MS

    def test_what_a_reserved_concurrency_does_not_take_is_throttled(self, simulate: Engine) -> None:
        one = system(reserved=ints([2, -1, -1, -1]), throttled_status=503)
        result = simulate(one, load([0, 0, 0, 100 * MS], work_us=[100 * MS] * 4))
        assert result.status.tolist() == [201, 201, 503, 201]
        assert result.bound[codes.BY_RESERVED] == 1

    def test_functions_share_what_is_not_reserved(self, simulate: Engine) -> None:
        one = system(account_concurrency=5, reserved=ints([3, -1, -1, -1]))
        calls = load([0] * 7, function=[0, 0, 0, 0, 1, 1, 1], query=[0, 0, 0, 0, 1, 1, 1], work_us=[MS] * 7)
        result = simulate(one, calls)
        assert (result.status == 500).tolist() == [False] * 3 + [True, False, False, True]
        assert result.bound[[codes.BY_RESERVED, codes.BY_ACCOUNT]].tolist() == [1, 1]

    def test_environments_are_added_in_a_burst_and_then_at_the_rate(self, simulate: Engine) -> None:
        one = system(scaling_rate=100 * 1000, scaling_burst=1000)
        due_us = np.concatenate([np.zeros(1500), np.full(300, SECOND)]).astype(np.int64)
        result = simulate(one, load(due_us, work_us=[10 * SECOND] * 1800))
        taken = result.status == 201
        assert (taken[:1500].sum(), taken[1500:].sum()) == (1000, 100)
        assert result.bound_first_us[codes.BY_SCALING] == 0

    def test_a_function_that_takes_too_long_is_ended_and_its_environment_lost(self, simulate: Engine) -> None:
        one = system(timeout_us=ints([SECOND] * 4))
        result = simulate(one, load([0, 2 * SECOND], work_us=[3 * SECOND, 0]))
        assert result.status.tolist() == [502, 201]
        assert result.commits.tolist() == [0, 1]
        assert result.invocations[:, 6].tolist() == [codes.CUT_OFF, codes.SUCCEEDED]
        assert result.invocations[1, 4] == 1

    def test_the_api_does_not_wait_for_longer_than_its_time_out(self, simulate: Engine) -> None:
        result = simulate(system(integration_timeout_us=SECOND), load([0], work_us=[3 * SECOND]))
        assert result.status.tolist() == [504]
        assert result.responded_us.tolist() == [SECOND]
        assert result.commits.tolist() == [1]


class TestChain:
    """A function that calls another one and waits, which does the same."""

    WAYS: ClassVar[codes.Ints] = constant_draws(invoke=10 * MS, write=5 * MS, idle=10**15)

    def test_each_stores_its_part_of_the_work_and_latencies_add(self, simulate: Engine) -> None:
        result = simulate(system(draws=self.WAYS, **chain()), load([0], work_us=[30 * MS]))
        assert (result.status.tolist(), result.responded_us.tolist()) == ([201], [3 * (10 + 10 + 5) * MS])
        assert [*result.stamp_us.tolist(), *result.further_stamp_us[0].tolist()] == [20 * MS, 45 * MS, 70 * MS]
        assert codes.done_us(result, ints([0])).tolist() == [70 * MS]
        assert result.records[:, 3].tolist() == [75 * MS, 50 * MS, 25 * MS], "the last one ends first"

    def test_callers_hold_their_environments_while_they_wait(self, simulate: Engine) -> None:
        result = simulate(system(draws=self.WAYS, **chain()), load([0], work_us=[30 * MS]))
        took_us = dict(result.invocations[:, [1, 3]].tolist())
        assert took_us == {COMMAND: 65 * MS, PAYMENT: 40 * MS, RESTAURANT: 15 * MS}
        waiting = system(draws=self.WAYS, reserved=ints([1, -1, -1, -1, -1, -1]), **chain())
        assert simulate(waiting, load([0, 60 * MS])).status.tolist() == [201, 201]
        assert simulate(waiting, load([0, 20 * MS])).status.tolist() == [201, 500], "the first one still waits"

    def test_without_the_second_one_the_request_fails_and_its_first_part_is_stored(self, simulate: Engine) -> None:
        result = simulate(system(reserved=ints([-1, -1, -1, -1, 0, -1]), **chain()), load([0]))
        assert result.status.tolist() == [503]
        assert (result.commits.tolist(), result.further_commits.tolist()) == ([1], [[0, 0]])
        assert codes.done_us(result, ints([0])).tolist() == [NEVER]

    def test_who_waits_for_longer_than_its_time_out_is_ended_and_what_it_called_goes_on(self, simulate: Engine) -> None:
        one = system(timeout_us=ints([SECOND, *[9 * SECOND] * 5]), **chain())
        result = simulate(one, load([0], work_us=[9 * SECOND // 4]))
        assert (result.status.tolist(), result.responded_us.tolist()) == ([502], [SECOND])
        assert result.further_commits.tolist() == [[1, 1]]
        assert sorted(result.invocations[:, [1, 6]].tolist()) == [
            [COMMAND, codes.CUT_OFF],
            [PAYMENT, codes.SUCCEEDED],
            [RESTAURANT, codes.SUCCEEDED],
        ]


class TestAsynchronousInvocation:
    def test_one_that_fails_is_tried_after_one_pause_and_a_double_one_and_then_given_up(self, simulate: Engine) -> None:
        one = system(retry_us=60 * SECOND, max_receives=3)
        result = simulate(one, queued(2, poison=[1, 0], order=[0, 1], seeded=[0, 0]))
        assert result.status.tolist() == [202, 202]
        assert result.records[result.records[:, 1] == 0, 3].tolist() == [0, 60 * SECOND, 180 * SECOND]
        assert (result.dead.tolist(), result.commits.tolist()) == ([1, 0], [0, 1])
        assert result.records[:, 4].tolist() == [NEVER] * 4, "Lambda does not tell how often it tried"

    def test_one_that_is_throttled_waits_ever_longer_and_uses_up_no_attempt(self, simulate: Engine) -> None:
        one = system(retry_us=60 * SECOND, max_receives=1, throttle_backoff_us=SECOND, reserved=ints([-1, -1, 1, -1]))
        result = simulate(one, queued(2, order=[0, 1], seeded=[0, 0], work_us=[10 * SECOND, 0]))
        assert (result.records[:, 1].tolist(), result.records[:, 3].tolist()) == ([0, 1], [10 * SECOND, 15 * SECOND])
        assert result.dead.tolist() == [0, 0]

    def test_one_of_a_function_that_may_not_run_is_given_up_at_once(self, simulate: Engine) -> None:
        one = system(retry_us=60 * SECOND, max_receives=3, reserved=ints([-1, -1, 0, -1]))
        result = simulate(one, queued(2))
        assert (result.status.tolist(), result.dead.tolist()) == ([202, 202], [1, 1])
        assert len(result.records) == 0

    def test_one_that_grows_too_old_is_given_up(self, simulate: Engine) -> None:
        one = system(retry_us=60 * SECOND, max_receives=3, retention_us=100 * SECOND)
        result = simulate(one, queued(1, poison=[1]))
        assert (len(result.records), result.dead.tolist()) == (2, [1])


class TestFifoQueue:
    def test_messages_of_a_group_come_one_batch_after_another_and_those_of_others_beside_it(
        self, simulate: Engine
    ) -> None:
        one = system(ordered=1, batch_size=1)
        result = simulate(one, queued(5, order=[0, 0, 1, 0, 1], seeded=[0, 0], work_us=[SECOND] * 5))
        starts_us = {int(request): int(at) - SECOND for request, at in result.records[:, [1, 3]]}
        assert starts_us == {0: 0, 2: 0, 1: SECOND, 4: SECOND, 3: 2 * SECOND}

    def test_a_batch_takes_what_waits_of_one_group_first(self, simulate: Engine) -> None:
        one = system(ordered=1, batch_size=3, pollers=1, max_pollers=1)
        first = load([0, 1, 2, 3, 4], queued=[1] * 5, order=[0, 1, 2, 1, 2], seeded=[0] * 3, work_us=[SECOND] + [0] * 4)
        result = simulate(one, first)
        assert result.records[:, 1].tolist() == [0, 1, 3, 2, 4]
        assert result.invocations[:, 5].tolist() == [1, 3, 1]

    def test_what_fails_blocks_its_group_until_it_is_a_dead_letter_and_no_other_one(self, simulate: Engine) -> None:
        one = system(ordered=1, max_receives=2, visibility_us=10 * SECOND)
        result = simulate(one, queued(4, order=[0, 0, 1, 0], seeded=[0, 0], poison=[1, 0, 0, 0]))
        assert result.dead.tolist() == [1, 0, 0, 0]
        assert result.receives.tolist() == [2, 2, 1, 2], "what follows it in its batch fails with it"
        assert result.stamp_us.tolist() == [NEVER, 20 * SECOND, 0, 20 * SECOND]

    def test_a_request_sent_again_is_one_message(self, simulate: Engine) -> None:
        faults = {
            **{name: ints([0]) for name in system()._fields if name.startswith("fault_") and name != "fault_draws"},
            "fault_kind": ints([codes.TRUNCATE]),
            "fault_at": ints([codes.AT_API]),
            "fault_end_us": ints([10 * MS]),
            "fault_threshold": ints([draws.threshold(1)]),
            "fault_operations": ints([codes.COMMANDS]),
            "fault_rate": ints([NEVER]),
            "fault_draws": np.zeros((1, draws.SIZE), np.int64),
        }
        again = queued(1, order=[0], seeded=[0])
        results = [simulate(system(ordered=ordered, retries=1, **faults), again) for ordered in (0, 1)]
        assert [result.attempts.tolist() for result in results] == [[2], [2]]
        assert [result.receives.sum() for result in results] == [2, 1]


class TestQueue:
    @pytest.mark.parametrize("consumers", [1, 3])
    def test_messages_wait_as_the_recursion_of_lindley_and_of_kiefer_and_wolfowitz_says(
        self, simulate: Engine, consumers: int
    ) -> None:
        random = np.random.default_rng(consumers)
        due_us = np.cumsum(random.exponential(1000 / consumers, 2000)).astype(np.int64)
        work_us = random.exponential(900, 2000).astype(np.int64)
        free_us = [0] * consumers  # when each consumer is
        starts_us = []
        for arrives_us, takes_us in zip(due_us.tolist(), work_us.tolist(), strict=True):
            starts_us.append(max(arrives_us, heapq.heappop(free_us)))
            heapq.heappush(free_us, starts_us[-1] + takes_us)
        one = system(batch_size=1, pollers=consumers, max_pollers=consumers, poller_every_us=NEVER)
        result = simulate(one, load(due_us, queued=np.ones(2000), work_us=work_us))
        assert np.sort(result.invocations[:, 2]).tolist() == starts_us

    def test_five_batches_are_worked_on_and_every_200_ms_one_more(self, simulate: Engine) -> None:
        one = system(batch_size=1)
        result = simulate(one, queued(10, work_us=[10 * SECOND] * 10))
        assert sorted(result.invocations[:, 2].tolist()) == [0] * 5 + [200 * MS * one for one in range(1, 6)]

    def test_the_documented_growth_from_5_to_1250_pollers_takes_249_seconds(self) -> None:
        result = kernel.simulate(system(batch_size=1), queued(1400, work_us=[400 * SECOND] * 1400))
        starts_us = np.sort(result.invocations[:, 2])
        assert starts_us[1249] == 249 * SECOND
        assert starts_us[1250] == 400 * SECOND

    def test_a_message_that_fails_comes_again_and_ends_as_a_dead_letter(self, simulate: Engine) -> None:
        one = system(visibility_us=12 * SECOND, max_receives=3)
        result = simulate(one, queued(2, poison=[1, 0]))
        assert result.dead.tolist() == [1, 0]
        assert result.receives.tolist() == [3, 1]
        assert result.records[result.records[:, 1] == 0, 3].tolist() == [0, 12 * SECOND, 24 * SECOND]
        assert result.status.tolist() == [202, 202]
        assert result.settled_us == 36 * SECOND

    def test_a_batch_that_is_throttled_is_tried_until_its_messages_are_visible(self, simulate: Engine) -> None:
        one = system(reserved=ints([-1, -1, 0, -1]), visibility_us=5 * SECOND, max_receives=2)
        result = simulate(one, queued(1))
        assert result.bound[codes.BY_RESERVED] == 2 * 5
        assert result.dead.tolist() == [1]

    def test_a_batch_window_collects_messages(self, simulate: Engine) -> None:
        one = system(batch_window_us=100 * MS)
        result = simulate(one, load([0, 50 * MS, 150 * MS], queued=[1, 1, 1]))
        assert result.invocations[:, [2, 5]].tolist() == [[100 * MS, 2], [250 * MS, 1]]

    def test_what_is_too_old_is_deleted(self, simulate: Engine) -> None:
        faults = fault(codes.DISABLED, codes.AT_MAPPING, 0, 10 * SECOND)
        result = simulate(system(retention_us=5 * SECOND, **faults), load([0, 6 * SECOND], queued=[1, 1]))
        assert result.commits.tolist() == [0, 1]
        assert result.bound[codes.BY_RETENTION] == 1

    def test_answers_are_asked_for_until_they_are_there(self, simulate: Engine) -> None:
        one = system(ask_after_us=250 * MS)
        calls = load([0], query=[1], queued=[1], work_us=[1200 * MS], seeded=[1])
        result = simulate(one, calls)
        # After 250, 500 and 1000 ms there is none yet; the age doubles.
        assert (result.status.tolist(), result.fetches.tolist(), result.fetched_us.tolist()) == (
            [202],
            [4],
            [2 * SECOND],
        )


def fault(kind: int, at: int, start_us: int, end_us: int, **more: int) -> dict[str, Any]:
    """One fault, as fields of a system."""
    fields = {"kind": kind, "at": at, "start_us": start_us, "end_us": end_us, "threshold": draws.threshold(1)}
    fields |= {"operations": 3, "rate": NEVER, "burst": 1, "status": 0, "forwarded": 0, **more}
    columns: dict[str, Any] = {f"fault_{name}": ints([value]) for name, value in fields.items()}
    return {**columns, "fault_draws": np.zeros((1, draws.SIZE), np.int64)}


class TestFaults:
    def test_an_outage_of_the_table_fails_who_waits_and_delays_what_is_queued(self, simulate: Engine) -> None:
        faults = fault(codes.DOWN, codes.AT_TABLE, 0, SECOND)
        result = simulate(system(**faults), load([0, 0], queued=[0, 1]))
        assert result.status.tolist() == [503, 202]
        assert result.commits.tolist() == [0, 1]
        assert result.stamp_us.tolist() == [NEVER, 12 * SECOND]

    def test_a_write_whose_answer_is_lost_is_applied_once_or_twice(self, simulate: Engine) -> None:
        faults = fault(codes.TRUNCATE, codes.AT_TABLE, 0, SECOND)
        for idempotent, commits in ((1, 1), (0, 2)):
            result = simulate(system(idempotent=idempotent, **faults), queued(1))
            assert result.commits.tolist() == [commits]
            assert result.stamp_us.tolist() == [0]

    def test_a_stage_throttle_lets_exactly_its_bucket_through(self, simulate: Engine) -> None:
        faults = fault(codes.THROTTLE, codes.AT_API, 0, 10 * SECOND, rate=40 * 1000, burst=40)
        due_us = np.arange(1000) * 10 * MS  # a hundred a second for ten seconds
        result = simulate(system(**faults), load(due_us))
        passed = result.status == 201
        assert passed.sum() == 40 + int(due_us[-1] * 40 / 1e6)
        assert passed[:40].all()
        assert set(result.status[~passed].tolist()) == {429}

    def test_a_caller_tries_again_until_it_gives_up(self, simulate: Engine) -> None:
        faults = fault(codes.DOWN, codes.AT_API, 0, 3600 * SECOND)
        result = simulate(system(retries=3, **faults), load([0] * 50))
        assert result.attempts.tolist() == [4] * 50
        assert set(result.status.tolist()) == {codes.REFUSED}
        assert result.responded_us.max() <= 7 * SECOND  # 1, 2 and 4 s at most


class TestTable:
    def test_a_hot_key_meets_its_partition_limit_before_the_table_meets_its_own(self, simulate: Engine) -> None:
        one = system(write_capacity=4000, partition_writes=1000, read_capacity=12_000, partition_reads=3000)
        for orders, throttled in ((1, 1000), (2000, 0)):
            result = simulate(one, load([0] * 2000, order=np.arange(2000) % orders, seeded=[0] * orders))
            assert result.bound[codes.BY_PARTITION] == throttled
            assert result.bound[codes.BY_TABLE] == 0

    def test_capacity_doubles_the_busiest_second_after_a_period(self, simulate: Engine) -> None:
        one = system(write_capacity=10, table_burst_s=1, growth_period_us=10 * SECOND, max_capacity=40)
        due_us = np.repeat(np.arange(30) * SECOND, 50)
        result = simulate(one, load(due_us))
        written = np.bincount(due_us[result.status == 201] // SECOND, minlength=30)
        assert written[[0, 9, 10, 19, 20, 29]].tolist() == [10, 10, 20, 20, 40, 40]


def test_the_same_seed_gives_the_same_result_and_another_one_another() -> None:
    def run(seed: int) -> Result:
        tables = constant_draws(idle=10**12)
        tables[codes.WRITE] = draws.table(((0.5, 8 * MS), (0.99, 16 * MS)))
        return kernel.simulate(system(seed=seed, draws=tables), load(np.arange(100) * MS))

    assert differences(run(1), run(1)) == []
    assert any(text.startswith("responded_us") for text in differences(run(1), run(2)))


def test_buffers_that_are_full_lose_nothing() -> None:
    """More is under way at once, and written down, than the kernel has room for at first."""
    room = {"write_capacity": 10**6, "max_capacity": 10**6, "partition_writes": 10**6}
    one = system(account_concurrency=200_000, **room)
    result = kernel.simulate(one, load(np.arange(150_000), work_us=[SECOND] * 150_000))
    assert (result.status == 201).all()
    assert np.array_equal(np.sort(result.records[:, 1]), np.arange(150_000))
    assert len(np.unique(result.invocations[:, 0])) == 150_000


def test_nothing_but_the_kernel_imports_numba() -> None:
    code = "import sys\nfrom resources.targets import targets\ntargets()\nassert 'numba' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_consumer_is_the_function_that_batches_go_to(simulate: Engine) -> None:
    result = simulate(system(), queued(12))
    assert result.invocations[:, 1].tolist() == [CONSUMER] * len(result.invocations)
    assert result.invocations[:, 5].sum() == 12
