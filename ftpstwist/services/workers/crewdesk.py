"""What can be asked about the sessions of all workers, and told to them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from twisted.logger import Logger

from ftpstwist.services.desk import Answer
from ftpstwist.services.workers.channel import ChannelError
from ftpstwist.services.workers.crew import Crew
from ftpstwist.services.workers.member import Member

if TYPE_CHECKING:
    from ftpstwist.observe.metrics import Numbers  # needs an optional library

_SECONDS = 5.0
_SUMMED = ("sessions", "transfers", "resumed", "full_handshake")
_log = Logger()


class CrewDesk:
    """Asks all workers. A ``Desk``; of a worker that does not answer in time nothing is told.

    Args:
        crew: The workers.
    """

    def __init__(self, crew: Crew) -> None:
        self._crew = crew

    async def numbers(self) -> Answer:
        """Return how many there are of everything, and what ``workers`` there are."""
        sums: Answer = dict.fromkeys(_SUMMED, 0)
        workers = []
        async for member, numbers in self._ask("numbers"):
            for name in _SUMMED:
                sums[name] += numbers[name]
            workers.append({"worker": member.number, "process": member.pid, "sessions": numbers["sessions"]})
        return {**sums, "workers": workers}

    async def describe(self) -> list[Answer]:
        """Return who every session is and what it does now."""
        return [
            {**session, "worker": member.number}
            async for member, sessions in self._ask("describe")
            for session in sessions
        ]

    async def end(self, *, session: str) -> int:
        """End the session of that id."""
        return sum([ended async for _, ended in self._ask("end", session=session)])

    async def end_of(self, *, network: str) -> int:
        """End the sessions of an address, or of a /64."""
        return sum([ended async for _, ended in self._ask("end_of", network=network)])

    async def metrics(self) -> list[Numbers]:
        """Return what every worker knows, and how many there are."""
        serving = sum(member.serves for member in self._crew.members)
        own: Numbers = {"ftps_workers": [((), serving)], "ftps_worker_starts": [((), self._crew.starts)]}
        return [own, *[numbers async for _, numbers in self._ask("metrics")]]

    async def _ask(self, name: str, **values: object) -> AsyncIterator[tuple[Member, Any]]:
        for member in [each for each in self._crew.members if each.ready_at is not None]:
            try:
                yield member, await member.ask(name, seconds=_SECONDS, **values)
            except ChannelError as error:
                _log.warn("worker {number} does not answer: {cause}", number=member.number, cause=str(error))
