"""Recording neighbours: what stands around the server-PI in tests above the pure floors."""

from __future__ import annotations

import os
from contextlib import asynccontextmanager

from twisted.internet.defer import CancelledError, Deferred, DeferredSemaphore
from twisted.internet.task import Clock

from ftpstwist.commands.context import Session
from ftpstwist.commands.hosts import HostBook, SessionSettings, VirtualHost
from ftpstwist.interfaces import CodeWanted, ErrorKind, FtpError, LoggedInAccount, WaitsFor
from ftpstwist.pi.admission import Admission, AdmissionLimits
from ftpstwist.pi.server_pi import ServerPI
from ftpstwist.session.events import TlsFacts
from ftpstwist.session.identity import Identity
from ftpstwist.session.policy import Require
from ftpstwist.session.policybook import PolicyBook
from ftpstwist.session.state import Service, SessionState
from ftpstwist.storage.memory import MemoryFilesystem
from ftpstwist.wire.hostport import HostPort

FACTS = TlsFacts("TLSv1.3", "TLS_AES_256_GCM_SHA384")


class InlineThreads:
    """Worker threads that work at once."""

    async def run(self, function, *args, **kwargs):
        return function(*args, **kwargs)


class Transport:
    """A control transport that remembers what it was told."""

    def __init__(self, peer="192.0.2.1"):
        self.peer = HostPort(peer, 40000)
        self.host = HostPort("192.0.2.254", 21)
        self.tls = None
        self.octets = b""
        self.events = []
        self.is_at_once = False

    def write(self, octets):
        self.octets += octets

    def start_tls(self, session_tls):
        self.events.append("start_tls")

    def stop_tls(self):
        self.events.append("stop_tls")

    def pause_reading(self):
        self.events.append("pause")

    def resume_reading(self):
        self.events.append("resume")

    def serve_at_once(self, *, at_once):
        self.is_at_once = at_once

    def close(self):
        self.events.append("close")

    def abort(self):
        self.events.append("abort")

    def codes(self):
        """Return the codes of all replies since the last call."""
        octets, self.octets = self.octets, b""
        return [int(line[:3]) for line in octets.split(b"\r\n") if line[:3].isdigit() and line[3:4] == b" "]


class Authenticator:
    """Lets in whoever says the password ``right``; ``slow`` waits until a test answers.

    ``coded`` needs the code 123456, too.
    """

    def __init__(self, files):
        self.files = files
        self.banned = set()
        self.logouts = 0
        self.pending = []

    def refuses(self, peer):
        return peer in self.banned

    async def login_by_certificate(self, request):
        if request.certificate != request.user:
            return None
        return LoggedInAccount(Identity(request.user), self.files, self._logout, "certificate")

    async def login(self, request):
        if request.password.reveal() == "slow":
            self.pending.append(Deferred())
            await self.pending[-1]
        if request.password.reveal() == "broken":
            raise FtpError(ErrorKind.LOGIN_UNAVAILABLE, "the checker is down")
        if request.password.reveal() not in {"right", "slow"}:
            raise FtpError(ErrorKind.LOGIN_REFUSED, "wrong password")
        if request.user == "coded" and request.code is None:
            raise CodeWanted
        if request.user == "coded" and request.code.reveal() != "123456":
            raise FtpError(ErrorKind.LOGIN_REFUSED, "wrong code")
        return LoggedInAccount(Identity(request.user), self.files, self._logout, "password")

    def _logout(self):
        self.logouts += 1


class SessionTls:
    """The TLS of a session, as far as commands talk to it."""

    resumption_demanded = None
    client_certificate = None

    expected_name = None

    def expect_name(self, server_name):
        self.expected_name = server_name

    def demand_resumption(self, *, demanded):
        self.resumption_demanded = demanded


class Connection:
    """A data connection that goes on when a test says so."""

    def __init__(self, data):
        self.data = data
        self.tls = FACTS
        self.octets = 0
        self.packed_octets = None
        self.waits_for = WaitsFor.CLIENT

    async def send(self, source, *, ascii_type=False, rate=None, level=None, at_hand=False):
        await self.data.gate
        buffer = memoryview(bytearray(1024))
        while filled := source.read_into(buffer):
            self.data.sent += bytes(buffer[:filled])
            self.octets += filled
        return self.octets

    async def receive(self, sink, *, ascii_type=False, rate=None, deflated=False, at_hand=0):
        await self.data.gate
        sink.write(self.data.incoming)
        self.octets = len(self.data.incoming)
        return self.octets


class Data:
    """A server-DTP without sockets."""

    def __init__(self):
        self.is_prepared = False
        self.gate = Deferred()
        self.sent = b""
        self.incoming = b"hello"
        self.events = []

    async def prepare_passive(self, *, ipv6):
        self.is_prepared = True
        return 50000

    async def passive_address(self):
        return "192.0.2.254"

    def prepare_active(self, target):
        self.is_prepared = True

    def forget(self):
        self.is_prepared = False
        self.events.append("forget")

    @asynccontextmanager
    async def open(self, *, protected, upload, tls_client=False):
        self.is_prepared = False
        self.events.append(("open", protected, upload))
        try:
            yield Connection(self)
        except (CancelledError, FtpError):
            self.events.append("broken")
            self.gate = Deferred()
            raise
        self.events.append("closed")

    def go(self):
        """Let the transfer that waits, and later ones, go on."""
        gate, self.gate = self.gate, Deferred()
        self.gate.callback(None)
        gate.callback(None)


class Recorder:
    """An event sink that keeps everything."""

    def __init__(self):
        self.events = []

    def record(self, event):
        self.events.append(event)

    def of(self, kind):
        return [event for event in self.events if isinstance(event, kind)]


class Bench:
    """One session on a clock, with everything around it at hand."""

    def __init__(
        self, *, require=Require.NONE, book=None, service=Service.EXPLICIT, limits=None, peer="192.0.2.1", **settings
    ):
        self.clock = Clock()
        self.files = MemoryFilesystem(clock=lambda: 1_700_000_000.0, random=os.urandom)
        self.authenticator = Authenticator(self.files)
        self.data = Data()
        self.sink = Recorder()
        self.tls = SessionTls()
        self.transport = Transport(peer)
        self.settings = SessionSettings(policy=book or PolicyBook(require.policy), **settings)
        self.service = service
        self.hosts, self.names = {}, set()
        self.gone = []
        self.admission = Admission(limits or AdmissionLimits(), self.authenticator.refuses)
        self.pi = ServerPI(build_session=self._build, door=self.admission, clock=self.clock, gone=self.gone.append)

    def _build(self, transport):
        self.session = Session(
            id="s1",
            state=SessionState(service=self.service),
            hosts=HostBook(VirtualHost(self.settings, self.authenticator), self.hosts, lambda name: name in self.names),
            transport=transport,
            tls=self.tls,
            threads=InlineThreads(),
            digest_turns=DeferredSemaphore(1),
            sink=self.sink,
            now=lambda: 1_700_000_000 + self.clock.seconds(),
        )
        self.session.data = self.data
        return self.session

    def connect(self):
        self.pi.connection_made(self.transport)
        return self

    def login(self):
        self.transport.codes()
        assert self.say("USER alice", "PASS right") == [331, 230]
        return self

    def say(self, *lines):
        """Send commands in one piece; return the codes that came back."""
        self.pi.data_received(b"".join(line.encode("utf-8", "surrogateescape") + b"\r\n" for line in lines))
        return self.transport.codes()

    def establish_tls(self):
        self.transport.tls = FACTS
        self.pi.tls_established(FACTS)

    def clear_tls(self):
        self.transport.tls = None
        self.pi.tls_cleared()

    def lose(self, reason="gone"):
        self.pi.connection_lost(reason)
