"""Active mode: to the client and nobody else, from the right port (T8, K4, B8, E3)."""

from __future__ import annotations

import socket
from contextlib import closing
from dataclasses import replace
from ipaddress import ip_network

import pytest
from twisted.internet.defer import CancelledError

from ftpstwist.interfaces import ErrorKind, FtpError
from ftpstwist.wire.hostport import HostPort

from .dtp_support import DtpTestCase, Side, Sink, Source, download, in_thread, read_all, started, until, upload
from .dtp_tls import ClientTls, server_tls


class Active(DtpTestCase):
    def listen(self, host="127.0.0.1") -> socket.socket:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listening = socket.create_server((host, 0), family=family)
        listening.settimeout(10)
        self.addCleanup(listening.close)
        return listening

    def prepare(self, data, listening) -> None:
        host, port = listening.getsockname()[:2]
        data.prepare_active(HostPort(host, port))

    async def test_download(self) -> None:
        """PORT and RETR: the server connects from the control connection's address."""
        data, listening = self.session(), self.listen()
        self.prepare(data, listening)

        def client():
            sock, address = listening.accept()
            with closing(sock):
                return address[0], read_all(sock)

        fetched = in_thread(client)
        await download(data, Source(b"active"))
        assert await fetched == ("127.0.0.1", b"active")

    async def test_ipv6(self) -> None:
        """EPRT over IPv6."""
        data, listening = self.session(Side(peer="::1", host="::1")), self.listen("::1")
        self.prepare(data, listening)

        def client():
            sock, _ = listening.accept()
            with closing(sock):
                return read_all(sock)

        fetched = in_thread(client)
        await download(data, Source(b"active"))
        assert await fetched == b"active"

    async def test_server_is_tls_server(self) -> None:
        """Under PROT P the one who connects waits for the ClientHello (T8)."""
        data, listening, sink = self.session(Side(session_tls=server_tls())), self.listen(), Sink()
        self.prepare(data, listening)

        def client():
            sock, _ = listening.accept()
            with closing(sock):
                tls = ClientTls(sock).shake_hands()
                tls.write(b"up")
                tls.close_notify()
                tls.read_to_end()

        running = in_thread(client)
        await upload(data, sink, protected=True)
        await running
        assert sink.octets == b"up"

    async def test_failed_handshake(self) -> None:
        """A client that answers in clear gets 522 and nothing of the file."""
        side = Side(session_tls=server_tls())
        data, listening = self.session(side), self.listen()
        self.prepare(data, listening)

        def client():
            sock, _ = listening.accept()
            with closing(sock):
                sock.sendall(b"in clear")
                return read_all(sock)

        answered = in_thread(client)
        error = await self.assertFailure(started(download(data, Source(b"secret"), protected=True)), FtpError)
        assert error.kind is ErrorKind.DATA_TLS_FAILED
        assert b"secret" not in await answered
        assert len(side.tls_failures) == 1

    async def test_foreign_address_and_low_port(self) -> None:
        """The server connects to no third host and to no service below 1024 (RFC 2577 section 3)."""
        data = self.session()
        for target in (HostPort("127.0.0.2", 5000), HostPort("127.0.0.1", 1023), HostPort("example.org", 5000)):
            self.assert_refused(data, target)
            assert not data.is_prepared
        data.prepare_active(HostPort("127.0.0.1", 1024))
        data.prepare_active(HostPort("::ffff:127.0.0.1", 1024))
        assert data.is_prepared

    async def test_allowed_network(self) -> None:
        """Server-to-server transfer can be allowed by network, the low ports still excepted."""
        side = Side()
        side.other_servers = (ip_network("127.0.0.0/24"),)
        data = self.session(side)
        data.prepare_active(HostPort("127.0.0.2", 5000))
        self.assert_refused(data, HostPort("127.0.0.2", 25))
        self.assert_refused(data, HostPort("127.0.1.1", 5000))

    def assert_refused(self, data, target) -> None:
        with pytest.raises(FtpError) as refused:
            data.prepare_active(target)
        assert refused.value.kind is ErrorKind.TARGET_NOT_ALLOWED

    async def test_nobody_listens(self) -> None:
        """A refused connection is 425 at once, with a hint."""
        data, listening = self.session(), self.listen()
        self.prepare(data, listening)
        listening.close()
        before = await self.sockets()
        error = await self.assertFailure(started(upload(data, Sink())), FtpError)
        assert error.kind is ErrorKind.DATA_NOT_OPENED
        assert "refused" in error.cause
        assert await self.sockets() == before

    async def test_no_answer(self) -> None:
        """A firewall that swallows packets costs the time limit, not for ever, and ABOR ends it at once."""
        full = self.listen()
        full.listen(0)
        address = full.getsockname()
        fillers = []
        for _ in range(4):  # the kernel answers no further connection to a full backlog
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(address)
            fillers.append(filler)
        await until(lambda: True)
        data = self.session(settings=replace(self.settings, open_seconds=0.05))
        self.prepare(data, full)
        error = await self.assertFailure(started(upload(data, Sink())), FtpError)
        assert error.kind is ErrorKind.DATA_NOT_OPENED
        assert "no answer" in error.cause
        for filler in fillers:
            filler.close()

    async def test_cancelled_while_connecting(self) -> None:
        """ABOR before the client has answered is at once and leaves nothing open."""
        before = await self.sockets()
        data, listening = self.session(), self.listen()
        self.prepare(data, listening)
        transfer = started(upload(data, Sink()))
        transfer.cancel()
        await self.assertFailure(transfer, CancelledError)
        assert await self.sockets() == before + 1  # the client's own

    async def test_source_ports(self) -> None:
        """Connections come from the ports the settings name, the next one if the first is taken."""
        taken = self.listen()
        free = socket.socket()
        free.bind(("127.0.0.1", 0))
        ports = (taken.getsockname()[1], free.getsockname()[1])
        free.close()
        data = self.session(settings=replace(self.settings, active_source_ports=ports))
        listening = self.listen()
        self.prepare(data, listening)

        def client():
            sock, address = listening.accept()
            with closing(sock):
                read_all(sock)
                return address[1]

        port = in_thread(client)
        await download(data, Source(b"x"))
        assert await port == ports[1]

    async def test_all_source_ports_taken(self) -> None:
        """No source port left is 425 and in the log."""
        taken, listening = self.listen(), self.listen()
        data = self.session(settings=replace(self.settings, active_source_ports=(taken.getsockname()[1],)))
        self.prepare(data, listening)
        error = await self.assertFailure(started(upload(data, Sink())), FtpError)
        assert error.kind is ErrorKind.DATA_NOT_OPENED
        assert "in use" in error.cause

    async def test_pasv_and_port_replace_each_other(self) -> None:
        """The last one counts."""
        data, listening = self.session(), self.listen()
        passive_port = await data.prepare_passive(ipv6=False)
        self.prepare(data, listening)
        assert list(self.pool._book) == []
        await data.prepare_passive(ipv6=False)
        assert self.pool._book.on(passive_port)
        data.forget()
