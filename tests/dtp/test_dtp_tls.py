"""Data connections under TLS: handshakes, binding, the two ends of data, impolite clients."""

from __future__ import annotations

import contextlib  # not "suppress" itself: trial takes a module's attribute of that name for its own
import ssl
import threading
from contextlib import closing
from dataclasses import replace

from twisted.internet.defer import CancelledError

from ftpstwist.interfaces import ErrorKind, FtpError
from ftpstwist.session.events import TlsFacts

from .dtp_support import (
    DtpTestCase,
    EndlessSource,
    Side,
    Sink,
    Source,
    dial,
    download,
    in_thread,
    reset,
    started,
    until,
    upload,
)
from .dtp_tls import ClientTls, control_session, server_tls

HUNDRED_KB = bytes(range(250)) * 400
FOUR_MB = HUNDRED_KB * 40


class TlsTestCase(DtpTestCase):
    version = "TLSv1.3"

    def protected_session(self, *, require=False, settings=None, **side):
        self.server = server_tls(self.version, require=require)
        self.side = Side(session_tls=self.server, **side)
        return self.session(self.side, settings)


class Uploads(TlsTestCase):
    async def transfer(self, manner, settings=None):
        """Upload with a client of some *manner*; return the octets stored, or the error."""
        data, sink = self.protected_session(settings=settings), Sink()
        session = control_session(self.server)
        client = in_thread(manner, await data.prepare_passive(ipv6=False), session)
        try:
            await upload(data, sink, protected=True)
        except FtpError as error:
            return error.kind
        finally:
            await client
        return bytes(sink.octets)

    async def test_close_notify_completes(self) -> None:
        """The good end of an upload is close_notify; the server answers with its own."""

        def client(port, session):
            with closing(dial(port)) as sock:
                tls = ClientTls(sock, session).shake_hands()
                tls.write(HUNDRED_KB)
                tls.close_notify()
                assert tls.read_to_end() == b""

        assert await self.transfer(client) == HUNDRED_KB

    async def test_empty_file(self) -> None:
        """An upload of no octets is complete with its close_notify."""

        def client(port, session):
            with closing(dial(port)) as sock:
                tls = ClientTls(sock, session).shake_hands()
                tls.close_notify()
                tls.read_to_end()

        assert await self.transfer(client) == b""

    async def test_fin_alone_is_truncation(self) -> None:
        """Without close_notify nobody knows whether the file is whole (K9): 426."""

        def client(port, session):
            with closing(dial(port)) as sock:
                ClientTls(sock, session).shake_hands().write(HUNDRED_KB)

        assert await self.transfer(client) is ErrorKind.DATA_TLS_TRUNCATED

    async def test_fin_alone_is_accepted_where_settings_are_lenient(self) -> None:
        """Clients that never send close_notify can be served on purpose."""

        def client(port, session):
            with closing(dial(port)) as sock:
                ClientTls(sock, session).shake_hands().write(HUNDRED_KB)

        assert await self.transfer(client, replace(self.settings, strict_end=False)) == HUNDRED_KB

    async def test_rst_is_never_the_end(self) -> None:
        """RST without close_notify is a broken upload, lenient or not."""

        def client(port, session):
            sock = dial(port)
            ClientTls(sock, session).shake_hands().write(HUNDRED_KB)
            reset(sock)

        assert await self.transfer(client) is ErrorKind.DATA_TLS_TRUNCATED
        assert await self.transfer(client, replace(self.settings, strict_end=False)) is ErrorKind.DATA_LOST

    async def test_broken_record(self) -> None:
        """Octets that were changed on the way end the upload; none of them is stored."""

        def client(port, session):
            with closing(dial(port)) as sock:
                tls = ClientTls(sock, session).shake_hands()
                tls.write(b"x")
                sock.sendall(b"\x17\x03\x03\x00\x40" + bytes(64))
                with contextlib.suppress(ConnectionResetError):
                    sock.recv(1)

        assert await self.transfer(client) is ErrorKind.DATA_LOST

    async def test_ten_impolite_uploads_of_ten_are_whole(self) -> None:
        """A client that never reads and closes right after close_notify loses nothing (M5, M6)."""
        pause = threading.Event()

        def client(port, session):
            sock = dial(port)
            tls = ClientTls(sock, session).shake_hands()
            tls.write(FOUR_MB[: len(FOUR_MB) // 2])
            pause.wait(0.05)
            tls.write(FOUR_MB[len(FOUR_MB) // 2 :])
            tls.close_notify()
            sock.close()

        results = [await self.transfer(client) for _ in range(10)]
        assert [result == FOUR_MB for result in results] == [True] * 10

    async def test_held_tickets_are_delivered(self) -> None:
        """A client with single-use tickets gets the next one with the end of its upload."""
        if self.version != "TLSv1.3":
            return
        sessions = []

        def client(port, session):
            with closing(dial(port)) as sock:
                tls = ClientTls(sock, session).shake_hands()
                tls.write(b"x")
                tls.close_notify()
                tls.read_to_end()
                sessions.append((tls.resumed, tls.session.id != session.id))

        assert await self.transfer(client) == b"x"
        assert sessions == [(True, True)]

    async def test_cancelled_upload_leaks_nothing(self) -> None:
        """ABOR under TLS ends in RST and leaves no descriptor."""
        before = await self.sockets()
        data, sink = self.protected_session(), Sink()
        port = await data.prepare_passive(ipv6=False)
        transfer = started(upload(data, sink, protected=True))

        def client():
            sock = dial(port)
            ClientTls(sock).shake_hands().write(HUNDRED_KB)
            return sock

        sock = await in_thread(client)
        await until(lambda: len(sink.octets) == len(HUNDRED_KB))
        transfer.cancel()
        await self.assertFailure(transfer, CancelledError)
        sock.close()
        assert await self.sockets() == before


class UploadsTls12(Uploads):
    version = "TLSv1.2"


class Downloads(TlsTestCase):
    async def test_whole_file(self) -> None:
        """What is sent arrives, all of it, and ends with close_notify; the facts say what protected it."""
        data = self.protected_session()
        port = await data.prepare_passive(ipv6=False)
        session = control_session(self.server)

        def client():
            with closing(dial(port)) as sock:
                return ClientTls(sock, session).shake_hands().read_to_end()

        fetched = in_thread(client)
        async with data.open(protected=True, upload=False) as connection:
            assert await connection.send(Source(FOUR_MB)) == len(FOUR_MB)
            assert (connection.tls.version, connection.tls.resumed) == (self.version, True)
        assert await fetched == FOUR_MB

    async def test_empty_file(self) -> None:
        """A file of no octets arrives as such."""
        data = self.protected_session()
        port = await data.prepare_passive(ipv6=False)

        def client():
            with closing(dial(port)) as sock:
                return ClientTls(sock).shake_hands().read_to_end()

        fetched = in_thread(client)
        assert await download(data, Source(b""), protected=True) == 0
        assert await fetched == b""

    async def test_failure_sends_no_close_notify(self) -> None:
        """A download that breaks off looks broken to the client."""
        data = self.protected_session()
        port = await data.prepare_passive(ipv6=False)

        def client():
            with closing(dial(port)) as sock:
                try:
                    ClientTls(sock).shake_hands().read_to_end()
                except (ssl.SSLEOFError, ConnectionResetError):
                    return "broken"
                return "whole"

        fetched = in_thread(client)
        broken = FtpError(ErrorKind.STORAGE_FAILED, "I/O error")
        await self.assertFailure(
            started(download(data, Source(HUNDRED_KB, failing_at=broken), protected=True)), FtpError
        )
        assert await fetched == "broken"

    async def test_client_that_never_reads_stalls_and_holds_little(self) -> None:
        """A slow reader is given up in the end; until then it costs no more than one small chunk."""
        data = self.protected_session(settings=replace(self.settings, stall_seconds=0.05))
        port = await data.prepare_passive(ipv6=False)
        held = []

        async def transfer():
            async with data.open(protected=True, upload=False) as connection:
                try:
                    await connection.send(EndlessSource())
                finally:
                    held.append(len(connection._flow._unsent))

        running = started(transfer())

        def client():
            sock = dial(port)
            ClientTls(sock).shake_hands()
            return sock

        with closing(await in_thread(client)):
            error = await self.assertFailure(running, FtpError)
        assert error.kind is ErrorKind.DATA_STALLED
        assert held[0] > 0
        assert held[0] < 66000


class DownloadsTls12(Downloads):
    version = "TLSv1.2"


class Handshakes(TlsTestCase):
    async def refused(self, manner, settings=None) -> FtpError:
        """Open for a client of some *manner*; return how it failed."""
        data, sink = self.protected_session(settings=settings), Sink()
        client = in_thread(manner, await data.prepare_passive(ipv6=False))
        error = await self.assertFailure(started(upload(data, sink, protected=True)), FtpError)
        await client
        assert sink.octets == b""
        assert len(self.side.tls_failures) == 1
        return error

    async def test_octets_in_clear(self) -> None:
        """A client that forgets TLS after PROT P is told so at once, and nothing of it is stored (T14)."""

        def client(port):
            with closing(dial(port)) as sock:
                sock.sendall(b"hello, in clear")
                sock.recv(1)

        error = await self.refused(client)
        assert error.kind is ErrorKind.DATA_TLS_FAILED
        assert "in clear" in error.hint

    async def test_fin_before_the_hello(self) -> None:
        """A client that closes an empty upload without TLS gets its 522 at once, not after a timeout."""
        error = await self.refused(lambda port: dial(port).close())
        assert error.kind is ErrorKind.DATA_TLS_FAILED
        assert "without a TLS handshake" in error.hint

    async def test_end_in_the_middle(self) -> None:
        """FIN or RST behind half a ClientHello is a failed handshake, in words."""
        self.settings = replace(self.settings, second_chance_seconds=0.01)

        def fin(port):
            with closing(dial(port)) as sock:
                sock.sendall(ClientTls(sock).hello()[:50])

        error = await self.refused(fin)
        assert (error.kind, "ended" in error.cause) == (ErrorKind.DATA_TLS_FAILED, True)

        def rst(port):
            sock = dial(port)
            sock.sendall(ClientTls(sock).hello()[:50])
            reset(sock)

        error = await self.refused(rst)
        assert (error.kind, "broke" in error.cause) == (ErrorKind.DATA_TLS_FAILED, True)

    async def test_client_that_never_shakes_hands(self) -> None:
        """A silent client is dropped after the handshake's time limit (K6)."""
        done = threading.Event()

        def client(port):
            with closing(dial(port)):
                done.wait(20)

        data = self.protected_session(settings=replace(self.settings, handshake_seconds=0.05))
        running = in_thread(client, await data.prepare_passive(ipv6=False))
        error = await self.assertFailure(started(upload(data, Sink(), protected=True)), FtpError)
        done.set()
        await running
        assert error.kind is ErrorKind.DATA_TLS_FAILED

    async def test_client_that_stops_in_the_middle(self) -> None:
        """Half a ClientHello and silence end at the same time limit."""
        done = threading.Event()

        def client(port):
            with closing(dial(port)) as sock:
                sock.sendall(ClientTls(sock).hello()[:50])
                done.wait(20)

        data = self.protected_session(
            settings=replace(self.settings, handshake_seconds=0.05, second_chance_seconds=0.01)
        )
        running = in_thread(client, await data.prepare_passive(ipv6=False))
        error = await self.assertFailure(started(upload(data, Sink(), protected=True)), FtpError)
        done.set()
        await running
        assert error.kind is ErrorKind.DATA_TLS_FAILED

    async def test_client_that_sends_octet_by_octet(self) -> None:
        """Dripping a ClientHello does not stretch the time limit (K6)."""
        pause = threading.Event()

        def client(port):
            with closing(dial(port)) as sock, contextlib.suppress(OSError):
                for octet in ClientTls(sock).hello():
                    sock.sendall(bytes([octet]))
                    pause.wait(0.002)
                return "let through"

        data = self.protected_session(
            settings=replace(self.settings, handshake_seconds=0.05, second_chance_seconds=0.01)
        )
        running = in_thread(client, await data.prepare_passive(ipv6=False))
        error = await self.assertFailure(started(upload(data, Sink(), protected=True)), FtpError)
        assert error.kind is ErrorKind.DATA_TLS_FAILED
        assert "in 0.05 s" in error.hint
        self.pool.lingering.close_all()
        assert await running is None

    async def test_cancelled_handshake_leaks_nothing(self) -> None:
        """ABOR while the client hesitates is at once."""
        before = await self.sockets()
        data = self.protected_session()
        with closing(await in_thread(dial, await data.prepare_passive(ipv6=False))):
            transfer = started(upload(data, Sink(), protected=True))
            transfer.cancel()
            await self.assertFailure(transfer, CancelledError)
        assert await self.sockets() == before

    async def test_without_session_tls(self) -> None:
        """PROT P without TLS is refused, not served in clear."""
        data = self.session()
        with closing(await in_thread(dial, await data.prepare_passive(ipv6=False))):
            error = await self.assertFailure(started(upload(data, Sink(), protected=True)), FtpError)
        assert error.kind is ErrorKind.DATA_TLS_FAILED


class Binding(TlsTestCase):
    async def test_resumption_required_and_given(self) -> None:
        """A client that resumes its control session is served under ``require``."""
        data, sink = self.protected_session(require=True), Sink()
        port = await data.prepare_passive(ipv6=False)
        session = control_session(self.server)
        client = in_thread(_polite_upload, port, session)
        await upload(data, sink, protected=True)
        await client
        assert bytes(sink.octets) == HUNDRED_KB

    async def test_without_resumption(self) -> None:
        """Under ``require`` a fresh handshake is 522 with the cause in words; nothing is stored (T17)."""
        data, sink = (
            self.protected_session(require=True, settings=replace(self.settings, second_chance_seconds=0.02)),
            Sink(),
        )
        client = in_thread(_refused_upload, await data.prepare_passive(ipv6=False))
        error = await self.assertFailure(started(upload(data, sink, protected=True)), FtpError)
        assert error.kind is ErrorKind.DATA_TLS_FAILED
        assert "remedy" in error.cause
        assert await client == "refused"
        assert sink.octets == b""

    async def test_impostor_first_then_the_true_client(self) -> None:
        """A neighbour behind the same NAT who connects first gets nothing, and the client is still served (K5)."""
        data, sink = self.protected_session(require=True), Sink()
        port = await data.prepare_passive(ipv6=False)
        session = control_session(self.server)
        transfer = started(upload(data, sink, protected=True))
        assert await in_thread(_refused_upload, port) == "refused"
        await in_thread(_polite_upload, port, session)
        await transfer
        assert bytes(sink.octets) == HUNDRED_KB
        assert len(self.side.tls_failures) == 1

    async def test_true_client_waits_behind_the_impostor(self) -> None:
        """Also when the true client connected while the impostor's handshake was not over yet."""
        data, sink = self.protected_session(require=True), Sink()
        port = await data.prepare_passive(ipv6=False)
        session = control_session(self.server)
        impostor = await in_thread(dial, port)
        true_client = await in_thread(dial, port)
        transfer = started(upload(data, sink, protected=True))
        with closing(impostor), closing(true_client):
            assert await in_thread(_try_handshake, impostor) == "refused"
            await in_thread(_polite_upload_on, true_client, session)
            await transfer
        assert bytes(sink.octets) == HUNDRED_KB

    async def test_refused_by_the_session(self) -> None:
        """A handshake that the session's TLS does not accept (another certificate, T25) is 522."""
        data, sink = self.protected_session(settings=replace(self.settings, second_chance_seconds=0.02)), Sink()
        self.side.control_facts = TlsFacts("TLSv1.3", "some", certificate="ab" * 32)
        port = await data.prepare_passive(ipv6=False)
        transfer = started(upload(data, sink, protected=True))
        sock = await in_thread(dial, port)
        with closing(sock):
            await in_thread(_try_handshake, sock)
            error = await self.assertFailure(transfer, FtpError)
        assert error.kind is ErrorKind.DATA_TLS_FAILED
        assert "client certificate" in error.cause


class BindingTls12(Binding):
    version = "TLSv1.2"


def _polite_upload(port, session):
    with closing(dial(port)) as sock:
        _polite_upload_on(sock, session)


def _polite_upload_on(sock, session):
    tls = ClientTls(sock, session).shake_hands()
    tls.write(HUNDRED_KB)
    tls.close_notify()
    tls.read_to_end()


def _refused_upload(port):
    with closing(dial(port)) as sock:
        return _try_handshake(sock)


def _try_handshake(sock):
    try:
        ClientTls(sock).shake_hands().read_to_end()
    except (ssl.SSLError, ConnectionResetError):
        return "refused"
    return "served"
