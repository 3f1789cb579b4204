"""OCSP responses: whether they are about a certificate, and whether they may be believed (RFC 6960).

A response counts if the issuer of the certificate has signed it, or a
responder to whom the issuer has given a certificate for that. What it says,
and how old it may be, is for those to judge who ask: ``staple`` for our own
certificates, ``revocation`` for those of clients.

Refuses to look whether the responder's own certificate was revoked.
"""

from __future__ import annotations

from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

MAX_OCTETS = 1 << 16
"""Largest response that is read; usual ones have 500 to 2,000 octets."""


class ResponseError(Exception):
    """A response proves nothing.

    Args:
        cause: Why not.
        remedy: What to do.
    """

    def __init__(self, cause: str, remedy: str) -> None:
        super().__init__(cause)
        self.cause = cause
        self.remedy = remedy


def read_response(octets: bytes) -> ocsp.OCSPResponse:
    """Return a response that is one, and no mere excuse.

    Raises:
        ResponseError: It can not be read, or the responder gave no answer.
    """
    try:
        response = ocsp.load_der_ocsp_response(octets)
    except ValueError:
        raise ResponseError("it is no OCSP response in DER form", 'Fetch it with "openssl ocsp -respout"') from None
    if response.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
        status = response.response_status.name.lower().replace("_", " ")
        raise ResponseError(f"the responder answered «{status}»", "Fetch it again")
    return response


def find_single(
    response: ocsp.OCSPResponse, certificate: x509.Certificate, issuer: x509.Certificate
) -> ocsp.OCSPSingleResponse:
    """Return what a response says about one certificate.

    Raises:
        ResponseError: Nothing.
    """
    for single in response.responses:
        try:
            asked = ocsp.OCSPRequestBuilder().add_certificate(certificate, issuer, single.hash_algorithm).build()
        except (ValueError, UnsupportedAlgorithm):
            continue
        names = single.serial_number, single.issuer_name_hash, single.issuer_key_hash
        if names == (asked.serial_number, asked.issuer_name_hash, asked.issuer_key_hash):
            return single
    raise ResponseError("it is about another certificate", "Fetch the one for this certificate")


def require_signature(response: ocsp.OCSPResponse, issuer: x509.Certificate, now: datetime) -> None:
    """Verify it with the issuer, or with who may answer in its name (RFC 6960 section 4.2.2.2).

    Raises:
        ResponseError: Neither has signed it.
    """
    signers = [issuer, *(each for each in response.certificates if _may_answer(each, issuer, now))]
    if not any(_has_signed(signer, response) for signer in signers):
        raise ResponseError("its signature is not that of the certificate's issuer", "Fetch it from the issuer again")


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
