"""What happens at every single moment of a piece of code, without waiting for any: it is made to. No test is here."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, ModuleType
from typing import Any


@contextmanager
def before_every_line(of: tuple[ModuleType, ...], meanwhile: Callable[[], None]) -> Iterator[None]:
    """Calls ``meanwhile`` before each line of these modules that this thread executes within the block."""
    files = {module.__file__ for module in of}

    def traced(frame: FrameType, event: str, argument: Any) -> Any:
        if frame.f_code.co_filename not in files:
            return None
        if event == "line":
            meanwhile()
        return traced

    before = sys.gettrace()
    sys.settrace(traced)
    try:
        yield
    finally:
        sys.settrace(before)
