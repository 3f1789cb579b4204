"""What the doctor says about one step, and the step's own words for what it met.

Texts of the server are quoted in findings; they are made harmless for a terminal here.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

from ftpstwist.wire.reply import Reply

MAX_QUOTED = 160
"""Characters quoted of what a server said."""

Value = TypeVar("Value")


class Verdict(Enum):
    """How a step ended."""

    OK = "ok"
    NOTE = "note"
    """Worth knowing; nothing that has to be mended."""
    PROBLEM = "problem"
    SERIOUS = "serious"
    """A problem that lets an attacker in."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One fact about the server.

    Attributes:
        step: What was tried, a word or two.
        verdict: How it ended.
        text: What was found.
        remedy: How to mend it, and where: server, firewall or client; empty if there is nothing to mend.
    """

    step: str
    verdict: Verdict
    text: str
    remedy: str = ""

    @property
    def is_problem(self) -> bool:
        """Whether something has to be mended."""
        return self.verdict in {Verdict.PROBLEM, Verdict.SERIOUS}


Findings = Generator[Finding, None, Value]
"""A step: yields findings and returns what the next steps need."""


def ok(step: str, text: str) -> Finding:
    """Return a finding that needs no action."""
    return Finding(step, Verdict.OK, text)


def note(step: str, text: str, remedy: str = "") -> Finding:
    """Return a finding worth knowing."""
    return Finding(step, Verdict.NOTE, text, remedy)


def problem(step: str, text: str, remedy: str) -> Finding:
    """Return a finding that has to be mended."""
    return Finding(step, Verdict.PROBLEM, text, remedy)


def serious(step: str, text: str, remedy: str) -> Finding:
    """Return a finding that has to be mended before anything else."""
    return Finding(step, Verdict.SERIOUS, text, remedy)


def quoted(text: str) -> str:
    """Return a text of the server so that it can neither move the cursor nor fill the screen."""
    shown = "".join(char if char.isprintable() else "?" for char in text)
    return f'"{shown[:MAX_QUOTED]}{"…" if len(shown) > MAX_QUOTED else ""}"'


def said(reply: Reply) -> str:
    """Return a reply as it is quoted in findings."""
    return quoted(f"{reply.code} {' / '.join(line.strip() for line in reply.lines)}")
