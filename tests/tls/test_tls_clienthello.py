"""Diagnosis begins with what the client offered."""

import random

import pytest
from OpenSSL import SSL

from ftpstwist.tls import codepoints
from ftpstwist.tls.clienthello import MAX_LISTED, MAX_OCTETS, ClientHello, parse_client_hello, shorten
from tests.tls.tls_support import TLS12, TLS13, PyOpenSSLClient, client_context, connect, hello_of, session_tls


def test_a_modern_hello_is_read():
    """The log can say which versions, suites, name and protocols a client of today offered."""
    hello = parse_client_hello(hello_of(client_context(TLS12, TLS13, alpn=["ftp", "h2"])))
    assert hello.versions == (0x0304, 0x0303)
    assert "TLS_AES_256_GCM_SHA384" in hello.suite_names
    assert "ECDHE-RSA-AES128-GCM-SHA256" in hello.suite_names
    assert "X25519" in hello.group_names
    assert hello.server_name == "ftp.example.org"
    assert hello.alpn == ("ftp", "h2")
    assert 0x0403 in hello.signatures
    assert not hello.offers_session


def test_a_hybrid_hello_over_several_records_is_read():
    """A hello may be cut into small records (and a post-quantum one is larger than a packet)."""
    client = PyOpenSSLClient(SSL.TLS1_3_VERSION)
    client.step()
    whole = client.take()
    body, records = whole[5:], b""
    for start in range(0, len(body), 100):
        fragment = body[start : start + 100]
        records += b"\x16\x03\x01" + len(fragment).to_bytes(2, "big") + fragment
    assert parse_client_hello(records) == parse_client_hello(whole)
    assert parse_client_hello(whole).group_names[0] == "X25519MLKEM768"


def test_an_old_hello_is_read():
    """A client that knows TLS 1.0 at most is recognised."""
    client = PyOpenSSLClient(SSL.TLS1_VERSION, ciphers=b"ALL:@SECLEVEL=0")
    client.step()
    hello = parse_client_hello(client.take())
    assert hello.versions == ()
    assert hello.highest_version == 0x0301
    assert hello.version_text == "at most TLS 1.0"
    assert "AES128-SHA" in hello.suite_names


@pytest.mark.parametrize("version", [TLS12, TLS13])
def test_a_wish_to_resume_is_seen(version):
    """«Offered no session» and «offered a wrong one» need different remedies."""
    tls, context = session_tls(), client_context(version)
    client = connect(tls.control_channel(), context)
    resuming = hello_of(context, session=client.tls.session)
    assert parse_client_hello(resuming).offers_session
    assert not parse_client_hello(hello_of(context)).offers_session


def test_what_is_cut_short_is_understood_as_far_as_it_goes():
    """A broken hello never breaks the log line about it."""
    whole = hello_of()
    for length in range(len(whole)):
        hello = parse_client_hello(whole[:length])
        assert hello is None or isinstance(hello, ClientHello)
        str(hello)


def test_random_octets_never_raise():
    """A scanner's garbage can not make the diagnosis itself fail."""
    chance = random.Random(4217)
    whole = hello_of()
    for _ in range(2000):
        octets = bytearray(whole)
        for _ in range(chance.randrange(1, 12)):
            octets[chance.randrange(len(octets))] = chance.randrange(256)
        str(parse_client_hello(bytes(octets)))
        str(parse_client_hello(chance.randbytes(chance.randrange(200))))
        str(parse_client_hello(b"\x16\x03\x01\x00\xff\x01\x00\x00\xfb" + chance.randbytes(250)))


@pytest.mark.parametrize(
    "octets", [b"", b"\x16", b"USER x\r\n", b"\x16\x03\x01\x00\x05\x02abcd", b"\x15\x03\x01\x00\x02\x01\x00"]
)
def test_other_octets_are_no_hello(octets):
    """Only a ClientHello is taken for one."""
    assert parse_client_hello(octets) is None


def test_no_more_than_the_cap_is_read():
    """A hello that is beyond any measure costs no more than the cap."""
    padding = b"\x00\x15\xff\xff" + bytes(0xFFFF)  # a padding extension of 64 KiB
    body = b"\x03\x03" + bytes(32) + b"\x00" + b"\x00\x02\x13\x01" + b"\x01\x00" + b"\xff\xff" + padding
    message = b"\x01" + len(body).to_bytes(3, "big") + body
    records = b"".join(
        b"\x16\x03\x01" + len(part).to_bytes(2, "big") + part
        for part in (message[i : i + 16000] for i in range(0, len(message), 16000))
    )
    assert len(records) > MAX_OCTETS
    assert parse_client_hello(records).suites == (0x1301,)


def test_names_a_client_chose_can_not_break_a_log_line():
    """A server name or protocol with a line feed does not forge a second line in the log."""
    name = b"evil\r\n\x1b[31mname"
    entry = b"\x00" + len(name).to_bytes(2, "big") + name
    extension = b"\x00\x00" + (len(entry) + 2).to_bytes(2, "big") + len(entry).to_bytes(2, "big") + entry
    body = b"\x03\x03" + bytes(32) + b"\x00\x00\x02\x13\x01\x01\x00" + len(extension).to_bytes(2, "big") + extension
    record = b"\x01" + len(body).to_bytes(3, "big") + body
    hello = parse_client_hello(b"\x16\x03\x01" + len(record).to_bytes(2, "big") + record)
    assert hello.server_name == "evil???[31mname"


def test_grease_and_signalling_values_are_left_out():
    """Values that mean nothing do not clutter the list of suites (RFC 8701, RFC 5746)."""
    suites = b"\x1a\x1a\x13\x01\x00\xff\x56\x00\xca\xfe"
    body = b"\x03\x03" + bytes(32) + b"\x00" + len(suites).to_bytes(2, "big") + suites + b"\x01\x00"
    message = b"\x01" + len(body).to_bytes(3, "big") + body
    hello = parse_client_hello(b"\x16\x03\x01" + len(message).to_bytes(2, "big") + message)
    assert hello.suite_names == ("TLS_AES_128_GCM_SHA256", "0xCAFE")


@pytest.mark.parametrize(("count", "more"), [(MAX_LISTED, ""), (MAX_LISTED + 1, "and 1 more")])
def test_long_lists_are_shortened(count, more):
    """A log line stays a line."""
    text = shorten(str(i) for i in range(count))
    assert text.endswith(more or f"{MAX_LISTED - 1}")
    assert text.count(",") == MAX_LISTED - 1


def test_only_grease_is_grease():
    """RFC 8701 names sixteen values and no more."""
    assert sum(codepoints.is_grease(code) for code in range(1 << 16)) == 16
