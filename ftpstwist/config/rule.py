"""What a rule of the check is, and what it may ask about the machine."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

from ftpstwist.config.complaint import Complaint
from ftpstwist.config.load import Draft
from ftpstwist.config.schema import Settings

Address = IPv4Address | IPv6Address

_CAP_NET_BIND_SERVICE = 10
_FIRST_UNPRIVILEGED_PORT = 1024


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the check asks about the world around the server.

    Attributes:
        now: Time of the check, with time zone.
        resolve: Returns the IPv4 addresses of a host name; raises OSError if there are none. Blocks.
        has_address: Tells whether this machine can listen on an address.
        lowest_port: Lowest port that this process may listen on.
    """

    now: datetime
    resolve: Callable[[str], Sequence[str]]
    has_address: Callable[[Address], bool]
    lowest_port: int


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing to be judged.

    Attributes:
        keys: The settings it looks at; it is left out if one of them could not be read.
        judge: Yields what is wrong.
    """

    keys: tuple[str, ...]
    judge: Callable[[Settings, Surroundings], Iterable[Complaint]]

    def applies_to(self, draft: Draft) -> bool:
        """Tell whether all its settings could be read."""
        return not any(
            bad == key or bad.startswith((f"{key}.", f"{key}[")) or key.startswith(f"{bad}.")
            for bad in draft.unusable
            for key in self.keys
        )

    def examine(self, settings: Settings, surroundings: Surroundings) -> list[Complaint]:
        """Return what is wrong; that something may not be looked at is a complaint, too."""
        found: list[Complaint] = []
        try:
            found.extend(self.judge(settings, surroundings))
        except OSError as error:
            cause = f"{error.filename} can not be looked at: {error.strerror}"
            found.append(settings.origin.complain(self.keys[0], cause, "Let the user in whom the server runs as"))
        return found


def survey(now: datetime) -> Surroundings:
    """Return the surroundings as they are on this machine.

    Args:
        now: The time, with time zone.
    """
    return Surroundings(now, look_up, can_listen_on, lowest_port())


def look_up(name: str) -> list[str]:
    """Return the IPv4 addresses of a host name, by the system's resolver. Blocks.

    Raises:
        OSError: It has none, or nobody knows.
    """
    answers = socket.getaddrinfo(name, None, socket.AF_INET, socket.SOCK_STREAM)
    return [str(answer[4][0]) for answer in answers]


def can_listen_on(address: Address) -> bool:
    """Tell whether this machine has *address*; tried with a port the system chooses, which is free again at once."""
    family = socket.AF_INET if isinstance(address, IPv4Address) else socket.AF_INET6
    try:
        with socket.socket(family, socket.SOCK_STREAM) as plain:
            plain.bind((str(address), 0))
    except OSError:
        return False
    return True


def lowest_port() -> int:
    """Return the lowest port that this process may listen on."""
    if _has_capability(_CAP_NET_BIND_SERVICE):
        return 1
    try:
        return int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_bytes())
    except (OSError, ValueError):
        return _FIRST_UNPRIVILEGED_PORT


def _has_capability(number: int) -> bool:
    try:
        status = Path("/proc/self/status").read_bytes()
        effective = next(line.split()[1] for line in status.splitlines() if line.startswith(b"CapEff:"))
    except (OSError, StopIteration):
        return os.geteuid() == 0
    return bool(int(effective, 16) >> number & 1)
