"""Times as FTP writes them (RFC 3659 section 2.3): ``YYYYMMDDHHMMSS``, always UTC, always Gregorian.

Inside the house a time is a number of seconds since the epoch. Only years 1000
to 9999 can be written; a time outside them is written as the nearest one inside.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import lru_cache

from ftpstwist.wire import grammar
from ftpstwist.wire.errors import ArgumentSyntaxError

SECONDS_A_DAY = 86_400

_MINUTES_A_DAY = 24 * 60
_MINUTES = tuple(f"{minute // 60:02d}{minute % 60:02d}" for minute in range(_MINUTES_A_DAY))
_SECONDS = tuple(f"{second:02d}" for second in range(60))
_LEAP_SECOND = (23, 59, 60)
_EPOCH = date(1970, 1, 1).toordinal()
_FIRST = (date(1000, 1, 1).toordinal() - _EPOCH) * SECONDS_A_DAY
_LAST = (date(9999, 12, 31).toordinal() - _EPOCH + 1) * SECONDS_A_DAY - 1


def parse_time_val(text: str) -> float:
    """Read a ``time-val``.

    The leap second is taken as the first second of the next day, as POSIX counts.

    Returns:
        Seconds since the epoch, with the fraction if one was given.

    Raises:
        ArgumentSyntaxError: If it is malformed or no date of the calendar (client sees 501).
    """
    match = grammar.TIME_VAL.fullmatch(text)
    if match is None:
        raise ArgumentSyntaxError("Expected a time as YYYYMMDDHHMMSS in UTC")
    year, month, day, hour, minute, second = (int(field) for field in match.groups()[:6])
    is_leap = (hour, minute, second) == _LEAP_SECOND
    try:
        moment = datetime(year, month, day, hour, minute, second - is_leap, tzinfo=UTC)
    except ValueError:
        raise ArgumentSyntaxError("No such date or time") from None
    return moment.timestamp() + is_leap + float(f"0.{match['fraction'] or 0}")


def render_time_val(seconds: int) -> str:
    """Write a ``time-val`` without a fraction: no precision that is not there (RFC 3659 section 2.3)."""
    if not _FIRST <= seconds <= _LAST:
        seconds = min(max(seconds, _FIRST), _LAST)
    minute = seconds // 60
    return f"{_day_digits(minute // _MINUTES_A_DAY)}{_MINUTES[minute % _MINUTES_A_DAY]}{_SECONDS[seconds % 60]}"


def day_of(day: int) -> date:
    """Return the date of a day counted from the epoch; the nearest one that has a year of four digits."""
    return date.fromordinal(min(max(day, _FIRST // SECONDS_A_DAY), _LAST // SECONDS_A_DAY) + _EPOCH)


@lru_cache(maxsize=4096)
def _day_digits(day: int) -> str:
    return day_of(day).strftime("%Y%m%d")
