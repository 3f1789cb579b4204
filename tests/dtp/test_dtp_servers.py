"""Data connections to and from other servers: for whom they are allowed, and for nobody beside them."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from ipaddress import ip_network

from ftpstwist.interfaces import ErrorKind, FtpError
from ftpstwist.session.policy import SessionReuse
from ftpstwist.tls.binding import PerSessionTls
from ftpstwist.tls.outgoing import OtherServers, OutgoingContext
from tests.dtp.dtp_support import DtpTestCase, Side, Sink, Source, dial, in_thread, read_all, started, turn, upload
from tests.dtp.dtp_tls import ClientTls, certificate, shared_contexts

OTHER = "127.0.0.2"


def trusting_tls():
    outgoing = OutgoingContext(OtherServers((certificate().leaf,)))
    return PerSessionTls(shared_contexts("TLSv1.3"), reuse=SessionReuse.PREFER, outgoing=outgoing)


def side(user="alice", session_tls=None):
    allowed = Side(user=user, session_tls=session_tls)
    allowed.other_servers = (ip_network(f"{OTHER}/32"),)
    return allowed


def store_from(port, octets, source):
    with closing(dial(port, source)) as sock:
        sock.sendall(octets)


async def send(data, source, **options):
    async with data.open(upload=False, **options) as connection:
        return await connection.send(source)


class OtherServerTests(DtpTestCase):
    """One process plays both servers: addresses of loopback tell them apart."""

    async def test_another_server_calls(self) -> None:
        """T9: who may is served by the other server, and told of in the log; the client itself still may come."""
        allowed = side()
        data, sink = self.session(allowed), Sink()
        client = in_thread(store_from, await data.prepare_passive(ipv6=False), b"octets", OTHER)
        assert await upload(data, sink) == 6
        await client
        assert allowed.servers == [OTHER]
        client = in_thread(store_from, await data.prepare_passive(ipv6=False), b"octets", "127.0.0.1")
        assert await upload(data, sink) == 6
        await client
        assert allowed.servers == [OTHER]

    async def test_only_for_those_who_may(self) -> None:
        """T9: neither a server that is not named, nor the named one for other users; nothing reaches them."""
        allowed, other = self.session(side()), self.session(Side(user="bob"))
        for data, source in ((allowed, "127.0.0.3"), (other, OTHER)):
            port = await data.prepare_passive(ipv6=False)
            with closing(await in_thread(dial, port, source)) as sock:
                assert await in_thread(read_all, sock) == b""
            assert data.is_prepared
            data.forget()

    async def test_ports_are_not_shared(self) -> None:
        """T9: with ports to spare, no two transfers with servers wait on one, and none beside a client's."""
        self.pool = self.make_pool(replace(self.passive, ports=(0, 0, 0)))
        sessions = [self.session(Side(peer="127.0.0.9")), self.session(side()), self.session(side("carol"))]
        assert len({await data.prepare_passive(ipv6=False) for data in sessions}) == 3

    async def test_on_one_port_they_take_turns(self) -> None:
        """T9: on a single port, whose connection it is could not be told: the second waits until the first is done."""
        first, second = self.session(side()), self.session(side("carol"))
        await first.prepare_passive(ipv6=False)
        waiting = started(second.prepare_passive(ipv6=False))
        await turn()
        assert not waiting.called
        first.forget()
        await waiting
        second.forget()

    async def test_as_tls_client_we_speak_first(self) -> None:
        """X10: a silent connection is taken at once by the transfer whose TLS client we are."""
        data = self.session(side(session_tls=trusting_tls()))
        port = await data.prepare_passive(ipv6=False)
        running = started(send(data, Source(b"file"), protected=True, tls_client=True))
        with closing(await in_thread(dial, port, OTHER)) as sock:
            assert (await in_thread(sock.recv, 3)) == b"\x16\x03\x01"
        error = await self.assertFailure(running, FtpError)
        assert error.kind is ErrorKind.DATA_TLS_FAILED

    async def test_client_that_begins_tls_itself(self) -> None:
        """X10: two TLS clients: 522 with the cause, and no octet of the file."""
        allowed = side(session_tls=trusting_tls())
        data = self.session(allowed, settings=replace(self.settings, second_chance_seconds=0.05))
        port = await data.prepare_passive(ipv6=False)

        def client():
            with closing(dial(port, OTHER)) as sock:
                sock.sendall(ClientTls(sock).hello())
                return read_all(sock)

        answered = in_thread(client)
        error = await self.assertFailure(
            started(send(data, Source(b"secret"), protected=True, tls_client=True)), FtpError
        )
        assert error.kind is ErrorKind.DATA_TLS_FAILED
        assert b"secret" not in await answered
        assert len(allowed.tls_failures) == 1

    async def test_where_nothing_may_be_done(self) -> None:
        """T17: a session that has to be resumed, or no server set up: 522, and the socket is closed."""
        tls = PerSessionTls(shared_contexts("TLSv1.3"))
        data = self.session(side(session_tls=tls), settings=replace(self.settings, second_chance_seconds=0.05))
        before = await self.sockets()
        port = await data.prepare_passive(ipv6=False)
        with closing(await in_thread(dial, port, OTHER)):
            error = await self.assertFailure(
                started(send(data, Source(b"secret"), protected=True, tls_client=True)), FtpError
            )
        assert "can not resume" in error.cause
        assert await self.sockets() == before
