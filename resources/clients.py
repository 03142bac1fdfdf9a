"""AWS clients that can only reach an emulator on this machine. The one place that makes a boto3 client.

Real AWS needs a target of its own, asked for by name; nothing here falls back to boto3's default endpoint.
"""

import ipaddress
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

import boto3
import botocore.session
from botocore.config import Config

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


class Clients:
    """boto3 clients for one emulator. Raises `ArchduelError` for anything but a loopback endpoint.

    ``attempts`` is how often a call is tried at most: once, for who wants to see a refusal as it is.
    """

    def __init__(self, endpoint_url: str, *, attempts: int = 2) -> None:
        if not is_loopback(endpoint_url):
            raise ArchduelError(
                f"refusing to build AWS clients for {endpoint_url or 'no endpoint'!r}: only an emulator on this machine"
                " is touched"
            )
        self.endpoint_url = endpoint_url
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
    def logs(self) -> Any:
        return self._client("logs")

    @cached_property
    def s3(self) -> Any:
        return self._client("s3")
