"""What may import what, read from the sources; and that AWS clients reach nothing but this machine.

The packages stand on one another: orchestration on assets on resources on workloads, never the other way round.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import NoCredentialsError

from resources.aws.clients import AwsClients, Clients, Services, is_loopback
from workloads.errors import ArchduelError
from workloads.places import REPOSITORY

LAYERS = ("workloads", "resources", "assets", "orchestration")  # each may import itself and those before it
WITHOUT_DAGSTER = ("workloads", "resources")
OBJECT_STORE = "resources.object_store"  # dagster-aws' S3Resource, and nothing else of Dagster


def modules() -> dict[str, Path]:
    """Every module of ours by name."""
    found = {}
    for layer in LAYERS:
        for path in sorted((REPOSITORY / layer).rglob("*.py")):
            parts = path.relative_to(REPOSITORY).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def imported(source: str, module: str, *, is_package: bool = False) -> Iterator[str]:
    """The full names of what a module imports, wherever in it, names taken from packages included."""
    package = module.split(".") if is_package else module.split(".")[:-1]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            full = ".".join([*base, *([node.module] if node.module else [])])
            yield full
            yield from (f"{full}.{alias.name}" for alias in node.names)


def imports_of(module: str) -> set[str]:
    path = MODULES[module]
    return set(imported(path.read_text(), module, is_package=path.name == "__init__.py"))


def top(name: str) -> str:
    return name.partition(".")[0]


class TestReadingImports:
    """The rules below are worth what this finds."""

    @pytest.mark.parametrize(
        ("source", "name"),
        [
            ("import dagster", "dagster"),
            ("import dagster._core.storage as storage", "dagster._core.storage"),
            ("from dagster import _core", "dagster._core"),
            ("from dagster._core.storage import x", "dagster._core.storage"),
            ("def later():\n    import resources.dagster_resources\n", "resources.dagster_resources"),
            ("try:\n    from assets import plots\nexcept ImportError:\n    pass\n", "assets.plots"),
            ("from . import proxy", "resources.faults.proxy"),
            ("from .proxy import Proxy", "resources.faults.proxy"),
            ("from ..leash import free_port", "resources.leash"),
        ],
    )
    def test_finds_them_in_every_form(self, source: str, name: str) -> None:
        assert name in set(imported(source, "resources.faults.control"))

    def test_finds_those_relative_to_a_package(self) -> None:
        assert "resources.faults.proxy.server" in set(
            imported("from . import proxy", "resources.faults", is_package=True)
        )


class TestImports:
    def test_every_package_is_looked_at(self) -> None:
        assert {top(module) for module in MODULES} == set(LAYERS)
        assert len(MODULES) > 40

    @pytest.mark.parametrize("module", MODULES)
    def test_point_downwards_only(self, module: str) -> None:
        above = set(LAYERS[LAYERS.index(top(module)) + 1 :])
        assert not {name for name in imports_of(module) if top(name) in above}

    @pytest.mark.parametrize("module", [name for name in MODULES if top(name) in WITHOUT_DAGSTER])
    def test_work_without_dagster(self, module: str) -> None:
        found = {name for name in imports_of(module) if top(name).startswith("dagster")}
        if module == OBJECT_STORE:
            found = {name for name in found if top(name) != "dagster_aws"}
        assert not found
        assert OBJECT_STORE not in imports_of(module), "would import Dagster by another's hand"

    @pytest.mark.parametrize("module", MODULES)
    def test_leave_dagsters_private_parts_alone(self, module: str) -> None:
        assert not {name for name in imports_of(module) if name.startswith("dagster") and "._" in name}

    @pytest.mark.parametrize("module", MODULES)
    def test_are_of_no_test(self, module: str) -> None:
        assert not {name for name in imports_of(module) if top(name) in {"tests", "pytest", "hypothesis"}}


class TestDocstrings:
    @pytest.mark.parametrize("module", MODULES)
    def test_every_module_says_what_belongs_in_it(self, module: str) -> None:
        docstring = ast.get_docstring(ast.parse(MODULES[module].read_text()))
        assert docstring
        assert docstring.splitlines()[0].endswith((".", ":")) or "\n" in docstring, "a sentence"


PLANTED = {
    "AWS_ACCESS_KEY_ID": "AKIAPLANTEDPLANTED00",
    "AWS_SECRET_ACCESS_KEY": "planted-secret",
    "AWS_SESSION_TOKEN": "planted-token",
    "AWS_SECURITY_TOKEN": "planted-token",
    "AWS_DEFAULT_REGION": "eu-west-3",
    "AWS_REGION": "eu-west-3",
    "AWS_ENDPOINT_URL": "https://planted.example.com",
    "HTTP_PROXY": "http://planted.example.com:3128",
}


class TestClients:
    @pytest.mark.parametrize(
        "url",
        [
            "http://127.0.0.1:4566",
            "http://127.1.2.3:1",
            "http://localhost:4566",
            "http://[::1]:4566",
            "https://LOCALHOST",
        ],
    )
    def test_reach_this_machine(self, url: str) -> None:
        assert is_loopback(url)
        assert Clients(url).endpoint_url == url

    @pytest.mark.parametrize(
        "url",
        [
            None,
            "",
            " ",
            "None",
            "localhost",
            "127.0.0.1:4566",
            "//:4566",
            "http://",
            "https://dynamodb.us-east-1.amazonaws.com",
            "http://10.0.0.1:4566",
            "http://192.168.1.1",
            "http://0.0.0.0:4566",
            "http://169.254.169.254/latest/meta-data",
            "http://[2001:db8::1]:4566",
            "http://[::]:4566",
            "http://localhost.example.com",
            "http://127.0.0.1.example.com",
            "http://127.0.0.1@example.com",
            "http://localhost:80@example.com:80",
            "http://2130706433",
            "file:///etc/passwd",
        ],
    )
    def test_refuse_anything_else(self, url: str | None) -> None:
        assert not is_loopback(cast("str", url))
        with pytest.raises(ArchduelError, match="refusing to build AWS clients for"):
            Clients(cast("str", url))

    def test_are_made_in_one_place(self) -> None:
        making = {module for module in MODULES if "boto3" in {top(name) for name in imports_of(module)}}
        handlers = {
            module for module in making if module.startswith("resources.architectures.handlers.")
        }  # Lambda's own processes
        assert making - handlers == {"resources.aws.clients"}

    def test_of_aws_are_made_by_the_target_alone(self) -> None:
        naming = {module for module, path in MODULES.items() if "AwsClients" in path.read_text()}
        assert naming == {"resources.aws.clients", "resources.targets.aws"}

    @pytest.mark.parametrize("service", ["dynamodb", "sqs", "lambda_", "apigateway", "iam", "logs", "sts"])
    def test_of_aws_send_the_profiles_credential_where_aws_is_and_nothing_else(
        self, service: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name, value in PLANTED.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("AWS_PROFILE", "planted")
        monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service.strip('_').upper()}", "https://planted.example.com")
        keys = "aws_access_key_id = {}\naws_secret_access_key = secret\n"
        (tmp_path / "credentials").write_text(
            f"[default]\n{keys.format('AKIAPLANTEDPROFILE00')}[planted]\n{keys.format('AKIAPLANTEDPROFILE01')}"
            f"[lab]\n{keys.format('AKIALAB')}"
        )
        (tmp_path / "config").write_text(
            "[profile lab]\nregion = ap-south-1\nendpoint_url = https://planted.example.com\nservices = planted\n"
            "[services planted]\ndynamodb =\n  endpoint_url = https://planted.example.com\n"
        )
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
        monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))

        request = first_request(AwsClients("lab", "eu-west-1"), service)
        said = f"{request.url} {dict(request.headers)} {request.body!r}".lower()
        assert "planted" not in said
        assert "credential=akialab/" in said
        assert re.match(r"https://([a-z]+\.eu-west-1|iam)\.amazonaws\.com/", request.url)

    def test_of_aws_assume_a_profiles_role_where_aws_is(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        for name, value in {**PLANTED, "AWS_ENDPOINT_URL_STS": "https://planted.example.com"}.items():
            monkeypatch.setenv(name, value)
        (tmp_path / "config").write_text(
            "[profile lab]\nrole_arn = arn:aws:iam::123456789012:role/lab\nsource_profile = base\nregion = eu-west-1\n"
            "[profile base]\naws_access_key_id = AKIABASE\naws_secret_access_key = secret\n"
        )
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
        monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
        asked: list[AWSPreparedRequest] = []

        def assume(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
            asked.append(request)
            response = AWSResponse(request.url, 200, {}, _Body())
            response._content = (
                b"<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIAASSUMED</AccessKeyId>"
                b"<SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>"
                b"<Expiration>2036-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"
            )
            return response

        clients = AwsClients("lab", "eu-west-1")
        clients._session.events.register("before-send.sts.AssumeRole", assume)
        request = first_request(clients, "sqs")
        assert "Credential=ASIAASSUMED/" in str(dict(request.headers))
        assert [one.url for one in asked] == ["https://sts.eu-west-1.amazonaws.com/"]
        assert "Credential=AKIABASE/" in str(dict(asked[0].headers))

    def test_of_aws_are_nobodys_without_a_credential_of_the_profiles(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name, value in PLANTED.items():
            monkeypatch.setenv(name, value)
        # Addresses that would be asked for one, were those of this machine and its container taken for the profile's.
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:9/planted")
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:9/planted")
        (tmp_path / "credentials").write_text("[lab]\nregion = eu-west-1\n")
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
        monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
        with pytest.raises(NoCredentialsError):
            first_request(AwsClients("lab", "eu-west-1"), "sqs")

    @pytest.mark.parametrize("service", ["dynamodb", "sqs", "lambda_", "apigateway", "iam", "logs", "s3", "sts"])
    def test_send_no_credential_of_the_users(
        self, service: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        planted = {
            **PLANTED,
            f"AWS_ENDPOINT_URL_{service.strip('_').upper()}": "https://planted.example.com",
        }
        for name, value in planted.items():
            monkeypatch.setenv(name, value)
        profile = tmp_path / "credentials"
        profile.write_text("[default]\naws_access_key_id = AKIAPLANTEDPROFILE00\naws_secret_access_key = planted\n")
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(profile))

        request = first_request(Clients("http://127.0.0.1:4566"), service)
        said = f"{request.url} {dict(request.headers)} {request.body!r}".lower()
        assert "planted" not in said
        assert "credential=test/" in said
        assert "/us-east-1/" in said
        assert request.url.startswith("http://127.0.0.1:4566/")


CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "dynamodb": ("list_tables", {}),
    "sqs": ("list_queues", {}),
    "lambda_": ("list_functions", {}),
    "apigateway": ("get_rest_apis", {}),
    "logs": ("describe_log_groups", {}),
    "iam": ("list_roles", {}),
    "sts": ("get_caller_identity", {}),
    "s3": ("list_buckets", {}),
}


class _Body:
    """An empty answer's body, as botocore reads it."""

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield b"{}"


def _camel(operation: str) -> str:
    return "".join(part.capitalize() for part in operation.split("_"))


def first_request(clients: Services, service: str) -> AWSPreparedRequest:
    """The first request a service's client would send; nothing is sent."""
    sent: list[AWSPreparedRequest] = []
    operation, parameters = CALLS[service]

    def answer(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        sent.append(request)
        result = f"<{_camel(operation)}Result/>" if service in ("iam", "sts") else ""
        body = f"<Empty>{result}</Empty>".encode() if service in ("s3", "iam", "sts") else b"{}"
        response = AWSResponse(request.url, 200, {"Content-Type": "application/json"}, _Body())
        response._content = body
        return response

    client = getattr(clients, service)
    client.meta.events.register("before-send", answer)
    getattr(client, operation)(**parameters)
    return sent[0]
