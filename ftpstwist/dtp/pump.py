"""Bursts of octets between a file and a data connection (RFC 959 section 3.4.1).

How it works: the reactor decides *when*, a worker thread does *what*. One
burst (``dtp/download``, ``dtp/upload``) reads, translates, protects and sends,
or receives, opens, translates and writes, until the socket would block, its quantum is used
up, the data has ended, or it is told to stop; then the reactor has its turn.
The socket does not block, so a slow client costs no thread.

It refuses to wait, to know the time, and to send ``close_notify`` after
anything but the whole of a file.
"""

from __future__ import annotations

import contextlib
import select
import socket
from enum import Enum
from typing import Protocol

from ftpstwist.dtp.settings import DataSettings
from ftpstwist.interfaces import ErrorKind, FtpError, TlsChannel, TlsError

_MOMENT_MILLISECONDS = 2
_SHORT_RECORDS = 4 << 10
"""Room for session tickets and ``close_notify``. Records add 22 to 34 octets to each 16 KiB."""


class Pause(Enum):
    """Why a burst ended."""

    ENDED = "all is done"
    FULL = "the socket takes no more"
    EMPTY = "the socket has no more"
    SPENT = "the quantum is used up"
    STOPPED = "it was told to stop"


class Flow(Protocol):
    """One transfer, moved burst by burst."""

    @property
    def octets(self) -> int:
        """Octets of the file moved so far."""

    def burst(self, quantum: int, *, patient: bool) -> Pause:
        """Move up to *quantum* octets.

        Args:
            quantum: Octets.
            patient: Whether to wait a moment for a peer that keeps up; in a worker thread only.

        Raises:
            FtpError: The transfer failed.
        """

    def stop(self) -> None:
        """Make the burst that runs, and those to come, end soon; from the reactor thread."""

    def adapt(self, *, quick: bool) -> None:
        """Tell whether the peer kept up since the last burst; between bursts."""


class Chunk:
    """How much to move in one go: little at first, more with peers that keep up."""

    def __init__(self, settings: DataSettings) -> None:
        self.octets = settings.first_chunk
        self._first = settings.first_chunk
        self._largest = settings.largest_chunk

    def adapt(self, *, quick: bool) -> None:
        """Grow with a peer that keeps up, begin anew with one that does not."""
        self.octets = min(2 * self.octets, self._largest) if quick else self._first


def is_ready_soon(plain: socket.socket, event: int) -> bool:
    """Wait a moment for a peer that keeps up: cheaper than a turn of the reactor and back.

    Args:
        plain: The socket.
        event: ``select.POLLIN`` or ``select.POLLOUT``.
    """
    waiting = select.poll()
    waiting.register(plain, event)
    return bool(waiting.poll(_MOMENT_MILLISECONDS))


def send_last(plain: socket.socket, channel: TlsChannel) -> None:
    """Send what was held back, and our ``close_notify``, as far as the peer still takes it.

    It is a few hundred octets into an empty send buffer; whether the peer
    wants them changes nothing about the data it has sent.
    """
    channel.close()
    with contextlib.suppress(OSError):
        plain.send(drain_all(channel))


def send_end(plain: socket.socket) -> None:
    """Send FIN."""
    with contextlib.suppress(OSError):  # reset by a peer that has closed: all is in the kernel's hands already
        plain.shutdown(socket.SHUT_WR)


def drain_all(channel: TlsChannel, clear_octets: int = 0) -> bytes:
    """Return all that is ready for the peer, in one piece if it is what became of so many *clear octets*."""
    pieces = []
    while piece := channel.drain(clear_octets + clear_octets // 64 + _SHORT_RECORDS):
        pieces.append(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def lost(error: OSError) -> FtpError:
    """Return what a socket that broke means to a transfer."""
    return FtpError(ErrorKind.DATA_LOST, f"data connection: {error.strerror}")


def broken(error: TlsError) -> FtpError:
    """Return what TLS that broke means to a transfer."""
    return FtpError(ErrorKind.DATA_LOST, error.cause, "TLS on the data connection broke")
