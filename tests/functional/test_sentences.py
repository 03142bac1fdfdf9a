"""Whatever is wrong with what a user gives, the answer is one or two lines that name it, and no internal error."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from orchestration.instance import prepare_instance
from tests.functional.conftest import Call
from workloads.errors import ArchduelError
from workloads.places import REPOSITORY, Places
from workloads.printable import LONGEST_LINE

LONG, HUGE = "x" * 100_000, str(10**32)
EXPORT = ("export", "k6", "food_orders", "--base-url", "http://127.0.0.1", "--out", "{}")
REPLAY = ("replay", "food_orders", "--dry-run")
RECORD = ("record", "--name", "mine")
UPSTREAM = (*RECORD, "--upstream", "http://127.0.0.1:1")
CUSTOMERS = (*RECORD, "--customers", "lunch")
ENDPOINT = ("--target", "endpoint", "--endpoint-url")


def imported(form: str, file: str, *options: str) -> tuple[str, ...]:
    return ("import", form, file, "--name", "mine", *options)


WRONG = [
    *((*EXPORT, f"--{option}", value) for option in ("from", "to") for value in ("1e300", "1e15", HUGE)),
    *((*EXPORT, "--speed", value) for value in ("1e300", "1e-300")),
    *((*EXPORT, option, value) for option, value in (("--seed", "-1"), ("--loop", "0"))),
    *(("compare", f"--{option}", HUGE) for option in ("limit", "repetitions", "seed", "duration", "speed")),
    *(("compare", f"--{option}", "1e300") for option in ("longest-pause", "from", "duration", "speed")),
    *(("dev", "--port", value) for value in ("-1", "0", "70000", HUGE)),
    *(
        (command, *ENDPOINT, url)
        for command in ("doctor", "sweep")
        for url in ("http://[::1", "http://127.0.0.1:x", "")
    ),
    ("export", "k6", "food_orders", "--base-url", "http://[::1"),
    ("export", "k6", "food_orders", "--base-url", f"http://127.0.0.1:{HUGE}"),
    *((*REPLAY, "--to", url) for url in ("http://[::1", f"http://127.0.0.1:{HUGE}", LONG)),
    *((*REPLAY, "--to", "http://127.0.0.1:1", f"--{option}", HUGE) for option in ("from", "speed", "loop")),
    (*REPLAY, "--to", "http://127.0.0.1:1", "--seed", "-1"),
    (*UPSTREAM, "--listen", f"127.0.0.1:{HUGE}"),
    (*RECORD, "--upstream", f"http://127.0.0.1:{HUGE}"),
    (*CUSTOMERS, "--peak", "1e300"),
    (*CUSTOMERS, "--minutes", "1e300"),
    imported("jsonl", "{}/log.jsonl", "--seed", "-1"),
    imported("jsonl", "{}/log.jsonl", "--from", "1e300"),
    *(
        imported("jsonl", "{}/log.jsonl", "--column", f"path={name}")
        for name in ("..", ".", "a..b", ".a", "a.", "*", '"')
    ),
    *(imported(form, f"{{}}/log.{form}", "--column", "path=..") for form in ("csv", "parquet")),
    imported("csv", "{}/twice.csv"),
    imported("parquet", "{}/twice.parquet"),
    imported("parquet", "{}/log.parquet", "--column", "path=tags"),
    imported("parquet", "{}/log.parquet", "--column", "path=took"),
    imported("parquet", "{}/log.parquet", "--column", "path=bytes"),
    # Of what is very long, messages show the ends.
    (LONG,),
    ("workloads", f"--{LONG}"),
    ("sql", f"SELEC {LONG}"),
    ("template", LONG),
    ("requirements", LONG),
    ("requirements", "{}/long.toml"),
    ("report", "--comparison", LONG),
    ("mapping", "suggest", LONG),
    ("mapping", "suggest", "food_orders", "--out", LONG),
    ("prices", "--import", LONG),
    ("prices", "--import", "{}/log.jsonl", "--region", LONG),
    ("export", LONG, "food_orders", "--base-url", "http://127.0.0.1"),
    ("export", "k6", "food_orders", "--base-url", LONG),
    *(("compare", f"--{option}", LONG) for option in ("workload", "scenario", "architecture", "target", "baseline")),
    *(("compare", f"--{option}", LONG) for option in ("speed", "from", "repetitions", "requirements", "variant")),
    ("compare", "--scenario", f"{LONG}.toml"),
    (*UPSTREAM, "--listen", LONG),
    (*RECORD, "--upstream", LONG),
    (*RECORD, "--customers", LONG),
    imported(LONG, "{}/log.jsonl"),
    imported("jsonl", LONG),
    imported("jsonl", "{}/log.jsonl", "--mapping", LONG),
    imported("jsonl", "{}/log.jsonl", "--mapping", "{}/long.yaml"),
    imported("jsonl", "{}/log.jsonl", "--from", LONG),
    *(imported("jsonl", "{}/log.jsonl", "--column", value) for value in (LONG, f"{LONG}=x", f"path={LONG}")),
    imported("api_gateway", "{}/log.jsonl", "--template", LONG),
    imported("jsonl", "{}/long.jsonl"),
    imported("csv", "{}/long.csv"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files that are read rightly, and such as are not."""
    folder = tmp_path_factory.mktemp("files")
    at = datetime(2026, 5, 17, 10, tzinfo=UTC)
    (folder / "log.jsonl").write_text('{"timestamp": "2026-05-17T10:05:03Z", "method": "GET", "path": "/a"}\n')
    (folder / "log.csv").write_text("timestamp,method,path\n2026-05-17T10:05:03Z,GET,/a\n")
    (folder / "twice.csv").write_text("timestamp,method,path,path\n2026-05-17T10:05:03Z,GET,/a,/b\n")
    columns = {"timestamp": [at], "method": ["GET"], "path": ["/a"], "tags": [["a"]], "bytes": [b"\xff"]}
    pq.write_table(pa.table({**columns, "took": pa.array([1], pa.duration("us"))}), folder / "log.parquet")
    twice = pa.table([[at], ["GET"], ["/a"], ["/b"]], names=["timestamp", "method", "path", "path"])
    pq.write_table(twice, folder / "twice.parquet")
    (folder / "long.jsonl").write_text(json.dumps({LONG: 1}) + "\n")
    (folder / "long.csv").write_text(f"{LONG},b,c\n1,2,3\n")
    (folder / "long.yaml").write_text(f"{LONG}:\n")
    (folder / "long.toml").write_text(f'[[requirement]]\nname = "a"\nmeasure = "{LONG}"\nat_most = 1\n')
    return folder


@pytest.mark.parametrize("arguments", WRONG, ids=lambda arguments: " ".join(arguments)[:60])
def test_what_is_wrong_is_one_or_two_lines(call: Call, folder: Path, arguments: tuple[str, ...]) -> None:
    done = call(*(argument.replace("{}", str(folder)) for argument in arguments))
    assert done.returncode in {1, 2}
    assert "--debug" not in done.stderr, done.stderr
    assert 1 <= len(done.stderr.splitlines()) <= 2
    assert max(map(len, done.stderr.splitlines())) < LONGEST_LINE + 100


@pytest.mark.parametrize("name", ["a%20b", "a?b"])
def test_a_home_that_dagster_would_look_for_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ArchduelError, match="give another ARCHDUEL_HOME"):
        prepare_instance(Places(tmp_path / name))
    assert not list(tmp_path.iterdir())


def test_a_home_that_cannot_be_written_is_named(tmp_path: Path, folder: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o555)
    command = [sys.executable, "-m", "orchestration.commands.main", "report"]
    if os.geteuid() == 0:  # who may write everywhere
        without = "-dac_override,-dac_read_search"
        command = ["setpriv", f"--bounding-set={without}", f"--inh-caps={without}", *command]
    environment = {**os.environ, "ARCHDUEL_HOME": str(home)}
    done = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert f"make {home} writable, or name another folder in ARCHDUEL_HOME" in done.stderr
