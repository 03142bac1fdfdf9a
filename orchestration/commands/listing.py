"""Lists of commands in help texts, each with its whole first paragraph: click cuts them to what fits into a line.

Put here how groups list their commands. Keep out which commands there are (`orchestration.commands.main`, and the
modules of groups).
"""

import click


class ListingGroup(click.Group):
    """A group whose help lists its commands with their whole first paragraphs."""

    def format_commands(self, _context: click.Context, formatter: click.HelpFormatter) -> None:
        """As `click.Group` does it, uncut."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, first_paragraph(one.help)) for name, one in sorted(self.commands.items())])


def first_paragraph(text: str | None) -> str:
    """The first paragraph of a help text, as one line."""
    return " ".join((text or "").strip().partition("\n\n")[0].split())
