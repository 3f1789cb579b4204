"""Client certificates in the handshake: what passes, what is known of it afterwards, and what the log says."""

from __future__ import annotations

import re
from dataclasses import replace
from types import SimpleNamespace

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID
from OpenSSL import SSL

from ftpstwist.interfaces import Severity
from ftpstwist.session.certificate import write_name
from ftpstwist.session.policy import SessionReuse
from ftpstwist.tls.authorities import AskClients, ClientPolicy, ExpiredList, load_authorities, load_revocation_lists
from ftpstwist.tls.peer import read_peer
from ftpstwist.tls.policy import TlsPolicyError
from tests.support.authority import DAY, NOW, Authority, issue, name, upn, write_list
from tests.tls.tls_support import (
    BOTH_VERSIONS,
    PyOpenSSLClient,
    StdlibClient,
    client_context,
    connect,
    policy,
    session_tls,
    shake_hands,
)

STAFF, PARTNERS, STRANGERS = Authority("Staff"), Authority("Partners"), Authority("Strangers")
ASKING = ClientPolicy(AskClients.OPTIONAL, (STAFF.certificate, PARTNERS.certificate))
ADMITTING = replace(ASKING, admits_unknown=True)


@pytest.fixture(params=BOTH_VERSIONS, ids=lambda version: version.name)
def version(request):
    return request.param


@pytest.fixture
def with_certificate(tmp_path, version):
    """Makes client contexts that show a certificate."""

    def make(issued):
        context = client_context(version)
        if issued is not None:
            context.load_cert_chain(issued.write(tmp_path, "client"))
        return context

    return make


def refusal(clients, context):
    return shake_hands(StdlibClient(context), session_tls(clients=clients).control_channel())


def passes(clients, context):
    tls = session_tls(clients=clients)
    connect(tls.control_channel(), context)
    return tls.client_certificate


# --- what passes ---


def test_a_good_certificate_is_known_afterwards(with_certificate):
    """The session knows the certificate itself, and that it is trusted; the facts know its fingerprint."""
    issued = STAFF.issue("alice")
    tls = session_tls(clients=ASKING)
    channel = tls.control_channel()
    assert tls.client_certificate is None
    connect(channel, with_certificate(issued))
    assert tls.client_certificate.trusted
    assert tls.client_certificate.fingerprint == channel.facts.certificate == issued.fingerprint
    assert tls.client_certificate.der == issued.certificate.public_bytes(Encoding.DER)


def test_nobody_is_asked_by_default(with_certificate):
    """A client that would show its certificate keeps it to itself."""
    assert passes(ClientPolicy(), with_certificate(STAFF.issue("alice"))) is None


def test_optional_is_optional(with_certificate):
    """Without one the handshake is as ever."""
    assert passes(ASKING, with_certificate(None)) is None


def test_a_certificate_chosen_by_name_is_asked_for_as_well(tmp_path, with_certificate):
    """The context that the server name chooses has the same authorities."""
    assert passes(ASKING, with_certificate(STAFF.issue("alice"))).trusted
    tls = session_tls(clients=ASKING)
    connect(tls.control_channel(), with_certificate(STAFF.issue("alice")), name="other.example.org")
    assert tls.client_certificate.trusted


def test_a_new_handshake_forgets_the_certificate_of_the_old_one(with_certificate):
    """After REIN and AUTH the client is whom it shows then."""
    tls = session_tls(clients=ASKING)
    connect(tls.control_channel(), with_certificate(STAFF.issue("alice")))
    connect(tls.control_channel(), with_certificate(None))
    assert tls.client_certificate is None


def test_a_resumed_data_connection_has_the_certificate(with_certificate, version):
    """T25: the session carries it, so both sides still agree."""
    tls = session_tls(clients=ASKING)
    context = with_certificate(STAFF.issue("alice"))
    control = tls.control_channel()
    client = connect(control, context)
    data = tls.data_channel()
    connect(data, context, session=client.tls.session)
    assert data.facts.resumed
    assert tls.accepts(control.facts, data.facts) is None
    assert tls.client_certificate.trusted


def test_required_resumption_and_required_certificates(with_certificate):
    """Data connections without any certificate of ours can resume, and nothing else; the client's comes along."""
    tls = session_tls(SessionReuse.REQUIRE, clients=replace(ASKING, ask=AskClients.REQUIRED))
    context = with_certificate(STAFF.issue("alice"))
    control = tls.control_channel()
    client = connect(control, context)
    data = tls.data_channel()
    connect(data, context, session=client.tls.session)
    assert tls.accepts(control.facts, data.facts) is None
    assert shake_hands(StdlibClient(context), tls.data_channel()) is not None


def test_another_certificate_on_a_data_connection(with_certificate):
    """T25: another one that is just as good, or none, belongs to somebody else."""
    tls = session_tls(clients=ASKING)
    control, other, none = tls.control_channel(), tls.data_channel(), tls.data_channel()
    connect(control, with_certificate(STAFF.issue("alice")))
    connect(other, with_certificate(STAFF.issue("alice")))
    connect(none, with_certificate(None))
    assert "another client certificate" in tls.accepts(control.facts, other.facts)
    assert "no client certificate" in tls.accepts(control.facts, none.facts)


# --- what does not ---

BAD = [
    ("has expired", lambda: STAFF.issue("x", start=NOW - 9 * DAY, end=NOW - DAY)),
    ("not valid yet", lambda: STAFF.issue("x", start=NOW + DAY)),
    ("not meant for clients", lambda: STAFF.issue("x", usage=(ExtendedKeyUsageOID.SERVER_AUTH,))),
    ("no authority of ours", lambda: STRANGERS.issue("x")),
    ("no authority of ours", lambda: issue("x")),
    ("no authority of ours", lambda: Authority("Below", STRANGERS).issue("x")),
]


@pytest.mark.parametrize(("words", "make"), BAD)
@pytest.mark.parametrize("ask", [AskClients.OPTIONAL, AskClients.REQUIRED])
def test_a_bad_certificate(with_certificate, words, make, ask):
    """Optional or required: one that is shown has to be good. The log names it, the reason and the remedy."""
    failure = refusal(replace(ASKING, ask=ask), with_certificate(make()))
    assert re.fullmatch(rf".* certificate.* 'CN=(x|Below,O=Test)' was refused: .*{words}.*", failure.cause)
    assert failure.remedy


def test_required_without_one(with_certificate):
    """The log says what is missing, and what to do."""
    failure = refusal(replace(ASKING, ask=AskClients.REQUIRED), with_certificate(None))
    assert failure.cause == "the client showed no certificate, and one is required"
    assert 'ask = "optional"' in failure.remedy


def test_depth(with_certificate):
    """As many certificates between as allowed, and one more."""
    middle = Authority("Middle", STAFF)
    issued = Authority("Lower", middle).issue("x")
    issued = replace(issued, chain=(*issued.chain, middle.certificate))
    assert passes(replace(ASKING, depth=2), with_certificate(issued)).trusted
    failure = refusal(replace(ASKING, depth=1), with_certificate(issued))
    assert "chain of issuers is longer" in failure.cause


def test_an_authority_counts_whoever_signed_it(with_certificate):
    """Naming one below a root trusts what is below it, and nothing else of that root."""
    department = Authority("Department", STRANGERS)
    only = ClientPolicy(AskClients.OPTIONAL, (department.certificate,))
    assert passes(only, with_certificate(department.issue("x"))).trusted
    assert "no authority of ours" in refusal(only, with_certificate(STRANGERS.issue("x"))).cause


def test_a_client_is_no_authority(with_certificate):
    """Whoever has a good certificate can not make others with it."""
    alice = STAFF.issue("alice")
    forged = issue("bob", issuer=SimpleNamespace(name=alice.certificate.subject, key=alice.key, above=None))
    forged = replace(forged, chain=(alice.certificate,))
    failure = refusal(ASKING, with_certificate(forged))
    assert "'CN=alice' was refused: it issued another one, and is not that of an authority" in failure.cause
    shown = passes(ADMITTING, with_certificate(STAFF.issue("x")))
    assert shown.trusted
    assert refusal(ADMITTING, with_certificate(forged)) is not None


def test_a_weak_name_in_the_log(with_certificate):
    """What a client writes into its certificate can not write lines into our log."""
    failure = refusal(ASKING, with_certificate(issue("x\nforged line")))
    assert "\n" not in failure.cause


# --- revocation ---


def test_revoked(with_certificate):
    """The list of its issuer keeps a client out, and no other."""
    gone, here = STAFF.issue("gone"), STAFF.issue("here")
    clients = replace(ASKING, revocation_lists=(STAFF.revoke(gone),))
    assert "it has been revoked" in refusal(clients, with_certificate(gone)).cause
    assert passes(clients, with_certificate(here)).trusted
    assert passes(clients, with_certificate(PARTNERS.issue("gone"))).trusted


def test_an_authority_that_is_revoked(with_certificate):
    """Lists are looked at for every certificate of the chain."""
    below = Authority("Below", STAFF)
    issued = below.issue("x")
    revoked_authority = type(issued)(below.certificate, below.key)
    clients = replace(ASKING, revocation_lists=(STAFF.revoke(revoked_authority),))
    failure = refusal(clients, with_certificate(issued))
    assert failure.cause.startswith("an issuer's certificate, above the client's, 'CN=Below,O=Test' was refused")
    assert "revoked" in failure.cause


@pytest.mark.parametrize("make", [make for _, make in BAD])
@pytest.mark.parametrize("expired", list(ExpiredList))
def test_a_list_forgives_nothing_else(with_certificate, make, expired):
    """A list at hand, even one that has ended, makes no bad certificate good."""
    lists = (STAFF.revoke(end=NOW - DAY), STRANGERS.revoke())
    clients = replace(ASKING, revocation_lists=lists, expired_list=expired)
    assert refusal(clients, with_certificate(make())) is not None


def test_a_list_signed_by_somebody_else(with_certificate):
    """Whoever can write a list in an authority's name without its key keeps nobody out, and lets nobody in."""
    forger = Authority("Staff")
    clients = replace(ASKING, revocation_lists=(forger.revoke(),))
    failure = refusal(clients, with_certificate(STAFF.issue("x")))
    assert "the revocation list of its issuer has a wrong signature" in failure.cause


# --- nobody vouches for it ---


@pytest.mark.parametrize("make", [lambda: issue("x"), lambda: STRANGERS.issue("x")], ids=["self-signed", "stranger"])
def test_an_admitted_certificate_is_marked(with_certificate, make):
    """It passes, the client has proved to have the key, and nothing says that it is trusted."""
    shown = passes(ADMITTING, with_certificate(make()))
    assert not shown.trusted
    assert passes(ADMITTING, with_certificate(STAFF.issue("x"))).trusted


def test_admitting_forgives_nothing_else(with_certificate):
    """Expired, for servers, revoked: no."""
    revoked = STAFF.issue("x")
    clients = replace(ADMITTING, revocation_lists=(STAFF.revoke(revoked),))
    for bad in (
        revoked,
        STAFF.issue("x", start=NOW - 9 * DAY, end=NOW - DAY),
        issue("x", start=NOW - 9 * DAY, end=NOW - DAY),
        issue("x", usage=(ExtendedKeyUsageOID.SERVER_AUTH,)),
    ):
        assert refusal(clients, with_certificate(bad)) is not None


def test_admitting_without_any_authority(with_certificate):
    """Pinned certificates alone need none."""
    only = ClientPolicy(AskClients.REQUIRED, admits_unknown=True)
    assert not passes(only, with_certificate(issue("x"))).trusted


def test_asking_without_anybody_to_vouch_is_a_contradiction():
    """A server on which every certificate would fail does not start."""
    with pytest.raises(TlsPolicyError, match="no authority could vouch"):
        policy(clients=ClientPolicy(AskClients.OPTIONAL))


def test_names_of_authorities_are_told_to_clients():
    """A client with several certificates can choose; where unknown ones are admitted, none is held back."""
    for clients, expected in ((ASKING, 2), (ADMITTING, 0)):
        channel = session_tls(clients=clients).control_channel()
        client = PyOpenSSLClient(SSL.TLS1_2_VERSION)
        assert shake_hands(client, channel) is None
        assert len(client.tls.get_client_ca_list()) == expected


# --- reading ---


def test_everything_a_rule_may_look_at_is_read():
    """Attributes by OID and in order, alternative names by kind, numbers as they are."""
    issued = STAFF.issue(
        name(("O", "Example"), ("OU", "Sales"), ("CN", 'Alice Ä, "A"'), ("UID", "alice")),
        x509.RFC822Name("alice@example.org"),
        x509.RFC822Name("al@example.org"),
        x509.DNSName("Alice.Example.ORG"),
        x509.UniformResourceIdentifier("spiffe://example.org/alice"),
        upn("alice@corp.example"),
    )
    peer = read_peer(issued.certificate, trusted=True)
    assert write_name(peer.subject) == issued.certificate.subject.rfc4514_string()
    assert write_name(peer.issuer) == "CN=Staff,O=Test"
    assert peer.attributes("2.5.4.11") == ("Sales",)
    assert peer.attributes("2.5.4.4") == ()
    assert peer.emails == ("alice@example.org", "al@example.org")
    assert peer.dns_names == ("alice.example.org",)
    assert peer.uris == ("spiffe://example.org/alice",)
    assert peer.principals == ("alice@corp.example",)
    assert peer.serial == issued.certificate.serial_number
    assert peer.key_fingerprint == issued.key_fingerprint
    assert peer.purposes == {"1.3.6.1.5.5.7.3.2"}
    assert peer.not_before < NOW.timestamp() < peer.not_after
    assert "der" not in repr(peer)


def test_a_certificate_without_extensions():
    """What is not there is empty, and no purpose is no restriction."""
    peer = read_peer(issue("x", usage=()).certificate, trusted=False)
    assert (peer.emails, peer.dns_names, peer.uris, peer.principals, peer.purposes) == ((), (), (), (), None)


def test_a_part_that_can_not_be_decoded():
    """A principal name that is no text makes the whole certificate say nothing."""
    broken = x509.OtherName(x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3"), b"\x04\x01a")
    assert read_peer(STAFF.issue("x", broken).certificate, trusted=True) is None


@pytest.mark.parametrize("text", ["#x", " x ", "a,b", 'a"b', "a+b", "a\\b", "<a>", "a;b", "a=b", "é"])
def test_names_are_written_so_that_they_can_be_read_again(text):
    """What the log shows can be copied into a rule."""
    peer = read_peer(issue(name(("O", "x"), ("CN", text))).certificate, trusted=False)
    again = x509.Name.from_rfc4514_string(write_name(peer.subject))
    assert again.rfc4514_string() == name(("O", "x"), ("CN", text)).rfc4514_string()


# --- files ---


def load(folder, authorities=(), lists=()):
    complaints = []
    certificates = load_authorities([folder / each for each in authorities], complaints, now=NOW)
    found = load_revocation_lists([folder / each for each in lists], certificates, complaints, now=NOW)
    return certificates, found, complaints


def test_files_of_all_kinds(tmp_path):
    """Several certificates or lists in a file, and lists in DER."""
    both = STAFF.certificate.public_bytes(Encoding.PEM) + PARTNERS.certificate.public_bytes(Encoding.PEM)
    (tmp_path / "both.pem").write_bytes(both)
    write_list(tmp_path / "both.crl", STAFF.revoke(), PARTNERS.revoke())
    (tmp_path / "der.crl").write_bytes(STRANGERS.revoke().public_bytes(Encoding.DER))
    certificates, lists, complaints = load(tmp_path, ["both.pem"], ["both.crl", "der.crl"])
    assert certificates == [STAFF.certificate, PARTNERS.certificate]
    assert [each.issuer for each in lists] == [STAFF.name, PARTNERS.name, STRANGERS.name]
    assert complaints == []


def test_files_that_can_not_be_used(tmp_path):
    """Each has its complaint: missing, nonsense, no authority, not signed by whom it says."""
    (tmp_path / "nonsense").write_bytes(b"nonsense")
    STAFF.write(tmp_path, "staff")
    issue("x").write(tmp_path, "leaf")
    write_list(tmp_path / "forged.crl", Authority("Staff").revoke())
    _, _, complaints = load(tmp_path, ["staff.pem", "none", "nonsense", "leaf.pem"], ["none", "nonsense", "forged.crl"])
    assert all(each.severity is Severity.ERROR for each in complaints)
    assert [each.cause.partition(" (")[0] for each in complaints] == [
        "can not be read",
        "no certificate in PEM form inside",
        "the certificate of CN=x is not that of an authority",
        "can not be read",
        "no revocation list inside",
        "the revocation list was not signed by CN=Staff,O=Test, whose name it has",
    ]


def test_a_list_that_has_ended_is_a_warning(tmp_path):
    """The server starts, and whoever looks into the log knows why clients will be refused."""
    STAFF.write(tmp_path, "staff")
    write_list(tmp_path / "old.crl", STAFF.revoke(end=NOW - DAY))
    _, lists, complaints = load(tmp_path, ["staff.pem"], ["old.crl"])
    assert len(lists) == 1
    assert [each.severity for each in complaints] == [Severity.WARNING]
    assert "ended on" in complaints[0].cause
