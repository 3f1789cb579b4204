"""A failed handshake is explained: what happened, what to change, what was offered."""

import ssl

import pytest
from OpenSSL import SSL

from ftpstwist.interfaces import TlsError
from ftpstwist.tls import diagnosis
from ftpstwist.tls.context import SharedContexts
from ftpstwist.tls.policy import Profile, TlsVersion
from tests.tls.tls_support import (
    BOTH_VERSIONS,
    TLS12,
    TLS13,
    PyOpenSSLClient,
    StdlibClient,
    client_context,
    hello_of,
    pair,
    policy,
    session_tls,
    shake_hands,
)


def failure_of(client, **settings) -> TlsError:
    failure = shake_hands(client, session_tls(**settings).control_channel())
    assert failure is not None
    return failure


def failure_after(*records: bytes, end: bool = False) -> TlsError:
    """Feed raw octets to a fresh channel."""
    channel = session_tls().control_channel()
    for octets in records:
        channel.feed(octets)
    if end:
        channel.feed_end()
    with pytest.raises(TlsError) as caught:
        channel.handshake()
    return caught.value


def other_group_context():
    context = client_context(TLS12)
    context.set_ecdh_curve("secp256k1")
    return context


def client_taking(signatures: bytes) -> PyOpenSSLClient:
    client = PyOpenSSLClient(SSL.TLS1_3_VERSION)
    assert SSL._lib.SSL_CTX_set1_sigalgs_list(client.context._context, signatures) == 1
    return PyOpenSSLClient(context=client.context)


# --- what the client offered does not fit ---------------------------------------------------------


def test_a_client_that_is_too_old():
    """«wrong version number» of old is: the client offered TLS 1.1, the minimum is 1.2."""
    failure = failure_of(PyOpenSSLClient(SSL.TLS1_1_VERSION, ciphers=b"ALL:@SECLEVEL=0"))
    assert failure.cause == "the client offered at most TLS 1.1; the minimum is TLS 1.2"
    assert failure.remedy == "update the client; it has to speak TLS 1.2 or newer"
    assert "AES128-SHA" in failure.offered
    assert not failure.truncated


def test_a_client_that_is_too_old_for_the_modern_profile():
    """The minimum named is that of the listener."""
    failure = failure_of(StdlibClient(client_context(TLS12)), profile=Profile.MODERN)
    assert failure.cause == "the client offered at most TLS 1.2; the minimum is TLS 1.3"


def test_a_client_that_is_too_new():
    """A listener that is held back is what has to change, not the client."""
    failure = failure_of(StdlibClient(client_context(TLS13)), maximum=TlsVersion.TLS_1_2)
    assert failure.cause == "the client offered TLS 1.3; we speak TLS 1.2 to TLS 1.2"
    assert "listener" in failure.remedy


def test_no_suite_in_common():
    """Both lists are named."""
    failure = failure_of(StdlibClient(client_context(TLS12, ciphers="AES256-SHA256:AES128-SHA:@SECLEVEL=1")))
    assert "no cipher suite in common" in failure.cause
    assert "offers AES256-SHA256, AES128-SHA" in failure.cause
    assert "ours are ECDHE-ECDSA-AES128-GCM-SHA256" in failure.cause
    assert "ECDHE" in failure.remedy


@pytest.mark.parametrize(("ours", "theirs"), [("ECDSA", "RSA"), ("RSA", "ECDSA")])
def test_a_certificate_type_is_missing(ours, theirs):
    """«no shared cipher» that is really a missing certificate says which one."""
    client = StdlibClient(client_context(TLS12, ciphers=f"ECDHE-{theirs}-AES128-GCM-SHA256"))
    channel = session_tls(shared=SharedContexts(policy(pair(key_type=ours)))).control_channel()
    failure = shake_hands(client, channel)
    assert failure.cause == f"the client takes {theirs} certificates only; we have {ours}"
    assert failure.remedy == f"add an {theirs} certificate beside the {ours} one"


@pytest.mark.parametrize(
    ("ours", "theirs", "signatures"),
    [("ECDSA", "RSA", b"rsa_pss_rsae_sha256:rsa_pkcs1_sha256"), ("RSA", "ECDSA", b"ecdsa_secp256r1_sha256")],
)
def test_a_certificate_type_is_missing_under_tls_1_3(ours, theirs, signatures):
    """TLS 1.3 names signatures in place of suites; the words are the same."""
    channel = session_tls(shared=SharedContexts(policy(pair(key_type=ours)))).control_channel()
    failure = shake_hands(client_taking(signatures), channel)
    assert failure.cause == f"the client takes {theirs} certificates only; we have {ours}"


def test_no_group_in_common():
    """An exotic curve is recognised as such, and not blamed on the suites."""
    failure = failure_of(StdlibClient(other_group_context()))
    assert "no group for the key exchange in common" in failure.cause
    assert "secp256k1" in failure.cause


def test_protocols_that_are_not_ours():
    """A browser is called a browser."""
    failure = failure_of(StdlibClient(client_context(TLS13, alpn=["h2"])))
    assert failure.cause == "the client offers the application protocols 'h2'; ours are ftp, x-filezilla-ftp"
    assert "browser" in failure.remedy


# --- the client refuses ---------------------------------------------------------------------------


@pytest.mark.parametrize("version", BOTH_VERSIONS)
def test_a_client_that_does_not_trust_us(version):
    """An untrusted issuer and a wrong name are told apart, as far as the client does."""
    context = ssl.create_default_context()
    context.minimum_version = context.maximum_version = version
    failure = failure_of(StdlibClient(context))
    assert failure.cause == "the client does not know the issuer of our certificate"
    assert "fingerprint" in failure.remedy


@pytest.mark.parametrize(
    ("alert", "words"),
    [
        (40, "nothing acceptable"),
        (42, "does not accept our certificate"),
        (43, "can not use the type of our certificate"),
        (44, "revoked"),
        (45, "has expired"),
        (46, "does not accept our certificate"),
        (48, "does not know the issuer"),
        (49, "refused the connection"),
        (70, "refused the protocol version"),
        (71, "stronger suites"),
        (80, "internal error"),
        (86, "fell back"),
        (112, "for another name"),
    ],
)
def test_alerts_of_the_client_are_translated(alert, words):
    """Each fatal alert becomes a sentence and a remedy; what was offered is still known."""
    channel = session_tls().control_channel()
    channel.feed(hello_of())
    assert not channel.handshake()
    channel.drain()
    channel.feed(bytes([21, 3, 3, 0, 2, 2, alert]))
    with pytest.raises(TlsError) as caught:
        channel.handshake()
    assert words in caught.value.cause
    assert caught.value.remedy
    assert "ftp.example.org" in caught.value.offered


def test_an_unknown_alert_is_quoted():
    """What we have no words for is passed on as OpenSSL says it."""
    assert "something new" in diagnosis.explain_alert(("tls alert something new",)).cause
    terms = diagnosis.Terms(0x0303, 0x0304, (), ("ECDSA",), ("ftp",))
    unheard = diagnosis.explain_handshake(("unheard of",), hello_of(), terms)
    assert unheard.cause == "the handshake failed: unheard of"
    assert "ftp.example.org" in unheard.offered


# --- the end in the middle ------------------------------------------------------------------------


def test_an_end_before_anything_is_no_drama():
    """Health checks are recognised by one stable sentence."""
    failure = failure_after(end=True)
    assert failure.cause == diagnosis.NO_OCTET
    assert failure.truncated


def test_an_end_in_the_client_hello_points_between():
    """A firewall that cuts handshakes is suspected."""
    failure = failure_after(hello_of()[:100], end=True)
    assert "in the middle of the ClientHello" in failure.cause
    assert "firewall" in failure.remedy


@pytest.mark.parametrize("goodbye", [b"", bytes([21, 3, 3, 0, 2, 1, 0])])
def test_an_end_after_our_answer_points_to_the_certificate(goodbye):
    """A client that silently walks away, with or without close_notify, probably disliked the certificate."""
    channel = session_tls().control_channel()
    channel.feed(hello_of(client_context(TLS12)))
    assert not channel.handshake()
    assert channel.drain()
    channel.feed(goodbye)
    channel.feed_end()
    with pytest.raises(TlsError) as caught:
        channel.handshake()
    assert "after our ServerHello" in caught.value.cause
    assert "certificate" in caught.value.remedy
    assert "versions: at most TLS 1.2" in caught.value.offered or "versions: TLS 1.2" in caught.value.offered


# --- not TLS at all -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("octets", "words"),
    [
        (b"USER alice\r\nPASS geheim\r\n", "clear FTP (USER)"),
        (b"pass geheim\r\n", "clear FTP (PASS)"),
        (b"FEAT\r\n", "clear FTP (FEAT)"),
        (b"PWD\r\n", "clear FTP (PWD)"),
        (b"GET / HTTP/1.1\r\nAuthorization: geheim\r\n", "HTTP"),
        (b"POST /geheim HTTP/1.1\r\n", "HTTP"),
        (b"CONNECT a:21 HTTP/1.1\r\n", "HTTP"),
        (b"SSH-2.0-geheim\r\n", "SSH"),
        (b"EHLO geheim\r\n", "SMTP"),
        (bytes.fromhex("802e010002001500000010") + b"geheim" * 6, "SSL 2.0"),
        (b"\x00\x01geheim", "not TLS"),
        (b"geheim geheim geheim\r\n", "not TLS"),
    ],
)
def test_what_is_not_tls_is_named_and_not_quoted(octets, words):
    """The right remedy for each protocol; no password that came in clear ever reaches the log."""
    failure = failure_after(octets)
    assert words in failure.cause
    assert "geheim" not in failure.cause + failure.remedy + failure.offered


def test_a_few_octets_of_clear_text_and_the_end():
    """Too little for OpenSSL to judge is still recognised when nothing follows."""
    assert "not TLS" in failure_after(b"\r\n", end=True).cause
    assert "clear FTP (PWD)" in failure_after(b"PWD\n", end=True).cause


def test_the_two_services_have_different_remedies():
    """K3: on the implicit port the client is pointed to explicit TLS; after AUTH it is told to start TLS."""
    assert "ftpes" in diagnosis.explain_plaintext(b"USER a\r\n", implicit=True).remedy
    assert "after AUTH" in diagnosis.explain_plaintext(b"USER a\r\n").remedy
    hint = diagnosis.explain_hello_in_clear(hello_of())
    assert "explicit TLS (AUTH TLS, ftpes)" in hint.remedy
    assert "ftp.example.org" in hint.offered


def test_garbage_in_tls_clothes_is_survived():
    """A scanner's broken records end in words, too."""
    assert "handshake failed" in failure_after(b"\x16\x03\x01\x00\x05hello").cause
    assert failure_after(b"\x16\x03\x01\xff\xff" + b"x" * 100).cause
    assert "no reason known" in diagnosis.explain_handshake((), b"", diagnosis.Terms(0, 0, (), (), ())).cause


def test_time_limits_tell_silence_from_slowness():
    """K6: a port scan and a slow network look different in the log."""
    assert diagnosis.explain_time_limit(b"", 10).cause == "the client sent no octet within 10 seconds"
    slow = diagnosis.explain_time_limit(hello_of()[:60], 2.5)
    assert slow.cause == "the client did not complete the handshake within 2.5 seconds"
    assert "firewall" in slow.remedy
