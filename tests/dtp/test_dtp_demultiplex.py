"""Several sessions of one address on one single passive port: whose connection is it?"""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

from ftpstwist.interfaces import ErrorKind, FtpError

from .dtp_support import DtpTestCase, Side, Sink, Source, dial, download, in_thread, reset, started, until, upload
from .dtp_tls import ClientTls, control_session, server_tls


class OnePort(DtpTestCase):
    """The pool of these tests has one port."""

    def tls_sessions(self, version="TLSv1.3", users=("alice", "bob"), *, require=False, settings=None):
        """Return the data connections, and the clients' TLS sessions, of several control sessions."""
        servers = [server_tls(version, require=require) for _ in users]
        sessions = [
            self.session(Side(user=user, session_tls=server), settings)
            for user, server in zip(users, servers, strict=True)
        ]
        return sessions, [control_session(server) for server in servers]

    def clear_sessions(self, *users: str, settings=None):
        return [self.session(Side(user=user), settings) for user in users]

    async def two_downloads(self, version: str, *, require: bool) -> None:
        sessions, tickets = self.tls_sessions(version, require=require)
        ports = {data.prepare_passive(ipv6=False) for data in sessions}
        assert len(ports) == 1
        (port,) = ports
        # The connection that comes first belongs to the session that began to wait last.
        second, first = await in_thread(dial, port), await in_thread(dial, port)
        transfers = [
            started(download(data, Source(name), protected=True))
            for data, name in zip(sessions, (b"for alice", b"for bob"), strict=True)
        ]
        with closing(first), closing(second):
            for sock, tls, expected in zip((second, first), reversed(tickets), (b"for bob", b"for alice"), strict=True):
                client = await in_thread(ClientTls(sock, tls).shake_hands)
                assert client.resumed
                assert await in_thread(client.read_to_end) == expected
        for transfer in transfers:
            await transfer
        assert self.pool._undecided == []

    async def test_the_hello_decides(self) -> None:
        """One passive port serves all clients that resume their TLS session, whatever order they come in."""
        await self.two_downloads("TLSv1.3", require=False)

    async def test_the_hello_decides_under_require(self) -> None:
        """The same where resumption is required."""
        await self.two_downloads("TLSv1.3", require=True)

    async def test_the_hello_decides_in_tls_1_2(self) -> None:
        """The same with TLS 1.2."""
        await self.two_downloads("TLSv1.2", require=False)

    async def test_hello_in_pieces(self) -> None:
        """A ClientHello may arrive octet by octet, as slow networks bring it."""
        sessions, tickets = self.tls_sessions()
        ports = [data.prepare_passive(ipv6=False) for data in sessions]
        transfer = started(download(sessions[1], Source(b"for bob"), protected=True))
        with closing(await in_thread(dial, ports[0])) as sock:
            client = ClientTls(sock, tickets[1])
            hello = client.hello()
            for piece in (hello[:1], hello[1:6], hello[6:]):
                sock.sendall(piece)
                await until(lambda piece=piece: self._has_read(hello.index(piece) + len(piece), len(hello)))
            await in_thread(client.shake_hands)
            assert await in_thread(client.read_to_end) == b"for bob"
        await transfer

    def _has_read(self, octets: int, all_octets: int) -> bool:
        if octets == all_octets:
            return not self.pool._undecided
        return [len(undecided.head) for undecided in self.pool._undecided] == [octets]

    async def test_endless_hello(self) -> None:
        """Half a ClientHello waits for the time limit, not for ever."""
        self.pool.stop()
        self.pool = self.make_pool(replace(self.passive, hello_seconds=0.02))
        sessions, _ = self.tls_sessions()
        ports = [data.prepare_passive(ipv6=False) for data in sessions]
        with closing(await in_thread(dial, ports[0])) as sock:
            sock.sendall(ClientTls(sock).hello()[:100])
            assert await in_thread(sock.recv, 1) == b""
        assert self.pool._undecided == []

    async def test_reset_before_it_is_known(self) -> None:
        """A connection that breaks before it said whose it is leaves nothing behind."""
        sessions = self.clear_sessions("alice", "bob")
        ports = [data.prepare_passive(ipv6=False) for data in sessions]
        sock = await in_thread(dial, ports[0])
        await until(lambda: self.pool._undecided)
        reset(sock)
        await until(lambda: not self.pool._undecided)
        for data in sessions:
            data.forget()

    async def test_without_resumption_and_two_users(self) -> None:
        """Nobody gets the connection of somebody who may be another user; the log says what to change."""
        sessions, _ = self.tls_sessions()
        ports = [data.prepare_passive(ipv6=False) for data in sessions]
        with closing(await in_thread(dial, ports[0])) as sock:
            sock.sendall(ClientTls(sock).hello())
            assert await in_thread(sock.recv, 1) == b""
        assert self.reports == [("ambiguous-data-connection", "127.0.0.1")]

    async def test_without_resumption_and_one_user(self) -> None:
        """Parallel sessions of one user are served in the order they asked."""
        sessions, _ = self.tls_sessions(users=("alice", "alice"))
        ports = [data.prepare_passive(ipv6=False) for data in sessions]
        transfer = started(download(sessions[0], Source(b"first"), protected=True))
        with closing(await in_thread(dial, ports[0])) as sock:
            client = await in_thread(ClientTls(sock).shake_hands)
            assert await in_thread(client.read_to_end) == b"first"
        await transfer

    async def test_clear_downloads_of_one_user(self) -> None:
        """Without TLS the connections of one user are served in the order they came."""
        sessions = self.clear_sessions("alice", "alice")
        ports = [data.prepare_passive(ipv6=False) for data in sessions]
        socks = [await in_thread(dial, port) for port in ports]
        for data, name in zip(sessions, (b"one", b"two"), strict=True):
            await download(data, Source(name))
        assert [sock.recv(10) for sock in socks] == [b"one", b"two"]
        for sock in socks:
            sock.close()

    async def test_clear_upload_keeps_its_first_octets(self) -> None:
        """What was read to find out whose it is belongs to the file."""
        sessions, sink = self.clear_sessions("alice", "alice"), Sink()
        ports = [data.prepare_passive(ipv6=False) for data in sessions]
        with closing(await in_thread(dial, ports[0])) as sock:
            sock.sendall(b"first octets")
            await until(lambda: any(undecided.head for undecided in self.pool._undecided))
            transfer = started(upload(sessions[0], sink))
            sock.sendall(b" and the rest")
        await transfer
        assert bytes(sink.octets) == b"first octets and the rest"

    async def test_clear_empty_upload(self) -> None:
        """FIN and nothing else is a file of no octets here, too."""
        sessions, sink = self.clear_sessions("alice", "alice"), Sink()
        ports = [data.prepare_passive(ipv6=False) for data in sessions]
        (await in_thread(dial, ports[0])).close()
        await upload(sessions[0], sink)
        assert sink.octets == b""

    async def test_clear_and_two_users(self) -> None:
        """Without TLS the connections of two users of one address can not be told apart: refused, and reported."""
        sessions = self.clear_sessions("alice", "bob", settings=replace(self.settings, open_seconds=0.05))
        ports = [data.prepare_passive(ipv6=False) for data in sessions]
        transfer = started(download(sessions[1], Source(b"for bob")))
        with closing(await in_thread(dial, ports[0])) as sock:
            assert await in_thread(sock.recv, 1) == b""
            error = await self.assertFailure(transfer, FtpError)
        assert error.kind is ErrorKind.DATA_NOT_OPENED
        assert self.reports == [("ambiguous-data-connection", "127.0.0.1")]

    async def test_nothing_stays_when_the_sessions_go(self) -> None:
        """Undecided connections end with the last expectation they could have been for."""
        before = await self.sockets()
        sessions = self.clear_sessions("alice", "bob")
        ports = [data.prepare_passive(ipv6=False) for data in sessions]
        with closing(await in_thread(dial, ports[0])) as sock:
            await until(lambda: self.pool._undecided)
            sessions[0].forget()
            assert len(self.pool._undecided) == 1
            sessions[1].forget()
            assert await in_thread(sock.recv, 1) == b""
        assert await self.sockets() == before

    async def test_undecided_connections_are_few(self) -> None:
        """Nobody can fill the server with connections that never say whose they are."""
        sessions = self.clear_sessions("alice", "bob")
        ports = [data.prepare_passive(ipv6=False) for data in sessions]
        socks = [await in_thread(dial, ports[0]) for _ in range(5)]
        assert await in_thread(socks[-1].recv, 1) == b""
        assert len(self.pool._undecided) == 4
        for sock in socks:
            sock.close()
        for data in sessions:
            data.forget()
