"""What scenarios do to the traffic: more of it, at other times, with special commands; by a seed, and nothing else."""

import json
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workloads.replay.schedule import Schedule, order_id
from workloads.replay.shaping import hits, shaped
from workloads.scenarios import scenarios
from workloads.scenarios.model import Scenario

SECONDS = 10


def orders(requests: int = 400, seed: int = 1) -> Schedule:
    """Ten seconds of orders, each read twice after it was placed."""
    entities = [f"order-{index // 3}" for index in range(requests)]
    return Schedule(
        request_ids=[str(index) for index in range(requests)],
        operations=["command" if index % 3 == 0 else "query" for index in range(requests)],
        entities=entities,
        order_ids=[order_id(entity) for entity in entities],
        payload_bytes=[300] * requests,
        due_us=np.linspace(0, SECONDS * 1_000_000, requests).astype(np.int64),
        seed=seed,
    )


def with_faults(*faults: dict[str, Any]) -> Scenario:
    return Scenario.model_validate({"name": "odd", "title": "Odd", "description": "", "faults": faults})


def fault(kind: str, start: str = "1/4", length: str = "1/2", **more: Any) -> dict[str, Any]:
    return {"kind": kind, "start": start, "length": length, **more}


def messages(schedule: Schedule) -> list[bytes]:
    return [schedule.message(index, "/lab", "host") for index in range(len(schedule))]


def body(schedule: Schedule, index: int) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads(schedule.message(index, "/lab", "host").partition(b"\r\n\r\n")[2])
    return fields


MARKS = [
    (fault("poison", share=0.5), {"details": 0}),
    (fault("work", share=0.5, work_ms=700), {"work_ms": 700}),
    (fault("twice", share=0.5, delay_s=2), {"delivery": {"kind": "twice", "delay_s": 2}}),
    (fault("late", share=0.5, delay_s=3), {"delivery": {"kind": "late", "delay_s": 3}}),
]


def test_a_share_of_the_window_is_about_one_entity_and_everything_else_stays() -> None:
    schedule = orders(4000)
    scenario = with_faults(fault("hot", share=0.2))
    result = shaped(schedule, scenario)
    [(hot, start_us, end_us)] = scenario.windows(schedule.duration_us)
    about = np.array(result.entities) == "hot"
    inside = (schedule.due_us >= start_us) & (schedule.due_us < end_us)
    assert not about[~inside].any()
    assert 0.15 < about[inside].mean() < 0.25
    assert hits(result, hot, start_us, end_us) == about.sum()
    assert set(np.array(result.order_ids)[about].tolist()) == {order_id("hot")}
    assert (result.request_ids, result.operations) == (schedule.request_ids, schedule.operations)


class TestDeterminism:
    def test_the_same_seed_gives_the_same_requests_byte_for_byte(self) -> None:
        for scenario in scenarios().values():
            first, second = (shaped(orders(seed=7), scenario) for _ in range(2))
            assert messages(first) == messages(second), scenario.name
            assert first.due_us.tolist() == second.due_us.tolist(), scenario.name

    def test_another_seed_hits_other_commands(self) -> None:
        for one, _ in MARKS:
            hit, other = (set(shaped(orders(seed=seed), with_faults(one)).extras) for seed in (1, 2))
            assert hit != other, one

    def test_a_scenario_that_leaves_the_traffic_alone_changes_nothing(self) -> None:
        schedule = orders()
        assert shaped(schedule, scenarios()["component_down"]) is schedule


class TestSpecialCommands:
    @pytest.mark.parametrize(("one", "extra"), MARKS)
    def test_are_a_share_of_the_windows_commands_and_say_so_in_their_bodies(
        self, one: dict[str, Any], extra: dict[str, Any]
    ) -> None:
        schedule = orders(1200)
        scenario = with_faults(one)
        result = shaped(schedule, scenario)
        [(marked, start_us, end_us)] = scenario.windows(schedule.duration_us)
        due = [index for index in range(len(schedule)) if start_us <= schedule.due_us[index] < end_us]
        commands = [index for index in due if schedule.operations[index] == "command"]
        assert set(result.extras) <= set(commands)
        assert 0.35 < len(result.extras) / len(commands) < 0.65
        assert hits(result, marked, start_us, end_us) == len(result.extras)
        for index in range(0, len(schedule), 3):
            fields = body(result, index)
            assert (extra.items() <= fields.items()) == (index in result.extras)
            assert fields["request_id"] == schedule.request_ids[index]

    def test_of_two_faults_at_once_keep_the_marks_of_both(self) -> None:
        both = with_faults(fault("poison", share=1), fault("twice", share=1))
        fields = body(shaped(orders(), both), 150)
        assert fields["details"] == 0
        assert fields["delivery"] == {"kind": "twice", "delay_s": 0}

    def test_keep_the_recorded_size_where_their_marks_leave_room(self) -> None:
        result = shaped(orders(), with_faults(fault("twice", share=1)))
        assert {len(json.dumps(body(result, index), separators=(",", ":"))) for index in result.extras} == {300}


class TestBurst:
    def test_offers_so_many_times_the_requests_in_its_window_and_leaves_the_others(self) -> None:
        schedule = orders()
        scenario = with_faults(fault("burst", factor=3))
        result = shaped(schedule, scenario)
        [(burst, start_us, end_us)] = scenario.windows(schedule.duration_us)
        inside = ((schedule.due_us >= start_us) & (schedule.due_us < end_us)).sum()
        assert len(result) == len(schedule) + 2 * inside
        assert hits(result, burst, start_us, end_us) == 3 * inside
        assert len(set(result.request_ids)) == len(result), "every request is told apart"
        assert (np.diff(result.due_us) >= 0).all()
        assert result.duration_us == schedule.duration_us
        originals = [index for index, name in enumerate(result.request_ids) if "~" not in name]
        assert [result.request_ids[index] for index in originals] == schedule.request_ids
        assert result.due_us[originals].tolist() == schedule.due_us.tolist()

    def test_does_not_end_in_a_clump(self) -> None:
        result = shaped(orders(4000), with_faults(fault("burst", factor=10)))
        _, together = np.unique(result.due_us, return_counts=True)
        assert together.max() <= 5

    def test_clones_are_orders_of_their_own_in_the_order_of_their_originals(self) -> None:
        result = shaped(orders(), with_faults(fault("burst", factor=2)))
        seen: dict[str, list[int]] = {}
        for name, entity in zip(result.request_ids, result.entities, strict=True):
            original, _, clone = name.partition("~")
            assert entity == f"order-{int(original) // 3}" + (f"~{clone}" if clone else "")
            seen.setdefault(entity, []).append(int(original))
        assert all(numbers == sorted(numbers) for numbers in seen.values())


class TestRamp:
    @given(steps=st.integers(2, 12), requests=st.integers(100, 600))
    def test_keeps_every_request_and_its_turn_and_raises_the_rate_step_by_step(self, steps: int, requests: int) -> None:
        schedule = orders(requests)
        result = shaped(schedule, with_faults(fault("ramp", "0", "1", steps=steps)))
        assert result.request_ids == schedule.request_ids
        assert (np.diff(result.due_us) >= 0).all()
        counts, _ = np.histogram(result.due_us[:-1], bins=steps, range=(0, SECONDS * 1_000_000))
        expected = (requests - 1) * 2 * np.arange(1, steps + 1) / (steps * (steps + 1))
        assert np.abs(counts - expected).max() <= 2


def test_orders_read_before_they_are_placed_are_seeded_for_clones_too() -> None:
    schedule = orders()
    result = shaped(schedule, with_faults(fault("burst", factor=2)))
    made = Counter(
        entity for entity, operation in zip(result.entities, result.operations, strict=True) if operation == "command"
    )
    read_only = {entity for entity in result.entities if not made[entity]}
    assert {order_id(entity) for entity in read_only} <= set(result.seeded_order_ids())
