"""Forms of numbers: counts, durations, sizes and permission bits."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import TypeVar

from ftpstwist.config.complaint import Unusable
from ftpstwist.config.form import Form, describe, expected, quote

N = TypeVar("N", int, float)

_DURATION = re.compile(r"(\d+(?:\.\d+)?) ?(ms|s|m|h|d)")
_DURATION_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_SIZE = re.compile(r"(\d+) ?(B|[kMGT]B|[KMGT]iB)")
_SIZE_UNITS = {
    "B": 1,
    "kB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KiB": 1 << 10,
    "MiB": 1 << 20,
    "GiB": 1 << 30,
    "TiB": 1 << 40,
}
_MODE = re.compile(r"0?[0-7]{3}")


def whole(*, least: int = 0, most: int | None = None) -> Form[int]:
    """A whole number from *least* to *most*."""
    noun, example = "a whole number", f" {_bounds_in_words(least, most)}"

    def read(value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise expected(noun, example, value)
        return _within(value, value, least, most, str)

    return Form(noun + example, read, str)


def seconds(*, least: float = 0.0, most: float | None = None) -> Form[float]:
    """A duration, in seconds inside the program."""
    noun, example = "a duration", ': seconds as a number, or text such as "500ms", "90s", "5m", "2h", "1d"'

    def read(value: object) -> float:
        number = _read_duration(value)
        if number is None:
            raise expected(noun, example, value)
        return _within(number, value, least, most, _show_seconds)

    return Form(noun + example + _bounds_for(least, most, _show_seconds), read, _show_seconds)


def octets(*, least: int = 0, most: int | None = None) -> Form[int]:
    """A size in octets."""
    noun, example = "a size", ': octets as a number, or text such as "64 KiB", "10 MiB", "2 GB"'

    def read(value: object) -> int:
        number = _read_size(value)
        if number is None:
            raise expected(noun, example, value)
        return _within(number, value, least, most, _show_size)

    return Form(noun + example + _bounds_for(least, most, _show_size), read, _show_size)


def mode() -> Form[int]:
    """Permission bits of Unix, as three octal digits in text."""
    noun, example = "a mode", ': permission bits as text in octal, such as "0644"'

    def read(value: object) -> int:
        if isinstance(value, str) and _MODE.fullmatch(value):
            return int(value, 8)
        if isinstance(value, int) and not isinstance(value, bool):
            raise Unusable(f"{value} is a number, and TOML does not read it as octal", 'Write text, such as "0644"')
        raise expected(noun, example, value)

    return Form(noun + example, read, lambda value: quote(f"{value:04o}"))


def _within(number: N, written: object, least: N, most: N | None, show: Callable[[N], str]) -> N:
    if number < least:
        raise Unusable(f"{describe(written)} is too small", f"Write at least {show(least)}")
    if most is not None and number > most:
        raise Unusable(f"{describe(written)} is too large", f"Write at most {show(most)}")
    return number


def _bounds_in_words(least: int, most: int | None) -> str:
    return f"from {least} to {most}" if most is not None else f"of {least} or more"


def _bounds_for(least: N, most: N | None, show: Callable[[N], str]) -> str:
    parts = []
    if least > 0:
        parts.append(f"at least {show(least)}")
    if most is not None:
        parts.append(f"at most {show(most)}")
    return "; " + ", ".join(parts) if parts else ""


def _read_duration(value: object) -> float | None:
    if isinstance(value, str) and (found := _DURATION.fullmatch(value)):
        return float(found[1]) * _DURATION_UNITS[found[2]]
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    return None


def _show_seconds(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else repr(value)


def _read_size(value: object) -> int | None:
    if isinstance(value, str) and (found := _SIZE.fullmatch(value)):
        return int(found[1]) * _SIZE_UNITS[found[2]]
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return None


def _show_size(value: int) -> str:
    for unit in ("GiB", "MiB", "KiB"):
        if value and value % _SIZE_UNITS[unit] == 0:
            return quote(f"{value // _SIZE_UNITS[unit]} {unit}")
    return str(value)
