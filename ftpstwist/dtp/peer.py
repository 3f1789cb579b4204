"""Addresses of peers: one spelling each, and which of them may stand for another."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv6Address, ip_address

from ftpstwist.dtp.settings import IPNetwork


@lru_cache(1024)
def normal_address(text: str) -> str:
    """Return the one spelling of a numeric address: no zone, IPv4 never in its v6-mapped form.

    Raises:
        ValueError: It is no numeric address.
    """
    address = ip_address(text.partition("%")[0])
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return str(address)


def unspecified_address(peer: str) -> str:
    """Return the "this host" of *peer*'s address family (RFC 1122 section 3.2.1.3, RFC 4291 section 2.5.2)."""
    return "::" if ":" in peer else "0.0.0.0"  # noqa: S104 - nothing is bound to it


def lies_in(address: str, networks: Iterable[IPNetwork]) -> bool:
    """Tell whether one of *networks* holds *address*."""
    return any(ip_address(address) in network for network in networks)


def may_stand_for(other: str, peer: str, networks: Iterable[IPNetwork]) -> bool:
    """Tell whether *other* is *peer*, or one of *networks* holds both."""
    if other == peer:
        return True
    first, second = ip_address(other), ip_address(peer)
    return any(first in network and second in network for network in networks)
