"""Text that strangers wrote goes through every command and page, and stays text."""

import json
import os
import pty
import re
import subprocess
import sys
import unicodedata
from contextlib import suppress
from typing import Any

import dagster as dg
import pyarrow as pa
import pytest
from markdown_it import MarkdownIt

from assets.presentation import sql_metadata, table_metadata
from assets.recorded_traffic import InboxImport, recorded_traffic_asset
from orchestration.partitions import RECORDED
from resources.warehouse.publish import publish
from tests.functional.conftest import Call
from tests.report_builder import Page, claim, file_outcomes, judge, outage_experiment, verdict
from workloads.importers.formats import importers
from workloads.importers.ingest import ingest
from workloads.inbox.folder import FolderInbox
from workloads.inbox.ledger import Ledger
from workloads.inbox.watching import Watcher
from workloads.places import REPOSITORY, Places
from workloads.recordings.library import Library

# Rich's markup and emoji, orders to a terminal in one byte and in two, a turned line, Markdown, HTML, a mention.
MARKUP = "[/bold][red]x:bomb: ![i](//evil.example) [l](javascript:a) <img src=//evil.example>|`c` *e* @team"
HOSTILE = f"{MARKUP}\x1b[31m\x9b31m\u202e"
FILE = HOSTILE.replace("/", "")
SCENARIO = f"""title = {json.dumps(HOSTILE)}
description = {json.dumps(HOSTILE)}
[[faults]]
target = "table"
kind = "down"
start = 0
length = 1
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Places:
    """A home with hostile text wherever a file, a recording or a replay may put it, its own name among them."""
    places = Places(tmp_path_factory.mktemp("hostile") / FILE)
    for repetition, reason in ((1, None), (2, HOSTILE)):
        more: dict[str, Any] = {"target": HOSTILE, "repetition": repetition, "invalid_reason": reason}
        observations = outage_experiment(scenario="steady", **more)
        observations.request("0", entity=HOSTILE).item("0").record("0")
        file_outcomes(places, observations, f"c1/food_orders__steady/{repetition}")
    judge(places, "pairwise", [verdict(reason=HOSTILE, target=HOSTILE)])
    judge(places, "claims", [claim("S1", text=HOSTILE, reading=HOSTILE, reason=HOSTILE, source=HOSTILE)])
    publish(places)
    for made in (places.scenarios, places.recordings / "unreadable"):
        made.mkdir(parents=True)
    (places.scenarios / "mine.toml").write_text(SCENARIO)
    (places.scenarios / f"{FILE}.toml").write_text(SCENARIO)
    (places.recordings / "unreadable" / "requests.parquet").write_text(HOSTILE)
    prices = (REPOSITORY / "resources/prices/prices.toml").read_text()
    places.prices.write_text(re.sub(r'source = ".*?"', lambda _: f"source = {json.dumps(HOSTILE)}", prices, count=1))
    (places.home / "requirements.toml").write_text(
        f'[[requirement]]\nname = {json.dumps(HOSTILE)}\nmeasure = "lost_share"\nat_most = 0.1\n'
    )
    inbox = places.home / "inbox"
    inbox.mkdir()
    (inbox / FILE).touch()
    Watcher(FolderInbox(inbox), Ledger(places.inbox_ledger), settled_s=0).scan([])
    (places.home / f"{FILE}.jsonl").write_text(json.dumps({HOSTILE: 1}) + "\n")
    good = {"timestamp": "2026-05-17T10:05:03Z", "method": "POST", "path": f"/{HOSTILE}", "status": 200}
    (places.home / f"{FILE}.log").write_text(json.dumps(good) + "\n" + json.dumps({**good, "path": "/gone"}) + "\n")
    ingest(importers()["jsonl"], [places.home / f"{FILE}.log"], "kept", Library(places))
    mapping = f"drop:\n- match: POST /gone\n  why: {json.dumps(MARKUP)}\n"
    (places.home / "mapping.yaml").write_text(mapping)
    return places


@pytest.fixture
def called(home: Places, call: Call, monkeypatch: pytest.MonkeyPatch) -> Call:
    monkeypatch.setenv("ARCHDUEL_HOME", str(home.home))
    return call


def obeyed(text: str) -> list[str]:
    """Characters in a text that a terminal would obey or nobody would see."""
    return [letter for letter in text if unicodedata.category(letter) in {"Cc", "Cf"} and letter != "\n"]


COMMANDS = {
    "workloads": 0,
    "scenarios": 0,
    "architectures": 0,
    "prices": 0,
    "requirements": 0,
    "inbox --all": 0,
    "sql|SELECT entity, target, invalid_reason FROM requests JOIN experiments USING (experiment_id)": 0,
    'sql|SELECT entity AS "{}" FROM requests|--format|json': 0,
    "sql|FROM requests|--format|csv": 0,
    'sql|SELECT * FROM "{}"': 1,
    "report|--comparison|{}": 2,
    "import|jsonl|{home}/{file}.log|--name|mine|--mapping|{home}/mapping.yaml": 0,
    "import|jsonl|{home}/{file}.jsonl|--name|none": 1,
    "import|auto|{home}/{file}.jsonl|--name|none": 1,
    "import|jsonl|{home}/{file}.log|--name|{}": 2,
    "import|jsonl|{home}/{file}.log|--name|none|--from|{}": 2,
    "import|jsonl|{home}/{file}.log|--name|none|--column|path={}": 1,
    "import|{}|{home}/{file}.log|--name|none": 2,
    "mapping|suggest|kept": 0,
    "mapping|suggest|{}": 2,
    "mapping|suggest|kept|--out|{home}/{file}.log": 2,
    "export|k6|kept|--base-url|http://127.0.0.1|--out|{home}/{file}": 0,
    "export|k6|kept|--base-url|{}": 2,
    "compare|--workload|{}": 2,
    "compare|--scenario|{}": 2,
    "compare|--scenario|{home}/{file}.toml": 2,
    "compare|--requirements|{home}/{file}.toml": 2,
    "template|{}": 2,
    "doctor|--target|{}": 2,
    "prices|--import|{home}/{file}.log": 1,
    "sweep|--target|{}": 2,
    "replay|kept|--to|http://127.0.0.1:1|--dry-run": 0,
    "replay|{}|--to|http://127.0.0.1:1": 2,
    "replay|kept|--to|http://{}": 2,
    "service|check|{home}/{file}.toml": 2,
    "record|--name|x|--upstream|http://{}": 2,
    "record|--name|x|--customers|{}": 2,
    "{}": 2,
    "workloads|--{}": 2,
}


@pytest.mark.parametrize("line", COMMANDS)
def test_no_command_obeys_what_it_prints(home: Places, called: Call, line: str) -> None:
    words = line.split("|") if "|" in line else line.split()
    named = {"{}": HOSTILE, "{home}": str(home.home), "{file}": FILE}
    arguments = [re.sub("|".join(map(re.escape, named)), lambda match: named[match[0]], word) for word in words]
    done = called(*arguments)
    assert done.returncode == COMMANDS[line], done.stderr
    assert "--debug" not in done.stderr, done.stderr
    assert len(done.stderr.splitlines()) <= 2 or not done.returncode
    as_in_a_file = words[0] in {"requirements", "mapping", "export"} or "csv" in words  # see the test below
    assert obeyed(done.stderr) == []
    assert as_in_a_file or obeyed(done.stdout) == []
    assert "\N{BOMB}" not in done.stdout + done.stderr


def test_what_is_written_as_in_a_file_is_printable_on_a_terminal(home: Places) -> None:
    """Elsewhere it is unchanged, for the program that reads it."""
    controller, terminal = pty.openpty()
    command = [sys.executable, "-m", "orchestration.commands.main", "requirements"]
    environment = {**os.environ, "ARCHDUEL_HOME": str(home.home)}
    with subprocess.Popen(command, stdout=terminal, stdin=subprocess.DEVNULL, cwd=REPOSITORY, env=environment) as done:
        os.close(terminal)
        shown = b""
        with suppress(OSError):  # the end, on Linux
            while part := os.read(controller, 1 << 16):
                shown += part
    os.close(controller)
    assert done.returncode == 0
    assert obeyed(shown.decode().replace("\r\n", "\n")) == []
    assert shown


def test_a_programs_csv_holds_what_was_recorded(called: Call) -> None:
    assert called("sql", "SELECT min(entity) AS it FROM requests", "--format", "csv").stdout == f'"it"\n"{HOSTILE}"\n'


def test_no_page_obeys_what_it_shows(home: Places, called: Call) -> None:
    done = called("report", "--comparison", "c1", "--claims")
    assert (done.returncode, done.stdout) == (0, f"{home.report}\n"), done.stderr
    file = home.report
    for name in (file.name, "claims.html"):
        page = Page(file.with_name(name).read_text(encoding="utf-8"))
        assert "evil.example" in page.text
        loaded = page.attributes("src") + page.attributes("href")
        assert not [one for one in loaded if "evil" in one or "script:" in one]
    summary = file.with_name("report.md").read_text(encoding="utf-8")
    assert "evil.example" in summary
    assert is_only_text(summary)
    assert obeyed(file.with_name("report.json").read_text(encoding="utf-8")) == []


def is_only_text(markdown: str) -> bool:
    """Whether nothing of a page's hostile texts is live in Markdown, or obeyed where it is read unrendered."""
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(markdown)
    inline = [child for token in tokens for child in token.children or ()]
    live = [one for one in (*tokens, *inline) if one.type in {"image", "link_open", "html_inline", "html_block"}]
    return not live and set(obeyed(markdown)) <= {"\u200b"}  # which parts what would be a mention


def test_dagsters_metadata_shows_hostile_text_as_text(home: Places, called: Call) -> None:
    log, mapping = home.home / f"{FILE}.log", home.home / "mapping.yaml"
    assert called("import", "jsonl", str(log), "--name", "shown", "--mapping", str(mapping)).returncode == 0
    asset = recorded_traffic_asset(home, RECORDED, None)
    shown: Any = asset(dg.build_asset_context(partition_key="shown"), InboxImport())
    table = str(shown.metadata["left_out"].value)
    assert "evil.example" in table
    assert is_only_text(table)
    assert is_only_text(str(table_metadata(pa.table({HOSTILE: [HOSTILE]})).value))
    assert is_only_text(str(sql_metadata(f"SELECT '```\n{HOSTILE}'").value))
