"""Where we are the TLS client, of another server: who is believed, and what is said when it fails."""

from __future__ import annotations

import ssl
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID

from ftpstwist.interfaces import TlsClosed, TlsError
from ftpstwist.session.policy import SessionReuse
from ftpstwist.tls.binding import PerSessionTls
from ftpstwist.tls.certificate import CertificatePair
from ftpstwist.tls.context import SharedContexts
from ftpstwist.tls.outgoing import OtherServers, OutgoingContext
from tests.tls.tls_support import (
    BOTH_VERSIONS,
    NOW,
    TLS12,
    TLS13,
    authority,
    intermediate,
    issue,
    pair,
    policy,
    private_key,
    read_all,
)


def session(*authorities, verify=True, reuse=SessionReuse.PREFER):
    outgoing = OutgoingContext(OtherServers(authorities, verify))
    return PerSessionTls(SharedContexts(policy()), reuse=reuse, outgoing=outgoing)


class OtherServer:
    """The stdlib's server on memory BIOs."""

    def __init__(self, shown, folder, version=None):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if version:
            context.minimum_version = context.maximum_version = version
        file = folder / "server.pem"
        key = shown.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        file.write_bytes(b"".join([*(each.public_bytes(Encoding.PEM) for each in shown.chain), key]))
        context.load_cert_chain(file)
        self._in, self.out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._in, self.out, server_side=True)
        self.error = None
        self.is_complete = False

    def step(self, octets):
        self._in.write(octets)
        if self.is_complete or self.error:
            return
        try:
            self.tls.do_handshake()
            self.is_complete = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            self.error = error


def meet(channel, server):
    for _ in range(6):
        channel.handshake()
        server.step(channel.drain())
        channel.feed(server.out.read())
    assert server.error is None
    assert server.is_complete
    assert channel.handshake()


def refused(channel, server):
    with pytest.raises(TlsError) as failure:
        meet(channel, server)
    server.step(channel.drain())
    return failure.value


@pytest.mark.parametrize("version", BOTH_VERSIONS)
def test_octets_both_ways(tmp_path, version):
    """X10: files move both ways, and both ends are told by close_notify; nothing of it counts as the client's."""
    shown = pair()
    channel, server = session(shown.leaf).outgoing_channel(), OtherServer(shown, tmp_path, version)
    meet(channel, server)
    assert (channel.facts.resumed, channel.facts.certificate) == (False, None)
    assert channel.facts.version == {TLS12: "TLSv1.2", TLS13: "TLSv1.3"}[version]
    server.tls.write(b"from there")
    channel.feed(server.out.read())
    assert read_all(channel) == (b"from there", None)
    channel.encrypt(b"x" * 100_000)
    channel.close()
    server.step(channel.drain())
    assert sum(len(server.tls.read(65536)) for _ in range(7)) == 100_000
    server.tls.unwrap()
    channel.feed(server.out.read())
    octets, end = read_all(channel)
    assert octets == b""
    assert isinstance(end, TlsClosed)


def certificate(kind):
    """Return what the other server shows, and what we trust."""
    key = private_key("other")
    root = authority()
    match kind:
        case "itself":
            return CertificatePair((issue("other", key),), key), ()
        case "its authority":
            return CertificatePair((issue("other", key, root),), key), (root[0],)
        case "an intermediate":
            middle = intermediate()
            return CertificatePair((issue("other", key, middle), middle[0]), key), (root[0],)
        case "nobody":
            return CertificatePair((issue("other", key),), key), (root[0],)
        case "expired":
            return CertificatePair((issue("other", key, root, end=NOW - timedelta(hours=1)),), key), (root[0],)
        case "for clients":
            usage = (ExtendedKeyUsageOID.CLIENT_AUTH,)
            return CertificatePair((issue("other", key, root, usage=usage),), key), (root[0],)
    raise AssertionError(kind)


@pytest.mark.parametrize("version", BOTH_VERSIONS)
@pytest.mark.parametrize("kind", ["itself", "its authority", "an intermediate"])
def test_who_is_believed(tmp_path, kind, version):
    """X10: a certificate that is named, or hangs below one that is."""
    shown, trusted = certificate(kind)
    channel = session(*(trusted or (shown.leaf,))).outgoing_channel()
    meet(channel, OtherServer(shown, tmp_path, version))


@pytest.mark.parametrize("version", BOTH_VERSIONS)
@pytest.mark.parametrize(
    ("kind", "words"),
    [("nobody", "nobody we trust"), ("expired", "it has expired"), ("for clients", "not meant for servers")],
)
def test_who_is_not(tmp_path, kind, words, version):
    """X10: anybody else gets an alert and no octet of a file; without verification everybody will do."""
    shown, trusted = certificate(kind)
    server = OtherServer(shown, tmp_path, version)
    failure = refused(session(*trusted).outgoing_channel(), server)
    assert words in failure.cause
    assert "[fxp] authorities" in failure.remedy
    assert not server.is_complete
    meet(session(*trusted, verify=False).outgoing_channel(), OtherServer(shown, tmp_path, version))


@pytest.mark.parametrize(
    ("octets", "words"),
    [(b"hello, this is a file", "began no TLS handshake"), (b"", "began no TLS handshake"), (b"\x16\x03", "failed")],
)
def test_no_server_at_the_other_end(octets, words):
    """X10: octets in clear, an end, or half a handshake: the cause says that the other server is not the TLS server."""
    channel = session(verify=False).outgoing_channel()
    assert not channel.handshake()
    channel.feed(octets)
    channel.feed_end()
    with pytest.raises(TlsError, match=words):
        channel.handshake()


def test_two_clients():
    """X10: two TLS clients meet: both fail, and the remedy names the cause."""
    one, other = session(verify=False).outgoing_channel(), session(verify=False).outgoing_channel()
    for channel in (one, other):
        channel.handshake()
    other.feed(one.drain())
    with pytest.raises(TlsError):
        other.handshake()


@pytest.mark.parametrize("tls", [session(reuse=SessionReuse.REQUIRE), PerSessionTls(SharedContexts(policy()))])
def test_where_it_is_not_done(tls):
    """T17: where sessions have to be resumed, or no server is set up, we are nobody's client."""
    with pytest.raises(TlsError, match="can not resume") as failure:
        tls.outgoing_channel()
    assert "session_reuse" in failure.value.remedy
