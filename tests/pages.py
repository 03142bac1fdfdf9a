"""The README and the pages in docs/ as tests read them: their links, headings, commands and the code they name.

Put here how a page is taken apart. Keep out what must be true of it (`tests.unit.test_docs` and
`tests.functional.test_docs`).
"""

import re
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from workloads.places import REPOSITORY

PAGES = {
    str(path.relative_to(REPOSITORY)): path
    for path in (*REPOSITORY.glob("*.md"), *sorted((REPOSITORY / "docs").rglob("*.md")))
}
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_SETTING = re.compile(r"[A-Z_]+=")
_PROGRAMS = ("archduel ", "make ", "python -", "pytest ")


@dataclass(frozen=True)
class Command:
    """A command line as a shell takes it apart: the program's name without its folder, and its arguments.

    One that is mentioned in a sentence need not be ``whole``: what the program requires may be missing.
    """

    program: str
    arguments: tuple[str, ...]
    whole: bool = True


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of a page in that language."""
    return [text for marked, text in _FENCE.findall(page.read_text()) if marked == language]


def spans(page: Path) -> list[str]:
    """What stands between backticks in a page's sentences and tables."""
    return _SPAN.findall(_FENCE.sub("", page.read_text()))


def links(page: Path) -> list[str]:
    """The addresses a page links to, pictures among them."""
    return _LINK.findall(_FENCE.sub("", page.read_text()))


def anchors(page: Path) -> set[str]:
    """The headings of a page as GitHub makes anchors of them."""
    headings = _HEADING.findall(_FENCE.sub("", page.read_text()))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def commands(page: Path) -> list[Command]:
    """Every command a page shows: all lines of its ``sh`` blocks, and those between backticks."""
    lines = [line for block in blocks(page, "sh") for line in block.splitlines()]
    mentioned = [span for span in spans(page) if span.removeprefix(".venv/bin/").startswith(_PROGRAMS)]
    return [*_taken_apart(lines, whole=True), *_taken_apart(mentioned, whole=False)]


def _taken_apart(lines: Iterable[str], *, whole: bool) -> Iterator[Command]:
    for line in lines:
        words = shlex.split(line.partition(" > ")[0], comments=True)
        while words and _SETTING.match(words[0]):
            words = words[1:]
        if words:
            yield Command(words[0].removeprefix(".venv/bin/"), tuple(words[1:]), whole)
