"""The shared OpenSSL contexts of a listener, and the throwaway context of one control session (RFC 8446, RFC 6066).

How it works: a *shared* context holds a certificate, the suites and the
callbacks for SNI and ALPN; there is one per group of server names, and one
without any certificate. A *throwaway* context holds nothing but ticket keys
and a session cache. A connection is created on the throwaway context and then
given a shared one (``set_context``): certificate, suites and callbacks come
from the shared one; ticket keys, cache, versions, options and modes stay those
of the throwaway one. So a ticket of one control session is worth nothing in
another (``binding`` makes use of that).

Two traps are avoided by construction:

- OpenSSL calls Python callbacks through memory that dies with the Python
  ``Context``. Throwaway contexts therefore have no callbacks, and every
  connection holds on to the :class:`ContextSet` its shared context is from.
- pyOpenSSL keeps an exception that a callback raised at the *context* until
  any connection of that context makes its next call: with several threads it
  would surface in, and break, somebody else's connection. Therefore no
  callback raises; a refusal is a note that the channel reads.

A policy is never changed: :meth:`SharedContexts.replace` builds a new set.
Not reachable through pyOpenSSL, and therefore OpenSSL's own default: the number
of tickets.
"""

from __future__ import annotations

import secrets
import tempfile
from dataclasses import dataclass, field
from enum import Enum
from ipaddress import ip_address

from cryptography.hazmat.primitives.serialization import Encoding
from OpenSSL import SSL
from OpenSSL.crypto import Error as CryptoError

from ftpstwist.tls.authorities import ClientPolicy
from ftpstwist.tls.certificate import CertificatePair
from ftpstwist.tls.groups import restrict_groups
from ftpstwist.tls.policy import (
    DATA_ALPN,
    ServerCertificates,
    TlsPolicy,
    TlsPolicyError,
    TlsVersion,
    matching_names,
    normalise_name,
)
from ftpstwist.tls.staple import offer_staples
from ftpstwist.tls.verification import ClientVerification, Verification, equip

SESSION_SECONDS = 7 * 24 * 3600
"""How long a session may be resumed: the longest RFC 8446 section 4.6.1 allows, since control sessions last long."""

_SESSION_ID_CONTEXT = b"ftpstwist"
_MODE_ENABLE_PARTIAL_WRITE = 1  # pyOpenSSL sets it, but does not name it
_OPTIONS = SSL.OP_NO_RENEGOTIATION | SSL.OP_NO_COMPRESSION | SSL.OP_CIPHER_SERVER_PREFERENCE
VERSION_CODES = {
    TlsVersion.TLS_1_0: SSL.TLS1_VERSION,
    TlsVersion.TLS_1_1: SSL.TLS1_1_VERSION,
    TlsVersion.TLS_1_2: SSL.TLS1_2_VERSION,
    TlsVersion.TLS_1_3: SSL.TLS1_3_VERSION,
}


class NameRefusal(Enum):
    """Why a client is refused for the name it asks for; the value is the alert (RFC 8446 section 6)."""

    UNKNOWN = 112
    """``unrecognized_name``: it is none of ours."""
    NOT_HOST = 49
    """``access_denied``: HOST before the handshake has given another (RFC 7151 section 3.2.2)."""


@dataclass(slots=True, eq=False)
class HandshakeNotes:
    """What the callbacks of a shared context know and tell about one connection.

    Attributes:
        contexts: The set the connection's shared context is from; keeps its callbacks alive.
        follows_name: Whether the name asked for chooses the certificate.
        alpn: Application protocols to agree on, ours first.
        expected_name: Name that HOST gave before: clients may ask for this one or none.
        server_name: Name the client asked for.
        name_refused: Why it may not.
        alpn_refused: What the client offered, if none of it was ours.
        peer: The verification of the certificate that the other side shows.
    """

    contexts: ContextSet
    follows_name: bool
    alpn: tuple[str, ...]
    expected_name: str | None = None
    server_name: str | None = None
    name_refused: NameRefusal | None = None
    alpn_refused: tuple[str, ...] | None = None
    peer: Verification = field(init=False)

    def __post_init__(self) -> None:
        self.peer = ClientVerification(self.contexts.policy.clients)

    @property
    def wanted_name(self) -> str | None:
        """The name that chooses the certificate."""
        return self.server_name or self.expected_name


class ContextSet:
    """The shared contexts of one policy; nothing of it changes.

    Args:
        policy: What to build them from.

    Raises:
        TlsPolicyError: OpenSSL does not take it.
    """

    def __init__(self, policy: TlsPolicy) -> None:
        _require_known_ciphers(policy)
        self.policy = policy
        built = {id(group): self._build(group.pairs) for group in policy.certificates}
        self._certificates_by_name = policy.by_name
        self._by_name = {name: built[id(group)] for name, group in self._certificates_by_name.items()}
        self._default = built[id(policy.certificates[0])]
        self._without_certificate = self._build(())
        self.cipher_names = tuple(SSL.Connection(self._default, None).get_cipher_list())

    def mint(self, *, resumable: bool) -> SSL.Context:
        """Make the throwaway context of one control session.

        Args:
            resumable: Whether its sessions may be resumed by later connections on it.
        """
        context = SSL.Context(SSL.TLS_SERVER_METHOD)
        context.set_min_proto_version(VERSION_CODES[self.policy.oldest])
        context.set_max_proto_version(VERSION_CODES[self.policy.newest])
        context.set_session_id(secrets.token_bytes(16))
        context.set_timeout(SESSION_SECONDS)
        context.set_verify_depth(self.policy.clients.depth)
        restrict_groups(context)
        context.set_mode(SSL.MODE_RELEASE_BUFFERS)
        # One call then encrypts a whole chunk and not one record, with the GIL released meanwhile.
        context.clear_mode(_MODE_ENABLE_PARTIAL_WRITE)
        # Either alone still lets sessions be resumed: tickets by their keys, session ids by the cache.
        context.set_options(_OPTIONS if resumable else _OPTIONS | SSL.OP_NO_TICKET)
        context.set_session_cache_mode(SSL.SESS_CACHE_SERVER if resumable else SSL.SESS_CACHE_OFF)
        return context

    def control_connection(
        self, throwaway: SSL.Context, expected_name: str | None = None
    ) -> tuple[SSL.Connection, HandshakeNotes]:
        """Make the connection object of a control connection; the name asked for chooses its certificate.

        Args:
            throwaway: The control session's.
            expected_name: Chooses it if the client asks for no name.
        """
        notes = HandshakeNotes(self, follows_name=True, alpn=self.policy.alpn, expected_name=expected_name)
        return _connect(throwaway, self._choose(expected_name), notes), notes

    def data_connection(
        self, throwaway: SSL.Context, server_name: str | None, *, must_resume: bool
    ) -> tuple[SSL.Connection, HandshakeNotes]:
        """Make the connection object of a data connection; its certificate is that of the control connection.

        Args:
            throwaway: The control session's.
            server_name: The name that chose the certificate of the control connection.
            must_resume: Give it no certificate, so that only a resumption can succeed.
        """
        notes = HandshakeNotes(self, follows_name=False, alpn=DATA_ALPN + self.policy.alpn)
        shared = self._without_certificate if must_resume else self._choose(server_name)
        return _connect(throwaway, shared, notes), notes

    def certificates_for(self, server_name: str | None) -> ServerCertificates:
        """Return the certificates that a client asking for *server_name* is shown."""
        table = self._certificates_by_name
        return next((table[name] for name in matching_names(server_name) if name in table), self.policy.certificates[0])

    def knows(self, name: str) -> bool:
        """Tell whether a name is one of ours."""
        return any(each in self._by_name or each in self.policy.other_names for each in matching_names(name))

    def _choose(self, server_name: str | None) -> SSL.Context:
        table = self._by_name
        return next((table[name] for name in matching_names(server_name) if name in table), self._default)

    def _build(self, pairs: tuple[CertificatePair, ...]) -> SSL.Context:
        context = SSL.Context(SSL.TLS_SERVER_METHOD)
        context.set_session_id(_SESSION_ID_CONTEXT)
        context.set_cipher_list(self.policy.cipher_list.encode())
        context.set_tls13_ciphersuites(self.policy.suite_list.encode())
        try:
            _load(context, pairs)
        except SSL.Error as error:
            names = ", ".join(name for pair in pairs for name in pair.server_names) or "without names"
            raise TlsPolicyError(f"OpenSSL refuses the certificate {names}: {error.args[0]}") from error
        offer_staples(context, pairs)
        _equip(context, self.policy.clients)
        # Without this callback OpenSSL refuses TLS 1.3 on a context that has no certificate.
        context.set_tlsext_servername_callback(self._note_server_name)
        context.set_alpn_select_callback(_select_alpn)
        return context

    def _note_server_name(self, connection: SSL.Connection) -> None:
        notes: HandshakeNotes = connection.get_app_data()
        notes.server_name = _read_server_name(connection.get_servername())
        if notes.follows_name:
            notes.name_refused = self._judge_name(notes)
            connection.set_context(self._choose(notes.wanted_name))

    def _judge_name(self, notes: HandshakeNotes) -> NameRefusal | None:
        asked, expected = notes.server_name, notes.expected_name
        if asked is None:
            return None
        if expected is not None and not _is_address(expected) and normalise_name(expected) != asked:
            return NameRefusal.NOT_HOST
        if self.policy.strict_names and not self.knows(asked):
            return NameRefusal.UNKNOWN
        return None


class SharedContexts:
    """The contexts of a listener, replaceable while it runs.

    Control sessions keep the set they began with, so that their data
    connections show the same certificate (RFC 4217 section 15.1.1).

    Args:
        policy: What to begin with.

    Raises:
        TlsPolicyError: OpenSSL does not take it.
    """

    def __init__(self, policy: TlsPolicy) -> None:
        self._current = ContextSet(policy)

    @property
    def current(self) -> ContextSet:
        """What a control session that begins now gets."""
        return self._current

    def replace(self, policy: TlsPolicy) -> None:
        """Use *policy* from now on; if OpenSSL does not take it (``TlsPolicyError``), nothing changes."""
        self._current = ContextSet(policy)


def _connect(throwaway: SSL.Context, shared: SSL.Context, notes: HandshakeNotes) -> SSL.Connection:
    connection = SSL.Connection(throwaway, None)
    connection.set_app_data(notes)
    connection.set_context(shared)
    notes.peer.begin(connection)
    connection.set_accept_state()
    return connection


def _equip(context: SSL.Context, clients: ClientPolicy) -> None:
    try:
        equip(context, clients)
    except (SSL.Error, CryptoError) as error:
        raise TlsPolicyError(f"OpenSSL refuses a client authority or revocation list: {error.args}") from error


def _load(context: SSL.Context, pairs: tuple[CertificatePair, ...]) -> None:
    """Load certificates, chains and keys.

    The public interface knows a chain per certificate only as a file; with a
    single pair the chain of the context is as good, and needs no file.
    """
    for pair in pairs:
        if len(pairs) == 1:
            context.use_certificate(pair.leaf)
            for issuer in pair.chain[1:]:
                context.add_extra_chain_cert(issuer)
        else:
            with tempfile.NamedTemporaryFile(suffix=".pem") as file:
                file.write(b"".join(certificate.public_bytes(Encoding.PEM) for certificate in pair.chain))
                file.flush()
                context.use_certificate_chain_file(file.name)
        context.use_privatekey(pair.key)
        context.check_privatekey()


def _select_alpn(connection: SSL.Connection, offered: list[bytes]) -> bytes:
    notes: HandshakeNotes = connection.get_app_data()
    ours = next((name.encode() for name in notes.alpn if name.encode() in offered), None)
    if ours is not None:
        return ours
    notes.alpn_refused = tuple(name.decode("ascii", "replace") for name in offered)
    return SSL.NO_OVERLAPPING_PROTOCOLS  # type: ignore[return-value]  # its own type; the channel ends the handshake


def _read_server_name(asked: bytes | None) -> str | None:
    """Return the name to look up; an address is none (RFC 6066 section 3 forbids it, some clients send it)."""
    if asked is None:
        return None
    name = normalise_name(asked.decode("ascii", "replace"))
    return None if _is_address(name) else name


def _is_address(name: str) -> bool:
    try:
        ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def _require_known_ciphers(policy: TlsPolicy) -> None:
    """Name what OpenSSL would silently leave out of a list."""
    unknown = [word for word in policy.cipher_list.split(":") if not _is_known_cipher(word)]
    unknown += [word for word in policy.suite_list.split(":") if not _is_known_suite(word)]
    if unknown:
        raise TlsPolicyError(f"OpenSSL does not know the ciphers {', '.join(map(repr, unknown))}")


def _is_known_cipher(word: str) -> bool:
    if word.startswith("@"):  # @SECLEVEL=n, @STRENGTH: no ciphers, and alone no list
        return True
    try:
        SSL.Context(SSL.TLS_SERVER_METHOD).set_cipher_list(word.lstrip("!+-").encode())
    except SSL.Error:
        return False
    return True


def _is_known_suite(word: str) -> bool:
    try:
        SSL.Context(SSL.TLS_SERVER_METHOD).set_tls13_ciphersuites(word.encode())
    except SSL.Error:
        return False
    return bool(word)
