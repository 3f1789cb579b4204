"""What serves sessions in one process, whoever lets them in and wherever accounts are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from twisted.internet.defer import DeferredSemaphore

from ftpstwist.config.schema import Settings
from ftpstwist.dtp.passive import PassivePool
from ftpstwist.interfaces import EventSink, WorkerThreads
from ftpstwist.pi.admission import Door
from ftpstwist.services.certificates import Certificates
from ftpstwist.services.controlports import ControlPort
from ftpstwist.services.data import DataParts, IDataReactor
from ftpstwist.services.hosts import Hosts
from ftpstwist.services.sessions import ControlFactory, MintTls, SessionParts, Sessions
from ftpstwist.tls.binding import PerSessionTls
from ftpstwist.tls.context import SharedContexts
from ftpstwist.tls.legacy import LegacyContexts


@dataclass(frozen=True, slots=True)
class Serving:
    """The sessions, and their data connections.

    Attributes:
        sessions: All control connections.
        pool: The passive ports.
        factories: What builds the connections of each control port.
    """

    sessions: Sessions
    pool: PassivePool
    factories: Sequence[ControlFactory]


@dataclass(frozen=True, slots=True)
class ServingParts:
    """What sessions share.

    Attributes:
        reactor: Watches sockets and keeps time.
        threads: For storage.
        sink: Takes audit events.
        now: Seconds since the epoch.
        certificates: For TLS.
        hosts: The virtual hosts, and who may log in there.
    """

    reactor: IDataReactor
    threads: WorkerThreads
    sink: EventSink
    now: Callable[[], float]
    certificates: Certificates
    hosts: Hosts


def serve(settings: Settings, parts: ServingParts, *, ports: Sequence[ControlPort], door: Door) -> Serving:
    """Put together what serves sessions.

    Args:
        settings: The configuration.
        parts: What sessions share.
        ports: Where connections come in.
        door: Lets them in, or not; unless each has a door of its own.
    """
    certificates, hosts = parts.certificates, parts.hosts
    mint_tls = mint_legacy = _mint(settings, certificates.contexts, certificates)
    if settings.server.legacy:
        mint_legacy = _mint(settings, LegacyContexts(certificates.contexts), certificates)
    data = DataParts(settings, reactor=parts.reactor, threads=parts.threads, sink=parts.sink, now=parts.now)
    sessions = Sessions(
        SessionParts(
            hosts=lambda: hosts.book,
            handshake_seconds=settings.tls.handshake_timeout,
            mint_tls=mint_tls,
            make_data=data.make,
            threads=parts.threads,
            digest_turns=DeferredSemaphore(settings.integrity.at_once),
            sink=parts.sink,
            now=parts.now,
            clock=parts.reactor,
        ),
        door,
    )
    return Serving(sessions, data.pool, [port.factory(sessions, mint_legacy) for port in ports])


def _mint(settings: Settings, contexts: SharedContexts | LegacyContexts, certificates: Certificates) -> MintTls:
    return lambda: PerSessionTls(contexts, reuse=settings.tls.session_reuse, outgoing=certificates.outgoing)
