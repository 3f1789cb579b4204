"""Ports: one service for each endpoint of the explicit and the implicit service, and of what else listens."""

from __future__ import annotations

from twisted.application.service import Service as TwistedService
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IListeningPort, IStreamServerEndpoint
from twisted.internet.protocol import Factory
from twisted.logger import Logger
from twisted.protocols.policies import WrappingFactory

from ftpstwist.session.state import Service
from ftpstwist.wire.hostport import HostPort, normal_host

_log = Logger()


class ListeningService(TwistedService):
    """Listens on one endpoint, bound while privileges are there.

    Args:
        endpoint: Where to listen.
        factory: What to do with connections.
        service: Explicit or implicit; ``None`` if it is no FTPS.
        words: What listens there, for the log.

    Raises:
        twisted.internet.error.CannotListenError: From ``privilegedStartService``: the server does not start.
    """

    def __init__(
        self,
        endpoint: IStreamServerEndpoint,
        factory: Factory | WrappingFactory,
        service: Service | None = None,
        *,
        words: str = "",
    ) -> None:
        self._endpoint = endpoint
        self._factory = factory
        self.service = service
        self._words = words or (f"{service.value} FTPS service" if service else "")
        self._port: IListeningPort | None = None

    @property
    def address(self) -> HostPort | None:
        """Where it listens; ``None`` before it does."""
        if self._port is None:
            return None
        host = self._port.getHost()
        if not isinstance(host, (IPv4Address, IPv6Address)):
            raise TypeError(f"an FTP server needs TCP, not {host}")
        return HostPort(normal_host(host.host), host.port)

    def privilegedStartService(self) -> None:  # noqa: N802 - Twisted's interface
        """Bind and listen."""
        super().privilegedStartService()
        problems: list[BaseException] = []
        listening = self._endpoint.listen(self._factory)
        listening.addCallbacks(self._listening, lambda failure: problems.append(failure.value))
        if problems:
            raise problems[0]

    def stopService(self) -> Deferred[None] | None:  # noqa: N802 - Twisted's interface
        """Stop accepting; connections that are there stay."""
        super().stopService()
        port, self._port = self._port, None
        return None if port is None else port.stopListening()

    def opened(self, port: IListeningPort) -> None:
        """Take note of the port; for those who do not leave accepting to it."""

    def _listening(self, port: IListeningPort) -> None:
        self._port = port
        self.opened(port)
        address = self.address
        if address is not None:
            _log.info(
                "{words} listens on {host} port {port}",
                words=self._words,
                host=address.host,
                port=address.port,
            )
