"""The server-DTP of one session: from PASV or PORT to an open data connection (RFC 959 section 3.2).

How it works: PASV, EPSV, PORT and EPRT *prepare*; the transfer command *opens*.
Opening waits for the client (or connects to it), shakes hands under PROT P, and
asks whether the TLS session belongs to this control session. Whoever fails
that on a passive port may have been somebody else: the true client gets a
second chance, and only if nobody better comes the failure is the answer
(RFC 4217 section 10.2, RFC 2577 section 3). It refuses to move an octet of a file.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Protocol

from twisted.internet.interfaces import IReactorFDSet, IReactorTime

from ftpstwist.dtp.active import connect, require_allowed
from ftpstwist.dtp.advertised import AdvertisedAddresses
from ftpstwist.dtp.burst import Bursts
from ftpstwist.dtp.connection import SocketDataConnection
from ftpstwist.dtp.early import EarlyHandshake
from ftpstwist.dtp.expectation import Arrival, Caller, Expectation
from ftpstwist.dtp.handshake import NoHandshakeError, shake_hands
from ftpstwist.dtp.passive import PassivePool
from ftpstwist.dtp.peer import lies_in, normal_address
from ftpstwist.dtp.readiness import ReactorSocket
from ftpstwist.dtp.settings import DataSettings, IPNetwork
from ftpstwist.interfaces import DataConnection, ErrorKind, FtpError, SessionTls, TlsChannel, TlsError
from ftpstwist.session.events import TlsFacts
from ftpstwist.wire.hostport import HostPort


class ControlSide(Protocol):
    """What the server-DTP has to know of its session, asked anew each time, and what it tells it."""

    @property
    def peer(self) -> str:
        """Address of the client, normalised."""

    @property
    def host(self) -> str:
        """Address the client connected to, normalised."""

    @property
    def user(self) -> str:
        """Who is logged in; empty if nobody is."""

    @property
    def session_tls(self) -> SessionTls | None:
        """Mints the data channels; ``None`` without TLS."""

    @property
    def is_protected(self) -> bool:
        """Whether the control connection is under TLS now."""

    @property
    def is_data_private(self) -> bool:
        """Whether PROT P is in force."""

    @property
    def control_facts(self) -> TlsFacts | None:
        """Protection of the control connection, or what it was before CCC; ``None`` if it never had any."""

    @property
    def may_end_anyhow(self) -> bool:
        """Whether an upload of this user counts as complete without ``close_notify``."""

    @property
    def other_servers(self) -> tuple[IPNetwork, ...]:
        """Networks of other servers that this user may transfer files with; empty for most."""

    def data_goes_to_server(self, address: str) -> None:
        """A data connection with another server, not the client, is open: a line in the log."""

    def data_opened(self, tls: TlsFacts | None, *, passive: bool) -> None:
        """A data connection is open, under *tls* or in clear: an audit event."""

    def data_tls_failed(self, error: TlsError) -> None:
        """A handshake on a data connection failed, or showed the wrong session: an audit event."""


class SessionDataConnections:
    """Implements ``interfaces.DataConnections``.

    Args:
        session: The control side.
        pool: The passive ports.
        addresses: Chooses what 227 names.
        settings: Of this session's data connections.
        reactor: Watches sockets.
        clock: For time limits.
        bursts: Of all sessions.
    """

    def __init__(
        self,
        session: ControlSide,
        *,
        pool: PassivePool,
        addresses: AdvertisedAddresses,
        settings: DataSettings,
        reactor: IReactorFDSet,
        clock: IReactorTime,
        bursts: Bursts,
    ) -> None:
        self._session = session
        self._pool = pool
        self._addresses = addresses
        self._settings = settings
        self._reactor = reactor
        self._clock = clock
        self._bursts = bursts
        self._prepared: Expectation | HostPort | None = None
        self._early: EarlyHandshake | None = None

    @property
    def is_prepared(self) -> bool:
        """Whether PASV, EPSV, PORT or EPRT named a way that is not used yet."""
        return self._prepared is not None

    async def prepare_passive(self, *, ipv6: bool) -> int:
        """Expect one connection from the client; see ``interfaces.DataConnections``."""
        self.forget()
        session = self._session
        caller = Caller(
            session.peer,
            session.user,
            session.session_tls if session.is_data_private else None,
            session.other_servers,
        )
        self._prepared = expectation = await self._pool.expect(caller, host=session.host, ipv6=ipv6)
        expectation.on_arrival = self._shake_hands_early
        return expectation.port

    async def passive_address(self) -> str:
        """Return the IPv4 address to advertise; see ``interfaces.DataConnections``."""
        session = self._session
        return await self._addresses.for_client(session.peer, session.host, under_tls=session.is_protected)

    def prepare_active(self, target: HostPort) -> None:
        """Remember where to connect to; see ``interfaces.DataConnections``."""
        self.forget()
        self._prepared = require_allowed(target, self._session.peer, self._session.other_servers)

    def forget(self) -> None:
        """Drop what was prepared."""
        prepared, self._prepared = self._prepared, None
        early, self._early = self._early, None
        if early is not None:
            early.stop()
        if isinstance(prepared, Expectation):
            self._pool.end(prepared)

    @asynccontextmanager
    async def open(self, *, protected: bool, upload: bool, tls_client: bool = False) -> AsyncIterator[DataConnection]:
        """Open what was prepared; see ``interfaces.DataConnections``."""
        connection = await self._open(_Manner(protected, upload, protected and tls_client))
        try:
            yield connection
        except BaseException:
            connection.abort()
            raise
        connection.close()

    async def _open(self, manner: _Manner) -> SocketDataConnection:
        prepared = self._prepared
        if prepared is None:
            raise FtpError(ErrorKind.DATA_NOT_PREPARED, "nothing is prepared")
        session_tls = self._session.session_tls if manner.protected else None
        if manner.protected and session_tls is None:
            self.forget()
            raise FtpError(ErrorKind.DATA_TLS_FAILED, "PROT P without TLS on the control connection")
        self._prepared = None
        if isinstance(prepared, Expectation):
            connection = await self._open_passive(prepared, session_tls, manner)
        else:
            connection = await self._open_active(prepared, session_tls, manner)
        self._session.data_opened(connection.tls, passive=isinstance(prepared, Expectation))
        return connection

    async def _open_active(
        self, target: HostPort, session_tls: SessionTls | None, manner: _Manner
    ) -> SocketDataConnection:
        stream = await connect(
            target,
            host=self._session.host,
            source_ports=self._settings.active_source_ports,
            seconds=self._settings.open_seconds,
            reactor=self._reactor,
            clock=self._clock,
        )
        try:
            return await self._protect(Arrival(stream), session_tls, manner)
        except TlsError as error:
            self._session.data_tls_failed(error)
            raise _tls_failed(error) from error

    async def _open_passive(
        self, expectation: Expectation, session_tls: SessionTls | None, manner: _Manner
    ) -> SocketDataConnection:
        try:
            expectation.take()
            arrival = await expectation.next(self._settings.open_seconds)
            if arrival is None:
                raise self._nobody_came(expectation)
            while True:
                try:
                    return await self._protect(arrival, session_tls, manner)
                except TlsError as error:
                    self._session.data_tls_failed(error)
                    arrival = await expectation.next(self._second_chance_seconds(error))
                    if arrival is None:
                        raise _tls_failed(error) from error
        finally:
            self._pool.end(expectation)

    def _second_chance_seconds(self, error: TlsError) -> float:
        """A client that began no handshake will do no better; a foreign TLS session means that another may come."""
        return 0.0 if isinstance(error, NoHandshakeError) else self._settings.second_chance_seconds

    async def _protect(self, arrival: Arrival, session_tls: SessionTls | None, manner: _Manner) -> SocketDataConnection:
        channel = await self._channel_of(arrival, session_tls, as_client=manner.tls_client)
        self._tell_other_server(arrival.stream)
        return SocketDataConnection(
            arrival.stream,
            channel,
            upload=manner.upload,
            settings=self._settings_of(manner),
            bursts=self._bursts,
            clock=self._clock,
            linger=self._pool.lingering.adopt,
        )

    def _settings_of(self, manner: _Manner) -> DataSettings:
        is_lenient = manner.upload and self._session.may_end_anyhow
        return replace(self._settings, strict_end=False) if is_lenient else self._settings

    def _tell_other_server(self, stream: ReactorSocket) -> None:
        others = self._session.other_servers
        if not others:
            return
        with contextlib.suppress(OSError):  # gone already: the transfer will tell
            address = normal_address(stream.plain.getpeername()[0])
            if address != self._session.peer and lies_in(address, others):
                self._session.data_goes_to_server(address)

    async def _channel_of(
        self, arrival: Arrival, session_tls: SessionTls | None, *, as_client: bool
    ) -> TlsChannel | None:
        if session_tls is not None:
            return await self._shake_hands(arrival, session_tls, as_client=as_client)
        if (await self._early_channel(arrival) or arrival.channel) is not None:
            arrival.stream.close()
            raise TlsError("the client began TLS, then asked for a transfer in clear", "PROT P or PROT C, not both")
        return None

    async def _shake_hands(self, arrival: Arrival, session_tls: SessionTls, *, as_client: bool) -> TlsChannel:
        stream = arrival.stream
        try:
            early = await self._early_channel(arrival)
            if as_client:
                channel = _outgoing_channel(session_tls, has_begun=(early or arrival.channel) is not None)
            else:
                channel = early or arrival.channel or session_tls.data_channel()
            if channel is not early:
                await shake_hands(
                    stream,
                    channel,
                    has_begun=arrival.channel is not None,
                    seconds=self._settings.handshake_seconds,
                    clock=self._clock,
                    as_client=as_client,
                )
            if not as_client:
                self._require_binding(session_tls, channel)
        except TlsError:
            stream.send_end()
            self._pool.lingering.adopt(stream.release())  # so that the client can read the alert
            raise
        except BaseException:
            stream.close()
            raise
        return channel

    def _shake_hands_early(self, arrival: Arrival) -> None:
        """Answer a client that begins TLS before the transfer command."""
        session_tls = self._session.session_tls
        if session_tls is not None and self._session.is_data_private:
            self._early = EarlyHandshake(
                arrival,
                session_tls,
                seconds=self._settings.handshake_seconds,
                clock=self._clock,
            )

    async def _early_channel(self, arrival: Arrival) -> TlsChannel | None:
        early, self._early = self._early, None
        if early is None or early.arrival is not arrival:
            return None
        return await early.channel()

    def _require_binding(self, session_tls: SessionTls, channel: TlsChannel) -> None:
        reason = session_tls.accepts(self._session.control_facts, channel.facts)
        if reason is not None:
            raise TlsError(reason, "the client must resume the TLS session of its control connection")

    def _nobody_came(self, expectation: Expectation) -> FtpError:
        seconds = self._settings.open_seconds
        foreign = f"; {expectation.refused} from other addresses were refused" if expectation.refused else ""
        return FtpError(
            ErrorKind.DATA_NOT_OPENED,
            f"{self._session.peer} did not connect to passive port {expectation.port} in {seconds:g} s{foreign}; "
            "remedy: open the passive ports in all firewalls on the way, and try them from outside: ftpstwist doctor",
            f"nothing reached port {expectation.port} in {seconds:g} s: closed by a firewall?",
        )


@dataclass(frozen=True, slots=True)
class _Manner:
    """How a data connection is used, see ``interfaces.DataConnections.open``."""

    protected: bool
    upload: bool
    tls_client: bool


def _outgoing_channel(session_tls: SessionTls, *, has_begun: bool) -> TlsChannel:
    """Return the channel of a TLS client, unless the other side *has begun* to be that itself."""
    if has_begun:
        raise TlsError(
            "the other server began as TLS client, or sent octets in clear, and we are the TLS client",
            "only one of the two servers may be sent SSCN ON or CPSV",
        )
    return session_tls.outgoing_channel()


def _tls_failed(error: TlsError) -> FtpError:
    cause = f"{error.cause}; remedy: {error.remedy}" if error.remedy else error.cause
    return FtpError(ErrorKind.DATA_TLS_FAILED, cause, error.cause)
