"""Every module says in its docstring what to put into it and what to keep out; what it refers to exists."""

import ast
import re
from pathlib import Path

import pytest

from workloads.places import REPOSITORY

PACKAGES = ("workloads", "resources", "assets", "orchestration")
MODULES = {
    str(path.relative_to(REPOSITORY)): path
    for package in PACKAGES
    for path in sorted((REPOSITORY / package).rglob("*.py"))
}
PUT_HERE = re.compile(r"\bPut here \w+|\bPut \w[^.]*? here\b")
KEEP_OUT = re.compile(r"\bKeep out \w+|\bKeep \w[^.]*? out\b")
REFERENCE = re.compile(rf"`((?:{'|'.join(PACKAGES)})(?:\.\w+)+)`")


def docstring(path: Path) -> str:
    return " ".join((ast.get_docstring(ast.parse(path.read_text())) or "").split())


def exists(name: str) -> bool:
    """Whether ``name`` is a module, or the name of something in one."""
    places = [REPOSITORY.joinpath(*name.split("."))]
    module, _, attribute = name.rpartition(".")
    if any(place.is_dir() or place.with_suffix(".py").exists() for place in places):
        return True
    holder = REPOSITORY.joinpath(*module.split("."))
    source = holder.with_suffix(".py") if holder.with_suffix(".py").exists() else holder / "__init__.py"
    return source.exists() and re.search(rf"\b{attribute}\b", source.read_text()) is not None


@pytest.mark.parametrize("module", MODULES)
def test_says_what_to_put_here_and_what_to_keep_out(module: str) -> None:
    text = docstring(MODULES[module])
    assert PUT_HERE.search(text), f"{module}: no sentence 'Put ... here'"
    assert KEEP_OUT.search(text), f"{module}: no sentence 'Keep ... out'"


@pytest.mark.parametrize("module", MODULES)
def test_refers_to_what_exists(module: str) -> None:
    missing = [name for name in REFERENCE.findall(MODULES[module].read_text()) if not exists(name)]
    assert not missing, f"{module} refers to {missing}"


@pytest.mark.parametrize(
    "text",
    ["Reads logs.", "Reads logs. Put lines here.", "Keep AWS out.", "Put here. Keep out.", "Output: put it in here"],
)
def test_is_not_satisfied_by_less(text: str) -> None:
    assert not (PUT_HERE.search(text) and KEEP_OUT.search(text))
