"""What a worker is started with, and its share of what the configuration allows in all."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from ftpstwist.config.schema import Settings
from ftpstwist.services.files import SharedStorage

CHANNEL, HANDOVER = 3, 4
"""Descriptors: where the front is asked, and where connections come in. Those of :class:`Start` follow."""
FIRST_OF_START = 5


@dataclass(frozen=True, slots=True)
class Start:
    """What a worker has to know. It is read from the standard input, which nobody but the front writes to.

    Attributes:
        settings: The configuration, with the share of one worker.
        number: Of the worker, from 1.
        passive: How many listening sockets follow: its passive ports.
        logs: Log files that are open; their descriptors follow the passive ports.
        shared: What all workers share.
        has_users_files: Whether accounts are from users files; else an application checks passwords by itself.
    """

    settings: Settings
    number: int
    passive: int
    logs: tuple[Path, ...]
    shared: SharedStorage
    has_users_files: bool

    @property
    def passive_descriptors(self) -> range:
        """The listening sockets."""
        return range(FIRST_OF_START, FIRST_OF_START + self.passive)

    @property
    def log_descriptors(self) -> dict[Path, int]:
        """The log files."""
        first = FIRST_OF_START + self.passive
        return {path: first + position for position, path in enumerate(self.logs)}


def write_start(start: Start) -> bytes:
    """Return what :func:`read_start` reads."""
    return pickle.dumps(start)


def read_start(file: BinaryIO) -> Start:
    """Read what the front wrote. Blocks until it has written everything."""
    start = pickle.load(file)  # noqa: S301 - from the process that has started this one
    if not isinstance(start, Start):
        raise TypeError("workers are started by the server, not by hand")
    return start


def share_of(settings: Settings, workers: int) -> Settings:
    """Return the configuration with what one worker may have of everything that is limited in all.

    What the front counts (sessions, logins) and what is in shared books (quotas) stays as it is.
    """

    def part(total: int) -> int:
        return -(-total // workers)

    limits, transfer = settings.limits, settings.transfer
    return replace(
        settings,
        limits=replace(
            limits,
            expectations=part(limits.expectations),
            closing_connections=part(limits.closing_connections),
            hooks_at_once=part(limits.hooks_at_once),
            hooks_waiting=part(limits.hooks_waiting),
        ),
        integrity=replace(settings.integrity, at_once=part(settings.integrity.at_once)),
        transfer=replace(transfer, threads=part(transfer.threads), buffers=part(transfer.buffers)),
        log=replace(settings.log, failed_sessions=part(settings.log.failed_sessions)),
    )


def deal(ports: Sequence[int], workers: int) -> list[list[int]]:
    """Return the positions of the passive ports that each worker gets, one after the other.

    Args:
        ports: Number of each, in order; the same number on several addresses goes to one worker.
        workers: How many there are.
    """
    dealt: list[list[int]] = [[] for _ in range(workers)]
    order: dict[int, int] = {}
    for position, number in enumerate(ports):
        dealt[order.setdefault(number, len(order)) % workers].append(position)
    return dealt
