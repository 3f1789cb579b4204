"""What is wrong with a configuration, in words for the person who wrote it.

A complaint names the file, the line where that is known, the key, the cause
and the remedy. Complaints are collected: nobody should have to start a server
five times to learn of five mistakes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from ftpstwist.interfaces import Complaint, Severity

__all__ = ["Complaint", "ConfigurationError", "Origin", "Severity", "Unusable", "in_order"]


class ConfigurationError(Exception):
    """The configuration can not be used; nothing may be started with it.

    Args:
        complaints: Everything that is wrong with it, at least one error.
    """

    def __init__(self, complaints: Iterable[Complaint]) -> None:
        self.complaints = in_order(complaints)
        super().__init__("\n".join(f"{each.severity.value}: {each}" for each in self.complaints))


class Unusable(ValueError):  # noqa: N818 - a verdict on one value, soon part of a complaint
    """A value can not be used for a setting.

    Args:
        cause: What is wrong with it, beginning with the value itself.
        remedy: What to write instead.
    """

    def __init__(self, cause: str, remedy: str) -> None:
        super().__init__(cause)
        self.cause = cause
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class Origin:
    """Where settings came from: for complaints that come up after loading.

    Attributes:
        file: Name of the file as the user gave it; ``built-in defaults`` if there is none.
        lines: Line of every key written in the file, counted from 1.
    """

    file: str = "built-in defaults"
    lines: dict[str, int] = field(default_factory=dict)

    def complain(self, key: str, cause: str, remedy: str) -> Complaint:
        """Return an error about *key*, with the line of the key or of the table around it."""
        return Complaint(self.file, key, cause, remedy, self.line_of(key))

    def warn(self, key: str, cause: str, remedy: str) -> Complaint:
        """Return a warning about *key*, likewise."""
        return Complaint(self.file, key, cause, remedy, self.line_of(key), severity=Severity.WARNING)

    def line_of(self, key: str) -> int | None:
        """Return the line of *key*, or of the nearest table around it that is written in the file."""
        while key and key not in self.lines:
            key = key[: max(key.rfind("."), key.rfind("["), 0)]
        return self.lines.get(key)

    def is_written(self, key: str) -> bool:
        """Tell whether the file itself gives *key*, rather than leaving it to the default."""
        return key in self.lines


def in_order(complaints: Iterable[Complaint]) -> tuple[Complaint, ...]:
    """Return complaints as people read them: errors first, then by file and line; each once."""
    return tuple(
        sorted(dict.fromkeys(complaints), key=lambda each: (not each.is_error, each.file, each.line or 0, each.key))
    )
