"""A store in a bucket of S3, or of what speaks its protocol.

Put here objects as S3 has them, and what its refusals mean. Keep out whose bucket it is (`resources.store.opening`).

boto3 is used as it is: Arrow's S3 file system has no conditional writes, which keep two publishers from losing each
other's work, and s3fs brings a botocore of its own along, whose version the embedded emulator pins.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from botocore import exceptions
from botocore.exceptions import BotoCoreError, ClientError

from resources.store.objects import ChangedError
from workloads.errors import ArchduelError

_ABSENT = {"NoSuchKey", "404", "NotFound"}
_CHANGED = {"PreconditionFailed", "ConditionalRequestConflict", "412", "409"}
_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired", "InvalidToken", "TokenRefreshRequired"}
_UNKNOWN = {"InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidClientTokenId", "AuthFailure"}
_NO_CREDENTIALS = (
    exceptions.NoCredentialsError,
    exceptions.PartialCredentialsError,
    exceptions.CredentialRetrievalError,
    exceptions.SSOError,
    exceptions.TokenRetrievalError,
)
_MAX_BYTES = 5 * 10**9  # of one PUT


class S3Objects:
    """Objects below a prefix of a bucket. The tag is S3's own, the ETag.

    Args:
        client: boto3's client of S3.
        bucket: The bucket, which exists.
        prefix: What their keys begin with there; '' for nothing.
        whose: Whose credentials the client has, for people.
    """

    def __init__(self, client: Any, bucket: str, prefix: str, whose: str) -> None:
        self._client, self._bucket = client, bucket
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""
        self._whose = whose
        self.where = f"s3://{bucket}/{self._prefix}".rstrip("/")

    def tags(self) -> dict[str, str]:
        """See `Objects.tags`."""
        with self._explained("listing"):
            pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=self._prefix)
            return {
                entry["Key"].removeprefix(self._prefix): entry["ETag"]
                for page in pages
                for entry in page.get("Contents", [])
            }

    def get(self, key: str, file: Path) -> str:
        """See `Objects.get`."""
        with self._explained(f"reading {key}"):
            found = self._client.get_object(Bucket=self._bucket, Key=self._prefix + key)
            with file.open("wb") as target:
                for chunk in found["Body"].iter_chunks(1 << 20):
                    target.write(chunk)
            return str(found["ETag"])

    def put(self, key: str, file: Path) -> str:
        """See `Objects.put`."""
        return self._put(key, file, {})

    def put_over(self, key: str, file: Path, tag: str | None) -> str:
        """See `Objects.put_over`."""
        return self._put(key, file, {"IfNoneMatch": "*"} if tag is None else {"IfMatch": tag})

    def _put(self, key: str, file: Path, condition: dict[str, str]) -> str:
        if (size := file.stat().st_size) > _MAX_BYTES:
            raise ArchduelError(
                f"{key} has {size / 1e9:.1f} GB, and {self.where} takes 5 GB at once: replay less of it"
            )
        with self._explained(f"writing {key}", conditional=bool(condition)), file.open("rb") as body:
            done = self._client.put_object(Bucket=self._bucket, Key=self._prefix + key, Body=body, **condition)
            return str(done["ETag"])

    def delete(self, key: str) -> None:
        """See `Objects.delete`."""
        with self._explained(f"deleting {key}"):
            self._client.delete_object(Bucket=self._bucket, Key=self._prefix + key)

    @contextmanager
    def _explained(self, doing: str, *, conditional: bool = False) -> Iterator[None]:
        """Raise what S3 and botocore raise in one sentence."""
        try:
            yield
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            # Deleted meanwhile, an object with a tag is absent, which S3 says as 404.
            if conditional and code in _CHANGED | _ABSENT:
                raise ChangedError(doing) from None
            if code in _ABSENT:
                raise FileNotFoundError(doing) from None
            raise ArchduelError(f"{self._refusal(code, error)} ({doing}); what the store held stands") from None
        except _NO_CREDENTIALS as error:
            words = " ".join(str(error).split())
            raise ArchduelError(f"the store {self.where}: {self._whose} cannot be used: {words} ({doing})") from None
        except (BotoCoreError, OSError) as error:
            if isinstance(error, FileNotFoundError):
                raise
            words = " ".join(str(error).split())
            raise ArchduelError(f"the store {self.where} cannot be reached ({doing}): {words}") from None

    def _refusal(self, code: str, error: ClientError) -> str:
        if code in _EXPIRED:
            return f"the store {self.where}: {self._whose} have expired: renew them, and run this again"
        if code in _UNKNOWN:
            return f"the store {self.where}: {self._whose} are not accepted: they are wrong or withdrawn"
        if code == "NoSuchBucket":
            return f"the store {self.where}: there is no bucket {self._bucket}: make it first"
        message = " ".join(str(error.response.get("Error", {}).get("Message", "")).split())
        return f"the store {self.where} refused {error.operation_name}: {code}: {message}"
