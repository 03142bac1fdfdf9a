"""What a program sees that is kept from this machine's files."""

import shutil
import sys
from pathlib import Path

import pytest

from resources.machine.isolation import isolated
from resources.machine.leash import run_leashed
from resources.progress import Silent
from resources.services.importing import check_import
from resources.services.kept import keep
from resources.targets import open_target
from workloads.errors import ArchduelError, UsageError
from workloads.places import Places

needs_bubblewrap = pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed")
LOOKS = """
import os, pathlib, sys
print([os.path.exists(path) for path in sys.argv[1:]], sum(name.isdigit() for name in os.listdir("/proc")))
pathlib.Path("written").write_text("x")
try:
    pathlib.Path("/etc/written").write_text("x")
except OSError as error:
    print(error.strerror)
import boto3
"""


@needs_bubblewrap
def test_it_reads_what_is_installed_and_writes_to_its_folder_alone(tmp_path: Path) -> None:
    (tmp_path / "secret").touch()
    folder = tmp_path / "home" / "folder"
    folder.mkdir(parents=True)
    seen = [str(tmp_path / "secret"), str(folder.parent / "recordings"), sys.executable]
    (folder.parent / "recordings").touch()
    arguments = isolated([sys.executable, "-c", LOOKS, *seen], folder, folder.parent)
    code, output = run_leashed(arguments, timeout_s=10)
    assert (code, output.splitlines()) == (0, ["[False, False, True] 2", "Read-only file system"])
    assert (folder / "written").read_text() == "x"


@needs_bubblewrap
def test_a_handler_that_reads_what_it_has_no_business_with_cannot_be_imported(tmp_path: Path, places: Places) -> None:
    (tmp_path / "secret").write_text("1")
    (tmp_path / "app.py").write_text(f"open({str(tmp_path / 'secret')!r})\ndef handler(event, context): ...")
    file = tmp_path / "service.toml"
    file.write_text('name = "mine"\ncode = "."\nhandler = "app.handler"\n')
    deployable = keep(places, file)
    check_import(deployable, places.temporary)
    with pytest.raises(ArchduelError, match="No such file or directory"):
        check_import(deployable, places.temporary, isolated_from=places.home)


def test_without_bubblewrap_it_is_refused_with_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="apt-get install bubblewrap"):
        isolated(["true"], tmp_path, tmp_path)


def test_a_bubblewrap_that_does_not_work_is_named_with_its_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "bwrap"
    program.write_text("#!/bin/sh\necho no permissions to create new namespace >&2; exit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="does not work here: no permissions to create new namespace"):
        isolated(["true"], tmp_path, tmp_path)


def test_only_where_functions_run_on_the_embedded_emulator(places: Places) -> None:
    with pytest.raises(UsageError, match="--isolate is not for --target localstack"):
        open_target("localstack", places, {}, Silent(), isolate=True)
    assert not any(places.home.glob("*")), "it was not opened, which would have installed it"
    assert open_target("simulated", places, {}, Silent(), isolate=True).parameters is not None
