"""The web server in front of LocalStack: on the configured address only, for its own run and for LocalStack itself.

Put here the address, and whose requests are passed on. Keep out what a request must have (`admission`) and all else,
which is LocalStack's own server: that one takes only the port of an IPv4 address in ``GATEWAY_LISTEN`` and listens on
every interface of the machine.
"""

import os
import secrets
from typing import Any

from localstack import config
from localstack.runtime.server.twisted import TwistedRuntimeServer

# Installed beside this module; in archduel it is `resources.emulators.admission`.
from localstack_host.admission import KEY_VARIABLE, REFUSED, Admission  # type: ignore[import-not-found]
from rolo import Request, Response
from rolo.gateway import Gateway
from rolo.serving.twisted import TwistedGateway
from twisted.internet import endpoints, reactor

OWN_CALLS = f"x-localstack-{secrets.token_hex(16)}"
_OWN_CALLS = OWN_CALLS.encode()


class GuardedGateway:
    """LocalStack's gateway, as its server uses it, for requests that may pass; 403 for all others."""

    def __init__(self, gateway: Gateway, admission: Admission) -> None:
        self._gateway, self._admission = gateway, admission

    def process(self, request: Request, response: Response) -> None:
        if self._passes(request):
            self._gateway.process(request, response)
        else:
            response.status_code = 403
            response.set_data(REFUSED)

    def accept(self, request: Any) -> None:
        """Of a WebSocket, which nothing here needs."""
        request.reject(Response(REFUSED, 403))

    def _passes(self, request: Request) -> bool:
        """Whether a request may pass; the key is taken out of its path."""
        environ = request.environ
        headers = environ["rolo.headers"]
        if any(name.lower() == _OWN_CALLS for name, _ in headers):
            return True
        raw, query, rest = environ["RAW_URI"].partition("?")
        path = self._admission.path(raw.encode(), headers)
        if path is None:
            return False
        if cut := len(raw) - len(path):
            environ["RAW_URI"] = environ["REQUEST_URI"] = path.decode() + query + rest
            environ["PATH_INFO"], request.path = environ["PATH_INFO"][cut:], request.path[cut:]
        return True


class LoopbackServer(TwistedRuntimeServer):  # type: ignore[misc]  # LocalStack is not installed where types are checked
    """Plain HTTP on the very addresses in ``GATEWAY_LISTEN``."""

    def register(
        self, gateway: Gateway, listen: list[config.HostAndPort], ssl_creds: tuple[str, str] | None = None
    ) -> None:
        site = TwistedGateway(GuardedGateway(gateway, Admission(os.environ.pop(KEY_VARIABLE))))
        for address in listen:
            endpoints.TCP4ServerEndpoint(reactor, address.port, interface=address.host).listen(site)
