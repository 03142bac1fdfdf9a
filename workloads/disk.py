"""How much of the disk files take.

Put here what is asked of the file system about space. Keep out whether it is enough (`resources.machine.checks`).
"""

import os
from contextlib import suppress
from pathlib import Path


def taken_bytes(path: Path) -> int:
    """What a file, or everything in a folder, takes on the disk; what is removed meanwhile counts for nothing."""
    total = 0
    with suppress(OSError):
        total += path.lstat().st_blocks * 512
    if path.is_dir() and not path.is_symlink():
        for folder, _, files in os.walk(path):
            for name in files:
                with suppress(OSError):
                    total += Path(folder, name).lstat().st_blocks * 512
    return total
