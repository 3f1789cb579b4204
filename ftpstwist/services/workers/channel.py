"""Questions, answers and notices between the front and one worker: JSON over a socket that nobody else has.

How it works: a question has a number, and its answer the same; a notice has none
and is not answered. The front believes nothing that would make it run what a
worker sends: JSON holds values only.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from inspect import isawaitable
from itertools import count
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.protocol import ServerFactory, connectionDone
from twisted.logger import Logger
from twisted.protocols.basic import Int32StringReceiver
from twisted.python.failure import Failure

LONGEST_MESSAGE = 64 << 20
"""Octets of a message; what an operator is told of ten thousand sessions has some five million."""

_log = Logger()

Answerer = Callable[..., Any]
"""Takes what a message holds by name; returns what JSON can hold, or an awaitable of it."""


class ChannelError(Exception):
    """There is no answer: the other process has gone, or could not do what it was asked."""


class Channel(Int32StringReceiver):
    """One end.

    Args:
        answerers: What may be asked and told here, by name.
        lost: Is called once, when the other end is gone.
    """

    MAX_LENGTH = LONGEST_MESSAGE

    def __init__(self, answerers: Mapping[str, Answerer], *, lost: Callable[[], None]) -> None:
        self._answerers = answerers
        self._lost = lost
        self._numbers = count()
        self._asked: dict[int, Deferred[Any]] = {}
        self._is_open = False

    async def ask(self, name: str, **values: object) -> Any:
        """Ask the other process and return its answer.

        Raises:
            ChannelError: There is none.
        """
        if not self._is_open:
            raise ChannelError("the other process has gone")
        number = next(self._numbers)
        answer: Deferred[Any] = Deferred()
        self._asked[number] = answer
        self._send({"name": name, "with": values, "number": number})
        try:
            return await answer
        finally:
            self._asked.pop(number, None)

    def tell(self, name: str, **values: object) -> None:
        """Give the other process notice, if it is still there."""
        if self._is_open:
            self._send({"name": name, "with": values})

    def connectionMade(self) -> None:  # noqa: N802 - Twisted's name
        """It can be used now."""
        self._is_open = True

    def stringReceived(self, string: bytes) -> None:  # noqa: N802 - Twisted's name
        """Take one message."""
        message = json.loads(string)
        if "name" in message:
            Deferred.fromCoroutine(self._answer(message))
            return
        answer = self._asked.pop(message["number"], None)
        if answer is None or answer.called:
            return  # it was given up
        if "error" in message:
            answer.errback(ChannelError(message["error"]))
        else:
            answer.callback(message["ok"])

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: ARG002, N802 - Twisted's name
        """No answer will come any more."""
        self._is_open = False
        asked, self._asked = self._asked, {}
        for answer in asked.values():
            if not answer.called:
                answer.errback(ChannelError("the other process has gone"))
        self._lost()

    async def _answer(self, message: dict[str, Any]) -> None:
        reply: dict[str, object] = {"number": message.get("number")}
        try:
            value = self._answerers[message["name"]](**message["with"])
            reply["ok"] = await value if isawaitable(value) else value
        except Exception as error:  # noqa: BLE001 - whatever it is, who asked must not wait for ever
            if not isinstance(error, ChannelError):
                _log.failure("{name} met an error of the server", name=message["name"])
            reply["error"] = str(error) or type(error).__name__
        if self._is_open and reply["number"] is not None:
            self._send(reply)

    def _send(self, message: dict[str, Any]) -> None:
        self.sendString(json.dumps(message, separators=(",", ":")).encode("ascii"))


class OneProtocol(ServerFactory):
    """Builds the channel that it was given.

    Args:
        channel: This end.
    """

    noisy = False

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def buildProtocol(self, addr: object) -> Channel:  # noqa: ARG002, N802 - Twisted's interface
        """Return it."""
        return self._channel


Ask = Callable[..., Awaitable[Any]]
"""As :meth:`Channel.ask`."""
Tell = Callable[..., None]
"""As :meth:`Channel.tell`."""
