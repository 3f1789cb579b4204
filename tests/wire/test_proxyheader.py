"""PROXY headers: both versions, octet by octet, and everything that is none."""

from __future__ import annotations

import struct
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ftpstwist.wire.hostport import HostPort
from ftpstwist.wire.proxyheader import (
    MAX_BLOCK,
    MAX_LINE,
    SIGNATURE,
    ProxyHeader,
    ProxyHeaderError,
    octets_wanted,
    parse_header,
)


def block(source, destination, ports=(40000, 21), *, command=0x21, family=None, more=b""):
    addresses = ip_address(source).packed + ip_address(destination).packed + struct.pack("!HH", *ports) + more
    family = family if family is not None else (0x11 if "." in source else 0x21)
    return SIGNATURE + bytes([command, family]) + struct.pack("!H", len(addresses)) + addresses


FULL_4 = ProxyHeader(HostPort("192.0.2.7", 40000), HostPort("198.51.100.1", 21))
FULL_6 = ProxyHeader(HostPort("2001:db8::7", 40000), HostPort("2001:db8::1", 990))
GOOD = {
    "v1 IPv4": (b"PROXY TCP4 192.0.2.7 198.51.100.1 40000 21\r\n", FULL_4),
    "v1 IPv6": (b"PROXY TCP6 2001:DB8::7 2001:db8:0::1 40000 990\r\n", FULL_6),
    "v1 mapped": (b"PROXY TCP6 ::ffff:192.0.2.7 ::ffff:198.51.100.1 40000 21\r\n", FULL_4),
    "v1 unknown": (b"PROXY UNKNOWN\r\n", ProxyHeader()),
    "v1 unknown with more": (b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", ProxyHeader()),
    "v2 IPv4": (block("192.0.2.7", "198.51.100.1"), FULL_4),
    "v2 IPv6": (block("2001:db8::7", "2001:db8::1", (40000, 990)), FULL_6),
    "v2 with TLV": (block("192.0.2.7", "198.51.100.1", more=b"\x04\x00\x03abc"), FULL_4),
    "v2 local": (SIGNATURE + b"\x20\x00\x00\x00", ProxyHeader()),
    "v2 local with addresses": (block("192.0.2.7", "198.51.100.1", command=0x20), ProxyHeader()),
    "v2 unspecified": (SIGNATURE + b"\x21\x00\x00\x00", ProxyHeader()),
}
BAD = {
    "an FTP command": b"USER alice\r\n",
    "a ClientHello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "lower case": b"proxy TCP4 192.0.2.7 198.51.100.1 1 2\r\n",
    "no CRLF": b"PROXY TCP4 192.0.2.7 198.51.100.1 1 2\n",
    "too long": b"PROXY UNKNOWN " + b"x" * MAX_LINE,
    "too few words": b"PROXY TCP4 192.0.2.7 198.51.100.1 1\r\n",
    "too many words": b"PROXY TCP4 192.0.2.7 198.51.100.1 1 2 3\r\n",
    "another family": b"PROXY UDP4 192.0.2.7 198.51.100.1 1 2\r\n",
    "wrong family": b"PROXY TCP4 2001:db8::7 198.51.100.1 1 2\r\n",
    "a name": b"PROXY TCP4 example.org 198.51.100.1 1 2\r\n",
    "a port too large": b"PROXY TCP4 192.0.2.7 198.51.100.1 65536 2\r\n",
    "a long port": b"PROXY TCP4 192.0.2.7 198.51.100.1 000001 2\r\n",
    "no port": b"PROXY TCP4 192.0.2.7 198.51.100.1 -1 2\r\n",
    "not ASCII": "PROXY TCP4 192.0.2.7 198.51.100.1 ١ 2\r\n".encode(),
    "version 3": block("192.0.2.7", "198.51.100.1", command=0x31),
    "another command": block("192.0.2.7", "198.51.100.1", command=0x22),
    "datagrams": block("192.0.2.7", "198.51.100.1", family=0x12),
    "a Unix socket": block("192.0.2.7", "198.51.100.1", family=0x31),
    "cut off": block("192.0.2.7", "198.51.100.1", family=0x21),
    "too large": SIGNATURE + b"\x21\x11" + struct.pack("!H", MAX_BLOCK + 1),
}


def read(octets):
    """Read as a connection does; return the header and what is left."""
    head = b""
    while wanted := octets_wanted(head):
        if not octets:
            raise EOFError
        head, octets = head + octets[:wanted], octets[wanted:]
    return parse_header(head), octets


@pytest.mark.parametrize(("octets", "header"), GOOD.values(), ids=GOOD)
@pytest.mark.parametrize("rest", [b"", b"USER alice\r\n", b"\x16\x03\x01\n"])
def test_a_header_is_read_and_nothing_behind_it(octets, header, rest):
    """What follows belongs to the session: a ClientHello, for one."""
    assert read(octets + rest) == (header, rest)


@pytest.mark.parametrize(("octets", "header"), GOOD.values(), ids=GOOD)
def test_a_header_may_come_in_any_pieces(octets, header):
    """TCP owes nobody whole headers."""
    head = b""
    for position in range(len(octets)):
        assert 0 < octets_wanted(head) <= len(octets) - position
        head += octets[position : position + 1]
    assert octets_wanted(head) == 0
    assert parse_header(head) == header


@pytest.mark.parametrize("octets", BAD.values(), ids=BAD)
def test_everything_else_is_refused(octets):
    """A client that speaks to us directly can not be taken for a load balancer, nor one that invents forms."""
    with pytest.raises(ProxyHeaderError):
        read(octets)


@given(st.binary(max_size=200) | st.binary(max_size=100).map(lambda rest: SIGNATURE + rest))
def test_any_octets_are_a_header_or_refused(octets):
    """No input makes another error, or is read without end."""
    try:
        header, rest = read(octets)
    except (ProxyHeaderError, EOFError):
        return
    assert isinstance(header, ProxyHeader)
    assert octets.endswith(rest)


def test_largest_header():
    """The cap, and one beyond it is in the table above."""
    octets = block("192.0.2.7", "198.51.100.1", more=bytes(MAX_BLOCK - 12))
    assert read(octets) == (FULL_4, b"")
    line = b"PROXY UNKNOWN "
    assert read(line + b"x" * (MAX_LINE - len(line) - 2) + b"\r\n") == (ProxyHeader(), b"")
