"""The register of claims, its rules and its roll-up. Verdicts on planted outcomes are `test_claims_verdicts`."""

import math
from itertools import product
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.analysis.claims import Claim, claims, rules, scenarios_needed, wording
from assets.analysis.claims.model import Documented, Measured
from assets.analysis.claims.register import read_claims
from assets.analysis.claims.rollup import PartVerdict, roll_up
from assets.analysis.claims.rules import Finding, Place, place, trials_needed
from resources.architectures import architectures
from resources.conformance.running import probes
from resources.lab.settings import NIGHTLY_REPETITIONS
from workloads.errors import ArchduelError
from workloads.places import Places
from workloads.recordings.library import DEFAULT_WORKLOAD, Library
from workloads.recordings.recording import Operation
from workloads.replay.schedule import schedule
from workloads.scenarios import scenarios

REGISTER = claims()
BEHAVIOURS = {probe.behaviour: probe for probe in probes()}
MEASURED = [(claim, part) for claim in REGISTER for part in claim.measured]
AFFECTED = [(probe.behaviour, claim) for probe in probes() for claim in probe.affects]

ENTRY = """
[[claims]]
id = "S1"
architecture = "synchronous"
text = "text"
reading = "reading"
[[claims.parts]]
kind = "share"
metric = "share"
threshold = 0.9
above = "supported"
below = "refuted"
sql = "SELECT 1"
"""


def needs(claim: Claim) -> set[str]:
    return {name for part in claim.measured for name in part.needs}


class TestRegister:
    def test_holds_every_claim_of_the_text_once_in_its_order(self) -> None:
        expected = [f"S{n}" for n in range(1, 16)] + [f"E{n}" for n in range(1, 14)] + ["T1", "T2"]
        assert [claim.id for claim in REGISTER] == expected

    @pytest.mark.parametrize("claim", REGISTER, ids=lambda claim: claim.id)
    def test_names_what_exists(self, claim: Claim) -> None:
        assert claim.architecture in architectures()
        assert claim.scenarios <= set(scenarios())
        assert claim.reads <= set(architectures()) | {"pairwise", "cost"}
        assert needs(claim) | set(claim.irrelevant) <= set(BEHAVIOURS)

    @pytest.mark.parametrize(("behaviour", "claim_id"), AFFECTED)
    def test_honours_what_affects_a_claim(self, behaviour: str, claim_id: str) -> None:
        claim = next(claim for claim in REGISTER if claim.id == claim_id)
        assert (behaviour in needs(claim)) != (behaviour in claim.irrelevant), "needed, or irrelevant with a reason"

    @pytest.mark.parametrize("claim", REGISTER, ids=lambda claim: claim.id)
    def test_honours_what_its_scenarios_rest_on(self, claim: Claim) -> None:
        rests_on = {
            reliance.behaviour
            for part in claim.measured
            for scenario, architecture in part.cells
            for reliance in scenarios()[scenario].rests_on
            if any(reliance.component in dict(architectures()[architecture].path(one)) for one in get_args(Operation))
        }
        assert rests_on <= needs(claim) | set(claim.irrelevant)

    @pytest.mark.parametrize(("claim", "part"), MEASURED, ids=[f"{c.id} {p.part}" for c, p in MEASURED])
    def test_calls_a_part_demonstrated_that_can_be_decided_one_way_only(self, claim: Claim, part: Measured) -> None:
        decided = {getattr(part, name, None) for name in ("verdict", "above", "below", "inside")}
        if len(decided & {"supported", "refuted"}) < 2:
            assert part.demonstrated

    @pytest.mark.parametrize("claim", REGISTER, ids=lambda claim: claim.id)
    def test_says_nothing_of_behaviours_that_do_not_affect_a_claim(self, claim: Claim) -> None:
        named = needs(claim) | set(claim.irrelevant)
        assert {name for name in named if claim.id not in BEHAVIOURS[name].affects} == set()

    @pytest.mark.parametrize(("claim", "part"), MEASURED, ids=[f"{c.id} {p.part}" for c, p in MEASURED])
    def test_reads_each_part_from_somewhere(self, claim: Claim, part: Measured) -> None:
        if part.architectures:
            assert part.scenarios
        else:
            assert part.tables or "FROM conformance" in part.sql

    def test_needs_the_scenarios_its_parts_name(self) -> None:
        assert set(scenarios_needed()) == {name for _, part in MEASURED for name in part.scenarios}
        assert list(scenarios_needed()) == [name for name in scenarios() if name in scenarios_needed()]

    def test_lets_observation_decide_most_claims(self) -> None:
        observed = {claim.id for claim, part in MEASURED if part.evidence == "observed" and not part.optional}
        assert len(observed) >= 18

    def test_gives_a_page_for_everything_documented(self) -> None:
        documented = [part for claim in REGISTER for part in claim.parts if isinstance(part, Documented)]
        assert len(documented) >= 5
        assert all(part.because.endswith(".") for part in documented)

    @pytest.mark.parametrize(
        ("old", "new", "word"),
        [
            ('reading = "reading"', 'reading = "reading"\nraeding = "x"', "raeding"),
            ('metric = "share"', 'metric = "share"\nmetrik = "x"', "metrik"),
            ('kind = "share"', 'kind = "guess"', "kind|tag"),
            ("threshold = 0.9", "threshold = 1.5", "threshold"),
            ('above = "supported"', 'above = "true"', "above"),
            ('above = "supported"', 'above = "refuted"', "nothing is decided"),
            ("threshold = 0.9", "threshold = 0.9\ntolerance = 0.05", "tolerance and inside"),
            ('kind = "share"', 'part = "alone"\nkind = "share"', "no name"),
            ('kind = "share"', 'kind = "share"\noptional = true', "optional"),
            ('id = "S1"', 'id = "X1"', "id"),
            ("[[claims]]", "[[claim]]", "claims"),
            ("threshold = 0.9", "threshold = ", "TOML"),
        ],
    )
    def test_refuses_what_is_not_allowed(self, tmp_path: Path, old: str, new: str, word: str) -> None:
        file = tmp_path / "claims.toml"
        file.write_text(ENTRY)
        assert [claim.id for claim in read_claims(file)] == ["S1"]
        file.write_text(ENTRY.replace(old, new, 1))
        with pytest.raises(ArchduelError, match=word):
            read_claims(file)

    def test_names_a_file_that_cannot_be_read(self, tmp_path: Path) -> None:
        with pytest.raises(ArchduelError, match=r"nowhere\.toml"):
            read_claims(tmp_path / "nowhere.toml")


class TestPlace:
    @pytest.mark.parametrize(
        ("low", "high", "tolerance", "expected"),
        [
            (0.6, 0.7, None, Place.ABOVE),
            (0.3, 0.4, None, Place.BELOW),
            (0.4, 0.6, None, Place.ACROSS),
            (0.5, 0.7, None, Place.ACROSS),  # touching is not beyond
            (0.3, 0.5, None, Place.ACROSS),
            (0.45, 0.55, 0.1, Place.INSIDE),
            (0.35, 0.55, 0.1, Place.ACROSS),
            (0.55, 0.65, 0.1, Place.ACROSS),
            (0.61, 0.7, 0.1, Place.ABOVE),
            (0.1, 0.39, 0.1, Place.BELOW),
            (-math.inf, math.inf, None, Place.ACROSS),
            (math.nan, 1.0, None, Place.NOWHERE),
        ],
    )
    def test_takes_the_whole_interval(self, low: float, high: float, tolerance: float | None, expected: Place) -> None:
        assert place(low, high, 0.5, tolerance) is expected


class TestRules:
    @pytest.mark.parametrize(("threshold", "trials"), [(0.99, 368), (0.999, 3688), (0.01, 368)])
    def test_know_how_many_trials_a_threshold_takes(self, threshold: float, trials: int) -> None:
        assert rules.trials_needed(threshold) == trials
        side = Place.ABOVE if threshold > 0.5 else Place.BELOW
        events = trials if threshold > 0.5 else 0
        assert rules.share([events], [trials], threshold).place is side
        short = [max(0, events - 1)] if threshold > 0.5 else [0]
        assert rules.share(short, [trials - 1], threshold).place is Place.ACROSS

    def test_pool_a_share_over_repetitions(self) -> None:
        found = rules.share([500] * 8, [500] * 8, 0.999)
        assert (found.place, found.n, found.repetitions) == (Place.ABOVE, 4000, 8)

    @pytest.mark.parametrize("rows", [([], []), ([0, 0], [0, 0])])
    def test_find_no_share_in_nothing(self, rows: tuple[list[int], list[int]]) -> None:
        assert rules.share(*rows, 0.5) == Finding(Place.NOWHERE, None, None, 0, 0)

    def test_decide_a_figure_by_its_mean_over_repetitions(self) -> None:
        values = (1 + np.random.default_rng(1).normal(0, 0.01, 8)).tolist()
        assert rules.figure(values, [40] * 8, 1.0, 0.05).place is Place.INSIDE
        assert rules.figure(values, [40] * 8, 0.05).place is Place.ABOVE
        assert rules.figure(values, [40] * 8, 2.0).place is Place.BELOW
        assert rules.figure(values, [40] * 8, 1.0).place is Place.ACROSS

    @pytest.mark.parametrize("repetitions", range(1, 6))
    def test_decide_no_figure_of_fewer_than_six_repetitions(self, repetitions: int) -> None:
        found = rules.figure([5.0] * repetitions, [40] * repetitions, 1.0)
        assert (found.place, found.low, found.high, found.repetitions) == (Place.ACROSS, None, None, repetitions)

    @pytest.mark.parametrize("value", [None, math.nan, math.inf, -math.inf])
    def test_leave_out_what_is_no_number(self, value: float | None) -> None:
        assert rules.figure([value] * 8, [1] * 8, 1.0) == Finding(Place.NOWHERE, None, None, 8, 0)
        assert rules.figure([value, *[5.0] * 6], [1] * 7, 1.0).repetitions == 6
        assert rules.witness([value], [1], 0).place is Place.NOWHERE

    def test_decide_a_ratio_on_the_log_scale(self) -> None:
        values = [0.5, 2.0, 0.5, 2.0, 0.5, 2.0, 0.5, 2.0]
        found = rules.ratio(values, [1] * 8, 1.0)
        assert found.low is not None
        assert found.high is not None
        assert found.place is Place.ACROSS
        assert math.isclose(found.low * found.high, 1.0)
        assert rules.ratio([4.0] * 8, [1] * 8, 2.0).place is Place.ABOVE
        assert rules.ratio([0.0] * 8, [1] * 8, 2.0).place is Place.NOWHERE

    def test_let_one_witness_be_enough_and_none_prove_nothing(self) -> None:
        assert rules.witness([0, 0, 1], [5, 5, 5], 0).place is Place.ABOVE
        assert rules.witness([0, 0], [5, 5], 0).place is Place.BELOW
        assert rules.witness([], [], 0).place is Place.NOWHERE

    def test_take_all_workloads_of_intervals_made_elsewhere(self) -> None:
        assert rules.span([0.2, 0.3], [0.4, 0.5], [8, 8], 0.1) == Finding(Place.ABOVE, 0.2, 0.5, 16, 2)
        assert rules.span([-0.2, 0.3], [0.0, 0.5], [8, 8], 0.1).place is Place.ACROSS
        assert rules.span([None, 0.3], [None, 0.5], [8, 8], 0.1).place is Place.NOWHERE
        assert rules.span([], [], [], 0.1).place is Place.NOWHERE

    @settings(deadline=None)
    @given(
        values=st.lists(
            st.sampled_from([None, math.nan, math.inf, -math.inf, 0.0, -1.0]) | st.floats(-9, 9), max_size=9
        ),
        threshold=st.floats(-2, 2),
        tolerance=st.none() | st.floats(0.01, 1),
    )
    def test_never_give_what_is_no_number(
        self, values: list[float | None], threshold: float, tolerance: float | None
    ) -> None:
        n = [1] * len(values)
        for found in (rules.figure(values, n, threshold, tolerance), rules.ratio(values, n, abs(threshold) + 0.1)):
            assert all(end is None or math.isfinite(end) for end in (found.low, found.high))
            if found.low is None:
                assert found.place in (Place.NOWHERE, Place.ACROSS)

    def test_say_how_many_repetitions_would_tell(self) -> None:
        found = Finding(Place.ACROSS, 0.8, 1.2, 80, 8)
        assert rules.repetitions_needed(found, 1.0, 0.9) == 33  # half the width: four times as many
        assert rules.repetitions_needed(found, 1.0, 1.0) is None
        assert rules.repetitions_needed(Finding(Place.ACROSS, None, None, 8, 1), 1.0, 0.9) is None


def part(verdict: str, name: str = "a", evidence: str = "observed", *, optional: bool = False) -> PartVerdict:
    return PartVerdict(name, verdict, evidence, optional)


class TestRollUp:
    @pytest.mark.parametrize(
        ("verdicts", "expected", "expected_of_all"),
        [
            (["supported", "supported"], "supported", "supported"),
            (["refuted", "refuted"], "refuted", "refuted"),
            (["supported", "refuted"], "partly", "refuted"),
            (["supported", "refuted", "inconclusive"], "partly", "refuted"),
            (["supported", "refuted", "not_testable_here"], "partly", "refuted"),
            (["supported", "inconclusive"], "inconclusive", "inconclusive"),
            (["refuted", "inconclusive"], "inconclusive", "refuted"),
            (["supported", "not_testable_here"], "supported", "not_testable_here"),
            (["inconclusive", "inconclusive"], "inconclusive", "inconclusive"),
            (["inconclusive", "not_testable_here"], "inconclusive", "inconclusive"),
            (["not_testable_here", "not_testable_here"], "not_testable_here", "not_testable_here"),
        ],
    )
    def test_follows_its_parts(self, verdicts: list[str], expected: str, expected_of_all: str) -> None:
        parts = [part(verdict, str(number)) for number, verdict in enumerate(verdicts)]
        assert roll_up(parts, "parts").verdict == expected
        assert roll_up(parts, "all").verdict == expected_of_all
        assert roll_up(parts[::-1], "parts").verdict == expected

    def test_leaves_out_an_optional_part_until_it_is_decided(self) -> None:
        assert roll_up([part("supported"), part("inconclusive", optional=True)], "parts").verdict == "supported"
        assert roll_up([part("supported"), part("refuted", optional=True)], "parts").verdict == "partly"

    @pytest.mark.parametrize(
        ("parts", "evidence"),
        [
            ([("supported", "observed"), ("supported", "documented")], "observed"),
            ([("supported", "observed"), ("refuted", "documented")], "documented"),
            ([("supported", "simulated"), ("refuted", "documented")], "documented"),
            ([("not_testable_here", "observed"), ("refuted", "documented")], "documented"),
            ([("inconclusive", "observed"), ("inconclusive", "simulated")], "observed"),
        ],
    )
    def test_rests_on_the_best_evidence_that_is_enough(self, parts: list[tuple[str, str]], evidence: str) -> None:
        rolled = roll_up([part(verdict, "a", kind) for verdict, kind in parts], "parts")
        assert rolled.evidence == evidence

    @pytest.mark.parametrize(
        ("parts", "kind"),
        [
            ([("supported", "demonstrated"), ("refuted", "measured")], "measured"),
            ([("supported", "demonstrated"), ("inconclusive", "measured")], "demonstrated"),
            ([("not_testable_here", "demonstrated"), ("refuted", None)], None),
            ([("inconclusive", "measured"), ("not_testable_here", "demonstrated")], "measured"),
        ],
    )
    def test_is_of_the_kind_of_the_parts_that_decide_it(
        self, parts: list[tuple[str, str | None]], kind: str | None
    ) -> None:
        named = [PartVerdict("a", verdict, "observed", kind=of) for verdict, of in parts]
        assert roll_up(named, "parts").kind == kind

    def test_names_which_part_came_to_what(self) -> None:
        parts = [part("supported", "gateway"), part("refuted", "table"), part("not_testable_here", "queue")]
        reason = roll_up(parts, "parts").reason
        assert reason == "supported: gateway; refuted: table; not testable here: queue"

    def test_of_any_parts_is_one_of_the_verdicts(self) -> None:
        verdicts = ("supported", "refuted", "inconclusive", "not_testable_here")
        for some in product(verdicts, repeat=3):
            rolled = roll_up([part(verdict) for verdict in some], "parts")
            assert rolled.verdict in {*some, "partly"}
            assert (rolled.verdict == "partly") == ({"supported", "refuted"} <= set(some))


class TestWording:
    SHARE = next(part for claim, part in MEASURED if claim.id == "S1")

    @pytest.mark.parametrize(
        ("value", "words"),
        [
            (1.0, "100 %"),
            (0.0, "0 %"),
            (0.9999997, "99.99997 %"),
            (0.99, "99 %"),
            (0.12345, "12.345 %"),
            (1e-6, "0.0001 %"),
        ],
    )
    def test_never_rounds_to_what_was_not_reached(self, value: float, words: str) -> None:
        assert wording.number(value, self.SHARE) == words

    def test_gives_the_command_that_replays_a_part(self) -> None:
        assert wording.command(self.SHARE, "food_orders", 8) == (
            "archduel compare --scenario steady --architecture synchronous --repetitions 8"
        )
        assert "--workload friday" in wording.command(self.SHARE, "friday")


@pytest.mark.parametrize("speed", [4.0, 12.0])
def test_a_night_sends_enough_into_every_window_to_tell_none_from_one_in_a_hundred(
    places: Places, speed: float
) -> None:
    offered = schedule(Library(places).load(DEFAULT_WORKLOAD), speed=speed, seed=1, longest_pause_s=1.0)
    for fault, start_us, end_us in scenarios()["component_down"].windows(offered.duration_us):
        within = (offered.due_us >= start_us) & (offered.due_us < end_us - 500_000)  # as S5, E5 and E6 count
        assert NIGHTLY_REPETITIONS * within.sum() >= trials_needed(0.01), fault.target
