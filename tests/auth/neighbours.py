"""Neighbours of the auth room for its tests: threads, files and ways to wait without waiting."""

from __future__ import annotations

import textwrap
from collections.abc import Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from ftpstwist.auth.passwords import PasswordCost, Passwords
from ftpstwist.auth.userfile import UserFile
from ftpstwist.session.identity import Identity, Secret

CHEAP = PasswordCost(memory_kib=8, iterations=1)
PASSWORDS = Passwords(CHEAP)
RIGHT = "drink-me 7ü"
HASH = PASSWORDS.hash_password(Secret(RIGHT))


async def done() -> None:
    """Stands in for reading the users file again."""


class HereThreads:
    """Runs at once what a worker thread would run."""

    async def run(self, function, *args, **kwargs):
        return function(*args, **kwargs)


class HeldThreads:
    """Runs a function when the test lets it; a cancellation waits for its end, as the seam demands."""

    def __init__(self):
        self.held: list[Deferred[None]] = []

    async def run(self, function, *args, **kwargs):
        gate = Deferred()
        self.held.append(gate)
        cancelled = False
        while True:
            shield = Deferred()
            gate.addCallback(lambda _, shield=shield: shield.called or shield.callback(None))
            try:
                await shield
                break
            except CancelledError:
                cancelled = True
        result = function(*args, **kwargs)
        if cancelled:
            raise CancelledError
        return result

    def release(self):
        """Let the longest held function run."""
        self.held.pop(0).callback(None)


class Running:
    """A coroutine under way, and what came of it."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any]):
        self.deferred = Deferred.fromCoroutine(coroutine)
        self.outcomes: list[Any] = []
        self.deferred.addBoth(self.outcomes.append)

    @property
    def done(self) -> bool:
        return bool(self.outcomes)

    @property
    def error(self) -> BaseException:
        assert isinstance(self.outcomes[0], Failure), self.outcomes
        return self.outcomes[0].value

    @property
    def result(self) -> Any:
        if isinstance(self.outcomes[0], Failure):
            self.outcomes[0].raiseException()
        return self.outcomes[0]

    def cancel(self) -> None:
        self.deferred.cancel()


def result_of(deferred: Deferred[Any]) -> Any:
    """Return what a Deferred came to; it must have come to something."""
    outcomes: list[Any] = []
    deferred.addBoth(outcomes.append)
    assert outcomes, "still waiting"
    if isinstance(outcomes[0], Failure):
        outcomes[0].raiseException()
    return outcomes[0]


@dataclass(frozen=True)
class Files:
    """A filesystem as far as auth knows one: something made of an identity and a home."""

    identity: Identity
    home: str
    closings: list[None] = field(default_factory=list, compare=False)

    def close(self) -> None:
        self.closings.append(None)


def write_users(path: Path, text: str, mode: int = 0o600) -> Path:
    path.write_text(textwrap.dedent(text))
    path.chmod(mode)
    return path


def load_users(path: Path, text: str, clock: Clock | None = None) -> UserFile:
    users = UserFile(write_users(path, text), clock=clock or Clock())
    users.load()
    return users
