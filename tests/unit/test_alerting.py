"""Alerts reach a webhook and a mail server, as they are configured, and nobody else."""

import json
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from resources.alerting import Addresses, send
from workloads.errors import ArchduelError

SUBJECT, LINES = "archduel: a night went wrong", ["food_orders__steady failed", "a < b & c"]


@contextmanager
def serving(server: socketserver.BaseServer) -> Iterator[None]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Webhook(HTTPServer):
    """Keeps what is posted; answers ``status``."""

    def __init__(self, status: int = 200) -> None:
        self.status = status
        self.posted: list[tuple[str, dict[str, Any]]] = []
        super().__init__(("127.0.0.1", 0), _Posted)

    @property
    def addresses(self) -> Addresses:
        return Addresses(webhook=f"http://127.0.0.1:{self.server_port}/secret/path")


class _Posted(BaseHTTPRequestHandler):
    server: Webhook

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.posted.append((self.path, body))
        self.send_response(self.server.status)
        if self.server.status == 302:
            self.send_header("Location", f"http://127.0.0.1:{self.server.server_port}/elsewhere")
        self.end_headers()

    do_GET = do_POST  # noqa: N815 - its name

    def log_message(self, *_: object) -> None:
        pass


def test_a_webhook_gets_the_message_as_json() -> None:
    server = Webhook()
    with serving(server):
        send(server.addresses, SUBJECT, LINES)
    [(path, body)] = server.posted
    assert path == "/secret/path"
    assert body == {"text": "\n".join([SUBJECT, *LINES]), "subject": SUBJECT, "lines": LINES}


@pytest.mark.parametrize("status", [302, 404, 500])
def test_a_webhook_that_does_not_take_it_is_an_error_without_its_secret_path(status: int) -> None:
    server = Webhook(status)
    with serving(server), pytest.raises(ArchduelError, match=r"cannot send the alert to 127\.0\.0\.1") as error:
        send(server.addresses, SUBJECT, LINES)
    assert "secret" not in str(error.value)
    assert len(server.posted) == 1, "it is not sent elsewhere"


def test_a_webhook_that_speaks_no_http_is_an_error_like_any_other() -> None:
    class Rude(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(65_536)
            self.request.sendall(b"220 hello\r\n")

    with socketserver.TCPServer(("127.0.0.1", 0), Rude) as server, serving(server):
        address = Addresses(webhook=f"http://127.0.0.1:{server.server_address[1]}/x")
        with pytest.raises(ArchduelError, match=r"cannot send the alert to 127\.0\.0\.1"):
            send(address, SUBJECT, LINES)


class Mailbox:
    """A handler for `aiosmtpd` that keeps what it is sent."""

    def __init__(self) -> None:
        self.mails: list[Any] = []
        self.users: list[bytes] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - its name
        self.mails.append(envelope)
        return "250 taken"

    def authenticated(self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
        self.users.append(data.login + b":" + data.password)
        return AuthResult(success=True)


@contextmanager
def mail_server(box: Mailbox, **options: Any) -> Iterator[str]:
    """A server; yields its ``host:port``."""
    server = Controller(box, hostname="127.0.0.1", port=free_port(), **options)
    server.start()
    try:
        yield f"127.0.0.1:{server.port}"
    finally:
        server.stop()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_an_e_mail_reaches_its_recipient_from_the_configured_sender() -> None:
    box = Mailbox()
    with mail_server(box) as smtp:
        send(Addresses(email="me@example.org", smtp=smtp, sender="lab@example.org"), SUBJECT, LINES)
    [mail] = box.mails
    assert (mail.mail_from, mail.rcpt_tos) == ("lab@example.org", ["me@example.org"])
    message = message_from_bytes(mail.content)
    assert message["Subject"] == SUBJECT
    assert message.get_payload().splitlines() == LINES  # type: ignore[union-attr]  # a message of one part


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")  # on this machine it is not needed
def test_a_user_logs_in_with_the_password_of_the_environment() -> None:
    box = Mailbox()
    with mail_server(box, authenticator=box.authenticated, auth_require_tls=False, auth_required=True) as smtp:
        addresses = Addresses(email="me@example.org", smtp=smtp, user="lab")
        send(addresses, SUBJECT, LINES, {"ARCHDUEL_SMTP_PASSWORD": "pass"})
    assert box.users == [b"lab:pass"]
    assert len(box.mails) == 1


def test_where_one_way_fails_the_other_is_taken_all_the_same() -> None:
    box = Mailbox()
    with mail_server(box) as smtp, pytest.raises(ArchduelError, match=r"127\.0\.0\.1.*refused"):
        send(Addresses(webhook="http://127.0.0.1:1/x", email="me@example.org", smtp=smtp), SUBJECT, LINES)
    assert len(box.mails) == 1


def test_without_an_address_nothing_is_sent() -> None:
    send(Addresses(), SUBJECT, LINES)
    assert not Addresses().any


@pytest.mark.parametrize("email", ["me", "me@a, you@b", "me@example.org\r\nBcc: you@b"])
def test_an_address_is_one_address(email: str) -> None:
    with pytest.raises(ValueError, match="one address"):
        Addresses(email=email, smtp="127.0.0.1:25")
