"""No command uses what is not archduel's: credentials, profiles and endpoints that look real, and proxies, planted in
the environment and in the files of profiles, with the network watched. AWS is reached with `--target aws` alone.

What takes an emulator is in `tests/integration/test_planted.py`, and an emulator of somebody else's in
`tests/integration/test_endpoint.py`.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from orchestration.commands.main import main
from tests.shell import YIELDING, archduel
from tests.watching import OF_THIS_MACHINE, watched, with_planted_credentials
from tests.web_server import Answering, serving_with
from workloads.places import REPOSITORY, Places

LOG = '203.0.113.9 - - [17/May/2026:12:00:0{} +0000] "POST /orders HTTP/1.1" 201 12 "-" "x"\n'
OF_EMULATORS = {"compare", "dev", "doctor", "record"}  # with one, in tests/integration/test_planted.py


class Proxy(Answering):
    """A proxy that works, and notes what it is asked for."""

    asked: list[str]

    def do_GET(self) -> None:  # noqa: N802 - as the server calls it
        self.asked.append(self.requestline)
        self.answer(502, b"")

    do_CONNECT = do_POST = do_HEAD = do_PUT = do_GET  # noqa: N815 - as the server calls them


class Bucket(Answering):
    """An S3 of this machine with a bucket `logs` that holds one log."""

    signed: list[str]

    def do_GET(self) -> None:  # noqa: N802 - as the server calls it
        self.signed.append(self.headers["Authorization"])
        if "list-type=2" in self.path:
            self.answer(200, b"<ListBucketResult><Contents><Key>shop.log</Key></Contents></ListBucketResult>")
        else:
            self.answer(200, LOG.format(1).encode(), ETag='"1"', Last_Modified="Mon, 30 Nov 2026 12:00:00 GMT")

    do_HEAD = do_POST = do_GET  # noqa: N815 - as the server calls them


@pytest.fixture
def planted(tmp_path: Path) -> dict[str, str]:
    return with_planted_credentials(tmp_path)


@pytest.fixture
def proxied(tmp_path: Path) -> Iterator[dict[str, str]]:
    """With a proxy that works, and a profile that is not there any more."""
    Proxy.asked = []
    with serving_with(Proxy) as url:
        yield with_planted_credentials(tmp_path, url) | {"AWS_PROFILE": "stale-planted"}


@pytest.fixture
def bucket() -> Iterator[str]:
    Bucket.signed = []
    with serving_with(Bucket) as url:
        yield url


def test_the_watch_sees_what_leaves_this_machine(planted: dict[str, str], places: Places) -> None:
    """The test below is worth what this finds: AWS is looked up by name, and here alone."""
    options = "--target aws --profile planted --region eu-west-3 --scenario steady --yes"
    done = archduel(places, "compare", *options.split(), environment=planted)
    assert done.returncode == 1
    assert "archduel: AWS eu-west-3 cannot be reached: is there a network?" in done.stderr
    # By the profile's credentials where AWS is, wherever anything planted would redirect it.
    assert {one for one in watched(planted) - OF_THIS_MACHINE if not one[:1].isdigit()} == {
        "sts.eu-west-3.amazonaws.com"
    }


# Each runs in the process of those before it, which is watched as a whole.
RUN_ALL = """
import json, sys
from orchestration.commands.main import main

codes = []
for arguments in json.loads(sys.argv[1]):
    try:
        main(arguments)
    except SystemExit as ended:
        codes.append(ended.code)
print(*codes, sep=",", file=sys.stderr)
"""


def test_nothing_else_does_nor_uses_anything_that_was_planted(
    proxied: dict[str, str], bucket: str, places: Places, tmp_path: Path
) -> None:
    (tmp_path / "access.log").write_text("".join(LOG.format(second) for second in range(9)))
    exported = str(tmp_path / "exported")
    exit_codes = {
        ("architectures",): 0,
        ("workloads",): 0,
        ("scenarios",): 0,
        ("template", "hybrid"): 0,
        ("prices",): 0,
        ("permissions",): 0,
        ("requirements",): 0,
        ("doctor", "--machine-only"): 0,
        ("sweep",): 0,
        ("sql", "SELECT 1"): 1,
        ("report",): 1,
        ("import", "combined", str(tmp_path / "access.log"), "--name", "shop"): 0,
        ("import", "combined", "s3://logs/shop.log", "--endpoint-url", bucket, "--name", "stored"): 0,
        ("mapping", "suggest", "shop"): 0,
        ("export", "k6", "shop", "--base-url", "http://127.0.0.1:1", "--out", exported): 0,
        ("replay", "shop", "--to", bucket, "--speed", "20"): 0,
        ("service", "check", "tests/services/shortener/service.toml"): 0,
        ("inbox",): 0,
        ("status",): 0,
        ("plugins",): 0,
        ("nights",): 0,
        ("prune", "--dry-run"): 0,
        ("diff", "one", "other"): 2,
        ("calibrate", "--comparison", "one"): 2,
        ("growth", "shop", "--traffic", "1", "--architecture", "hybrid"): 0,
        ("vary", "shop", "--vary", "rate=1,2", "--architecture", "hybrid"): 0,
        ("estimate", "vary", "shop", "--vary", "rate=1,2", "--architecture", "hybrid"): 0,
        ("size", "shop", "--architecture", "hybrid", "--objective", "refused < 1 %"): 0,
        ("record", "--upstream", bucket, "--listen", "127.0.0.1:0", "--name", "live", "--minutes", "0.001"): 1,
        ("compare", "--target", "aws", "--yes"): 2,
        ("sweep", "--target", "aws", "--yes"): 2,
        ("sweep", "--target", "endpoint", "--endpoint-url", bucket): 1,
    }
    of_s3 = {"ARCHDUEL_INBOX": "s3://logs", "ARCHDUEL_INBOX_ENDPOINT_URL": bucket}
    done = subprocess.run(
        [*YIELDING, sys.executable, "-c", RUN_ALL, json.dumps([*exit_codes])],
        env={**os.environ, **proxied, **of_s3, "ARCHDUEL_HOME": str(places.home)},
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    codes = done.stderr.splitlines()[-1].split(",")
    assert dict(zip(exit_codes, map(int, codes), strict=True)) == exit_codes, done.stderr
    assert watched(proxied) <= OF_THIS_MACHINE
    assert Proxy.asked == []
    assert any("Credential=test/" in str(signed) for signed in Bucket.signed), "the log was downloaded"
    assert "planted" not in f"{Bucket.signed}".lower()
    assert "planted" not in (done.stdout + done.stderr).replace(str(tmp_path), "")
    assert isinstance(main, click.Group)
    assert {command for command, *_ in exit_codes} | OF_EMULATORS == set(main.commands)
