"""Where audit events go."""

from __future__ import annotations

from typing import Protocol

from ftpstwist.session.events import Event


class EventSink(Protocol):
    """Where audit events go: command log, transfer log, metrics, hooks."""

    def record(self, event: Event) -> None:
        """Take note of an event; never raises, never blocks for long."""
