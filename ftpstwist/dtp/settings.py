"""What the configuration says to the server-DTP. Times in seconds, sizes in octets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network

from ftpstwist.dtp.deflate import InflateLimits

IPNetwork = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class PassiveSettings:
    """Settings of the passive ports, which all sessions share.

    Attributes:
        addresses: Numeric addresses to listen on, IPv4 and IPv6.
        ports: Ports to listen on, on each of them; 0 lets the system choose (tests).
        backlog: Connections the kernel keeps until they are accepted.
        accepts_per_wake: Connections accepted before the reactor turns to others.
        expectations: Connections expected at once, of all sessions together.
        expectations_per_peer: The same, of one client address.
        expectation_seconds: How long PASV or EPSV waits for its transfer command.
        port_seconds: How long PASV or EPSV waits for a port where its connection can be told from others.
        hello_seconds: How long a ClientHello may take from its first octet, where it has to tell sessions apart.
        proxies: Networks of load balancers whose connections begin with a PROXY header, which is believed.
        peer_networks: A data connection may come from another address than the control
            connection if one of these networks holds both (RFC 2577 section 3; empty is safest).
        linger_seconds: How long a finished connection waits for the client to close, too.
        lingering: Finished connections that may wait at once; beyond, the oldest is closed.
    """

    addresses: Sequence[str] = ("0.0.0.0", "::")  # noqa: S104 - a server listens
    ports: Sequence[int] = range(50000, 50256)
    backlog: int = 128
    accepts_per_wake: int = 16
    expectations: int = 4096
    expectations_per_peer: int = 64
    expectation_seconds: float = 300.0
    port_seconds: float = 5.0
    hello_seconds: float = 10.0
    proxies: tuple[IPNetwork, ...] = ()
    peer_networks: tuple[IPNetwork, ...] = ()
    linger_seconds: float = 2.0
    lingering: int = 512


@dataclass(frozen=True, slots=True)
class DataSettings:
    """Settings of the data connections of one session.

    Attributes:
        open_seconds: How long to wait for the client, or for a connection to it.
        handshake_seconds: Longest TLS handshake.
        second_chance_seconds: How long the true client may take to come after
            somebody else's connection failed to prove that it belongs to the session.
        stall_seconds: Longest time without a single octet.
        quantum: Octets one burst may move before other transfers have their turn.
        first_chunk: Octets read, protected and sent in one go at first, and with slow peers always.
        largest_chunk: The same with a peer that takes it.
        strict_end: Whether an upload under TLS that ends without ``close_notify`` is incomplete.
        inflate: What uploads in MODE Z may unpack to.
        active_source_ports: Local ports for PORT and EPRT, tried in order; 0 lets the system choose.
    """

    open_seconds: float = 20.0
    handshake_seconds: float = 10.0
    second_chance_seconds: float = 2.0
    stall_seconds: float = 60.0
    quantum: int = 4 << 20
    first_chunk: int = 32 << 10
    largest_chunk: int = 256 << 10
    strict_end: bool = True
    inflate: InflateLimits = field(default_factory=InflateLimits)
    active_source_ports: Sequence[int] = (0,)
