"""The control ports of the configuration: where they are, and which factory each gets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IReactorTime, IStreamServerEndpoint
from twisted.internet.protocol import Factory

from ftpstwist.config.endpoint import Endpoint
from ftpstwist.config.schema import Settings
from ftpstwist.config.schema_legacy import LegacySettings
from ftpstwist.interfaces import EventSink
from ftpstwist.pi.proxied import ProxiedFactory, Proxies
from ftpstwist.services.legacy import LegacyFactory
from ftpstwist.services.listening import ListeningService
from ftpstwist.services.sessions import ControlFactory, MintTls, Sessions
from ftpstwist.session.events import NO_SESSION, Misused, SessionRef
from ftpstwist.session.state import Service

_HEADER_SECONDS = 5.0
"""How long a load balancer may take to send the PROXY header: it knows it before it connects."""


@dataclass(frozen=True, slots=True)
class ControlPort:
    """One of them.

    Attributes:
        endpoint: Where it is.
        service: Explicit or implicit TLS.
        legacy: What else there is to know of one for old devices; ``None`` for an ordinary one.
    """

    endpoint: Endpoint
    service: Service
    legacy: LegacySettings | None = None

    def bind_with(self, reactor: IReactorTime) -> IStreamServerEndpoint:
        """Return the endpoint as Twisted has it."""
        endpoint: IStreamServerEndpoint = serverFromString(cast("Any", reactor), self.endpoint.listening_text)
        return endpoint

    def factory(self, sessions: Sessions, mint_legacy: MintTls) -> ControlFactory:
        """Return what builds its connections; *mint_legacy* makes the TLS of one session of an old device."""
        if self.legacy is not None:
            return LegacyFactory(sessions, self.legacy, mint_legacy)
        return ControlFactory(sessions, self.service)


def control_ports(settings: Settings) -> list[ControlPort]:
    """Return all of them, always in the same order."""
    server = settings.server
    return [
        *(ControlPort(endpoint, Service.EXPLICIT) for endpoint in server.explicit),
        *(ControlPort(endpoint, Service.IMPLICIT) for endpoint in server.implicit),
        *(ControlPort(each.endpoint, each.service, each) for each in server.legacy),
    ]


def proxies_of(settings: Settings, *, sink: EventSink, now: Callable[[], float]) -> Proxies | None:
    """Return the load balancers that all control connections come through; ``None`` if they come as they are.

    Args:
        settings: The configuration.
        sink: Is told of connections that are of no load balancer.
        now: Seconds since the epoch.
    """

    def report(peer: str, detail: str, remedy: str) -> None:
        sink.record(Misused(SessionRef(NO_SESSION, peer), now(), "proxy-header", detail, remedy))

    return Proxies(settings.server.proxies, _HEADER_SECONDS, report) if settings.server.proxies else None


def listeners(
    ports: Sequence[ControlPort],
    *,
    factories: Sequence[ControlFactory],
    proxies: Proxies | None,
    reactor: IReactorTime,
) -> list[ListeningService]:
    """Return what listens on each port and gives its connections to the factory of the same place."""
    services = []
    for port, factory in zip(ports, factories, strict=True):
        first: Factory = factory
        if proxies is not None:
            first = ProxiedFactory(factory, proxies=proxies, clock=reactor)
        services.append(ListeningService(port.bind_with(reactor), first, port.service))
    return services
