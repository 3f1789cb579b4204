"""Several sessions of one address on one single passive port: whose connection is it?"""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from ipaddress import ip_network

from twisted.internet.defer import CancelledError

from ftpstwist.interfaces import ErrorKind, FtpError

from .dtp_support import DtpTestCase, Side, Source, dial, download, fetch, in_thread, reset, started, turn, until
from .dtp_tls import ClientTls, control_session, server_tls


class OnePort(DtpTestCase):
    """The pool of these tests has one port, and nobody waits for another."""

    passive = replace(DtpTestCase.passive, port_seconds=0)

    def tls_sessions(self, version="TLSv1.3", users=("alice", "bob"), *, require=False, settings=None):
        """Return the data connections, and the clients' TLS sessions, of several control sessions."""
        servers = [server_tls(version, require=require) for _ in users]
        sessions = [
            self.session(Side(user=user, session_tls=server), settings)
            for user, server in zip(users, servers, strict=True)
        ]
        return sessions, [control_session(server) for server in servers]

    async def two_downloads(self, version: str, *, require: bool) -> None:
        sessions, tickets = self.tls_sessions(version, require=require)
        ports = {await data.prepare_passive(ipv6=False) for data in sessions}
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
        ports = [await data.prepare_passive(ipv6=False) for data in sessions]
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
        ports = [await data.prepare_passive(ipv6=False) for data in sessions]
        with closing(await in_thread(dial, ports[0])) as sock:
            sock.sendall(ClientTls(sock).hello()[:100])
            assert await in_thread(sock.recv, 1) == b""
        assert self.pool._undecided == []

    async def test_reset_before_it_is_known(self) -> None:
        """A connection that breaks before it said whose it is leaves nothing behind."""
        sessions = self.tls_sessions()[0]
        ports = [await data.prepare_passive(ipv6=False) for data in sessions]
        sock = await in_thread(dial, ports[0])
        await until(lambda: self.pool._undecided)
        reset(sock)
        await until(lambda: not self.pool._undecided)
        for data in sessions:
            data.forget()

    async def test_without_resumption_and_two_users(self) -> None:
        """Nobody gets the connection of somebody who may be another user; the log says what to change."""
        sessions, _ = self.tls_sessions()
        ports = [await data.prepare_passive(ipv6=False) for data in sessions]
        with closing(await in_thread(dial, ports[0])) as sock:
            sock.sendall(ClientTls(sock).hello())
            assert await in_thread(sock.recv, 1) == b""
        assert self.reports == [("ambiguous-data-connection", "127.0.0.1")]

    async def test_nothing_stays_when_the_sessions_go(self) -> None:
        """Undecided connections end with the last expectation they could have been for."""
        before = await self.sockets()
        sessions = self.tls_sessions()[0]
        ports = [await data.prepare_passive(ipv6=False) for data in sessions]
        with closing(await in_thread(dial, ports[0])) as sock:
            await until(lambda: self.pool._undecided)
            sessions[0].forget()
            assert len(self.pool._undecided) == 1
            sessions[1].forget()
            assert await in_thread(sock.recv, 1) == b""
        assert await self.sockets() == before

    async def test_undecided_connections_are_few(self) -> None:
        """Nobody can fill the server with connections that never say whose they are."""
        sessions = self.tls_sessions()[0]
        ports = [await data.prepare_passive(ipv6=False) for data in sessions]
        socks = [await in_thread(dial, ports[0]) for _ in range(5)]
        assert await in_thread(socks[-1].recv, 1) == b""
        assert len(self.pool._undecided) == 4
        for sock in socks:
            sock.close()
        for data in sessions:
            data.forget()


class Turns(DtpTestCase):
    """One port, and sessions whose connections nothing could tell apart: one after the other."""

    async def two_in_turn(self, *sides: Side) -> None:
        first, second = (self.session(side) for side in sides)
        port = await first.prepare_passive(ipv6=False)
        waiting = started(second.prepare_passive(ipv6=False))
        await turn()
        assert not waiting.called
        client = in_thread(fetch, port)
        await download(first, Source(b"of the first"))
        assert await client == b"of the first"
        client = in_thread(fetch, await waiting)
        await download(second, Source(b"of the second"))
        assert await client == b"of the second"

    async def test_sessions_of_one_user_are_never_exchanged(self) -> None:
        """Two parallel sessions of one user never wait on one port, so neither can get the other's file."""
        await self.two_in_turn(Side(session_tls=server_tls()), Side(session_tls=server_tls()))

    async def test_users_in_clear(self) -> None:
        """Without TLS, users of one address take turns, too."""
        await self.two_in_turn(Side(user="alice"), Side(user="bob"))

    async def test_client_in_common_network(self) -> None:
        """Who may come from one's address by the settings counts as the same address."""
        self.pool.stop()
        self.pool = self.make_pool(replace(self.passive, peer_networks=(ip_network("127.0.0.0/29"),)))
        await self.two_in_turn(Side(), Side(peer="127.0.0.2"))

    async def test_other_addresses_do_not_wait(self) -> None:
        """Sessions of different addresses share a port at once: each connection is known by where it comes from."""
        first = await self.session().prepare_passive(ipv6=False)
        other = started(self.session(Side(peer="127.0.0.2")).prepare_passive(ipv6=False))
        assert self.successResultOf(other) == first

    async def test_no_turn_in_time(self) -> None:
        """A port that is kept and not used does not keep others waiting for ever: 425, and the log says what to change."""
        self.pool.stop()
        self.pool = self.make_pool(replace(self.passive, port_seconds=0.02))
        await self.session().prepare_passive(ipv6=False)
        error = await self.assertFailure(started(self.session().prepare_passive(ipv6=False)), FtpError)
        assert error.kind is ErrorKind.NO_DATA_PORT
        assert "open at least as many passive ports" in error.cause

    async def test_who_gives_up_waits_no_longer(self) -> None:
        """A session that ends while it waits for a port leaves nothing behind, and no one behind it waits longer."""
        first, last = self.session(), self.session()
        await first.prepare_passive(ipv6=False)
        leaving = started(self.session().prepare_passive(ipv6=False))
        waiting = started(last.prepare_passive(ipv6=False))
        leaving.cancel()
        self.failureResultOf(leaving, CancelledError)
        first.forget()
        await waiting
        last.forget()
        assert self.pool._book._of_peer.total() == 0
        assert self.pool._book._waiting == []
