"""A hook that is a function: notes in the log what it was told."""

from twisted.logger import Logger

_log = Logger()


async def note(event):
    _log.info("the function saw {path}, {octets} octets", path=event.path, octets=event.octets)
