"""The data connections of all sessions: what they share, and how one session's are made."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from dataclasses import dataclass

from twisted.internet.interfaces import IReactorFDSet, IReactorTime
from twisted.logger import Logger

from ftpstwist.commands.context import Session
from ftpstwist.config.form_network import PortRange
from ftpstwist.config.schema import Settings
from ftpstwist.config.schema_data import AUTO
from ftpstwist.dtp.advertised import AddressRule, AdvertisedAddresses
from ftpstwist.dtp.buffers import Buffers
from ftpstwist.dtp.burst import Bursts
from ftpstwist.dtp.deflate import InflateLimits
from ftpstwist.dtp.passive import PassivePool
from ftpstwist.dtp.rendezvous import SessionDataConnections
from ftpstwist.dtp.settings import DataSettings, PassiveSettings
from ftpstwist.interfaces import EventSink, SessionTls, TlsError, WorkerThreads
from ftpstwist.session.events import NO_SESSION, DataMode, DataOpened, Misused, SessionRef, TlsFacts, TlsFailed
from ftpstwist.session.fxp import Networks
from ftpstwist.session.policy import CloseNotify, ProtectionLevel

_log = Logger()


class IDataReactor(IReactorFDSet, IReactorTime):
    """What data connections need of a reactor."""


class DataParts:
    """What the data connections of all sessions share, and how one session's are made.

    Args:
        settings: The configuration.
        reactor: Watches sockets and keeps time.
        threads: Where octets move.
        sink: Is told of connections that no session can be blamed for.
        now: Seconds since the epoch.

    Attributes:
        pool: The passive ports.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        reactor: IDataReactor,
        threads: WorkerThreads,
        sink: EventSink,
        now: Callable[[], float],
    ) -> None:
        self._reactor = reactor
        self._sink = sink
        self._now = now
        self.pool = PassivePool(
            passive_settings(settings),
            reactor=reactor,
            clock=reactor,
            random=random.SystemRandom(),
            report=self._report,
        )
        rules = [
            AddressRule("" if rule.address == AUTO else rule.address, rule.network, rule.under_tls)
            for rule in settings.passive.rules
        ]
        self._addresses = AdvertisedAddresses(
            rules, threads=threads, clock=reactor, refresh_seconds=settings.passive.lookup_interval
        )
        self._data_settings = data_settings(settings)
        self._bursts = Bursts(
            threads,
            buffers=Buffers(settings.transfer.buffers),
            clock=reactor,
            at_once=settings.transfer.bursts or len(os.sched_getaffinity(0)),
        )

    def make(self, session: Session) -> SessionDataConnections:
        """Make the server-DTP of one session."""
        return SessionDataConnections(
            _ControlSide(session),
            pool=self.pool,
            addresses=self._addresses,
            settings=self._data_settings,
            reactor=self._reactor,
            clock=self._reactor,
            bursts=self._bursts,
        )

    def _report(self, peer: str, kind: str, detail: str, remedy: str) -> None:
        self._sink.record(Misused(SessionRef(NO_SESSION, peer), self._now(), kind, detail, remedy))


def passive_settings(settings: Settings) -> PassiveSettings:
    """Return what the configuration says about passive ports."""
    passive, limits = settings.passive, settings.limits
    return PassiveSettings(
        addresses=[str(address) for address in settings.passive_addresses],
        ports=_numbers(passive.ports),
        expectations=limits.expectations,
        expectations_per_peer=limits.expectations_per_address,
        expectation_seconds=passive.expectation_timeout,
        port_seconds=passive.port_timeout,
        hello_seconds=passive.hello_timeout,
        proxies=passive.proxies,
        peer_networks=passive.other_peers,
        linger_seconds=settings.transfer.close_timeout,
        lingering=limits.closing_connections,
    )


def data_settings(settings: Settings) -> DataSettings:
    """Return what the configuration says about the data connections of a session."""
    transfer = settings.transfer
    return DataSettings(
        open_seconds=transfer.connect_timeout,
        handshake_seconds=settings.tls.handshake_timeout,
        second_chance_seconds=settings.passive.second_chance,
        stall_seconds=transfer.stall_timeout,
        quantum=transfer.quantum,
        first_chunk=transfer.first_chunk,
        largest_chunk=transfer.largest_chunk,
        inflate=InflateLimits(ratio=settings.deflate.max_ratio, octets=settings.deflate.max_size),
        active_source_ports=_numbers(settings.active.source_ports),
    )


def _numbers(ports: PortRange) -> range:
    return range(ports.first, ports.last + 1)


@dataclass(frozen=True, slots=True)
class _ControlSide:
    """What the server-DTP may know of its session."""

    _session: Session

    @property
    def peer(self) -> str:
        return self._session.transport.peer.host

    @property
    def host(self) -> str:
        return self._session.transport.host.host

    @property
    def user(self) -> str:
        return self._session.state.user

    @property
    def session_tls(self) -> SessionTls | None:
        return self._session.tls if self._session.state.has_session_tls else None

    @property
    def is_protected(self) -> bool:
        return self._session.state.is_protected

    @property
    def is_data_private(self) -> bool:
        return self._session.state.level is ProtectionLevel.PRIVATE

    @property
    def control_facts(self) -> TlsFacts | None:
        return self._session.tls_facts

    @property
    def may_end_anyhow(self) -> bool:
        book = self._session.settings.policy
        return book.upload_close_notify_for(self._session.subject) is CloseNotify.LENIENT

    @property
    def other_servers(self) -> Networks:
        return self._session.other_servers

    def data_goes_to_server(self, address: str) -> None:
        _log.info(
            "{session} {user}: the data connection is with the server {peer}, not with the client",
            session=self._session.id,
            user=self.user,
            peer=address,
        )

    def data_opened(self, tls: TlsFacts | None, *, passive: bool) -> None:
        session = self._session
        mode = DataMode.PASSIVE if passive else DataMode.ACTIVE
        session.sink.record(DataOpened(session.ref, session.now(), mode, tls))

    def data_tls_failed(self, error: TlsError) -> None:
        session = self._session
        session.sink.record(TlsFailed(session.ref, session.now(), "data", error.cause, error.remedy, error.offered))
