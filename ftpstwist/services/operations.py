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
from ftpstwist.dtp.passive import PassivePool
from ftpstwist.pi.server_pi import ServerPI
from ftpstwist.services.admin import RequestError
from ftpstwist.services.certificates import Certificates
from ftpstwist.services.listening import ListeningService
from ftpstwist.services.reload import ReloadService
from ftpstwist.services.sessions import Sessions
from ftpstwist.session.events import DataOpened, Event
from ftpstwist.session.state import ControlProtection
from ftpstwist.storage.threads import TwistedWorkerThreads

Answer = dict[str, Any]

_CLOSED_BY_OPERATOR = "Closed by the operator"
_log = Logger()


class Resumptions:
    """Counts how many data connections resumed the TLS session of their control connection. An ``EventSink``."""

    def __init__(self) -> None:
        self.resumed = self.full = 0

    def record(self, event: Event) -> None:
        """Count a data connection under TLS."""
        if isinstance(event, DataOpened) and event.data_tls is not None:
            self.resumed += event.data_tls.resumed
            self.full += not event.data_tls.resumed


@dataclass(frozen=True, slots=True)
class Running:
    """The parts of a server that can be asked how they are doing, or told to do something.

    Attributes:
        listeners: The control ports.
        sessions: The control connections.
        threads: Pools of worker threads, by name.
        pool: The passive ports.
        defender: The bans.
        certificates: What expires.
        reload: Reads files anew.
    """

    listeners: Sequence[ListeningService]
    sessions: Sessions
    threads: Mapping[str, TwistedWorkerThreads]
    pool: PassivePool
    defender: Defender
    certificates: Certificates
    reload: ReloadService


class Operations:
    """The requests, by name in :attr:`by_name`.

    Args:
        running: What is asked.
        resumptions: How data connections began.
        now: Seconds since the epoch.
    """

    def __init__(self, running: Running, resumptions: Resumptions, now: Callable[[], float]) -> None:
        self._running = running
        self._sessions = running.sessions
        self._resumptions = resumptions
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

    def status(self) -> Answer:
        """Tell how the server is doing as a whole."""
        transfers = [each.session.transfer for each in self._sessions]
        handshakes = self._resumptions.resumed + self._resumptions.full
        addresses = [each.address for each in self._running.listeners if each.running]
        return {
            "version": __version__,
            "seconds": self._now() - self._started,
            "draining": self._is_draining,
            "listeners": [f"{address.host} {address.port}" for address in addresses if address is not None],
            "sessions": len(self._sessions),
            "transfers": sum(transfer is not None for transfer in transfers),
            "data_connections": {"resumed": self._resumptions.resumed, "full_handshake": self._resumptions.full},
            "resumption_rate": self._resumptions.resumed / handshakes if handshakes else None,
            "bans": [{"address": address, "seconds": left} for address, left in self._running.defender.bans.items()],
            "reloads": [
                {"what": what, "time": _iso(result.time), "problem": result.problem}
                for what, result in self._running.reload.results.items()
            ],
            "first_expiry": min(self.list_certificates()["certificates"], key=lambda each: each["days"], default=None),
        }

    def list_sessions(self) -> Answer:
        """Tell of every session who it is and what it does now, the longest first."""
        in_order = sorted(self._sessions, key=lambda each: each.seconds, reverse=True)
        return {"sessions": [self._describe(server_pi) for server_pi in in_order]}

    def kick(self, *, session: str) -> Answer:
        """End a session, whatever runs."""
        found = [each for each in self._sessions if each.session.id == session]
        if not found:
            raise RequestError(f"there is no session {session}")
        for server_pi in found:
            server_pi.dismiss(_CLOSED_BY_OPERATOR)
        _log.info("{session} was ended by the operator", session=session)
        return {"ended": len(found)}

    def ban(self, *, address: str, seconds: float = 3600.0) -> Answer:
        """Ban an address, and end the sessions it has."""
        peer = _address(address)
        if not (isinstance(seconds, int | float) and 0 < seconds <= _LONGEST_BAN):
            raise RequestError(f"a ban lasts more than 0 and at most {_LONGEST_BAN} seconds")
        self._running.defender.ban(peer, seconds)
        found = [each for each in self._sessions if network_of(each.session.transport.peer.host) == network_of(peer)]
        for server_pi in found:
            server_pi.dismiss(_CLOSED_BY_OPERATOR)
        _log.warn("{peer} is banned for {seconds} s by the operator", peer=network_of(peer), seconds=seconds)
        return {"banned": network_of(peer), "ended": len(found)}

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
        return {"reloads": self.status()["reloads"]}

    async def drain(self) -> Answer:
        """Take no new sessions; those that are there go on until they end."""
        self._is_draining = True
        for listener in self._running.listeners:
            if listener.running:
                await maybeDeferred(listener.stopService)
        _log.info("no new sessions, by order of the operator; {sessions} go on", sessions=len(self._sessions))
        return {"sessions": len(self._sessions)}

    def list_certificates(self) -> Answer:
        """Tell what expires, and when."""
        now = self._now()
        ends = sorted(self._running.certificates.ends, key=lambda end: end[1])
        return {
            "certificates": [
                {"what": words, "until": end.isoformat(), "days": (end.timestamp() - now) / _DAY} for words, end in ends
            ]
        }

    def _describe(self, server_pi: ServerPI) -> Answer:
        session, transfer = server_pi.session, server_pi.session.transfer
        ref, tls = session.ref, session.tls_facts
        octets = seconds = 0.0
        if transfer is not None:
            octets, seconds = transfer.progress(), max(self._now() - transfer.started, 0.001)
        return {
            "session": ref.id,
            "peer": ref.peer,
            "user": ref.user,
            "logged_in": session.state.is_logged_in,
            "service": ref.service,
            "host": session.server_name or session.state.host or "",
            "client": ref.client,
            "seconds": server_pi.seconds,
            "tls": None if tls is None else {"version": tls.version, "cipher": tls.cipher, "resumed": tls.resumed},
            "in_clear": ref.tls is None,
            "doing": _doing(server_pi),
            "path": None if transfer is None else str(transfer.path),
            "octets": None if transfer is None else octets,
            "octets_per_second": None if transfer is None else octets / seconds,
            "waits_for": None if transfer is None else transfer.waits_for().value,
        }


_DAY = 86400
_LONGEST_BAN = 366 * _DAY


def _doing(server_pi: ServerPI) -> str:
    if server_pi.doing:
        return server_pi.doing
    return "handshake" if server_pi.session.state.control is ControlProtection.HANDSHAKE else "idle"


def _address(text: str) -> str:
    try:
        return str(ip_address(str(text)))
    except ValueError:
        raise RequestError(f"{text!r} is no IP address") from None


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
