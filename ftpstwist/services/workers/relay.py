"""The log of a worker: lines on its standard output, which the front puts into its own log."""

from __future__ import annotations

import json
import os
from collections.abc import Callable

from twisted.logger import ILogObserver, LogEvent, Logger, LogLevel, formatEvent
from zope.interface import implementer

_LONGEST_LINE = 1 << 20


@implementer(ILogObserver)
class LineObserver:
    """Writes events as lines of JSON: namespace, level, and the text as it was to be read.

    Args:
        descriptor: Where to; what can not be written is lost, for there is nobody to tell.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def __call__(self, event: LogEvent) -> None:
        """Write one event, if it has anything to say."""
        text = formatEvent(event)
        if "log_failure" in event:
            text = f"{text}\n{event['log_failure'].getTraceback()}"
        if not text:
            return
        level = event.get("log_level", LogLevel.info)
        line = json.dumps([event.get("log_namespace", ""), level.name, text])
        try:
            os.write(self._descriptor, line.encode("ascii") + b"\n")
        except OSError:
            return


class LineReader:
    """Puts together lines from the octets of a pipe.

    Args:
        told: Takes each line, without its end.
    """

    def __init__(self, told: Callable[[bytes], None]) -> None:
        self._told = told
        self._begun = b""

    def feed(self, octets: bytes) -> None:
        """Take what has come; a line without end is cut."""
        *lines, self._begun = (self._begun + octets).split(b"\n")
        if len(self._begun) > _LONGEST_LINE:
            lines.append(self._begun)
            self._begun = b""
        for line in lines:
            self._told(line)


def relay(worker: int, line: bytes) -> None:
    """Log a line of a :class:`LineObserver` here, with the number of the worker behind the namespace."""
    try:
        namespace, level, text = json.loads(line)
        found = LogLevel.lookupByName(level)
    except (ValueError, TypeError, LookupError):
        relay_raw(worker, line)
        return
    Logger(namespace=f"{namespace}/{worker}").emit(found, "{text}", text=str(text))


def relay_raw(worker: int, line: bytes) -> None:
    """Log what a worker, or Python there, said in another way."""
    if line.strip():
        Logger(namespace=f"ftpstwist.worker/{worker}").error("{text}", text=line.decode("utf-8", "backslashreplace"))
