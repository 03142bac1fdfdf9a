"""AWS clients: those that can only reach an emulator on this machine, and those of AWS itself.

Put here every boto3 client that archduel makes. Keep out who may use AWS itself: `resources.targets.aws` and, for a
bucket of a named account, `resources.store.opening` alone make `AwsClients`. Nothing falls back to boto3's default
endpoint.
"""

import ipaddress
import os
from abc import ABC, abstractmethod
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit

from resources.aws.refusals import in_one_sentence
from workloads.errors import ArchduelError

if TYPE_CHECKING:  # boto3 takes half a second to import: it is, in functions, once a client is made
    import botocore.session

REGION = "us-east-1"
ACCOUNT = "000000000000"

# No profile, endpoint or credential of the user reaches a handler.
FOR_HANDLERS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
}


def is_loopback(url: str) -> bool:
    """Whether ``url`` names this machine by a loopback address or as localhost; one that cannot be read does not."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    try:
        return bool(host) and ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return host == "localhost"


def _session_of_nobody() -> "botocore.session.Session":
    """A session that reads nothing of the user's: no variable of the environment and no file. Of a profile that is not
    there any more, or of a setting that botocore does not know, every client would fail.
    """
    import botocore.session  # noqa: PLC0415 - see above
    from botocore.configprovider import BOTOCORE_DEFAUT_SESSION_VARIABLES  # noqa: PLC0415

    nothing = {"config_file": os.devnull, "credentials_file": os.devnull}
    variables = BOTOCORE_DEFAUT_SESSION_VARIABLES  # spelled so
    return botocore.session.Session(
        session_vars={
            name: (None, None, nothing.get(name, default), convert)
            for name, (_, _, default, convert) in variables.items()
        }
    )


@dataclass(frozen=True)
class Pace:
    """How quickly services carry out what they accepted and report it. The defaults are an emulator's."""

    poll_s: float = 0.03  # between looks whether something is done: boto3's waiters sleep at least a second
    patience_s: float = 30.0  # until it is given up
    sweep_poll_s: float = 0.2
    sweep_s: float = 10.0  # until what was deleted has to be gone
    sample_s: float = 0.25  # between looks at the queues during a replay
    settle_poll_s: float = 0.2  # and after it
    quiet_polls: int = 3  # how often in a row a queue must report that it is empty
    warm_s: float = 0.0  # how long the first requests may fail
    logs_s: float = 0.0  # how long a log must not have changed to count as complete


def _service(name: str) -> "cached_property[Any]":
    """A property with the client of a service, made when first used."""
    return cached_property(lambda services: services.client(name))


class Services(ABC):
    """boto3 clients of one place, each made when first used, and what holds there.

    Attributes:
        where: Which place it is, for people.
        region: The region in its ARNs.
        account: The account in its ARNs.
        partition: The partition in its ARNs.
        pace: How quickly its services do things.
        shares_clock: Whether functions run on this machine, and so under its CLOCK_MONOTONIC.
    """

    where: str
    region: str
    account: str
    partition: str = "aws"
    pace: ClassVar[Pace] = Pace()
    shares_clock: ClassVar[bool] = True

    @abstractmethod
    def api_url(self, api_id: str, stage: str) -> str:
        """The URL at which a stage of a REST API answers."""

    def shown(self, url: str) -> str:
        """``url`` as it may be shown: without what only the run may know."""
        return url

    def explained(self) -> AbstractContextManager[None]:
        """A context that raises the services' refusals as `ArchduelError`, where their own words would not do."""
        return nullcontext()

    @abstractmethod
    def client(self, service: str) -> Any:
        """A new client of a service, by its name in boto3."""

    dynamodb = _service("dynamodb")
    sqs = _service("sqs")
    lambda_ = _service("lambda")
    apigateway = _service("apigateway")
    apigatewayv2 = _service("apigatewayv2")
    cloudwatch = _service("cloudwatch")
    iam = _service("iam")
    logs = _service("logs")
    s3 = _service("s3")
    sns = _service("sns")
    sts = _service("sts")


class Clients(Services):
    """boto3 clients for one emulator on this machine.

    Args:
        endpoint_url: Where it listens.
        attempts: How often a call is tried at most; 1 shows a refusal as it is.
        key: What the emulator knows its run by; None where it asks for nothing.

    Raises:
        ArchduelError: The endpoint is not on a loopback address.
    """

    region = REGION
    account = ACCOUNT

    def __init__(self, endpoint_url: str, *, attempts: int = 2, key: str | None = None) -> None:
        if not is_loopback(endpoint_url):
            raise ArchduelError(
                f"refusing to build AWS clients for {endpoint_url or 'no endpoint'!r}: only an emulator on this machine"
                " is touched"
            )
        self.endpoint_url = self.where = endpoint_url
        import boto3  # noqa: PLC0415 - see above

        self._attempts, self._key = attempts, key
        # A session of its own: no profile, no environment credential of the user can reach a request.
        self._session = boto3.session.Session(
            botocore_session=_session_of_nobody(),
            aws_access_key_id="test",
            aws_secret_access_key="test",  # noqa: S106 - what emulators take
            aws_session_token=key,
            region_name=REGION,
        )

    def client(self, service: str) -> Any:
        """As `Services.client`."""
        from botocore.config import Config  # noqa: PLC0415 - see above

        config = Config(
            connect_timeout=2,
            read_timeout=30,
            retries={"total_max_attempts": self._attempts, "mode": "legacy"},
            proxies={},  # an environment's HTTP proxy must not see loopback traffic
            max_pool_connections=32,
            s3={"addressing_style": "path"},  # a bucket's own host name would have to be resolved
        )
        return self._session.client(service, endpoint_url=self.endpoint_url, config=config)

    def api_url(self, api_id: str, stage: str) -> str:
        """By path, since a host name of its own would have to be resolved; with the key, as callers sign nothing."""
        return f"{self.endpoint_url}{f'/{self._key}' if self._key else ''}/_aws/execute-api/{api_id}/{stage}"

    def shown(self, url: str) -> str:
        """Without the key: Dagster shows the facts of resources to whoever asks, while the emulator runs."""
        return url.replace(f"/{self._key}/", "/KEY/") if self._key else url


# Credentials that belong to this machine or to files of older tools, and not to the profile that was named.
_NOT_OF_A_PROFILE = ("ec2-credentials-file", "boto-config", "container-role", "iam-role")


class AwsClients(Services):
    """boto3 clients for AWS itself, with the credentials of a named profile. Of the environment only the place where
    profiles are kept counts, and no configured endpoint redirects them. Making them calls nothing.

    Args:
        profile: Whose credentials they use; '' for the role of the machine itself.
        region: Where they work.
        attempts: How often a call is tried at most.
        endpoint_url: For tests: an emulator on this machine that checks permissions.

    Raises:
        ArchduelError: The ``endpoint_url`` is not on a loopback address.
        BotoCoreError: The profile cannot be used.
    """

    # AWS's counts of a queue are right a minute after the last sending (SQS, GetQueueAttributes); a table takes ten
    # seconds, a role about as long to be known everywhere, and one REST API may be deleted every thirty seconds.
    pace = Pace(
        poll_s=1.0,
        patience_s=180.0,
        sweep_poll_s=3.0,
        sweep_s=600.0,
        sample_s=1.0,
        settle_poll_s=2.0,
        quiet_polls=31,
        warm_s=180.0,
        logs_s=20.0,
    )
    shares_clock = False

    def __init__(self, profile: str, region: str, *, attempts: int = 8, endpoint_url: str | None = None) -> None:
        if endpoint_url is not None and not is_loopback(endpoint_url):
            raise ArchduelError(f"refusing {endpoint_url!r}: only an emulator on this machine can stand in for AWS")
        self.profile, self.region, self.where = profile, region, f"AWS {region}"
        self._endpoint_url, self._attempts = endpoint_url, attempts
        import boto3  # noqa: PLC0415 - see above

        session = session_of(profile) if profile else role_session(region)
        session.set_config_variable("region", region)
        self._session = boto3.session.Session(botocore_session=session, region_name=region)

    def client(self, service: str) -> Any:
        """As `Services.client`."""
        from botocore.config import Config  # noqa: PLC0415 - see above

        config = Config(
            connect_timeout=5,
            read_timeout=60,
            retries={"total_max_attempts": self._attempts, "mode": "standard"},
            max_pool_connections=32,
            ignore_configured_endpoint_urls=True,
            **({} if self._endpoint_url is None else {"proxies": {}}),
        )
        return self._session.client(service, endpoint_url=self._endpoint_url, config=config)

    def explained(self) -> AbstractContextManager[None]:
        return in_one_sentence(self.profile, self.region)

    @cached_property
    def identity(self) -> dict[str, str]:
        """``Account`` and ``Arn`` of the caller, looked up once."""
        caller: dict[str, str] = self.sts.get_caller_identity()
        return caller

    def check_identity(self) -> None:
        """Raises what AWS or botocore refuses the caller with, if they do."""
        self.sts.get_caller_identity()

    @property
    def account(self) -> str:  # type: ignore[override]  # looked up when first needed
        return self.identity["Account"]

    @cached_property
    def partition(self) -> str:  # type: ignore[override]  # follows from the region
        return str(self._session.get_partition_for_region(self.region))

    def api_url(self, api_id: str, stage: str) -> str:
        if self._endpoint_url is not None:
            return f"{self._endpoint_url}/_aws/execute-api/{api_id}/{stage}"
        # https://sqs.cn-north-1.amazonaws.com.cn: other partitions have other domains.
        domain = urlsplit(self.sqs.meta.endpoint_url).netloc.partition(f".{self.region}.")[2]
        return f"https://{api_id}.execute-api.{self.region}.{domain}/{stage}"


_OF_AWS = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws")


def bucket_client(endpoint_url: str, profile: str) -> Any:
    """A client of S3 at an endpoint that is not AWS, on this machine or another: for results that machines share.

    Args:
        endpoint_url: Where it listens.
        profile: Whose credentials it uses; '' for those that emulators take.

    Raises:
        ArchduelError: The endpoint is AWS's, or none.
        BotoCoreError: The profile cannot be used.
    """
    parts = urlsplit(endpoint_url)
    host = parts.hostname or ""
    if parts.scheme not in ("http", "https") or not host or f".{host}".endswith(_OF_AWS):
        raise ArchduelError(f"{endpoint_url!r} is not the address of an S3 service besides AWS")
    import boto3  # noqa: PLC0415 - see above
    from botocore.config import Config  # noqa: PLC0415

    keys = {} if profile else {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
    session = boto3.session.Session(
        botocore_session=session_of(profile) if profile else _session_of_nobody(), region_name=REGION, **keys
    )
    config = Config(
        connect_timeout=5,
        read_timeout=60,
        # On this machine nothing is lost on the way: what does not listen is not there.
        retries={"total_max_attempts": 1 if is_loopback(endpoint_url) else 5, "mode": "standard"},
        max_pool_connections=32,
        s3={"addressing_style": "path"},
        **({"proxies": {}} if is_loopback(endpoint_url) else {}),
    )
    return session.client("s3", endpoint_url=endpoint_url, config=config)


def role_session(region: str) -> "botocore.session.Session":
    """A session with the credentials that the machine itself has on AWS, such as a task's or an instance's role."""
    import botocore.session  # noqa: PLC0415 - see above

    session = botocore.session.Session()
    session.set_config_variable("region", region)
    session.set_config_variable("ignore_configured_endpoint_urls", True)
    return session


def session_of(profile: str) -> "botocore.session.Session":
    """A botocore session that finds credentials in one profile and nowhere else."""
    import botocore.session  # noqa: PLC0415 - see above

    session = botocore.session.Session(profile=profile)
    # On the session, so that it also counts for the client that assumes a profile's role.
    session.set_config_variable("ignore_configured_endpoint_urls", True)
    resolver = session.get_component("credential_provider")
    for provider in _NOT_OF_A_PROFILE:
        resolver.remove(provider)
    return session
