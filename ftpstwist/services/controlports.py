"""The control ports of the configuration: which endpoint gets which factory, behind load balancers or not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import Factory

from ftpstwist.config.endpoint import Endpoint
from ftpstwist.config.schema import Settings
from ftpstwist.interfaces import EventSink
from ftpstwist.pi.proxied import ProxiedFactory, Proxies
from ftpstwist.services.legacy import LegacyFactory
from ftpstwist.services.listening import ListeningService
from ftpstwist.services.sessions import ControlFactory, MintTls, Sessions
from ftpstwist.session.events import NO_SESSION, Misused, SessionRef
from ftpstwist.session.state import Service

_HEADER_SECONDS = 5.0
"""How long a load balancer may take to send the PROXY header: it knows it before it connects."""


class ControlPorts:
    """Makes the services that listen.

    Args:
        settings: The configuration.
        reactor: Listens, and keeps time.
        sessions: Makes and counts sessions.
        sink: Is told of connections that are of no load balancer.
        now: Seconds since the epoch.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        reactor: IReactorTime,
        sessions: Sessions,
        sink: EventSink,
        now: Callable[[], float],
    ) -> None:
        self._server = settings.server
        self._reactor: Any = reactor
        self._sessions = sessions
        self._sink = sink
        self._now = now

    def ordinary(self) -> list[ListeningService]:
        """Return those for explicit and implicit TLS."""
        by_service = {Service.EXPLICIT: self._server.explicit, Service.IMPLICIT: self._server.implicit}
        return [
            self._listen(endpoint, ControlFactory(self._sessions, service), service)
            for service, endpoints in by_service.items()
            for endpoint in endpoints
        ]

    def legacy(self, mint_tls: MintTls) -> list[ListeningService]:
        """Return those for old devices; *mint_tls* makes the TLS of one session there."""
        return [
            self._listen(each.endpoint, LegacyFactory(self._sessions, each, mint_tls), each.service)
            for each in self._server.legacy
        ]

    def _listen(self, endpoint: Endpoint, factory: Factory, service: Service) -> ListeningService:
        if self._server.proxies:
            proxies = Proxies(self._server.proxies, _HEADER_SECONDS, self._report)
            factory = ProxiedFactory(factory, proxies=proxies, clock=self._reactor)
        return ListeningService(serverFromString(self._reactor, endpoint.listening_text), factory, service)

    def _report(self, peer: str, detail: str, remedy: str) -> None:
        self._sink.record(Misused(SessionRef(NO_SESSION, peer), self._now(), "proxy-header", detail, remedy))
