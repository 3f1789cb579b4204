"""Clients in memory for the tests of the tls room: the stdlib's OpenSSL and pyOpenSSL's, real both."""

from __future__ import annotations

import ssl
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from OpenSSL import SSL

from ftpstwist.interfaces import TlsClosed, TlsError
from ftpstwist.session.policy import SessionReuse
from ftpstwist.tls.binding import PerSessionTls
from ftpstwist.tls.certificate import CertificatePair
from ftpstwist.tls.context import SharedContexts
from ftpstwist.tls.policy import ServerCertificates, TlsPolicy, group_pairs

NOW = datetime.now(UTC)
TLS12 = ssl.TLSVersion.TLSv1_2
TLS13 = ssl.TLSVersion.TLSv1_3
BOTH_VERSIONS = [TLS12, TLS13]


# --- certificates ---------------------------------------------------------------------------------


@cache
def private_key(name: str, key_type: str = "ECDSA"):
    """One key a name: RSA keys take their time."""
    if key_type == "RSA":
        return rsa.generate_private_key(65537, 2048)
    return ec.generate_private_key(ec.SECP256R1())


def issue(
    name,
    key,
    issuer=None,
    *,
    names=None,
    start=None,
    end=None,
    ca=False,
    usage=(ExtendedKeyUsageOID.SERVER_AUTH,),
    algorithm=None,
    access=None,
):
    """Make a certificate for *key*, signed by *issuer* (certificate, key) or by itself."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    signer = issuer[1] if issuer else key
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer[0].subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start or NOW - timedelta(days=1))
        .not_valid_after(end or NOW + timedelta(days=365))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    )
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    if issuer:
        above = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer[0].public_key())
        builder = builder.add_extension(above, critical=False)
    if ca:
        signing = dict.fromkeys(
            ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"), False
        )
        builder = builder.add_extension(
            x509.KeyUsage(**signing, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False),
            critical=True,
        )
    if names is None:
        names = [name]
    if names:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([x509.DNSName(each) for each in names]), critical=False
        )
    if usage:
        builder = builder.add_extension(x509.ExtendedKeyUsage(list(usage)), critical=False)
    if access:
        location = x509.AccessDescription(
            x509.AuthorityInformationAccessOID.CA_ISSUERS, x509.UniformResourceIdentifier(access)
        )
        builder = builder.add_extension(x509.AuthorityInformationAccess([location]), critical=False)
    return builder.sign(signer, algorithm or hashes.SHA256())


@cache
def authority(key_type: str = "ECDSA") -> tuple[x509.Certificate, object]:
    """A root of our own."""
    key = private_key("root", key_type)
    return issue(f"{key_type} Root", key, names=(), ca=True, usage=()), key


@cache
def intermediate(key_type: str = "ECDSA") -> tuple[x509.Certificate, object]:
    """An intermediate below :func:`authority`."""
    key = private_key("intermediate", key_type)
    return issue(f"{key_type} Intermediate", key, authority(key_type), names=(), ca=True, usage=()), key


@cache
def pair(name: str = "ftp.example.org", key_type: str = "ECDSA", *, chained: bool = False) -> CertificatePair:
    """A certificate and key; *chained* hangs it below an intermediate."""
    key = private_key(name, key_type)
    if not chained:
        return CertificatePair((issue(name, key),), key)
    above = intermediate(key_type)
    return CertificatePair((issue(name, key, above), above[0]), key)


def policy(*pairs: CertificatePair, **settings) -> TlsPolicy:
    return TlsPolicy(group_pairs(pairs or (pair(),)), **settings)


def named(names: str, *pairs: CertificatePair) -> ServerCertificates:
    return ServerCertificates(pairs, tuple(names.split()))


def session_tls(
    reuse: SessionReuse = SessionReuse.PREFER, shared: SharedContexts | None = None, **settings
) -> PerSessionTls:
    return PerSessionTls(shared or SharedContexts(policy(**settings)), reuse=reuse)


# --- clients --------------------------------------------------------------------------------------


def client_context(minimum=None, maximum=None, *, alpn=(), ciphers=None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if minimum:
        context.minimum_version = minimum
    if maximum or minimum:
        context.maximum_version = maximum or minimum
    if alpn:
        context.set_alpn_protocols(list(alpn))
    if ciphers:
        context.set_ciphers(ciphers)
    return context


class StdlibClient:
    """The ``ssl`` module's client on memory BIOs."""

    def __init__(self, context: ssl.SSLContext | None = None, *, session=None, name: str | None = "ftp.example.org"):
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = (context or client_context()).wrap_bio(self._in, self._out, server_hostname=name, session=session)
        self.error: Exception | None = None
        self.is_complete = False

    def step(self) -> None:
        if self.is_complete or self.error is not None:
            return
        try:
            self.tls.do_handshake()
            self.is_complete = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            self.error = error

    def take(self) -> bytes:
        return self._out.read()

    def give(self, octets: bytes) -> None:
        self._in.write(octets)

    def give_end(self) -> None:
        self._in.write_eof()

    def send(self, octets: bytes) -> bytes:
        """Protect *octets*; return the records."""
        self.tls.write(octets)
        return self.take()

    def read(self) -> bytes:
        """Return what can be decrypted now."""
        pieces = []
        try:
            while piece := self.tls.read(65536):
                pieces.append(piece)
        except ssl.SSLWantReadError:
            pass
        return b"".join(pieces)

    def say_goodbye(self) -> bytes:
        """Return our close_notify."""
        with suppress(ssl.SSLWantReadError):
            self.tls.unwrap()
        return self.take()


class PyOpenSSLClient:
    """pyOpenSSL's client: the newest OpenSSL, and old versions without a warning."""

    def __init__(self, minimum=0, maximum=0, *, ciphers: bytes | None = None, context=None):
        self.context = context or SSL.Context(SSL.TLS_CLIENT_METHOD)
        if context is None:
            self.context.set_min_proto_version(minimum)
            self.context.set_max_proto_version(maximum or minimum)
            if ciphers:
                self.context.set_cipher_list(ciphers)
        self.tls = SSL.Connection(self.context, None)
        self.tls.set_connect_state()
        self.error: Exception | None = None
        self.is_complete = False

    def step(self) -> None:
        if self.is_complete or self.error is not None:
            return
        try:
            self.tls.do_handshake()
            self.is_complete = True
        except SSL.WantReadError:
            pass
        except SSL.Error as error:
            self.error = error

    def take(self) -> bytes:
        try:
            return self.tls.bio_read(1 << 20)
        except SSL.WantReadError:
            return b""

    def give(self, octets: bytes) -> None:
        self.tls.bio_write(octets)


def shake_hands(client, channel, turns: int = 8) -> TlsError | None:
    """Carry octets until both are done; return the server's failure, the client keeps its own."""
    failure = None
    for _ in range(turns):
        client.step()
        channel.feed(client.take())
        if failure is None:
            try:
                channel.handshake()
            except TlsError as error:
                failure = error
        if octets := channel.drain():
            client.give(octets)
    return failure


def connect(channel, context=None, **settings) -> StdlibClient:
    """Shake hands with a stdlib client; both must succeed. Session tickets are read."""
    client = StdlibClient(context, **settings)
    failure = shake_hands(client, channel)
    assert failure is None, failure.cause
    assert client.error is None
    assert client.is_complete
    assert channel.handshake()
    assert client.read() == b""
    return client


def hello_of(context=None, **settings) -> bytes:
    """Return the first flight of a client."""
    client = StdlibClient(context, **settings)
    client.step()
    return client.take()


def read_all(channel, limit: int = 1 << 20) -> tuple[bytes, Exception | None]:
    """Decrypt until nothing comes or the end does."""
    pieces = []
    for _ in range(10_000):
        try:
            piece = channel.decrypt(limit)
        except (TlsClosed, TlsError) as end:
            return b"".join(pieces), end
        if not piece:
            return b"".join(pieces), None
        pieces.append(piece)
    raise AssertionError("no end in sight")
