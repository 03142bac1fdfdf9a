"""Recordings from ``s3://``: of an emulator, through dagster-aws's `S3Resource`, or of AWS with a named profile.

Put here reading objects, and a prefix as an inbox. Keep out what is in them (`workloads.importers`), and the question
before anything of AWS is read (`orchestration.commands.guard`).

Without an endpoint on this machine, or a profile and its user's agreement, nothing is read.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from dagster_aws.s3 import S3Resource

from resources.aws.clients import Clients, Services, is_loopback
from workloads.errors import ArchduelError, UsageError
from workloads.importers.files.reading import Readable
from workloads.inbox import ENDPOINT_VARIABLE, Entry
from workloads.inbox.names import is_traffic, mapping_names
from workloads.settings_files import MAX_BYTES

_OR_AWS = {"--endpoint-url": ", or --profile and --region for a bucket on AWS"}
_MAX_NAME_BYTES = 255  # of a file; a part of a key may have 1,024
_ABSENT = {"NoSuchKey", "404", "NotFound"}
_READING = {"ListObjectsV2", "HeadObject", "GetObject"}
# https://aws.amazon.com/s3/pricing, us-east-1; elsewhere up to twice as much.
_PRICED = "2026-11"
_USD_PER_LIST, _USD_PER_GET, _USD_PER_GB_OUT = 0.005 / 1000, 0.0004 / 1000, 0.09


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
                + _OR_AWS.get(option, "")
            )
        self.client = LoopbackS3(endpoint_url=endpoint_url).get_client()

    def download(self, uri: str, folder: Path) -> list[Path]:
        """Download the objects at ``uri`` to ``folder``; returns the files in key order, none where there are none.

        Raises `ArchduelError` where they cannot be read.
        """
        bucket, _ = _bucket_and_key(uri)
        with _explained(uri):
            files = []
            for number, (key, _size) in enumerate(self._listed(uri)):
                file = folder / str(number) / _file_name(key)
                file.parent.mkdir(parents=True, exist_ok=True)
                self.client.download_file(bucket, key, str(file))
                files.append(file)
        return files

    def _listed(self, uri: str) -> list[tuple[str, int]]:
        """The objects' keys in order, and their bytes."""
        return _listed(self.client, uri)[0]


@dataclass(frozen=True)
class Reading:
    """What is to be read of an account.

    Attributes:
        objects: How many objects.
        bytes: Their bytes.
        usd: What that costs at most by the documented prices of us-east-1: where traffic leaves AWS.
    """

    objects: int
    bytes: int
    usd: float

    def sentences(self) -> list[str]:
        """What is read and what it costs, in lines for people."""
        return [
            f"reads {self.objects:,} objects with {self.bytes / 1e9:,.3f} GB, and writes nothing",
            f"costs {self.usd:.4f} USD at most by the prices of us-east-1 ({_PRICED}), traffic out of AWS included",
        ]


class AwsObjectStore(S3ObjectStore):
    """Downloads objects of an AWS account, once its user agreed. Nothing but reading gets through.

    Args:
        services: Clients of a profile.
        uris: The ``s3://`` addresses that will be read. They are listed now, since that says what reading costs.

    Attributes:
        reading: What will be read.
        title: Whose account it is.
        word: What a user types to agree.

    Raises:
        ArchduelError: They cannot be listed.
    """

    def __init__(self, services: Services, uris: Sequence[str]) -> None:
        self.client = services.s3
        self.client.meta.events.register("before-call.s3", _only_read)
        self.title, self.word = f"AWS account {services.account} (read with a profile)", services.account
        self._found: dict[str, list[tuple[str, int]]] = {}
        self._agreed = False
        requests_usd = 0.0
        for uri in uris:
            with _explained(uri):
                self._found[uri], pages = _listed(self.client, uri)
            requests_usd += pages * _USD_PER_LIST + 2 * len(self._found[uri]) * _USD_PER_GET
        sizes = [size for found in self._found.values() for _, size in found]
        self.reading = Reading(len(sizes), sum(sizes), requests_usd + sum(sizes) / 1e9 * _USD_PER_GB_OUT)

    def agree(self) -> None:
        """Record that the user agreed to what `reading` says."""
        self._agreed = True

    def _listed(self, uri: str) -> list[tuple[str, int]]:
        if not self._agreed:
            raise ArchduelError(f"nothing is read of {self.title} before its user agreed: archduel import asks")
        return self._found[uri]


def _only_read(model: Any, **_call: Any) -> None:
    if model.name not in _READING:
        raise ArchduelError(f"archduel only reads of a bucket of AWS: {model.name} was not sent")


def _listed(client: Any, uri: str) -> tuple[list[tuple[str, int]], int]:
    """The keys of the objects at ``uri`` in order with their bytes, and how many requests listing them took."""
    bucket, prefix = _bucket_and_key(uri)
    pages = list(client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix))
    found = {entry["Key"]: int(entry.get("Size", 0)) for page in pages for entry in page.get("Contents", [])}
    if prefix in found:  # an object's own name, not the beginning of others'
        found = {prefix: found[prefix]}
    return sorted((key, size) for key, size in found.items() if not key.endswith("/")), len(pages)


@contextmanager
def _explained(uri: str) -> Iterator[None]:
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise ArchduelError(f"cannot read {uri}: {error}") from None


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
        with _explained(address):
            try:
                yield
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") in _ABSENT:
                    raise FileNotFoundError(address) from None
                raise
