"""Files are replaced whole or not at all."""

from pathlib import Path

import pytest

from workloads.atomic import replacing


@pytest.mark.parametrize("durable", [False, True])
def test_the_new_content_takes_the_old_ones_place_and_nothing_else_is_left(tmp_path: Path, *, durable: bool) -> None:
    file = tmp_path / "folder" / "kept.json"
    for content in ("old", "new"):
        with replacing(file, durable=durable) as hidden:
            hidden.write_text(content)
    assert file.read_text() == "new"
    assert list(file.parent.iterdir()) == [file]


def test_the_old_file_is_not_touched_before_the_block_ends(tmp_path: Path) -> None:
    file = tmp_path / "kept.json"
    file.write_text("old")
    with replacing(file) as hidden:
        hidden.write_text("new")
        assert hidden.name.startswith(".")
        assert file.read_text() == "old"


def test_a_failure_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    file = tmp_path / "kept.json"
    file.write_text("old")
    with pytest.raises(UnicodeEncodeError), replacing(file) as hidden:
        hidden.write_text("half \ud800", encoding="utf-8")
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]
