"""What a handshake would say of a client's certificate, found out from its file alone.

The handshake itself is judged in ``verification``; here is no client that
could prove to have the key. The chain is built by the same OpenSSL with the
same authorities; revocation is looked up in the same lists.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from OpenSSL.crypto import X509, X509Store, X509StoreContext, X509StoreContextError, X509StoreFlags

from ftpstwist.tls.authorities import ClientPolicy, ExpiredList, name_in_words
from ftpstwist.tls.verification import UNKNOWN_ISSUER


@dataclass(frozen=True, slots=True)
class Objection:
    """Why a certificate would be refused.

    Attributes:
        cause: In words.
        is_unknown: Whether nobody of ours vouches for it, and that is all.
    """

    cause: str
    is_unknown: bool = False


def objection_to(
    certificate: x509.Certificate, between: Sequence[x509.Certificate], policy: ClientPolicy, *, now: datetime
) -> Objection | None:
    """Return why a handshake with a certificate would fail; ``None`` if it is trusted.

    Args:
        certificate: The client's.
        between: Certificates that the client would send along.
        policy: What is asked of clients.
        now: Time of the check, with time zone.
    """
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        return Objection("it is not valid now")
    if not _is_for_clients(certificate):
        return Objection("it is not meant for clients: its extendedKeyUsage lacks clientAuth")
    store = X509Store()
    for authority in policy.authorities:
        store.add_cert(X509.from_cryptography(authority))
    store.set_flags(X509StoreFlags.PARTIAL_CHAIN)
    store.set_time(now)
    above = [X509.from_cryptography(each) for each in between]
    context = X509StoreContext(store, X509.from_cryptography(certificate), above)
    try:
        chain = [each.to_cryptography() for each in context.get_verified_chain()]
    except X509StoreContextError as error:
        return Objection(str(error), is_unknown=error.errors[0] in UNKNOWN_ISSUER)
    if len(chain) - 2 > policy.depth:
        return Objection("the chain of issuers is longer than [tls.clients] depth allows")
    return next((why for each in chain if (why := _objection_by_lists(each, policy, now))), None)


def _is_for_clients(certificate: x509.Certificate) -> bool:
    try:
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return True
    return ExtendedKeyUsageOID.CLIENT_AUTH in usage


def _objection_by_lists(certificate: x509.Certificate, policy: ClientPolicy, now: datetime) -> Objection | None:
    who = name_in_words(certificate.subject)
    lists = [each for each in policy.revocation_lists if each.issuer == certificate.issuer]
    for each in lists:
        if each.get_revoked_certificate_by_serial_number(certificate.serial_number) is not None:
            return Objection(f"{who} has been revoked")
    ends = [each.next_update_utc for each in lists if each.next_update_utc is not None]
    if ends and max(ends) < now and policy.expired_list is ExpiredList.REFUSE:
        return Objection(f"the revocation list of {name_in_words(certificate.issuer)} has ended")
    return None
