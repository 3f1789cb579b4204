"""Bursts of octets between a file and a data connection (RFC 959 section 3.4.1, RFC 4217 section 12.6).

How it works: the reactor decides *when*, a worker thread does *what*. One
burst reads, translates, protects and sends (or receives, opens, translates
and writes) until the socket would block, its quantum is used up, the data has
ended, or it is told to stop; then the reactor has its turn. The socket does
not block, so a slow client costs no thread; it costs memory only for what one
``send`` left over, and that is little, because chunks grow only with peers
that take them quickly.

End of data: a download ends with ``close_notify`` and FIN in the same burst. An
upload under TLS is complete with the peer's ``close_notify`` and nothing else;
only then do our tickets, held since the handshake, and our ``close_notify`` go
out: a client that closes without reading would otherwise answer them with RST
and lose the tail of its own data.

It refuses to wait, to know the time, and to send ``close_notify`` after
anything but the whole of a file.
"""

from __future__ import annotations

import contextlib
import select
import socket
from enum import Enum
from typing import Protocol

from ftpstwist.dtp.deflate import OctetSink
from ftpstwist.dtp.readiness import acknowledge
from ftpstwist.dtp.settings import DataSettings
from ftpstwist.dtp.translate import FromNetwork, ToNetwork
from ftpstwist.interfaces import (
    ErrorKind,
    FtpError,
    Octets,
    ReadHandle,
    TlsChannel,
    TlsClosed,
    TlsError,
)

_MOMENT_MILLISECONDS = 2


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


class _Chunk:
    """How much to move in one go: little at first, more with peers that keep up."""

    def __init__(self, settings: DataSettings) -> None:
        self.octets = settings.first_chunk
        self._first = settings.first_chunk
        self._largest = settings.largest_chunk

    def adapt(self, *, quick: bool) -> None:
        self.octets = min(2 * self.octets, self._largest) if quick else self._first


class Download:
    """From a file to the peer.

    Args:
        plain: Non-blocking socket.
        channel: Protects it; ``None`` in clear.
        source: Is read to its end, not closed.
        ascii_type: Whether line ends are translated.
        settings: For the chunks.
    """

    def __init__(
        self,
        plain: socket.socket,
        channel: TlsChannel | None,
        source: ReadHandle,
        *,
        ascii_type: bool,
        settings: DataSettings,
    ) -> None:
        self.octets = 0
        self._socket = plain
        self._channel = channel
        self._source = source
        self._translation = ToNetwork() if ascii_type else None
        self._chunk = _Chunk(settings)
        self.adapt = self._chunk.adapt
        self._unsent = memoryview(b"")
        self._octets_unsent = 0
        self._source_ended = False
        self._stopped = False

    def stop(self) -> None:
        """End soon."""
        self._stopped = True

    def burst(self, quantum: int, *, patient: bool) -> Pause:  # noqa: ARG002 - the socket's buffer is patience enough
        """See :class:`Flow`."""
        buffer = memoryview(bytearray(min(self._chunk.octets, quantum)))
        while not self._stopped:
            if not self._flush():
                return Pause.FULL
            if self._source_ended:
                _send_end(self._socket)
                return Pause.ENDED
            if quantum <= 0:
                return Pause.SPENT
            quantum -= self._load(buffer[:quantum])
        return Pause.STOPPED

    def _flush(self) -> bool:
        """Send what waits; False if the socket does not take all of it."""
        try:
            while self._unsent:
                self._unsent = self._unsent[self._socket.send(self._unsent) :]
        except BlockingIOError:
            return False
        except OSError as error:
            raise _lost(error) from error
        self.octets += self._octets_unsent
        self._octets_unsent = 0
        return True

    def _load(self, buffer: memoryview) -> int:
        """Make the next chunk ready to be sent; the last one together with our close_notify."""
        count = self._fill(buffer)
        self._octets_unsent = count
        clear: Octets = buffer[:count]
        if self._translation is not None:
            clear = self._translation.translate(clear)
        self._unsent = memoryview(clear) if self._channel is None else self._protect(self._channel, clear)
        return count

    def _fill(self, buffer: memoryview) -> int:
        count = 0
        while count < len(buffer) and not self._stopped:
            octets = self._source.read_into(buffer[count:])
            if not octets:
                self._source_ended = True
                break
            count += octets
        return count

    def _protect(self, channel: TlsChannel, clear: Octets) -> memoryview:
        try:
            if clear:
                channel.encrypt(clear)
        except TlsError as error:
            raise _broken(error) from error
        if self._source_ended:
            channel.close()
        return memoryview(_drain_all(channel))


class Upload:
    """From the peer to a file.

    Args:
        plain: Non-blocking socket.
        channel: Protects it, and may hold data already; ``None`` in clear.
        sink: Is written to.
        ascii_type: Whether line ends are translated.
        settings: For the chunks and the judgement of the end.
    """

    def __init__(
        self,
        plain: socket.socket,
        channel: TlsChannel | None,
        sink: OctetSink,
        *,
        ascii_type: bool,
        settings: DataSettings,
    ) -> None:
        self.octets = 0
        self._socket = plain
        self._channel = channel
        self._sink = sink
        self._translation = FromNetwork() if ascii_type else None
        self._settings = settings
        self._chunk = _Chunk(settings)
        self._is_quick = False
        self._stopped = False

    def stop(self) -> None:
        """End soon."""
        self._stopped = True

    def adapt(self, *, quick: bool) -> None:
        """Chunks follow what ``recv`` gives; the time tells whether waiting in the thread is worth it."""
        self._is_quick = quick

    def burst(self, quantum: int, *, patient: bool) -> Pause:
        """See :class:`Flow`."""
        if self._channel is not None and self._take(memoryview(b"")):  # it may hold what came behind the handshake
            return Pause.ENDED
        buffer = memoryview(bytearray(self._chunk.octets))
        while not self._stopped:
            if quantum <= 0:
                return Pause.SPENT
            try:
                count = self._socket.recv_into(buffer[:quantum])
            except BlockingIOError:
                acknowledge(self._socket)
                if patient and self._is_quick and _has_news(self._socket):
                    continue
                return Pause.EMPTY
            except OSError as error:
                raise self._ended_by(error) from error
            if not count:
                self._end_of_stream()
                return Pause.ENDED
            if self._take(buffer[:count]):
                return Pause.ENDED
            quantum -= count
            if count == len(buffer):
                self._chunk.adapt(quick=True)
                buffer = memoryview(bytearray(self._chunk.octets))
        return Pause.STOPPED

    def _take(self, octets: memoryview) -> bool:
        """Write what *octets* bring; True if the peer's close_notify is among it."""
        if self._channel is None:
            self._write(octets)
            return False
        if octets:
            self._channel.feed(octets)
        try:
            while clear := self._channel.decrypt(self._settings.largest_chunk):
                self._write(clear)
        except TlsClosed:
            self._complete()
            return True
        except TlsError as error:
            raise _broken(error) from error
        return False

    def _end_of_stream(self) -> None:
        """FIN: the good end in clear, under TLS only if the settings are lenient."""
        if self._channel is not None and self._settings.strict_end:
            raise _truncated("FIN without close_notify")
        if self._channel is not None and not self._channel.is_between_records:
            raise _truncated("FIN within a record")
        self._complete()

    def _ended_by(self, error: OSError) -> FtpError:
        if self._channel is not None and self._settings.strict_end:
            return _truncated(f"{error.strerror} before close_notify")
        return _lost(error)

    def _write(self, octets: Octets) -> None:
        if self._translation is not None:
            octets = self._translation.translate(octets)
        if octets:
            self._sink.write(octets)
            self.octets += len(octets)

    def _complete(self) -> None:
        if self._translation is not None:
            rest, self._translation = self._translation.finish(), None
            self._write(rest)
        if self._channel is not None:
            send_last(self._socket, self._channel)
        _send_end(self._socket)


def _has_news(plain: socket.socket) -> bool:
    """Wait a moment for octets of a peer that keeps up: cheaper than a turn of the reactor and back."""
    waiting = select.poll()
    waiting.register(plain, select.POLLIN)
    return bool(waiting.poll(_MOMENT_MILLISECONDS))


def send_last(plain: socket.socket, channel: TlsChannel) -> None:
    """Send what was held back, and our ``close_notify``, as far as the peer still takes it.

    It is a few hundred octets into an empty send buffer; whether the peer
    wants them changes nothing about the data it has sent.
    """
    channel.close()
    with contextlib.suppress(OSError):
        plain.send(_drain_all(channel))


def _send_end(plain: socket.socket) -> None:
    with contextlib.suppress(OSError):  # reset by a peer that has closed: all is in the kernel's hands already
        plain.shutdown(socket.SHUT_WR)


def _drain_all(channel: TlsChannel) -> bytes:
    pieces = []
    while piece := channel.drain():
        pieces.append(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def _lost(error: OSError) -> FtpError:
    return FtpError(ErrorKind.DATA_LOST, f"data connection: {error.strerror}")


def _broken(error: TlsError) -> FtpError:
    return FtpError(ErrorKind.DATA_LOST, error.cause, "TLS on the data connection broke")


def _truncated(what: str) -> FtpError:
    return FtpError(
        ErrorKind.DATA_TLS_TRUNCATED,
        f"upload ended by {what}",
        "your client did not end TLS properly, so nobody knows whether the file is whole",
    )
