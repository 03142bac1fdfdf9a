"""The report's words: sentences say what the figures say, and numbers hide nothing."""

import dataclasses
import re
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.analysis.repeating import repeating_command
from assets.report.words import answers, judged, numbers, requirements
from assets.report.words.answers import Outcome, Window
from assets.report.words.titles import VERDICTS, Mark, fault_title, mark, repetitions_title, source_title
from workloads.scenarios import scenarios

PLAIN = Outcome(
    contender="Synchronous",
    operation="command",
    offered=1000,
    acknowledged=1000,
    throttled=0,
    failed=0,
    timed_out=0,
    unsent=0,
    committed=1000,
    dead_lettered=0,
    in_flight=0,
    lost=0,
    ghost_commits=0,
    ghosts=0,
    duplicates=0,
    redeliveries=0,
    reordered=0,
    read_your_writes_misses=0,
    response_p50_us=1500.0,
    completion_p50_us=46_700.0,
)
FAULT = Window(
    "Synchronous",
    fault=0,
    target="table",
    kind="down",
    passing=True,
    present=True,
    start_us=6e6,
    end_us=12e6,
    requests=None,
    backlog_max=9,
    drain_us=2e6,
    last_commit_us=3e6,
)


def tried_again(verdict: str, with_retries: str, **changes: Any) -> dict[str, Any]:
    """A row of the view ``retries``."""
    known = "inconclusive" not in (verdict, with_retries)
    row = {"who": "callers", "scenario": "backend_outage", "scenario_with_retries": "callers_retry"}
    row |= {"operation": "command", "candidate": "event_driven", "metric": "done_share"}
    row |= {"verdict": verdict, "verdict_with_retries": with_retries}
    return {**row, "depends": verdict != with_retries if known else None, **changes}


OTHERS = [tried_again("better", "equivalent"), tried_again("better", "worse", candidate="hybrid", operation="query")]


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([tried_again("better", "better")], "none of 1 decided verdicts is another."),
        (
            [*OTHERS, tried_again("better", "better")],
            (
                "2 of 3 decided verdicts are another: commands, event-driven: done is equivalent instead of better;"
                " queries, hybrid: done is worse instead of better."
            ),
        ),
        (OTHERS * 3, "6 of 6 decided verdicts are another"),
        (OTHERS * 3, "; 3 more."),
        ([tried_again("inconclusive", "worse")], "no verdict is decided both ways. Of 1 it is not known."),
        ([OTHERS[0], tried_again("better", "inconclusive")], "instead of better. Of 1 more it is not known."),
    ],
)
def test_which_verdicts_depend_on_retries_is_a_sentence(rows: list[dict[str, Any]], words: str) -> None:
    titles = {"event_driven": "Event-driven", "hybrid": "Hybrid"}
    sentence = judged.retries_sentence(rows, {"backend_outage": "Backend outage"}, titles)
    assert sentence.startswith("Where callers try again (callers_retry instead of Backend outage), ")
    assert words in sentence


def test_handlers_that_try_again_are_of_the_same_scenario() -> None:
    sentence = judged.retries_sentence([tried_again("better", "better", who="handlers", scenario="hang")], {}, {})
    assert sentence.startswith("Where handlers keep the SDK's retries and time-outs (hang, sdk_defaults instead of")


def outcome(**changes: Any) -> Outcome:
    return dataclasses.replace(PLAIN, **changes)


def fault(**changes: Any) -> Window:
    return dataclasses.replace(FAULT, **changes)


def plain(text: str) -> str:
    """A text, its unbreakable spaces made plain."""
    return text.replace(numbers.NO_BREAK, " ")


def answer(outcomes: Iterable[Outcome], faults: Iterable[Window] = ()) -> tuple[str, dict[str, str]]:
    """The lead of the answer on one scenario, and what else it says by heading."""
    found = answers.answer(list(outcomes), list(faults), [])
    return plain(found.lead), {heading: plain(text) for heading, text in found.points}


class TestAnswer:
    """What happened under one scenario."""

    @pytest.mark.parametrize(
        ("changes", "lead"),
        [
            ({}, "acknowledged all 1,000 commands and stored them all."),
            (
                {"committed": 990, "lost": 4, "in_flight": 1, "dead_lettered": 5},
                (
                    "acknowledged all 1,000 commands, of which 990 were stored, 5 ended in the dead-letter queue, 1"
                    " still waited when watching ended and 4 were lost."
                ),
            ),
            (
                {"acknowledged": 0, "committed": 0, "failed": 1000},
                "refused all 1,000 commands (1,000 with an error) and stored none of those.",
            ),
            (
                {"acknowledged": 999, "committed": 999, "throttled": 1},
                (
                    "refused 0.1 % of the 1,000 commands (1 throttled) and stored none of those, but stored all 999 it"
                    " acknowledged."
                ),
            ),
            (
                {"acknowledged": 900, "committed": 890, "lost": 10, "timed_out": 60, "unsent": 40, "ghosts": 7},
                (
                    "refused 10 % of the 1,000 commands (60 left without an answer and 40 not sent in time), though 7"
                    " of those had an effect all the same; of the 900 it acknowledged, 890 were stored and 10 were"
                    " lost."
                ),
            ),
            ({"operation": "query"}, "acknowledged all 1,000 queries and answered them all."),
        ],
    )
    def test_the_lead_says_what_the_ledger_says(self, changes: dict[str, Any], lead: str) -> None:
        """Counts and shares of the books in words, nothing rounded away."""
        assert answer([outcome(**changes)])[0] == f"Synchronous {lead}"

    def test_architectures_of_which_the_same_is_true_are_named_together(self) -> None:
        """Saying the same thing three times is not reading."""
        lead, _ = answer([PLAIN, outcome(contender="Event-driven"), outcome(contender="FIFO")])
        assert lead == "Synchronous, event-driven and FIFO acknowledged all 1,000 commands and stored them all."

    @pytest.mark.parametrize(
        ("changes", "medians"),
        [
            ({}, "synchronous 1.5 ms and 47 ms"),
            ({"completion_p50_us": None}, "synchronous 1.5 ms and an unknown time (too few came)"),
            ({"acknowledged": 0, "committed": 0, "failed": 1000}, "synchronous acknowledged none"),
        ],
    )
    def test_acknowledgement_is_never_without_completion(self, changes: dict[str, Any], medians: str) -> None:
        """A 202 is not a result: both medians, always; one among the censored has no value."""
        _, points = answer([outcome(**changes)])
        assert points["Medians"] == f"Half of the acknowledged commands were acknowledged and stored within: {medians}."

    def test_a_limit_that_is_on_throughout_is_no_outage(self) -> None:
        """Its backlog counts from the last request, and no command is the last one due in it."""
        lead, points = answer([PLAIN], [fault(target="functions", kind="concurrency_limit", passing=False)])
        assert "due in the fault" not in lead
        assert points["Queue"] == "At most 9 messages in synchronous, empty 2.0 s after the last request."
        assert points["Fault"] == "Concurrency limit (from the first request to the last)."

    def test_every_fault_has_its_time_and_what_it_was_done_to(self) -> None:
        """When, to how many requests, and where there was nothing to do it to."""
        faults = [
            fault(kind="truncate"),
            fault(contender="Hybrid", kind="truncate"),
            fault(fault=1, target="queue", present=False),
            fault(contender="Hybrid", fault=1, target="queue"),
            fault(fault=2, target="commands", kind="poison", passing=False, requests=17.0),
        ]
        _, points = answer([PLAIN], faults)
        assert "Fault" not in points
        assert points["Faults"] == (
            "Table answers cut off (6.0 to 12.0 s), queue down (6.0 to 12.0 s) and invalid commands (from the first"
            " request to the last, 17 commands). Synchronous has no queue: that was done to the others only."
        )

    def test_of_several_faults_no_command_is_called_the_last(self) -> None:
        """In which of them it was due is not known."""
        several = [FAULT, fault(fault=1, start_us=20e6, end_us=22e6, drain_us=0.0, backlog_max=30)]
        lead, points = answer([PLAIN], several)
        assert lead == "Synchronous acknowledged all 1,000 commands and stored them all."
        assert points["Queue"] == "At most 30 messages in synchronous, empty at the last fault's end."

    @pytest.mark.parametrize(
        ("changes", "window"), [({"committed": 999, "in_flight": 1}, FAULT), ({}, fault(drain_us=None))]
    )
    def test_a_queue_that_never_emptied_is_not_called_empty(self, changes: dict[str, Any], window: Window) -> None:
        """Whether a message was left, or the queue was never seen empty."""
        _, points = answer([outcome(**changes)], [window])
        assert "At most 9 messages in synchronous, not empty when watching ended" in points["Queue"]

    def test_what_was_refused_and_done_all_the_same_is_named(self) -> None:
        """A client that repeats it would do it twice."""
        _, points = answer([outcome(acknowledged=990, committed=990, failed=10, ghosts=10, ghost_commits=10)])
        assert "Refused requests done all the same: 10 in synchronous." in points["Correctness"]

    def test_what_naivety_cost_is_named_where_both_variants_ran(self) -> None:
        """The duplicates of either variant, of an architecture against itself."""
        safe = outcome(architecture="event_driven", contender="Event-driven")
        naive = dataclasses.replace(safe, contender="Event-driven (naive)", variant="naive", duplicates=61)
        assert answer([safe, naive])[1]["Naivety"] == (
            "Writing again what is delivered again made 61 duplicates among 1,000 commands in naive event-driven, none"
            " in event-driven."
        )
        assert "made no duplicate" in answer([safe, dataclasses.replace(naive, duplicates=0)])[1]["Naivety"]
        assert "Naivety" not in answer([naive])[1]
        assert "Naivety" not in answer([safe, dataclasses.replace(naive, variant="sdk_defaults")])[1]

    def test_how_often_clients_tried_again_is_said(self) -> None:
        again = dataclasses.replace(PLAIN, offered=80, unsent=2, attempts=142)
        assert answer([again])[1]["Trying again"] == "Clients sent 78 commands of synchronous 142 times."
        assert "Trying again" not in answer([dataclasses.replace(again, attempts=78)])[1]

    def test_where_there_is_nothing_to_say_it_says_so(self) -> None:
        """No rows, no offered requests, only one operation: sentences, not gaps."""
        assert answer([])[0] == "There is nothing to say: no replay of it was valid."
        assert answer([outcome(offered=0)])[0] == "There is nothing to say: no request was offered."
        _, points = answer([outcome(operation="query")])
        assert points["Commands"] == "The recording holds none: what it says is about reading only."

    def test_no_loss_seen_is_not_never(self) -> None:
        """Rule of three, for the architecture that acknowledged the fewest."""
        caution = answers.rule_of_three([PLAIN, outcome(contender="Hybrid", acknowledged=300)]) or ""
        assert "300 acknowledged requests" in caution
        assert "up to 1 %" in caution
        assert answers.rule_of_three([outcome(lost=1)]) is None


class TestTitles:
    @pytest.mark.parametrize(
        ("target", "kind", "title"),
        [
            ("table", "down", "table down"),
            ("api", "latency", "API slow"),
            ("event_source_mapping", "disabled", "consumer switched off"),
            ("requests", "burst", "burst"),
            ("deliveries", "twice", "delivered twice"),
            ("moon", "new_kind", "moon: new kind"),
        ],
    )
    def test_every_fault_has_a_title(self, target: str, kind: str, title: str) -> None:
        """Those of a kind without words of its own as well."""
        assert fault_title(target, kind) == title

    def test_every_kind_a_scenario_may_name_has_words_of_its_own(self) -> None:
        """A new kind needs an entry, or its key stands in every chart."""
        kinds = {fault.kind for scenario in scenarios().values() for fault in scenario.faults}
        assert not [kind for kind in kinds if ": " in fault_title("x", kind)]

    def test_simulated_figures_are_never_called_observed(self) -> None:
        """The label is the evidence's own word."""
        assert source_title("observed", "MiniStack 1.5.33") == "observed on MiniStack 1.5.33"
        assert source_title("simulated", "AWS") == "simulated"

    def test_a_verdict_without_a_mark_is_open(self) -> None:
        assert mark("new_kind", VERDICTS) == Mark("new kind", "?", "open")


class TestNumbers:
    @pytest.mark.parametrize(
        ("part", "whole", "text"),
        [
            (0, 7, "0 %"),
            (7, 7, "100 %"),
            (1, 3, "33 %"),
            (1, 40, "2.5 %"),
            (1, 100_000, "under 0.1 %"),
            (99_999, 100_000, "over 99.9 %"),
            (997, 1000, "99.7 %"),
            (0, 0, "–"),
        ],
    )
    def test_rounding_hides_no_request(self, part: int, whole: int, text: str) -> None:
        """Only nothing is 0 % and only everything is 100 %."""
        assert plain(numbers.share(part, whole)) == text

    @pytest.mark.parametrize(
        ("value", "text"),
        [(None, "–"), (float("nan"), "–"), (0.0, "0.0"), (1.0, "100.0"), (0.9999, "99.9"), (1e-6, "0.1")],
    )
    def test_a_share_in_a_table_is_rounded_inwards(self, value: float | None, text: str) -> None:
        """As in the sentences."""
        assert numbers.percent(value) == text

    @pytest.mark.parametrize(
        ("us", "text"),
        [
            (None, "–"),
            (999.4, "999 µs"),
            (999.6, "1.0 ms"),
            (9_940.0, "9.9 ms"),
            (9_960.0, "10 ms"),
            (999_400.0, "999 ms"),
            (999_600.0, "1.0 s"),
            (119_940_000.0, "119.9 s"),
            (119_960_000.0, "2 min 0 s"),
        ],
    )
    def test_a_time_is_rounded_into_the_next_unit(self, us: float | None, text: str) -> None:
        """Never ``1000 ms``."""
        assert plain(numbers.duration(us)) == text

    @pytest.mark.parametrize(
        ("value", "repetitions", "text"),
        [(63, 2, "63 × 2"), (1_191.0, 1, "1,191"), (0.125, 8, "0.1 × 8"), (None, 3, "–"), (12.25, 4, "12.2 × 4")],
    )
    def test_a_count_is_of_one_repetition_and_says_of_how_many(
        self, value: float | None, repetitions: int, text: str
    ) -> None:
        """One loss in eight replays is not none."""
        assert plain(numbers.times(value, repetitions)) == text

    @pytest.mark.parametrize(
        ("us", "speed", "text"),
        [
            (12_100_000.0, 1.0, "12.1 s"),
            (12_100_000.0, 8.852, "12.1 s (107.1 s recorded)"),
            (12_100_000.0, 0.5, "12.1 s (6.0 s recorded)"),
            (None, 8.0, "–"),
        ],
    )
    def test_a_time_of_the_replay_stands_beside_that_of_the_recording(
        self, us: float | None, speed: float, text: str
    ) -> None:
        assert plain(numbers.beside(us, speed)) == text

    @pytest.mark.parametrize(
        ("value", "unit", "text"),
        [
            (0.0, "share", "0 %"),
            (1.0, "share", "100 %"),
            (0.357, "share", "35.7 %"),
            (4.2e-4, "share", "0.042 %"),
            (0.99998, "share", "99.998 %"),
            (0.02, "share", "2 %"),
            (44.2, "ms", "44 ms"),
            (12_400.0, "ms", "12.4 s"),
            (90.0, "s", "90.0 s"),
            (20.31, "usd", "20.31 USD"),
            (3.0, "components", "3 components"),
            (8_240.4, "requests", "8,240"),
            (None, "share", "–"),
            (float("nan"), "ms", "–"),
        ],
    )
    def test_a_measure_has_its_unit_and_hides_nothing(self, value: float | None, unit: str, text: str) -> None:
        """Nearly all and nearly nothing keep the digits that count."""
        assert plain(requirements.amount(value, unit)) == text

    @given(st.floats(0, 1, exclude_min=True, exclude_max=True))
    def test_no_share_between_becomes_all_or_nothing(self, value: float) -> None:
        if 1e-300 < value < 1 - 1e-12:
            assert plain(requirements.amount(value, "share")) not in {"0 %", "100 %"}

    def test_a_time_that_rounds_to_zero_has_no_sign(self) -> None:
        assert [numbers.seconds(us) for us in (-20_000.0, 0.0, -160_000.0)] == ["0.0", "0.0", "-0.2"]

    @pytest.mark.parametrize(
        ("value", "unit", "text"),
        [
            (None, "share", "–"),
            (float("nan"), "ratio", "–"),
            (0.431, "share", "+43.1 pp"),
            (0.0, "share", "0.0 pp"),
            (-0.62, "ratio", "\u221262 %"),
            (0.042, "ratio", "+4.2 %"),
            (2.4, "ratio", "3.4×"),
            (400.0, "ratio", "401×"),
        ],
    )
    def test_a_difference_is_in_points_or_per_cent_or_times(self, value: float | None, unit: str, text: str) -> None:
        assert plain(numbers.difference(value, unit)) == text

    @pytest.mark.parametrize(("value", "text"), [(0.0, "< 0.001"), (0.0469, "0.047"), (None, "–"), (1.0, "1.000")])
    def test_a_probability_is_never_nothing(self, value: float | None, text: str) -> None:
        assert numbers.probability(value) == text

    @given(st.floats(), st.sampled_from(["share", "ratio", "us", None]))
    def test_no_number_becomes_a_word_of_programs(self, value: float, unit: str | None) -> None:
        for text in (
            numbers.difference(value, unit),
            numbers.number(value),
            numbers.usd(value),
            numbers.metric_value(value, "x", unit),
        ):
            assert not re.search(r"\b(nan|None|inf)\b", text)


class TestJudged:
    @pytest.mark.parametrize(
        ("value", "metric", "text"),
        [
            (0.9971, "share of commands answered", "99.71 %"),
            (0.99966, "share of commands answered", "99.966 %"),
            (1.0, "share of commands answered", "100 %"),
            (-0.012, "share of commands, hybrid less event-driven", "\u22121.2 pp"),
            (0.08, "USD per million, one against another: ratio less 1", "+8.0 %"),
            (3.0, "most invocations that ran at once", "3"),
            (None, "anything", "–"),
        ],
    )
    def test_a_claims_value_is_shown_as_its_metric_says(self, value: float | None, metric: str, text: str) -> None:
        assert plain(judged.claim_value(value, metric)) == text

    def test_one_repetition_judges_no_latency_and_says_what_would(self) -> None:
        """The note names a command that can be run and how long it takes."""
        command = repeating_command(
            "food orders",
            ["steady"],
            ["hybrid"],
            {
                "limit": 500,
                "seed": 1,
                "variants": ["idempotent", "naive"],
                "target": "endpoint",
                "target_options": {"endpoint_url": "http://127.0.0.1:4566"},
            },
        )
        assert command == (
            "archduel compare --workload 'food orders' --scenario steady --architecture hybrid --limit 500"
            " --variant idempotent --variant naive --target endpoint --endpoint-url http://127.0.0.1:4566"
            " --repetitions 8"
        )
        assert judged.latency_note(1, False, command, 12.0) == (
            "Differences of latency are shown, not judged: one repetition cannot judge them;"
            f" `{command}` can, in about 12 min."
        )
        assert "pairwise" in judged.latency_note(8, True, command, 12.0)
        assert "not judged" in judged.latency_note(8, False, command, None)


@pytest.mark.parametrize(
    ("repetitions", "at_least", "text"), [(1, 1, "1 repetition"), (2, 1, "1 to 2 repetitions"), (8, 8, "8 repetitions")]
)
def test_repetitions_that_differ_are_given_from_and_to(repetitions: int, at_least: int, text: str) -> None:
    assert repetitions_title(repetitions, at_least) == text
