"""OCSP responses from files, stapled to handshakes (RFC 6960; RFC 6066 section 8; RFC 8446 section 4.4.2.1).

A response that does not prove what clients want to know is never sent: it has
to say «good», about this certificate, now, signed by its issuer or in its name.
Whoever wants staples fetches them into the file (``openssl ocsp -respout``);
this server never asks anybody, least of all in the middle of a handshake.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID
from OpenSSL import SSL

from ftpstwist.tls.certificate import CertificatePair, Staple

MAX_OCTETS = 1 << 16
"""Largest response that is read; usual ones have 500 to 2,000 octets."""


class StapleError(Exception):
    """The response is not stapled.

    Args:
        cause: Why not.
        remedy: What to do.
    """

    def __init__(self, cause: str, remedy: str) -> None:
        super().__init__(cause)
        self.cause = cause
        self.remedy = remedy


def load_staple(path: Path, pair: CertificatePair, *, now: datetime) -> Staple:
    """Read an OCSP response and check that it proves that the certificate of *pair* is good. Blocks.

    Args:
        path: File with the response, DER.
        pair: The certificate, with its issuer above it.
        now: Time of the check, with time zone.

    Raises:
        StapleError: It can not be used.
    """
    try:
        with path.open("rb") as file:
            octets = file.read(MAX_OCTETS)
        response = ocsp.load_der_ocsp_response(octets)
    except OSError as error:
        raise StapleError(f"it can not be read ({error.strerror})", "Have it fetched, or take it out") from None
    except ValueError:
        raise StapleError("it is no OCSP response in DER form", 'Fetch it with "openssl ocsp -respout"') from None
    if response.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
        status = response.response_status.name.lower().replace("_", " ")
        raise StapleError(f"the responder answered «{status}»", "Fetch it again")
    issuer = _issuer(pair)
    single = _find(response, pair.leaf, issuer)
    _require_signature(response, issuer, now)
    return Staple(octets, _judge(single, now))


def offer_staples(context: SSL.Context, pairs: Iterable[CertificatePair]) -> None:
    """Have handshakes on a shared context carry the staples of its certificates, to clients that ask for them."""
    staples = {pair.leaf: pair.staple.octets for pair in pairs if pair.staple is not None}

    def choose(connection: SSL.Connection, _: object) -> bytes:
        """Return the staple of the certificate that the handshake has chosen; must not raise (see ``context``)."""
        shown = connection.get_certificate(as_cryptography=True)
        return b"" if shown is None else staples.get(shown, b"")

    if staples:
        context.set_ocsp_server_callback(choose)


def _issuer(pair: CertificatePair) -> x509.Certificate:
    if len(pair.chain) > 1:
        return pair.chain[1]
    raise StapleError("it can not be verified without the issuer of the certificate", "Append the issuer to the chain")


def _find(response: ocsp.OCSPResponse, leaf: x509.Certificate, issuer: x509.Certificate) -> ocsp.OCSPSingleResponse:
    for single in response.responses:
        try:
            asked = ocsp.OCSPRequestBuilder().add_certificate(leaf, issuer, single.hash_algorithm).build()
        except (ValueError, UnsupportedAlgorithm):
            continue
        names = single.serial_number, single.issuer_name_hash, single.issuer_key_hash
        if names == (asked.serial_number, asked.issuer_name_hash, asked.issuer_key_hash):
            return single
    raise StapleError("it is about another certificate", "Fetch the one for this certificate")


def _judge(single: ocsp.OCSPSingleResponse, now: datetime) -> datetime:
    """Return the end of its validity."""
    if single.certificate_status is not ocsp.OCSPCertStatus.GOOD:
        status = single.certificate_status.name.lower()
        raise StapleError(f"it says that the certificate is {status}", "Have the certificate made anew")
    end = single.next_update_utc
    if end is None:
        raise StapleError("it does not say how long it is good for", "Get one with an end (nextUpdate)")
    if now >= end:
        raise StapleError(f"it is out of date since {end:%Y-%m-%d %H:%M} UTC", "Fetch it again, and more often")
    if now < single.this_update_utc:
        start = single.this_update_utc
        raise StapleError(f"it is not valid before {start:%Y-%m-%d %H:%M} UTC", "Check the clock of this machine")
    return end


def _require_signature(response: ocsp.OCSPResponse, issuer: x509.Certificate, now: datetime) -> None:
    """Verify it with the issuer, or with who may answer in its name (RFC 6960 section 4.2.2.2)."""
    signers = [issuer, *(each for each in response.certificates if _may_answer(each, issuer, now))]
    if not any(_has_signed(signer, response) for signer in signers):
        raise StapleError("its signature is not that of the certificate's issuer", "Fetch it from the issuer again")


def _may_answer(responder: x509.Certificate, issuer: x509.Certificate, now: datetime) -> bool:
    try:
        responder.verify_directly_issued_by(issuer)
        usage = responder.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm, x509.ExtensionNotFound):
        return False
    is_valid = responder.not_valid_before_utc <= now <= responder.not_valid_after_utc
    return is_valid and ExtendedKeyUsageOID.OCSP_SIGNING in usage


def _has_signed(signer: x509.Certificate, response: ocsp.OCSPResponse) -> bool:
    signed = response.signature, response.tbs_response_bytes
    try:
        key = signer.public_key()
        if isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(*signed)
            return True
        algorithm = response.signature_hash_algorithm
        if algorithm is None or isinstance(algorithm, hashes.MD5):
            return False
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(*signed, padding.PKCS1v15(), algorithm)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(*signed, ec.ECDSA(algorithm))
        else:
            return False
    except (InvalidSignature, ValueError, UnsupportedAlgorithm):
        return False
    return True
