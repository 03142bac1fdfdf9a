"""Environments for emulators: which Python is found, what is installed how, and that nothing half-made is used."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import pytest

from resources.progress import Silent
from resources.targets.environments import Distribution, Machine, ensure, find_python
from resources.targets.localstack import DISTRIBUTION, VERSION
from workloads.errors import ArchduelError

PROJECT = """
[project]
name = "thing"
requires-python = ">=3.13,<3.14"
dependencies = ["emulator[all]==1.2.3"]
[tool.uv]
exclude-newer = "2026-03-25T00:00:00Z"
"""


@dataclass
class Programs:
    """A fake machine: ``pythons`` maps each program to the version it prints; uv's steps succeed, but for one that
    ``broken`` names."""

    pythons: dict[str, str]
    uv: str | None = "uv"
    broken: str = ""
    known_to_uv: str | None = None
    commands: list[list[str]] = field(default_factory=list)

    def machine(self, environment: dict[str, str] | None = None) -> Machine:
        def which(name: str) -> str | None:
            return self.uv if name == "uv" else f"/bin/{name}" if f"/bin/{name}" in self.pythons else None

        return Machine(environment or {"HOME": "/nowhere"}, which, self._run)

    def _run(self, command: Sequence[str]) -> tuple[int, str]:
        self.commands.append(list(command))
        match list(command):
            case [python, "-c", ""]:
                return (0, "") if Path(python).exists() else (1, "")
            case [python, "-c", _]:
                return (0, self.pythons[python] + "\n") if python in self.pythons else (127, "not found")
            case ["uv", "python", *_]:
                return (0, self.known_to_uv + "\n") if self.known_to_uv else (2, "none")
            case ["uv", step, *rest]:
                if step == self.broken:
                    return 1, f"warning: old\nerror: {step} went wrong\n  cause: and more\n"
                if step == "venv":
                    (Path(rest[-1]) / "bin").mkdir(parents=True)
                    (Path(rest[-1]) / "bin" / "python").touch()
                return 0, ""
        raise AssertionError(command)

    def installed(self) -> int:
        return sum(command[:3] == ["uv", "pip", "install"] for command in self.commands)


@pytest.fixture
def distribution(tmp_path: Path) -> Distribution:
    folder = tmp_path / "thing"
    folder.mkdir()
    (folder / "pyproject.toml").write_text(PROJECT)
    (folder / "plugin.py").write_text("x = 1\n")
    return Distribution(folder, "Thing")


class TestPython:
    @pytest.mark.parametrize(
        ("pythons", "known_to_uv", "found"),
        [
            ({"/bin/python3.13": "3.13"}, None, "/bin/python3.13"),
            ({"/managed/python": "3.13"}, "/managed/python", "/managed/python"),
            ({"/bin/python3.13": "3.12", "/managed/python": "3.13"}, "/managed/python", "/managed/python"),
        ],
        ids=["on the PATH", "uv's", "one on the PATH that is another, as pyenv's may be"],
    )
    def test_is_found(
        self, distribution: Distribution, pythons: dict[str, str], known_to_uv: str | None, found: str
    ) -> None:
        machine = Programs(pythons, known_to_uv=known_to_uv).machine()
        assert find_python(distribution, "uv", machine) == found

    @pytest.mark.parametrize("root", ["PYENV_ROOT", "HOME"])
    def test_of_pyenv_is_found_wherever_that_is(self, distribution: Distribution, tmp_path: Path, root: str) -> None:
        pyenv = tmp_path if root == "PYENV_ROOT" else tmp_path / ".pyenv"
        python = pyenv / "versions" / "3.13.1" / "bin" / "python"
        python.parent.mkdir(parents=True)
        python.touch()
        assert find_python(distribution, "uv", Programs({str(python): "3.13"}).machine({root: str(tmp_path)})) == str(
            python
        )

    def test_that_is_nowhere_is_one_sentence_with_what_brings_it(self, distribution: Distribution) -> None:
        with pytest.raises(ArchduelError, match=r"Thing needs Python 3\.13, .*: .venv/bin/uv python install 3\.13"):
            find_python(distribution, "uv", Programs({"/bin/python3.13": "3.14"}).machine())


class TestMaking:
    def test_happens_once(self, distribution: Distribution, tmp_path: Path) -> None:
        programs = Programs({"/bin/python3.13": "3.13"})
        pythons = {ensure(distribution, tmp_path / "e", Silent(), programs.machine()) for _ in range(3)}
        assert len(pythons) == 1
        assert pythons.pop().exists()
        assert programs.installed() == 1

    def test_resolves_as_of_a_day_and_names_no_index(self, distribution: Distribution, tmp_path: Path) -> None:
        programs = Programs({"/bin/python3.13": "3.13"})
        ensure(distribution, tmp_path / "e", Silent(), programs.machine())
        [install] = [command for command in programs.commands if command[:3] == ["uv", "pip", "install"]]
        assert install[install.index("--exclude-newer") + 1] == "2026-03-25T00:00:00Z"
        assert install[-1] == str(distribution.folder)
        assert not re.search("index|https?:", " ".join(install))

    def test_happens_anew_for_other_sources_and_takes_the_old_one_away(
        self, distribution: Distribution, tmp_path: Path
    ) -> None:
        programs = Programs({"/bin/python3.13": "3.13"})
        old = ensure(distribution, tmp_path / "e", Silent(), programs.machine())
        (distribution.folder / "plugin.py").write_text("x = 2\n")
        new = ensure(Distribution(distribution.folder, "Thing"), tmp_path / "e", Silent(), programs.machine())
        assert new != old
        assert new.exists()
        assert not old.exists()

    def test_happens_anew_where_the_python_it_stands_on_is_gone(
        self, distribution: Distribution, tmp_path: Path
    ) -> None:
        programs = Programs({"/bin/python3.13": "3.13"})
        ensure(distribution, tmp_path / "e", Silent(), programs.machine()).unlink()
        assert ensure(distribution, tmp_path / "e", Silent(), programs.machine()).exists()
        assert programs.installed() == 2

    @pytest.mark.parametrize("step", ["venv", "pip"])
    def test_that_fails_is_one_sentence_and_leaves_nothing_half_made(
        self, distribution: Distribution, tmp_path: Path, step: str
    ) -> None:
        programs = Programs({"/bin/python3.13": "3.13"}, broken=step)
        with pytest.raises(
            ArchduelError,
            match=f"Thing could not be installed .*install.log.*: error: {step} went wrong cause: and more$",
        ):
            ensure(distribution, tmp_path / "e", Silent(), programs.machine())
        assert [path for path in (tmp_path / "e").iterdir() if path.is_dir()] == []
        assert "and more" in (tmp_path / "e" / "thing-install.log").read_text()

    def test_takes_away_what_a_killed_one_left(self, distribution: Distribution, tmp_path: Path) -> None:
        half = tmp_path / "e" / ".thing-12345678"
        half.mkdir(parents=True)
        ensure(distribution, tmp_path / "e", Silent(), Programs({"/bin/python3.13": "3.13"}).machine())
        assert not half.exists()

    def test_needs_uv(self, distribution: Distribution, tmp_path: Path) -> None:
        with pytest.raises(ArchduelError, match=r"installed with uv, which \.venv lacks: make install"):
            ensure(distribution, tmp_path / "e", Silent(), Programs({}, uv=None).machine())

    def test_tells_that_it_takes_a_while(self, distribution: Distribution, tmp_path: Path) -> None:
        class Listening(Silent):
            lines: ClassVar[list[str]] = []

            def stage(self, text: str) -> None:
                self.lines.append(text)

        for _ in range(2):
            ensure(distribution, tmp_path / "e", Listening(), Programs({"/bin/python3.13": "3.13"}).machine())
        assert Listening.lines == ["installing Thing, once"]


def test_localstacks_distribution_says_what_it_needs() -> None:
    assert DISTRIBUTION.python == "3.13"
    assert re.fullmatch(r"\d{4}\.\d+\.\d+", VERSION)
    assert DISTRIBUTION.exclude_newer.startswith("20")
