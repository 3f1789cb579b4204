"""Host and port as PORT, PASV, EPRT and EPSV write them (RFC 959 section 4.1.2, RFC 2428).

Addresses are numeric, in their canonical text form; an IPv4 address in its
IPv6-mapped form (RFC 4291 section 2.5.5.2) becomes IPv4, so that the same peer
always has the same name. Nothing here judges whether an address or a port may
be connected to, and nothing resolves names.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

from ftpstwist.wire import grammar
from ftpstwist.wire.errors import ArgumentError, ArgumentSyntaxError

IPV4 = 1
"""Address family number of IPv4 (RFC 2428 section 2)."""
IPV6 = 2
"""Address family number of IPv6 (RFC 2428 section 2)."""
BOTH_PROTOCOLS = (IPV4, IPV6)

_MAX_OCTET = 0xFF
_MAX_PORT = 0xFFFF


class HostPortError(ArgumentSyntaxError):
    """The text is no address and port; the client sees 501."""


class UnsupportedProtocol(ArgumentError):  # noqa: N818 - RFC 2428 section 2: "network protocol not supported"
    """EPRT or EPSV asked for a network protocol that does not work here; the client sees 522.

    Args:
        supported: Address family numbers of those that do work.
    """

    def __init__(self, supported: tuple[int, ...]) -> None:
        numbers = ",".join(str(number) for number in supported)
        super().__init__(f"Network protocol not supported, use ({numbers})")
        self.supported = supported


@dataclass(frozen=True, slots=True)
class HostPort:
    """A numeric address and a TCP port.

    Attributes:
        host: IPv4 or IPv6 address in its usual text form, without brackets or zone.
        port: 0 to 65535.
    """

    host: str
    port: int


def normal_host(host: str) -> str:
    """Return the one text form of an address: no zone, IPv6 compressed, mapped IPv4 as IPv4.

    Raises:
        HostPortError: If *host* is not a numeric address.
    """
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        raise HostPortError("Not an address") from None
    return _normal(address)


def parse_port(argument: str) -> HostPort:
    """Read the argument of PORT, ``h1,h2,h3,h4,p1,p2``.

    Raises:
        HostPortError: If it is not six numbers from 0 to 255 (client sees 501).
    """
    match = grammar.HOST_PORT.fullmatch(argument)
    numbers = [int(number) for number in match.groups()] if match else []
    if not numbers or max(numbers) > _MAX_OCTET:
        raise HostPortError("Expected h1,h2,h3,h4,p1,p2, each from 0 to 255")
    *host, high, low = numbers
    return HostPort(".".join(map(str, host)), (high << 8) | low)


def render_port(host_port: HostPort) -> str:
    """Write ``h1,h2,h3,h4,p1,p2``.

    Raises:
        HostPortError: If the host is not an IPv4 address: this form can not hold any other.
    """
    try:
        octets = IPv4Address(host_port.host).packed
    except ValueError:
        raise HostPortError("Not an IPv4 address") from None
    return ",".join(map(str, (*octets, *divmod(host_port.port, 256))))


def pasv_text(host_port: HostPort) -> str:
    """Return the text of a 227 reply (RFC 959 section 4.1.2, PASV).

    Raises:
        HostPortError: If the host is not an IPv4 address.
    """
    return f"Entering Passive Mode ({render_port(host_port)})"


def parse_eprt(argument: str, *, supported: tuple[int, ...] = BOTH_PROTOCOLS) -> HostPort:
    """Read the argument of EPRT, ``|1|132.235.1.2|6275|`` with any delimiter (RFC 2428 section 2).

    Args:
        argument: As the client gave it.
        supported: Address family numbers that work on this control connection.

    Raises:
        UnsupportedProtocol: For any other protocol (client sees 522).
        HostPortError: For everything that is malformed (client sees 501).
    """
    match = grammar.EPRT.fullmatch(argument)
    if match is None:
        raise HostPortError("Expected |protocol|address|port|")
    port = int(match["tcp_port"])
    if port > _MAX_PORT:
        raise HostPortError("Not a port")
    protocol = _supported_protocol(match["net_prt"], supported)
    try:
        address = _ADDRESS_OF[protocol](match["net_addr"])
    except ValueError:
        raise HostPortError("Not an address of that protocol") from None
    return HostPort(_normal(address), port)


def parse_epsv(argument: str, *, supported: tuple[int, ...] = BOTH_PROTOCOLS) -> str:
    """Read the argument of EPSV (RFC 2428 section 3).

    Args:
        argument: As the client gave it.
        supported: Address family numbers that work on this control connection.

    Returns:
        ``""`` if the server may choose, ``"1"``, ``"2"`` or ``"ALL"``.

    Raises:
        UnsupportedProtocol: For any other protocol (client sees 522).
        HostPortError: For everything that is malformed (client sees 501).
    """
    word = argument.strip(" ")
    if grammar.EPSV.fullmatch(word) is None:
        raise HostPortError("Expected nothing, a protocol number or ALL")
    return str(_supported_protocol(word, supported)) if word.isdigit() else word.upper()


def epsv_text(port: int) -> str:
    """Return the text of a 229 reply (RFC 2428 section 3)."""
    return f"Entering Extended Passive Mode (|||{port}|)"


_ADDRESS_OF: dict[int, type[IPv4Address | IPv6Address]] = {IPV4: IPv4Address, IPV6: IPv6Address}


def _supported_protocol(number: str, supported: tuple[int, ...]) -> int:
    protocol = int(number)
    if protocol not in supported:
        raise UnsupportedProtocol(supported)
    return protocol


def _normal(address: IPv4Address | IPv6Address) -> str:
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(address)
