"""Telling people that something went wrong: a webhook, an e-mail.

Put here how a message is sent. Keep out when there is something to tell (`orchestration.night_history`).
"""

import json
import os
import smtplib
import ssl
from collections.abc import Mapping
from email.message import EmailMessage
from http.client import HTTPException
from typing import Any, Self
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from pydantic import BaseModel, ConfigDict, model_validator

from workloads.errors import ArchduelError
from workloads.settings_files import wrong

PASSWORD_VARIABLE = "ARCHDUEL_SMTP_PASSWORD"  # noqa: S105 - the variable's name
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_WAIT_S = 10.0


class Addresses(BaseModel):
    """Where messages go; nowhere unless one is set.

    Attributes:
        webhook: An address that takes a JSON document by POST: ``https://``, or ``http://`` on this machine.
        email: The recipient of an e-mail.
        smtp: The mail server, ``host:port``.
        sender: The sender; empty: the recipient.
        user: The user at the server, where it asks for one; the password is in `PASSWORD_VARIABLE`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    webhook: str = ""
    email: str = ""
    smtp: str = ""
    sender: str = ""
    user: str = ""

    @property
    def any(self) -> bool:
        """Whether there is somewhere to send to."""
        return bool(self.webhook or self.email)

    def each(self) -> "dict[str, Addresses]":
        """Each address alone, by its name here: what one does not take is no matter of the other's."""
        alone = {"webhook": {"email": ""}, "email": {"webhook": ""}}
        return {name: self.model_copy(update=others) for name, others in alone.items() if getattr(self, name)}

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.webhook:
            parts = urlsplit(self.webhook)
            plain = parts.scheme == "http" and parts.hostname in _LOOPBACK
            if not parts.hostname or not (parts.scheme == "https" or plain):
                raise wrong("webhook must be an https:// address, or http:// on this machine")
        if self.email and not _host_port(self.smtp):
            raise wrong("email needs smtp, the mail server's host:port")
        for name, value in (("email", self.email), ("sender", self.sender)):
            if value and (value.count("@") != 1 or any(sign in value for sign in "\r\n<>, ")):
                raise wrong(f"{name} must be one address, such as me@example.org")
        return self


def send(addresses: Addresses, subject: str, lines: list[str], environment: Mapping[str, str] = os.environ) -> None:
    """Send a message to every address there is.

    Args:
        addresses: Where it goes.
        subject: Its subject, one line.
        lines: What it says.
        environment: Where the mail server's password is.

    Raises:
        ArchduelError: Something was not taken; the others were tried all the same.
    """
    failures = []
    for wanted, way in ((addresses.webhook, _post), (addresses.email, _mail)):
        if wanted:
            try:
                way(addresses, subject, lines, environment)
            except (OSError, HTTPException, smtplib.SMTPException) as error:  # URLError is an OSError
                reason = error.reason if isinstance(error, URLError) else error
                failures.append(f"cannot send the alert to {_shown(wanted)}: {reason}")
    if failures:
        raise ArchduelError("; ".join(failures))


class _NoRedirects(HTTPRedirectHandler):
    """What was configured gets the message, and nobody else."""

    def redirect_request(self, *_: Any) -> None:
        return None


def _post(addresses: Addresses, subject: str, lines: list[str], _: Mapping[str, str]) -> None:
    # Slack, Mattermost and Teams show `text`.
    body = json.dumps({"text": "\n".join([subject, *lines]), "subject": subject, "lines": lines}).encode()
    request = Request(addresses.webhook, body, {"Content-Type": "application/json"})  # noqa: S310 - http(s), as checked
    with build_opener(_NoRedirects).open(request, timeout=_WAIT_S):
        pass


def _mail(addresses: Addresses, subject: str, lines: list[str], environment: Mapping[str, str]) -> None:
    message = EmailMessage()
    message["Subject"], message["To"] = subject, addresses.email
    message["From"] = addresses.sender or addresses.email
    message.set_content("\n".join(lines) + "\n")
    host, port = _host_port(addresses.smtp) or ("", 0)
    with smtplib.SMTP(host, port, timeout=_WAIT_S) as server:
        server.ehlo()
        encrypted = server.has_extn("starttls")
        if encrypted and host not in _LOOPBACK:
            server.starttls(context=ssl.create_default_context())
        elif addresses.user and host not in _LOOPBACK:
            raise OSError("it offers no TLS, and a password is not sent in the clear")
        if addresses.user:
            server.login(addresses.user, environment.get(PASSWORD_VARIABLE, ""))
        server.send_message(message)


def _host_port(text: str) -> tuple[str, int] | None:
    host, _, port = text.rpartition(":")
    return (host.strip("[]"), int(port)) if host and port.isdecimal() and 0 < int(port) < 65536 else None


def _shown(address: str) -> str:
    """A webhook's host alone: its path is as good as a password."""
    return urlsplit(address).hostname or address if "://" in address else address
