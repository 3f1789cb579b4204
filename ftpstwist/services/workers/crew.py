"""The worker processes: started, given connections, started again when one dies, and ended in good order."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger

from ftpstwist.services.reactor import IReactor
from ftpstwist.services.workers.channel import ChannelError
from ftpstwist.services.workers.handover import Handover
from ftpstwist.services.workers.logins import Logins
from ftpstwist.services.workers.member import Inheritance, Member

_log = Logger()

FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
"""Seconds before a worker that has ended is started again: twice as many each time it does not last."""
LASTING = 60.0
"""Seconds after which a worker has shown that it can live."""
GRACE = 10.0
"""Seconds beyond the time for transfers that a worker has to end itself."""
RELOAD_SECONDS = 60.0


class Crew(Service):
    """All worker processes.

    Args:
        number: How many.
        inheritance: Returns what the worker of a number is born with, each time one is.
        make_logins: Makes what answers one worker.
        released: Is told the address of a control connection that has gone.
        reactor: Starts them, and keeps time.
    """

    def __init__(
        self,
        number: int,
        *,
        inheritance: Callable[[int], Inheritance],
        make_logins: Callable[[], Logins],
        released: Callable[[str], None],
        reactor: IReactor,
    ) -> None:
        self._numbers = range(1, number + 1)
        self._inheritance = inheritance
        self._make_logins = make_logins
        self._released = released
        self._reactor = reactor
        self._members: dict[int, Member] = {}
        self._pauses = dict.fromkeys(self._numbers, FIRST_PAUSE)
        self._restarts: dict[int, IDelayedCall] = {}
        self._awaited = set(self._numbers)
        """Those that have not been seen to serve, or to fail, since the start: nobody is served before that."""
        self._watchers: list[Callable[[bool], None]] = []
        self._is_stopping = False
        self._empty: Deferred[None] | None = None
        self.starts = 0
        """Processes started so far."""

    def __len__(self) -> int:
        return sum(len(member.places) for member in self._members.values())

    @property
    def members(self) -> Sequence[Member]:
        """The processes there are now, by number."""
        return [self._members[number] for number in sorted(self._members)]

    def watch(self, told: Callable[[bool], None]) -> None:
        """Tell *told* from now on whether anybody serves, whenever that may have changed."""
        self._watchers.append(told)

    def startService(self) -> None:  # noqa: N802 - Twisted's interface
        """Start them, as soon as the reactor runs: it has to notice when they end."""
        super().startService()
        self._reactor.callWhenRunning(self._start_all)

    def take(self, handover: Handover, address: str, connection: socket.socket) -> bool:
        """Give a connection to the worker that has the fewest; return whether any took it."""
        able = [member for member in self._members.values() if member.serves]
        for member in sorted(able, key=lambda each: (len(each.places), each.handed)):
            if member.take(handover, address, connection):
                return True
        return False

    async def reload(self) -> None:
        """Have all workers read anew what they read.

        Raises:
            ChannelError: Some could not use what is new; the old is used on there.
        """
        problems = []
        for member in [each for each in self.members if each.serves]:
            try:
                results = await member.ask("reload", seconds=RELOAD_SECONDS)
            except ChannelError as error:
                results = {"": str(error)}
            words = [f"{what}: {problem}" if what else problem for what, problem in results.items() if problem]
            problems += [f"worker {member.number}, {each}" for each in words]
        if problems:
            raise ChannelError("; ".join(problems))

    async def drain(self, seconds: float) -> None:
        """End all sessions and workers: idle ones at once, transferring ones when done, the rest after *seconds*."""
        self._is_stopping = True
        for restart in self._restarts.values():
            restart.cancel()
        self._restarts.clear()
        if not self._members:
            return
        self._empty = Deferred()
        for member in self.members:
            member.stop()
        limit = self._reactor.callLater(seconds + GRACE, self._kill_all)
        await self._empty
        if limit.active():
            limit.cancel()

    def _start_all(self) -> None:
        for number in self._numbers:
            self._start(number)

    def _start(self, number: int) -> None:
        self._restarts.pop(number, None)
        if self._is_stopping:
            return
        member = Member(
            number,
            self._make_logins(),
            released=self._released,
            changed=self._changed,
            ended=self._ended,
            reactor=self._reactor,
        )
        self._members[number] = member
        self.starts += 1
        member.start(self._inheritance(number))
        if member.pid is not None:
            _log.info("worker {number} is started: process {pid}", number=number, pid=member.pid)

    def _ended(self, member: Member) -> None:
        del self._members[member.number]
        self._changed(member)
        if self._is_stopping:
            if not self._members and self._empty is not None and not self._empty.called:
                self._empty.callback(None)
            return
        pause = self._pause(member)
        _log.error(
            "worker {number} has ended, and its sessions with it ({why}); another one is started in {pause:g} s",
            number=member.number,
            why=member.why,
            pause=pause,
        )
        self._restarts[member.number] = self._reactor.callLater(pause, self._start, member.number)

    def _pause(self, member: Member) -> float:
        lasted = 0.0 if member.ready_at is None else self._reactor.seconds() - member.ready_at
        pause = FIRST_PAUSE if lasted >= LASTING else self._pauses[member.number]
        self._pauses[member.number] = min(2 * pause, LONGEST_PAUSE)
        return pause

    def _kill_all(self) -> None:
        for member in self.members:
            _log.error("worker {number} does not end, and is killed", number=member.number)
            member.kill()

    def _changed(self, member: Member) -> None:
        self._awaited.discard(member.number)
        serves = not self._awaited and any(each.serves for each in self._members.values())
        for told in self._watchers:
            told(serves)
