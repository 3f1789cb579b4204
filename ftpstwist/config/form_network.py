"""Forms of what networks are made of: ports, networks and addresses."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from ftpstwist.config.complaint import Unusable
from ftpstwist.config.form import Form, describe, expected, quote

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address

MAX_PORT = 65535

_PORTS = re.compile(r"(\d{1,6})(?: ?- ?(\d{1,6}))?")


@dataclass(frozen=True, slots=True)
class PortRange:
    """TCP ports from *first* to *last*, both included; 0 to 0 lets the system choose."""

    first: int
    last: int

    def __len__(self) -> int:
        return self.last - self.first + 1

    def __contains__(self, port: int) -> bool:
        return self.first <= port <= self.last

    def __str__(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"


def ports() -> Form[PortRange]:
    """A range of TCP ports, or 0 to leave the choice to the system."""
    noun, example = "a range of ports", ' such as "50000-50100", or one port; 0 lets the system choose'

    def read(value: object) -> PortRange:
        found = _PORTS.fullmatch(str(value)) if isinstance(value, str | int) and not isinstance(value, bool) else None
        if found is None:
            raise expected(noun, example, value)
        first = int(found[1])
        last = int(found[2]) if found[2] is not None else first
        if first > last:
            raise Unusable(f"{describe(value)} ends before it begins", f'Write "{last}-{first}"')
        if last > MAX_PORT or first == 0 < last:
            raise Unusable(f"{describe(value)} goes beyond the ports that exist", f"Use ports from 1 to {MAX_PORT}")
        return PortRange(first, last)

    def show(value: PortRange) -> str:
        return quote(str(value)) if len(value) > 1 else str(value.first)

    return Form(noun + example, read, show)


def network() -> Form[Network]:
    """An IPv4 or IPv6 network, or one address."""
    noun, example = "a network", ' such as "192.0.2.0/24" or "2001:db8::/32", or one address'

    def read(value: object) -> Network:
        if not isinstance(value, str):
            raise expected(noun, example, value)
        try:
            loose = ip_network(value, strict=False)
        except ValueError:
            raise expected(noun, example, value) from None
        try:
            return ip_network(value)
        except ValueError:
            raise Unusable(f"{describe(value)} has bits set behind its prefix", f'Write "{loose}"') from None

    return Form(noun + example, read, lambda value: quote(str(value)))


def address() -> Form[Address]:
    """An IP address."""
    noun, example = "an IP address", ' such as "192.0.2.1" or "::1"'

    def read(value: object) -> Address:
        if not isinstance(value, str):
            raise expected(noun, example, value)
        try:
            return ip_address(value)
        except ValueError:
            raise expected(noun, example, value) from None

    return Form(noun + example, read, lambda value: quote(str(value)))
