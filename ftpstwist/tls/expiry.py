"""Notices of what expires soon: certificates and revocation lists, in four steps, so that nobody is told every day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

EXPIRY_NOTICES = (30, 14, 7, 1)
"""Days before the end at which there is a notice."""


@dataclass(frozen=True, slots=True)
class Notice:
    """That something expires soon, or has.

    Attributes:
        days: The least of 30, 14, 7 and 1 within which it does; 0 if it has.
        words: What, and when.
    """

    days: int
    words: str


def notice_of_end(what: str, end: datetime, *, now: datetime) -> Notice | None:
    """Return the notice that is due about what is good until *end*; ``None`` if it is for longer."""
    left = end - now
    when = f"on {end:%Y-%m-%d %H:%M} UTC"
    if left < timedelta(0):
        return Notice(0, f"{what} expired {when}")
    for days in sorted(EXPIRY_NOTICES):
        if left <= timedelta(days=days):
            within = "a day" if days == 1 else f"{days} days"
            return Notice(days, f"{what} expires within {within}, {when}")
    return None
