"""A hook that is a program: started without a shell, told by its environment and on its standard input, and ended.

How it works: the program leads a session, and with it a process group, of its
own, so that what it starts ends with it when its time is up. It gets the
variables of ``observe.variables``, nothing of the server's environment, and
the event as one line of the JSON log on its standard input. No value is ever
an argument: none can be taken for an option. What it prints is kept, up to a
cap, for the log of a failure.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from typing import cast

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ProcessDone, ProcessTerminated
from twisted.internet.interfaces import IDelayedCall, IProcessTransport, IReactorProcess, IReactorTime
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from ftpstwist.observe.hooks import HookError
from ftpstwist.observe.jsonlog import json_line
from ftpstwist.observe.variables import variables
from ftpstwist.session.events import Event

_ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
_KEPT_OCTETS = 1000
_LAST_WORDS_SECONDS = 1.0
_LEAD_A_SESSION = """
import os, sys
os.setsid()
try:
    os.execv(sys.argv[1], sys.argv[1:])
except OSError as error:
    sys.exit(f"it can not be started: {error.strerror}")
"""
"""Run by a Python of its own, which becomes the program; in a process that has threads nothing may run after fork."""


class IHookReactor(IReactorProcess, IReactorTime):
    """What programs need of a reactor."""


class ProgramAction:
    """Runs a program. An ``Action``.

    Args:
        command: The program's path, and arguments.
        reactor: Starts processes, and keeps time.
    """

    def __init__(self, command: Sequence[str], *, reactor: IHookReactor) -> None:
        self._arguments = [sys.executable, "-I", "-S", "-c", _LEAD_A_SESSION, *command]
        self._reactor = reactor

    async def __call__(self, event: Event) -> None:
        """Run it for an event.

        Raises:
            HookError: It could not be started, or its exit status is not 0.
        """
        process = _Process(f"{json_line(event)}\n".encode(), self._reactor)
        try:
            self._reactor.spawnProcess(
                process, self._arguments[0], self._arguments, env=_encoded(_ENVIRONMENT | variables(event)), path="/"
            )
        except OSError as error:
            raise HookError(f"it can not be started: {error.strerror}") from error
        await process.ended


class _Process(ProcessProtocol):
    """One run of a program."""

    def __init__(self, document: bytes, clock: IReactorTime) -> None:
        self._clock = clock
        self._limit: IDelayedCall | None = None
        self.ended: Deferred[None] = Deferred(self._cancel)
        self._document = document
        self._printed = b""

    def connectionMade(self) -> None:  # noqa: N802 - Twisted's name
        """It runs: tell it what happened."""
        self._process = cast("IProcessTransport", self.transport)
        self._process.write(self._document)
        self._process.closeStdin()

    def outReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        """Keep what it prints, as far as there is room."""
        self._printed = (self._printed + data)[:_KEPT_OCTETS]

    errReceived = outReceived  # noqa: N815 - Twisted's name

    def processExited(self, reason: Failure) -> None:  # noqa: ARG002, N802 - Twisted's name
        """Read what it has printed last; what it has left running may hold the pipes, and is not waited for long."""
        self._limit = self._clock.callLater(_LAST_WORDS_SECONDS, self._process.loseConnection)

    def processEnded(self, reason: Failure) -> None:  # noqa: N802 - Twisted's name
        """Look at its exit status."""
        if self._limit is not None and self._limit.active():
            self._limit.cancel()
        if self.ended.called:
            return
        if isinstance(reason.value, ProcessDone):
            self.ended.callback(None)
        else:
            said = self._printed.decode(errors="replace")
            self.ended.errback(HookError(f"{_status(reason.value)}; it said: {said}"))

    def _cancel(self, ended: Deferred[None]) -> None:
        """Kill it and all that it has started."""
        pid = self._process.pid
        if pid is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)  # in the moment before it led a group
        ended.errback(CancelledError())


def _status(error: BaseException | None) -> str:
    if not isinstance(error, ProcessTerminated):
        return str(error)
    return f"exit status {error.exitCode}" if error.signal is None else f"ended by signal {error.signal}"


def _encoded(values: Mapping[str, str]) -> dict[bytes, bytes]:
    return {os.fsencode(name): value.encode("utf-8", "surrogateescape") for name, value in values.items()}
