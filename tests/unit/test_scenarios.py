"""Scenarios: what the bundled files say, and that a wrong one is refused by name."""

from fractions import Fraction
from pathlib import Path

import pytest

from workloads.errors import UsageError
from workloads.scenarios import Fault, Scenario, read_scenario, scenarios

TEXTS = 'title = "A title"\ndescription = "What is done."\n'
FAULT = '[[faults]]\ntarget = "table"\nkind = "down"\n'


def write(folder: Path, text: str | bytes) -> Path:
    path = folder / "custom.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


class TestBundled:
    def test_are_there_in_the_order_of_their_positions(self) -> None:
        assert list(scenarios()) == ["steady", "backend_outage", "concurrency_limit"]
        assert all(name == scenario.name for name, scenario in scenarios().items())

    def test_steady_breaks_nothing(self) -> None:
        steady = scenarios()["steady"]
        assert (steady.faults, steady.limits, steady.work_us) == ((), False, 0)

    def test_outage_takes_the_table_away_in_the_middle_third(self) -> None:
        outage = scenarios()["backend_outage"]
        assert outage.faults == (Fault("table", "down", Fraction(1, 3), Fraction(1, 3)),)
        assert outage.faults[0].window_us(30_000_000) == (10_000_000, 20_000_000)
        assert not outage.limits

    def test_limit_is_on(self) -> None:
        limit = scenarios()["concurrency_limit"]
        assert limit.limits
        assert limit.reserved_concurrency is not None
        assert limit.work_us > 0, "without work no limit is ever reached"
        assert limit.faults == ()


class TestReading:
    def test_takes_the_files_name_and_what_is_not_said_by_default(self, tmp_path: Path) -> None:
        assert read_scenario(write(tmp_path, TEXTS)) == Scenario("custom", "A title", "What is done.")

    def test_takes_all_it_knows(self, tmp_path: Path) -> None:
        text = TEXTS + "position = 7\nreserved_concurrency = 1\nwork_us = 0\n" + FAULT + 'start = "0"\nlength = "1"\n'
        scenario = read_scenario(write(tmp_path, text))
        assert (scenario.position, scenario.reserved_concurrency, scenario.work_us) == (7, 1, 0)
        assert scenario.faults == (Fault("table", "down", Fraction(0), Fraction(1)),)

    def test_takes_several_faults(self, tmp_path: Path) -> None:
        text = TEXTS + FAULT + 'start = "1/2"\nlength = 0.25\n' + FAULT + 'start = 0\nlength = "1/4"\n'
        faults = read_scenario(write(tmp_path, text)).faults
        assert [fault.window_us(100) for fault in faults] == [(50, 75), (0, 25)]

    @pytest.mark.parametrize(
        ("text", "complaint"),
        [
            pytest.param("title = ", "not a TOML file", id="no TOML"),
            pytest.param(b'title = "\xff"\n', "not a TOML file", id="no UTF-8"),
            pytest.param("", "title must be a text", id="empty"),
            pytest.param('title = "A"\n', "description must be a text", id="no description"),
            pytest.param('title = 1\ndescription = "B"\n', "title must be a text", id="title a number"),
            pytest.param(TEXTS + "colour = 1\n", "unknown colour", id="unknown key"),
            pytest.param(TEXTS + 'name = "x"\n', "unknown name", id="a name of its own"),
            pytest.param(TEXTS + "position = -1\n", "position must be", id="position negative"),
            pytest.param(TEXTS + "position = 1.5\n", "position must be", id="position broken"),
            pytest.param(TEXTS + "reserved_concurrency = 0\n", "reserved_concurrency must be", id="no concurrency"),
            pytest.param(TEXTS + "reserved_concurrency = true\n", "reserved_concurrency must be", id="concurrency yes"),
            pytest.param(TEXTS + 'reserved_concurrency = "4"\n', "reserved_concurrency must be", id="concurrency text"),
            pytest.param(TEXTS + "work_us = -5\n", "work_us must be", id="work negative"),
            pytest.param(TEXTS + "faults = 3\n", "faults", id="faults a number"),
            pytest.param(TEXTS + 'faults = ["down"]\n', "fault", id="faults texts"),
            pytest.param(TEXTS + FAULT.replace("[[faults]]", "[faults]"), "fault", id="faults one table"),
            pytest.param(TEXTS + FAULT, "a fault needs", id="fault without a window"),
            pytest.param(TEXTS + "[[faults]]\nstart = 0\nlength = 1\n", "a fault needs", id="fault without a target"),
            pytest.param(TEXTS + FAULT + 'start = "x"\nlength = 1\n', "a fault needs", id="start no number"),
            pytest.param(TEXTS + FAULT + 'start = "1/0"\nlength = 1\n', "a fault needs", id="start divided by zero"),
            pytest.param(TEXTS + FAULT + "start = nan\nlength = 1\n", "a fault needs", id="start not a number"),
            pytest.param(TEXTS + FAULT + "start = inf\nlength = 1\n", "a fault needs", id="start infinite"),
            pytest.param(TEXTS + FAULT + "start = [0]\nlength = 1\n", "a fault needs", id="start a list"),
            pytest.param(TEXTS + FAULT + "start = -0.1\nlength = 0.5\n", "a fault starts", id="before the replay"),
            pytest.param(TEXTS + FAULT + "start = 0.5\nlength = 0\n", "a fault starts", id="no length"),
            pytest.param(TEXTS + FAULT + "start = 0.75\nlength = 0.5\n", "a fault starts", id="after the replay"),
            pytest.param(
                TEXTS + FAULT.replace("down", "slow") + "start = 0\nlength = 1\n", "one of down", id="kind unknown"
            ),
            pytest.param(
                TEXTS + FAULT.replace('"down"', '["down"]') + "start = 0\nlength = 1\n", "one of down", id="kind a list"
            ),
            pytest.param(
                TEXTS + FAULT.replace("table", "queue") + "start = 0\nlength = 1\n", "on table", id="target unknown"
            ),
            pytest.param(
                TEXTS + FAULT + "start = 0\nlength = 1\ncolour = 1\n", "unknown colour", id="unknown key of a fault"
            ),
            pytest.param(
                TEXTS + FAULT + "start = 0.5\nlength = 0.25\n" + FAULT + "start = 0.25\nlength = 0.5\n",
                "apart",
                id="faults overlap",
            ),
            pytest.param(
                TEXTS + FAULT + "start = 0\nlength = 0.25\n" + FAULT + "start = 0.25\nlength = 0.25\n",
                "apart",
                id="faults touch",
            ),
        ],
    )
    def test_a_wrong_file_is_refused_by_name(self, tmp_path: Path, text: str | bytes, complaint: str) -> None:
        with pytest.raises(UsageError) as refused:
            read_scenario(write(tmp_path, text))
        message = str(refused.value)
        assert message.startswith("custom.toml: ")
        assert complaint in message
        assert message.count("\n") <= 1


class TestWindow:
    @pytest.mark.parametrize(
        ("start", "length", "duration_us", "window"),
        [
            ("0", "1", 100, (0, 100)),
            ("1/3", "1/3", 90, (30, 60)),
            ("1/3", "1/3", 100, (33, 67)),
            ("1/2", "1/4", 0, (0, 0)),
            ("9/10", "1/10", 1_000_001, (900_001, 1_000_001)),
        ],
    )
    def test_is_shares_of_the_replays_length(
        self, start: str, length: str, duration_us: int, window: tuple[int, int]
    ) -> None:
        assert Fault("table", "down", Fraction(start), Fraction(length)).window_us(duration_us) == window
