"""The verification of a client's certificate in the handshake (RFC 5280 section 6, RFC 8446 section 4.4.2).

OpenSSL builds the chain, checks signatures, times, purposes and revocation.
It asks back at every fault; the answers are here, and there are three
exceptions to «no», each for exactly one kind of fault:

- no revocation list is at hand, and we hold none of that issuer at all: the
  list of one authority says nothing about the clients of another;
- the list at hand has ended, and the configuration accepts that;
- nobody we trust vouches for the certificate, and the configuration admits
  such: then it is marked, and nothing but its key counts at the login.

No other fault is ever forgiven, and nothing here raises: pyOpenSSL would keep
the exception for somebody else's connection (see ``context``).
"""

from __future__ import annotations

from typing import Protocol

from OpenSSL import SSL
from OpenSSL.crypto import X509, X509StoreFlags

from ftpstwist.interfaces import TlsError
from ftpstwist.tls.authorities import AskClients, ClientPolicy, ExpiredList, name_in_words

# Numbers of OpenSSL's x509_vfy.h, which pyOpenSSL hands on without names.
_NO_REVOCATION_LIST = 3
_LIST_HAS_EXPIRED = 12
UNKNOWN_ISSUER = frozenset({2, 18, 19, 20, 21, 27})
"""Faults that mean no more than that nobody of ours vouches for a certificate."""
_RENEW = "renew the client's certificate"
_FAULTS = {
    3: ("there is no revocation list that covers it", "complete [tls.clients] revocation_lists"),
    7: ("its signature is wrong", "give the client a good one"),
    8: ("the revocation list of its issuer has a wrong signature", "fetch it anew"),
    9: ("it is not valid yet", "check both clocks"),
    10: ("it has expired", _RENEW),
    11: ("the revocation list of its issuer is not valid yet", "check the clock of this machine"),
    12: (
        "the revocation list of its issuer has ended",
        'fetch a new one and send SIGHUP, or set expired_lists = "accept"',
    ),
    22: ("the chain of issuers is longer than [tls.clients] depth allows", "set depth to {depth} or more if it may be"),
    23: ("it has been revoked", "if that is a mistake, its issuer has to say so"),
    25: ("one of its issuers may not have issuers below it", "give the client a good one"),
    26: ("it is not meant for clients (extendedKeyUsage)", "get one with clientAuth"),
    66: ("its key is too weak", _RENEW),
    67: ("a key in its chain is too weak", _RENEW),
    68: ("it, or an issuer of it, is signed with a weak digest", _RENEW),
    79: ("it issued another one, and is not that of an authority", "give the client a good one"),
}
_FOREIGN = (
    "no authority of ours vouches for it",
    "if our users may come from there, add its issuer to [tls.clients] authorities, and let the client send its chain",
)


class Verification(Protocol):
    """What becomes of the certificate that is shown on one connection."""

    is_trusted: bool
    refusal: TlsError | None

    def begin(self, connection: SSL.Connection) -> None:
        """Ask for the certificate on *connection*, and judge it."""


class ClientVerification:
    """The verification on one connection.

    Args:
        policy: What is asked of clients.

    Attributes:
        is_trusted: Whether, as far as it has come, an authority of ours vouches for the certificate.
        refusal: Why it was refused, if it was.
    """

    def __init__(self, policy: ClientPolicy) -> None:
        self._policy = policy
        self.is_trusted = True
        self.refusal: TlsError | None = None

    def begin(self, connection: SSL.Connection) -> None:
        """Ask the client of *connection*; to be called last, for ``set_context`` does not carry it."""
        if self._policy.ask is AskClients.OFF:
            return
        mode = SSL.VERIFY_PEER
        if self._policy.ask is AskClients.REQUIRED:
            mode |= SSL.VERIFY_FAIL_IF_NO_PEER_CERT
        connection.set_verify(mode, self._judge)

    def _judge(self, _: SSL.Connection, certificate: X509, fault: int, depth: int, good: int) -> bool:
        if good or self._forgives(certificate, fault):
            return True
        if self.refusal is None:
            self.refusal = _explain(certificate, fault, depth)
        return False

    def _forgives(self, certificate: X509, fault: int) -> bool:
        if fault == _NO_REVOCATION_LIST:
            return self._has_no_list_for(certificate)
        if fault == _LIST_HAS_EXPIRED:
            return self._policy.expired_list is ExpiredList.ACCEPT
        if fault in UNKNOWN_ISSUER and self._policy.admits_unknown:
            self.is_trusted = False
            return True
        return False

    def _has_no_list_for(self, certificate: X509) -> bool:
        try:
            return certificate.to_cryptography().issuer not in self._policy.listed_issuers
        except ValueError:
            return False


def equip(context: SSL.Context, policy: ClientPolicy) -> None:
    """Load authorities and revocation lists into a shared context.

    Raises:
        SSL.Error: OpenSSL does not take one of them.
    """
    store = context.get_cert_store()
    if policy.ask is AskClients.OFF or store is None:
        return
    for authority in policy.authorities:
        store.add_cert(X509.from_cryptography(authority))
        if not policy.admits_unknown:  # clients that heed the names would hold back a certificate of their own making
            context.add_client_ca(authority)
    flags = X509StoreFlags.PARTIAL_CHAIN
    if policy.revocation_lists:
        flags |= X509StoreFlags.CRL_CHECK | X509StoreFlags.CRL_CHECK_ALL
    for each in policy.revocation_lists:
        store.add_crl(each)
    store.set_flags(flags)


def explain_missing() -> TlsError:
    """Explain a handshake without a certificate where one is required."""
    return TlsError(
        "the client showed no certificate, and one is required",
        'give the client its certificate and key, or set [tls.clients] ask = "optional"',
    )


def _explain(certificate: X509, fault: int, depth: int) -> TlsError:
    cause, remedy = _FOREIGN if fault in UNKNOWN_ISSUER else _FAULTS.get(fault, (f"OpenSSL finds fault {fault}", ""))
    who = "the client's certificate" if depth == 0 else "an issuer's certificate, above the client's,"
    try:
        name = name_in_words(certificate.to_cryptography().subject)
    except ValueError:
        name = "a name that can not be read"
    return TlsError(f"{who} {name!a} was refused: {cause}", remedy.format(depth=depth))
