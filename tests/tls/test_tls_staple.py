"""OCSP responses: only what proves something is stapled, and it reaches the client, whatever certificate it gets."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID
from OpenSSL import SSL

from ftpstwist.tls.context import SharedContexts
from ftpstwist.tls.description import describe
from ftpstwist.tls.ocsp import ResponseError
from ftpstwist.tls.staple import load_staple
from tests.tls.tls_support import (
    NOW,
    PyOpenSSLClient,
    authority,
    intermediate,
    issue,
    pair,
    policy,
    private_key,
    session_tls,
    shake_hands,
)

GOOD = ocsp.OCSPCertStatus.GOOD
HOUR = timedelta(hours=1)


def respond(
    about, *, status=GOOD, start=NOW - HOUR, end=NOW + HOUR, signer=None, certificates=(), algorithm=None, issuer=None
) -> bytes:
    """An OCSP response about a pair, signed by its issuer unless told otherwise."""
    above = issuer or about.chain[1]
    signer_certificate, signer_key = signer or intermediate(about.key_type)
    builder = ocsp.OCSPResponseBuilder().add_response(
        cert=about.leaf,
        issuer=above,
        algorithm=algorithm or hashes.SHA1(),
        cert_status=status,
        this_update=start,
        next_update=end,
        revocation_time=start if status is ocsp.OCSPCertStatus.REVOKED else None,
        revocation_reason=None,
    )
    builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, signer_certificate)
    if certificates:
        builder = builder.certificates(list(certificates))
    return builder.sign(signer_key, hashes.SHA256()).public_bytes(Encoding.DER)


@pytest.fixture
def load(tmp_path):
    def load(octets, about=None):
        path = tmp_path / "x.ocsp"
        path.write_bytes(octets)
        return load_staple(path, about or pair(chained=True), now=NOW)

    return load


@pytest.mark.parametrize("key_type", ["ECDSA", "RSA"])
@pytest.mark.parametrize("algorithm", [hashes.SHA1(), hashes.SHA256()], ids=["sha1", "sha256"])
def test_good_response_is_taken(load, key_type, algorithm):
    """From responders that name the certificate by either hash, signed with either kind of key."""
    about = pair(key_type=key_type, chained=True)
    staple = load(respond(about, algorithm=algorithm), about)
    assert abs(staple.until - (NOW + HOUR)) < timedelta(seconds=1)


def responder(usage):
    key = private_key("responder")
    return issue("Responder", key, intermediate(), names=(), usage=usage), key


def test_delegated_responder_counts_if_it_may_answer(load):
    """Most public authorities answer through another certificate; not every certificate of theirs may do so."""
    allowed = responder((ExtendedKeyUsageOID.OCSP_SIGNING,))
    assert load(respond(pair(chained=True), signer=allowed, certificates=[allowed[0]]))
    other = responder((ExtendedKeyUsageOID.SERVER_AUTH,))
    with pytest.raises(ResponseError, match="signature"):
        load(respond(pair(chained=True), signer=other, certificates=[other[0]]))


@pytest.mark.parametrize(
    ("octets", "words"),
    [
        (lambda: b"nothing", "no OCSP response"),
        (lambda: respond(pair(chained=True), status=ocsp.OCSPCertStatus.REVOKED), "revoked"),
        (lambda: respond(pair(chained=True), status=ocsp.OCSPCertStatus.UNKNOWN), "unknown"),
        (lambda: respond(pair(chained=True), end=NOW - timedelta(minutes=1)), "out of date"),
        (lambda: respond(pair(chained=True), start=NOW + HOUR / 2), "not valid before"),
        (lambda: respond(pair(chained=True), end=None), "how long"),
        (lambda: respond(pair("other", chained=True)), "another certificate"),
        (lambda: respond(pair(chained=True), issuer=authority()[0]), "another certificate"),
        (lambda: respond(pair(chained=True), signer=authority()), "signature"),
        (
            lambda: ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus.TRY_LATER).public_bytes(
                Encoding.DER
            ),
            "try later",
        ),
    ],
)
def test_what_proves_nothing_is_not_stapled(load, octets, words):
    """A client that asks for a proof never gets a wrong one."""
    with pytest.raises(ResponseError, match=words):
        load(octets())


def test_certificate_without_issuer_can_not_be_judged(load):
    """The remedy is to append the chain."""
    alone = replace(pair(chained=True), chain=pair(chained=True).chain[:1])
    with pytest.raises(ResponseError, match="without the issuer"):
        load(respond(pair(chained=True)), alone)


def test_missing_file_is_told(tmp_path):
    """Before the first response has been fetched, say."""
    with pytest.raises(ResponseError, match="No such file"):
        load_staple(tmp_path / "none", pair(chained=True), now=NOW)


def test_response_is_described():
    """An operator who wonders what the timer has fetched sees status and end."""
    (part,) = describe(respond(pair(chained=True)), now=NOW)
    assert dict(part.rows)["status"] == "good"
    assert dict(part.rows)["serial number"] == f"{pair(chained=True).leaf.serial_number:x}"


# --- in the handshake -----------------------------------------------------------------------------


class AskingClient(PyOpenSSLClient):
    """A client that asks for a staple."""

    def __init__(self, name: str, version: int, ciphers: bytes = b"ALL"):
        self.staples = []
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        context.set_max_proto_version(version)
        context.set_cipher_list(ciphers)
        context.set_ocsp_client_callback(lambda _connection, octets, _: self.staples.append(octets) or True)
        super().__init__(context=context)
        self.tls.set_tlsext_host_name(name.encode())
        self.tls.request_ocsp()


def stapled(load, name, key_type="ECDSA"):
    about = pair(name, key_type, chained=True)
    return replace(about, staple=load(respond(about), about))


@pytest.mark.parametrize("version", [SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION])
def test_client_gets_the_staple_of_the_certificate_it_gets(load, version):
    """Chosen by the name it asks for, on the control connection and on data connections alike."""
    first, second = stapled(load, "a.example.org"), stapled(load, "b.example.org")
    bare = pair("c.example.org", chained=True)
    shared = SharedContexts(policy(first, second, bare))
    expected = {"a.example.org": first.staple.octets, "b.example.org": second.staple.octets, "c.example.org": b""}
    for name, octets in expected.items():
        tls = session_tls(shared=shared)
        for open_channel in (tls.control_channel, tls.data_channel):
            client = AskingClient(name, version)
            assert shake_hands(client, open_channel()) is None
            assert client.is_complete, client.error
            assert client.staples == [octets]


def test_staple_follows_the_key_type(load):
    """With an RSA and an ECDSA certificate for one name, each has its own staple."""
    both = [stapled(load, "a.example.org", key_type) for key_type in ("RSA", "ECDSA")]
    for about, ciphers in zip(both, (b"ECDHE-RSA-AES128-GCM-SHA256", b"ECDHE-ECDSA-AES128-GCM-SHA256"), strict=True):
        client = AskingClient("a.example.org", SSL.TLS1_2_VERSION, ciphers)
        assert shake_hands(client, session_tls(shared=SharedContexts(policy(*both))).control_channel()) is None
        assert client.staples == [about.staple.octets]


def test_issuer_in_the_name_of_another_is_no_issuer(load):
    """A forged response is told by its key, not by the name in it."""
    key = private_key("forger")
    forged = issue("ECDSA Intermediate", key, names=(), ca=True, usage=()), key
    assert isinstance(forged[0], x509.Certificate)
    with pytest.raises(ResponseError, match="signature"):
        load(respond(pair(chained=True), signer=forged, certificates=[forged[0]]))
