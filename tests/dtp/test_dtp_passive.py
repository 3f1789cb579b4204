"""The passive pool: who is expected, who is refused, and what stays behind (B9, B38, K4, E7)."""

from __future__ import annotations

import errno
import itertools
import os
import random
import resource
import socket
from contextlib import closing
from dataclasses import replace
from ipaddress import ip_network

import pytest
from twisted.internet import reactor
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from ftpstwist.dtp.expectation import ARRIVALS_AT_MOST, Caller, ExpectationState
from ftpstwist.dtp.listener import Listener, bind_ports
from ftpstwist.dtp.passive import PassivePool
from ftpstwist.dtp.settings import PassiveSettings
from ftpstwist.interfaces import ErrorKind, FtpError

from .dtp_support import (
    DtpTestCase,
    Side,
    Sink,
    Source,
    dial,
    download,
    fetch,
    in_thread,
    started,
    store,
    until,
    upload,
)


def _reads_nothing(sock: socket.socket) -> bool:
    """Tell whether the server has closed the connection without a word."""
    try:
        return sock.recv(1) == b""
    except ConnectionResetError:
        return True


class Strangers(DtpTestCase):
    async def test_foreign_address_is_refused_and_the_client_still_served(self) -> None:
        """Who is quicker from another address gets nothing; the true client gets its upload through (E7)."""
        data, sink = self.session(), Sink()
        port = await data.prepare_passive(ipv6=False)
        with closing(await in_thread(dial, port, "127.0.0.2")) as thief:
            assert await in_thread(_reads_nothing, thief)
        client = in_thread(store, port, b"mine")
        await upload(data, sink)
        await client
        assert sink.octets == b"mine"
        assert self.reports == [("foreign-data-peer", "127.0.0.2")]

    async def test_foreign_address_alone(self) -> None:
        """A client whose data connection comes from elsewhere is told 425, and the log why."""
        data = self.session(settings=replace(self.settings, open_seconds=0.05))
        port = await data.prepare_passive(ipv6=False)
        with closing(await in_thread(dial, port, "127.0.0.2")) as thief:
            assert await in_thread(_reads_nothing, thief)
            error = await self.assertFailure(started(upload(data, Sink())), FtpError)
        assert error.kind is ErrorKind.DATA_NOT_OPENED
        assert "1 from other addresses" in error.cause
        assert "127.0.0.2" not in error.hint

    async def test_strangers_do_not_flood_the_log(self) -> None:
        """A scan of the passive ports is one report a minute, with a count."""
        clock, told = Clock(), []
        pool = PassivePool(
            self.passive,
            reactor=reactor,
            clock=clock,
            random=random.SystemRandom(),
            report=lambda *report: told.append(report),
        )
        for _ in range(50):
            pool.offer(socket.socket(), "192.0.2.1", 50000)
        assert len(told) == 1
        clock.advance(61)
        pool.offer(socket.socket(), "192.0.2.1", 50000)
        assert "49 others" in told[1][2]

    async def test_common_network(self) -> None:
        """Clients behind several addresses can be allowed for by network, nobody else."""
        self.pool.stop()
        self.pool = self.make_pool(replace(self.passive, peer_networks=(ip_network("127.0.0.0/30"),)))
        data, sink = self.session(), Sink()
        port = await data.prepare_passive(ipv6=False)
        with closing(await in_thread(dial, port, "127.0.0.9")) as stranger:
            assert await in_thread(_reads_nothing, stranger)

        def client():
            with closing(dial(port, "127.0.0.2")) as sock:
                sock.sendall(b"mine")

        running = in_thread(client)
        await upload(data, sink)
        await running
        assert sink.octets == b"mine"

    async def test_nobody_waits(self) -> None:
        """A connection to a port on which nothing is expected is closed at once."""
        (port,) = self.pool.ports
        with closing(await in_thread(dial, port)) as sock:
            assert await in_thread(_reads_nothing, sock)

    async def test_connections_of_one_expectation_are_few(self) -> None:
        """One client can not fill the server with connections: the fourth is closed at once, and all in the end."""
        data = self.session()
        port = await data.prepare_passive(ipv6=False)
        socks = [await in_thread(dial, port) for _ in range(ARRIVALS_AT_MOST + 1)]
        assert await in_thread(_reads_nothing, socks[-1])
        data.forget()
        for sock in socks:
            assert await in_thread(_reads_nothing, sock)
            sock.close()

    async def test_second_connection_is_closed_once_the_first_is_served(self) -> None:
        """In clear the first connection is the one; the others get nothing of the file."""
        data = self.session()
        port = await data.prepare_passive(ipv6=False)
        first, second = await in_thread(dial, port), await in_thread(dial, port)
        await download(data, Source(b"file"))
        with closing(first), closing(second):
            assert first.recv(100) == b"file"
            assert await in_thread(_reads_nothing, second)


class Preparation(DtpTestCase):
    async def test_second_pasv_replaces_the_first(self) -> None:
        """What connected to the first is closed; the second works (B9)."""
        data = self.session()
        with closing(await in_thread(dial, await data.prepare_passive(ipv6=False))) as early:
            client = None
            port = await data.prepare_passive(ipv6=False)
            assert await in_thread(_reads_nothing, early)
            client = in_thread(fetch, port)
            await download(data, Source(b"x"))
            assert await client == b"x"

    async def test_thousand_pasv_leak_nothing(self) -> None:
        """A client that asks for ports and never uses them costs nothing that lasts (B38)."""
        before = await self.sockets()
        data = self.session()
        for _ in range(1000):
            await data.prepare_passive(ipv6=False)
        assert data.is_prepared
        data.forget()
        assert not data.is_prepared
        assert await self.sockets() == before
        assert list(self.pool._book) == []
        assert [call for call in reactor.getDelayedCalls() if "Expectation" in str(call)] == []

    async def test_address_to_advertise(self) -> None:
        """227 names the address the client talks to already."""
        assert await self.session().passive_address() == "127.0.0.1"

    async def test_transfer_without_preparation(self) -> None:
        """A transfer command without PASV is told so, and one PASV serves one transfer."""
        data = self.session()
        error = await self.assertFailure(started(upload(data, Sink())), FtpError)
        assert error.kind is ErrorKind.DATA_NOT_PREPARED
        client = in_thread(fetch, await data.prepare_passive(ipv6=False))
        await download(data, Source(b"x"))
        await client
        assert not data.is_prepared

    async def test_client_that_never_connects(self) -> None:
        """425 comes after the time limit and names the port that nothing reached."""
        data = self.session(settings=replace(self.settings, open_seconds=0.02))
        port = await data.prepare_passive(ipv6=False)
        error = await self.assertFailure(started(upload(data, Sink())), FtpError)
        assert error.kind is ErrorKind.DATA_NOT_OPENED
        assert f"nothing reached port {port} in 0.02 s" in error.hint

    async def test_client_may_connect_before_or_after_the_command(self) -> None:
        """Both orders work: connect then RETR, RETR then connect."""
        data = self.session()
        early = await in_thread(dial, await data.prepare_passive(ipv6=False))
        await download(data, Source(b"x"))
        with closing(early):
            assert early.recv(10) == b"x"
        port = await data.prepare_passive(ipv6=False)
        transfer = started(download(data, Source(b"y")))
        assert await in_thread(fetch, port) == b"y"
        await transfer

    async def test_cap_for_each_client_and_for_all(self) -> None:
        """One address can not use up what all share: its cap + 1 is refused, another's PASV still works (425)."""
        self.pool.stop()
        self.pool = self.make_pool(replace(self.passive, ports=(0,) * 4, expectations=5, expectations_per_peer=3))
        for _ in range(3):
            await self.session().prepare_passive(ipv6=False)
        await self.assert_no_port(self.session())
        for _ in range(2):
            await self.session(Side(peer="127.0.0.7")).prepare_passive(ipv6=False)
        await self.assert_no_port(self.session(Side(peer="127.0.0.8")))

    async def test_no_port_of_the_family(self) -> None:
        """EPSV over IPv6 on a server that listens on IPv4 only is refused in words."""
        await self.assert_no_port(self.session(), ipv6=True)

    async def assert_no_port(self, data, *, ipv6=False) -> None:
        with pytest.raises(FtpError) as refused:
            await data.prepare_passive(ipv6=ipv6)
        assert refused.value.kind is ErrorKind.NO_DATA_PORT

    async def test_expectation_expires(self) -> None:
        """A PASV that is never used ends by itself, with what connected to it; a late RETR is told so."""
        clock = Clock()
        self.pool = PassivePool(
            self.passive, reactor=reactor, clock=clock, random=random.SystemRandom(), report=lambda *_: None
        )
        self.pool.bind()
        self.pool.start()
        self.addCleanup(self.pool.stop)
        data = self.session()
        with closing(await in_thread(dial, await data.prepare_passive(ipv6=False))) as sock:
            expectation = data._prepared
            await until(lambda: expectation.state is ExpectationState.CONNECTED)
            clock.advance(self.passive.expectation_seconds + 1)
            assert expectation.state is ExpectationState.EXPIRED
            assert await in_thread(_reads_nothing, sock)
        error = await self.assertFailure(started(upload(data, Sink())), FtpError)
        assert error.kind is ErrorKind.DATA_NOT_OPENED
        assert clock.getDelayedCalls() == []


class Ports(DtpTestCase):
    passive = PassiveSettings(addresses=("127.0.0.1",), ports=(0,) * 8)

    async def test_ports_are_random(self) -> None:
        """The next port can not be told from the last ones (RFC 2577 section 8)."""
        session = self.session()
        order = [await session.prepare_passive(ipv6=False) for _ in range(64)]
        assert set(order) == set(self.pool.ports)
        steps = {self.pool.ports.index(b) - self.pool.ports.index(a) for a, b in itertools.pairwise(order)}
        assert len(steps) > 4

    async def test_ports_are_shared_out(self) -> None:
        """Sessions of one client wait on different ports; another client may share them."""
        taken = [await self.session().prepare_passive(ipv6=False) for _ in range(8)]
        assert sorted(taken) == self.pool.ports
        assert await self.session(Side(peer="127.0.0.9")).prepare_passive(ipv6=False) in taken

    async def test_port_in_use_is_left_out(self) -> None:
        """One port of the range that somebody else has does not keep the server from starting."""
        free, taken = (socket.socket() for _ in range(2))
        for sock in (free, taken):
            sock.bind(("127.0.0.1", 0))
        taken.listen()
        ports = [sock.getsockname()[1] for sock in (free, taken)]
        free.close()
        bound = list(bind_ports(["127.0.0.1"], ports, 5))
        assert [sock.getsockname()[1] for sock in bound] == ports[:1]
        with pytest.raises(OSError) as caught:
            list(bind_ports(["127.0.0.1"], ports[1:], 5))
        assert caught.value.errno == errno.EADDRINUSE
        for sock in (*bound, taken):
            sock.close()

    async def test_no_socket_leaks_when_binding_fails(self) -> None:
        """A wrong address ends the start with an error and nothing open."""
        before = await self.sockets()
        pool = PassivePool(
            PassiveSettings(addresses=("127.0.0.1", "192.0.2.1"), ports=(0,)),
            reactor=reactor,
            clock=reactor,
            random=random.SystemRandom(),
            report=lambda *_: None,
        )
        with pytest.raises(OSError, match="assign"):
            pool.bind()
        assert await self.sockets() == before

    async def test_adopted_socket(self) -> None:
        """A listening socket handed over by a service manager serves like one of our own."""
        plain = socket.create_server(("127.0.0.1", 0))
        pool = PassivePool(
            PassiveSettings(), reactor=reactor, clock=reactor, random=random.SystemRandom(), report=lambda *_: None
        )
        self.addCleanup(pool.stop)
        pool.adopt(plain)
        pool.start()
        self.pool = pool
        data = self.session()
        client = in_thread(fetch, await data.prepare_passive(ipv6=False))
        await download(data, Source(b"x"))
        assert await client == b"x"

    async def test_one_port_on_both_families(self) -> None:
        """The same port number can be had on IPv4 and IPv6: each listener takes its own family only."""
        (first,) = bind_ports(["127.0.0.1"], [0], 5)
        (second,) = bind_ports(["::"], [first.getsockname()[1]], 5)
        assert second.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY) == 1
        first.close()
        second.close()

    async def test_specific_address_first(self) -> None:
        """With several listening addresses a client is sent to the one it talks to."""
        pool = PassivePool(
            PassiveSettings(addresses=("127.0.0.1", "127.0.0.2"), ports=(0,)),
            reactor=reactor,
            clock=reactor,
            random=random.SystemRandom(),
            report=lambda *_: None,
        )
        pool.bind()
        self.addCleanup(pool.stop)
        ports = {listener.host: listener.port for listener in pool._listeners}
        for host, port in ports.items():
            expectation = await pool.expect(Caller("127.0.0.1", "", None), host=host, ipv6=False)
            assert expectation.port == port


class Accepting(DtpTestCase):
    async def test_no_descriptors_left(self) -> None:
        """When descriptors run out the listener rests for a second instead of spinning, then goes on."""
        clock, accepted = Clock(), []
        (plain,) = bind_ports(["127.0.0.1"], [0], 5)
        listener = Listener(
            plain, lambda *each: accepted.append(each), accepts_per_wake=4, reactor=reactor, clock=clock
        )
        sock = await in_thread(dial, listener.port)
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        lowest_free = os.dup(0)
        os.close(lowest_free)
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, limits[1]))
        try:
            listener.doRead()
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        assert accepted == []
        assert len(clock.getDelayedCalls()) == 1
        assert listener not in reactor.getReaders()
        clock.advance(2)
        assert listener in reactor.getReaders()
        await until(lambda: accepted)
        listener.close()
        accepted[0][0].close()
        sock.close()
        self.flushLoggedErrors()

    async def test_some_at_a_time(self) -> None:
        """A rush of connections does not keep the reactor from its other work."""
        accepted = []
        (plain,) = bind_ports(["127.0.0.1"], [0], 10)
        listener = Listener(
            plain, lambda *each: accepted.append(each), accepts_per_wake=3, reactor=reactor, clock=reactor
        )
        socks = [await in_thread(dial, listener.port) for _ in range(5)]
        listener.doRead()
        assert len(accepted) == 3
        listener.doRead()
        assert [each[1:] for each in accepted] == [("127.0.0.1", listener.port)] * 5
        listener.connectionLost(Failure(ConnectionDone()))
        listener.close()
        for sock in (*socks, *(each[0] for each in accepted)):
            sock.close()

    async def test_stop_closes_everything(self) -> None:
        """Stopping the service closes ports, expectations and what waits on them; a waiting transfer ends."""
        data = self.session()
        port = await data.prepare_passive(ipv6=False)
        transfer = started(upload(data, Sink()))
        waiting = self.session(Side(peer="127.0.0.2"))
        with closing(await in_thread(dial, await waiting.prepare_passive(ipv6=False), "127.0.0.2")) as sock:
            await until(lambda: waiting._prepared.state is ExpectationState.CONNECTED)
            self.pool.stop()
            assert await in_thread(_reads_nothing, sock)
            for stopped in (transfer, started(upload(waiting, Sink()))):
                error = await self.assertFailure(stopped, FtpError)
                assert error.kind is ErrorKind.DATA_NOT_OPENED
        with pytest.raises(ConnectionRefusedError):
            dial(port)
