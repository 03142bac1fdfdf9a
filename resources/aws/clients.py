"""AWS clients: those that can only reach an emulator on this machine, and those of real AWS. The one place that makes a
boto3 client.

Real AWS needs a target of its own, asked for by name: `resources.targets.aws` alone makes `AwsClients`. Nothing else
falls back to boto3's default endpoint.
"""

import ipaddress
from abc import ABC, abstractmethod
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar
from urllib.parse import urlsplit

import boto3
import botocore.session
from botocore.config import Config

from resources.aws.refusals import in_one_sentence
from workloads.errors import ArchduelError

REGION = "us-east-1"
ACCOUNT = "000000000000"


def is_loopback(url: str) -> bool:
    """Whether ``url`` names this machine by a loopback address or as localhost."""
    host = urlsplit(url).hostname
    if not host:
        return False
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _session_without_profile() -> Any:
    """A session that never asks which profile the user works with: a missing one would fail every client."""
    return botocore.session.Session(session_vars={"profile": (None, None, None, None)})


@dataclass(frozen=True)
class Pace:
    """How quickly services do what they accepted, and say what is so. Those of an emulator unless others are given."""

    poll_s: float = 0.03  # between looks whether something is done: boto3's waiters sleep at least a second
    patience_s: float = 30.0  # until it never will be
    sweep_poll_s: float = 0.2
    sweep_s: float = 10.0  # until what was deleted is not found any more
    sample_s: float = 0.25  # between looks at the queues during a replay
    settle_poll_s: float = 0.2  # and after it
    quiet_polls: int = 3  # so often in a row a queue must say that it is empty, to be believed
    warm_s: float = 0.0  # how long a first request may fail before something must have come through
    logs_s: float = 0.0  # how long a log must have said the same, to be all of it


class Services(ABC):
    """boto3 clients of one place, and what is so there.

    ``where`` is for people. ``region``, ``account`` and ``partition`` are those of its ARNs. ``shares_clock`` says
    whether functions run on this machine, and so under its CLOCK_MONOTONIC.
    """

    where: str
    region: str
    account: str
    partition: str = "aws"
    pace: ClassVar[Pace] = Pace()
    shares_clock: ClassVar[bool] = True

    @abstractmethod
    def api_url(self, api_id: str, stage: str) -> str:
        """Where a stage of a REST API answers."""

    def explained(self) -> AbstractContextManager[None]:
        """What is refused within it is told in a sentence for people, where that needs one."""
        return nullcontext()

    @abstractmethod
    def _client(self, service: str) -> Any: ...

    @cached_property
    def dynamodb(self) -> Any:
        return self._client("dynamodb")

    @cached_property
    def sqs(self) -> Any:
        return self._client("sqs")

    @cached_property
    def lambda_(self) -> Any:
        return self._client("lambda")

    @cached_property
    def apigateway(self) -> Any:
        return self._client("apigateway")

    @cached_property
    def apigatewayv2(self) -> Any:
        return self._client("apigatewayv2")

    @cached_property
    def cloudwatch(self) -> Any:
        return self._client("cloudwatch")

    @cached_property
    def iam(self) -> Any:
        return self._client("iam")

    @cached_property
    def logs(self) -> Any:
        return self._client("logs")

    @cached_property
    def s3(self) -> Any:
        return self._client("s3")

    @cached_property
    def sts(self) -> Any:
        return self._client("sts")


class Clients(Services):
    """boto3 clients for one emulator. Raises `ArchduelError` for anything but a loopback endpoint.

    ``attempts`` is how often a call is tried at most: once, for who wants to see a refusal as it is.
    """

    region = REGION
    account = ACCOUNT

    def __init__(self, endpoint_url: str, *, attempts: int = 2) -> None:
        if not is_loopback(endpoint_url):
            raise ArchduelError(
                f"refusing to build AWS clients for {endpoint_url or 'no endpoint'!r}: only an emulator on this machine"
                " is touched"
            )
        self.endpoint_url = self.where = endpoint_url
        self._attempts = attempts
        # A session of its own: no profile, no environment credential of the user can reach a request.
        self._session = boto3.session.Session(
            botocore_session=_session_without_profile(),
            aws_access_key_id="test",
            aws_secret_access_key="test",  # noqa: S106 - what emulators take
            region_name=REGION,
        )

    def _client(self, service: str) -> Any:
        config = Config(
            connect_timeout=2,
            read_timeout=30,
            retries={"total_max_attempts": self._attempts, "mode": "legacy"},
            proxies={},  # an environment's HTTP proxy must not see loopback traffic
            max_pool_connections=32,
        )
        return self._session.client(service, endpoint_url=self.endpoint_url, config=config)

    def api_url(self, api_id: str, stage: str) -> str:
        """By path: a host name of its own would have to be resolved."""
        return f"{self.endpoint_url}/_aws/execute-api/{api_id}/{stage}"


# Credentials of the machine we are on, or of files of older tools, and not of the profile: nobody named them.
_NOBODYS = ("ec2-credentials-file", "boto-config", "container-role", "iam-role")


class AwsClients(Services):
    """boto3 clients for AWS itself: with the credentials and the region of a profile that was named, and with nothing
    of the environment's but where profiles are kept.

    No configured endpoint redirects them. ``endpoint_url`` is for tests, against an emulator that checks permissions;
    `ArchduelError` where it is not on this machine. Calls nothing until asked; what botocore says of a profile or a
    credential it raises as it is.
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
        session = session_of(profile)
        session.set_config_variable("region", region)
        self._session = boto3.session.Session(botocore_session=session, region_name=region)

    def _client(self, service: str) -> Any:
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
        """``Account`` and ``Arn`` of who calls; asked once."""
        told: dict[str, str] = self.sts.get_caller_identity()
        return told

    @property
    def account(self) -> str:  # type: ignore[override]  # known once it was asked for
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


def session_of(profile: str) -> botocore.session.Session:
    """A session that knows one profile and nothing else of whom we could be."""
    session = botocore.session.Session(profile=profile)
    # Of the session, so that it counts for the client with which a profile's role is assumed as well.
    session.set_config_variable("ignore_configured_endpoint_urls", True)
    resolver = session.get_component("credential_provider")
    for provider in _NOBODYS:
        resolver.remove(provider)
    return session
