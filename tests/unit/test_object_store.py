"""Objects as files, whatever their keys are. Listing and reading real ones is tested on an emulator."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from resources.object_store import S3ObjectStore


class Bucket:
    """As much of an S3 client as a download asks for."""

    def __init__(self, *keys: str) -> None:
        self._keys = keys

    def get_paginator(self, _operation: str) -> "Bucket":
        return self

    def paginate(self, **_where: str) -> Iterator[dict[str, Any]]:
        yield {"Contents": [{"Key": key} for key in self._keys]}

    def download_file(self, _bucket: str, key: str, file: str) -> None:
        Path(file).write_text(key)


@pytest.mark.parametrize("end", ["..", "a" * 300, "é" * 200, "a\0b", "../../x"])
def test_an_object_with_any_end_of_its_key_is_a_file_in_the_folder(tmp_path: Path, end: str) -> None:
    store = S3ObjectStore("http://127.0.0.1:1")
    store.client = Bucket(f"logs/{end}")
    [file] = store.download("s3://bucket/logs/", tmp_path / "inside")
    assert file.resolve().is_relative_to(tmp_path / "inside")
    assert file.read_text() == f"logs/{end}"
