"""Which requests a fault hits and what it does to them; also which options it accepts."""

import json
import statistics
import subprocess
import sys
import zlib
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.faults.proxy.behaviours import PASS
from resources.faults.proxy.fault import Fault, uniform
from resources.faults.proxy.message import Request
from tests.unit.fault_server import dynamodb, post
from workloads.places import REPOSITORY


def request(raw: bytes) -> Request:
    request = Request()
    request.read(raw)
    return request


UPDATE = request(dynamodb("UpdateItem"))
READ = request(dynamodb("GetItem"))


def hits(fault: Fault, count: int, request: Request = UPDATE) -> list[bool]:
    return [fault.treatment(request) is not PASS for _ in range(count)]


def held_ms(count: int, **options: Any) -> list[float]:
    fault = Fault({"kind": "latency", **options})
    return [fault.treatment(UPDATE).hold_s * 1000 for _ in range(count)]


class Clock:
    """Nanoseconds that pass on command."""

    def __init__(self) -> None:
        self.now_ns = 10**12

    def __call__(self) -> int:
        return self.now_ns

    def passes(self, seconds: float) -> None:
        self.now_ns += round(seconds * 1e9)


class TestShare:
    def test_is_all_by_default(self) -> None:
        assert all(hits(Fault({"kind": "reset"}), 100))

    @pytest.mark.parametrize(
        ("share", "low", "high"), [(0, 0, 0), (0.25, 400, 600), (1, 2000, 2000), (1.0, 2000, 2000)]
    )
    def test_is_kept_about(self, share: float, low: int, high: int) -> None:
        assert low <= sum(hits(Fault({"kind": "reset", "share": share}), 2000)) <= high

    def test_hits_the_same_requests_for_the_same_seed_with_any_kind(self) -> None:
        one = hits(Fault({"kind": "reset", "share": 0.5, "seed": 7}), 500)
        assert hits(Fault({"kind": "hang", "share": 0.5, "seed": 7}), 500) == one
        assert hits(Fault({"kind": "reset", "share": 0.5, "seed": 8}), 500) != one

    def test_hits_more_as_it_grows_and_never_others(self) -> None:
        few = hits(Fault({"kind": "reset", "share": 0.2}), 500)
        many = hits(Fault({"kind": "reset", "share": 0.6}), 500)
        assert all(b for a, b in zip(few, many, strict=True) if a)

    def test_counts_matching_requests_only(self) -> None:
        options = {"kind": "reset", "share": 0.5, "operations": ["UpdateItem"]}
        alone, mixed = Fault(options), Fault(options)
        expected = hits(alone, 200)
        seen = []
        for number in range(200):
            assert not any(hits(mixed, number % 3, READ))
            seen += hits(mixed, 1)
        assert seen == expected

    def test_is_the_same_in_every_process(self) -> None:
        script = (
            "from resources.faults.proxy.fault import uniform\n"
            "print([uniform(5, n, s) for n in range(20) for s in range(3)])"
        )
        printed = subprocess.run(
            [sys.executable, "-c", script], cwd=REPOSITORY, capture_output=True, text=True, check=True
        )
        assert json.loads(printed.stdout) == [uniform(5, index, stream) for index in range(20) for stream in range(3)]

    def test_is_what_it_was_when_results_were_stored(self) -> None:
        """Nights are compared with nights: another generator would be another experiment."""
        pattern = "".join("x" if hit else "." for hit in hits(Fault({"kind": "reset", "share": 0.5, "seed": 1}), 32))
        assert pattern == "xxxx.x.xxxxx.x..xxx.xx..xx.xx.xx"

    @given(st.integers(0, 2**63 - 1), st.integers(0, 2**40), st.integers(0, 5))
    def test_is_made_of_numbers_from_nought_to_one(self, seed: int, index: int, stream: int) -> None:
        assert 0 <= uniform(seed, index, stream) < 1


class TestOperations:
    @pytest.mark.parametrize(
        ("raw", "hit"),
        [
            (dynamodb("UpdateItem"), True),
            (dynamodb("GetItem"), False),
            (post(b""), True),
            (b"GET / HTTP/1.1\r\n\r\n", False),
        ],
    )
    def test_are_the_only_ones_hit(self, raw: bytes, hit: bool) -> None:
        fault = Fault({"kind": "reset", "operations": ["UpdateItem", "POST"]})
        assert hits(fault, 1, request(raw)) == [hit]


class TestRate:
    def fault(self, **options: Any) -> tuple[Fault, Clock]:
        clock = Clock()
        return Fault({"kind": "reset", "above_per_s": 10, **options}, clock), clock

    def test_lets_a_burst_of_a_second_through(self) -> None:
        fault, _ = self.fault()
        assert hits(fault, 15) == [False] * 10 + [True] * 5

    def test_lets_so_many_a_second_through_in_the_end(self) -> None:
        fault, clock = self.fault()
        passed = 0
        for _ in range(1000):
            clock.passes(0.02)
            passed += hits(fault, 1).count(False)
        assert passed == pytest.approx(10 + 10 * 20, abs=1)

    def test_saves_up_no_more_than_a_second(self) -> None:
        fault, clock = self.fault()
        hits(fault, 20)
        clock.passes(60)
        assert hits(fault, 20).count(False) == 10

    def test_below_one_a_second_lets_one_through_first(self) -> None:
        fault, clock = self.fault(above_per_s=0.5)
        assert hits(fault, 3) == [False, True, True]
        clock.passes(2)
        assert hits(fault, 2) == [False, True]

    def test_counts_requests_the_operations_let_through_only(self) -> None:
        fault, _ = self.fault(operations=["UpdateItem"])
        assert not any(hits(fault, 50, READ))
        assert hits(fault, 12) == [False] * 10 + [True] * 2

    def test_beyond_it_only_the_share_is_hit(self) -> None:
        fault, _ = self.fault(share=0)
        assert not any(hits(fault, 50))


class TestLatency:
    def test_is_constant_without_a_p99(self) -> None:
        assert held_ms(50, median_ms=120) == [pytest.approx(120)] * 50

    def test_has_the_given_quantiles(self) -> None:
        values = held_ms(5000, median_ms=100, p99_ms=400)
        quantiles = statistics.quantiles(values, n=100)
        assert quantiles[49] == pytest.approx(100, rel=0.05)
        assert quantiles[98] == pytest.approx(400, rel=0.15)

    def test_is_anything_between_its_bounds(self) -> None:
        values = held_ms(2000, min_ms=10, max_ms=30)
        assert min(values) == pytest.approx(10, abs=0.5)
        assert max(values) == pytest.approx(30, abs=0.5)
        assert statistics.mean(values) == pytest.approx(20, abs=0.5)

    def test_of_the_nth_request_depends_on_the_seed_only(self) -> None:
        options = {"median_ms": 100, "p99_ms": 400}
        assert held_ms(50, **options, seed=3) == held_ms(50, **options, seed=3)
        assert held_ms(50, **options, seed=3) != held_ms(50, **options, seed=4)
        everyone = held_ms(200, **options, seed=3)
        some = held_ms(200, **options, seed=3, share=0.5)
        assert all(value in {0.0, full} for value, full in zip(some, everyone, strict=True))

    def test_is_not_decided_by_what_decides_who_is_hit(self) -> None:
        """Else a small share would hit only with small delays."""
        values = [value for value in held_ms(2000, min_ms=0, max_ms=100, share=0.1) if value]
        assert statistics.mean(values) == pytest.approx(50, abs=10)


class TestError:
    def answer(self, raw: bytes, **options: Any) -> tuple[str, dict[str, str], bytes]:
        fault = Fault({"kind": "error", "error": "ThrottlingException", "status": 400, **options})
        treatment = fault.treatment(request(raw))
        assert treatment.answer is not None
        assert not treatment.forwarded
        head, body = treatment.answer.split(b"\r\n\r\n", 1)
        first, *lines = head.decode().split("\r\n")
        return first, {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}, body

    def test_to_dynamodb_looks_like_its_own(self) -> None:
        first, headers, body = self.answer(dynamodb("PutItem"))
        assert first == "HTTP/1.1 400 Bad Request"
        assert json.loads(body)["__type"] == "com.amazonaws.dynamodb.v20120810#ThrottlingException"
        assert json.loads(body)["message"]
        assert headers["content-type"] == "application/x-amz-json-1.0"
        assert headers["content-length"] == str(len(body))
        assert headers["x-amz-crc32"] == str(zlib.crc32(body))
        assert headers["x-amzn-requestid"]

    def test_to_others_looks_like_a_gateways(self) -> None:
        first, headers, body = self.answer(post(b""), status=599)
        assert first.startswith("HTTP/1.1 599 ")
        assert set(json.loads(body)) == {"message"}
        assert headers["content-type"] == "application/json"
        assert "x-amz-crc32" not in headers

    def test_to_head_has_no_body(self) -> None:
        _, headers, body = self.answer(b"HEAD / HTTP/1.1\r\n\r\n")
        assert body == b""
        assert int(headers["content-length"]) > 0


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({}, "no such kind of fault: None"),
    ({"kind": "slow"}, "no such kind of fault: 'slow'; there are down, error, hang"),
    ({"kind": ["down"]}, "no such kind"),
    ({"kind": "down", "share": 0.5}, "down does not know share"),
    ({"kind": "reset", "median_ms": 5}, "reset does not know median_ms; it knows above_per_s, operations, seed, share"),
    ({"kind": "reset", "share": 1.5}, "share must be a number from 0 to 1, not 1.5"),
    ({"kind": "reset", "share": True}, "share must be a number"),
    ({"kind": "reset", "share": "1"}, "share must be a number"),
    ({"kind": "reset", "share": float("nan")}, "share must be a number"),
    ({"kind": "reset", "operations": "GetItem"}, "operations must be a list of names"),
    ({"kind": "reset", "operations": []}, "operations must be a list of names"),
    ({"kind": "reset", "operations": [1]}, "operations must be a list of names"),
    ({"kind": "reset", "above_per_s": 0}, "above_per_s must be a number of at least"),
    ({"kind": "reset", "above_per_s": float("inf")}, "above_per_s must be a number"),
    ({"kind": "reset", "seed": 1.5}, "seed must be a whole number"),
    ({"kind": "reset", "seed": -1}, "seed must be a whole number"),
    ({"kind": "reset", "seed": 2**63}, "seed must be a whole number"),
    ({"kind": "hang", "forwarded": 1}, "forwarded must be true or false"),
    ({"kind": "latency"}, "latency takes median_ms"),
    ({"kind": "latency", "median_ms": 5, "max_ms": 9}, "latency takes median_ms"),
    ({"kind": "latency", "p99_ms": 5}, "median_ms must be a number"),
    ({"kind": "latency", "median_ms": 0}, "median_ms must be a number"),
    ({"kind": "latency", "median_ms": 50, "p99_ms": 40}, "p99_ms must be a number from 50"),
    ({"kind": "latency", "min_ms": 5}, "max_ms must be a number"),
    ({"kind": "latency", "min_ms": 5, "max_ms": 4}, "max_ms must be a number from 5"),
    ({"kind": "latency", "min_ms": -1, "max_ms": 4}, "min_ms must be a number from 0"),
    ({"kind": "error"}, "error needs error, status"),
    ({"kind": "error", "error": "X"}, "error needs status"),
    ({"kind": "error", "error": "", "status": 400}, "error must be a text"),
    ({"kind": "error", "error": "X", "status": 200}, "status must be a whole number from 400 to 599"),
    ({"kind": "error", "error": "X", "status": "400"}, "status must be a whole number"),
]


class TestWhatItIsTold:
    @pytest.mark.parametrize(("options", "reason"), REFUSED)
    def test_is_refused_with_a_reason(self, options: Mapping[str, Any], reason: str) -> None:
        with pytest.raises(ValueError, match=reason):
            Fault(options)

    @pytest.mark.parametrize("make", [dict, lambda options: json.loads(json.dumps(options))])
    def test_is_left_as_it_was(self, make: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
        options = make({"kind": "error", "error": "X", "status": 500, "operations": ["A"], "seed": 2})
        before = dict(options)
        Fault(options)
        assert options == before
