"""Small files that people write are read within bounds, and what is no file is refused at once."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from assets.analysis.requirements.model import read as read_requirements
from workloads.errors import UsageError
from workloads.importers.rules.mapping import read_mapping
from workloads.scenarios import own_scenario
from workloads.settings_files import MAX_BYTES, read_settings


def pipe(path: Path) -> None:
    os.mkfifo(path)


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def large(path: Path) -> None:
    path.write_bytes(b"#" * (MAX_BYTES + 1))


@pytest.mark.parametrize("read", [own_scenario, read_mapping, read_requirements])
@pytest.mark.parametrize(
    ("make", "message"), [(pipe, "a pipe or a device"), (device, "a pipe or a device"), (large, "over 1,048,576 bytes")]
)
def test_what_has_no_end_or_never_begins_is_refused(
    tmp_path: Path, read: Callable[[Path], object], make: Callable[[Path], None], message: str
) -> None:
    make(tmp_path / "mine.toml")
    with pytest.raises(UsageError, match=message):
        read(tmp_path / "mine.toml")


def test_a_link_to_a_file_is_one_and_a_mark_of_its_bytes_order_no_text(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"\xef\xbb\xbfa = 1\r\n")
    (tmp_path / "link").symlink_to("file")
    assert read_settings(tmp_path / "link") == "a = 1\r\n"


def test_a_folder_is_none(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        read_settings(tmp_path)
