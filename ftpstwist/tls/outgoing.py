"""TLS with another server in which we are the client: data connections after SSCN or CPSV (RFC 4217 section 7).

Between two servers one has to be the TLS client, and no handshake of theirs
can resume the session of a control connection. What vouches for the other
server are authorities named for this purpose, or its own certificate among
them; never those of the system. Its address is not compared with the names in
its certificate: server-to-server transfers know no names.

It refuses to show a certificate of ours, to resume, and to speak anything
older than TLS 1.2, also for sessions that came to a listener for old devices.
"""

from __future__ import annotations

from dataclasses import dataclass

from cryptography import x509
from OpenSSL import SSL
from OpenSSL.crypto import X509, X509StoreFlags
from OpenSSL.crypto import Error as CryptoError

from ftpstwist.interfaces import TlsError
from ftpstwist.tls.authorities import name_in_words
from ftpstwist.tls.diagnosis import Terms
from ftpstwist.tls.groups import restrict_groups
from ftpstwist.tls.policy import Profile, TlsPolicyError, cipher_list_of, suite_list_of
from ftpstwist.tls.verification import UNKNOWN_ISSUER

_MODE_ENABLE_PARTIAL_WRITE = 1  # pyOpenSSL sets it, but does not name it
_FAULTS = {
    9: "it is not valid yet",
    10: "it has expired",
    24: "one of its issuers is no authority",
    26: "it is not meant for servers (extendedKeyUsage)",
}
_REMEDY = "name the authority that vouches for it, or the certificate itself, in [fxp] authorities"


@dataclass(frozen=True, slots=True)
class OtherServers:
    """Whose word counts on other servers.

    Attributes:
        authorities: Certificates of those who vouch for them, or of the servers themselves.
        verify: Whether anybody has to; else any certificate will do.
    """

    authorities: tuple[x509.Certificate, ...] = ()
    verify: bool = True


class OtherServerVerification:
    """The verification of the other server's certificate on one connection; nothing here raises (see ``context``).

    Args:
        verify: Whether a bad one ends the handshake.

    Attributes:
        is_trusted: Whether nothing was wrong with it.
        refusal: Why it was refused, if it was.
    """

    def __init__(self, *, verify: bool) -> None:
        self._verify = verify
        self.is_trusted = True
        self.refusal: TlsError | None = None

    def begin(self, connection: SSL.Connection) -> None:
        """Look at the certificate in the handshake of *connection*."""
        connection.set_verify(SSL.VERIFY_PEER, self._judge)

    def _judge(self, _: SSL.Connection, certificate: X509, fault: int, depth: int, good: int) -> bool:
        if good:
            return True
        self.is_trusted = False
        if self._verify and self.refusal is None:
            self.refusal = _explain(certificate, fault, depth)
        return not self._verify


class OutgoingContext:
    """The OpenSSL context for connections to other servers; nothing of it changes.

    Args:
        others: Whose word counts.

    Attributes:
        others: The same.
        terms: What we ask for, for the words of a failure.

    Raises:
        TlsPolicyError: OpenSSL does not take one of the certificates.
    """

    def __init__(self, others: OtherServers) -> None:
        self.others = others
        self._context = context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        context.set_min_proto_version(SSL.TLS1_2_VERSION)
        context.set_cipher_list(cipher_list_of(Profile.INTERMEDIATE).encode())
        context.set_tls13_ciphersuites(suite_list_of().encode())
        restrict_groups(context)
        context.set_options(SSL.OP_NO_RENEGOTIATION | SSL.OP_NO_COMPRESSION)
        context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        context.set_mode(SSL.MODE_RELEASE_BUFFERS)
        context.clear_mode(_MODE_ENABLE_PARTIAL_WRITE)
        _trust(context, others.authorities)
        self.terms = Terms(
            oldest=SSL.TLS1_2_VERSION,
            newest=SSL.TLS1_3_VERSION,
            ciphers=tuple(SSL.Connection(context, None).get_cipher_list()),
            key_types=(),
            alpn=(),
            outgoing=True,
        )

    def connection(self) -> tuple[SSL.Connection, OtherServerVerification]:
        """Make a connection object in connect state, and what will judge the certificate it is shown."""
        connection = SSL.Connection(self._context, None)
        verification = OtherServerVerification(verify=self.others.verify)
        verification.begin(connection)
        connection.set_connect_state()
        return connection, verification


def _trust(context: SSL.Context, authorities: tuple[x509.Certificate, ...]) -> None:
    store = context.get_cert_store()
    if store is None:
        raise TlsPolicyError("OpenSSL has no store for certificates")
    try:
        for each in authorities:
            store.add_cert(X509.from_cryptography(each))
        store.set_flags(X509StoreFlags.PARTIAL_CHAIN)
    except (SSL.Error, CryptoError) as error:
        raise TlsPolicyError(f"OpenSSL refuses a certificate of [fxp] authorities: {error.args}") from error


def _explain(certificate: X509, fault: int, depth: int) -> TlsError:
    cause = "nobody we trust vouches for it" if fault in UNKNOWN_ISSUER else _FAULTS.get(fault)
    who = "the other server's certificate" if depth == 0 else "an issuer's certificate, above the other server's,"
    try:
        name = name_in_words(certificate.to_cryptography().subject)
    except ValueError:
        name = "a name that can not be read"
    return TlsError(f"{who} {name!a} was refused: {cause or f'OpenSSL finds fault {fault}'}", _REMEDY)
