"""The defence against guessing passwords (RFC 2577 sections 5 and 7).

Failed logins are counted per address and per name. Each makes the next
refusal of either take longer; too many from one address ban that address for
a while. A name is never banned, only slowed down: else anybody could lock out
anybody. Names that do not exist are counted as those that do, so that they
can not be told apart, and a success clears no count: it would show who has
just logged in, and one good account would cover for guessing at others. IPv6
addresses count by /64, which is what one customer has.

Nothing here waits or writes anywhere: it counts, and tells how long to wait.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Generic, TypeVar

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

V = TypeVar("V")

_CUSTOMER_PREFIX = 64
_ADDRESSES_READ = 4096
_NAME_CHARACTERS = 64
"""Longer names are counted by their beginning: the table holds little of what strangers send."""

_log = Logger()


@dataclass(frozen=True, slots=True)
class DefenceSettings:
    """How guessing is slowed down.

    Attributes:
        delays: Seconds until the answer to the first, second, … failed login; the last one holds for all further.
        failures: Failed logins of one address within *window* that ban it; 0 for never.
        window: Seconds for which a failed login counts.
        ban: Seconds a ban lasts.
        exempt: Networks that are never banned (their failures are still delayed).
        entries: Addresses, names and bans remembered at most, each; the longest unused is forgotten first.
    """

    delays: tuple[float, ...] = (1.0, 2.0, 4.0, 5.0)
    failures: int = 10
    window: float = 600.0
    ban: float = 600.0
    exempt: tuple[IPv4Network | IPv6Network, ...] = ()
    entries: int = 10_000


@lru_cache(_ADDRESSES_READ)
def network_of(peer: str) -> str:
    """Return what an address is counted as: itself, or its /64 (text that is no address: itself)."""
    try:
        address = ip_address(peer)
    except ValueError:
        return peer
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(IPv6Network((int(address), _CUSTOMER_PREFIX), strict=False))


class Defender:
    """Counts failed logins and bans addresses; to be used on one thread.

    Args:
        clock: Tells the time.
        settings: May be replaced while running; the counts stay.
    """

    def __init__(self, *, clock: IReactorTime, settings: DefenceSettings | None = None) -> None:
        self.settings = settings or DefenceSettings()
        self._clock = clock
        self._addresses: _Recent[deque[float]] = _Recent(deque)
        self._names: _Recent[deque[float]] = _Recent(deque)
        self._bans: _Recent[float] = _Recent(float)
        self.bans_begun = 0
        """How many there have been."""

    def refuses(self, peer: str) -> bool:
        """Tell whether *peer* is banned now."""
        address = network_of(peer)
        if address not in self._bans:
            return False
        if self._bans.use(address, self.settings.entries) > self._clock.seconds():
            return True
        del self._bans[address]
        return False

    @property
    def bans(self) -> dict[str, float]:
        """The addresses (or /64 networks) that are banned now, and the seconds that are left of it."""
        now = self._clock.seconds()
        return {address: end - now for address, end in self._bans.items() if end > now}

    def ban(self, peer: str, seconds: float) -> None:
        """Ban an address by hand, exempt or not; a ban that it has already is replaced."""
        self._begin_ban(network_of(peer), seconds)

    def unban(self, peer: str) -> bool:
        """End the ban of an address and forget its failures; tell whether there was one."""
        address = network_of(peer)
        self._addresses.pop(address, None)
        return self._bans.pop(address, 0.0) > self._clock.seconds()

    def failed(self, peer: str, name: str) -> float:
        """Count a failed login.

        Args:
            peer: Address of the client.
            name: The name it tried, existing or not.

        Returns:
            Seconds from the attempt after which the client may be told.
        """
        address = network_of(peer)
        by_address = self._count(self._addresses, address)
        by_name = self._count(self._names, name[:_NAME_CHARACTERS])
        if 0 < self.settings.failures <= by_address and not self._is_exempt(peer):
            self._ban(address, by_address)
        worst = max(by_address, by_name)
        return self.settings.delays[min(worst, len(self.settings.delays)) - 1]

    def _count(self, table: _Recent[deque[float]], key: str) -> int:
        now = self._clock.seconds()
        times = table.use(key, self.settings.entries)
        while times and now - times[0] >= self.settings.window:
            times.popleft()
        times.append(now)
        if len(times) > max(self.settings.failures, len(self.settings.delays)):
            times.popleft()
        return len(times)

    def _ban(self, address: str, failures: int) -> None:
        self._begin_ban(address, self.settings.ban)
        del self._addresses[address]
        _log.warn(
            "{peer} is banned for {seconds} s after {failures} failed logins",
            peer=address,
            seconds=self.settings.ban,
            failures=failures,
        )

    def _begin_ban(self, address: str, seconds: float) -> None:
        self._bans.use(address, self.settings.entries)
        self._bans[address] = self._clock.seconds() + seconds
        self.bans_begun += 1

    def _is_exempt(self, peer: str) -> bool:
        try:
            address = ip_address(peer)
        except ValueError:
            return False
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        return any(address in network for network in self.settings.exempt)


class _Recent(OrderedDict[str, V], Generic[V]):
    """A table that forgets what was not used for longest when it is full."""

    def __init__(self, empty: Callable[[], V]) -> None:
        super().__init__()
        self._empty = empty

    def use(self, key: str, entries: int) -> V:
        """Return the value of *key*, an empty one if it is new; keep at most *entries*."""
        value = self.setdefault(key, self._empty())
        self.move_to_end(key)
        while len(self) > entries:
            self.popitem(last=False)
        return value
