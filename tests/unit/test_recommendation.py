"""What is recommended, from planted replays of which it is known who meets what is asked."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.analysis.recommendation import Preferring, choose, recommend
from assets.analysis.requirements.bills import Bills, UsdAt
from assets.analysis.requirements.figures import Contender
from assets.analysis.requirements.judging import judge_requirements
from assets.analysis.requirements.model import BUNDLED, Requirements, read
from tests.requirements_builder import Asked, bills

ARCHITECTURES = ("synchronous", "event_driven", "hybrid")
QUEUED: dict[str, tuple[str, ...]] = {
    "synchronous": (),
    "event_driven": ("command", "query"),
    "hybrid": ("command",),
}
Row = dict[str, Any]

NONE_REFUSED = {"name": "takes commands", "measure": "refused_share", "of": "command", "under": "any", "at_most": 0.05}
ANSWERED = {"name": "answers queries", "measure": "answered_share", "of": "query", "under": "any", "at_least": 0.95}
OUTAGE = {
    "name": "outages cost little",
    "measure": "refused_share_of_month",
    "of": "command",
    "under": "outage",
    "at_most": 1e-4,
}
PARTS = {"preference": {"among_equals": ["components"]}}


def asking(*requirements: Row, **more: Any) -> Requirements:
    return Requirements.model_validate({"requirement": requirements, **more})


def recommended(
    builder: Asked, requirements: Requirements, cost: list[Row] | None = None, usd_at: UsdAt | None = None
) -> list[Row]:
    bought = Bills(cost or [], requirements.assumptions, usd_at)
    with builder.connect() as connection:
        judged = judge_requirements(connection, "c1", requirements, bought)
        table = recommend(connection, "c1", requirements=requirements, judged=judged, bills=bought)
    rows: list[Row] = table.to_pylist()
    for row in rows:
        assert len(row["because"]) <= 3
        assert len(row["would_change"]) <= 3
        words = " ".join([row["sentence"], *row["because"], *row["would_change"], row["could_add"] or ""])
        assert not {"nan", "None", "inf", "NULL"} & set(words.replace(",", " ").split()), words
    return rows


def headline(builder: Asked, requirements: Requirements, **more: Any) -> Row:
    [row] = [row for row in recommended(builder, requirements, **more) if row["operation"] == ""]
    return row


def outage(*, without: tuple[str, ...] = (), invalid: tuple[str, ...] = ()) -> Asked:
    """Synchronous refuses every command due in the outage; architectures with a queue refuse none."""
    builder = Asked()
    for name in ARCHITECTURES:
        if name in without:
            continue
        why = "the load was late" if name in invalid else None
        builder.replay(name, queued=QUEUED[name], invalid=why)
        refused = 1.0 if name == "synchronous" else 0.0
        builder.replay(name, "backend_outage", queued=QUEUED[name], refused=refused, in_window_only=True, invalid=why)
    return builder


class TestWhatTheOldOneGotWrong:
    def test_who_refuses_a_quarter_of_the_commands_is_not_recommended_for_being_cheap(self) -> None:
        builder = Asked()
        for name, refused in (("synchronous", 0.24), ("hybrid", 0.0)):
            builder.replay(name, queued=QUEUED[name], refused=refused)
        row = headline(builder, asking(NONE_REFUSED, ANSWERED), cost=bills(synchronous=1.0, hybrid=3.0))
        assert (row["state"], row["architecture"]) == ("decided", "hybrid")
        assert "24 %" in row["because"][0]

    def test_an_outage_in_the_list_of_scenarios_does_not_choose_the_queue(self) -> None:
        """No requirement is about outages, and the queue costs three times as much."""
        row = headline(outage(), asking(ANSWERED), cost=bills(synchronous=10.0, hybrid=30.0, event_driven=30.0))
        assert row["architecture"] == "synchronous"
        assert any("10.00 USD" in why and "30.00 USD" in why for why in row["because"])

    def test_a_slow_queue_loses_where_time_is_asked_for(self) -> None:
        builder = Asked(target="simulated AWS", evidence="simulated")
        for repetition in range(1, 9):
            for name, ms in (("synchronous", 20), ("hybrid", 400)):
                us = ms * 1000 + repetition
                builder.replay(name, repetition=repetition, queued=QUEUED[name], completion_us=us)
        quick = {"name": "quick", "measure": "completion_p50_ms", "of": "command", "under": "steady", "at_most": 100}
        row = headline(builder, asking(quick), cost=bills(synchronous=30.0, hybrid=10.0))
        assert (row["state"], row["architecture"]) == ("decided", "synchronous")

    def test_undecided_is_not_equal(self) -> None:
        """Hybrid is cheaper and may or may not take the commands: that decides nothing for either."""
        builder = Asked().replay("synchronous").replay("hybrid", queued=["command"], refused=0.04)
        row = headline(builder, asking(NONE_REFUSED), cost=bills(synchronous=30.0, hybrid=10.0))
        assert (row["state"], row["architecture"]) == ("undecided", None)
        assert row["sentence"].startswith("Undecided: for hybrid it is not decided whether “takes commands”")
        assert "--repetitions" in row["because"][0]
        assert row["would_change"][0] == row["because"][0], "what decides it changes it"
        assert row["passing"] == ["synchronous"]

    def test_undecided_does_not_matter_where_it_could_not_win(self) -> None:
        builder = Asked().replay("synchronous").replay("hybrid", queued=["command"], refused=0.05)
        row = headline(builder, asking(NONE_REFUSED), cost=bills(synchronous=10.0, hybrid=30.0))
        assert (row["state"], row["architecture"]) == ("decided", "synchronous")

    @pytest.mark.parametrize("lacking", ["hybrid", "synchronous"])
    def test_nothing_is_recommended_that_has_no_valid_replay(self, lacking: str) -> None:
        row = headline(outage(invalid=(lacking,)), asking(ANSWERED), cost=bills(hybrid=1.0, synchronous=1.0))
        assert row["architecture"] not in {lacking, None}
        assert lacking not in row["passing"]
        assert f"{lacking.capitalize()} is missing under steady" in row["lacking"][0]

    def test_what_one_without_a_replay_would_do_is_called_an_inference(self) -> None:
        row = headline(outage(invalid=("hybrid",)), asking(NONE_REFUSED, ANSWERED))
        assert (row["state"], row["architecture"]) == ("none", None)
        assert any(why.startswith("Hybrid serves") and "that is an inference" in why for why in row["because"])


class TestTheAnswer:
    def test_is_who_misses_nothing(self) -> None:
        row = headline(outage(), asking(NONE_REFUSED, ANSWERED))
        assert (row["state"], row["architecture"], row["passing"]) == ("decided", "hybrid", ["hybrid"])
        assert "commands by queue, queries synchronously" in row["sentence"]
        assert {why.split()[0] for why in row["because"]} == {"Synchronous", "Event-driven"}

    def test_says_what_a_miss_is_in_a_month(self) -> None:
        [why] = [why for why in headline(outage(), asking(OUTAGE))["because"] if why.startswith("Synchronous misses")]
        assert "about 2,150 commands a month" in why

    def test_is_none_where_each_misses_something_and_says_what_comes_nearest(self) -> None:
        row = headline(outage(without=("hybrid",)), asking(NONE_REFUSED, ANSWERED))
        assert (row["state"], row["architecture"]) == ("none", None)
        assert "POST /orders by queue" in row["sentence"]
        assert "GET /orders/{order} synchronously" in row["sentence"]
        assert "comes nearest (50 % of requests)" in row["sentence"]

    def test_is_undecided_where_nothing_is_valid(self) -> None:
        row = headline(outage(invalid=ARCHITECTURES), asking(ANSWERED))
        assert (row["state"], row["architecture"], row["passing"]) == ("undecided", None, [])
        assert len(row["lacking"]) == 6

    def test_what_cannot_be_shown_keeps_nobody_out_and_is_named(self) -> None:
        time = {"name": "quick", "measure": "response_p99_ms", "of": "command", "under": "steady", "at_most": 1}
        row = headline(outage(), asking(NONE_REFUSED, ANSWERED, time))
        assert row["architecture"] == "hybrid"
        assert "can be shown here" in row["sentence"]
        assert "cannot show “quick”" in row["could_add"]

    def test_what_a_recording_has_none_of_is_missed_by_nobody(self) -> None:
        builder = Asked()
        for name in ("synchronous", "event_driven"):
            builder.replay(name, queued=QUEUED[name], offered={"query": 600})
        row = headline(builder, asking(NONE_REFUSED, ANSWERED))
        assert (row["state"], row["architecture"]) == ("decided", "synchronous")
        assert "takes commands" not in (row["could_add"] or "")

    def test_a_cell_that_lacks_an_architecture_leaves_what_it_would_decide_open(self) -> None:
        builder = outage().replay("hybrid", "concurrency_limit", queued=["command"], invalid="others used the CPU")
        builder.replay("synchronous", "concurrency_limit").replay("event_driven", "concurrency_limit")
        row = headline(builder, asking(NONE_REFUSED, ANSWERED))
        assert row["state"] == "undecided"
        assert row["lacking"] == [
            "Hybrid is missing under concurrency_limit, where it has no valid replay: others used the CPU."
        ]

    def test_the_bundled_requirements_decide_one_repetition_of_the_default_scenarios(self) -> None:
        """As many requests as the bundled recording has."""
        builder, offered = Asked(), {"command": 342, "query": 1191}
        for name in ARCHITECTURES:
            queued = QUEUED[name]
            builder.replay(name, offered=offered, queued=queued)
            refused = 0.0 if queued else 1.0
            builder.replay(name, "backend_outage", offered=offered, queued=queued, refused=refused, in_window_only=True)
            builder.replay(name, "concurrency_limit", offered=offered, queued=queued, refused=0.3 * refused)
        row = headline(builder, read(BUNDLED), cost=bills(synchronous=10.0, hybrid=12.0, event_driven=13.0))
        assert (row["state"], row["architecture"]) == ("decided", "hybrid")


class TestRoutes:
    def test_each_says_how_it_is_to_be_served(self) -> None:
        rows = {(row["operation"], row["route"]): row for row in recommended(outage(), asking(NONE_REFUSED, ANSWERED))}
        assert rows["command", "POST /orders"]["served"] == "by queue"
        assert rows["query", "GET /orders/{order}"]["served"] == "synchronously"
        assert rows["command", None]["served"] == "by queue"
        assert rows["command", "POST /orders"]["requests"] == 600

    def test_one_that_nothing_is_asked_of_may_be_served_either_way(self) -> None:
        rows = {row["route"]: row for row in recommended(outage(), asking(ANSWERED)) if row["operation"] == "command"}
        assert rows["POST /orders"]["served"] == "either"

    def test_one_with_few_requests_is_served_as_its_operation_and_says_so(self) -> None:
        many = {"command": ("POST /rarely", *["POST /often"] * 29)}
        routes = {**many, "query": ("GET /cart",)}
        builder = Asked()
        for name in ("synchronous", "hybrid"):
            refused = 1.0 if name == "synchronous" else 0.0
            builder.replay(
                name, "backend_outage", queued=QUEUED[name], refused=refused, in_window_only=True, routes=routes
            )
        rows = {row["route"]: row for row in recommended(builder, asking(NONE_REFUSED))}
        assert rows["POST /rarely"]["state"] == "undecided"
        assert rows["POST /rarely"]["served"] == "by queue"
        assert "too few to tell" in rows["POST /rarely"]["sentence"]
        assert rows["POST /often"]["state"] == "decided"


class TestWhatWouldChangeIt:
    def test_the_minutes_of_outage_from_which_on_the_answer_is_another(self) -> None:
        """Every command of an outage is refused: 1 in 10,000 of a month's are those of 4.38 minutes."""
        row = headline(outage(), asking(OUTAGE, ANSWERED, **PARTS))
        assert row["architecture"] == "hybrid"
        [fewer] = [why for why in row["would_change"] if why.startswith("Below")]
        assert fewer == "Below 4.4 minutes of outage a month (43 assumed) it is synchronous."

    def test_an_outage_that_outlasts_the_retries_is_not_among_those_replayed(self) -> None:
        """Ten deliveries twelve seconds apart are two minutes; a replayed outage lasts seconds."""
        row = headline(outage(), asking(OUTAGE, ANSWERED))
        assert any("over 2 minutes outlasts the queue's retries" in why for why in row["would_change"])
        row = headline(outage(), asking(ANSWERED), cost=bills(synchronous=1.0, hybrid=9.0))
        assert not any("retries" in why for why in row["would_change"])

    def test_what_lambda_queues_itself_is_given_up_after_its_own_retries(self) -> None:
        builder = Asked()
        for name, queued, refused in (("synchronous", (), 1.0), ("async_invoke", ("command",), 0.0)):
            builder.replay(name, queued=queued)
            builder.replay(name, "backend_outage", queued=queued, refused=refused, in_window_only=True)
            builder.replay(name, "outage_beyond_retries", queued=queued, refused=refused, in_window_only=True)
        row = headline(builder, asking(OUTAGE, ANSWERED))
        assert row["architecture"] == "async_invoke"
        [why] = [why for why in row["would_change"] if "outlasts" in why]
        assert "over 3 minutes outlasts Lambda's retries of what it queued (after 60 and 120 s)" in why

    def test_what_the_chosen_one_refuses_unasked_is_said_first(self) -> None:
        row = headline(outage(), asking(ANSWERED), cost=bills(synchronous=1.0, hybrid=9.0))
        assert row["architecture"] == "synchronous"
        words = "Nothing asks for commands to be taken under backend_outage, where synchronous refused "
        assert row["would_change"][0].startswith(words)
        asked = headline(outage(), asking(OUTAGE, ANSWERED))
        assert not any(why.startswith("Nothing asks") for why in asked["would_change"])

    def test_what_a_limit_refuses_of_more_than_the_recorded_load_is_the_simulated_share_or_said_to_be_so(self) -> None:
        def first(simulated: Asked | None) -> str:
            builder = Asked(speed=8.0, beside=simulated).replay("synchronous")
            builder.replay("synchronous", "concurrency_limit", refused=0.6)
            return str(headline(builder, asking(ANSWERED))["would_change"][0])

        words = "Nothing asks for commands to be taken under concurrency_limit, where synchronous refused "
        assert first(None) == f"{words}60 % (of 8 times the load) of them."
        beside = Asked(target="simulated", evidence="simulated", name="c1-simulated")
        beside.replay("synchronous", "concurrency_limit", refused=0.1)
        assert first(beside) == f"{words}10 % (simulated) of them."

    def test_the_volume_from_which_on_another_is_cheaper(self) -> None:
        """Hybrid costs 20 USD whatever is sent, synchronous 10 USD at today's 4.38 million requests a month."""

        def usd_at(contender: Contender, volume: float) -> float:
            return 20.0 if contender.architecture == "hybrid" else 10.0 * volume / 4_380_000

        builder = Asked().replay("synchronous").replay("hybrid", queued=["command"])
        row = headline(builder, asking(ANSWERED), cost=bills(synchronous=10.0, hybrid=20.0), usd_at=usd_at)
        assert row["architecture"] == "synchronous"
        assert (
            row["would_change"][0]
            == "From 9.2 million requests a month (4.38 million now) it is hybrid, by its cost alone."
        )

    def test_an_assumed_volume_is_priced_and_not_the_recorded_one(self) -> None:
        def usd_at(contender: Contender, volume: float) -> float:
            return 20.0 if contender.architecture == "hybrid" else 10.0 * volume / 4_380_000

        builder = Asked().replay("synchronous").replay("hybrid", queued=["command"])
        requirements = asking(ANSWERED, assumptions={"month": 43_800_000})
        row = headline(builder, requirements, cost=bills(synchronous=10.0, hybrid=20.0), usd_at=usd_at)
        assert row["architecture"] == "hybrid"
        assert any("20.00 USD against 100.00 USD a month" in why for why in row["because"])

    def test_a_requirement_without_which_it_is_another(self) -> None:
        row = headline(
            outage(), asking(NONE_REFUSED, ANSWERED), cost=bills(synchronous=5.0, hybrid=30.0, event_driven=9.0)
        )
        assert "Without “takes commands” it is synchronous." in row["would_change"]
        assert "Without “answers queries” it is event-driven." in row["would_change"]


STATES = st.sampled_from(["met", "missed", "undecided", "not_shown_here"])


class TestChoosing:
    @given(states=st.lists(st.tuples(*[STATES] * 3), min_size=1, max_size=5), usd=st.tuples(*[st.floats(1, 100)] * 3))
    def test_whoever_is_chosen_misses_nothing_and_nobody_better_could_win(
        self, states: list[tuple[str, str, str]], usd: tuple[float, float, float]
    ) -> None:
        rows = [
            {"architecture": name, "state": state}
            for of_requirement in states
            for name, state in zip(ARCHITECTURES, of_requirement, strict=True)
        ]
        cost = dict(zip(ARCHITECTURES, usd, strict=True))
        choice = choose(rows, ARCHITECTURES, Preferring({"usd_per_month": cost}, ARCHITECTURES))
        of = {name: {row["state"] for row in rows if row["architecture"] == name} for name in ARCHITECTURES}
        left = [name for name in ARCHITECTURES if "missed" not in of[name]]
        assert (choice.state == "none") == (not left)
        if choice.pick:
            assert not of[choice.pick] & {"missed", "undecided"}
            assert cost[choice.pick] <= min(cost[name] for name in left) * 1.05
        if choice.state == "undecided":
            assert choice.open
            assert choice.pick is None


QUICK = {"name": "is quick", "measure": "response_p50_ms", "of": "command", "under": "steady", "at_most": 50}


class TestAssumedParameters:
    """A parameter that nobody knows is named where another value of it gives another answer."""

    @staticmethod
    def comparison(factor: float, changed: float) -> Asked:
        beside = Asked(target="simulated", evidence="simulated", name="c1-simulated")
        for repetition in range(1, 9):
            for name in ("synchronous", "hybrid"):
                beside.replay(name, repetition=repetition, queued=QUEUED[name], response_us=40_000)
        beside.moved("lambda.invoke_latency", factor, 40_000, changed, "synchronous")
        observed = Asked(beside=beside)
        for name in ("synchronous", "hybrid"):
            observed.replay(name, queued=QUEUED[name])
        return observed

    def test_the_one_that_flips_the_answer_is_named(self) -> None:
        row = headline(self.comparison(2.0, 65_000), asking(QUICK, **PARTS))
        assert row["architecture"] == "synchronous"
        [sentence] = [one for one in row["would_change"] if "lambda.invoke_latency" in one]
        assert "twice as large" in sentence
        assert "it is hybrid" in sentence
        assert sentence in row["assumed"]

    def test_one_that_flips_nothing_is_not(self) -> None:
        row = headline(self.comparison(0.5, 30_000), asking(QUICK, **PARTS))
        assert row["assumed"] == []
        assert not any("lambda.invoke_latency" in one for one in row["would_change"])

    def test_where_nothing_was_simulated_nothing_rests_on_them(self) -> None:
        assert headline(Asked().replay("hybrid"), asking(NONE_REFUSED))["assumed"] is None
