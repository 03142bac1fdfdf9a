"""Files are replaced whole or not at all."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from workloads.atomic import replace_all, replacing


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


class Spoiled(dict[Path, str]):
    """Texts whose first file becomes a folder when all are written, so that its rename, the last one, fails."""

    def items(self) -> Iterator[tuple[Path, str]]:  # type: ignore[override]  # iterated, and nothing else
        yield from super().items()
        first = next(iter(self))
        first.unlink()
        first.mkdir()


def test_of_several_files_all_are_replaced_or_none(tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("a.json", "b.md", "c.html")]
    replace_all(dict.fromkeys(files[:2], "old"))
    with pytest.raises(IsADirectoryError):
        replace_all(Spoiled(dict.fromkeys(files, "new")))
    assert files[1].read_text() == "old"
    assert sorted(tmp_path.iterdir()) == files[:2], "a folder now, the old text; there was no third file"
