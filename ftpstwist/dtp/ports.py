"""Which passive port an expectation gets: nobody's connection may be taken for another's (RFC 2577 section 8).

How it works: what comes to a port is told apart by its address. So an
expectation gets a port, chosen at random, on which nobody waits whose
connection could come from the same address. Where there is none, it waits
its turn. After that, sessions of *different* users may share a port, under TLS: the session that a
ClientHello resumes tells whose it is. Sessions of one user never do: they may
be one program with one store of TLS sessions, whose ClientHello proves
nothing, and two files of one user could change places.

It refuses to accept connections, and to know sockets.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain
from random import Random

from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as WaitedTooLong
from twisted.internet.interfaces import IReactorTime

from ftpstwist.dtp.expectation import Caller, Expectation
from ftpstwist.dtp.peer import may_stand_for
from ftpstwist.dtp.settings import PassiveSettings
from ftpstwist.interfaces import ErrorKind, FtpError


class PortBook:
    """What is expected on which port.

    Args:
        settings: The caps, and how long to wait for a port.
        clock: For the wait.
        random: Chooses ports.
    """

    def __init__(self, settings: PassiveSettings, *, clock: IReactorTime, random: Random) -> None:
        self._settings = settings
        self._clock = clock
        self._random = random
        self._expectations: dict[int, list[Expectation]] = {}
        self._of_peer: Counter[str] = Counter()
        self._waiting: list[Deferred[None]] = []

    def __iter__(self) -> Iterator[Expectation]:
        """Iterate over all that is expected."""
        for expectations in self._expectations.values():
            yield from expectations

    @property
    def waiting(self) -> int:
        """How many wait for a port."""
        return len(self._waiting)

    def on(self, port: int) -> Sequence[Expectation]:
        """Return what is expected on *port*."""
        return self._expectations.get(port, ())

    def candidates(self, port: int, peer: str) -> list[Expectation]:
        """Return those on *port* whose connection may come from *peer*."""
        return [expectation for expectation in self.on(port) if expectation.admits(peer)]

    def add(self, expectation: Expectation) -> None:
        """Write it down."""
        self._expectations.setdefault(expectation.port, []).append(expectation)

    def remove(self, expectation: Expectation) -> None:
        """Strike it out; who waits for a port looks again."""
        expectations = self._expectations[expectation.port]
        expectations.remove(expectation)
        if not expectations:
            del self._expectations[expectation.port]
        self._leave(expectation.caller.peer)
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            waiter.callback(None)

    async def choose(self, caller: Caller, ports: Sequence[int]) -> int:
        """Return one of *ports* for *caller*, who is counted from now on, until :meth:`remove`.

        Raises:
            FtpError: NO_DATA_PORT: no room, or no port became free in time.
        """
        self._enter(caller.peer)
        try:
            return await self._choose(caller, ports)
        except BaseException:
            self._leave(caller.peer)
            raise

    async def _choose(self, caller: Caller, ports: Sequence[int]) -> int:
        end = self._clock.seconds() + self._settings.port_seconds
        while (port := self._free(caller, ports)) is None:
            if not await self._port_given_back(end - self._clock.seconds()):
                return self._shared(caller, ports)
        return port

    def _free(self, caller: Caller, ports: Sequence[int]) -> int | None:
        """Return a port where nobody waits who could be taken for *caller*; if possible one where nobody waits."""
        start = self._random.randrange(len(ports))
        in_turn = [range(start, len(ports)), range(start)]
        for index in chain(*in_turn):
            if ports[index] not in self._expectations:
                return ports[index]
        for index in chain(*in_turn):
            if not self._confusable(caller, ports[index]):
                return ports[index]
        return None

    def _shared(self, caller: Caller, ports: Sequence[int]) -> int:
        fit = [port for port in ports if all(_tell_apart(caller, each) for each in self._confusable(caller, port))]
        if not fit:
            raise FtpError(
                ErrorKind.NO_DATA_PORT,
                f"on each passive port waits somebody whose data connection could be taken for that of {caller.peer}; "
                "remedy: open at least as many passive ports as one address has transfers at once",
                "all data ports wait for connections from your address: use fewer connections at once",
            )
        return self._random.choice(fit)

    def _confusable(self, caller: Caller, port: int) -> list[Expectation]:
        """Return those on *port* whose connections could come from where those of *caller* come from."""
        return [
            expectation
            for expectation in self.on(port)
            if caller.others
            or expectation.caller.others
            or may_stand_for(caller.peer, expectation.caller.peer, self._settings.peer_networks)
        ]

    async def _port_given_back(self, seconds: float) -> bool:
        """Wait until an expectation ends; False if none does in time."""
        if seconds <= 0:
            return False
        waiter: Deferred[None] = Deferred(self._give_up)
        self._waiting.append(waiter)
        try:
            await waiter.addTimeout(seconds, self._clock)
        except WaitedTooLong:
            return False
        return True

    def _give_up(self, waiter: Deferred[None]) -> None:
        self._waiting.remove(waiter)

    def _enter(self, peer: str) -> None:
        expected, of_peer = self._of_peer.total(), self._of_peer[peer]
        if expected >= self._settings.expectations:
            raise FtpError(ErrorKind.NO_DATA_PORT, f"{expected} data connections are expected: no more is allowed")
        if of_peer >= self._settings.expectations_per_peer:
            raise FtpError(
                ErrorKind.NO_DATA_PORT,
                f"{of_peer} data connections from {peer} are expected: no more is allowed",
                "too many data connections from your address are open",
            )
        self._of_peer[peer] += 1

    def _leave(self, peer: str) -> None:
        self._of_peer[peer] -= 1
        if not self._of_peer[peer]:
            del self._of_peer[peer]


def _tell_apart(caller: Caller, expectation: Expectation) -> bool:
    """Tell whether the TLS session that is resumed tells the connections of the two apart for certain."""
    other = expectation.caller
    if caller.others or other.others:
        return False
    return caller.user != other.user and caller.session_tls is not None and other.session_tls is not None
