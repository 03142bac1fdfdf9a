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

    @pytest.mark.parametrize(
        ("text", "line", "complaint"),
        [
            pytest.param("title = ", None, "not a TOML file", id="no TOML"),
            pytest.param(b'title = "\xff"\n', None, "not a TOML file", id="no UTF-8"),
            pytest.param("", 1, "title is missing", id="empty"),
            pytest.param('title = "A"\n', 1, "description is missing", id="no description"),
            pytest.param('description = "B"\ntitle = 1\n', 2, "title must be a valid string", id="title a number"),
            pytest.param(TEXTS + "colour = 1\n", 3, "unknown colour: a scenario knows title", id="unknown key"),
            pytest.param(TEXTS + 'name = "x"\n', 3, "unknown name", id="a name of its own"),
            pytest.param(TEXTS + "position = -1\n", 3, "position must be greater", id="position negative"),
            pytest.param(TEXTS + "position = 1.5\n", 3, "position must be a valid integer", id="position broken"),
            pytest.param(TEXTS + "\nreserved_concurrency = 0\n", 4, "must be greater than", id="no concurrency"),
            pytest.param(TEXTS + "reserved_concurrency = true\n", 3, "valid integer", id="concurrency yes"),
            pytest.param(TEXTS + "work_us = -5\n", 3, "work_us must be greater", id="work negative"),
            pytest.param(
                TEXTS + "visibility_timeout_s = 1\nfunction_timeout_s = 2\n",
                3,
                "visibility_timeout_s must be at least",
                id="visible again before the function ends",
            ),
            pytest.param(TEXTS + "faults = 3\n", 3, "[[faults]]", id="faults a number"),
            pytest.param(TEXTS + 'faults = ["down"]\n', 3, "[[faults]]", id="faults texts"),
            pytest.param(TEXTS + FAULT.replace("[[faults]]", "[faults]"), 3, "[[faults]]", id="faults one table"),
            pytest.param(TEXTS + FAULT, 3, "start is missing: fault down needs target", id="without a window"),
            pytest.param(TEXTS + "[[faults]]\n" + WHOLE, 3, "a fault's kind is one of down", id="without a kind"),
            pytest.param(TEXTS + FAULT + 'start = "x"\nlength = 1\n', 6, "start must be a share", id="start no number"),
            pytest.param(TEXTS + FAULT + 'start = "1/0"\nlength = 1\n', 6, "start must be a share", id="by zero"),
            pytest.param(TEXTS + FAULT + "start = nan\nlength = 1\n", 6, "start must be a share", id="not a number"),
            pytest.param(TEXTS + FAULT + "start = inf\nlength = 1\n", 6, "start must be a share", id="infinite"),
            pytest.param(TEXTS + FAULT + "start = [0]\nlength = 1\n", 6, "start must be a share", id="a list"),
            pytest.param(TEXTS + FAULT + "start = -0.1\nlength = 0.5\n", 6, "start must be a share", id="negative"),
            pytest.param(TEXTS + FAULT + "start = 0.5\nlength = 0\n", 7, "length must be greater", id="no length"),
            pytest.param(
                TEXTS + FAULT + "start = 1.5\nlength = 1\n", 6, "write '1.5 s' for seconds", id="after the end"
            ),
            pytest.param(TEXTS + FAULT + "start = 0.75\nlength = 0.5\n", 6, "must not exceed", id="beyond the end"),
            pytest.param(
                TEXTS + FAULT.replace("down", "slow") + WHOLE, 5, "a fault's kind is one of down, disabled", id="kind"
            ),
            pytest.param(
                TEXTS + FAULT.replace('"down"', '["down"]') + WHOLE, 5, "a fault's kind is one of", id="kind a list"
            ),
            pytest.param(
                TEXTS + FAULT.replace("table", "moon") + WHOLE, 4, "target must be one of 'api'", id="target unknown"
            ),
            pytest.param(TEXTS + FAULT + WHOLE + "colour = 1\n", 8, "unknown colour: fault down knows", id="fault key"),
            pytest.param(
                TEXTS + FAULT + "start = 0.5\nlength = 0.25\n" + FAULT + "start = 0.25\nlength = 0.5\n",
                8,
                "lie apart",
                id="faults overlap",
            ),
            pytest.param(
                TEXTS + FAULT + "start = 0\nlength = 0.25\n" + FAULT + "start = 0.25\nlength = 0.25\n",
                8,
                "lie apart",
                id="faults touch",
            ),
            pytest.param(
                TEXTS + FAULT.replace("table", "consumer") + WHOLE + FAULT.replace("table", "functions") + WHOLE,
                8,
                "lie apart",
                id="functions are the consumer too",
            ),
            pytest.param(
                TEXTS
                + FAULT.replace("table", "queue")
                + WHOLE
                + '[[faults]]\nkind = "disabled"\nstart = 0.5\nlength = 0.25\n',
                8,
                "lie apart",
                id="a queue that is away disables its mapping",
            ),
            pytest.param(
                TEXTS + FAULT + "start = 0\nlength = 6\n", 7, "write '6 s' for seconds", id="seconds as a number"
            ),
            pytest.param(TEXTS + FAULT + "start = 6 s\nlength = 1\n", None, "need quotes", id="a time without quotes"),
            pytest.param(
                TEXTS + FAULT.replace("down", "hang") + WHOLE + 'operations = "GetItem"\n',
                8,
                'operations must be a list, such as ["command"]',
                id="operations a text",
            ),
            pytest.param(TEXTS + FAULT.replace("down", "error") + WHOLE, 3, "error is missing", id="error unnamed"),
            pytest.param(
                TEXTS + FAULT.replace("down", "reset") + WHOLE + "share = true\n", 8, "share must", id="share yes"
            ),
            pytest.param(
                TEXTS + FAULT + WHOLE + "work_us = 5\n", 8, "stands above the first [[faults]]", id="setting in a fault"
            ),
            pytest.param(TEXTS + "[settings]\nwork_us = 5\n", 3, "unknown settings", id="a table of settings"),
            pytest.param(
                'title = "A"\ndescription = """\nposition = 3\n"""\nposition = -1\n', 5, "position", id="a long text"
            ),
            pytest.param(TEXTS + "x = " + "[" * 3000 + "]" * 3000, None, "not a TOML file", id="nested without end"),
            pytest.param(
                TEXTS + '[[faults]]\nkind = "throttle"\nrate_per_s = -3\nburst = 1\n' + WHOLE,
                5,
                "rate_per_s must be greater than or equal to 0.001, not -3",
                id="rate negative",
            ),
            pytest.param(
                TEXTS + '[[faults]]\nkind = "poison"\nshare = 2\n' + WHOLE, 5, "share must be less", id="share of two"
            ),
            pytest.param(
                TEXTS + FAULT.replace("down", "latency") + WHOLE, 3, "latency needs median_ms", id="latency of nothing"
            ),
            pytest.param(
                TEXTS + FAULT.replace("down", "latency") + WHOLE + "median_ms = 5\np99_ms = 1\n",
                9,
                "p99_ms must not be below",
                id="p99 below the median",
            ),
            pytest.param(
                TEXTS + FAULT.replace("down", "error") + WHOLE + 'error = "Nope"\n',
                8,
                "error on table must be one of ProvisionedThroughputExceededException",
                id="error unknown",
            ),
            pytest.param(
                TEXTS + FAULT.replace("down", "hang") + WHOLE + 'operations = ["command"]\n',
                8,
                "operations on table must be among GetItem",
                id="operation unknown",
            ),
            pytest.param(
                TEXTS + '[[faults]]\nkind = "late"\nshare = 1\ndelay_s = 901\n' + WHOLE,
                6,
                "delay_s must be",
                id="delay",
            ),
        ],
    )
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
