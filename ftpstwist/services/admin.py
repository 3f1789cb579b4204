"""The admin socket: requests of ``ftpstwist status`` and its kin, on a Unix socket in the state directory.

A request is one line of JSON, ``{"request": "kick", "session": "k3f9"}``, and
the answer another one, ``{"ok": …}`` or ``{"error": "…"}``; then the
connection ends. Who may connect is decided three times: the state directory
is the server's alone (0700), the socket has mode 0600, and the kernel tells
whose process is on the other side (``SO_PEERCRED``): root's, or one of the
user that the server runs as. Nothing here can read a file or a password, or
run a program.
"""

from __future__ import annotations

import errno
import json
import os
import socket
import struct
from collections.abc import Callable, Mapping
from inspect import isawaitable, signature
from pathlib import Path
from typing import Any, Protocol, cast

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IAddress, IListeningPort, IReactorCore, IReactorTime, IReactorUNIX
from twisted.internet.protocol import Factory, connectionDone
from twisted.logger import Logger
from twisted.protocols.basic import LineOnlyReceiver
from twisted.python.failure import Failure

_MODE, _DIRECTORY_MODE = 0o600, 0o700
_CONNECTIONS = 8
_REQUEST_OCTETS = 4096
_REQUEST_SECONDS = 10.0
_log = Logger()


class UnixTransport(Protocol):
    """What Twisted's connection on a Unix socket offers."""

    def getHandle(self) -> socket.socket:  # noqa: N802 - Twisted's name
        """Return the socket."""

    def loseConnection(self) -> None:  # noqa: N802 - Twisted's name
        """Close it when all is written."""

    def abortConnection(self) -> None:  # noqa: N802 - Twisted's name
        """Close it now."""


Requests = Mapping[str, Callable[..., Any]]


class IAdminReactor(IReactorCore, IReactorTime, IReactorUNIX):
    """What the admin socket, and metrics, need of a reactor."""


class RequestError(Exception):
    """A request that can not be done; its text is for the operator."""


class AdminService(Service):
    """Listens on the socket, once privileges are dropped. Without it the server serves all the same.

    Args:
        path: Where the socket is.
        requests: What can be asked for, by name.
        reactor: Listens, and keeps time.
    """

    def __init__(self, path: Path, requests: Requests, *, reactor: IAdminReactor) -> None:
        self._path = path
        self._reactor = reactor
        self._factory = _AdminFactory(requests, reactor)
        self._port: IListeningPort | None = None

    def startService(self) -> None:  # noqa: N802 - Twisted's interface
        """Listen; a socket that can not be had is told, and nothing more."""
        super().startService()
        try:
            self._path.parent.mkdir(_DIRECTORY_MODE, parents=True, exist_ok=True)
            self._port = self._reactor.listenUNIX(str(self._path), self._factory, mode=_MODE, wantPID=True)
        except (CannotListenError, OSError) as error:
            _log.warn(
                '{path} can not be made, so "ftpstwist status" and its kin do not work: {cause}. Let the user that '
                "the server runs as write to the state directory, one for each server",
                path=str(self._path),
                cause=str(error),
            )

    def stopService(self) -> Deferred[None] | None:  # noqa: N802 - Twisted's interface
        """Stop listening, and take the socket away."""
        super().stopService()
        port, self._port = self._port, None
        return None if port is None else port.stopListening()


class _AdminFactory(Factory):
    """Builds connections, a few at a time."""

    noisy = False

    def __init__(self, requests: Requests, clock: IReactorTime) -> None:
        self.requests = requests
        self.clock = clock
        self.connections = 0

    def buildProtocol(self, addr: IAddress | None) -> _AdminConnection | None:  # noqa: ARG002, N802 - Twisted's interface
        """Return the protocol for one connection; ``None``, which closes it, if there are too many."""
        return _AdminConnection(self) if self.connections < _CONNECTIONS else None


class _AdminConnection(LineOnlyReceiver):
    """One request, one answer."""

    delimiter = b"\n"
    MAX_LENGTH = _REQUEST_OCTETS

    def __init__(self, server: _AdminFactory) -> None:
        self._server = server
        self._is_asked = False

    def connectionMade(self) -> None:  # noqa: N802 - Twisted's name
        """Look who it is."""
        self._server.connections += 1
        self._limit = self._server.clock.callLater(_REQUEST_SECONDS, self._abort)
        self._unix = cast("UnixTransport", self.transport)
        uid = peer_uid(self._unix.getHandle())
        if uid not in {0, os.geteuid()}:
            _log.warn("a process of user {uid} was refused at the admin socket", uid=uid)
            self._abort()

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: ARG002, N802 - Twisted's name
        """It is over."""
        self._server.connections -= 1
        if self._limit.active():
            self._limit.cancel()

    def lineReceived(self, line: bytes) -> None:  # noqa: N802 - Twisted's name
        """Answer the request; whoever sends another one before the answer has none."""
        if self._is_asked:
            self._abort()
            return
        self._is_asked = True
        if self._limit.active():
            self._limit.cancel()
        Deferred.fromCoroutine(self._answer(line))

    def lineLengthExceeded(self, line: bytes) -> None:  # noqa: ARG002, N802 - Twisted's name
        """No request is that long."""
        self._abort()

    async def _answer(self, line: bytes) -> None:
        try:
            answer = {"ok": await self._perform(line)}
        except RequestError as error:
            answer = {"error": str(error)}
        except Exception:  # noqa: BLE001 - the last net: the server goes on, its log has the traceback
            _log.failure("a request at the admin socket failed")
            answer = {"error": "the request failed; the log of the server says more"}
        if self.connected:
            self.sendLine(json.dumps(answer).encode())
            self._unix.loseConnection()

    async def _perform(self, line: bytes) -> Any:
        try:
            arguments = json.loads(line)
            request = self._server.requests[arguments.pop("request")]
        except (ValueError, AttributeError, TypeError, KeyError):
            raise RequestError("this server knows no such request") from None
        try:
            signature(request).bind(**arguments)
        except TypeError:
            raise RequestError("the request has wrong arguments") from None
        answer = request(**arguments)
        return await answer if isawaitable(answer) else answer

    def _abort(self) -> None:
        self._unix.abortConnection()


def peer_uid(connection: socket.socket) -> int:
    """Return the user whose process is on the other side of a Unix socket."""
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    _, uid, _ = struct.unpack("3i", credentials)
    return int(uid)


class AdminError(Exception):
    """The server can not be asked, or says no; its text is for the operator."""


def ask(path: Path, request: str, *, patience: float, **arguments: object) -> Any:
    """Ask a running server. Blocks.

    Args:
        path: The socket.
        request: Its name.
        patience: Time limit for each step, in seconds.
        arguments: What the request needs.

    Raises:
        AdminError: There is no server, or it does not do it.
    """
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(patience)
            connection.connect(str(path))
            connection.sendall(json.dumps({"request": request, **arguments}).encode() + b"\n")
            octets = b"".join(iter(lambda: connection.recv(1 << 16), b""))
    except OSError as error:
        hint = "; are you root, or the user that it runs as?" if error.errno == errno.EACCES else "; does it run?"
        raise AdminError(f"no server answers at {path}: {error.strerror or error}{hint}") from None
    if not octets:
        raise AdminError(f"the server at {path} refused to talk; its log says why")
    answer = json.loads(octets)
    if "error" in answer:
        raise AdminError(answer["error"])
    return answer["ok"]
