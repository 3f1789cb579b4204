"""One worker as the front sees it: its process, the connections it has, and who is logged in there."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger
from twisted.python.failure import Failure

from ftpstwist.services.reactor import IReactor
from ftpstwist.services.workers.channel import Channel, ChannelError, OneProtocol
from ftpstwist.services.workers.handover import Handover, give, handover_pair
from ftpstwist.services.workers.logins import Logins
from ftpstwist.services.workers.relay import LineReader, relay, relay_raw
from ftpstwist.services.workers.start import CHANNEL, FIRST_OF_START, HANDOVER

_STDIN, _STDOUT, _STDERR = 0, 1, 2
_log = Logger()


@dataclass(frozen=True, slots=True)
class Inheritance:
    """What a worker is born with.

    Attributes:
        start: For its standard input.
        descriptors: That it gets beside those, in order; they stay open here.
    """

    start: bytes
    descriptors: tuple[int, ...]


class Member(ProcessProtocol):
    """Starts a worker process and stays with it until its end.

    Args:
        number: Of the worker, from 1.
        logins: Of this worker.
        released: Is told the address of a control connection that has gone.
        changed: Is called when it begins to serve, and when it takes no more connections.
        ended: Is called once, when the process has ended and everything it had is released.
        reactor: Starts it.
    """

    def __init__(
        self,
        number: int,
        logins: Logins,
        *,
        released: Callable[[str], None],
        changed: Callable[[Member], None],
        ended: Callable[[Member], None],
        reactor: IReactor,
    ) -> None:
        self.number = number
        self.places: dict[int, str] = {}
        """Addresses of the control connections it has, by number."""
        self.handed = 0
        """Connections it was given so far."""
        self.ready_at: float | None = None
        """When it began to serve, on the reactor's clock; ``None`` before."""
        self.why = ""
        """How it ended."""
        self._logins = logins
        self._released = released
        self._changed = changed
        self._ended = ended
        self._reactor = reactor
        self._serves = False
        self._process: Any = None
        self._output, self._errors = LineReader(partial(relay, number)), LineReader(partial(relay_raw, number))
        self._channel = Channel(
            {
                "ready": self._ready,
                "leaving": self._leaving,
                "gone": self._gone,
                "login": logins.login,
                "login_by_certificate": logins.login_by_certificate,
                "logout": logins.logout,
            },
            lost=self._leaving,
        )

    @property
    def serves(self) -> bool:
        """Whether it takes connections."""
        return self._serves

    @property
    def pid(self) -> int | None:
        """Its process; ``None`` if there is none."""
        pid: int | None = None if self._process is None else self._process.pid
        return pid

    def start(self, inheritance: Inheritance) -> None:
        """Start the process; if that can not be done, it has ended."""
        try:
            self._spawn(inheritance)
        except OSError as error:
            self._finish(f"it could not be started: {error}")

    def _spawn(self, inheritance: Inheritance) -> None:
        self._end, theirs = handover_pair()
        self._end.setblocking(False)
        ours, channel = socket.socketpair()
        ours.setblocking(False)
        descriptors: dict[int, Any] = {_STDIN: "w", _STDOUT: "r", _STDERR: "r"}
        descriptors |= {CHANNEL: channel.fileno(), HANDOVER: theirs.fileno()}
        descriptors |= dict(enumerate(inheritance.descriptors, FIRST_OF_START))
        with ours, channel, theirs:
            self._reactor.adoptStreamConnection(ours.fileno(), socket.AF_UNIX, OneProtocol(self._channel))
            self._reactor.spawnProcess(
                self,
                sys.executable,
                [sys.executable, "-P", "-m", "ftpstwist.worker"],
                env={**os.environ, "PYTHONPATH": os.pathsep.join(path or str(Path.cwd()) for path in sys.path)},
                childFDs=descriptors,
            )
        self._process.writeToChild(_STDIN, inheritance.start)
        self._process.closeChildFD(_STDIN)

    def take(self, handover: Handover, address: str, connection: socket.socket) -> bool:
        """Hand a connection over; return whether that could be done. The caller has still to close its descriptor."""
        try:
            give(self._end, handover, connection)
        except OSError:
            return False
        self.handed += 1
        if handover.place:
            self.places[handover.place] = address
        return True

    async def ask(self, name: str, *, seconds: float, **values: object) -> Any:
        """Ask the worker.

        Raises:
            ChannelError: It has gone, could not do it, or has not answered within *seconds*.
        """
        answer = Deferred.fromCoroutine(self._channel.ask(name, **values))
        answer.addTimeout(seconds, self._reactor)
        try:
            return await answer
        except (TimeoutError, CancelledError) as error:
            raise ChannelError(f"no answer within {seconds:g} s") from error

    def stop(self) -> None:
        """Tell it to end its sessions, and then itself."""
        self._channel.tell("stop")

    def kill(self) -> None:
        """End it at once, if it still runs."""
        if self.pid is not None:
            self._process.signalProcess("KILL")

    def outReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        """Log what it logs."""
        self._output.feed(data)

    def errReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        """Log what went wrong."""
        self._errors.feed(data)

    def connectionMade(self) -> None:  # noqa: N802 - Twisted's name
        """It has been started."""
        self._process = self.transport

    def processEnded(self, reason: Failure) -> None:  # noqa: N802 - Twisted's name
        """Release everything it had."""
        self._finish(str(reason.value))

    def _finish(self, why: str) -> None:
        self.why = why
        self._serves = False
        self._end.close()
        self._logins.end_all()
        places, self.places = self.places, {}
        for address in places.values():
            self._released(address)
        self._ended(self)

    def _ready(self) -> None:
        self.ready_at = self._reactor.seconds()
        self._serves = True
        self._changed(self)

    def _leaving(self) -> None:
        if self._serves:
            self._serves = False
            self._changed(self)

    def _gone(self, place: int) -> None:
        address = self.places.pop(place, None)
        if address is not None:
            self._released(address)
