"""What can be asked about the sessions of one process, and told to them, as values that JSON can hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from ftpstwist.auth.defender import network_of
from ftpstwist.pi.server_pi import ServerPI
from ftpstwist.services.sessions import Sessions
from ftpstwist.session.events import DataOpened, Event
from ftpstwist.session.state import ControlProtection

if TYPE_CHECKING:
    from ftpstwist.observe.metrics import Numbers  # needs an optional library

Answer = dict[str, Any]

CLOSED_BY_OPERATOR = "Closed by the operator"


class Desk(Protocol):
    """Who knows all sessions of the server."""

    async def numbers(self) -> Answer:
        """Return how many ``sessions`` and ``transfers`` there are, and data connections so far, by handshake."""

    async def describe(self) -> list[Answer]:
        """Return who every session is and what it does now."""

    async def end(self, *, session: str) -> int:
        """End the session of that id; return how many there were."""

    async def end_of(self, *, network: str) -> int:
        """End the sessions of an address, or of a /64; return how many there were."""

    async def metrics(self) -> list[Numbers]:
        """Return what processes know beside this one."""


class Resumptions:
    """Counts how many data connections resumed the TLS session of their control connection. An ``EventSink``."""

    def __init__(self) -> None:
        self.resumed = self.full = 0

    def record(self, event: Event) -> None:
        """Count a data connection under TLS."""
        if isinstance(event, DataOpened) and event.data_tls is not None:
            self.resumed += event.data_tls.resumed
            self.full += not event.data_tls.resumed


class OwnDesk:
    """Knows the sessions of this process. A :class:`Desk`.

    Args:
        sessions: All of them.
        resumptions: How data connections began.
        now: Seconds since the epoch.
    """

    def __init__(self, sessions: Sessions, resumptions: Resumptions, now: Callable[[], float]) -> None:
        self._sessions = sessions
        self._resumptions = resumptions
        self._now = now

    async def numbers(self) -> Answer:
        """Return how many there are of everything."""
        transfers = [each.session.transfer for each in self._sessions]
        return {
            "sessions": len(self._sessions),
            "transfers": sum(transfer is not None for transfer in transfers),
            "resumed": self._resumptions.resumed,
            "full_handshake": self._resumptions.full,
        }

    async def describe(self) -> list[Answer]:
        """Return who every session is and what it does now."""
        return [self._describe(server_pi) for server_pi in self._sessions]

    async def end(self, *, session: str) -> int:
        """End the session of that id."""
        return _dismiss([each for each in self._sessions if each.session.id == session])

    async def end_of(self, *, network: str) -> int:
        """End the sessions of an address, or of a /64."""
        return _dismiss([each for each in self._sessions if network_of(each.session.transport.peer.host) == network])

    async def metrics(self) -> list[Numbers]:
        """Return what processes know beside this one, which there are not."""
        return []

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


def _dismiss(found: list[ServerPI]) -> int:
    for server_pi in found:
        server_pi.dismiss(CLOSED_BY_OPERATOR)
    return len(found)


def _doing(server_pi: ServerPI) -> str:
    if server_pi.doing:
        return server_pi.doing
    return "handshake" if server_pi.session.state.control is ControlProtection.HANDSHAKE else "idle"
