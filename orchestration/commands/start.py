"""Where ``archduel`` starts: Ctrl-C is heard in silence even while its modules are being imported.

Put here what holds before anything is imported. Keep out all else (`orchestration.commands.main`).
"""

import signal
import sys
from types import FrameType

_INTERRUPTED = 130  # as shells have it


def _leave(_number: int, _frame: FrameType | None) -> None:
    sys.exit(_INTERRUPTED)


def main() -> None:
    """Run the command line."""
    usual = signal.getsignal(signal.SIGINT)
    if usual is signal.default_int_handler:  # else it is ignored, as in a shell's background
        signal.signal(signal.SIGINT, _leave)
    from orchestration.commands.main import main as command_line  # noqa: PLC0415 - what this module is for

    signal.signal(signal.SIGINT, usual)
    command_line()


if __name__ == "__main__":
    main()
