"""From a file to the peer, burst by burst (RFC 959 section 3.4.1, RFC 4217 section 12.6).

How it works: read a chunk, translate, protect, send, until the socket takes no
more. In clear the kernel sends a file by itself. It costs memory only for
what one ``send`` left over, and that is little, because chunks grow only with
peers that take them quickly. The last chunk goes out together with
``close_notify``, and FIN behind it; after anything but the whole of a file
there is neither.
"""

from __future__ import annotations

import errno
import select
import socket

from ftpstwist.dtp.buffers import Buffers
from ftpstwist.dtp.pump import Chunk, Pause, broken, drain_all, is_ready_soon, lost, send_end
from ftpstwist.dtp.settings import DataSettings
from ftpstwist.dtp.translate import ToNetwork
from ftpstwist.interfaces import DirectSource, Octets, ReadHandle, TlsChannel, TlsError

_NOT_DIRECT = frozenset({errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP})
"""What ``sendfile`` says where a file system has none."""


class Download:
    """Implements :class:`~ftpstwist.dtp.pump.Flow`.

    Args:
        plain: Non-blocking socket.
        channel: Protects it; ``None`` in clear.
        source: Is read to its end, not closed.
        ascii_type: Whether line ends are translated.
        settings: For the chunks.
        buffers: Lends them.
    """

    def __init__(
        self,
        plain: socket.socket,
        channel: TlsChannel | None,
        source: ReadHandle,
        *,
        ascii_type: bool,
        settings: DataSettings,
        buffers: Buffers,
    ) -> None:
        self.octets = 0
        self._socket = plain
        self._channel = channel
        self._source = source
        self._direct = source if channel is None and not ascii_type and isinstance(source, DirectSource) else None
        self._translation = ToNetwork() if ascii_type else None
        self._chunk = Chunk(settings)
        self._buffers = buffers
        self._unsent = memoryview(b"")
        self._octets_unsent = 0
        self._source_ended = False
        self._is_quick = False
        self._stopped = False

    def stop(self) -> None:
        """End soon."""
        self._stopped = True

    def adapt(self, *, quick: bool) -> None:
        """Grow with a peer that keeps up; wait in the thread for such a one only."""
        self._chunk.adapt(quick=quick)
        self._is_quick = quick

    def burst(self, quantum: int, *, patient: bool) -> Pause:
        """See :class:`~ftpstwist.dtp.pump.Flow`."""
        patient = patient and self._is_quick
        if self._direct is not None:
            return self._send_directly(self._direct, quantum, patient=patient)
        with self._buffers.lend(self._chunk.octets) as buffer:
            pause = self._send_chunks(buffer, quantum, patient=patient)
            if self._channel is None:
                self._unsent = memoryview(bytes(self._unsent))  # the buffer goes back
        return pause

    def _send_directly(self, source: DirectSource, quantum: int, *, patient: bool) -> Pause:
        while not self._stopped:
            if quantum <= 0:
                return Pause.SPENT
            try:
                count = source.send_to(self._socket, quantum)
            except BlockingIOError:
                if patient and is_ready_soon(self._socket, select.POLLOUT):
                    continue
                return Pause.FULL
            except OSError as error:
                if error.errno not in _NOT_DIRECT:
                    raise lost(error) from error
                self._direct = None
                return self.burst(quantum, patient=False)
            if not count:
                send_end(self._socket)
                return Pause.ENDED
            self.octets += count
            quantum -= count
        return Pause.STOPPED

    def _send_chunks(self, buffer: memoryview, quantum: int, *, patient: bool) -> Pause:
        while not self._stopped:
            if not self._flush():
                if patient and is_ready_soon(self._socket, select.POLLOUT):
                    continue
                return Pause.FULL
            if self._source_ended:
                send_end(self._socket)
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
            raise lost(error) from error
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
            raise broken(error) from error
        if self._source_ended:
            channel.close()
        return memoryview(drain_all(channel, len(clear)))
