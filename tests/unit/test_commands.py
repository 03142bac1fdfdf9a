"""The commands as click has them: all are found, listed and described, and none is imported before it is called."""

import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from orchestration.commands import reference
from orchestration.commands.main import main

CONTEXT = click.Context(main)
# What takes a tenth of a second or more.
SLOW = {"dagster", "boto3", "duckdb", "numpy", "pyarrow", "rich"}


def test_help_lists_every_command_by_the_first_sentence_of_its_help() -> None:
    listed = CliRunner().invoke(main, ["--help"], terminal_width=200).output.partition("Commands:\n")[2]
    sentences = {}
    for name in main.list_commands(CONTEXT):
        command = main.get_command(CONTEXT, name)
        assert command is not None
        sentences[name] = command.get_short_help_str(200)
    assert dict(line.split(maxsplit=1) for line in listed.splitlines()) == sentences


@pytest.mark.parametrize("arguments", [["--help"], ["nope"]])
def test_a_command_that_is_not_called_is_not_imported(arguments: list[str]) -> None:
    code = f"""
import sys
from orchestration.commands.main import main
try:
    main({arguments})
finally:
    print(*sys.modules, file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "orchestration.commands.main" in done.stderr.split()
    assert not SLOW & set(done.stderr.split())


def test_the_committed_page_is_made_from_the_commands() -> None:
    """`python -m orchestration.commands.reference` writes it."""
    assert reference.PAGE.read_text(encoding="utf-8") == reference.page()


def test_ctrl_c_while_modules_are_imported_ends_in_silence() -> None:
    code = """
import os, signal, sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "orchestration.commands.main":
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Finder())
from orchestration.commands.start import main
main()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")
