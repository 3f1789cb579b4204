"""Who may connect, and how many (RFC 2577 section 5): judged before the first octet is answered."""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class AdmissionLimits:
    """Limits on control connections.

    Attributes:
        sessions: At once, in all.
        sessions_per_address: At once from one address.
        allow: Only these networks may connect; everyone if empty.
        deny: These networks may not connect, even if allowed.
    """

    sessions: int = 1000
    sessions_per_address: int = 50
    allow: tuple[Network, ...] = ()
    deny: tuple[Network, ...] = ()


class Door(Protocol):
    """Lets control connections in, or not."""

    def admit(self, address: str) -> str | None:
        """Let a new connection in.

        Returns:
            ``None`` if it is in; it must be released then. Else the reason, fit for the client.
        """

    def release(self, address: str) -> None:
        """Note that a connection that was let in is gone."""


class Admission:
    """Counts the control connections of all services together. A :class:`Door`.

    Args:
        limits: What is allowed.
        is_banned: Tells whether an address is banned now.
    """

    def __init__(self, limits: AdmissionLimits, is_banned: Callable[[str], bool]) -> None:
        self.limits = limits
        self._is_banned = is_banned
        self._by_address: Counter[str] = Counter()

    @property
    def sessions(self) -> int:
        """Control connections admitted now."""
        return self._by_address.total()

    def admit(self, address: str) -> str | None:
        """Count a new connection in.

        Returns:
            ``None`` if it is admitted; it must be released then. Else the reason, fit for the client.
        """
        refusal = self._objection(address)
        if refusal is None:
            self._by_address[address] += 1
        return refusal

    def release(self, address: str) -> None:
        """Count an admitted connection out."""
        self._by_address[address] -= 1
        if not self._by_address[address]:
            del self._by_address[address]

    def _objection(self, address: str) -> str | None:
        if not self._is_allowed(address):
            return "Connections from your address are not allowed"
        if self._is_banned(address):
            return "Too many failed logins from your address; try again later"
        if self.sessions >= self.limits.sessions:
            return "Too many sessions; try again later"
        if self._by_address[address] >= self.limits.sessions_per_address:
            return "Too many sessions from your address; try again later"
        return None

    def _is_allowed(self, address: str) -> bool:
        ip = ipaddress.ip_address(address)
        if any(ip in network for network in self.limits.deny):
            return False
        return not self.limits.allow or any(ip in network for network in self.limits.allow)
