"""SIGHUP: read virtual hosts, certificates, users and logs anew without touching a session."""

from __future__ import annotations

import signal
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from types import FrameType

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads
from twisted.logger import Logger

_log = Logger()


@dataclass(frozen=True, slots=True)
class ReloadResult:
    """How a reload ended.

    Attributes:
        time: Seconds since the epoch.
        problem: Why the old ones stay; empty if all is well.
    """

    time: float
    problem: str


Reload = Callable[[], Awaitable[None] | None]
"""Takes what is new; raises, and changes nothing, if that is bad. What may block for long is awaited."""


class ReloadService(Service):
    """Calls every reload when SIGHUP comes; one that fails leaves what was there, and the others go on.

    Args:
        reloads: Return what to do, each with the name the log calls it by; what comes next is asked for when the one
            before it is done.
        reactor: Where to do it.
        now: Seconds since the epoch.

    Attributes:
        results: How the last ones ended, by name; empty before the first.
    """

    def __init__(
        self,
        reloads: Callable[[], Iterable[tuple[str, Reload]]],
        reactor: IReactorFromThreads,
        *,
        now: Callable[[], float],
    ) -> None:
        self.results: dict[str, ReloadResult] = {}
        self._now = now
        self._reloads = reloads
        self._reactor = reactor
        self._before: object = None

    def startService(self) -> None:  # noqa: N802 - Twisted's interface
        """Take over SIGHUP, whose default would end the process."""
        super().startService()
        self._before = signal.signal(signal.SIGHUP, self._signalled)

    def stopService(self) -> None:  # noqa: N802 - Twisted's interface
        """Give SIGHUP back."""
        super().stopService()
        signal.signal(signal.SIGHUP, self._before or signal.SIG_DFL)  # type: ignore[arg-type]  # what signal() gave

    def reload(self) -> Deferred[None]:
        """Do all reloads now, one after the other; what is returned fires when they are done, and never fails."""
        return Deferred.fromCoroutine(self._reload())

    async def _reload(self) -> None:
        for name, action in self._reloads():
            try:
                waiting = action()
                if waiting is not None:
                    await waiting
            except Exception as error:  # noqa: BLE001 - whatever is wrong with the new one, the old one serves on
                self.results[name] = ReloadResult(self._now(), str(error))
                _log.error("the new {name} are not used, the old ones stay: {cause}", name=name, cause=str(error))
            else:
                self.results[name] = ReloadResult(self._now(), "")
                _log.info("{name} were read anew", name=name)

    def _signalled(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - Python's interface
        self._reactor.callFromThread(self.reload)
