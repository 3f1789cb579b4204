"""The TLS of one control session: *resumed* means *this session* (RFC 4217 sections 10.2 and 15.1.2).

How it works: every control session has a throwaway context of its own (see
``context``), with its own ticket keys and cache; its control connection and
its data connections are all created on it. A session or ticket of another
control session can not be resumed there, in TLS 1.2 and 1.3 alike. Where
resumption is required, data connections are given no certificate at all: then
nothing but a resumption can succeed.

pyOpenSSL does not tell whether a session was resumed. :func:`read_by_shim`
asks the library beneath it; it is used only if it tells the truth in a
handshake with ourselves, else :func:`read_by_callback` watches the states of
the handshake through the public interface.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache

from OpenSSL import SSL

from ftpstwist.interfaces import TlsChannel, TlsError
from ftpstwist.session.certificate import PeerCertificate
from ftpstwist.session.events import TlsFacts
from ftpstwist.session.policy import SessionReuse
from ftpstwist.tls.channel import OpenSSLChannel
from ftpstwist.tls.context import VERSION_CODES, ContextSet, HandshakeNotes, SharedContexts
from ftpstwist.tls.diagnosis import Terms
from ftpstwist.tls.legacy import LegacyContexts
from ftpstwist.tls.outgoing import OutgoingContext
from ftpstwist.tls.policy import SAFE_VERSIONS, ServerCertificates, TlsPolicy, TlsVersion
from ftpstwist.tls.selfsigned import make_self_signed

ResumptionReader = Callable[[SSL.Connection], Callable[[], bool]]
"""Given a fresh connection, returns a function that tells whether its session was resumed."""


class PerSessionTls:
    """The :class:`~ftpstwist.interfaces.SessionTls` of one control session.

    A new handshake on the control connection (AUTH after REIN) begins a new
    binding: what was resumable before it is not any more.

    Args:
        contexts: The listener's.
        reuse: What is asked of data connections; may be changed after the login, but not from OFF.
        outgoing: For connections in which we are the TLS client of another server; ``None`` if there are none.
        read_resumption: How to learn whether a session was resumed.
    """

    def __init__(
        self,
        contexts: SharedContexts | LegacyContexts,
        *,
        reuse: SessionReuse = SessionReuse.PREFER,
        outgoing: OutgoingContext | None = None,
        read_resumption: ResumptionReader | None = None,
    ) -> None:
        self._shared = contexts
        self._outgoing = outgoing
        self._read_resumption = read_resumption or resumption_reader()
        self._binding: tuple[ContextSet, SSL.Context] | None = None
        self._expected_name: str | None = None
        self._control: HandshakeNotes | None = None
        self._control_channel: OpenSSLChannel | None = None
        self.reuse = reuse

    def expect_name(self, server_name: str) -> None:
        """Show the certificate of this name, if there is one, to a client that asks for none in its handshake.

        A client that asks for another one is refused; an address is no name, and refuses nobody.
        """
        self._expected_name = server_name or None

    def control_channel(self) -> TlsChannel:
        """Return a channel for the control connection, bound to no earlier session."""
        self._binding = None
        contexts, throwaway = self._bind()
        connection, self._control = contexts.control_connection(throwaway, self._expected_name)
        self._control_channel = self._open(contexts, connection, self._control)
        return self._control_channel

    def data_channel(self) -> OpenSSLChannel:
        """Return a channel for a data connection; its facts say whether it resumed this session.

        Several may be tried on one ClientHello, see :attr:`~ftpstwist.tls.channel.OpenSSLChannel.resumes`.
        """
        contexts, throwaway = self._bind()
        must_resume = self.reuse is SessionReuse.REQUIRE
        connection, notes = contexts.data_connection(throwaway, self._wanted_name, must_resume=must_resume)
        return self._open(contexts, connection, notes, must_resume=must_resume)

    def outgoing_channel(self) -> OpenSSLChannel:
        """Return a channel for a data connection to another server, with us as the TLS client.

        Raises:
            TlsError: Data connections have to resume the TLS session, which another server can not, or none are made.
        """
        if self._outgoing is None or self.reuse is SessionReuse.REQUIRE:
            raise TlsError(
                "the other server can not resume the TLS session of this control connection",
                'set session_reuse = "prefer" for those who may transfer between servers, in [[policy.rules]]',
            )
        connection, verification = self._outgoing.connection()
        notes = HandshakeNotes(self._bind()[0], follows_name=False, alpn=())
        notes.peer = verification
        return OpenSSLChannel(connection, notes, self._outgoing.terms, lambda: False)

    @property
    def client_certificate(self) -> PeerCertificate | None:
        """What the client showed in the handshake of the control connection, if anything."""
        return None if self._control_channel is None else self._control_channel.client_certificate

    def demand_resumption(self, *, demanded: bool) -> None:
        """Refuse, or no longer refuse, data connections that do not resume; without effect where none can."""
        if self.reuse is not SessionReuse.OFF:
            self.reuse = SessionReuse.REQUIRE if demanded else SessionReuse.PREFER

    def accepts(self, control: TlsFacts | None, data: TlsFacts) -> str | None:
        """Judge a finished data handshake.

        Returns:
            ``None`` if it belongs to this session as the policy demands, else the reason why not, for the log.
        """
        if control is not None and control.certificate is not None and data.certificate != control.certificate:
            shown = "no client certificate" if data.certificate is None else "another client certificate"
            return f"the data connection showed {shown}; the control connection showed one"
        if self.reuse is SessionReuse.REQUIRE and not data.resumed:
            return "the data connection did not resume the session of its control connection"
        return None

    @property
    def _wanted_name(self) -> str | None:
        return None if self._control is None else self._control.wanted_name

    def _bind(self) -> tuple[ContextSet, SSL.Context]:
        if self._binding is None:
            contexts = self._shared.current
            self._binding = contexts, contexts.mint(resumable=self.reuse is not SessionReuse.OFF)
        return self._binding

    def _open(
        self, contexts: ContextSet, connection: SSL.Connection, notes: HandshakeNotes, *, must_resume: bool = False
    ) -> OpenSSLChannel:
        terms = Terms(
            oldest=VERSION_CODES[contexts.policy.oldest],
            newest=VERSION_CODES[contexts.policy.newest],
            ciphers=contexts.cipher_names,
            key_types=contexts.certificates_for(self._wanted_name).key_types,
            alpn=notes.alpn,
            must_resume=must_resume,
        )
        return OpenSSLChannel(connection, notes, terms, self._read_resumption(connection))


def read_by_shim(connection: SSL.Connection) -> Callable[[], bool]:
    """Ask OpenSSL itself; not public in pyOpenSSL, hence guarded by :func:`resumption_reader`."""
    return lambda: bool(SSL._lib.SSL_session_reused(connection._ssl))  # type: ignore[attr-defined]  # noqa: SLF001


def read_by_callback(connection: SSL.Connection) -> Callable[[], bool]:
    """Watch the states of the handshake: who writes no certificate resumes."""
    seen: set[str] = set()

    def note_state(connection: SSL.Connection, _where: int, _code: int) -> None:
        state = connection.get_state_string()
        seen.update(word for word in ("read client hello", "write certificate") if word.encode() in state)

    connection.set_info_callback(note_state)
    return lambda: "read client hello" in seen and "write certificate" not in seen


@cache
def resumption_reader() -> ResumptionReader:
    """Return the shim if it tells the truth with the libraries at hand, else the public way."""
    try:
        tells_truth = all(_tells_truth(read_by_shim, version) for version in SAFE_VERSIONS)
    except (AttributeError, TypeError, SSL.Error):
        tells_truth = False
    return read_by_shim if tells_truth else read_by_callback


def _tells_truth(reader: ResumptionReader, version: TlsVersion) -> bool:
    """Shake hands with ourselves twice, the second time resuming, and see what *reader* says."""
    pair = make_self_signed(["self-test"], now=datetime.now(UTC))
    contexts = ContextSet(TlsPolicy((ServerCertificates((pair,)),), minimum=None, maximum=version))
    throwaway = contexts.mint(resumable=True)
    client_context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    clients: list[SSL.Connection] = []  # kept: OpenSSL forgets the session of one that is dropped without close_notify
    told = []
    for _ in range(2):
        server, _notes = contexts.control_connection(throwaway)
        was_resumed = reader(server)
        client = SSL.Connection(client_context, None)
        session = clients[-1].get_session() if clients else None
        if session is not None:
            client.set_session(session)
        client.set_connect_state()
        _converse(client, server)
        clients.append(client)
        told.append(was_resumed())
    return told == [False, True]


def _converse(client: SSL.Connection, server: SSL.Connection) -> None:
    """Carry octets between two connections until the handshake is complete and the tickets are read."""
    for _ in range(4):
        for sender, receiver in ((client, server), (server, client)):
            with suppress(SSL.WantReadError):
                sender.recv(1)
            with suppress(SSL.WantReadError):
                receiver.bio_write(sender.bio_read(1 << 16))
