"""The control connection over real sockets and with real clients: what memory can not show."""

import shutil
import socket
import ssl
import struct
import subprocess
import threading
from subprocess import DEVNULL, PIPE

import pytest
from twisted.internet import reactor
from twisted.internet.defer import Deferred, DeferredQueue
from twisted.internet.protocol import Factory
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from ftpstwist.interfaces import SessionTls
from ftpstwist.session.policy import SessionReuse
from ftpstwist.tls.context import SharedContexts
from ftpstwist.tls.diagnosis import NO_OCTET
from ftpstwist.tls.turns import Turns
from ftpstwist.tls.upgrade import SwitchProtocol
from tests.tls.tls_support import TLS12, TLS13, client_context, policy, session_tls
from tests.tls.tls_switch import Notes

OPENSSL = shutil.which("openssl")
needs_openssl = pytest.mark.skipif(OPENSSL is None, reason="no openssl program")


def s_client(port: int, *options: str) -> list[str]:
    """Return the command that makes openssl a client which sends what it reads from its standard input."""
    return [OPENSSL, "s_client", "-connect", f"127.0.0.1:{port}", "-crlf", *options]


class SmallPi(Notes):
    """Answers AUTH, NOOP and QUIT; FLOOD writes until the client does not read any more."""

    def __init__(self, tls: SessionTls, *, implicit: bool) -> None:
        super().__init__(greets=not implicit)
        self.session_tls = tls
        self.implicit = implicit
        self.lines = b""
        self.written = 0
        self.is_flooding = False
        self.heeds_signals = True
        self.gone: Deferred[str] = Deferred()

    def tls_established(self, facts) -> None:
        super().tls_established(facts)
        if self.implicit:
            self.transport.write(b"220 hello\r\n")

    def data_received(self, octets: bytes) -> None:
        *lines, self.lines = (self.lines + octets).split(b"\r\n")
        for line in lines:
            if line == b"AUTH TLS":
                self.transport.write(b"234 go on\r\n")
                self.transport.start_tls(self.session_tls)
            elif line == b"QUIT":
                self.transport.write(b"221 bye\r\n")
                self.transport.close()
            elif line == b"FLOOD":
                self.is_flooding = True
                self.flood()
            else:
                self.transport.write(b"200 ok\r\n")

    def flood(self) -> None:
        for _ in range(1000):
            if not self.is_flooding:
                return
            self.transport.write(b"211-" + b"x" * 16000 + b"\r\n")
            self.written += 16006

    def write_blocked(self, *, blocked: bool) -> None:
        super().write_blocked(blocked=blocked)
        if self.heeds_signals and self.written:
            self.is_flooding = not blocked
            self.flood()

    def connection_lost(self, reason: str) -> None:
        super().connection_lost(reason)
        self.gone.callback(reason)


class Talk:
    """A blocking client with a time limit, run in a thread."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)

    def __enter__(self):
        return self

    def __exit__(self, *exc_info) -> None:
        self.socket.close()

    def start_tls(self, context=None) -> None:
        self.socket = (context or client_context(TLS13)).wrap_socket(self.socket, suppress_ragged_eofs=False)

    def say(self, line: bytes) -> bytes:
        self.socket.sendall(line + b"\r\n")
        return self.reply()

    def reply(self) -> bytes:
        octets = b""
        while not octets.endswith(b"\r\n"):
            piece = self.socket.recv(1)
            if not piece:
                break
            octets += piece
        return octets

    def reset(self) -> None:
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


class Sockets(TestCase):
    timeout = 60

    def listen(self, *, implicit: bool = False, **settings) -> int:
        shared, turns = SharedContexts(policy()), Turns(reactor)
        self.arrivals: DeferredQueue[SmallPi] = DeferredQueue()

        def build() -> SwitchProtocol:
            tls = session_tls(SessionReuse.PREFER, shared)
            server_pi = SmallPi(tls, implicit=implicit)
            self.arrivals.put(server_pi)
            return SwitchProtocol(
                server_pi, clock=reactor, turns=turns, implicit_tls=tls if implicit else None, **settings
            )

        port = reactor.listenTCP(0, Factory.forProtocol(build), interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        return port.getHost().port

    async def test_explicit_from_greeting_to_goodbye(self):
        """T1: a whole session; the last reply, close_notify and FIN all arrive."""
        port = self.listen()

        def client():
            with Talk(port) as talk:
                assert talk.reply() == b"220 hello\r\n"
                assert talk.say(b"AUTH TLS") == b"234 go on\r\n"
                talk.start_tls()
                assert talk.say(b"NOOP") == b"200 ok\r\n"
                assert talk.say(b"QUIT") == b"221 bye\r\n"
                assert talk.socket.recv(1) == b""
                raw = talk.socket.unwrap()
                assert raw.recv(1) == b""
                raw.close()

        await deferToThread(client)
        server_pi = await self.arrivals.get()
        assert await server_pi.gone == "closed by the server"
        assert server_pi.named("established") == ["TLSv1.3"]

    async def test_implicit_from_handshake_to_goodbye(self):
        """The same for the implicit service, with TLS 1.2."""
        port = self.listen(implicit=True)

        def client():
            with Talk(port) as talk:
                talk.start_tls(client_context(TLS12))
                assert talk.reply() == b"220 hello\r\n"
                assert talk.say(b"NOOP") == b"200 ok\r\n"
                talk.socket.unwrap().close()

        await deferToThread(client)
        assert await (await self.arrivals.get()).gone == "closed by the client"

    async def test_the_last_reply_survives_a_client_that_talks_on(self):
        """No RST kills the 221, although the client has sent a megabyte that nobody wants."""
        port = self.listen()

        def client():
            with Talk(port) as talk:
                talk.reply()
                talk.say(b"AUTH TLS")
                talk.start_tls()
                talk.socket.sendall(b"QUIT\r\n" + b"NOOP\r\n" * 150_000)
                octets = b""
                while piece := talk.socket.recv(65536):
                    octets += piece
                assert octets.endswith(b"221 bye\r\n")

        await deferToThread(client)
        await (await self.arrivals.get()).gone

    async def test_a_client_that_never_reads_costs_bounded_memory(self):
        """K13: replies stop when the client does not read, and so does the reading of its commands."""
        port = self.listen()
        may_leave = threading.Event()

        def client():
            with Talk(port) as talk:
                talk.reply()
                talk.say(b"AUTH TLS")
                talk.start_tls()
                talk.socket.sendall(b"FLOOD\r\n" + b"NOOP\r\n" * 2000)
                assert may_leave.wait(30)

        done = deferToThread(client)
        server_pi = await self.arrivals.get()
        await self.until_still(server_pi)
        assert server_pi.named("blocked")[-1] is True
        assert server_pi.written < 32_000_000  # what the kernel takes, and one buffer of Twisted's
        assert server_pi.transport.transport not in reactor.getReaders()
        may_leave.set()
        await done
        assert await server_pi.gone

    async def until_still(self, server_pi: SmallPi) -> None:
        """Turn the reactor until the server-PI has written something, and then nothing for a hundred turns."""
        before, still = 0, 0
        for _ in range(100_000):
            still = still + 1 if 0 < server_pi.written == before else 0
            before = server_pi.written
            if still == 100:
                return
            await deferLater(reactor, 0)
        raise AssertionError("it writes without end")

    async def test_writing_on_regardless_ends_the_connection(self):
        """K13: a server-PI that ignores the signal is protected from itself."""
        port = self.listen(max_unsent=100_000)
        may_leave = threading.Event()

        def client():
            with Talk(port) as talk:
                talk.reply()
                talk.say(b"AUTH TLS")
                talk.start_tls()
                talk.socket.sendall(b"FLOOD\r\n")
                assert may_leave.wait(30)

        done = deferToThread(client)
        server_pi = await self.arrivals.get()
        server_pi.heeds_signals = False
        assert await server_pi.gone == "the client does not read its replies"
        may_leave.set()
        await done

    async def test_a_reset_in_mid_handshake_is_explained(self):
        """A client that hangs up hard leaves a sentence in the log."""
        port = self.listen(implicit=True)

        def client():
            with Talk(port) as talk:
                hello = ssl.MemoryBIO()
                tls = client_context().wrap_bio(ssl.MemoryBIO(), hello)
                with pytest.raises(ssl.SSLWantReadError):
                    tls.do_handshake()
                talk.socket.sendall(hello.read())
                talk.socket.recv(1)
                talk.reset()

        await deferToThread(client)
        assert "after our ServerHello" in await (await self.arrivals.get()).gone

    async def test_health_checks_leave_no_failure(self):
        """Connecting and closing, with FIN or RST, is no TLS failure."""
        port = self.listen(implicit=True)

        def client():
            for end in (Talk.reset, Talk.__exit__):
                end(Talk(port))

        await deferToThread(client)
        for _ in range(2):
            server_pi = await self.arrivals.get()
            assert await server_pi.gone == NO_OCTET
            assert server_pi.named("failed") == []

    async def test_clear_ftp_on_the_implicit_port_reads_the_hint(self):
        """K3: a user who chose the wrong mode sees why in his client."""
        port = self.listen(implicit=True)

        def client():
            with Talk(port) as talk:
                talk.socket.sendall(b"USER alice\r\n")
                assert talk.reply().startswith(b"421 This port expects TLS")
                assert talk.socket.recv(1) == b""

        await deferToThread(client)
        assert "clear FTP" in await (await self.arrivals.get()).gone

    @needs_openssl
    async def test_openssl_can_not_renegotiate(self):
        """K8: «R» in openssl s_client ends the connection."""
        port = self.listen(implicit=True)

        def client() -> bytes:
            with subprocess.Popen(s_client(port, "-tls1_2"), stdin=PIPE, stdout=DEVNULL, stderr=PIPE) as process:
                process.stdin.write(b"R\n")
                process.stdin.flush()
                return process.stderr.read()  # to its end: the program leaves by itself

        assert b"no renegotiation" in await deferToThread(client)
        assert await (await self.arrivals.get()).gone

    @needs_openssl
    async def test_a_key_update_is_no_renegotiation(self):
        """TLS 1.3 clients may change their keys, and ask us for new ones, in mid-session («K» in openssl s_client)."""
        port = self.listen(implicit=True)

        def client() -> bytes:
            with subprocess.Popen(s_client(port, "-tls1_3"), stdin=PIPE, stdout=PIPE, stderr=PIPE) as process:
                process.stdin.write(b"K\n")
                process.stdin.flush()
                while line := process.stderr.readline():
                    if b"KEYUPDATE" in line:
                        break
                process.stdin.write(b"NOOP\n")
                process.stdin.flush()
                while line := process.stdout.readline():
                    if line.startswith(b"200"):
                        break
                process.communicate(timeout=30)
                return line

        assert await deferToThread(client) == b"200 ok\r\n"
        server_pi = await self.arrivals.get()
        assert await server_pi.gone == "closed by the client"
        assert server_pi.named("failed") == []

    @needs_openssl
    async def test_openssl_is_offered_no_early_data(self):
        """K8: tickets say that early data is not welcome; compression and renegotiation are off."""
        port = self.listen(implicit=True)
        done = await deferToThread(
            subprocess.run,
            s_client(port, "-tls1_3", "-ign_eof"),
            input=b"QUIT\n",
            capture_output=True,
            timeout=30,
            check=False,
        )
        assert b"Max Early Data: 0" in done.stdout
        assert b"Compression: NONE" in done.stdout
        assert b"221 bye" in done.stdout
