"""What is wrong with a configuration, in words for the person who wrote it.

A complaint names the file, the line where that is known, the key, the cause
and the remedy. Complaints are collected: nobody should have to start a server
five times to learn of five mistakes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum


class Severity(Enum):
    """What a complaint means."""

    ERROR = "error"
    """The server does not start."""
    WARNING = "warning"
    """It starts, but may not do what was meant."""


@dataclass(frozen=True, slots=True)
class Complaint:
    """One thing that is wrong, or not wise.

    Attributes:
        file: The configuration file, or what else the value came from (``command line``).
        key: The setting, as ``table.key``; empty when it is about the file as a whole.
        cause: What is wrong: one sentence without its full stop.
        remedy: What to do about it: one sentence without its full stop.
        line: Line of the key in the file, counted from 1; ``None`` if the key is not written there.
        column: Column in that line, known for errors of TOML itself only.
        severity: Whether it keeps the server from starting.
    """

    file: str
    key: str
    cause: str
    remedy: str
    line: int | None = None
    column: int | None = None
    severity: Severity = Severity.ERROR

    @property
    def is_error(self) -> bool:
        """Whether the server must not start with it."""
        return self.severity is Severity.ERROR

    @property
    def place(self) -> str:
        """File, line and key, as compilers write them, so that editors find it."""
        numbers = [str(number) for number in (self.line, self.column) if number is not None]
        return ": ".join(part for part in (":".join([self.file, *numbers]), self.key) if part)

    def __str__(self) -> str:
        end = "" if self.remedy.endswith("?") else "."
        return f"{self.place}: {self.cause}. {self.remedy}{end}"


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
