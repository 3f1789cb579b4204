"""A token bucket: how many octets may move now, and how long to wait for more.

Pure: the caller brings the time. It never sleeps and never refuses an octet
that has moved already: spending more than there is makes a debt, which time pays.
"""

from __future__ import annotations

_DEPTH_SECONDS = 0.5
"""What a pause can save up: enough for small files to pass unhindered."""
_BURST_SECONDS = 0.125
"""Shortest burst worth a worker thread's while, in seconds of the rate."""


class TokenBucket:
    """Holds one transfer to its rate.

    Args:
        rate: Octets a second, at least 1.
        now: Seconds of any steady clock.
    """

    def __init__(self, rate: int, now: float) -> None:
        self._rate = max(rate, 1)
        self._depth = max(self._rate * _DEPTH_SECONDS, 1.0)
        self._worth = max(self._rate * _BURST_SECONDS, 1.0)
        self._tokens = self._depth
        self._filled_at = now

    def available(self, now: float) -> int:
        """Return the octets that may move now; 0 while it would be too few to bother."""
        self._fill(now)
        return int(self._tokens) if self._tokens >= self._worth else 0

    def spend(self, octets: int) -> None:
        """Note that *octets* have moved."""
        self._tokens -= octets

    def delay(self, now: float) -> float:
        """Return the seconds until :meth:`available` gives more than 0."""
        self._fill(now)
        return max(0.0, (self._worth - self._tokens) / self._rate)

    def _fill(self, now: float) -> None:
        self._tokens = min(self._depth, self._tokens + (now - self._filled_at) * self._rate)
        self._filled_at = now
