"""Memory that bursts borrow: fresh memory would be zeroed, and mapped in page by page, for every burst.

What is lent at once is bounded by the worker threads, one or two buffers each; what is
kept for the next burst is bounded here. It refuses to wait: there is always fresh memory.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager


class Buffers:
    """Buffers of a few sizes; safe to use from several threads.

    Args:
        kept: Octets of all buffers together that are kept while nobody needs them.
    """

    def __init__(self, kept: int) -> None:
        self._room = kept
        self._free: defaultdict[int, deque[bytearray]] = defaultdict(deque)

    @contextmanager
    def lend(self, octets: int) -> Iterator[memoryview]:
        """Lend a buffer of so many *octets*, whatever stands in it; nobody may keep a part of it."""
        try:
            buffer = self._free[octets].pop()
            self._room += octets
        except IndexError:
            buffer = bytearray(octets)
        try:
            with memoryview(buffer) as view:
                yield view
        finally:
            if self._room >= octets:  # two threads may both see the last room: one buffer too many, no more
                self._room -= octets
                self._free[octets].append(buffer)
