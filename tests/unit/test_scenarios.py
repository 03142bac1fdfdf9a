"""Scenarios: what the bundled files say, and that a wrong one is refused by file and line."""

from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workloads.errors import UsageError
from workloads.places import Places
from workloads.scenarios import Scenario, adopt, read_scenario, scenario, scenario_files, scenarios
from workloads.scenarios.faults import Down, Latency, Span

TEXTS = 'title = "A title"\ndescription = "What is done."\n'
FAULT = '[[faults]]\ntarget = "table"\nkind = "down"\n'
WHOLE = "start = 0\nlength = 1\n"

QUESTIONS = {
    *("steady", "burst", "ramp", "cold_start", "backend_outage", "backend_slow", "backend_hang", "backend_throttled"),
    *("flapping", "concurrency_limit", "gateway_throttle", "function_timeout", "consumer_down", "poison"),
    *("duplicate_delivery", "reordering", "queue_down", "component_down", "network_jitter"),
}


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "custom.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def down(start: str, length: str, target: str = "table") -> Down:
    return Down.model_validate({"kind": "down", "target": target, "start": start, "length": length})


class TestBundled:
    def test_ask_every_question_an_architect_asks(self) -> None:
        assert set(scenarios()) >= QUESTIONS
        assert all(name == scenario.name for name, scenario in scenarios().items())

    def test_are_in_the_order_of_their_positions(self) -> None:
        assert list(scenarios())[:3] == ["steady", "backend_outage", "concurrency_limit"]
        positions = [scenario.position for scenario in scenarios().values()]
        assert positions == sorted(set(positions))

    def test_steady_breaks_nothing(self) -> None:
        steady = scenarios()["steady"]
        assert (steady.faults, steady.reserved_concurrency, steady.work_us) == ((), None, 0)

    def test_outage_takes_the_table_away_in_the_middle_third(self) -> None:
        outage = scenarios()["backend_outage"]
        assert [(fault.kind, fault.target, *window) for fault, *window in outage.windows(30_000_000)] == [
            ("down", "table", 10_000_000, 20_000_000)
        ]

    def test_limit_is_on(self) -> None:
        limit = scenarios()["concurrency_limit"]
        assert limit.work_us > 0, "without work no limit is ever reached"
        assert limit.faults == ()

    def test_component_down_takes_every_component_away_in_turn(self) -> None:
        windows = scenarios()["component_down"].windows(12_000_000)
        assert [fault.target for fault, _, _ in windows] == [
            *("api", "functions", "queue", "event_source_mapping", "table")
        ]
        ends = [end_us for _, _, end_us in windows]
        assert all(start_us > end_us for (_, start_us, _), end_us in zip(windows[1:], ends, strict=False))

    def test_what_a_limit_refuses_has_the_status_that_aws_answers(self) -> None:
        statuses = {"function_down": 500, "gateway_throttle": 429, "backend_outage": None}
        for name, status in statuses.items():
            assert [fault.throttled_status for fault in scenarios()[name].faults] == [status]


def of(kind: str = "down", target: str = "table", rest: str = WHOLE) -> str:
    """A scenario with one fault."""
    return TEXTS + FAULT.replace("down", kind).replace("table", target) + rest


def twice(first: str, second: str) -> str:
    """A scenario with one fault in two windows."""
    return of(rest=first) + FAULT + second


DISABLED = '[[faults]]\nkind = "disabled"\nstart = 0.5\nlength = 0.25\n'
WRONG: list[tuple[str | bytes, int | None, str]] = [
    ("title = ", None, "not a TOML file"),
    (b'title = "\xff"\n', None, "not a TOML file"),
    (TEXTS + "x = " + "[" * 3000 + "]" * 3000, None, "not a TOML file"),
    ("", 1, "title is missing"),
    ('title = "A"\n', 1, "description is missing"),
    ('description = "B"\ntitle = 1\n', 2, "title must be a valid string"),
    ('title = "A"\ndescription = """\nposition = 3\n"""\nposition = -1\n', 5, "position"),
    (TEXTS + "colour = 1\n", 3, "unknown colour: a scenario knows title"),
    (TEXTS + 'name = "x"\n', 3, "unknown name"),
    (TEXTS + "[settings]\nwork_us = 5\n", 3, "unknown settings"),
    (TEXTS + "position = -1\n", 3, "position must be greater"),
    (TEXTS + "position = 1.5\n", 3, "position must be a valid integer"),
    (TEXTS + "\nreserved_concurrency = 0\n", 4, "must be greater than"),
    (TEXTS + "reserved_concurrency = true\n", 3, "valid integer"),
    (TEXTS + "work_us = -5\n", 3, "work_us must be greater"),
    (TEXTS + "visibility_timeout_s = 1\nfunction_timeout_s = 2\n", 3, "visibility_timeout_s must be at least"),
    (TEXTS + "faults = 3\n", 3, "[[faults]]"),
    (TEXTS + 'faults = ["down"]\n', 3, "[[faults]]"),
    (TEXTS + FAULT.replace("[[faults]]", "[faults]"), 3, "[[faults]]"),
    (TEXTS + FAULT, 3, "start is missing: fault down needs target"),
    (TEXTS + "[[faults]]\n" + WHOLE, 3, "a fault's kind is one of down"),
    *(
        (of(rest=f"start = {start}\nlength = 0.5\n"), 6, "start must be a share")
        for start in ('"x"', '"1/0"', "nan", "inf", "[0]", "-0.1")
    ),
    (of(rest="start = 0.5\nlength = 0\n"), 7, "length must be greater"),
    (of(rest="start = 1.5\nlength = 1\n"), 6, "write '1.5 s' for seconds"),
    (of(rest="start = 0\nlength = 6\n"), 7, "write '6 s' for seconds"),
    (of(rest="start = 0.75\nlength = 0.5\n"), 6, "must not exceed"),
    (of(rest="start = 6 s\nlength = 1\n"), None, "need quotes"),
    (of("slow"), 5, "a fault's kind is one of down, disabled"),
    (of().replace('"down"', '["down"]'), 5, "a fault's kind is one of"),
    (of(target="moon"), 4, "target must be one of 'api'"),
    (of(rest=WHOLE + "colour = 1\n"), 8, "unknown colour: fault down knows"),
    (of(rest=WHOLE + "work_us = 5\n"), 8, "stands above the first [[faults]]"),
    (twice("start = 0.5\nlength = 0.25\n", "start = 0.25\nlength = 0.5\n"), 8, "lie apart"),
    (twice("start = 0\nlength = 0.25\n", "start = 0.25\nlength = 0.25\n"), 8, "lie apart"),
    (of(target="consumer") + FAULT.replace("table", "functions") + WHOLE, 8, "lie apart"),  # the consumer is one
    (of(target="queue") + DISABLED, 8, "lie apart"),  # a queue that is away disables its mapping
    (of("hang", rest=WHOLE + 'operations = "GetItem"\n'), 8, 'operations must be a list, such as ["command"]'),
    (of("hang", rest=WHOLE + 'operations = ["command"]\n'), 8, "operations on table must be among GetItem"),
    (of("error"), 3, "error is missing"),
    (of("error", rest=WHOLE + 'error = "Nope"\n'), 8, "error on table must be one of ProvisionedThroughputExceeded"),
    (of("reset", rest=WHOLE + "share = true\n"), 8, "share must"),
    (of("latency"), 3, "latency needs median_ms"),
    (of("latency", rest=WHOLE + "median_ms = 5\np99_ms = 1\n"), 9, "p99_ms must not be below"),
    (TEXTS + '[[faults]]\nkind = "throttle"\nrate_per_s = -3\nburst = 1\n' + WHOLE, 5, "or equal to 0.001, not -3"),
    (TEXTS + '[[faults]]\nkind = "poison"\nshare = 2\n' + WHOLE, 5, "share must be less"),
    (TEXTS + '[[faults]]\nkind = "late"\nshare = 1\ndelay_s = 901\n' + WHOLE, 6, "delay_s must be"),
]


class TestReading:
    def test_takes_the_files_name_and_defaults_for_the_rest(self, tmp_path: Path) -> None:
        expected = Scenario(name="custom", title="A title", description="What is done.")
        assert read_scenario(write(tmp_path, TEXTS)) == expected

    def test_takes_all_it_knows(self, tmp_path: Path) -> None:
        settings = {
            "position": 7,
            "reserved_concurrency": 1,
            "work_us": 0,
            "function_timeout_s": 3,
            "visibility_timeout_s": 18,
            "max_receive_count": 2,
            "batch_size": 1,
            "table_timeout_ms": 250,
            "environments": 0,
        }
        lines = "".join(f"{name} = {value}\n" for name, value in settings.items())
        read = read_scenario(write(tmp_path, TEXTS + lines + FAULT + WHOLE))
        assert read.model_dump(include=set(settings)) == settings
        assert read.faults == (down("0", "1"),)

    def test_takes_several_faults_of_different_places_at_the_same_time(self, tmp_path: Path) -> None:
        text = TEXTS + FAULT + WHOLE + FAULT.replace("table", "queue") + 'start = "1/2"\nlength = 0.25\n'
        assert [window for _, *window in read_scenario(write(tmp_path, text)).windows(10_000)] == [
            [0, 10_000],
            [5_000, 7_500],
        ]

    @pytest.mark.parametrize(("text", "line", "complaint"), WRONG)
    def test_a_wrong_file_is_refused_by_file_and_line(
        self, tmp_path: Path, text: str | bytes, line: int | None, complaint: str
    ) -> None:
        with pytest.raises(UsageError) as refused:
            read_scenario(write(tmp_path, text))
        message = str(refused.value)
        assert message.startswith(f"custom.toml, line {line}: " if line else "custom.toml: ")
        assert complaint in message
        assert message.count("\n") <= 1

    def test_takes_a_file_as_windows_writes_it(self, tmp_path: Path) -> None:
        text = (TEXTS + FAULT + WHOLE).replace("\n", "\r\n")
        assert read_scenario(write(tmp_path, b"\xef\xbb\xbf" + text.encode())).faults == (down("0", "1"),)

    def test_a_name_that_could_not_be_part_of_a_cell_is_refused(self, tmp_path: Path) -> None:
        for name in ("two__parts", "a b", "-x", "käse", "x" * 65):
            path = tmp_path / f"{name}.toml"
            path.write_text(TEXTS)
            with pytest.raises(UsageError, match="is named with letters"):
                read_scenario(path)

    @pytest.mark.fuzz
    @given(text=st.text(max_size=200))
    def test_any_file_is_read_or_refused(self, text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
        path = write(tmp_path_factory.mktemp("any"), TEXTS + text)
        try:
            read = read_scenario(path)
        except UsageError as error:
            refusal = str(error)
        else:
            refusal = ""
            assert read.name == "custom"
        assert refusal == "" or refusal.startswith("custom.toml")


class TestOwn:
    def test_a_file_of_ones_own_is_taken_in_and_found_again(self, places: Places, tmp_path: Path) -> None:
        assert adopt(places, write(tmp_path, TEXTS + FAULT + WHOLE)) == "custom"
        assert scenario(places, "custom").faults == (down("0", "1"),)
        assert list(scenarios(places))[-1] == "custom"
        adopt(places, write(tmp_path, TEXTS))
        assert scenario(places, "custom").faults == (), "the newer file of a name counts"
        assert set(scenario_files(places)) == {"custom"}

    def test_a_wrong_file_is_not_taken_in(self, places: Places, tmp_path: Path) -> None:
        with pytest.raises(UsageError):
            adopt(places, write(tmp_path, TEXTS + "colour = 1\n"))
        assert scenario_files(places) == {}

    def test_a_bundled_scenario_cannot_be_replaced(self, places: Places, tmp_path: Path) -> None:
        path = tmp_path / "steady.toml"
        path.write_text(TEXTS)
        with pytest.raises(UsageError, match="steady is a bundled scenario"):
            adopt(places, path)

    def test_a_wrong_file_hides_no_other_and_is_named_when_asked_for(self, places: Places, tmp_path: Path) -> None:
        adopt(places, write(tmp_path, TEXTS))
        (places.scenarios / "wrong.toml").write_text("title = 1\n")
        assert "custom" in scenarios(places)
        assert "wrong" not in scenarios(places)
        with pytest.raises(UsageError, match=r"wrong\.toml, line 1"):
            scenario(places, "wrong")

    def test_an_unknown_one_lists_what_there_is(self, places: Places) -> None:
        with pytest.raises(UsageError, match=r"unknown scenario 'nope': choose from .*steady"):
            scenario(places, "nope")


class TestWindows:
    def test_are_shares_of_the_replays_length_or_times(self) -> None:
        windows = [
            ("0", "1", 100, (0, 100)),
            ("1/3", "1/3", 90, (30, 60)),
            ("1/3", "1/3", 100, (33, 67)),
            ("25 %", "0.5", 100, (25, 75)),
            ("2 s", "500 ms", 30_000_000, (2_000_000, 2_500_000)),
            ("1/2", "1s", 30_000_000, (15_000_000, 16_000_000)),
            ("9/10", "1/10", 1_000_001, (900_001, 1_000_001)),
        ]
        for start, length, duration_us, window in windows:
            assert down(start, length).window_us(duration_us) == window

    def test_one_that_ends_after_the_replay_is_refused_with_the_replays_length(self) -> None:
        late = Scenario(name="late", title="Late", description="", faults=(down("5 s", "6 s"),))
        assert late.windows(11_000_000)
        with pytest.raises(UsageError, match=r"late: down on table, 6 s from 5 s, .*lasts 10\.0 s.*--speed"):
            late.windows(10_000_000)

    def test_one_that_is_over_at_once_is_refused(self) -> None:
        short = Scenario(name="short", title="Short", description="", faults=(down("5 s", "0.1 ms"),))
        with pytest.raises(UsageError, match=r"short: down on table, .* over within a millisecond"):
            short.windows(10_000_000)

    def test_none_fit_into_a_replay_of_no_length(self) -> None:
        with pytest.raises(UsageError, match="without any length"):
            scenarios()["flapping"].windows(0)

    def test_shares_and_times_that_meet_are_refused_once_the_length_is_known(self) -> None:
        both = Scenario(name="both", title="Both", description="", faults=(down("0.5", "0.1"), down("2 s", "2 s")))
        assert both.windows(20_000_000)
        with pytest.raises(UsageError, match="both: faults on one target must lie apart"):
            both.windows(6_000_000)

    @given(amount=st.fractions(min_value=0, max_value=1, max_denominator=1000))
    def test_a_share_is_exact(self, amount: Fraction) -> None:
        assert Span.parse(str(amount)).us(10**9) == amount * 10**9


def test_parameters_of_a_fault_are_plain_values() -> None:
    fault = Latency.model_validate(
        {"kind": "latency", "target": "table", "start": 0, "length": 1, "median_ms": 5, "operations": ["GetItem"]}
    )
    assert fault.parameters == {"share": 1.0, "median_ms": 5.0, "operations": ["GetItem"]}
