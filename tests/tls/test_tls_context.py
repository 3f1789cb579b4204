"""What clients get from the shared contexts: certificate, suite, protocol, version."""

import gc
import ssl
import weakref

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from OpenSSL import SSL

from ftpstwist.tls.certificate import CertificatePair
from ftpstwist.tls.context import SharedContexts
from ftpstwist.tls.policy import Profile, ServerCertificates, TlsPolicy, TlsPolicyError, TlsVersion, group_pairs
from tests.tls.tls_support import (
    BOTH_VERSIONS,
    TLS12,
    TLS13,
    PyOpenSSLClient,
    StdlibClient,
    authority,
    client_context,
    connect,
    intermediate,
    named,
    pair,
    policy,
    session_tls,
    shake_hands,
)


def shown_certificate(client: StdlibClient) -> x509.Certificate:
    return x509.load_der_x509_certificate(client.tls.getpeercert(binary_form=True))


# --- SNI ------------------------------------------------------------------------------------------

DEFAULT, EXACT, WILD = pair("ftp.example.org"), pair("files.example.net"), pair("*.example.com")


@pytest.mark.parametrize("version", BOTH_VERSIONS)
@pytest.mark.parametrize(
    ("asked", "expected", "noted"),
    [
        (None, DEFAULT, None),
        ("unknown.example", DEFAULT, "unknown.example"),
        ("ftp.example.org", DEFAULT, "ftp.example.org"),
        ("files.example.net", EXACT, "files.example.net"),
        ("FILES.Example.NET", EXACT, "files.example.net"),
        ("a.example.com", WILD, "a.example.com"),
        ("A.EXAMPLE.COM", WILD, "a.example.com"),
        ("a.b.example.com", DEFAULT, "a.b.example.com"),
        ("example.com", DEFAULT, "example.com"),
        ("com", DEFAULT, "com"),
    ],
)
def test_the_name_asked_for_chooses_the_certificate(version, asked, expected, noted):
    """Several names on one address: each client sees its certificate; an unknown name never ends a handshake."""
    shared = SharedContexts(policy(DEFAULT, EXACT, WILD))
    channel = session_tls(shared=shared).control_channel()
    client = connect(channel, client_context(version), name=asked)
    assert shown_certificate(client) == expected.leaf
    assert channel.facts.server_name == noted


@pytest.mark.parametrize("version", BOTH_VERSIONS)
@pytest.mark.parametrize(
    ("expected_name", "asked", "shown"),
    [
        ("one.example", None, EXACT),
        ("One.Example", None, EXACT),
        ("nowhere.example", None, DEFAULT),
        ("192.0.2.1", None, DEFAULT),
        ("", None, DEFAULT),
        ("One.Example", "one.example", EXACT),
        ("192.0.2.1", "one.example", EXACT),
    ],
)
def test_name_of_host_before_the_handshake(version, expected_name, asked, shown):
    """H7: HOST chooses the certificate of clients that name no server to TLS, for data connections, too."""
    certificates = (named("ftp.example.org", DEFAULT), named("one.example", EXACT))
    session = session_tls(shared=SharedContexts(TlsPolicy(certificates)))
    session.expect_name(expected_name)
    for open_channel in (session.control_channel, session.data_channel):
        channel = open_channel()
        assert shown_certificate(connect(channel, client_context(version), name=asked)) == shown.leaf
        assert channel.facts.server_name == asked


@pytest.mark.parametrize("version", BOTH_VERSIONS)
@pytest.mark.parametrize("asked", ["ftp.example.org", "nowhere.example"])
def test_another_name_than_that_of_host_is_refused(version, asked):
    """H4, H7: HOST and SNI have to agree; the client gets access_denied, and the log says both names."""
    session = session_tls(shared=SharedContexts(policy(DEFAULT, EXACT, WILD)))
    session.expect_name("one.example")
    client = StdlibClient(client_context(version), name=asked)
    failure = shake_hands(client, session.control_channel())
    assert failure.cause == f"the client asks for the host {asked!r}, but has given HOST 'one.example' before"
    assert "ACCESS_DENIED" in str(client.error)


@pytest.mark.parametrize("version", BOTH_VERSIONS)
def test_strict_names(version):
    """Where only our names are served, others are unrecognized_name; addresses and no name at all get the first."""
    certificates = (named("ftp.example.org", DEFAULT), ServerCertificates((WILD,)))
    strict = TlsPolicy(certificates, strict_names=True, other_names=frozenset({"other.example"}))
    shared = SharedContexts(strict)
    for asked in ("ftp.example.org", "FTP.example.org", "a.example.com", "Other.Example", "192.0.2.1", None):
        connect(session_tls(shared=shared).control_channel(), client_context(version), name=asked)
    for asked in ("nowhere.example", "example.com"):
        client = StdlibClient(client_context(version), name=asked)
        failure = shake_hands(client, session_tls(shared=shared).control_channel())
        assert failure.cause == f"the client asks for the unknown host {asked!r}"
        assert "UNRECOGNIZED_NAME" in str(client.error)


def test_names_given_to_a_certificate_win_over_those_held_by_another():
    """A host's own certificate is shown for its name, though the default one holds that name, too."""
    table = TlsPolicy((ServerCertificates((EXACT,)), named("one.example", DEFAULT))).by_name
    assert table["one.example"].pairs == (DEFAULT,)


def test_an_address_as_name_is_ignored():
    """Clients that wrongly send an IP literal get the default certificate and no name in the log."""
    channel = session_tls().control_channel()
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    client = PyOpenSSLClient(context=context)
    client.tls.set_tlsext_host_name(b"192.0.2.1")
    assert shake_hands(client, channel) is None
    assert channel.facts.server_name is None


def test_configured_names_win_over_those_in_the_certificate():
    """A certificate can be given to names that it does not hold, and one group serves several names."""
    certificates = (named("ftp.example.org", DEFAULT), named("One.Example. two.example", EXACT))
    channel = session_tls(shared=SharedContexts(TlsPolicy(certificates))).control_channel()
    assert shown_certificate(connect(channel, name="two.example")) == EXACT.leaf
    table = TlsPolicy(certificates).by_name
    assert set(table) == {"ftp.example.org", "one.example", "two.example"}


def test_where_two_claim_a_name_the_first_has_it():
    """The table of names has no surprises."""
    table = TlsPolicy((named("a.example", DEFAULT), named("a.example b.example", EXACT))).by_name
    assert table["a.example"].pairs == (DEFAULT,)
    assert table["b.example"].pairs == (EXACT,)


# --- certificates of two key types ----------------------------------------------------------------


def chain_seen_by(client: PyOpenSSLClient) -> list[str]:
    return [each.subject.rfc4514_string() for each in client.tls.get_peer_cert_chain(as_cryptography=True)]


@pytest.mark.parametrize(
    ("suite", "key_type"), [("ECDHE-RSA-AES128-GCM-SHA256", "RSA"), ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDSA")]
)
def test_the_suite_chooses_between_rsa_and_ecdsa(suite, key_type):
    """Old clients get RSA, others ECDSA, each with its own intermediate and no other."""
    both = policy(pair(key_type="RSA", chained=True), pair(key_type="ECDSA", chained=True))
    assert both.certificates[0].key_types == ("RSA", "ECDSA")
    channel = session_tls(shared=SharedContexts(both)).control_channel()
    client = PyOpenSSLClient(SSL.TLS1_2_VERSION, ciphers=suite.encode())
    assert shake_hands(client, channel) is None
    assert channel.facts.cipher == suite
    assert chain_seen_by(client) == ["CN=ftp.example.org", f"CN={key_type} Intermediate"]


def test_a_single_certificate_is_sent_with_its_chain():
    """A client that knows the root only can verify."""
    channel = session_tls(shared=SharedContexts(policy(pair(chained=True)))).control_channel()
    context = ssl.create_default_context(cadata=authority()[0].public_bytes(Encoding.PEM).decode())
    client = StdlibClient(context)
    assert shake_hands(client, channel) is None
    assert client.is_complete


def test_pairs_are_grouped_by_their_names():
    """Files listed one by one find their partners."""
    groups = group_pairs([pair(), pair("other.example"), pair(key_type="RSA")])
    assert [group.key_types for group in groups] == [("ECDSA", "RSA"), ("ECDSA",)]


# --- ALPN -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", BOTH_VERSIONS)
@pytest.mark.parametrize(
    ("offered", "agreed"),
    [
        ((), None),
        (("ftp",), "ftp"),
        (("x-filezilla-ftp",), "x-filezilla-ftp"),
        (("x-filezilla-ftp", "ftp"), "ftp"),
        (("h2", "ftp"), "ftp"),
    ],
)
def test_protocols_of_ours_are_agreed_on(version, offered, agreed):
    """Who offers nothing is served; who offers ours is answered (RFC 7301)."""
    channel = session_tls().control_channel()
    client = connect(channel, client_context(version, alpn=offered))
    assert channel.facts.alpn == agreed
    assert client.tls.selected_alpn_protocol() == agreed


@pytest.mark.parametrize("version", BOTH_VERSIONS)
@pytest.mark.parametrize("kind", ["control", "data"])
def test_other_protocols_are_refused(version, kind):
    """ALPACA: a browser that is led to us is turned away with the alert no_application_protocol."""
    tls = session_tls()
    channel = tls.control_channel() if kind == "control" else tls.data_channel()
    client = StdlibClient(client_context(version, alpn=["h2", "http/1.1"]))
    failure = shake_hands(client, channel)
    assert "'h2', 'http/1.1'" in failure.cause
    assert "no application protocol" in str(client.error).lower()
    assert not client.is_complete


def test_a_refused_protocol_harms_no_other_connection():
    """A refusal on one connection is never seen by another of the same context (pyOpenSSL keeps it at the context)."""
    shared = SharedContexts(policy())
    refused, other = session_tls(shared=shared).control_channel(), session_tls(shared=shared).control_channel()
    client = connect(other)
    browser = StdlibClient(client_context(TLS13, alpn=["h2"]))
    browser.step()
    refused.feed(browser.take())
    with pytest.raises(Exception, match="application protocols"):
        refused.handshake()
    other.feed(client.send(b"NOOP\r\n"))
    assert other.decrypt(100) == b"NOOP\r\n"
    other.encrypt(b"200\r\n")
    client.give(other.drain())
    assert client.read() == b"200\r\n"


def test_filezilla_s_protocol_of_data_connections_is_known():
    """Strict ALPN does not turn away a client that marks its data connections."""
    tls = session_tls()
    connect(tls.control_channel())
    channel = tls.data_channel()
    connect(channel, client_context(alpn=["ftp-data"], minimum=TLS13))
    assert channel.facts.alpn == "ftp-data"


# --- versions, suites, groups ---------------------------------------------------------------------


def test_the_intermediate_profile_has_no_weak_suite():
    """Forward secrecy and authenticated encryption, nothing else, under TLS 1.2 and 1.3."""
    names = SharedContexts(policy()).current.cipher_names
    assert names[:3] == ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")
    assert len(names) == 9
    assert all(name.startswith("ECDHE-") and ("GCM" in name or "POLY1305" in name) for name in names[3:])


def test_our_order_of_suites_wins():
    """The server's preference holds, whatever the client would rather have."""
    channel = session_tls().control_channel()
    connect(channel, client_context(TLS12, ciphers="ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-GCM-SHA256"))
    assert channel.facts.cipher == "ECDHE-ECDSA-AES128-GCM-SHA256"


@pytest.mark.parametrize(
    ("settings", "works"),
    [
        ({}, {TLS12, TLS13}),
        ({"profile": Profile.MODERN}, {TLS13}),
        ({"minimum": TlsVersion.TLS_1_3}, {TLS13}),
        ({"maximum": TlsVersion.TLS_1_2}, {TLS12}),
    ],
)
def test_versions_follow_the_policy(settings, works):
    """What is not allowed is not spoken."""
    for version in BOTH_VERSIONS:
        client = StdlibClient(client_context(version))
        failure = shake_hands(client, session_tls(**settings).control_channel())
        assert (failure is None) == (version in works)


def test_a_hybrid_group_is_agreed_on():
    """Clients of today get a key exchange that resists quantum computers."""
    channel = session_tls().control_channel()
    client = PyOpenSSLClient(SSL.TLS1_3_VERSION)
    assert shake_hands(client, channel) is None
    assert client.tls.get_group_name() == "X25519MLKEM768"


def test_raw_cipher_lists_are_taken():
    """An operator may narrow the suites down."""
    tls = session_tls(ciphers="ECDHE-ECDSA-AES256-GCM-SHA384", suites="TLS_CHACHA20_POLY1305_SHA256")
    channel = tls.control_channel()
    connect(channel, client_context(TLS13))
    assert channel.facts.cipher == "TLS_CHACHA20_POLY1305_SHA256"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"ciphers": "ECDHE+AESGCM:NONSENSE:!MD5"}, "'NONSENSE'"),
        ({"suites": "TLS_AES_128_GCM_SHA256:TLS_FOO"}, "'TLS_FOO'"),
        ({"profile": Profile.MODERN, "minimum": TlsVersion.TLS_1_2}, "begins with TLS 1.3"),
        ({"profile": Profile.MODERN, "maximum": TlsVersion.TLS_1_2}, "no version from TLS 1.3 to TLS 1.2"),
    ],
)
def test_a_policy_that_can_not_be_says_why(settings, words):
    """A misspelt cipher is named, and not silently left out as OpenSSL would."""
    with pytest.raises(TlsPolicyError, match=words):
        SharedContexts(policy(**settings))


def test_a_policy_needs_certificates():
    """A listener without a certificate can not start; two of one type for one name are a mistake."""
    with pytest.raises(TlsPolicyError, match="at least one"):
        TlsPolicy(())
    with pytest.raises(TlsPolicyError, match="at least one"):
        TlsPolicy((ServerCertificates(()),))
    with pytest.raises(TlsPolicyError, match="two certificates of one key type"):
        TlsPolicy((named("a.example", pair(), pair("other.example")),))


def test_a_pair_that_openssl_refuses_is_named():
    """A key that does not belong to its certificate never reaches a client."""
    mixed = CertificatePair(pair().chain, pair("other.example").key)
    with pytest.raises(TlsPolicyError, match=r"refuses the certificate ftp\.example\.org"):
        SharedContexts(policy(mixed))


def test_security_level_prefixes_are_known():
    """@SECLEVEL in a list is not taken for an unknown cipher."""
    SharedContexts(policy(ciphers="ECDHE+AESGCM:@SECLEVEL=2"))


# --- hot swap -------------------------------------------------------------------------------------


def test_new_sessions_see_the_new_certificate_old_ones_keep_theirs():
    """K12, T24: after a reload a running session's data connections show what its control connection showed."""
    renewed = pair("renewed.example")
    shared = SharedContexts(policy())
    old = session_tls(shared=shared)
    connect(old.control_channel())
    shared.replace(policy(renewed))
    fresh = connect(old.data_channel())
    assert shown_certificate(fresh) == pair().leaf
    new = connect(session_tls(shared=shared).control_channel())
    assert shown_certificate(new) == renewed.leaf


def test_a_bad_policy_leaves_the_old_one_in_force():
    """K12: a failed reload changes nothing."""
    shared = SharedContexts(policy())
    with pytest.raises(TlsPolicyError):
        shared.replace(policy(ciphers="NONSENSE"))
    assert shown_certificate(connect(session_tls(shared=shared).control_channel())) == pair().leaf


@pytest.mark.parametrize("version", BOTH_VERSIONS)
def test_callbacks_outlive_a_replaced_policy(version):
    """A connection that began before a reload finishes its handshake after it, callbacks and all."""
    shared = SharedContexts(policy(DEFAULT, EXACT))
    channels = [session_tls(shared=shared).control_channel() for _ in range(20)]
    for _ in range(3):
        shared.replace(policy(WILD))
        gc.collect()
    for channel in channels:
        client = connect(channel, client_context(version, alpn=["ftp"]), name="files.example.net")
        assert shown_certificate(client) == EXACT.leaf
        assert channel.facts.alpn == "ftp"


def test_replaced_contexts_are_not_kept_for_ever():
    """Reloading every hour for a year does not fill the memory."""
    shared = SharedContexts(policy())
    connect(session_tls(shared=shared).control_channel())
    old = weakref.ref(shared.current)
    shared.replace(policy())
    gc.collect()
    assert old() is None


def test_the_intermediate_is_real():
    """The test chain verifies, so the tests above mean something."""
    assert pair(chained=True).leaf.verify_directly_issued_by(intermediate()[0]) is None


def test_key_exchange_is_hybrid_by_default():
    """Groups are OpenSSL's own choice: what is recorded today stays secret when quantum computers come."""
    channel = session_tls().control_channel()
    client = PyOpenSSLClient(SSL.TLS1_3_VERSION)
    shake_hands(client, channel)
    assert client.is_complete
    assert client.tls.get_group_name() == "X25519MLKEM768"
