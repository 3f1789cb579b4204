"""Which IPv4 address 227 names (RFC 959 section 4.1.2, PASV).

The control connection's own address is right, except behind address
translation: there a rule names the public one, for all clients or for a
network of them, as an address or as a name that is looked up again and again.
EPSV needs none of this: it names no address.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, ip_address

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from ftpstwist.dtp.settings import IPNetwork
from ftpstwist.interfaces import ErrorKind, FtpError, WorkerThreads

_log = Logger()


@dataclass(frozen=True, slots=True)
class AddressRule:
    """What to advertise to whom.

    Attributes:
        address: Numeric IPv4 address, a name, or empty for the control connection's own address.
        network: Which clients; ``None`` for all.
        under_tls: Only those whose control connection is under TLS: no device on the way can change a 227 there.
    """

    address: str
    network: IPNetwork | None = None
    under_tls: bool = False

    def covers(self, client: IPv4Address, *, under_tls: bool) -> bool:
        """Tell whether it is for a client."""
        return (self.network is None or client in self.network) and (under_tls or not self.under_tls)


def look_up_ipv4(name: str) -> str:
    """Return one IPv4 address of *name*; blocks.

    Raises:
        OSError: It has none, or nobody knows.
    """
    answers = socket.getaddrinfo(name, None, socket.AF_INET, socket.SOCK_STREAM)
    return str(answers[0][4][0])


class AdvertisedAddresses:
    """Chooses the address to advertise; one for all sessions.

    Args:
        rules: The first that fits the client decides; without one the control connection's address is used.
        threads: For looking up names.
        clock: For their age.
        refresh_seconds: Age at which a name is looked up again; if that fails the last answer is used on.
        look_up: Turns a name into an address; runs in a thread.
    """

    def __init__(
        self,
        rules: Sequence[AddressRule],
        *,
        threads: WorkerThreads,
        clock: IReactorTime,
        refresh_seconds: float = 60.0,
        look_up: Callable[[str], str] = look_up_ipv4,
    ) -> None:
        self._rules = rules
        self._threads = threads
        self._clock = clock
        self._refresh_seconds = refresh_seconds
        self._look_up = look_up
        self._answers: dict[str, tuple[str, float]] = {}

    async def for_client(self, peer: str, host: str, *, under_tls: bool) -> str:
        """Return the IPv4 address to advertise.

        Args:
            peer: Address of the client.
            host: Address the control connection came to.
            under_tls: Whether it is under TLS.

        Raises:
            FtpError: NO_DATA_PORT; IPv6 has no PASV, or the name has no address.
        """
        client = ip_address(peer)
        if not isinstance(client, IPv4Address):
            raise FtpError(ErrorKind.NO_DATA_PORT, f"PASV from {peer}", "PASV is for IPv4, use EPSV")
        address = next((rule.address for rule in self._rules if rule.covers(client, under_tls=under_tls)), "")
        if not address:
            return host
        return address if _is_ipv4(address) else await self._resolve(address)

    async def _resolve(self, name: str) -> str:
        now = self._clock.seconds()
        known, fresh_until = self._answers.get(name, ("", now))
        if not known or now >= fresh_until:
            if known:  # the others use the last answer meanwhile
                self._answers[name] = known, now + self._refresh_seconds
            try:
                known = await self._threads.run(self._look_up, name)
                self._answers[name] = known, now + self._refresh_seconds
            except (OSError, UnicodeError) as error:
                _log.warn("looking up {name} for PASV failed: {error}", name=name, error=error)
        if not known:
            raise FtpError(ErrorKind.NO_DATA_PORT, f"the advertised name {name} has no IPv4 address", "use EPSV")
        return known


def _is_ipv4(text: str) -> bool:
    try:
        IPv4Address(text)
    except ValueError:
        return False
    return True
