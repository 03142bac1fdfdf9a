"""Objects as files, whatever their keys are. Listing and reading real ones is tested on an emulator."""

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from orchestration.commands.guard import agree_to_read
from orchestration.commands.terminal import PlainConsole
from resources.aws.clients import Services
from resources.object_store import AwsObjectStore, S3ObjectStore
from workloads.errors import ArchduelError


class Bucket:
    """As much of an S3 client as a download asks for."""

    def __init__(self, *keys: str) -> None:
        self._keys = keys
        self.checked: dict[str, Any] = {}

    @property
    def meta(self) -> "Bucket":
        return self

    events = meta

    def register(self, event: str, check: Any) -> None:
        self.checked[event] = check

    def get_paginator(self, _operation: str) -> "Bucket":
        return self

    def paginate(self, **_where: str) -> Iterator[dict[str, Any]]:
        yield {"Contents": [{"Key": key, "Size": 500_000_000} for key in self._keys]}

    def download_file(self, _bucket: str, key: str, file: str) -> None:
        Path(file).write_text(key)


@pytest.mark.parametrize("end", ["..", "a" * 300, "é" * 200, "a\0b", "../../x"])
def test_an_object_with_any_end_of_its_key_is_a_file_in_the_folder(tmp_path: Path, end: str) -> None:
    store = S3ObjectStore("http://127.0.0.1:1")
    store.client = Bucket(f"logs/{end}")
    [file] = store.download("s3://bucket/logs/", tmp_path / "inside")
    assert file.resolve().is_relative_to(tmp_path / "inside")
    assert file.read_text() == f"logs/{end}"


def of_an_account(*keys: str) -> tuple[AwsObjectStore, Bucket]:
    bucket = Bucket(*keys)
    services = cast("Services", SimpleNamespace(s3=bucket, account="123456789012"))
    return AwsObjectStore(services, ["s3://bucket/logs/"]), bucket


def shown(store: AwsObjectStore, **options: Any) -> str:
    console = PlainConsole(width=160, force_terminal=False)
    with console.capture() as capture:
        agree_to_read(store, console, **{"most_usd": 5.0, "yes": False, **options})
    return capture.get()


class TestOfAnAccount:
    def test_nothing_is_read_before_sizes_and_cost_were_agreed_to(self, tmp_path: Path) -> None:
        store, _ = of_an_account("logs/a.log", "logs/b.log", "logs/folder/")
        with pytest.raises(ArchduelError, match="nothing is read of AWS account 123456789012"):
            store.download("s3://bucket/logs/", tmp_path)
        text = shown(store, ask=lambda: "123456789012")
        assert "reads 2 objects with 1.000 GB, and writes nothing" in text
        assert "costs 0.0900 USD at most" in text
        assert [file.name for file in store.download("s3://bucket/logs/", tmp_path)] == ["a.log", "b.log"]

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"ask": lambda: None}, "nothing was read: without a terminal to ask on, --yes agrees"),
            ({"ask": lambda: "yes"}, "nothing was read: 'yes' is not the account's id"),
            ({"most_usd": 0.05, "yes": True}, "0.09 USD are over the ceiling of 0.05 USD"),
        ],
    )
    def test_without_an_agreement_nothing_is_read(self, tmp_path: Path, options: dict[str, Any], message: str) -> None:
        store, _ = of_an_account("logs/a.log", "logs/b.log")
        with pytest.raises(ArchduelError, match=message):
            shown(store, **options)
        with pytest.raises(ArchduelError, match="before its user agreed"):
            store.download("s3://bucket/logs/", tmp_path)

    @pytest.mark.parametrize(
        ("operation", "passes"), [("GetObject", True), ("ListObjectsV2", True), ("PutObject", False), ("Other", False)]
    )
    def test_nothing_but_reading_is_sent(self, operation: str, *, passes: bool) -> None:
        _, bucket = of_an_account("logs/a.log")
        with nullcontext() if passes else pytest.raises(ArchduelError, match=f"{operation} was not sent"):
            bucket.checked["before-call.s3"](model=SimpleNamespace(name=operation), params={})
