"""Recordings from ``s3://``, through dagster-aws's `S3Resource`. The only place that uses it.

Without an endpoint on this machine nothing is read: real AWS is never touched unasked.
"""

from pathlib import Path
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError
from dagster_aws.s3 import S3Resource

from resources.clients import REGION, is_loopback
from workloads.errors import ArchduelError, UsageError


class S3ObjectStore:
    """Downloads single objects, or all below a prefix. Raises `UsageError` for an endpoint off this machine."""

    def __init__(self, endpoint_url: str | None) -> None:
        if endpoint_url is None or not is_loopback(endpoint_url):
            raise UsageError(
                "s3:// paths need --endpoint-url with an S3 emulator on this machine, such as http://127.0.0.1:4566"
            )
        resource = S3Resource(
            endpoint_url=endpoint_url,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",  # noqa: S106 - what emulators take
        )
        self._s3 = resource.get_client()

    def download(self, uri: str, folder: Path) -> list[Path]:
        """The objects at ``uri`` as files in ``folder``, in key order; empty where there are none."""
        parts = urlsplit(uri)
        bucket, prefix = parts.netloc, parts.path.lstrip("/")
        try:
            pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
            keys = sorted(entry["Key"] for page in pages for entry in page.get("Contents", []))
            if prefix in keys:  # an object's own name, not the beginning of others'
                keys = [prefix]
            files = []
            for number, key in enumerate(key for key in keys if not key.endswith("/")):
                name = Path(key).name
                file = folder / str(number) / ("object" if name == ".." else name)  # a key may end in anything
                file.parent.mkdir(parents=True, exist_ok=True)
                self._s3.download_file(bucket, key, str(file))
                files.append(file)
        except (ClientError, BotoCoreError) as error:
            raise ArchduelError(f"cannot read {uri}: {error}") from None
        return files
