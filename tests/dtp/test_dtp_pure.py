"""The pure parts of the server-DTP: line ends, token bucket, ClientHello framing, addresses."""

from __future__ import annotations

import ssl
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftpstwist.dtp.hello import is_complete_hello
from ftpstwist.dtp.peer import may_stand_for, normal_address
from ftpstwist.dtp.throttle import TokenBucket
from ftpstwist.dtp.translate import FromNetwork, ToNetwork

texts = st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b"a", b"bc", b"\xff", b"\0"])).map(b"".join)
chunked_texts = st.lists(texts)


def _reference_to_network(text: bytes) -> bytes:
    out = bytearray()
    for octet in text:
        if octet == 10 and not out.endswith(b"\r"):
            out += b"\r"
        out.append(octet)
    return bytes(out)


def _reference_from_network(text: bytes) -> bytes:
    out = bytearray()
    for octet in text:
        if octet == 10 and out.endswith(b"\r"):
            del out[-1:]
        out.append(octet)
    return bytes(out)


@given(chunked_texts)
def test_sending_in_chunks_is_sending_at_once(chunks):
    """Where a file happens to be cut into chunks makes no difference to what the client gets."""
    translation = ToNetwork()
    sent = b"".join(translation.translate(chunk) for chunk in chunks)
    assert sent == _reference_to_network(b"".join(chunks))


@given(chunked_texts)
def test_receiving_in_chunks_is_receiving_at_once(chunks):
    """Nor to what is stored; a CR at the very end is kept."""
    translation = FromNetwork()
    stored = b"".join(translation.translate(memoryview(chunk)) for chunk in chunks) + translation.finish()
    assert stored == _reference_from_network(b"".join(chunks))


@given(chunked_texts)
def test_round_trip(chunks):
    """A text with local line ends comes back as it was."""
    text = b"".join(chunks).replace(b"\r", b"")
    assert FromNetwork().translate(ToNetwork().translate(text)) == text


def test_bucket_lets_small_files_pass():
    """A rate limit does not slow down what fits into half a second of it."""
    bucket = TokenBucket(1000, now=0.0)
    assert bucket.available(0.0) == 500


@given(st.integers(1, 10**9), st.lists(st.floats(0.0, 5.0), min_size=1, max_size=50))
def test_bucket_never_gives_more_than_the_rate(rate, pauses):
    """However the time is cut, no more than the rate and the depth pass."""
    bucket = TokenBucket(rate, now=100.0)
    now, spent = 100.0, 0
    for pause in pauses:
        now += pause
        octets = bucket.available(now)
        bucket.spend(octets)
        spent += octets
    assert spent <= rate * (now - 100.0 + 0.5) + 1 + 1e-6 * rate


@given(st.integers(1, 10**9), st.integers(0, 10**9))
def test_waiting_the_delay_is_enough(rate, debt):
    """After the time it asks for the bucket gives something: no transfer starves, none spins."""
    bucket = TokenBucket(rate, now=0.0)
    bucket.spend(debt)
    delay = bucket.delay(0.0)
    assert bucket.available(delay * (1 + 1e-9) + 1e-9) > 0
    assert delay == 0 or bucket.available(0.0) == 0


def _hello() -> bytes:
    outgoing = ssl.MemoryBIO()
    tls = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    return outgoing.read()


def test_hello_is_complete_at_its_last_octet():
    """A ClientHello is judged when it is whole, not an octet earlier."""
    hello = _hello()
    assert [is_complete_hello(hello[:end]) for end in range(len(hello) + 1)] == [False] * len(hello) + [True]


def test_hello_over_several_records():
    """A ClientHello may be cut into records anywhere (RFC 8446 section 5.1), also inside its header."""
    hello = _hello()
    body = hello[5:]
    for size in (1, 3, 100):
        records = [body[at : at + size] for at in range(0, len(body), size)]
        framed = b"".join(hello[:3] + len(record).to_bytes(2, "big") + record for record in records)
        assert is_complete_hello(framed)
        assert not is_complete_hello(framed[:-1])


def test_hello_with_something_else_inside():
    """What can not become a ClientHello does not wait for more."""
    assert is_complete_hello(_hello()[:1] + b"\3\1\0\1\1" + b"\x17\3\3\0\1\0")


@given(st.binary(max_size=200))
def test_hello_of_any_octets(octets):
    """No octets of a client make the framing fail."""
    assert is_complete_hello(b"\x16" + octets) in {True, False}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
    ],
)
def test_addresses_have_one_spelling(text, expected):
    """One client is one client, however the system spells its address."""
    assert normal_address(text) == expected


def test_who_may_stand_for_whom():
    """Only the same address, or two of one network that is named."""
    networks = (ip_network("10.0.0.0/8"), ip_network("2001:db8::/32"))
    assert may_stand_for("192.0.2.1", "192.0.2.1", ())
    assert not may_stand_for("192.0.2.2", "192.0.2.1", networks)
    assert may_stand_for("10.1.1.1", "10.2.2.2", networks)
    assert not may_stand_for("10.1.1.1", "192.0.2.1", networks)
    assert not may_stand_for("2001:db8::1", "10.1.1.1", networks)
