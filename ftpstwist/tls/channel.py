"""One TLS connection over memory: octets in, octets out (RFC 8446, RFC 5246).

How it works: a pyOpenSSL ``Connection`` without a socket. Ciphertext is fed
and drained by whoever owns the socket; OpenSSL releases the GIL while it
encrypts, so channels of several worker threads run side by side. Any thread
may use a channel, one at a time.

When a failure is noticed while decrypted octets are at hand, these are given
out first and the failure is raised by the next call: what came before a
``close_notify``, or before a broken record, is never lost.

Holding back session tickets: after a TLS 1.3 handshake (``facts.version`` is
``TLSv1.3``) :meth:`OpenSSLChannel.drain` holds nothing but session tickets,
and an upload may keep them until its end. After a TLS 1.2 handshake it holds
our Finished message, which the client waits for: it must be sent at once.

The channel refuses to renegotiate, to compress and to take early data, and
never talks to the network.
"""

from __future__ import annotations

from collections.abc import Callable

from OpenSSL import SSL

from ftpstwist.interfaces import Octets, TlsClosed, TlsError
from ftpstwist.session.certificate import PeerCertificate
from ftpstwist.session.events import TlsFacts
from ftpstwist.tls.certificate import fingerprint
from ftpstwist.tls.clienthello import MAX_OCTETS
from ftpstwist.tls.context import HandshakeNotes, NameRefusal
from ftpstwist.tls.diagnosis import (
    Terms,
    explain_alert,
    explain_alpn,
    explain_end,
    explain_handshake,
    explain_name,
    explain_outgoing,
    explain_renegotiation,
    explain_truncation,
)
from ftpstwist.tls.peer import read_peer
from ftpstwist.tls.records import RecordBoundary
from ftpstwist.tls.straight import read_straight
from ftpstwist.tls.verification import explain_missing

MAX_RECORD = 16384
"""Most octets of one record (RFC 8446 section 5.1); OpenSSL gives out one record a call."""

_NO_APPLICATION_PROTOCOL = 120
"""An alert (RFC 7301 section 3.2)."""
_NO_CERTIFICATE = "did not return a certificate"
_LARGEST_ALERT = 64
"""Octets of a protected alert at most: header, nonce, two octets, tag."""


class OpenSSLChannel:
    """A :class:`~ftpstwist.interfaces.TlsChannel`.

    Args:
        connection: Fresh, on memory BIOs, in accept state (in connect state if the terms say so).
        notes: What the callbacks of its shared context know and tell.
        terms: What we ask for, for the words of a failure.
        resumed: Tells whether the client's session was accepted, once the ClientHello has been read.
    """

    def __init__(
        self, connection: SSL.Connection, notes: HandshakeNotes, terms: Terms, resumed: Callable[[], bool]
    ) -> None:
        self._connection = connection
        self._notes = notes
        self._terms = terms
        self._resumed = resumed
        self._first_octets = bytearray()  # of the client, until the handshake is complete
        self._is_answered = False
        self._has_ended = False
        self._peer_closed = False
        self._is_closing = False
        self._failure: TlsError | None = None
        self._facts: TlsFacts | None = None
        self._aside = b""  # drained by us already, still to go out
        self._is_drained = True
        self._may_answer = False  # whether there may be octets for the peer that were not fetched yet
        self._boundary = RecordBoundary()

    def feed(self, ciphertext: Octets) -> None:
        """Take octets that came from the peer."""
        if not len(ciphertext) or self._failure is not None or self._peer_closed:
            return  # nobody would ever take them out again
        if self._facts is None and len(self._first_octets) < MAX_OCTETS:
            self._first_octets += ciphertext[: MAX_OCTETS - len(self._first_octets)]
        self._boundary.follow(ciphertext)
        self._connection.bio_write(ciphertext)

    @property
    def is_between_records(self) -> bool:
        """Whether what was fed ends with a whole record."""
        return self._boundary.is_between_records

    def feed_end(self) -> None:
        """Tell that the peer's octets ended (TCP FIN).

        OpenSSL is not told: it would answer with a fatal alert and forget the
        session, which clients without tickets still need for their next data
        connection. An end does not spoil a session (RFC 5246 section 7.2.1).
        """
        self._has_ended = True

    def drain(self, limit: int = 1 << 20) -> bytes:
        """Return octets for the peer, at most *limit*; empty when there are none."""
        if self._aside:
            taken, self._aside = self._aside[:limit], self._aside[limit:]
            return taken
        if not self._may_answer:
            return b""
        try:
            octets = self._connection.bio_read(limit)
        except SSL.WantReadError:
            self._is_drained, self._may_answer = True, False
            return b""
        self._is_drained = len(octets) < limit
        self._may_answer = not self._is_drained
        self._is_answered = True
        return octets

    def handshake(self) -> bool:
        """Go on with the handshake as far as the octets at hand allow.

        Returns:
            Whether it is complete. What :meth:`drain` then holds of a TLS 1.3 handshake are session tickets;
            of a TLS 1.2 handshake it is our Finished message, which must go out.

        Raises:
            TlsError: It failed; :meth:`drain` may hold an alert for the peer.
        """
        self._raise_failure()
        if self._facts is not None:
            return True
        error: SSL.Error | None = None
        try:
            self._connection.do_handshake()
        except SSL.Error as raised:
            error = raised
        self._is_drained, self._may_answer = False, True
        self._refuse_name()
        self._refuse_alpn()
        if error is None:
            self._facts = self._gather_facts()
            self._first_octets.clear()
            return True
        if isinstance(error, SSL.WantReadError) and not self._has_ended:
            return False
        raise self._fail(self._explain_handshake(error)) from None

    def encrypt(self, data: Octets) -> None:
        """Protect all of *data*; fetch the records with :meth:`drain`. A large piece costs no more calls than a small.

        Raises:
            TlsError: The connection has failed, or :meth:`close` was called.
        """
        self._raise_failure()
        if not len(data):
            return
        self._is_drained, self._may_answer = False, True
        try:
            self._connection.sendall(data)
        except SSL.Error as error:
            raise self._fail(explain_alert(_reasons(error))) from None

    def decrypt(self, limit: int) -> bytes:
        """Return decrypted octets of one record, at most *limit*; empty when more ciphertext is needed.

        Raises:
            TlsClosed: After the peer's ``close_notify``.
            TlsError: Truncation (after :meth:`feed_end`), a broken record, or an attempt to renegotiate.
        """
        if self._facts is not None and self._failure is None and not self._peer_closed:
            was_drained = self._is_drained
            try:
                return self._connection.recv(limit)
            except SSL.Error as error:
                self._note_end(error, was_drained=was_drained)
        self._raise_end()
        return b""

    def decrypt_into(self, buffer: memoryview) -> int:
        """Fill *buffer* with what :meth:`decrypt` returns, of all records at hand; return how many octets."""
        if self._facts is None or self._failure is not None or self._peer_closed:
            self._raise_end()
            return 0
        filled = self._read_records(buffer)
        if not filled:
            self._raise_end()
        return filled

    def close(self) -> None:
        """Queue our ``close_notify``; fetch it with :meth:`drain`. Calling twice does no harm.

        To be called before a channel is given up for whatever reason: OpenSSL
        takes one that is dropped without as broken, and forgets its session.
        """
        if self._is_closing or self._failure is not None or self._facts is None:
            return
        self._is_closing = True
        self._is_drained, self._may_answer = False, True
        try:
            self._connection.shutdown()
        except SSL.Error as error:
            self._fail(explain_alert(_reasons(error)))

    @property
    def peer_closed(self) -> bool:
        """Whether the peer's ``close_notify`` has come."""
        return self._peer_closed

    @property
    def facts(self) -> TlsFacts:
        """What the finished handshake agreed on; ``RuntimeError`` before."""
        if self._facts is None:
            raise RuntimeError("the handshake is not complete")
        return self._facts

    @property
    def client_certificate(self) -> PeerCertificate | None:
        """The certificate the client has shown, if it could be read.

        Whether it is trusted is known of a full handshake only; control connections have no other.
        """
        certificate = self._connection.get_peer_certificate(as_cryptography=True)
        if certificate is None:
            return None
        chain = self._connection.get_verified_chain(as_cryptography=True) or ()
        issuer = chain[1] if len(chain) > 1 else None
        return read_peer(certificate, trusted=self._notes.peer.is_trusted, issuer=issuer)

    @property
    def resumes(self) -> bool:
        """Whether the client's session was accepted; known as soon as :meth:`handshake` has seen the ClientHello."""
        return self._facts.resumed if self._facts is not None else self._resumed()

    def _read_records(self, buffer: memoryview) -> int:
        was_drained = self._is_drained
        self._may_answer = True
        filled = read_straight(self._connection, buffer)
        try:
            while filled < len(buffer):
                filled += self._connection.recv_into(buffer[filled:], MAX_RECORD)
        except SSL.Error as error:
            self._note_end(error, was_drained=was_drained)
        return filled

    def _note_end(self, error: SSL.Error, *, was_drained: bool) -> None:
        """Note why there are no more octets: more are to come, or the good end, or a failure.

        Java sends ``user_canceled`` before ``close_notify`` (RFC 8446 section 6.1); OpenSSL
        then reports an end of the transport, and only its shutdown state says which end it was.
        """
        self._may_answer = True
        if isinstance(error, SSL.WantReadError):
            self._refuse_renegotiation(was_drained=was_drained)
            if self._has_ended:
                self._fail(explain_truncation())
                self._connection.set_shutdown(SSL.SENT_SHUTDOWN)  # else it forgets the session when freed
        elif isinstance(error, SSL.ZeroReturnError) or (
            isinstance(error, SSL.SysCallError) and self._connection.get_shutdown() & SSL.RECEIVED_SHUTDOWN
        ):
            self._peer_closed = True
        else:
            self._fail(explain_alert(_reasons(error)))

    def _refuse_alpn(self) -> None:
        """End a handshake whose client offered no protocol of ours (RFC 7301 section 3.2)."""
        if self._notes.alpn_refused is not None:
            self._answer_by_alert(_NO_APPLICATION_PROTOCOL)
            raise self._fail(explain_alpn(bytes(self._first_octets), self._notes.alpn_refused, self._terms))

    def _refuse_name(self) -> None:
        """End a handshake whose client asked for a name it may not ask for."""
        notes = self._notes
        if notes.name_refused is not None:
            self._answer_by_alert(notes.name_refused.value)
            expected = notes.expected_name if notes.name_refused is NameRefusal.NOT_HOST else None
            raise self._fail(explain_name(bytes(self._first_octets), notes.server_name or "", expected))

    def _answer_by_alert(self, alert: int) -> None:
        """Put a fatal alert in the place of our ServerHello: in clear, therefore.

        OpenSSL knows of no refusal and has gone on; what it wants to answer is thrown away unseen.
        """
        while self.drain():
            pass
        self._aside = bytes([21, 3, 3, 0, 2, 2, alert])

    def _refuse_renegotiation(self, *, was_drained: bool) -> None:
        """Fail if reading made OpenSSL answer: under TLS 1.2 that is its warning ``no_renegotiation``.

        It would go on otherwise, and a client could make us work for ever. In
        TLS 1.3 an answer is a KeyUpdate, and a renegotiation a fatal error.
        """
        if not was_drained or self.facts.version != "TLSv1.2":
            return
        self._aside = self.drain(_LARGEST_ALERT)
        if self._aside:
            self._fail(explain_renegotiation())

    def _explain_handshake(self, error: SSL.Error) -> TlsError:
        octets = bytes(self._first_octets)
        if self._notes.peer.refusal is not None:
            return self._notes.peer.refusal
        if self._terms.outgoing:
            ended = isinstance(error, SSL.WantReadError | SSL.ZeroReturnError)
            return explain_outgoing(() if ended else _reasons(error), answered=bool(octets))
        if any(_NO_CERTIFICATE in reason for reason in _reasons(error)):
            return explain_missing()
        if isinstance(error, SSL.WantReadError | SSL.ZeroReturnError):
            return explain_end(octets, answered=self._is_answered)
        return explain_handshake(_reasons(error), octets, self._terms)

    def _gather_facts(self) -> TlsFacts:
        connection = self._connection
        try:
            certificate = None if self._terms.outgoing else connection.get_peer_certificate(as_cryptography=True)
            subject = None if certificate is None else certificate.subject.rfc4514_string()
        except ValueError:  # OpenSSL is more patient with odd encodings
            raise self._fail(TlsError("the client's certificate can not be decoded", "give it a good one")) from None
        return TlsFacts(
            version=connection.get_protocol_version_name(),
            cipher=connection.get_cipher_name() or "",
            resumed=self._resumed(),
            server_name=self._notes.server_name,
            alpn=connection.get_alpn_proto_negotiated().decode("ascii", "replace") or None,
            certificate=None if certificate is None else fingerprint(certificate),
            subject=subject,
        )

    def _fail(self, failure: TlsError) -> TlsError:
        self._failure = failure
        return failure

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure.with_traceback(None)

    def _raise_end(self) -> None:
        self._raise_failure()
        if self._peer_closed:
            raise TlsClosed


def _reasons(error: SSL.Error) -> tuple[str, ...]:
    """Return the reason texts of OpenSSL's error queue."""
    queue = error.args[0] if error.args else ()
    return tuple(str(entry[-1]) for entry in queue) if isinstance(queue, list) else (str(error),)
