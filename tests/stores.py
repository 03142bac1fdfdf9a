"""What every kind of store has to do.

Put here the suite that each kind passes. Keep out what is particular to one (`tests.unit.test_store`).
"""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from resources.store.objects import ChangedError, Objects


class StoreSuite:
    """A subclass has the fixtures ``store``, an empty store, and ``again``, the same one opened once more."""

    def test_an_object_is_what_was_put_last(self, store: Objects, again: Objects, tmp_path: Path) -> None:
        first = store.put("outcomes/a b/c[1].tar", _file(tmp_path, "one"))
        second = again.put("outcomes/a b/c[1].tar", _file(tmp_path, "other"))
        assert first != second
        assert store.tags() == {"outcomes/a b/c[1].tar": second}
        assert store.get("outcomes/a b/c[1].tar", tmp_path / "found") == second
        assert (tmp_path / "found").read_text() == "other"

    def test_an_object_that_is_not_there_is_not_read(self, store: Objects, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError):
            store.get("outcomes/none.tar", tmp_path / "found")
        assert store.tags() == {}

    def test_a_deleted_object_is_gone_and_may_be_deleted_again(self, store: Objects, tmp_path: Path) -> None:
        store.put("a/b", _file(tmp_path, "one"))
        store.delete("a/b")
        store.delete("a/b")
        assert store.tags() == {}

    def test_only_the_object_that_is_expected_is_replaced(self, store: Objects, again: Objects, tmp_path: Path) -> None:
        first = store.put_over("a/b", _file(tmp_path, "one"), None)
        with pytest.raises(ChangedError):
            again.put_over("a/b", _file(tmp_path, "other"), None)
        second = again.put_over("a/b", _file(tmp_path, "other"), first)
        with pytest.raises(ChangedError):
            store.put_over("a/b", _file(tmp_path, "late"), first)
        store.delete("a/b")
        with pytest.raises(ChangedError):
            store.put_over("a/b", _file(tmp_path, "late"), second)
        assert store.tags() == {}

    def test_nobody_loses_what_he_added_beside_others(self, store: Objects, again: Objects, tmp_path: Path) -> None:
        def add(number: int) -> None:
            mine, one = tmp_path / f"{number}", (store, again)[number % 2]
            while True:
                try:
                    tag = one.get("a/counted", mine)
                except FileNotFoundError:
                    tag = None
                    mine.write_text("")
                mine.write_text(f"{mine.read_text()}{number}\n")
                try:
                    one.put_over("a/counted", mine, tag)
                except ChangedError:
                    continue
                return

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(add, range(12)))
        store.get("a/counted", tmp_path / "found")
        assert sorted(map(int, (tmp_path / "found").read_text().split())) == [*range(12)]


def _file(folder: Path, text: str) -> Path:
    file = folder / "content"
    file.write_text(text)
    return file
