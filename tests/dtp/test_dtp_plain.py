"""Data connections in clear: how they end, well and badly."""

from __future__ import annotations

import errno
import socket
import threading
from contextlib import closing
from dataclasses import replace

from twisted.internet.defer import CancelledError
from twisted.internet.defer import TimeoutError as WaitedTooLong
from twisted.internet.task import Clock

from ftpstwist.dtp.connection import SocketDataConnection
from ftpstwist.dtp.settings import PassiveSettings
from ftpstwist.interfaces import ErrorKind, FtpError

from .dtp_support import (
    DtpTestCase,
    EndlessSource,
    Side,
    Sink,
    Source,
    dial,
    download,
    fetch,
    in_thread,
    reset,
    started,
    store,
    turn,
    until,
    upload,
)

HUNDRED_KB = bytes(range(250)) * 400


class PlainUploads(DtpTestCase):
    async def test_fin_completes(self) -> None:
        """What a client sent before FIN is stored, all of it."""
        data, sink = self.session(), Sink()
        client = in_thread(store, await data.prepare_passive(ipv6=False), HUNDRED_KB)
        assert await upload(data, sink) == len(HUNDRED_KB)
        await client
        assert bytes(sink.octets) == HUNDRED_KB

    async def test_empty_file(self) -> None:
        """A file of no octets is a file."""
        data, sink = self.session(), Sink()
        client = in_thread(store, await data.prepare_passive(ipv6=False), b"")
        assert await upload(data, sink) == 0
        await client

    async def test_rst_is_not_the_end_of_a_file(self) -> None:
        """A client that breaks off is told 426, so that it knows the upload is not whole."""
        data, sink = self.session(), Sink()
        port = await data.prepare_passive(ipv6=False)
        transfer = started(upload(data, sink))
        sock = await in_thread(dial, port)
        sock.sendall(HUNDRED_KB)
        await until(lambda: len(sink.octets) == len(HUNDRED_KB))
        reset(sock)
        error = await self.assertFailure(transfer, FtpError)
        assert error.kind is ErrorKind.DATA_LOST

    async def test_silent_client_stalls(self) -> None:
        """A client that sends nothing does not hold a transfer for ever."""
        data, sink = self.session(settings=replace(self.settings, stall_seconds=0.05)), Sink()
        port = await data.prepare_passive(ipv6=False)
        transfer = started(upload(data, sink))
        with closing(await in_thread(dial, port)):
            error = await self.assertFailure(transfer, FtpError)
        assert error.kind is ErrorKind.DATA_STALLED

    async def test_what_storage_raises_comes_out(self) -> None:
        """«No space left» reaches the client as itself, and ends the connection at once."""
        full = FtpError(ErrorKind.NO_SPACE, "full")
        data, sink = self.session(), Sink(failing_beyond=50_000, error=full)
        port = await data.prepare_passive(ipv6=False)
        transfer = started(upload(data, sink))
        sock = await in_thread(dial, port)
        with closing(sock):
            await in_thread(_send_until_refused, sock)
            assert await self.assertFailure(transfer, FtpError) is full

    async def test_cancelled_upload_leaks_nothing(self) -> None:
        """ABOR in the middle ends the connection, and no descriptor or thread stays behind."""
        before = await self.sockets()
        data, sink = self.session(), Sink()
        port = await data.prepare_passive(ipv6=False)
        transfer = started(upload(data, sink))
        sock = await in_thread(dial, port)
        sock.sendall(HUNDRED_KB)
        await until(lambda: len(sink.octets) == len(HUNDRED_KB))
        transfer.cancel()
        await self.assertFailure(transfer, CancelledError)
        with closing(sock):
            assert await in_thread(_end_of, sock) == "reset"
        assert await self.sockets() == before

    async def test_cancelling_waits_for_the_worker(self) -> None:
        """While a thread writes to the file, ABOR waits for it: nobody closes a file that is being written to."""
        writing, go_on = threading.Event(), threading.Event()
        self.addCleanup(go_on.set)

        class SlowSink(Sink):
            def write(self, octets) -> None:
                writing.set()
                go_on.wait(20)
                super().write(octets)

        data, sink = self.session(), SlowSink()
        port = await data.prepare_passive(ipv6=False)
        transfer = started(upload(data, sink))
        with closing(await in_thread(dial, port)) as sock:
            sock.sendall(b"once")
            await until(writing.is_set)
            sock.sendall(b"more")
            transfer.cancel()
            transfer.cancel()
            await turn()
            self.assertNoResult(transfer)
            go_on.set()
            await self.assertFailure(transfer, CancelledError)
        assert sink.octets == b"once"

    async def test_type_a(self) -> None:
        """TYPE A stores CRLF as LF and counts the octets stored."""
        data, sink = self.session(), Sink()
        client = in_thread(store, await data.prepare_passive(ipv6=False), b"one\r\ntwo\rthree\r\n\r")
        assert await upload(data, sink, ascii_type=True) == 15
        await client
        assert bytes(sink.octets) == b"one\ntwo\rthree\n\r"

    async def test_rate(self) -> None:
        """An upload under a rate limit is whole and takes its time."""
        clock, sink = Clock(), Sink()
        data = self.session(clock=clock)
        client = in_thread(store, await data.prepare_passive(ipv6=False), HUNDRED_KB)
        transfer = started(upload(data, sink, rate=20_000))
        await until(lambda: clock.advance(0.1) or transfer.called)
        await client
        assert bytes(sink.octets) == HUNDRED_KB
        assert clock.seconds() > (len(HUNDRED_KB) - 10_000) / 20_000


class PlainDownloads(DtpTestCase):
    async def test_whole_file(self) -> None:
        """What is sent arrives, all of it, then FIN."""
        data = self.session()
        octets = HUNDRED_KB * 100
        client = in_thread(fetch, await data.prepare_passive(ipv6=False))
        assert await download(data, Source(octets)) == len(octets)
        assert await client == octets

    async def test_type_a(self) -> None:
        """TYPE A sends LF as CRLF and counts the octets of the file."""
        data = self.session()
        client = in_thread(fetch, await data.prepare_passive(ipv6=False))
        assert await download(data, Source(b"one\ntwo\r\n"), ascii_type=True) == 9
        assert await client == b"one\r\ntwo\r\n"

    async def test_failing_source_is_not_the_end_of_a_file(self) -> None:
        """A file that can not be read to its end ends in RST, never in FIN: no client takes the part for the whole."""
        broken = FtpError(ErrorKind.STORAGE_FAILED, "I/O error")
        data = self.session()
        port = await data.prepare_passive(ipv6=False)
        transfer = started(download(data, Source(HUNDRED_KB, failing_at=broken)))
        with closing(await in_thread(dial, port)) as sock:
            assert await self.assertFailure(transfer, FtpError) is broken
            assert await in_thread(_end_of, sock) == "reset"

    async def test_client_that_never_reads_stalls(self) -> None:
        """It is given up after the stall time, and holds no more than a small chunk meanwhile."""
        data = self.session(settings=replace(self.settings, stall_seconds=0.05))
        port = await data.prepare_passive(ipv6=False)
        transfer = started(download(data, EndlessSource()))
        with closing(await in_thread(dial, port)):
            error = await self.assertFailure(transfer, FtpError)
        assert error.kind is ErrorKind.DATA_STALLED

    async def test_client_that_reads_slowly_has_not_stalled(self) -> None:
        """Whoever reads at all is served, even too slowly for the kernel to call the socket writable."""
        unsent = [300, 200, 100, 100]

        class Slow:
            plain = None

            def unsent(self) -> int:
                return unsent.pop(0)

            async def writable(self, seconds: float) -> None:
                raise WaitedTooLong

        connection = SocketDataConnection(
            Slow(),
            None,
            upload=False,
            settings=self.settings,
            bursts=self.bursts,
            clock=Clock(),
            linger=lambda _: None,
        )
        error = await self.assertFailure(started(connection._room()), FtpError)
        assert (error.kind, unsent) == (ErrorKind.DATA_STALLED, [])

    async def test_rate(self) -> None:
        """A download under a rate limit is whole and takes its time."""
        clock = Clock()
        data = self.session(clock=clock)
        client = in_thread(fetch, await data.prepare_passive(ipv6=False))
        transfer = started(download(data, Source(HUNDRED_KB), rate=20_000))
        await until(lambda: clock.advance(0.1) or transfer.called)
        assert await client == HUNDRED_KB
        assert clock.seconds() > (len(HUNDRED_KB) - 10_000) / 20_000

    async def test_client_that_goes_away(self) -> None:
        """A client that closes in the middle of a download gets its reply, and the thread is free."""
        data = self.session()
        port = await data.prepare_passive(ipv6=False)
        transfer = started(download(data, EndlessSource()))
        sock = await in_thread(dial, port)
        sock.recv(100_000)
        sock.close()
        error = await self.assertFailure(transfer, FtpError)
        assert error.kind is ErrorKind.DATA_LOST

    async def test_cancelled_download_leaks_nothing(self) -> None:
        """ABOR in the middle of a download ends in RST and leaves no descriptor."""
        before = await self.sockets()
        data = self.session()
        port = await data.prepare_passive(ipv6=False)
        transfer = started(download(data, EndlessSource()))
        sock = await in_thread(dial, port)
        sock.recv(100_000)
        transfer.cancel()
        await self.assertFailure(transfer, CancelledError)
        with closing(sock):
            assert await in_thread(_end_of, sock) == "reset"
        assert await self.sockets() == before

    async def test_cancelled_while_waiting_for_the_client(self) -> None:
        """ABOR before the client has connected is at once, too, and the port expects nobody any more."""
        before = await self.sockets()
        data = self.session()
        await data.prepare_passive(ipv6=False)
        transfer = started(download(data, Source(b"x")))
        transfer.cancel()
        await self.assertFailure(transfer, CancelledError)
        assert await self.sockets() == before
        assert list(self.pool._book) == []

    def count_hops(self) -> list:
        """Return what grows by one with every piece of work for the worker threads."""
        hops = []
        run = self.threads.run

        async def counted(function, *args, **kwargs):
            hops.append(function)
            return await run(function, *args, **kwargs)

        self.threads.run = counted
        return hops

    async def test_small_file_needs_one_burst(self) -> None:
        """A small file costs one hop to a worker thread, not three."""
        data, hops = self.session(), self.count_hops()
        client = in_thread(fetch, await data.prepare_passive(ipv6=False))
        await download(data, Source(b"small"))
        assert await client == b"small"
        assert len(hops) == 1

    async def test_file_at_hand_needs_no_thread(self) -> None:
        """What is in memory already is sent without a hop to a worker thread."""
        data, hops = self.session(), self.count_hops()
        client = in_thread(fetch, await data.prepare_passive(ipv6=False))
        await download(data, Source(b"small"), at_hand=True)
        assert await client == b"small"
        assert hops == []

    async def test_small_upload_needs_no_thread(self) -> None:
        """What the file takes without waiting is received without a hop to a worker thread."""
        data, hops, sink = self.session(), self.count_hops(), Sink()
        client = in_thread(store, await data.prepare_passive(ipv6=False), b"small")
        await upload(data, sink, at_hand=128 << 10)
        await client
        assert sink.octets == b"small"
        assert hops == []

    async def test_large_upload_never_writes_on_the_reactor(self) -> None:
        """Beyond what the file takes without waiting, all is written by a worker thread."""
        taken = 64 << 10
        on_reactor = threading.current_thread()

        class Watched(Sink):
            def write(self, octets) -> None:
                super().write(octets)
                assert threading.current_thread() is not on_reactor or len(self.octets) <= taken

        data, sink = self.session(), Watched()
        client = in_thread(store, await data.prepare_passive(ipv6=False), HUNDRED_KB * 10)
        await upload(data, sink, at_hand=taken)
        await client
        assert bytes(sink.octets) == HUNDRED_KB * 10

    async def test_octets_are_known_while_it_runs(self) -> None:
        """STAT during a transfer shows how far it is."""
        data = self.session()
        client = in_thread(fetch, await data.prepare_passive(ipv6=False))
        async with data.open(protected=False, upload=False) as connection:
            assert connection.octets == 0
            await connection.send(Source(b"12345"))
            assert connection.octets == 5
            assert connection.tls is None
        await client

    async def test_nothing_to_transfer(self) -> None:
        """A connection opened and not used ends cleanly."""
        data = self.session()
        client = in_thread(fetch, await data.prepare_passive(ipv6=False))
        async with data.open(protected=False, upload=False):
            pass
        assert await client == b""


class Ipv6(DtpTestCase):
    passive = PassiveSettings(addresses=("127.0.0.1", "::1"), ports=(0,), linger_seconds=0.2)

    async def test_download(self) -> None:
        """EPSV over IPv6 works, and its listeners take IPv6 only."""
        data = self.session(Side(peer="::1", host="::1"))
        port = await data.prepare_passive(ipv6=True)
        transfer = started(download(data, Source(HUNDRED_KB)))

        def client() -> bytes:
            with closing(socket.create_connection(("::1", port), timeout=10)) as sock:
                return b"".join(iter(lambda: sock.recv(65536), b""))

        assert await in_thread(client) == HUNDRED_KB
        await transfer


def _end_of(sock: socket.socket) -> str:
    """Read on; tell how the connection ended."""
    try:
        while sock.recv(1 << 20):
            pass
    except OSError as error:
        return "reset" if error.errno == errno.ECONNRESET else str(error)
    return "fin"


def _send_until_refused(sock: socket.socket) -> None:
    for _ in range(10_000):
        try:
            sock.sendall(HUNDRED_KB)
        except OSError:
            return
    raise AssertionError("the server took everything")
