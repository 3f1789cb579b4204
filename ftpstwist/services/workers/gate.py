"""Where control connections come in, in the front: accepted, judged, and handed to a worker."""

from __future__ import annotations

import socket
from itertools import count

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IListeningPort
from twisted.internet.protocol import Factory
from twisted.logger import Logger

from ftpstwist.dtp.listener import Listener
from ftpstwist.dtp.proxied import HeadedConnection
from ftpstwist.pi.admission import Admission
from ftpstwist.pi.proxied import Proxies
from ftpstwist.services.controlports import ControlPort
from ftpstwist.services.legacy import warn_of
from ftpstwist.services.listening import ListeningService
from ftpstwist.services.reactor import IReactor
from ftpstwist.services.workers.crew import Crew
from ftpstwist.services.workers.handover import PER_WAKE, Handover
from ftpstwist.wire.hostport import normal_host
from ftpstwist.wire.proxyheader import ProxyHeader

_log = Logger()


class Gate:
    """Judges control connections and finds them a worker.

    Args:
        admission: Counts them.
        crew: The workers.
        proxies: The load balancers that all come through; ``None`` if they come as they are.
        reactor: Watches connections whose header is waited for.
    """

    def __init__(self, admission: Admission, crew: Crew, proxies: Proxies | None, reactor: IReactor) -> None:
        self._admission = admission
        self._crew = crew
        self._proxies = proxies
        self._reactor = reactor
        self._places = count(1)
        self._headed: set[HeadedConnection] = set()

    def accept(self, port: int, connection: socket.socket, peer: str) -> None:
        """Take a connection that came to a control port."""
        if self._proxies is None:
            self._pass_on(port, connection, peer, None)
        elif self._proxies.trusts(peer):
            self._wait_for_header(port, connection, peer, self._proxies)
        else:
            self._proxies.refuse_stranger(peer)
            connection.close()

    def close(self) -> None:
        """Close the connections that are neither here nor there."""
        for headed in self._headed:
            headed.close()
        self._headed.clear()

    def _wait_for_header(self, port: int, connection: socket.socket, peer: str, proxies: Proxies) -> None:
        def told(headed: HeadedConnection, header: ProxyHeader) -> None:
            self._headed.discard(headed)
            source = peer if header.source is None else normal_host(header.source.host)
            self._pass_on(port, headed.plain, source, header)

        def refused(headed: HeadedConnection, reason: str) -> None:
            self._headed.discard(headed)
            if reason:
                proxies.refuse_headless(peer, reason)

        self._headed.add(
            HeadedConnection(connection, reactor=self._reactor, clock=self._reactor, told=told, refused=refused)
        )

    def _pass_on(self, port: int, connection: socket.socket, address: str, header: ProxyHeader | None) -> None:
        refusal = self._admission.admit(address)
        handover = Handover(0 if refusal else next(self._places), port, refusal, header)
        with connection:
            if self._crew.take(handover, address, connection):
                return
        if refusal is None:
            self._admission.release(address)
        _log.error("{peer} was turned away: no worker takes connections now", peer=address)


class GateService(ListeningService):
    """Listens on one control port, and accepts while there is somebody to serve.

    Args:
        number: Of the control port.
        port: The control port.
        gate: Takes the connections.
        crew: Tells whether anybody serves.
        reactor: Listens.
    """

    def __init__(self, number: int, port: ControlPort, gate: Gate, crew: Crew, reactor: IReactor) -> None:
        super().__init__(port.bind_with(reactor), _GateFactory(), port.service)
        self._number = number
        self._legacy = port.legacy
        self._gate = gate
        self._reactor = reactor
        self._listener: Listener | None = None
        crew.watch(self._adjust)

    def opened(self, port: IListeningPort) -> None:
        """Accept by ourselves: Twisted's port would build a connection here."""
        listening: socket.socket = port.socket  # type: ignore[attr-defined]  # every port of Twisted on Unix has it
        port.stopReading()  # type: ignore[attr-defined]  # likewise
        self._listener = Listener(
            listening.dup(),
            self._accepted,
            accepts_per_wake=PER_WAKE,
            reactor=self._reactor,
            clock=self._reactor,
            words="control port",
        )
        if self._legacy is not None:
            warn_of(self._legacy)

    def stopService(self) -> Deferred[None] | None:  # noqa: N802 - Twisted's interface
        """Stop accepting; connections that are there stay."""
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.close()
        self._gate.close()
        return super().stopService()

    def _adjust(self, serves: bool) -> None:  # noqa: FBT001 - what a crew tells
        if self._listener is not None:
            if serves:
                self._listener.start()
            else:
                self._listener.pause()

    def _accepted(self, connection: socket.socket, peer: str, port: int) -> None:  # noqa: ARG002 - known already
        self._gate.accept(self._number, connection, peer)


class _GateFactory(Factory):
    """Builds nothing: see :meth:`GateService.opened`."""

    noisy = False
