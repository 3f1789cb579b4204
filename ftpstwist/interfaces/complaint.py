"""What is wrong with a file that a person wrote, in words for that person."""

from __future__ import annotations

from dataclasses import dataclass
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
