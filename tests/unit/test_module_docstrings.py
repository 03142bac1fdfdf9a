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


def test_every_module_says_what_to_put_there_and_what_to_keep_out() -> None:
    texts = {module: docstring(path) for module, path in MODULES.items()}
    assert len(texts) > 300
    assert not [module for module, text in texts.items() if not (PUT_HERE.search(text) and KEEP_OUT.search(text))]


def test_what_modules_refer_to_exists() -> None:
    referred = {(module, name) for module, path in MODULES.items() for name in REFERENCE.findall(path.read_text())}
    assert len(referred) > 300
    assert not [(module, name) for module, name in sorted(referred) if not exists(name)]


@pytest.mark.parametrize(
    "text",
    ["Reads logs.", "Reads logs. Put lines here.", "Keep AWS out.", "Put here. Keep out.", "Output: put it in here"],
)
def test_is_not_satisfied_by_less(text: str) -> None:
    assert not (PUT_HERE.search(text) and KEEP_OUT.search(text))
