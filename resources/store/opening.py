"""Which store a machine uses, and whether it may: what ``ARCHDUEL_STORE`` and its companions say.

Put here how an address becomes a store. Keep out what a store does (`resources.store.objects`).

A bucket on AWS takes a region and the account's id, which has to be that of the credentials: nobody's default
credentials are used unasked.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from resources.store.folder import FolderObjects
from resources.store.objects import Objects
from workloads.errors import UsageError

VARIABLE = "ARCHDUEL_STORE"
ENDPOINT, PROFILE, REGION, ACCOUNT = (f"{VARIABLE}_{name}" for name in ("ENDPOINT_URL", "PROFILE", "REGION", "ACCOUNT"))
_SCHEME = "s3://"


def open_store(address: str, environment: Mapping[str, str] = os.environ) -> Objects:
    """Open a store; of a bucket on AWS that looks up whose the credentials are.

    Args:
        address: A folder, or ``s3://bucket/prefix``.
        environment: The variables that say where and as whom a bucket is reached.

    Raises:
        UsageError: The address or a variable is wrong, or one is missing.
        ArchduelError: The store is not there, or the credentials cannot be used.
    """
    if not address.startswith(_SCHEME):
        if "://" in address:
            raise UsageError(f"{VARIABLE}={address}: name a folder, or s3://bucket/prefix")
        return FolderObjects(Path(address).expanduser().absolute())
    bucket, _, prefix = address.removeprefix(_SCHEME).partition("/")
    if not bucket:
        raise UsageError(f"{VARIABLE}={address}: name a bucket, as in s3://bucket/prefix")
    return _bucket(bucket, prefix, environment)


def _bucket(bucket: str, prefix: str, environment: Mapping[str, str]) -> Objects:
    from resources.aws.clients import AwsClients, bucket_client  # noqa: PLC0415 - a second that folders do without
    from resources.aws.refusals import in_one_sentence  # noqa: PLC0415
    from resources.store.s3 import S3Objects  # noqa: PLC0415

    endpoint, profile, region, account = (environment.get(name, "") for name in (ENDPOINT, PROFILE, REGION, ACCOUNT))
    whose = f"the credentials of profile {profile!r}" if profile else "the credentials of this machine's role"
    if endpoint:
        with in_one_sentence(profile, endpoint):
            return S3Objects(
                bucket_client(endpoint, profile), bucket, prefix, whose if profile else "an emulator's credentials"
            )
    if not region or not account:
        raise UsageError(
            f"{_SCHEME}{bucket} needs {ENDPOINT} with an S3 service of your own, such as http://127.0.0.1:4566, or for"
            f" a bucket on AWS {REGION} and {ACCOUNT} (and {PROFILE}, where the machine has no role)"
        )
    with in_one_sentence(profile, region):
        clients = AwsClients(profile, region)
        found = clients.account
    if found != account:
        raise UsageError(f"{whose} are of account {found}, and {ACCOUNT} names {account}: nothing was read or written")
    return S3Objects(clients.s3, bucket, prefix, whose)
