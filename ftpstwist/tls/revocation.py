"""Asking the issuer of a client's certificate whether it stands by it (OCSP, RFC 6960): the question and the answer.

Refuses to ask itself: whoever does that takes the octets of a
:class:`Question` to the responder, and brings back what it says.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID

from ftpstwist.session.certificate import PeerCertificate
from ftpstwist.tls.ocsp import ResponseError, find_single, read_response, require_signature

CLOCKS_DIFFER = timedelta(minutes=5)
"""How far the responder's clock may be from ours."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a responder is asked.

    Attributes:
        certificate: The one in question.
        issuer: That of its issuer.
        octets: The request, DER.
        responder: Address that the certificate names for it; ``None`` if it names none that speaks http.
        nonce: What a fresh answer has to repeat; ``None`` if it need not be fresh.
    """

    certificate: x509.Certificate
    issuer: x509.Certificate
    octets: bytes = field(repr=False)
    responder: str | None
    nonce: bytes | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a responder says, proved to be its own words.

    Attributes:
        objection: Why the certificate is not good; ``None`` if it is.
        until: End of what is known; ``None`` if the answer counts for now only.
    """

    objection: str | None
    until: datetime | None


def question_about(certificate: PeerCertificate, nonce: bytes | None = None) -> Question:
    """Return what to ask about a client's certificate.

    Args:
        certificate: As it was verified in the handshake.
        nonce: Random octets that the answer has to repeat, 16 of them (RFC 8954).

    Raises:
        ResponseError: The certificate of its issuer is not known, or can not be named in a question.
    """
    if certificate.issuer_der is None:
        raise ResponseError("it was verified without its issuer", "name the issuer in [tls.clients] authorities")
    try:
        leaf = x509.load_der_x509_certificate(certificate.der)
        issuer = x509.load_der_x509_certificate(certificate.issuer_der)
        builder = ocsp.OCSPRequestBuilder().add_certificate(leaf, issuer, hashes.SHA1())  # noqa: S303 - a name, no proof
        if nonce is not None:
            builder = builder.add_extension(x509.OCSPNonce(nonce), critical=False)
        return Question(leaf, issuer, builder.build().public_bytes(Encoding.DER), _responder_of(leaf), nonce)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ResponseError(f"it can not be put into a question ({error})", "give the client another one") from None


def judge_answer(octets: bytes, question: Question, *, now: datetime) -> Answer:
    """Return what a response says about the certificate in question.

    Args:
        octets: The response, DER.
        question: What was asked.
        now: Time of the answer, with time zone.

    Raises:
        ResponseError: It proves nothing: not signed by the issuer or in its name, about another certificate, out of
            date, or not to this question.
    """
    try:
        return _judge(octets, question, now)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ResponseError(f"a part of it can not be read ({error})", "have the responder looked after") from None


def _judge(octets: bytes, question: Question, now: datetime) -> Answer:
    response = read_response(octets)
    single = find_single(response, question.certificate, question.issuer)
    require_signature(response, question.issuer, now)
    _require_nonce(response, question.nonce)
    _require_freshness(single, now)
    if single.certificate_status is ocsp.OCSPCertStatus.GOOD:
        return Answer(None, single.next_update_utc)
    if single.certificate_status is ocsp.OCSPCertStatus.REVOKED:
        when = single.revocation_time_utc
        return Answer(f"it was revoked on {when:%Y-%m-%d %H:%M} UTC", single.next_update_utc)
    return Answer("its issuer does not know it", single.next_update_utc)


def _responder_of(certificate: x509.Certificate) -> str | None:
    try:
        access = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    except (x509.ExtensionNotFound, ValueError):
        return None
    places = (each.access_location.value for each in access if each.access_method == AuthorityInformationAccessOID.OCSP)
    return next((place for place in places if isinstance(place, str) and place.startswith("http://")), None)


def _require_nonce(response: ocsp.OCSPResponse, nonce: bytes | None) -> None:
    if nonce is None:
        return
    try:
        repeated = response.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce
    except (x509.ExtensionNotFound, ValueError):
        repeated = None
    if repeated != nonce:
        raise ResponseError("it does not repeat the nonce", "set nonce = false, for many responders do not")


def _require_freshness(single: ocsp.OCSPSingleResponse, now: datetime) -> None:
    end = single.next_update_utc or single.this_update_utc
    if now > end + CLOCKS_DIFFER:
        raise ResponseError(f"it is out of date since {end:%Y-%m-%d %H:%M} UTC", "have the responder looked after")
    if now < single.this_update_utc - CLOCKS_DIFFER:
        raise ResponseError("it is from the future", "check both clocks")
