"""What an operator can ask of the running server and tell it to do, as values that JSON can hold.

Knows nothing of sockets: ``services.admin`` brings requests here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Any

from twisted.internet.defer import maybeDeferred
from twisted.logger import Logger

from ftpstwist import __version__
from ftpstwist.auth.defender import Defender, network_of
from ftpstwist.interfaces import WorkerThreads
from ftpstwist.services.admin import RequestError
from ftpstwist.services.certificates import Certificates
from ftpstwist.services.desk import Answer, Desk
from ftpstwist.services.listening import ListeningService
from ftpstwist.services.reload import ReloadService

_log = Logger()


@dataclass(frozen=True, slots=True)
class Running:
    """The parts of a server that can be asked how they are doing, or told to do something.

    Attributes:
        listeners: The control ports.
        desk: The control connections.
        defender: The bans.
        certificates: What expires.
        reload: Reads files anew.
        threads: Where files are written.
    """

    listeners: Sequence[ListeningService]
    desk: Desk
    defender: Defender
    certificates: Certificates
    reload: ReloadService
    threads: WorkerThreads


class Operations:
    """The requests, by name in :attr:`by_name`.

    Args:
        running: What is asked.
        now: Seconds since the epoch.
    """

    def __init__(self, running: Running, now: Callable[[], float]) -> None:
        self._running = running
        self._desk = running.desk
        self._now = now
        self._started = now()
        self._is_draining = False

    @property
    def by_name(self) -> Mapping[str, Callable[..., Any]]:
        """The requests; each takes its arguments by name and returns an answer, or an awaitable of one."""
        return {
            "status": self.status,
            "sessions": self.list_sessions,
            "kick": self.kick,
            "ban": self.ban,
            "unban": self.unban,
            "reload": self.reload,
            "drain": self.drain,
            "certificates": self.list_certificates,
        }

    async def status(self) -> Answer:
        """Tell how the server is doing as a whole."""
        numbers = await self._desk.numbers()
        resumed, full = numbers.pop("resumed"), numbers.pop("full_handshake")
        addresses = [each.address for each in self._running.listeners if each.running]
        return {
            "version": __version__,
            "seconds": self._now() - self._started,
            "draining": self._is_draining,
            "listeners": [f"{address.host} {address.port}" for address in addresses if address is not None],
            **numbers,
            "data_connections": {"resumed": resumed, "full_handshake": full},
            "resumption_rate": resumed / (resumed + full) if resumed + full else None,
            "bans": [{"address": address, "seconds": left} for address, left in self._running.defender.bans.items()],
            "reloads": [
                {"what": what, "time": _iso(result.time), "problem": result.problem}
                for what, result in self._running.reload.results.items()
            ],
            "first_expiry": min(self.list_certificates()["certificates"], key=lambda each: each["days"], default=None),
        }

    async def list_sessions(self) -> Answer:
        """Tell of every session who it is and what it does now, the longest first."""
        sessions = await self._desk.describe()
        return {"sessions": sorted(sessions, key=lambda each: float(each["seconds"]), reverse=True)}

    async def kick(self, *, session: str) -> Answer:
        """End a session, whatever runs."""
        ended = await self._desk.end(session=session)
        if not ended:
            raise RequestError(f"there is no session {session}")
        _log.info("{session} was ended by the operator", session=session)
        return {"ended": ended}

    async def ban(self, *, address: str, seconds: float = 3600.0) -> Answer:
        """Ban an address, and end the sessions it has."""
        peer = _address(address)
        if not (isinstance(seconds, int | float) and 0 < seconds <= _LONGEST_BAN):
            raise RequestError(f"a ban lasts more than 0 and at most {_LONGEST_BAN} seconds")
        self._running.defender.ban(peer, seconds)
        _log.warn("{peer} is banned for {seconds} s by the operator", peer=network_of(peer), seconds=seconds)
        return {"banned": network_of(peer), "ended": await self._desk.end_of(network=network_of(peer))}

    def unban(self, *, address: str) -> Answer:
        """End the ban of an address."""
        peer = _address(address)
        if not self._running.defender.unban(peer):
            raise RequestError(f"{network_of(peer)} is not banned")
        _log.info("the ban of {peer} was ended by the operator", peer=network_of(peer))
        return {"unbanned": network_of(peer)}

    async def reload(self) -> Answer:
        """Read certificates, users and log files anew, as SIGHUP does."""
        await self._running.reload.reload()
        return {"reloads": (await self.status())["reloads"]}

    async def drain(self) -> Answer:
        """Take no new sessions; those that are there go on until they end."""
        self._is_draining = True
        for listener in self._running.listeners:
            if listener.running:
                await maybeDeferred(listener.stopService)
        sessions = (await self._desk.numbers())["sessions"]
        _log.info("no new sessions, by order of the operator; {sessions} go on", sessions=sessions)
        return {"sessions": sessions}

    def list_certificates(self) -> Answer:
        """Tell what expires, and when."""
        now = self._now()
        ends = sorted(self._running.certificates.ends, key=lambda end: end[1])
        return {
            "certificates": [
                {"what": words, "until": end.isoformat(), "days": (end.timestamp() - now) / _DAY} for words, end in ends
            ]
        }


_DAY = 86400
_LONGEST_BAN = 366 * _DAY


def _address(text: str) -> str:
    try:
        return str(ip_address(str(text)))
    except ValueError:
        raise RequestError(f"{text!r} is no IP address") from None


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
