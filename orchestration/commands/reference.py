"""The page `docs/reference/commands.md`; ``python -m orchestration.commands.reference`` writes it.

Put here how commands become a page. Keep out what the page says of a command (its own module).
"""

import re
from collections.abc import Iterable, Iterator

import click

from orchestration.commands.main import main
from orchestration.commands.options import CommandWithList
from workloads.places import REPOSITORY

PAGE = REPOSITORY / "docs" / "reference" / "commands.md"
_INTRODUCTION = """# Commands

<!-- Written by python -m orchestration.commands.reference: change the commands, not this page. -->

Every command of `.venv/bin/archduel` with its options; `--help` behind any of them prints the same. Exit codes are
0 for done, 1 for failed, 2 for wrong usage and 130 for interrupted. Errors are one or two lines on the standard error.
"""
_DEFAULT = re.compile(r"\s*\[default: (.*)\]$")


def page() -> str:
    """Return the page's text."""
    return _INTRODUCTION + "".join(f"\n{line}" for line in _sections(main, None)) + "\n"


def _sections(command: click.Command, above: click.Context | None) -> Iterator[str]:
    """The lines about a command and those below it."""
    context = click.Context(command, parent=above, info_name=command.name if above else "archduel")
    yield f"## {context.command_path}"
    yield ""
    yield from _paragraphs(command.help or "")
    yield f"```text\n{context.command_path} {' '.join(command.collect_usage_pieces(context))}\n```"
    yield ""
    options = [one for one in command.get_params(context) if isinstance(one, click.Option) and "--help" not in one.opts]
    if options:
        yield from _table(("option", "what it does", "default"), (_row(option, context) for option in options))
    if isinstance(command, CommandWithList):
        title, descriptions = command.listed
        yield from _table((title, ""), ((f"`{name}`", text) for name, text in descriptions.items()))
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            part = command.get_command(context, name)
            assert part is not None  # noqa: S101 - it is listed
            part.name = name
            yield from _sections(part, context)


def _paragraphs(text: str) -> Iterator[str]:
    for paragraph in text.split("\n\n"):
        yield " ".join(paragraph.split())
        yield ""


def _row(option: click.Option, context: click.Context) -> tuple[str, str, str]:
    """An option's names, its help and its default."""
    names = ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
    if not option.is_flag:
        names = names.removesuffix("`") + f" {option.make_metavar(context)}`"
    default = "required" if option.required else str(option.default) if option.show_default else ""
    if match := _DEFAULT.search(option.help or ""):
        default = match.group(1)
    return names, _DEFAULT.sub("", option.help or ""), default


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    heads = list(heads)
    for cells in (heads, ["---"] * len(heads), *rows):
        yield "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"
    yield ""


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(), encoding="utf-8")
