"""The web server in front of LocalStack, listening on the configured address only.

Put here the address. Keep out all else, which is LocalStack's own server: that one takes only the port of an IPv4
address in ``GATEWAY_LISTEN`` and listens on every interface of the machine.
"""

from localstack import config
from localstack.runtime.server.twisted import TwistedRuntimeServer
from rolo.gateway import Gateway
from rolo.serving.twisted import TwistedGateway
from twisted.internet import endpoints, reactor


class LoopbackServer(TwistedRuntimeServer):  # type: ignore[misc]  # LocalStack is not installed where types are checked
    """Plain HTTP on the very addresses in ``GATEWAY_LISTEN``."""

    def register(
        self, gateway: Gateway, listen: list[config.HostAndPort], ssl_creds: tuple[str, str] | None = None
    ) -> None:
        site = TwistedGateway(gateway)
        for address in listen:
            endpoints.TCP4ServerEndpoint(reactor, address.port, interface=address.host).listen(site)
