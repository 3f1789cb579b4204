"""The tables about data connections: ``[passive]``, ``[active]`` and ``[transfer]``."""
# ruff: noqa: RUF009 - setting() and table() return dataclass fields

import re
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import Annotated

from ftpstwist.config.complaint import Unusable
from ftpstwist.config.form import Form, describe, expected, or_word, quote
from ftpstwist.config.form_network import Address, Network, PortRange, address, network, ports
from ftpstwist.config.form_numbers import octets, seconds, whole
from ftpstwist.config.setting import entries, setting

AUTO = "auto"
"""Advertise the address that the client connected to."""

_NOUN = "an address to advertise"
_EXAMPLE = ': an IPv4 address, a host name, or "auto"'
_HOST_NAME = re.compile(
    r"(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*"
)


def advertised() -> Form[str]:
    """What 227 replies advertise: ``auto``, an IPv4 address or a host name that has one."""

    def read(value: object) -> str:
        if not isinstance(value, str):
            raise expected(_NOUN, _EXAMPLE, value)
        if _is_ipv6(value):
            raise Unusable(
                f"{describe(value)} is an IPv6 address, and 227 replies hold IPv4 only",
                "Give an IPv4 address; IPv6 clients use EPSV, which needs none",
            )
        if not _HOST_NAME.fullmatch(value) or _looks_like_broken_ipv4(value):
            raise expected(_NOUN, _EXAMPLE, value)
        return value

    return Form(_NOUN + _EXAMPLE, read, quote)


def _is_ipv6(text: str) -> bool:
    try:
        return isinstance(ip_address(text), IPv6Address)
    except ValueError:
        return False


def _looks_like_broken_ipv4(text: str) -> bool:
    if not re.fullmatch(r"[0-9.]+", text):
        return False
    try:
        ip_address(text)
    except ValueError:
        return True
    return False


Ports = Annotated[PortRange, ports()]
Networks = tuple[Annotated[Network, network()], ...]
Advertised = Annotated[str, advertised()]
Duration = Annotated[float, seconds(least=1)]


@dataclass(frozen=True, slots=True)
class AdvertisedRule:
    """What PASV tells whom.

    Attributes:
        address: ``auto``, an address or a name.
        network: Which clients; ``None`` for all.
        under_tls: Only those whose control connection is under TLS.
    """

    address: str
    network: Network | None = None
    under_tls: bool = False


@dataclass(frozen=True, slots=True)
class PassiveSettings:
    """Data connections that the client opens (PASV, EPSV).

    The ports are bound once at the start and shared by all sessions. Open the
    same ports in the firewall; a router in front must forward them unchanged.
    """

    ports: Ports = setting(
        PortRange(50000, 50099),
        "Ports to listen on. Transfers of one address that begin at the same time need one each, or take turns. "
        "0 is for trials: no firewall can know the port then.",
    )
    interfaces: tuple[Annotated[Address, address()], ...] = setting(
        (), "Addresses of this machine to listen on. An empty list means those of the endpoints in [server]."
    )
    address: Advertised = setting(
        AUTO,
        'Address that PASV tells clients. "auto": the one they connected to. Behind a router: its public '
        "IPv4 address, or a host name for it, which is looked up again now and then. EPSV needs none.",
    )
    address_under_tls: Annotated[str | None, or_word(advertised(), "address")] = setting(
        None,
        "The same for clients whose control connection is under TLS, where it has to be another one: a router that "
        "changes replies in clear by itself can not change these.",
    )
    addresses: dict[Annotated[Network, network()], Advertised] = entries(
        "Other addresses for the clients of some networks; the longest prefix decides.",
        example='"10.0.0.0/8" = "auto"  # clients on this side of the router',
    )
    lookup_interval: Duration = setting(
        60.0, "How long the address of a host name is kept before it is looked up again."
    )
    expectation_timeout: Duration = setting(
        300.0, "How long a port is kept for a client between PASV or EPSV and the command that uses it."
    )
    port_timeout: Duration = setting(
        5.0, "How long PASV or EPSV waits for its turn where ports are few, before the client is told 425."
    )
    hello_timeout: Duration = setting(
        10.0, "How long a client may take to show which session it belongs to, where several users wait on one port."
    )
    second_chance: Annotated[float, seconds(most=60)] = setting(
        2.0,
        "How long a transfer waits for the client itself after a data connection that began TLS, but failed or was of "
        "another TLS session, and so may have been somebody else's. Then it is answered 522.",
    )
    proxies: Networks = setting(
        (),
        "Networks of load balancers that put a PROXY header in front of data connections, and are believed. "
        "Connections from elsewhere carry none.",
    )
    other_peers: Networks = setting(
        (),
        "Data connections have to come from the address of the control connection. Within these networks another "
        "address will do, for carriers and load balancers that change it.",
    )

    ignore_epsv_protocol: bool = setting(
        False,
        "Do EPSV whichever protocol it names (1 is IPv4, 2 IPv6), for clients behind something that turns the one into "
        "the other. Otherwise a protocol that is not the one of the control connection here is refused with 522.",
    )

    @property
    def rules(self) -> tuple[AdvertisedRule, ...]:
        """Which address is advertised to which clients: the first that fits decides, the last one fits all."""
        by_prefix = sorted(self.addresses.items(), key=lambda rule: rule[0].prefixlen, reverse=True)
        rules = [AdvertisedRule(address, network) for network, address in by_prefix]
        if self.address_under_tls is not None:
            rules.append(AdvertisedRule(self.address_under_tls, under_tls=True))
        return (*rules, AdvertisedRule(self.address))


@dataclass(frozen=True, slots=True)
class ActiveSettings:
    """Data connections that the server opens (PORT, EPRT), only to the client's own address, but for [fxp]."""

    enabled: bool = setting(True, "Whether PORT and EPRT are allowed.")
    source_ports: Ports = setting(PortRange(0, 0), "Ports that the connections come from.")


@dataclass(frozen=True, slots=True)
class TransferSettings:
    """How files move over data connections."""

    connect_timeout: Duration = setting(
        20.0, "How long to wait for the client to open the data connection, or to accept ours."
    )
    stall_timeout: Duration = setting(60.0, "Longest time without a single octet; then the transfer is given up.")
    close_timeout: Duration = setting(2.0, "How long a finished data connection waits for the client to close it, too.")
    threads: Annotated[int, whole(least=1, most=256)] = setting(
        16, "Worker threads for files and encryption. More than processors, for disks make them wait."
    )
    bursts: Annotated[int, whole(most=256)] = setting(
        0,
        "Transfers that move octets at the same moment; 0 means as many as there are processors. "
        "Those that wait for a client or a disk are not counted.",
    )
    quantum: Annotated[int, octets(least=64 << 10, most=1 << 30)] = setting(
        4 << 20, "Octets that one transfer moves before others have their turn."
    )
    first_chunk: Annotated[int, octets(least=4 << 10, most=64 << 20)] = setting(
        32 << 10, "Octets read, encrypted and sent in one go at first, and with slow clients always."
    )
    largest_chunk: Annotated[int, octets(least=4 << 10, most=64 << 20)] = setting(
        256 << 10, "The same with a client that takes it. Every running transfer needs memory for it."
    )
    buffers: Annotated[int, octets(most=16 << 30)] = setting(
        16 << 20, "Memory that is kept for the next burst of whichever transfer; more is given back."
    )


@dataclass(frozen=True, slots=True)
class DeflateSettings:
    """MODE Z: clients may ask for files and listings packed (deflate), both ways, under TLS as well.

    It saves time where the line is slow and the files are text; it costs a processor where the line is fast.
    """

    enabled: bool = setting(False, "Whether MODE Z is there.")
    level: Annotated[int, whole(most=9)] = setting(
        6, "How hard the server tries when it sends, 0 to 9; clients may ask for another level."
    )
    highest_level: Annotated[int, whole(most=9)] = setting(6, "The highest level that clients get.")
    max_ratio: Annotated[int, whole(least=1)] = setting(
        250, "An upload that unpacks to more than so many times its size is refused; from 1 MiB on."
    )
    max_size: Annotated[int, octets(least=1)] = setting(
        64 << 30, "Size that one upload may unpack to. Quota and largest file of the account count unpacked, too."
    )
