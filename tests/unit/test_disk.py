"""What files take on the disk is counted once, and what is not there counts for nothing."""

import os
from pathlib import Path

from workloads.disk import taken_bytes


def test_a_folder_takes_what_its_files_take_however_deep(tmp_path: Path) -> None:
    (tmp_path / "one" / "two").mkdir(parents=True)
    (tmp_path / "one" / "two" / "file").write_bytes(os.urandom(100_000))
    (tmp_path / "link").symlink_to(tmp_path / "one")
    assert taken_bytes(tmp_path / "one") >= 100_000
    assert taken_bytes(tmp_path / "one") < 2 * 100_000
    assert taken_bytes(tmp_path / "link") < 10_000
    assert taken_bytes(tmp_path / "none") == 0
