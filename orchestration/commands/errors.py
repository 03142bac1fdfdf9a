"""Errors as the command line reports them: one or two lines on the standard error, and an exit code.

Put how an error becomes a message and an exit code here. Keep the errors themselves out (`workloads.errors`).
"""

import errno
import logging
import os
import sys
from pathlib import Path
from typing import Any, NoReturn

import click

from workloads.errors import ArchduelError
from workloads.places import Places
from workloads.printable import message

_NOT_WRITABLE = {errno.EACCES, errno.EPERM, errno.EROFS}
_INTERRUPTED = 130  # as shells have it


def warn(text: object) -> None:
    """Print ``text`` on the standard error, as archduel's; what it repeats of an input is printable and not endless."""
    click.echo(f"archduel: {message(str(text))}", err=True)


class Warnings(logging.Handler):
    """Prints what modules log as `warn` does."""

    def emit(self, record: logging.LogRecord) -> None:
        warn(record.getMessage())


def _exit(text: object, code: int) -> NoReturn:
    warn(text)
    sys.exit(code)


class ReportingGroup(click.Group):
    """A group of commands whose errors are one or two lines; with ``--debug`` unexpected ones show their traceback."""

    def invoke(self, context: click.Context) -> Any:
        try:
            return super().invoke(context)
        except KeyboardInterrupt:
            _exit("interrupted", _INTERRUPTED)
        except BrokenPipeError:
            # The reader has gone (`| head`): nothing more can be written, at exit neither.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(0)
        except click.UsageError as error:
            where = error.ctx.command_path if error.ctx else "archduel"
            _exit(f"{error.format_message()} ({where} --help)", error.exit_code)
        except (click.ClickException, click.Abort, click.exceptions.Exit):
            raise  # click handles them
        except Exception as error:
            if context.params.get("debug"):
                raise
            _exit(*_message(error))


def _advice(error: OSError) -> str:
    """What to do about an error at a file; nothing where that is plain."""
    home = Places.from_environment().home
    if error.errno not in _NOT_WRITABLE or not Path(str(error.filename)).is_relative_to(home):
        return ""
    return f": make {home} writable, or name another folder in ARCHDUEL_HOME"


def _message(error: Exception) -> tuple[str, int]:
    """The message and the exit code of an error."""
    if isinstance(error, ArchduelError):
        return str(error), error.exit_code
    if isinstance(error, OSError):
        return f"{error.strerror or error}" + (f" ({error.filename})" if error.filename else "") + _advice(error), 1
    first_line = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {first_line} (archduel --debug ... shows where)", 1
