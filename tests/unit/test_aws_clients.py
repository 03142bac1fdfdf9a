"""AWS clients reach nothing but this machine, unless they are made for AWS by the one target that may."""

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

PACKAGES = ("workloads", "resources", "assets", "orchestration")

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
# What botocore stumbles over or is led elsewhere by, and what is no credential.
STRANGE = {
    "AWS_PROFILE": "planted-and-gone",
    "AWS_CA_BUNDLE": "/planted/nowhere.pem",
    "AWS_RETRY_MODE": "planted",
    "AWS_MAX_ATTEMPTS": "planted",
    "AWS_DEFAULTS_MODE": "planted",
    "AWS_DATA_PATH": "/planted",
    "AWS_USE_FIPS_ENDPOINT": "true",
    "AWS_USE_DUALSTACK_ENDPOINT": "true",
    "AWS_STS_REGIONAL_ENDPOINTS": "planted",
    "AWS_ACCOUNT_ID_ENDPOINT_MODE": "required",
    "AWS_SDK_UA_APP_ID": "planted",
    "AWS_EC2_METADATA_SERVICE_ENDPOINT": "http://127.0.0.1:9/planted",
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

    def test_of_aws_are_made_by_the_target_and_a_store_that_names_an_account_alone(self) -> None:
        sources = [path for package in PACKAGES for path in (REPOSITORY / package).rglob("*.py")]
        naming = {str(path.relative_to(REPOSITORY)) for path in sources if "AwsClients" in path.read_text()}
        assert naming == {"resources/aws/clients.py", "resources/targets/aws.py", "resources/store/opening.py"}

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
        sent = f"{request.url} {dict(request.headers)} {request.body!r}".lower()
        assert "planted" not in sent
        assert "credential=akialab/" in sent
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
        requests: list[AWSPreparedRequest] = []

        def assume(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
            requests.append(request)
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
        assert [one.url for one in requests] == ["https://sts.eu-west-1.amazonaws.com/"]
        assert "Credential=AKIABASE/" in str(dict(requests[0].headers))

    def test_of_aws_need_a_credential_of_the_profile(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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

    @pytest.mark.parametrize("config", ["", "[default]\ns3 =\n  addressing_style = virtual\n", "[planted\n= damaged"])
    @pytest.mark.parametrize("service", ["dynamodb", "sqs", "lambda_", "apigateway", "iam", "logs", "sts", "s3"])
    def test_use_nothing_of_the_users(
        self, service: str, config: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        planted = {
            **PLANTED,
            **STRANGE,
            f"AWS_ENDPOINT_URL_{service.strip('_').upper()}": "https://planted.example.com",
        }
        for name, value in planted.items():
            monkeypatch.setenv(name, value)
        profile = tmp_path / "credentials"
        profile.write_text("[default]\naws_access_key_id = AKIAPLANTEDPROFILE00\naws_secret_access_key = planted\n")
        (tmp_path / "config").write_text(config)
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(profile))
        monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))

        request = first_request(Clients("http://127.0.0.1:4566"), service)
        sent = f"{request.url} {dict(request.headers)} {request.body!r}".lower()
        assert "planted" not in sent
        assert "credential=test/" in sent
        assert "/us-east-1/" in sent
        assert request.url.startswith("http://127.0.0.1:4566/")


CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "dynamodb": ("list_tables", {}),
    "sqs": ("list_queues", {}),
    "lambda_": ("list_functions", {}),
    "apigateway": ("get_rest_apis", {}),
    "logs": ("describe_log_groups", {}),
    "iam": ("list_roles", {}),
    "sts": ("get_caller_identity", {}),
    "s3": ("list_objects_v2", {"Bucket": "logs"}),
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
        body = f"<Empty>{result}</Empty>".encode() if service in ("iam", "sts", "s3") else b"{}"
        response = AWSResponse(request.url, 200, {"Content-Type": "application/json"}, _Body())
        response._content = body
        return response

    client = getattr(clients, service)
    client.meta.events.register("before-send", answer)
    getattr(client, operation)(**parameters)
    return sent[0]
