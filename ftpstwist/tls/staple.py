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
from cryptography.x509 import ocsp
from OpenSSL import SSL

from ftpstwist.tls.certificate import CertificatePair, Staple
from ftpstwist.tls.ocsp import MAX_OCTETS, ResponseError, find_single, read_response, require_signature


def load_staple(path: Path, pair: CertificatePair, *, now: datetime) -> Staple:
    """Read an OCSP response and check that it proves that the certificate of *pair* is good. Blocks.

    Args:
        path: File with the response, DER.
        pair: The certificate, with its issuer above it.
        now: Time of the check, with time zone.

    Raises:
        ResponseError: It can not be used.
    """
    try:
        with path.open("rb") as file:
            octets = file.read(MAX_OCTETS)
    except OSError as error:
        raise ResponseError(f"it can not be read ({error.strerror})", "Have it fetched, or take it out") from None
    response = read_response(octets)
    issuer = _issuer(pair)
    single = find_single(response, pair.leaf, issuer)
    require_signature(response, issuer, now)
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
    raise ResponseError(
        "it can not be verified without the issuer of the certificate", "Append the issuer to the chain"
    )


def _judge(single: ocsp.OCSPSingleResponse, now: datetime) -> datetime:
    """Return the end of its validity."""
    if single.certificate_status is not ocsp.OCSPCertStatus.GOOD:
        status = single.certificate_status.name.lower()
        raise ResponseError(f"it says that the certificate is {status}", "Have the certificate made anew")
    end = single.next_update_utc
    if end is None:
        raise ResponseError("it does not say how long it is good for", "Get one with an end (nextUpdate)")
    if now >= end:
        raise ResponseError(f"it is out of date since {end:%Y-%m-%d %H:%M} UTC", "Fetch it again, and more often")
    if now < single.this_update_utc:
        start = single.this_update_utc
        raise ResponseError(f"it is not valid before {start:%Y-%m-%d %H:%M} UTC", "Check the clock of this machine")
    return end
