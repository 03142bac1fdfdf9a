"""An AWS account that does not exist: profiles in files of a test's own, and a fixed answer to every call.

Put here what stands in for a user's machine and for AWS. Keep out assertions.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from resources.aws.clients import AwsClients, Pace
from resources.targets.aws import Aws
from tests.web_server import Answering, serving_with

OPTIONS = {"profile": "lab", "region": "eu-west-1", "most_requests": "1000", "most_usd": "1"}
_KEYS = "aws_access_key_id = AKIALABLABLABLABLAB0\naws_secret_access_key = of-the-lab\n"


def profiles(folder: Path, monkeypatch: pytest.MonkeyPatch, text: str = f"[lab]\n{_KEYS}") -> None:
    """The user's credentials file, and nothing else of theirs."""
    (folder / "credentials").write_text(text)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(folder / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(folder / "no-config"))
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)


class QuickClients(AwsClients):
    """At the pace of an emulator."""

    pace = Pace(warm_s=5.0, logs_s=0.3)


def standing_in(endpoint_url: str) -> Aws:
    """The target, with an emulator on this machine in AWS's place."""
    return Aws(lambda profile, region, _attempts: QuickClients(profile, region, attempts=2, endpoint_url=endpoint_url))


@contextmanager
def answering(status: int, body: str) -> Iterator[str]:
    """A server that answers whatever is posted so; its URL."""

    class Handler(Answering):
        def do_POST(self) -> None:  # noqa: N802 - http.server's name
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.answer(status, body.encode(), Content_Type="text/xml")

    with serving_with(Handler) as url:
        yield url


def refusing(code: str, message: str = "no") -> str:
    """An error as STS writes it."""
    return (
        '<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>'
        f"<Code>{code}</Code><Message>{message}</Message></Error><RequestId>1</RequestId></ErrorResponse>"
    )
