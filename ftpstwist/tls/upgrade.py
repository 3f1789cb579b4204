"""The control connection: a TCP connection on which TLS can be put, and taken off (RFC 4217 sections 4, 5, 12, 13).

How it works: :class:`SwitchProtocol`, the Twisted protocol of the TCP connection, is the ``ControlTransport`` of the
server-PI. It moves through the stages drawn in ``stage``; one path serves both services, over a ``TlsChannel``:
``transport.startTLS`` can not be taken off again and waits without limit. Replies leave by ``outlet``.

What was not delivered before ``start_tls`` goes to TLS, too: nothing sent in clear acts inside TLS. The handshake is
bounded by time, unread replies by octets, the end by a linger time. A client that does not read is not read from.

Taking TLS off, we leave the first ``close_notify`` to the client: some take an early one of ours for the end, others
wait for it, so it follows after a grace, unless they go on in clear: before a reply it would be garbage. What comes
under TLS behind that command ends the connection. Of a failed handshake only who began it in clear is told in clear.
"""

from __future__ import annotations

from typing import cast

from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IDelayedCall, IHalfCloseableProtocol, IPushProducer, IReactorTime
from twisted.internet.protocol import Protocol
from twisted.python.failure import Failure
from zope.interface import implementer

from ftpstwist.interfaces import ControlProtocol, SessionTls, TlsClosed, TlsError
from ftpstwist.session.events import TlsFacts
from ftpstwist.tls.clienthello import HANDSHAKE_RECORD
from ftpstwist.tls.diagnosis import explain_hello_in_clear
from ftpstwist.tls.handshake import Handshake
from ftpstwist.tls.hangup import HangUp
from ftpstwist.tls.intake import Intake, TcpTransport, host_port
from ftpstwist.tls.outlet import Outlet
from ftpstwist.tls.records import RecordStream
from ftpstwist.tls.stage import UNDER_TLS, Stage
from ftpstwist.tls.turns import Turns
from ftpstwist.wire.hostport import HostPort

HANDSHAKE_SECONDS = 10.0
"""How long a client may take from AUTH (or from connecting) to the end of the handshake."""
NOTIFY_SECONDS = 0.5
"""How long the client may be first with ``close_notify`` when TLS is taken off."""
LINGER_SECONDS = 2.0
"""How long we wait, after our last octet, for the client to close."""
MAX_UNSENT = 1 << 20
"""Octets of replies kept for a client that does not read, or shakes hands; one more ends the connection."""
_RESET = "reset by the client, or lost on the way"
"""All that is known of an end without FIN: Twisted does not tell what the system said."""


@implementer(IHalfCloseableProtocol, IPushProducer)
class SwitchProtocol(Protocol):
    """The TCP protocol below a server-PI.

    Args:
        inner: The server-PI.
        clock: For time limits.
        turns: Say when a client that is not logged in is served.
        implicit_tls: The session's TLS if the connection starts with it (implicit service); ``None`` for explicit.
        handshake_seconds: Time limit of a handshake.
        notify_seconds: How long the client may be first with ``close_notify`` when TLS is taken off.
        linger_seconds: Time limit of the end.
        max_unsent: Octets of replies kept for a client that does not read.
    """

    def __init__(
        self,
        inner: ControlProtocol,
        *,
        clock: IReactorTime,
        turns: Turns,
        implicit_tls: SessionTls | None = None,
        handshake_seconds: float = HANDSHAKE_SECONDS,
        notify_seconds: float = NOTIFY_SECONDS,
        linger_seconds: float = LINGER_SECONDS,
        max_unsent: int = MAX_UNSENT,
    ) -> None:
        self._inner = inner
        self._clock = clock
        self._turns = turns
        self._implicit_tls = implicit_tls
        self._handshake_seconds = handshake_seconds
        self._notify_seconds = notify_seconds
        self._linger_seconds = linger_seconds
        self._max_unsent = max_unsent
        self._stage = Stage.START
        self._handshake: Handshake | None = None
        self._records: RecordStream | None = None
        self._facts: TlsFacts | None = None
        self._waiting_replies = bytearray()  # written during the handshake
        self._unsent = 0
        self._reason = ""
        self._time_limit: IDelayedCall | None = None

    # --- ControlTransport -------------------------------------------------------------------------

    @property
    def peer(self) -> HostPort:
        """Address and port of the client."""
        return self._peer

    @property
    def host(self) -> HostPort:
        """Address and port the client connected to."""
        return self._host

    @property
    def tls(self) -> TlsFacts | None:
        """What protects the connection now; ``None`` in clear."""
        return self._facts

    def write(self, octets: bytes) -> None:
        """Send, in clear or protected as the connection is now; during a handshake, after it."""
        if self._stage is Stage.CLOSING or not octets:
            return
        is_handshaking = self._stage is Stage.HANDSHAKE
        if is_handshaking or self._intake.is_blocked:
            self._unsent += len(octets)
            if self._unsent > self._max_unsent:
                self._drop("the client does not read its replies")
                return
        if is_handshaking:
            self._waiting_replies += octets
        else:
            self._send(octets)

    def start_tls(self, session_tls: SessionTls) -> None:
        """Expect a ClientHello next; what was written before goes out in clear first."""
        if self._stage is Stage.CLOSING:
            return
        if self._stage not in {Stage.START, Stage.CLEAR}:
            raise RuntimeError(f"TLS can not be started: {self._stage.value}")
        self._stage = Stage.HANDSHAKE
        handshake = self._handshake = Handshake(session_tls, implicit=session_tls is self._implicit_tls)
        self._time_limit = self._clock.callLater(self._handshake_seconds, self._end_late_handshake, handshake)

    def stop_tls(self) -> None:
        """Take TLS off; what was written before goes out protected. ``tls_cleared`` tells when it is done."""
        if self._stage is Stage.CLOSING:
            return
        if self._stage is not Stage.TLS or self._records is None:
            raise RuntimeError(f"TLS can not be taken off: {self._stage.value}")
        self._stage = Stage.CLEARING
        self._records.expect_clear()
        self._time_limit = self._clock.callLater(self._notify_seconds, self._notify, self._records)

    def pause_reading(self) -> None:
        """Deliver no octets until :meth:`resume_reading`."""
        self._intake.pause()

    def resume_reading(self) -> None:
        """Deliver octets again, never from within this call."""
        self._intake.resume()

    def serve_at_once(self, *, at_once: bool) -> None:
        """Deliver octets as they come, or in turn with those of all others who are not logged in."""
        self._intake.is_at_once = at_once

    def close(self) -> None:
        """Send what is queued, then ``close_notify`` under TLS, then FIN; linger briefly for the peer's."""
        if self._stage is not Stage.CLOSING:
            self._say_goodbye("closed by the server")
            self._hang_up()

    def abort(self) -> None:
        """Drop the connection at once."""
        self._drop("aborted by the server")

    # --- Twisted: what happens on the TCP connection ----------------------------------------------

    def connectionMade(self) -> None:  # noqa: N802
        """The client has connected."""
        self._tcp = cast("TcpTransport", self.transport)
        self._intake = Intake(self._tcp, self._clock, self._turns, take=self._take, finish=self._finish)
        self._outlet = Outlet(self._tcp)
        self._hangup = HangUp(self._tcp, self._clock, seconds=self._linger_seconds)
        self._peer = host_port(self._tcp.getPeer())
        self._host = host_port(self._tcp.getHost())
        self._tcp.setTcpNoDelay(True)
        self._tcp.registerProducer(self, True)
        if self._implicit_tls is not None:
            self.start_tls(self._implicit_tls)
        self._inner.connection_made(self)

    def dataReceived(self, data: bytes) -> None:  # noqa: N802
        """Octets came from the client; while we linger nobody wants them any more."""
        self._intake.arrive(data)

    def readConnectionLost(self) -> None:  # noqa: N802
        """The client has sent FIN."""
        self._intake.end()
        if self._stage is Stage.CLOSING:
            self._tcp.loseConnection()

    def writeConnectionLost(self) -> None:  # noqa: N802
        """Our FIN is out, and everything before it."""
        self._hangup.has_said_all = True

    def connectionLost(self, reason: Failure | None = None) -> None:  # noqa: N802
        """The TCP connection is gone."""
        stage, self._stage = self._stage, Stage.CLOSING
        self._intake.stop()
        self._hangup.stop()
        self._cancel_time_limit()
        if stage is Stage.HANDSHAKE and self._handshake is not None:
            self._explain_reset(self._handshake)
        is_clean = reason is not None and isinstance(reason.value, ConnectionDone)
        self._inner.connection_lost(self._reason or ("closed by the client" if is_clean else _RESET))

    def pauseProducing(self) -> None:  # noqa: N802
        """The client does not read: neither do we."""
        self._intake.block()
        self._inner.write_blocked(blocked=True)

    def resumeProducing(self) -> None:  # noqa: N802
        """The client reads again."""
        self._unsent = 0
        self._outlet.free()
        self._intake.unblock()  # first: the server-PI may write at once, and be blocked again
        self._inner.write_blocked(blocked=False)

    def stopProducing(self) -> None:  # noqa: N802
        """The connection is gone; :meth:`connectionLost` follows."""

    # --- receiving --------------------------------------------------------------------------------

    def _take(self, octets: bytes) -> None:
        """Give octets to whom they are for (without any, go on decrypting); what comes of it leaves together."""
        self._outlet.hold()
        try:
            self._give(octets)
        finally:
            self._outlet.release()

    def _give(self, octets: bytes) -> None:
        if self._stage is Stage.START and octets:
            if octets[0] == HANDSHAKE_RECORD:
                self._fail(explain_hello_in_clear(octets))
                return
            self._stage = Stage.CLEAR
        if self._stage is Stage.CLEAR and octets:
            self._inner.data_received(octets)
        elif self._stage is Stage.HANDSHAKE and self._handshake is not None:
            self._shake_hands(self._handshake, octets)
        elif self._records is not None:
            self._records.receive(octets)
            self._deliver(self._records)

    def _shake_hands(self, handshake: Handshake, octets: bytes) -> None:
        try:
            is_complete = handshake.take(octets)
        except TlsError as error:
            self._records = handshake.records
            self._fail(error, handshake.farewell)
            return
        self._records = handshake.records
        self._send_records()
        if is_complete and self._records is not None:
            self._establish(self._records)
        else:
            self._intake.acknowledge()

    def _establish(self, records: RecordStream) -> None:
        self._cancel_time_limit()
        self._stage = Stage.TLS
        self._handshake = None
        self._facts = facts = records.channel.facts
        self._unsent = 0
        replies, self._waiting_replies = bytes(self._waiting_replies), bytearray()
        self._send(replies)
        self._inner.tls_established(facts)
        self._deliver(records)

    def _deliver(self, records: RecordStream) -> None:
        """Decrypt and hand over until the octets, or the server-PI's wish for more, are at their end."""
        while self._stage in UNDER_TLS:
            if not self._intake.is_open:
                self._intake.leave()
                return
            try:
                octets = records.read()
            except TlsClosed:
                self._end_tls(records)
                return
            except TlsError as error:
                if error.truncated:
                    self._end("closed by the client without close_notify")
                else:
                    self._fail(error)
                return
            if not octets:
                self._send_records()  # the answer to a KeyUpdate
                return
            if self._stage is Stage.TLS:
                self._inner.data_received(octets)
            else:
                self._say_goodbye("the client sent commands under TLS behind CCC or REIN")
                self._hang_up()

    def _finish(self) -> None:
        """Act on the client's FIN, everything before it being delivered."""
        if self._records is not None:
            self._records.end()
            self._take(b"")
        else:
            self._end("closed by the client" if self._handshake is None else self._handshake.silence)

    # --- sending ----------------------------------------------------------------------------------

    def _send(self, octets: bytes) -> None:
        if self._records is None or self._stage is Stage.NOTIFIED:
            self._outlet.write(octets)
            return
        try:
            self._records.channel.encrypt(octets)
        except TlsError as error:
            self._fail(error)
        else:
            self._send_records()

    def _send_records(self) -> None:
        while self._records is not None and (octets := self._records.channel.drain(1 << 16)):
            self._outlet.write(octets)

    # --- taking TLS off ---------------------------------------------------------------------------

    def _notify(self, records: RecordStream) -> None:
        """The client has not been first."""
        self._time_limit = None
        records.channel.close()
        self._send_records()
        self._stage = Stage.NOTIFIED

    def _end_tls(self, records: RecordStream) -> None:
        """The client has sent ``close_notify``, or gone on in clear where it may."""
        if self._stage is Stage.TLS:
            self._end("closed by the client")
            return
        self._cancel_time_limit()
        records.channel.close()  # in any case, or the TLS session could not be resumed any more
        if records.channel.peer_closed:
            self._send_records()
        self._records = self._facts = None
        self._stage = Stage.CLEAR
        self._inner.tls_cleared()
        self._intake.arrive(records.take_rest())

    # --- the end ----------------------------------------------------------------------------------

    def _end(self, reason: str) -> None:
        """The client has ended it: answer and close."""
        self._say_goodbye(reason)
        self._hang_up(peer_is_done=True)

    def _fail(self, error: TlsError, farewell: bytes = b"") -> None:
        """TLS has failed: send the alert, or *farewell* in clear to a peer that never spoke TLS, and close."""
        self._begin_closing(error.cause)
        self._send_records()
        if farewell:
            self._outlet.write(farewell)
        self._inner.tls_failed(error)
        self._hang_up()

    def _end_late_handshake(self, handshake: Handshake) -> None:
        self._time_limit = None
        self._fail(handshake.explain_lateness(self._handshake_seconds))

    def _explain_reset(self, handshake: Handshake) -> None:
        """Find words for a connection that was lost before the handshake was complete."""
        error = handshake.explain_reset()
        self._reason = handshake.silence if error is None else error.cause
        if error is not None:
            self._inner.tls_failed(error)

    def _drop(self, reason: str) -> None:
        if self._stage is not Stage.CLOSING:
            self._begin_closing(reason)
        self._tcp.abortConnection()

    def _say_goodbye(self, reason: str) -> None:
        self._begin_closing(reason)
        if self._records is not None:
            self._records.channel.close()
            self._send_records()

    def _begin_closing(self, reason: str) -> None:
        self._stage = Stage.CLOSING
        self._reason = reason
        self._waiting_replies.clear()
        self._cancel_time_limit()
        self._intake.stop()
        self._tcp.unregisterProducer()

    def _hang_up(self, *, peer_is_done: bool = False) -> None:
        self._outlet.flush()
        self._hangup.begin(peer_is_done=peer_is_done or self._intake.has_ended)

    def _cancel_time_limit(self) -> None:
        if self._time_limit is not None:
            self._time_limit.cancel()
            self._time_limit = None
