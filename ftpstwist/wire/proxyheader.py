"""The PROXY protocol, versions 1 and 2: what a load balancer puts in front of a connection (proxy-protocol.txt).

It tells whose connection it is. A reader takes octet by octet what
:func:`octets_wanted` asks for, so that nothing behind the header is touched;
then :func:`parse_header` reads it. Addresses in their text or binary form
only: Unix sockets and datagrams are refused, type-length-values are skipped.
Nothing here judges whether the one who sent it may be believed.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from ftpstwist.wire.hostport import HostPort, normal_host

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
"""The first 12 octets of version 2 (section 2.2)."""
MAX_LINE = 107
"""Octets of the longest line of version 1, with its CRLF (section 2.1)."""
MAX_BLOCK = 4096
"""Octets of addresses and type-length-values that are taken in version 2; more is no use to us."""

_WORD = b"PROXY "
_SHORTEST_LINE = len(b"PROXY UNKNOWN\r\n")
_FIXED = 16
_FAMILIES = {"TCP4": IPv4Address, "TCP6": IPv6Address}
_WORDS = 5
_MAX_PORT = 0xFFFF
_LOCAL, _PROXY = 0x20, 0x21
_TCP4, _TCP6, _UNSPECIFIED = 0x11, 0x21, 0x00


class ProxyHeaderError(ValueError):
    """The octets are no PROXY header."""


@dataclass(frozen=True, slots=True)
class ProxyHeader:
    """What a header says.

    Attributes:
        source: The client; ``None`` if the load balancer speaks for itself (a health check).
        destination: Where the client connected to; ``None`` likewise.
    """

    source: HostPort | None = None
    destination: HostPort | None = None


def octets_wanted(head: bytes) -> int:
    """Return how many more octets belong to a header that begins with *head*, at least; 0 if it is whole.

    Raises:
        ProxyHeaderError: No header begins so, or it is too long.
    """
    if SIGNATURE.startswith(head[: len(SIGNATURE)]):
        return _wanted_of_block(head) if head else _SHORTEST_LINE
    if not _WORD.startswith(head[: len(_WORD)]):
        raise ProxyHeaderError(f"it begins with {head[: len(SIGNATURE)]!r}")
    if b"\n" in head:
        return 0
    if len(head) >= MAX_LINE:
        raise ProxyHeaderError("the line is too long")
    return max(1, _SHORTEST_LINE - len(head))


def parse_header(head: bytes) -> ProxyHeader:
    """Read a whole header.

    Raises:
        ProxyHeaderError: It is not what the specification says.
    """
    return _parse_block(head) if head.startswith(SIGNATURE) else _parse_line(head)


# --- version 1 ------------------------------------------------------------------------------------


def _parse_line(head: bytes) -> ProxyHeader:
    if not head.endswith(b"\r\n") or head.count(b"\n") != 1 or not head.isascii():
        raise ProxyHeaderError("it is not one line that ends with CRLF")
    _, family, *words = head[:-2].decode("ascii").split(" ")
    if family == "UNKNOWN":
        return ProxyHeader()
    if family not in _FAMILIES or len(words) != _WORDS - 1:
        raise ProxyHeaderError("it does not name two addresses and two ports")
    source, destination, source_port, destination_port = words
    return ProxyHeader(
        HostPort(_address(source, family), _port(source_port)),
        HostPort(_address(destination, family), _port(destination_port)),
    )


def _address(text: str, family: str) -> str:
    try:
        return normal_host(str(_FAMILIES[family](text)))
    except ValueError:
        raise ProxyHeaderError(f"{text!r} is no address of {family}") from None


def _port(text: str) -> int:
    if not text.isdecimal() or len(text) > len(str(_MAX_PORT)) or int(text) > _MAX_PORT:
        raise ProxyHeaderError(f"{text!r} is no port")
    return int(text)


# --- version 2 ------------------------------------------------------------------------------------


def _wanted_of_block(head: bytes) -> int:
    if len(head) < _FIXED:
        return _FIXED - len(head)
    length = int.from_bytes(head[14:_FIXED])
    if length > MAX_BLOCK:
        raise ProxyHeaderError(f"its {length} octets are too many")
    return _FIXED + length - len(head)


def _parse_block(head: bytes) -> ProxyHeader:
    command, family, block = head[12], head[13], head[_FIXED:]
    if command == _LOCAL:
        return ProxyHeader()
    if command != _PROXY:
        raise ProxyHeaderError(f"its version and command are {command:#x}")
    if family == _UNSPECIFIED:
        return ProxyHeader()
    if family not in {_TCP4, _TCP6}:
        raise ProxyHeaderError(f"its address family is {family:#x}, not TCP")
    kind, size = (IPv4Address, 4) if family == _TCP4 else (IPv6Address, 16)
    if len(block) < 2 * size + 4:
        raise ProxyHeaderError("its addresses are cut off")
    source, destination = block[:size], block[size : 2 * size]
    ports = block[2 * size : 2 * size + 4]
    return ProxyHeader(
        HostPort(normal_host(str(kind(source))), int.from_bytes(ports[:2])),
        HostPort(normal_host(str(kind(destination))), int.from_bytes(ports[2:])),
    )
