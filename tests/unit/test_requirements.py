"""Whether an architecture meets what is asked, from planted requests of which it is known."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.analysis.requirements.bills import Bills
from assets.analysis.requirements.figures import Figure
from assets.analysis.requirements.judging import judge_requirements, repetitions_needed, state_of
from assets.analysis.requirements.measures import MEASURES
from assets.analysis.requirements.model import (
    BUNDLED,
    Requirement,
    Requirements,
    adopt,
    cautions,
    check,
    file_in_use,
    read,
)
from resources.warehouse.schema import schema
from tests.requirements_builder import Asked, bills
from workloads.errors import UsageError
from workloads.places import Places

Row = dict[str, Any]


def asked(*requirements: dict[str, Any], **assumptions: Any) -> Requirements:
    named = [{"name": f"asked {number}", **one} for number, one in enumerate(requirements, start=1)]
    return Requirements.model_validate({"requirement": named, "assumptions": assumptions})


def judged(builder: Asked, requirements: Requirements, cost: list[Row] | None = None) -> list[Row]:
    with builder.connect() as connection:
        rows: list[Row] = judge_requirements(
            connection, "c1", requirements, Bills(cost or [], requirements.assumptions)
        ).to_pylist()
    return rows


def only(builder: Asked, requirement: dict[str, Any], **more: Any) -> Row:
    """The row of the one requirement and architecture, of all it is about."""
    [row] = [row for row in judged(builder, asked(requirement), **more) if row["route"] is None]
    return row


REFUSED = {"measure": "refused_share", "of": "command", "under": "any", "at_most": 0.05}
LIMITED = {**REFUSED, "under": "peak"}


class TestStates:
    @pytest.mark.parametrize(
        ("refused", "state"), [(0.0, "met"), (0.01, "met"), (0.05, "undecided"), (0.2, "missed"), (1.0, "missed")]
    )
    def test_it_is_decided_only_where_the_whole_interval_is_on_one_side(self, refused: float, state: str) -> None:
        row = only(Asked().replay("hybrid", refused=refused), REFUSED)
        assert row["state"] == state
        assert row["value"] == pytest.approx(refused)
        assert row["ci_low"] <= row["value"] <= row["ci_high"]
        assert (row["reason"] is None) == (state != "undecided")

    def test_what_was_never_seen_may_still_happen_to_three_in_n(self) -> None:
        row = only(Asked().replay("hybrid"), REFUSED)
        assert (row["value"], row["ci_low"], row["ci_high"]) == (0.0, 0.0, 3 / 600)

    @pytest.mark.parametrize(("limit", "state"), [(3 / 600, "met"), (3 / 600 - 1e-9, "undecided"), (0.0, "undecided")])
    def test_at_exactly_the_limit_it_is_met(self, limit: float, state: str) -> None:
        assert only(Asked().replay("hybrid"), {**REFUSED, "at_most": limit})["state"] == state

    def test_never_cannot_be_shown_and_is_said_to_be_so(self) -> None:
        row = only(Asked().replay("hybrid"), {**REFUSED, "at_most": 0})
        assert row["state"] == "undecided"
        assert "no number of requests shows that it never happens" in row["reason"]

    def test_one_lost_command_is_more_than_none(self) -> None:
        row = only(Asked().replay("hybrid", lost=1), {**REFUSED, "measure": "lost_share", "at_most": 0})
        assert (row["state"], row["n"]) == ("missed", 600)

    def test_an_undecided_one_says_what_would_decide_it(self) -> None:
        row = only(Asked().replay("hybrid"), {**REFUSED, "at_most": 0.002})
        assert "3 repetitions in all are likely to decide it (`archduel compare" in row["reason"]
        assert "--repetitions 3`, about 3 min)" in row["reason"]

    def test_few_requests_take_more_requests_and_not_more_repetitions(self) -> None:
        row = only(Asked().replay("hybrid", offered={"command": 3}), {**REFUSED, "at_most": 0.01})
        assert row["state"] == "undecided"
        assert "a longer part of the recording, or `--amplify`, has more" in row["reason"]

    def test_what_is_not_in_the_recording_is_not_shown(self) -> None:
        row = only(Asked().replay("hybrid", offered={"query": 100}), REFUSED)
        assert (row["state"], row["n"]) == ("not_shown_here", 0)
        assert row["reason"] == "No commands were offered under steady."

    @given(
        low=st.floats(0, 1),
        width=st.floats(0, 1),
        limit=st.floats(0, 1),
        bound=st.sampled_from(["at_most", "at_least"]),
    )
    def test_no_interval_is_both_met_and_missed(self, low: float, width: float, limit: float, bound: str) -> None:
        requirement = Requirement.model_validate({"name": "x", "measure": "refused_share", bound: limit})
        high = min(1.0, low + width)
        state = state_of(Figure((low + high) / 2, low, high), requirement)
        inside = [value for value in (low, high) if (value <= limit if bound == "at_most" else value >= limit)]
        assert state == {2: "met", 1: "undecided", 0: "missed"}[len(inside)]
        open_ended = state_of(Figure(None, None, None), requirement)
        assert open_ended == "undecided"

    @given(value=st.floats(0.001, 0.999), half=st.floats(0.0005, 0.5), limit=st.floats(0, 1), done=st.integers(1, 24))
    def test_repetitions_proposed_are_more_than_there_are(
        self, value: float, half: float, limit: float, done: int
    ) -> None:
        requirement = Requirement.model_validate({"name": "x", "measure": "refused_share", "at_most": limit})
        needed = repetitions_needed(Figure(value, value - half, value + half, 100, done), requirement)
        assert needed is None or done < needed <= 24


class TestScenarios:
    def test_the_worst_scenario_decides(self) -> None:
        builder = Asked().replay("hybrid").replay("hybrid", "backend_outage", refused=0.3)
        row = only(builder, REFUSED)
        assert (row["state"], row["scenario"]) == ("missed", "backend_outage")

    def test_a_situation_that_was_not_replayed_is_undecided_and_says_which_would_be(self) -> None:
        row = only(Asked().replay("hybrid"), {**REFUSED, "under": "outage"})
        assert row["state"] == "undecided"
        assert "archduel compare --scenario backend_outage" in row["reason"]
        assert row["evidence"] is None, "nothing was measured"

    def test_without_a_valid_replay_nothing_is_decided(self) -> None:
        row = only(Asked().replay("hybrid", invalid="the load was late"), REFUSED)
        assert (row["state"], row["n"]) == ("undecided", None)
        assert "no valid replay under steady: the load was late" in row["reason"]

    def test_a_behaviour_that_the_target_lacks_hides_what_rests_on_it(self) -> None:
        lacking = Asked(lacks=["visibility timeout"]).replay("hybrid", "backend_outage", queued=["command"])
        row = only(lacking, {**REFUSED, "measure": "lost_share"})
        assert row["state"] == "not_shown_here"
        assert "visibility timeout" in row["reason"]

    def test_what_one_scenario_cannot_show_another_may_and_that_is_said(self) -> None:
        lacking = Asked(lacks=["visibility timeout"]).replay("hybrid", "backend_outage", queued=["command"])
        row = only(lacking.replay("hybrid", queued=["command"]), {**REFUSED, "measure": "lost_share"})
        assert (row["state"], row["scenario"]) == ("met", "steady")
        assert "Without what is not shown here" in row["reason"]


TIME = {"measure": "response_p50_ms", "of": "command", "under": "steady", "at_most": 10}
TWO_ROUTES = {"command": ("POST /orders", "POST /login"), "query": ("GET /menus/{menu}",)}


class TestTimes:
    def simulated(self, repetitions: int, **replay: Any) -> Asked:
        builder = Asked(target="simulated AWS", evidence="simulated")
        for repetition in range(1, repetitions + 1):
            builder.replay("hybrid", repetition=repetition, **{"response_us": 5_000 + repetition, **replay})
        return builder

    @pytest.mark.parametrize(("repetitions", "state"), [(1, "undecided"), (5, "undecided"), (6, "met"), (8, "met")])
    def test_fewer_than_six_repetitions_decide_no_time(self, repetitions: int, state: str) -> None:
        assert only(self.simulated(repetitions), TIME)["state"] == state

    def test_an_emulators_milliseconds_are_shown_and_decide_nothing(self) -> None:
        builder = Asked()
        for repetition in range(1, 9):
            builder.replay("hybrid", repetition=repetition)
        row = only(builder, TIME)
        assert (row["state"], row["value"]) == ("not_shown_here", 5.0)

    def test_what_is_refused_counts_as_never(self) -> None:
        """Shedding three commands in five must not make the median of commands quick."""
        row = only(self.simulated(8, refused=0.6), TIME)
        assert (row["state"], row["value"]) == ("missed", None)

    def test_a_quantile_of_too_few_requests_is_no_figure(self) -> None:
        builder = self.simulated(8, offered={"command": 81})
        row = only(builder, {**TIME, "measure": "response_p99_ms"})
        assert row["state"] == "undecided"
        assert "needs 500 requests in a repetition, and one has 81" in row["reason"]
        assert "--amplify" in row["reason"]
        assert "--repetitions" not in row["reason"], "which would not help"

    def test_repetitions_too_small_for_a_quantile_are_taken_together(self) -> None:
        """Twelve of 300 commands are six samples of 600; eleven are too few, and it is said how many it takes."""
        p99 = {**TIME, "measure": "response_p99_ms"}
        row = only(self.simulated(12, offered={"command": 300}), p99)
        assert (row["state"], row["repetitions"]) == ("met", 12)
        assert row["value"] == pytest.approx(5.0, rel=0.01)
        few = only(self.simulated(11, offered={"command": 300}), p99)
        assert few["state"] == "undecided"
        assert "12 repetitions in all" in few["reason"]


class TestSimulatedBeside:
    """What an emulator cannot show is judged by the simulation beside it, and nothing else is."""

    @staticmethod
    def observed(response_us: int, refused: float = 0.0) -> Asked:
        beside = Asked(target="simulated", evidence="simulated", name="c1-simulated")
        for repetition in range(1, 9):
            beside.replay("hybrid", repetition=repetition, response_us=response_us, refused=refused)
        return Asked(beside=beside).replay("hybrid", response_us=900_000)

    @pytest.mark.parametrize(("response_us", "state"), [(5_000, "met"), (90_000, "missed")])
    def test_a_time_is_the_simulated_one_and_says_so(self, response_us: int, state: str) -> None:
        row = only(self.observed(response_us), {**TIME, "at_most": 50})
        assert (row["state"], row["value"]) == (state, response_us / 1000)
        assert (row["evidence"], row["target"]) == ("simulated", "simulated")

    def test_what_the_emulator_shows_stays_observed(self) -> None:
        row = only(self.observed(5_000, refused=0.5), REFUSED)
        assert (row["state"], row["value"], row["evidence"]) == ("met", 0.0, "observed")

    @pytest.mark.parametrize(
        ("scenario", "speed", "refused", "state"),
        [
            ("concurrency_limit", 7.6, 0.3, "not_shown_here"),
            ("gateway_throttle", 7.6, 0.05, "not_shown_here"),  # undecided, of a load that nobody recorded
            ("concurrency_limit", 7.6, 0.0, "met"),  # under less load, too
            ("concurrency_limit", 1.0, 0.3, "missed"),
            ("burst", 7.6, 0.3, "missed"),  # which has no limit of its own
        ],
    )
    def test_a_limit_is_not_judged_by_more_than_the_recorded_load(
        self, scenario: str, speed: float, refused: float, state: str
    ) -> None:
        row = only(Asked(speed=speed).replay("hybrid", scenario, refused=refused), LIMITED)
        assert row["state"] == state
        if state == "not_shown_here":
            assert (
                f"At 7.6 times the recorded speed the limit of {scenario} met 7.6 times the recorded load"
                in row["reason"]
            )

    def test_a_limit_is_judged_by_the_simulated_load_where_the_replayed_one_was_more(self) -> None:
        beside = Asked(target="simulated", evidence="simulated", name="c1-simulated")
        beside.replay("hybrid", "concurrency_limit", refused=0.01)
        row = only(Asked(beside=beside, speed=7.6).replay("hybrid", "concurrency_limit", refused=0.3), LIMITED)
        assert (row["state"], row["value"], row["evidence"]) == ("met", pytest.approx(0.01), "simulated")

    def test_a_simulation_of_too_few_requests_shows_nothing(self) -> None:
        beside = Asked(target="simulated", evidence="simulated", name="c1-simulated")
        beside.replay("hybrid", offered={"command": 50})
        row = only(Asked(beside=beside).replay("hybrid"), {**TIME, "measure": "response_p99_ms"})
        assert row["state"] == "not_shown_here"


class TestMonths:
    def test_an_outage_counts_for_as_long_as_it_is_assumed_to_last(self) -> None:
        """All of the commands due in the outage fail: half of 100 requests a minute, for 43 minutes."""
        builder = Asked(month=4_380_000).replay("synchronous", "backend_outage", refused=1.0, in_window_only=True)
        requirement = {"measure": "refused_per_month", "of": "command", "under": "outage", "at_most": 100}
        row = only(builder, requirement)
        assert row["state"] == "missed"
        assert row["value"] == pytest.approx(50 * 43)
        share = only(builder, {**requirement, "measure": "refused_share_of_month", "at_most": 1e-4})
        assert share["value"] == pytest.approx(43 / 43_800)
        assert share["per_month"] == pytest.approx(50 * 43)

    def test_a_steady_share_counts_for_the_whole_month(self) -> None:
        row = only(Asked().replay("hybrid", refused=0.01), {**REFUSED, "under": "steady"})
        assert row["per_month"] == pytest.approx(0.01 * 4_380_000 / 2)

    def test_an_assumed_volume_replaces_the_recorded_one(self) -> None:
        builder = Asked().replay("hybrid", refused=0.5)
        requirement = {"measure": "refused_per_month", "of": "command", "under": "steady", "at_most": 1}
        [row, *_] = judged(builder, asked(requirement, month=1_000))
        assert row["value"] == pytest.approx(250)

    @pytest.mark.parametrize(("limit", "state"), [(10, "met"), (9.99, "missed")])
    def test_a_bill_is_bounded_as_modelled(self, limit: float, state: str) -> None:
        row = only(Asked().replay("hybrid"), {"measure": "usd_per_month", "at_most": limit}, cost=bills(hybrid=10.0))
        assert (row["state"], row["evidence"], row["value"]) == (state, "modelled", 10.0)


class TestRoutes:
    def test_each_route_is_judged_by_its_own_requests(self) -> None:
        builder = Asked().replay("synchronous", routes=TWO_ROUTES, refused=1.0, refused_routes=["POST /login"])
        rows = {row["route"]: row for row in judged(builder, asked(REFUSED))}
        assert rows["POST /login"]["value"] == 1.0
        assert (rows["POST /orders"]["state"], rows["POST /orders"]["value"]) == ("met", 0.0)
        assert rows[None]["value"] == 0.5
        assert "GET /menus/{menu}" not in rows, "it is about commands"

    def test_a_requirement_of_a_route_is_about_nothing_else(self) -> None:
        builder = Asked().replay("synchronous", routes=TWO_ROUTES, refused=1.0, refused_routes=["POST /login"])
        row = only(builder, {**REFUSED, "of": "POST /orders"})
        assert (row["state"], row["n"]) == ("met", 300)


class TestWitnesses:
    @pytest.mark.parametrize(
        ("measure", "planted"),
        [
            ("dead_lettered_share", {"dead_lettered": 60}),
            ("out_of_turn_share", {"out_of_turn": 60}),
            ("lost_share", {"lost": 60}),
        ],
    )
    def test_each_is_counted(self, measure: str, planted: dict[str, Any]) -> None:
        row = only(Asked().replay("hybrid", queued=["command"], **planted), {**REFUSED, "measure": measure})
        assert (row["value"], row["state"]) == (0.1, "missed")

    def test_stale_readings_are_counted_of_queries(self) -> None:
        requirement = {"measure": "stale_share", "of": "query", "under": "steady", "at_most": 0.01}
        assert only(Asked().replay("hybrid", stale=60), requirement)["value"] == 0.1

    def test_a_ticket_is_no_answer(self) -> None:
        requirement = {"measure": "answered_share", "of": "query", "under": "steady", "at_least": 0.98}
        assert only(Asked().replay("event_driven", queued=["query"]), requirement)["state"] == "missed"
        assert only(Asked().replay("hybrid"), requirement)["state"] == "met"


class TestFile:
    def test_the_bundled_one_is_right(self) -> None:
        assert len(read(BUNDLED).requirement) > 3

    @pytest.mark.parametrize(
        ("wrong", "words"),
        [
            ('measure = "response_p99"\nat_most = 1', "unknown measure 'response_p99': `archduel requirements`"),
            ('measure = "response_p99_ms"\nunit = "s"\nat_most = 1', "response_p99_ms is in ms, not 's'"),
            ('measure = "lost_share"', "needs at_most or at_least"),
            ('measure = "lost_share"\nat_most = 1\nat_least = 0', "and not both"),
            ('measure = "lost_share"\nat_most = 2', "a share lies between 0 and 1, not at 2"),
            ('measure = "lost_share"\nat_most = -0.1', "must be greater than or equal to 0"),
            ('measure = "lost_share"\nat_most = nan', "at_most"),
            ('measure = "lost_share"\natmost = 0.1', "unknown atmost"),
            ('measure = "stale_share"\nof = "command"\nat_most = 0.1', "counted of query, not of command"),
            ('measure = "refused_per_month"\nat_most = 1', 'needs under = "outage" or "steady"'),
            ("at_most = 1", "measure is missing"),
        ],
    )
    def test_a_wrong_one_is_named_with_what_is_right(self, tmp_path: Path, wrong: str, words: str) -> None:
        file = tmp_path / "own.toml"
        file.write_text(f'[[requirement]]\nname = "mine"\n{wrong}\n')
        with pytest.raises(UsageError) as error:
            read(file)
        message = str(error.value)
        assert message.startswith("own.toml: requirement 'mine': ")
        assert words in message
        assert "\n" not in message

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("", "has at least one [[requirement]]"),
            ("x", "is not a TOML file"),
            ('[assumptions]\nmonth = "yearly"\n', "must be 'recorded' or a number"),
            ('[preference]\namong_equals = ["beauty"]\n', "choose from usd_per_month"),
            ("[assumptions]\noutage_minutes_per_month = 0\n", "outage_minutes_per_month must be greater than 0"),
        ],
    )
    def test_what_is_wrong_beside_requirements_is_named_too(self, tmp_path: Path, text: str, words: str) -> None:
        file = tmp_path / "own.toml"
        requirement = '[[requirement]]\nname = "x"\nmeasure = "lost_share"\nat_most = 0.1\n' if "[" in text else ""
        file.write_text(text + requirement)
        with pytest.raises(UsageError, match=r"own\.toml") as error:
            read(file)
        assert words in str(error.value)

    def test_a_limit_that_nothing_can_meet_is_pointed_out_before_anything_is_replayed(self) -> None:
        assert not cautions(read(BUNDLED))
        [caution] = cautions(asked({**REFUSED, "at_most": 0}, {"measure": "usd_per_month", "at_most": 0}))
        assert caution.startswith("'asked 1' can be missed and never met")

    def test_an_unknown_route_or_scenario_is_named(self) -> None:
        of_route = asked({**REFUSED, "of": "POST /order"})
        with pytest.raises(UsageError, match=r"no route 'POST /order': choose from .*'POST /orders'"):
            check(of_route, {"POST /orders"}, set())
        check(asked({**REFUSED, "of": "POST /orders"}), {"POST /orders"}, set())
        with pytest.raises(UsageError, match="'outages', neither a scenario nor one of any, steady"):
            check(asked({**REFUSED, "under": "outages"}), set(), {"poison"})
        check(asked({**REFUSED, "under": "poison"}), set(), {"poison"})

    def test_a_comparisons_own_counts_before_the_users_and_that_before_the_bundled(self, tmp_path: Path) -> None:
        places = Places(tmp_path / "home")
        assert file_in_use(places, "c1") == BUNDLED
        places.home.mkdir()
        (places.home / "requirements.toml").write_text(BUNDLED.read_text())
        assert file_in_use(places, "c1") == places.home / "requirements.toml"
        given_file = tmp_path / "given.toml"
        given_file.write_text(BUNDLED.read_text())
        adopt(places, "c1", given_file)
        assert file_in_use(places, "c1").read_text() == given_file.read_text()
        assert file_in_use(places, "c1").parent == places.judgements / "c1"
        assert file_in_use(places, "c2") == places.home / "requirements.toml"


def test_every_measure_is_worked_out() -> None:
    builder = Asked().replay("hybrid", "backend_outage", queued=["command"]).replay("hybrid", queued=["command"])
    requirements = [
        {"measure": name, "at_most": 1, "under": "outage" if measure.kind == "month" else "any"}
        for name, measure in MEASURES.items()
    ]
    rows = judged(builder, asked(*requirements), cost=bills(hybrid=3.0))
    unknown = {row["measure"] for row in rows if row["route"] is None and row["value"] is None}
    assert unknown <= {"drain_s", "back_to_normal_s"}, "which have no fault that was measured here"
    assert set(schema("requirements").names) == set(rows[0])
