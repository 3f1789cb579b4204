"""Data connections through a load balancer: whose they are is told by the PROXY header, and by nothing else."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from ipaddress import ip_network

from ftpstwist.dtp.expectation import ExpectationState
from ftpstwist.dtp.proxied import HEADER_SECONDS

from .dtp_support import (
    DtpTestCase,
    Side,
    Sink,
    Source,
    dial,
    download,
    fetch,
    in_thread,
    read_all,
    started,
    until,
    upload,
)
from .dtp_tls import ClientTls, control_session, server_tls

BALANCER = "127.0.0.77"
CLIENT = "192.0.2.1"


def header(source: str = CLIENT) -> bytes:
    return f"PROXY TCP4 {source} 192.0.2.99 40000 50000\r\n".encode()


def ended(sock) -> bool:
    """Tell whether the server has closed the connection without a word."""
    try:
        return read_all(sock) == b""
    except ConnectionResetError:  # octets of ours were not read
        return True


class Proxied(DtpTestCase):
    passive = replace(DtpTestCase.passive, proxies=(ip_network(f"{BALANCER}/32"),))

    def client(self, **options):
        return self.session(Side(peer=CLIENT, **options))

    async def refused(self, octets: bytes) -> None:
        """Send *octets* as the load balancer while a client waits; the connection is closed, and the client waits on."""
        data = self.client()
        port = await data.prepare_passive(ipv6=False)
        with closing(await in_thread(dial, port, BALANCER)) as sock:
            sock.sendall(octets)
            assert await in_thread(ended, sock)
        assert data._prepared.state is ExpectationState.WAITING
        data.forget()

    async def test_client_behind_the_balancer(self) -> None:
        """The address of the header counts; not one octet behind it is lost, whatever pieces it comes in."""
        data, sink = self.client(), Sink()
        port = await data.prepare_passive(ipv6=False)
        transfer = started(upload(data, sink))
        with closing(await in_thread(dial, port, BALANCER)) as sock:
            octets = header() + b"the file"
            for piece in (octets[:1], octets[1:7], octets[7:-3], octets[-3:]):
                sock.sendall(piece)
        await transfer
        assert sink.octets == b"the file"

    async def test_handshake_behind_the_header(self) -> None:
        """TLS begins behind the header, and resumes as ever."""
        tls = server_tls()
        data = self.client(session_tls=tls)
        port = await data.prepare_passive(ipv6=False)
        session = await in_thread(control_session, tls)
        transfer = started(download(data, Source(b"secret"), protected=True))
        with closing(await in_thread(dial, port, BALANCER)) as sock:
            sock.sendall(header())
            client = await in_thread(ClientTls(sock, session).shake_hands)
            assert client.resumed
            assert await in_thread(client.read_to_end) == b"secret"
        await transfer

    async def test_stranger_behind_the_balancer(self) -> None:
        """Another client of the same load balancer is another address: refused, and reported as what it is."""
        await self.refused(header("192.0.2.2"))
        assert self.reports == [("foreign-data-peer", "192.0.2.2")]

    async def test_no_header(self) -> None:
        """A ClientHello, or a file, where a header is due: closed at once, and the log says what to change."""
        await self.refused(b"\x16\x03\x01 and more")
        assert self.reports == [("proxy-header", BALANCER)]

    async def test_health_check(self) -> None:
        """A load balancer that looks whether we are there is no news."""
        await self.refused(b"PROXY UNKNOWN\r\n")
        assert self.reports == []

    async def test_header_from_elsewhere(self) -> None:
        """Nobody else is believed: what looks like a header is the first of the file."""
        data, sink = self.session(), Sink()
        port = await data.prepare_passive(ipv6=False)
        transfer = started(upload(data, sink))
        with closing(await in_thread(dial, port)) as sock:
            sock.sendall(header())
        await transfer
        assert sink.octets == header()

    async def test_client_without_the_balancer(self) -> None:
        """Clients that reach the passive ports themselves are served beside the others."""
        data = self.session()
        client = in_thread(fetch, await data.prepare_passive(ipv6=False))
        await download(data, Source(b"x"))
        assert await client == b"x"

    async def test_header_that_comes_too_late_for_its_transfer(self) -> None:
        """A connection is never taken for that of a transfer which was prepared after it came."""
        first = self.client()
        port = await first.prepare_passive(ipv6=False)
        with closing(await in_thread(dial, port, BALANCER)) as sock:
            await until(lambda: self.pool._headed)
            first.forget()
            second = self.client()
            assert await second.prepare_passive(ipv6=False) == port
            sock.sendall(header())
            assert await in_thread(ended, sock)
        assert second._prepared.state is ExpectationState.WAITING
        second.forget()

    async def test_nothing_stays(self) -> None:
        """A header that never ends has its time limit, and the end of the service closes what waits."""
        before = await self.sockets()
        port = await self.client().prepare_passive(ipv6=False)
        with closing(await in_thread(dial, port, BALANCER)) as sock:
            sock.sendall(b"PROXY ")
            await until(lambda: self.pool._headed)
            (headed,) = self.pool._headed
            assert 0 < headed._limit.getTime() - headed._limit.seconds() <= HEADER_SECONDS
            self.pool.stop()
            assert await in_thread(ended, sock)
        assert self.pool._headed == []
        assert await self.sockets() < before
