"""What the command line says and how it exits, as a user's shell sees it."""

import json
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import click
import pytest

from assets.analysis.outcomes import reconcile
from orchestration.commands.main import main
from resources.architectures import architectures
from resources.warehouse.outcomes import write_outcomes
from resources.warehouse.publish import publish
from tests.functional.conftest import Call
from tests.observations_builder import ObservationsBuilder
from tests.shell import archduel
from workloads.inbox.folder import FolderInbox
from workloads.inbox.ledger import Ledger
from workloads.inbox.watching import Watcher
from workloads.places import Places

LOG = '198.51.100.7 - - [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 12 "-" "curl"\n'


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Places:
    places = Places(tmp_path_factory.mktemp("published"))
    observed = ObservationsBuilder().experiment(requests=1).request("0").item("0").record("0").tables()
    write_outcomes(places, "c1", "food_orders__steady", "synchronous", reconcile(observed))
    publish(places)
    return places


@pytest.fixture
def results(published: Places, call: Call, monkeypatch: pytest.MonkeyPatch) -> Places:
    """A home with results, which `call` has from now on. It is shared, as no query changes it."""
    monkeypatch.setenv("ARCHDUEL_HOME", str(published.home))
    return published


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(("workloads",), 0), (("sql", "SELECT 1"), 1), (("compare", "--what"), 2), (("comparee",), 2)],
)
def test_a_shell_sees_the_exit_code_and_at_most_one_line_of_complaint(
    places: Places, arguments: tuple[str, ...], code: int
) -> None:
    done = archduel(places, *arguments)
    assert done.returncode == code
    assert len(done.stderr.splitlines()) == (code > 0)
    assert bool(done.stdout) == (code == 0)


@pytest.mark.parametrize(
    ("arguments", "listed"),
    [
        (("compare", "--workload"), "food_orders"),
        (("compare", "--scenario"), "poison, poison_ordered, queue_down, ramp, reordering, scaling, steady"),
        (("compare", "--variant"), "idempotent, naive"),
        (("compare", "--architecture"), ", ".join(sorted(["all", *architectures()]))),
        (("compare", "--baseline"), ", ".join(sorted(architectures()))),
        (("compare", "--target"), "ministack"),
        (("doctor", "--target"), "ministack"),
        (("template",), ", ".join(sorted(architectures()))),
    ],
)
def test_an_unknown_name_exits_2_and_lists_the_valid_ones(call: Call, arguments: tuple[str, ...], listed: str) -> None:
    done = call(*arguments, "nope")
    assert done.returncode == 2
    assert listed in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("option", "value", "complaint"),
    [
        ("--repetitions", "0", "neither a number greater than 0 nor auto"),
        ("--repetitions", "often", "neither a number greater than 0 nor auto"),
        ("--speed", "-1", "must be at least 0.000001"),
        ("--speed", "nan", "must be a finite number"),
        ("--limit", "0", "must be at least 1"),
        ("--duration", "0", "must be greater than 0"),
        ("--longest-pause", "inf", "must be a finite number"),
        ("--others-at-most", "25", "must be at most 1"),
        ("--others-at-most", "nan", "must be a finite number"),
        ("--sample", "0", "must be greater than 0"),
        ("--seed", "-1", "must be at least 0"),
        ("--from", "noon", "give a time such as"),
        ("--budget", "5", "is for --repetitions auto"),
    ],
)
def test_an_impossible_value_exits_2_with_one_line_that_names_the_option(
    call: Call, option: str, value: str, complaint: str
) -> None:
    done = call("compare", option, value)
    assert done.returncode == 2
    assert option in done.stderr
    assert complaint in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize("command", ["compare", "doctor"])
@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--target", "endpoint"), 2, "--target endpoint needs --endpoint-url"),
        (("--endpoint-url", "http://127.0.0.1:1"), 2, "--endpoint-url is not for --target ministack"),
        (("--target", "endpoint", "--endpoint-url", "http://127.0.0.1:1"), 1, "nothing answers at http://127.0.0.1:1"),
        (("--target", "endpoint", "--endpoint-url", "https://example.com"), 1, "is not an endpoint of an emulator"),
    ],
)
def test_a_target_that_cannot_be_used_is_one_sentence_and_starts_nothing(
    places: Places, call: Call, command: str, arguments: tuple[str, ...], code: int, words: str
) -> None:
    done = call(command, *arguments)
    assert done.returncode == code
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not places.emulator_logs.exists()


def test_every_command_has_help_and_refuses_an_unknown_option_in_one_line(call: Call) -> None:
    for command in main.list_commands(click.Context(main)):
        shown = call(command, "--help")
        assert shown.returncode == 0
        assert f"Usage: archduel {command} " in shown.stdout
        refused = call(command, "--what")
        assert refused.returncode == 2
        assert f"archduel {command} --help" in refused.stderr
        assert len(refused.stderr.splitlines()) == 1


def test_one_recording_that_cannot_be_read_hides_no_other(places: Places, call: Call) -> None:
    broken = places.recordings / "broken" / "requests.parquet"
    broken.parent.mkdir(parents=True)
    broken.write_text("not Parquet")
    done = call("workloads")
    assert "food_orders" in done.stdout
    assert "broken" in done.stderr


@pytest.mark.parametrize(("command", "word"), [("workloads", "food_orders"), ("scenarios", "steady")])
def test_lists_show_what_there_is(call: Call, command: str, word: str) -> None:
    done = call(command)
    assert done.returncode == 0
    assert word in done.stdout


@pytest.mark.usefixtures("results")
def test_sql_reads_the_results(call: Call) -> None:
    statement = "SELECT architecture, scenario, outcome, count(*) AS n FROM requests GROUP BY ALL"
    done = call("sql", statement, "--format", "json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [
        {"architecture": "synchronous", "scenario": "steady", "outcome": "answered", "n": 1}
    ]


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("SELEC 1", 1),
        ("SELECT * FROM nothing_there", 1),
        ("SELECT * FROM read_text('/etc/hostname')", 1),
        ("DROP TABLE ledger", 2),
        ("COPY (SELECT 1) TO 'written.csv'", 2),
        ("ATTACH 'written.db'", 2),
        ("SELECT 1; SELECT 2", 2),
        ("", 2),
    ],
)
def test_a_statement_that_cannot_run_is_one_line_and_changes_nothing(
    results: Places, call: Call, statement: str, code: int
) -> None:
    before = results.database.read_bytes()
    done = call("sql", statement)
    assert done.returncode == code
    assert len(done.stderr.splitlines()) == 1
    assert results.database.read_bytes() == before


@pytest.mark.usefixtures("results")
@pytest.mark.parametrize("style", ["table", "csv", "json"])
def test_sql_prints_recorded_text_as_it_is_and_obeys_none_of_it(call: Call, style: str) -> None:
    done = call("sql", "SELECT '[/bold]' || chr(27) || '[31m' AS \"[bold]a\"", "--format", style)
    assert (done.returncode, done.stderr) == (0, "")
    assert "[bold]a" in done.stdout
    assert "[/bold]" in done.stdout
    assert style == "csv" or "\x1b" not in done.stdout


@pytest.mark.usefixtures("results")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_sql_hears_a_signal_in_the_middle_of_a_query(number: signal.Signals, code: int) -> None:
    endless = [sys.executable, "-m", "orchestration.commands.main", "sql", "FROM range(1000000000000)"]
    with subprocess.Popen([*endless, "--format", "csv"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout is not None
        running.stdout.readline()
        running.send_signal(number)
        _, complaint = running.communicate(timeout=20)
        assert running.returncode == code
        assert len(complaint.splitlines()) <= 1


def test_sql_without_results_says_how_to_get_some(call: Call) -> None:
    done = call("sql", "SELECT 1")
    assert done.returncode == 1
    assert "archduel compare" in done.stderr


def test_an_import_accounts_for_its_lines_and_becomes_a_workload(call: Call, tmp_path: Path) -> None:
    log = tmp_path / "access.log"
    log.write_text(LOG * 3 + "not a line of this format\n\n")
    done = call("import", "combined", str(log), "--name", "shop")
    assert done.returncode == 0, done.stderr
    assert "5 lines = 3 accepted + 0 dropped + 1 quarantined + 1 blank + 0 header" in done.stdout
    assert "shop" in call("workloads").stdout


@pytest.mark.parametrize(
    ("arguments", "code", "complaint"),
    [
        (("import", "nope", "x.log", "--name", "shop"), 2, "alb, api_gateway, auto"),
        (("import", "combined", "missing.log", "--name", "shop"), 1, "missing.log"),
        (("import", "combined", "x.log", "--name", "../shop"), 2, "cannot name a recording"),
        (("import", "combined", "x.log", "--name", "food_orders"), 2, "bundled"),
        (("import", "combined", "s3://bucket/key", "--name", "shop"), 2, "--endpoint-url"),
        (
            ("import", "combined", "s3://b/k", "--name", "shop", "--endpoint-url", "https://s3.amazonaws.com"),
            2,
            "emulator",
        ),
    ],
)
def test_a_bad_import_is_one_line_and_leaves_no_recording(
    places: Places, call: Call, arguments: tuple[str, ...], code: int, complaint: str
) -> None:
    done = call(*arguments)
    assert done.returncode == code
    assert complaint in done.stderr
    assert len(done.stderr.splitlines()) <= 2
    assert not list(places.recordings.glob("[!.]*"))


def test_the_inbox_says_what_became_of_its_files_and_why(places: Places, call: Call, tmp_path: Path) -> None:
    done = call("inbox")
    assert done.returncode == 2
    assert "export ARCHDUEL_INBOX" in done.stderr
    (tmp_path / "empty.log").touch()
    Watcher(FolderInbox(tmp_path), Ledger(places.inbox_ledger), settled_s=0).scan([])
    shown = call("inbox").stdout
    assert "empty.log" in shown
    assert "1 refused" in shown
    assert "1 refused file is tried again" in call("inbox", "--retry").stdout


def test_a_port_that_is_taken_is_one_line(call: Call) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = call("dev", "--port", str(taken.getsockname()[1]))
    assert done.returncode == 1
    assert "is taken" in done.stderr


SCENARIO = 'title = "Mine"\ndescription = "My own."\n[[faults]]\ntarget = "table"\nkind = "down"\nstart = 0\n'


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (SCENARIO + "lenght = 1\n", "mine.toml, line 7: unknown lenght: fault down knows target, kind, start, length"),
        (SCENARIO + 'length = "3/2"\n', "mine.toml, line 7: length must be at most the whole replay, 1"),
        (SCENARIO + 'length = "9999 s"\n', "mine: down on table, 9999 s from 0, ends after the replay"),
    ],
)
def test_a_wrong_scenario_file_exits_2_and_names_the_line(
    places: Places, call: Call, tmp_path: Path, text: str, complaint: str
) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(text)
    done = call("compare", "--scenario", str(file), "--speed", "5")
    assert done.returncode == 2
    assert complaint in done.stderr
    assert len(done.stderr.splitlines()) <= 2
    assert not places.database.exists()


REQUIREMENT = '[[requirement]]\nname = "mine"\n'


@pytest.mark.parametrize("command", ["compare", "report"])
@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('measure = "lost"\nat_most = 0.1\n', "own.toml: requirement 'mine': unknown measure 'lost'"),
        ('measure = "lost_share"\nat_most = 10\n', "a share lies between 0 and 1, not at 10"),
        ('measure = "lost_share"\nat_most = 0.1\nof = "GET /cart"\n', "the recording has no route 'GET /cart'"),
        ('measure = "lost_share"\nat_most = 0.1\nunder = "rain"\n', "under has 'rain', neither a scenario nor one of"),
    ],
)
def test_wrong_requirements_exit_2_and_name_what_is_wrong(
    results: Places, call: Call, tmp_path: Path, command: str, text: str, complaint: str
) -> None:
    file = tmp_path / "own.toml"
    file.write_text(REQUIREMENT + text)
    done = call(command, "--requirements", str(file))
    assert done.returncode == 2
    assert complaint in done.stderr
    assert len(done.stderr.splitlines()) <= 2
    assert not list(results.judgements.glob("*/requirements.toml"))


def test_a_report_by_other_requirements_judges_anew_and_keeps_them(
    results: Places, call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = shutil.copytree(results.home, tmp_path / "home")
    monkeypatch.setenv("ARCHDUEL_HOME", str(home))
    file = tmp_path / "own.toml"
    file.write_text(REQUIREMENT + 'measure = "lost_share"\nat_most = 0.1\n')
    assert call("report", "--requirements", str(file)).returncode == 0
    statement = "SELECT DISTINCT requirement FROM requirements"
    assert '"mine"' in call("sql", statement, "--format", "csv").stdout.splitlines()
    file.unlink()
    assert call("report").returncode == 0
    assert '"mine"' in call("sql", statement, "--format", "csv").stdout.splitlines()
    assert (Places(home).judgements / "c1" / "requirements.toml").exists()


def test_what_requirements_prints_is_a_file_of_them(call: Call, tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text(call("requirements").stdout)
    done = call("requirements", str(file))
    assert done.returncode == 0
    assert done.stdout.startswith(file.read_text().rstrip().partition("\n# From ")[0])
    assert "response_p99_ms" in done.stdout


def test_scenarios_lists_ones_own_and_names_a_wrong_one(places: Places, call: Call) -> None:
    places.scenarios.mkdir(parents=True)
    (places.scenarios / "mine.toml").write_text(SCENARIO + "length = 1\n")
    (places.scenarios / "wrong.toml").write_text(SCENARIO)
    done = call("scenarios")
    assert done.returncode == 0
    assert "My own." in done.stdout
    assert "component_down" in done.stdout
    assert "wrong.toml, line 3: length is missing" in done.stderr
