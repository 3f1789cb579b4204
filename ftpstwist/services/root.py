"""The one service an application starts and stops: all others, in the order that keeps promises."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from twisted.application.service import IService, MultiService
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.logger import Logger

from ftpstwist.services.listening import ListeningService
from ftpstwist.services.reload import ReloadService
from ftpstwist.session.state import Service
from ftpstwist.wire.hostport import HostPort

_log = Logger()


class Serves(Protocol):
    """All sessions, wherever they are served."""

    def __len__(self) -> int:
        """Return how many there are."""

    async def drain(self, seconds: float) -> None:
        """End all sessions: idle ones at once, transferring ones when done, the rest after *seconds*."""


class FtpsService(MultiService):
    """Explicit and implicit listeners, passive ports, reload, threads and logs.

    Args:
        listeners: The control ports.
        supports: What sessions need, in the order of starting; stopped in the opposite one, after all sessions.
        reload: Reads certificates and users anew.
        sessions: The sessions.
        shutdown_seconds: How long running transfers may go on when the service is stopped.
    """

    def __init__(
        self,
        *,
        listeners: Sequence[ListeningService],
        supports: Sequence[IService],
        reload: ReloadService,
        sessions: Serves,
        shutdown_seconds: float,
    ) -> None:
        super().__init__()
        self.sessions = sessions
        self.reload = reload
        self._listeners = listeners
        self._supports = supports
        self._shutdown_seconds = shutdown_seconds
        for service in (*supports, reload, *listeners):
            service.setServiceParent(self)

    def addresses(self, service: Service) -> list[HostPort]:
        """Return where a service listens, now that it does; port 0 has become a real one."""
        return [each.address for each in self._listeners if each.service is service and each.address is not None]

    def stopService(self) -> Deferred[None]:  # noqa: N802 - Twisted's interface
        """Stop accepting, let running transfers finish, then stop the rest."""
        self.running = 0
        return Deferred.fromCoroutine(self._stop_in_order())

    async def _stop_in_order(self) -> None:
        await self._stop([self.reload, *self._listeners])
        _log.info("no new sessions; {sessions} are being ended", sessions=len(self.sessions))
        await self.sessions.drain(self._shutdown_seconds)
        await self._stop(reversed(self._supports))
        _log.info("stopped")

    async def _stop(self, services: Iterable[IService]) -> None:
        for service in services:
            if service.running:
                await maybeDeferred(service.stopService)
