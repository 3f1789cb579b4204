"""The server-PI: one control connection from greeting to goodbye (RFC 959 section 2.3).

It counts the client in, greets it, hands its octets to the conversation,
keeps the time limits, and at the end releases everything exactly once: the
running transfer first, then the data port, the account, and the place in the
count of sessions.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

from ftpstwist.commands.context import Session
from ftpstwist.interfaces import ControlTransport, TlsError
from ftpstwist.pi.admission import Door
from ftpstwist.pi.conversation import GOODBYES, Conversation
from ftpstwist.session.certificate import AddressMatch, address_objection
from ftpstwist.session.events import (
    Misused,
    ObsoleteTls,
    SessionClosed,
    SessionOpened,
    TlsEstablished,
    TlsFacts,
    TlsFailed,
)
from ftpstwist.wire.reply import Reply

_log = Logger()

_QUIT = 221


class ServerPI:
    """The server side of one control connection; implements ``ControlProtocol``.

    Args:
        build_session: Makes the session around a transport.
        door: Lets connections in, or not.
        clock: For time limits.
        gone: Called once, when everything of the session is released.
    """

    def __init__(
        self,
        *,
        build_session: Callable[[ControlTransport], Session],
        door: Door,
        clock: IReactorTime,
        gone: Callable[[ServerPI], None],
    ) -> None:
        self._build_session = build_session
        self._door = door
        self._clock = clock
        self._gone = gone
        self._admitted = False
        self._greeted = False
        self._closing = False
        self._lost = False
        self._released = False
        self._draining = False
        self._reading_paused = False
        self._reason = ""
        self._timers: dict[str, IDelayedCall] = {}

    # --- called by the transport ---

    def connection_made(self, transport: ControlTransport) -> None:
        """Count the client in and greet it; an implicit connection is greeted when TLS is there."""
        self._transport = transport
        self._opened = self._clock.seconds()
        self._session = session = self._build_session(transport)
        self._conversation = Conversation(
            session,
            answered=self._answered,
            settled=self._settled,
            soon=lambda action: self._clock.callLater(0, action),
        )
        session.sink.record(SessionOpened(session.ref, session.now()))
        refusal = self._door.admit(transport.peer.host)
        self._admitted = refusal is None
        if session.state.is_implicit:
            session.state.start_tls()
        if refusal is not None:
            self._turn_away(refusal)
            return
        self._set_timer("login", session.settings.login_seconds, self._login_timed_out)
        self._restart_idle()
        if not session.state.is_implicit:
            self._greet()

    def tls_established(self, facts: TlsFacts) -> None:
        """The control connection is protected from here on."""
        session = self._session
        session.tls_facts = facts
        session.state.establish_tls()
        session.enter_host()
        session.sink.record(TlsEstablished(session.ref, session.now()))
        name = facts.server_name
        if name and session.hosts.find(name) is None:
            _log.info("{session} {name} is no host of ours, so it is the default", session=session.id, name=ascii(name))
        if facts.is_obsolete:
            session.sink.record(ObsoleteTls(session.ref, session.now(), facts.version, facts.cipher))
        self._restart_idle()
        if not self._is_where_certificate_says(facts):
            self._say_goodbye("Your certificate is for another address than yours", reason="certificate-address")
        elif not self._greeted:
            self._greet()

    def tls_cleared(self) -> None:
        """The control connection is in clear again, after CCC or REIN."""
        self._restart_idle()

    def tls_failed(self, error: TlsError) -> None:
        """Tell the log why; the transport closes the connection itself."""
        self._reason = error.cause
        session = self._session
        session.sink.record(TlsFailed(session.ref, session.now(), "control", error.cause, error.remedy, error.offered))

    def data_received(self, octets: bytes) -> None:
        """Take octets of the client, decrypted if TLS is on."""
        if not self._closing:
            self._conversation.receive(octets)
            self._adjust_reading()

    def write_blocked(self, *, blocked: bool) -> None:
        """Do nothing more for a client that does not read its replies."""
        self._conversation.pause(paused=blocked)
        self._adjust_reading()

    def connection_lost(self, reason: str) -> None:
        """Abort what runs and release everything."""
        self._closing = self._lost = True
        self._reason = self._reason or reason
        for timer in self._timers.values():
            if timer.active():
                timer.cancel()
        self._conversation.end()
        self._settled()

    # --- called by the service ---

    @property
    def session(self) -> Session:
        """The session; there is one when the client is there."""
        return self._session

    @property
    def doing(self) -> str:
        """The verb of the command being done; empty while the client is waited for."""
        return self._conversation.doing

    @property
    def seconds(self) -> float:
        """How long the session has lasted."""
        return self._clock.seconds() - self._opened

    def dismiss(self, text: str) -> None:
        """End the session with a word to the client, aborting what runs."""
        self._say_goodbye(text)

    def shut_down(self) -> None:
        """End the session: at once if nothing is transferred, else behind the running transfer."""
        self._draining = True
        if not self._conversation.is_transferring:
            self._say_goodbye("The server is shutting down")

    def drop(self) -> None:
        """End the session now, whatever runs."""
        self._reason = "the server is shutting down"
        self._transport.abort()

    # --- called by the conversation ---

    def _answered(self, code: int) -> None:
        if self._closing:
            return
        if self._session.state.is_logged_in and "login" in self._timers:
            self._cancel_timer("login")
        if code in GOODBYES:
            self._close("the client quit" if code == _QUIT else "the server closed the connection")
        elif self._draining:
            self._say_goodbye("The server is shutting down")
        else:
            self._restart_idle()
        self._adjust_reading()

    def _settled(self) -> None:
        """Release everything, once the connection is lost and the last command has let go."""
        if self._released or not (self._lost and self._conversation.is_settled):
            return
        self._released = True
        session = self._session
        session.data.forget()
        session.log_out()
        if self._admitted:
            self._door.release(self._transport.peer.host)
        session.sink.record(SessionClosed(session.ref, session.now(), self.seconds, self._reason))
        self._gone(self)

    def _is_where_certificate_says(self, facts: TlsFacts) -> bool:
        """Tell whether the client may stay; the log learns why not, and also if it may in spite of it."""
        session, match = self._session, self._session.settings.certificate_address
        if match is AddressMatch.IGNORE or facts.certificate is None:
            return True
        objection = address_objection(session.tls.client_certificate, session.transport.peer.host)
        if objection is None:
            return True
        remedy = 'give the client one with its address, or set [tls.clients] address = "ignore"'
        session.sink.record(Misused(session.ref, session.now(), "certificate-address", objection, remedy))
        return match is AddressMatch.LOG

    # --- greeting, time limits, closing ---

    def _greet(self) -> None:
        self._greeted = True
        self._transport.write(Reply(220, self._session.settings.banner).encode(self._session.charset))

    def _turn_away(self, refusal: str) -> None:
        """Refuse a client before it has said anything; under implicit TLS no handshake is spent on it."""
        self._reason = refusal
        self._closing = True
        if self._session.state.is_implicit:
            self._transport.abort()
        else:
            self._transport.write(Reply(421, refusal).encode())
            self._transport.close()

    def _login_timed_out(self) -> None:
        self._say_goodbye("No login in time", reason="login time limit")

    def _idle_timed_out(self) -> None:
        if self._conversation.is_settled:
            self._say_goodbye("Idle for too long", reason="idle time limit")
        else:
            self._restart_idle()

    def _say_goodbye(self, text: str, reason: str = "") -> None:
        if self._closing:
            return
        self._conversation.end()
        if self._session.state.can_be_told:
            self._transport.write(Reply(421, f"{text}; closing").encode())
        self._close(reason or text)

    def _close(self, reason: str) -> None:
        self._closing = True
        self._reason = self._reason or reason
        self._transport.close()

    def _restart_idle(self) -> None:
        self._set_timer("idle", self._session.idle_seconds, self._idle_timed_out)

    def _set_timer(self, name: str, seconds: float, action: Callable[[], None]) -> None:
        self._cancel_timer(name)
        self._timers[name] = self._clock.callLater(seconds, action)

    def _cancel_timer(self, name: str) -> None:
        timer = self._timers.pop(name, None)
        if timer is not None and timer.active():
            timer.cancel()

    def _adjust_reading(self) -> None:
        wanted = self._conversation.is_full and not self._closing
        if wanted is not self._reading_paused:
            self._reading_paused = wanted
            if wanted:
                self._transport.pause_reading()
            else:
                self._transport.resume_reading()
