"""From the peer to a file, burst by burst (RFC 959 section 3.4.1, RFC 4217 section 12.6).

How it works: receive, open, translate, write, until the socket has no more. An
upload under TLS is complete with the peer's ``close_notify`` and nothing else;
only then do our tickets, held since the handshake, and our ``close_notify`` go
out: a client that closes without reading would otherwise answer them with RST
and lose the tail of its own data.
"""

from __future__ import annotations

import select
import socket
from contextlib import ExitStack

from ftpstwist.dtp.buffers import Buffers
from ftpstwist.dtp.deflate import OctetSink
from ftpstwist.dtp.pump import Chunk, Pause, broken, is_ready_soon, lost, send_end, send_last
from ftpstwist.dtp.readiness import acknowledge
from ftpstwist.dtp.settings import DataSettings
from ftpstwist.dtp.translate import FromNetwork
from ftpstwist.interfaces import ErrorKind, FtpError, Octets, TlsChannel, TlsClosed, TlsError


class Upload:
    """Implements :class:`~ftpstwist.dtp.pump.Flow`.

    Args:
        plain: Non-blocking socket.
        channel: Protects it, and may hold data already; ``None`` in clear.
        sink: Is written to.
        ascii_type: Whether line ends are translated.
        settings: For the chunks and the judgement of the end.
        buffers: Lends them.
    """

    def __init__(
        self,
        plain: socket.socket,
        channel: TlsChannel | None,
        sink: OctetSink,
        *,
        ascii_type: bool,
        settings: DataSettings,
        buffers: Buffers,
    ) -> None:
        self.octets = 0
        self._socket = plain
        self._channel = channel
        self._sink = sink
        self._translation = FromNetwork() if ascii_type else None
        self._settings = settings
        self._chunk = Chunk(settings)
        self._buffers = buffers
        self._is_quick = False
        self._stopped = False

    def stop(self) -> None:
        """End soon."""
        self._stopped = True

    def adapt(self, *, quick: bool) -> None:
        """Chunks follow what ``recv`` gives; the time tells whether waiting in the thread is worth it."""
        self._is_quick = quick

    def burst(self, quantum: int, *, patient: bool) -> Pause:
        """See :class:`~ftpstwist.dtp.pump.Flow`."""
        octets = self._chunk.octets
        with ExitStack() as lent:
            buffer = lent.enter_context(self._buffers.lend(octets))
            clear = buffer if self._channel is None else lent.enter_context(self._buffers.lend(octets))
            return self._receive(buffer, clear, quantum, patient=patient)

    def _receive(self, buffer: memoryview, clear: memoryview, quantum: int, *, patient: bool) -> Pause:
        if self._channel is not None and self._take(buffer[:0], clear):  # it may hold what came behind the handshake
            return Pause.ENDED
        was_filled = False
        while not self._stopped:
            if quantum <= 0:
                self._chunk.adapt(quick=was_filled)
                return Pause.SPENT
            try:
                count = self._socket.recv_into(buffer[:quantum])
            except BlockingIOError:
                acknowledge(self._socket)
                if patient and self._is_quick and is_ready_soon(self._socket, select.POLLIN):
                    continue
                return Pause.EMPTY
            except OSError as error:
                raise self._ended_by(error) from error
            if not count:
                self._end_of_stream()
                return Pause.ENDED
            if self._take(buffer[:count], clear):
                return Pause.ENDED
            quantum -= count
            was_filled |= count == len(buffer)
        return Pause.STOPPED

    def _take(self, octets: memoryview, clear: memoryview) -> bool:
        """Write what *octets* bring, opened in *clear*; True if the peer's close_notify is among it."""
        if self._channel is None:
            self._write(octets)
            return False
        if octets:
            self._channel.feed(octets)
        try:
            while count := self._channel.decrypt_into(clear):
                self._write(clear[:count])
        except TlsClosed:
            self._complete()
            return True
        except TlsError as error:
            raise broken(error) from error
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
        return lost(error)

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
        send_end(self._socket)


def _truncated(what: str) -> FtpError:
    return FtpError(
        ErrorKind.DATA_TLS_TRUNCATED,
        f"upload ended by {what}",
        "your client did not end TLS properly, so nobody knows whether the file is whole",
    )
