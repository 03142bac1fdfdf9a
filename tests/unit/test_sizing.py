"""Objectives, the search for the smallest configuration, and grids of cells, on systems whose answer is known."""

import math
from collections.abc import Mapping
from typing import Any

import pytest

from assets.analysis.sizing.measuring import binding
from assets.analysis.sizing.objectives import DEFAULT, FIGURES, Objective, missed, read_objective
from assets.analysis.sizing.searching import (
    Configuration,
    Room,
    Sized,
    breaking,
    flipping,
    search,
    smallest,
    worst_of,
)
from resources.simulation.parameters import Parameters, bundled
from workloads.errors import UsageError


def erlang_b(offered: float, servers: int) -> float:
    """The share that is refused by so many servers without a queue, by the recursion."""
    blocked = 1.0
    for n in range(1, servers + 1):
        blocked = offered * blocked / (n + offered * blocked)
    return blocked


class Servers:
    """Two functions, each a loss system of its own, and a mapping whose queue drains by its concurrency."""

    def __init__(self, command: float = 20.0, query: float = 5.0, messages: float = 0.0) -> None:
        self.offered, self.messages = {"command": command, "query": query}, messages
        self.asked: list[Configuration] = []

    def __call__(
        self, configuration: Configuration, traffic: float = 1.0, parameters: Parameters | None = None
    ) -> dict[str, Any]:
        self.asked.append(configuration)
        slower = parameters["lambda.invoke_latency"].quantiles[0][1] / 25 if parameters else 1.0
        refused = {
            name: erlang_b(traffic * slower * self.offered[name], n) for name, n in configuration.reserved.items()
        }
        load = sum(self.offered[name] for name in refused) or 1.0
        mapping = configuration.max_concurrency
        return {
            "refused_share": sum(self.offered[name] * share for name, share in refused.items()) / load,
            "drain_s": traffic * self.messages / (mapping * (configuration.batch_size or 1)) if mapping else None,
            "response_p99_ms": 100.0 * slower,
            "usd_per_month": 100.0 / (configuration.batch_size or 1) + configuration.memory_mb / 1000,
            "first_limit": "reserved concurrency",
            "limits": '{"reserved concurrency": 1}',
            "messages": None,
            "concurrency_of": {
                **dict.fromkeys(configuration.reserved, 200),
                "consumer": configuration.max_concurrency or 0,
            },
        }


def room(*functions: str, queued: bool = False, batches: tuple[int, ...] = (1,), reservable: int = 900) -> Room:
    return Room(dict.fromkeys(functions, reservable), queued, 500, batches, (512,), reservable)


def goals(*texts: str) -> list[Objective]:
    return [read_objective(text) for text in texts]


class TestObjectives:
    @pytest.mark.parametrize(
        ("text", "column", "limit"),
        [
            ("p99 response < 300 ms", "response_p99_ms", 300),
            ("p99 answer below 0.3 s", "response_p99_ms", 300),
            ("P99  Response<300ms", "response_p99_ms", 300),
            ("response_p99_ms <= 300", "response_p99_ms", 300),
            ("refused < 0.1 %", "refused_share", 0.001),
            ("refused < 0.001", "refused_share", 0.001),
            ("lost < 0", "lost_share", 0),
            ("drained within 2 min", "drain_s", 120),
            ("cost < 200 USD a month", "usd_per_month", 200),
            ("month under $200", "usd_per_month", 200),
            ("backlog at most 1_000", "backlog_peak", 1000),
        ],
    )
    def test_are_read_as_people_write_them(self, text: str, column: str, limit: float) -> None:
        objective = read_objective(text)
        assert objective.figure.column == column
        assert objective.limit == pytest.approx(limit)

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("fast", "is no objective"),
            ("p99 response > 3 ms", "is no objective"),
            ("p98 response < 3 ms", "unknown figure 'p98 response': did you mean p99 response"),
            ("speed < 3", "unknown figure 'speed': choose from"),
            ("p99 response < 300", "not without a unit"),
            ("p99 response < 300 USD", "is in us or µs or ms or s or min or h, not usd"),
            ("p99 response < nan ms", "must be above 0 ms, and a number"),
            ("p99 response < inf s", "must be above 0 ms"),
            ("p99 response < 0 ms", "must be above 0 ms"),
            ("p99 response < -3 ms", "must be above 0 ms"),
            ("refused < 200 %", "must be from 0 to 100 %"),
            ("refused < -1 %", "must be from 0 to 100 %"),
        ],
    )
    def test_what_is_none_is_refused_in_one_line(self, text: str, message: str) -> None:
        with pytest.raises(UsageError) as raised:
            read_objective(text)
        assert message in str(raised.value)
        assert "\n" not in str(raised.value)

    def test_an_answer_that_never_comes_misses_every_time(self) -> None:
        assert not read_objective("p99 response < 10 h").met({"response_p99_ms": None})

    def test_without_a_queue_nothing_has_to_drain(self) -> None:
        assert read_objective("drained < 1 s").met({"drain_s": None})

    def test_none_may_be_refused_where_the_limit_is_none(self) -> None:
        assert [read_objective("refused < 0").met({"refused_share": share}) for share in (0.0, 1e-9)] == [True, False]

    def test_the_worst_comes_first(self) -> None:
        figures = {"refused_share": 0.02, "response_p99_ms": 500.0}
        found = missed(goals("refused < 1 %", "p99 response < 100 ms"), figures)
        assert [one.figure.column for one in found] == ["response_p99_ms", "refused_share"]

    def test_the_usual_ones_can_be_read(self) -> None:
        assert [read_objective(text).text for text in DEFAULT] == list(DEFAULT)


class TestSearch:
    @pytest.mark.parametrize("offered", [0.1, 1.0, 7.5, 40.0, 160.0])
    @pytest.mark.parametrize("share", [0.01, 0.001])
    def test_finds_the_fewest_servers_of_erlangs_formula(self, offered: float, share: float) -> None:
        fewest = next(n for n in range(1, 1000) if erlang_b(offered, n) <= share)
        found = search("a", room("command"), goals(f"refused < {share}"), Servers(command=offered))
        assert found.configuration.reserved == {"command": fewest}

    def test_one_environment_less_of_any_kind_misses(self) -> None:
        servers, objectives = Servers(messages=1000), goals("refused < 1 %", "drained < 10 s")
        found = search("a", room("command", "query", queued=True), objectives, servers)
        chosen = found.configuration
        assert not missed(objectives, servers(chosen))
        for name, n in chosen.reserved.items():
            less = Configuration({**chosen.reserved, name: n - 1}, chosen.max_concurrency, 1, 512)
            assert missed(objectives, servers(less))
        assert chosen.max_concurrency == 100
        assert len(found.bound_by) == 3

    def test_of_batch_sizes_the_one_with_the_least_concurrency_is_taken(self) -> None:
        found = search("a", room(queued=True, batches=(1, 5, 10)), goals("drained < 10 s"), Servers(messages=1000))
        assert (found.configuration.batch_size, found.configuration.max_concurrency) == (10, 10)

    def test_an_objective_that_none_meets_gives_the_nearest_and_says_what_it_misses(self) -> None:
        objectives = goals("p99 response < 50 ms", "drained < 1 s")
        found = search("a", room(queued=True, batches=(1, 10)), objectives, Servers(messages=1000))
        assert [one.figure.column for one in found.missed] == ["response_p99_ms"]
        assert found.configuration.batch_size == 10

    def test_what_the_account_cannot_reserve_is_no_answer(self) -> None:
        assert search("a", room("command", reservable=10), goals("refused < 1 %"), Servers(command=40)).missed

    def test_asks_for_few_simulations(self) -> None:
        servers = Servers()
        search("a", room("command", "query"), goals("refused < 1 %"), servers)
        assert len(servers.asked) <= 40

    def test_the_smallest_of_a_range_is_found_at_its_ends(self) -> None:
        assert [smallest(1, 9, lambda n, least=least: n >= least) for least in range(1, 10)] == list(range(1, 10))  # type: ignore[misc]


class TestAround:
    def found(self, servers: Servers, objectives: list[Objective]) -> Sized:
        return search("a", room("command"), objectives, servers)

    def test_says_from_which_traffic_on_it_breaks_and_by_what(self) -> None:
        servers, objectives = Servers(), goals("refused < 1 %")
        sized = self.found(servers, objectives)
        breaking(sized, objectives, servers, most=100, at=1)
        n = sized.configuration.reserved["command"]
        assert sized.breaks_at is not None
        assert erlang_b(20 * sized.breaks_at, n) > 0.01 >= erlang_b(20 * sized.breaks_at / 1.02, n)
        assert sized.breaks_limit == "reserved concurrency"
        assert "refused" in str(sized.breaks_objective)

    def test_what_takes_all_that_is_tried_does_not_break(self) -> None:
        servers, objectives = Servers(), goals("p99 response < 200 ms")
        sized = self.found(servers, objectives)
        breaking(sized, objectives, servers, most=100, at=1)
        assert sized.breaks_at is None

    def test_names_the_assumed_parameters_that_change_the_answer(self) -> None:
        servers, objectives = Servers(), goals("p99 response < 150 ms", "refused < 100 %")
        sized = self.found(servers, objectives)
        flipping(sized, objectives, servers, bundled())
        assert sized.flips == ["lambda.invoke_latency twice as great: p99 response 200 ms"]

    def test_names_those_with_which_it_would_be_met(self) -> None:
        servers, objectives = Servers(), goals("p99 response < 60 ms")
        sized = self.found(servers, objectives)
        flipping(sized, objectives, servers, bundled())
        assert sized.flips == ["lambda.invoke_latency half as great: all objectives are met"]


def test_excess_is_how_many_times_the_limit() -> None:
    measured: Mapping[str, Any] = {"response_p99_ms": 150.0}
    assert read_objective("p99 response < 100 ms").excess(measured) == pytest.approx(1.5)
    assert math.isinf(read_objective("p99 response < 100 ms").excess({"response_p99_ms": None}))


@pytest.mark.parametrize(
    ("limits", "messages", "binds"),
    [
        ('{"mapping.pollers": 9, "gateway.rate": 1}', 1000, ["gateway.rate"]),
        ('{"mapping.pollers": 10}', 1000, ["mapping.pollers"]),
        ('{"reserved concurrency": 1}', None, ["reserved concurrency"]),
    ],
)
def test_what_makes_messages_wait_binds_from_one_in_a_hundred_on(
    limits: str, messages: int | None, binds: list[str]
) -> None:
    assert binding({"limits": limits, "messages": messages}) == binds


def test_the_worst_of_several_seeds_counts_and_their_spread_is_kept() -> None:
    def of_seed(**more: Any) -> dict[str, Any]:
        usual = {figure.column: 0.1 for figure in FIGURES} | {"drain_s": None, "first_limit": None}
        return {**usual, "first_limit_s": None, "concurrency_of": {"query": 3}, **more}

    limited = of_seed(response_p99_ms=None, first_limit="gateway.rate", first_limit_s=4.0, refused_share=0.2)
    found = worst_of([of_seed(concurrency_of={"query": 5}), limited, of_seed(response_p99_ms=7.0)])
    assert found["refused_share"] == 0.2
    assert found["response_p99_ms"] is None, "with one seed it never comes"
    assert found["drain_s"] is None, "nothing is queued"
    assert (found["first_limit"], found["concurrency_of"]) == ("gateway.rate", {"query": 5})
    assert found["spread"]["response_p99_ms"] == (0.1, None)
