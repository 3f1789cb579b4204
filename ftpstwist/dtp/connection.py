"""An open data connection (RFC 959 section 3.2): drives a transfer burst by burst, and ends it properly.

The good end is ``close_notify`` (under TLS), FIN, and a moment of patience for
the peer to close, too. Every other end is RST, so that the peer can not take a
part for the whole. It refuses to open anything, and to touch a file itself.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable

from twisted.internet.defer import TimeoutError as WaitedTooLong
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from ftpstwist.dtp.burst import Bursts
from ftpstwist.dtp.deflate import DeflatedSource, InflatingSink, OctetSink
from ftpstwist.dtp.download import Download
from ftpstwist.dtp.pump import Flow, Pause, send_last
from ftpstwist.dtp.readiness import ReactorSocket
from ftpstwist.dtp.settings import DataSettings
from ftpstwist.dtp.throttle import TokenBucket
from ftpstwist.dtp.upload import Upload
from ftpstwist.interfaces import ErrorKind, FtpError, ReadHandle, TlsChannel, WaitsFor, WriteHandle
from ftpstwist.session.events import TlsFacts

_UNDECRYPTED_OCTETS = 48 << 10
"""What may wait in the channel, beyond the octets one burst receives: a record, and what came behind the handshake."""
_QUICK_SECONDS = 0.1
"""A peer that makes room within this time keeps up."""


class SocketDataConnection:
    """Implements ``interfaces.DataConnection`` for one transfer.

    Args:
        stream: The connection; owned.
        channel: Protects it, handshake done; ``None`` in clear.
        upload: Whether the client is going to send.
        settings: Quantum, chunks, time limits.
        bursts: Shared by all transfers.
        clock: For time limits and rates.
        linger: Takes the socket after a good end.
    """

    def __init__(
        self,
        stream: ReactorSocket,
        channel: TlsChannel | None,
        *,
        upload: bool,
        settings: DataSettings,
        bursts: Bursts,
        clock: IReactorTime,
        linger: Callable[[socket.socket], None],
    ) -> None:
        self._stream = stream
        self._channel = channel
        self._upload = upload
        self._settings = settings
        self._bursts = bursts
        self._clock = clock
        self._linger = linger
        self._flow: Flow | None = None
        self._packing: DeflatedSource | InflatingSink | None = None
        self._ended = False
        self.waits_for = WaitsFor.SERVER
        """See ``interfaces.DataConnection``."""

    @property
    def tls(self) -> TlsFacts | None:
        """What protects it; ``None`` in clear."""
        return None if self._channel is None else self._channel.facts

    @property
    def octets(self) -> int:
        """Octets of the file moved so far."""
        if self._packing is not None:
            return self._packing.octets
        return 0 if self._flow is None else self._flow.octets

    @property
    def packed_octets(self) -> int | None:
        """Octets that went over the connection instead, in MODE Z; ``None`` otherwise."""
        return None if self._packing is None or self._flow is None else self._flow.octets

    async def send(
        self,
        source: ReadHandle,
        *,
        ascii_type: bool = False,
        rate: int | None = None,
        level: int | None = None,
        at_hand: bool = False,
    ) -> int:
        """Send *source* to its end, then ``close_notify`` and FIN; see ``interfaces.DataConnection``."""
        if level is not None:
            source = self._packing = DeflatedSource(source, level=level, ascii_type=ascii_type)
            ascii_type = at_hand = False
        flow = Download(
            self._stream.plain,
            self._channel,
            source,
            ascii_type=ascii_type,
            settings=self._settings,
            buffers=self._bursts.buffers,
        )
        await self._drive(flow, rate, at_hand=sys.maxsize if at_hand else 0)
        return self.octets

    async def receive(
        self,
        sink: WriteHandle,
        *,
        ascii_type: bool = False,
        rate: int | None = None,
        deflated: bool = False,
        at_hand: int = 0,
    ) -> int:
        """Receive to the end of data into *sink*; see ``interfaces.DataConnection``."""
        if not deflated:
            flow = self._upload_into(sink, ascii_type=ascii_type)
            await self._drive(flow, rate, at_hand=at_hand - _UNDECRYPTED_OCTETS)
            return self.octets
        self._packing = packed = InflatingSink(sink, limits=self._settings.inflate, ascii_type=ascii_type)
        await self._drive(self._upload_into(packed, ascii_type=False), rate, at_hand=0)
        await self._bursts.threads.run(packed.finish)
        return self.octets

    def _upload_into(self, sink: OctetSink, *, ascii_type: bool) -> Upload:
        return Upload(
            self._stream.plain,
            self._channel,
            sink,
            ascii_type=ascii_type,
            settings=self._settings,
            buffers=self._bursts.buffers,
        )

    def close(self) -> None:
        """End it well: after a whole transfer, or when there was nothing to transfer."""
        if not self._ended:
            self._ended = True
            if self._channel is not None:
                send_last(self._stream.plain, self._channel)
            self._stream.send_end()
        self._linger(self._stream.release())

    def abort(self) -> None:
        """End it so that the peer notices; tickets held from an uploading client still go out."""
        if self._channel is not None:
            if self._upload and not self._ended:
                send_last(self._stream.plain, self._channel)
            self._channel.close()  # unsent; without it OpenSSL would forget a session that is fine
        self._stream.abort()

    async def _drive(self, flow: Flow, rate: int | None, *, at_hand: int) -> None:
        """Move all; the first octets *at_hand* without a thread, for they wait for nothing but the peer."""
        self._flow = flow
        bucket = None if rate is None else TokenBucket(rate, self._clock.seconds())
        pause = Pause.SPENT
        while pause is not Pause.ENDED:
            quantum = self._settings.quantum if bucket is None else await self._allowance(bucket)
            before = flow.octets
            self.waits_for = WaitsFor.SERVER
            room = min(quantum, at_hand - before)
            if room > 0:
                pause = flow.burst(room, patient=False)
            else:
                pause = await self._bursts.run(flow, quantum)
            if bucket is not None:
                bucket.spend(flow.octets - before)
            began = self._clock.seconds()
            if pause is Pause.FULL:
                self.waits_for = WaitsFor.CLIENT
                await self._room()
            elif pause is Pause.EMPTY:
                self.waits_for = WaitsFor.CLIENT
                await self._news()
            flow.adapt(quick=self._clock.seconds() - began < _QUICK_SECONDS)
        self._ended = True

    async def _allowance(self, bucket: TokenBucket) -> int:
        """Wait until the rate allows a burst worth the while; return its octets."""
        while not (octets := bucket.available(self._clock.seconds())):
            self.waits_for = WaitsFor.LIMITER
            await deferLater(self._clock, bucket.delay(self._clock.seconds()))
        return min(octets, self._settings.quantum)

    async def _news(self) -> None:
        try:
            await self._stream.readable(self._settings.stall_seconds)
        except WaitedTooLong:
            raise self._stalled("sent nothing") from None

    async def _room(self) -> None:
        """Wait for room to send; a client that reads slowly, but reads, has not stalled.

        (The kernel calls a socket writable only when a good part of its buffer is free.)
        """
        unsent = self._stream.unsent()
        while True:
            try:
                await self._stream.writable(self._settings.stall_seconds)
            except WaitedTooLong:
                before, unsent = unsent, self._stream.unsent()
                if before is None or unsent is None or unsent >= before:
                    raise self._stalled("read nothing") from None
            else:
                return

    def _stalled(self, what: str) -> FtpError:
        seconds = self._settings.stall_seconds
        return FtpError(
            ErrorKind.DATA_STALLED, f"the client {what} for {seconds:g} s", f"no octet moved in {seconds:g} s"
        )
