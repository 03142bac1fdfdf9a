"""Recordings from ``s3://``, through dagster-aws's `S3Resource`.

Put here reading objects, and a prefix as an inbox. Keep out what is in them (`workloads.importers`).

Without an endpoint on this machine nothing is read: AWS itself is never touched.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from dagster_aws.s3 import S3Resource

from resources.aws.clients import Clients, is_loopback
from workloads.errors import ArchduelError, UsageError
from workloads.importers.files.reading import Readable
from workloads.inbox import ENDPOINT_VARIABLE, Entry
from workloads.inbox.names import is_traffic, mapping_names
from workloads.settings_files import MAX_BYTES

_MAX_NAME_BYTES = 255  # of a file; a part of a key may have 1,024
_ABSENT = {"NoSuchKey", "404", "NotFound"}


def _bucket_and_key(uri: str) -> tuple[str, str]:
    bucket, _, key = uri.removeprefix("s3://").partition(
        "/"
    )  # not by urlsplit: a key may hold characters that have a meaning in URLs
    return bucket, key


def _file_name(key: str) -> str:
    """The object's name as a file; a key may end in anything."""
    name = Path(key).name
    return "object" if name == ".." or "\0" in name or len(name.encode()) > _MAX_NAME_BYTES else name


class LoopbackS3(S3Resource):
    """S3 on this machine. dagster-aws's own client would go through HTTP_PROXY and read the user's profile."""

    def get_client(self) -> Any:
        """A client of boto3, made where archduel makes all of them."""
        return Clients(self.endpoint_url or "").s3


class S3ObjectStore:
    """Downloads single objects, or all below a prefix.

    Args:
        endpoint_url: Where an S3 emulator on this machine listens.
        option: The option or variable that the endpoint comes from, for people.

    Raises:
        UsageError: The endpoint is not on this machine, or there is none.
    """

    def __init__(self, endpoint_url: str | None, option: str = "--endpoint-url") -> None:
        if endpoint_url is None or not is_loopback(endpoint_url):
            raise UsageError(
                f"s3:// paths need {option} with an S3 emulator on this machine, such as http://127.0.0.1:4566"
            )
        self.client = LoopbackS3(endpoint_url=endpoint_url).get_client()

    def download(self, uri: str, folder: Path) -> list[Path]:
        """Download the objects at ``uri`` to ``folder``; returns the files in key order, none where there are none.

        Raises `ArchduelError` where they cannot be read.
        """
        bucket, prefix = _bucket_and_key(uri)
        try:
            pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
            keys = sorted(entry["Key"] for page in pages for entry in page.get("Contents", []))
            if prefix in keys:  # an object's own name, not the beginning of others'
                keys = [prefix]
            files = []
            for number, key in enumerate(key for key in keys if not key.endswith("/")):
                file = folder / str(number) / _file_name(key)
                file.parent.mkdir(parents=True, exist_ok=True)
                self.client.download_file(bucket, key, str(file))
                files.append(file)
        except (ClientError, BotoCoreError) as error:
            raise ArchduelError(f"cannot read {uri}: {error}") from None
        return files


class S3Inbox:
    """A prefix as an inbox. Every listed object is complete, since objects appear whole or not at all."""

    def __init__(self, uri: str, endpoint_url: str | None) -> None:
        self.object_store = S3ObjectStore(endpoint_url, option=ENDPOINT_VARIABLE)
        self._client = self.object_store.client
        self._bucket, self._prefix = _bucket_and_key(uri)
        # As with folders, the inbox ends where a part of the key does: of logs/new it is what follows logs/new/.
        if self._prefix and not self._prefix.endswith("/"):
            self._prefix += "/"

    def entries(self) -> Iterator[Entry]:
        """See `Inbox.entries`."""
        with self._explained(f"s3://{self._bucket}/{self._prefix}"):
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=self._prefix)
            for page in pages:
                for found in page.get("Contents", []):
                    if not found["Key"].endswith("/") and is_traffic(self._name(found["Key"])):
                        yield self._entry(found["Key"], found["Size"], found["ETag"])

    def entry(self, address: str) -> Entry:
        """See `Inbox.entry`."""
        bucket, key = _bucket_and_key(address)
        with self._explained(address):
            head = self._client.head_object(Bucket=bucket, Key=key)
        return self._entry(key, head["ContentLength"], head["ETag"])

    @contextmanager
    def open(self, address: str, offset: int) -> Iterator[Readable]:
        """See `Inbox.open`."""
        bucket, key = _bucket_and_key(address)
        with self._explained(address):
            span = {"Range": f"bytes={offset}-"} if offset else {}
            with closing(self._client.get_object(Bucket=bucket, Key=key, **span)["Body"]) as body:
                yield body

    def mapping(self, entry: Entry, folder: Path) -> Path | None:
        """See `Inbox.mapping`."""
        for name in mapping_names(entry.name):
            file = folder / _file_name(name)
            try:
                with self.open(f"s3://{self._bucket}/{self._prefix}{name}", 0) as body:
                    file.write_bytes(body.read(MAX_BYTES + 1))
            except FileNotFoundError:
                continue
            return file
        return None

    def _name(self, key: str) -> str:
        return key.removeprefix(self._prefix)

    def _entry(self, key: str, size: int, tag: str) -> Entry:
        return Entry(f"s3://{self._bucket}/{key}", self._name(key), size, f"{size}:{tag}")

    @contextmanager
    def _explained(self, address: str) -> Iterator[None]:
        try:
            yield
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") in _ABSENT:
                raise FileNotFoundError(address) from None
            raise ArchduelError(f"cannot read {address}: {error}") from None
        except BotoCoreError as error:
            raise ArchduelError(f"cannot read {address}: {error}") from None
