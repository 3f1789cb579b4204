"""The control connection: TLS put on at AUTH, or from the first octet; every way it may end."""

import socket

import pytest
from OpenSSL import SSL
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.interfaces import IHalfCloseableProtocol, IPushProducer
from zope.interface.verify import verifyObject

from ftpstwist.tls.diagnosis import NO_OCTET
from ftpstwist.wire.hostport import HostPort
from tests.tls.tls_support import (
    BOTH_VERSIONS,
    TLS12,
    TLS13,
    PyOpenSSLClient,
    StdlibClient,
    client_context,
    hello_of,
    session_tls,
)
from tests.tls.tls_switch import Line, MemoryTcp, Notes


def explicit(**settings) -> Line:
    """A line whose server-PI answers AUTH as it should."""
    line = Line(**settings)

    def auth():
        line.switch.write(b"234 go on\r\n")
        line.switch.start_tls(session_tls())

    line.notes.answers[b"AUTH"] = auth
    return line


def protected(version=TLS13, **settings) -> tuple[Line, StdlibClient]:
    """A line under TLS, greeting read."""
    line = explicit(**settings)
    line.receive(b"AUTH TLS\r\n")
    line.tcp.clear()
    client = line.shake_hands(StdlibClient(client_context(version)))
    client.read()
    return line, client


def implicit(**settings) -> Line:
    return Line(implicit_tls=session_tls(), **settings)


# --- the good way ---------------------------------------------------------------------------------


def test_the_switch_provides_what_twisted_asks_for():
    """Twisted tells of half-closed connections and full buffers only to those who declare it."""
    switch = Line().switch
    assert verifyObject(IHalfCloseableProtocol, switch)
    assert verifyObject(IPushProducer, switch)


@pytest.mark.parametrize("version", BOTH_VERSIONS)
def test_explicit_tls_end_to_end(version):
    """T1: the 234 goes out in clear, then everything is protected, both ways."""
    line = explicit()
    assert line.tcp.taken() == b"220 hello\r\n"
    assert line.tcp.no_delay
    line.receive(b"AUTH TLS\r\n")
    assert line.tcp.taken() == b"234 go on\r\n"
    client = line.shake_hands(StdlibClient(client_context(version)))
    assert line.switch.tls.version == {TLS12: "TLSv1.2", TLS13: "TLSv1.3"}[version]
    line.receive(client.send(b"USER alice\r\n"))
    assert line.notes.named("data") == [b"AUTH TLS\r\n", b"USER alice\r\n"]
    line.switch.write(b"331 password\r\n")
    sent = line.tcp.taken()
    assert b"331" not in sent
    client.give(sent)
    assert client.read() == b"331 password\r\n"
    assert line.is_quiet()


@pytest.mark.parametrize("version", BOTH_VERSIONS)
def test_implicit_tls_end_to_end(version):
    """The same path serves the implicit service; nothing goes out in clear, not even an early greeting."""
    line = implicit(inner=Notes(greets=True))
    assert line.tcp.value() == b""
    assert line.switch.tls is None
    client = line.shake_hands(StdlibClient(client_context(version)))
    assert client.read() == b"220 hello\r\n"
    assert line.notes.events == [("made",), ("established", line.switch.tls.version)]
    assert line.is_quiet()


def test_commands_that_come_with_the_end_of_the_handshake_are_not_lost():
    """A hasty client's first command arrives in the segment of its Finished message."""
    line = implicit()
    client = StdlibClient(client_context(TLS13))
    client.step()
    line.receive(client.take())
    client.give(line.tcp.taken())
    client.step()
    line.receive(client.take() + client.send(b"USER a\r\n"))
    assert line.notes.events[1:] == [("established", "TLSv1.3"), ("data", b"USER a\r\n")]


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        (IPv4Address("TCP", "192.0.2.5", 7), HostPort("192.0.2.5", 7)),
        (IPv6Address("TCP", "::ffff:192.0.2.5", 7), HostPort("192.0.2.5", 7)),
        (IPv6Address("TCP", "2001:db8::5", 7), HostPort("2001:db8::5", 7)),
        (IPv6Address("TCP", "fe80::5%eth0", 7), HostPort("fe80::5", 7)),
    ],
)
def test_addresses_are_normalised(address, expected):
    """Limits and the check of data connections see one form of an address."""
    line = Line(tcp=MemoryTcp(peer=address, host=address))
    assert line.switch.peer == expected
    assert line.switch.host == expected


def test_only_tcp_has_a_peer():
    """A transport without addresses is a mistake of the caller, said at once."""
    with pytest.raises(TypeError):
        Line(tcp=MemoryTcp(peer=UNIXAddress(b"/x")))


def test_tls_is_not_started_twice():
    """A second AUTH is the server-PI's to refuse; the switch would not know what to do."""
    line, _ = protected()
    with pytest.raises(RuntimeError):
        line.switch.start_tls(session_tls())


# --- what is sent in clear does not act inside TLS ------------------------------------------------


@pytest.mark.parametrize("version", BOTH_VERSIONS)
def test_a_handshake_in_two_pieces_does_not_wait(version):
    """GnuTLS and Java hold the second piece back for our acknowledgement, which the kernel would delay by 40 ms."""
    quick = (socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
    line, client = protected(version)
    assert line.tcp.options[0] == (socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)
    acknowledged = line.tcp.options.count(quick)
    assert acknowledged >= 1
    line.receive(client.send(b"NOOP\r\n"))
    assert line.tcp.options.count(quick) == acknowledged, "later on the reply carries it"


def test_clear_text_behind_auth_is_never_delivered_later():
    """K1: what arrives in clear after AUTH goes to TLS and ends the connection."""
    line = explicit()
    line.receive(b"AUTH TLS\r\n")
    line.tcp.clear()
    line.receive(b"USER evil\r\n")
    assert line.notes.received == b"AUTH TLS\r\n"
    assert line.notes.named("failed") == ["the client speaks clear FTP (USER) where TLS was expected"]
    assert line.tcp.value().startswith(b"421 ")


def test_clear_text_that_waited_is_not_delivered_either():
    """K1: octets that came while the server-PI was busy with AUTH are not commands any more."""
    line = explicit()
    line.notes.answers[b"AUTH"] = line.switch.pause_reading
    line.receive(b"AUTH TLS\r\n")
    line.receive(b"USER evil\r\n")
    line.switch.start_tls(session_tls())
    line.switch.resume_reading()
    line.clock.advance(0)
    assert line.notes.received == b"AUTH TLS\r\n"
    assert "USER" in line.notes.named("failed")[0]


def test_a_hello_that_waited_is_taken():
    """A client that does not wait for the 234 is served, too."""
    line = explicit()
    line.notes.answers[b"AUTH"] = line.switch.pause_reading
    line.receive(b"AUTH TLS\r\n")
    client = StdlibClient(client_context(TLS13))
    client.step()
    line.receive(client.take())
    line.switch.start_tls(session_tls())
    line.switch.resume_reading()
    line.clock.advance(0)
    line.tcp.value()
    assert line.notes.named("failed") == []
    line.tcp.clear()


# --- the wrong protocol ---------------------------------------------------------------------------


def test_clear_ftp_on_the_implicit_port():
    """K3: the user sees which setting is wrong; the log does, too; then the connection ends."""
    line = implicit()
    line.receive(b"USER alice\r\n")
    assert line.tcp.value().startswith(b"421 This port expects TLS from the first octet;")
    assert line.tcp.value().endswith(b"\r\n")
    assert line.notes.named("failed") == ["the client speaks clear FTP (USER) where TLS was expected"]
    assert "ftpes" in line.notes.error.remedy
    assert line.tcp.ends == ["FIN"]
    assert line.notes.received == b""


def test_a_client_hello_on_the_explicit_port():
    """K3: not a word of it reaches the server-PI; the log says what to change."""
    line = explicit()
    line.tcp.clear()
    line.receive(hello_of())
    assert line.notes.received == b""
    assert line.notes.named("failed") == ["the client starts TLS at once on the explicit port"]
    assert "ftp.example.org" in line.notes.error.offered
    assert line.tcp.value() == b""
    assert line.tcp.ends == ["FIN"]


def test_a_tls_record_later_in_clear_is_the_server_pi_s_business():
    """Only the first octet tells a service; later ones are lines, good or bad."""
    line = explicit()
    line.receive(b"FEAT\r\n")
    line.receive(b"\x16\x03\x01")
    assert line.notes.received == b"FEAT\r\n\x16\x03\x01"


@pytest.mark.parametrize("reset", [True, False])
def test_a_health_check_is_no_failure(reset):
    """A load balancer that connects and closes does not fill the log with failures."""
    line = implicit()
    line.tcp.reset_by_peer() if reset else line.switch.readConnectionLost()
    assert line.notes.events == [("made",), ("lost", NO_OCTET)]
    assert line.is_quiet()


@pytest.mark.parametrize("reset", [True, False])
def test_a_client_that_leaves_after_auth(reset):
    """The end after 234 is told from a health check."""
    line = explicit()
    line.receive(b"AUTH TLS\r\n")
    line.tcp.reset_by_peer() if reset else line.switch.readConnectionLost()
    assert line.notes.named("lost") == ["closed by the client after AUTH"]
    assert line.notes.named("failed") == []


# --- handshakes that fail -------------------------------------------------------------------------


def test_a_failed_handshake_sends_the_alert_and_nothing_in_clear():
    """T18: the client learns why; no command is executed in clear afterwards."""
    line = implicit()
    client = PyOpenSSLClient(SSL.TLS1_VERSION, ciphers=b"ALL:@SECLEVEL=0")
    client.step()
    line.receive(client.take())
    client.give(line.tcp.value())
    client.step()
    assert "protocol version" in str(client.error)
    assert line.notes.named("failed") == ["the client offered at most TLS 1.0; the minimum is TLS 1.2"]
    line.receive(b"USER evil\r\n")
    assert line.notes.received == b""
    assert line.tcp.ends == ["FIN"]


@pytest.mark.parametrize("how", ["silent", "slow", "dripping"])
def test_handshakes_have_a_time_limit(how):
    """K6: a client that never says hello, or says it octet by octet, is gone after ten seconds."""
    line = implicit()
    hello = hello_of()
    for second in range(9):
        if how == "dripping":
            line.receive(hello[second : second + 1])
        elif how == "slow" and second == 5:
            line.receive(hello)
        line.clock.advance(1)
    assert line.notes.named("failed") == []
    line.clock.advance(1)
    words = "sent no octet" if how == "silent" else "did not complete the handshake"
    assert line.notes.named("failed") == [f"the client {words} within 10 seconds"]
    line.clock.advance(2)
    assert len(line.notes.named("lost")) == 1
    assert line.is_quiet()


def test_the_time_limit_ends_with_the_handshake():
    """An established connection is not cut off by the limit of its handshake."""
    line, _ = protected(handshake_seconds=3)
    line.clock.advance(100)
    assert line.notes.named("failed") == []
    assert line.notes.named("lost") == []


def test_a_reset_in_the_middle_is_explained():
    """A client that hangs up hard after our certificate leaves more than «connection lost»."""
    line = implicit()
    line.receive(hello_of())
    line.tcp.clear()
    line.tcp.reset_by_peer()
    assert "after our ServerHello" in line.notes.named("failed")[0]
    assert line.notes.named("lost") == line.notes.named("failed")
    assert line.is_quiet()


def test_a_fin_in_the_middle_is_explained():
    """The same for a polite hang-up."""
    line = implicit()
    line.receive(hello_of()[:50])
    line.switch.readConnectionLost()
    assert "in the middle of the ClientHello" in line.notes.named("failed")[0]
    assert line.notes.events[-1][0] == "lost"


@pytest.mark.parametrize(("size", "survives"), [(100, True), (101, False)])
def test_replies_written_during_a_handshake_are_capped(size, survives):
    """Law: every buffer has a cap."""
    line = implicit(max_unsent=100)
    line.switch.write(b"x" * 60)
    line.switch.write(b"y" * (size - 60))
    assert (line.notes.named("lost") == []) == survives
    if survives:
        client = line.shake_hands(StdlibClient())
        assert client.read() == b"x" * 60 + b"y" * 40


# --- the end --------------------------------------------------------------------------------------


def test_our_end_under_tls():
    """The last reply, close_notify and FIN, in this order; then we wait for the client, not for ever."""
    line, client = protected()
    line.switch.write(b"221 bye\r\n")
    line.switch.close()
    line.switch.write(b"too late\r\n")
    assert line.tcp.ends == ["FIN"]
    assert line.tcp.producerState == "producing"
    client.give(line.tcp.taken())
    assert client.tls.read(100) == b"221 bye\r\n"
    assert client.tls.read(100) == b""
    line.receive(client.send(b"NOOP\r\n"))
    line.switch.readConnectionLost()
    assert line.tcp.ends == ["FIN", "close"]
    assert line.notes.events[-1] == ("lost", "closed by the server")
    assert b"NOOP" not in line.notes.received
    assert line.is_quiet()


def test_our_end_in_clear():
    """The same without TLS."""
    line = explicit()
    line.switch.close()
    assert line.tcp.ends == ["FIN"]
    line.switch.readConnectionLost()
    assert line.notes.events[-1] == ("lost", "closed by the server")


def test_lingering_ends_kindly_if_all_was_sent():
    """A client that never closes is closed without RST: it may still read the last reply."""
    line, _ = protected()
    line.switch.close()
    line.clock.advance(1.9)
    assert line.tcp.ends == ["FIN"]
    line.clock.advance(0.1)
    assert line.tcp.ends == ["FIN", "close"]
    assert line.is_quiet()


def test_lingering_ends_hard_if_the_client_does_not_read():
    """A client that reads nothing can not hold the connection."""
    line, _ = protected()
    line.tcp.is_stuck = True
    line.switch.close()
    line.clock.advance(2)
    assert line.tcp.ends == ["FIN", "RST"]
    assert line.notes.events[-1] == ("lost", "closed by the server")


@pytest.mark.parametrize("version", BOTH_VERSIONS)
def test_the_client_s_close_notify_is_answered(version):
    """QUIT or not: a client that closes properly gets a proper answer."""
    line, client = protected(version)
    line.receive(client.send(b"QUIT\r\n") + client.say_goodbye())
    assert line.notes.received.endswith(b"QUIT\r\n")
    assert line.tcp.ends == ["close"]
    client.give(line.tcp.value())
    assert client.tls.unwrap() is None
    assert line.notes.events[-1] == ("lost", "closed by the client")
    assert line.is_quiet()


def test_a_client_that_just_closes_the_connection():
    """Common, harmless on a control connection, and told apart in the log."""
    line, client = protected()
    line.receive(client.send(b"QUIT\r\n"))
    line.switch.readConnectionLost()
    assert line.notes.events[-1] == ("lost", "closed by the client without close_notify")
    assert line.notes.named("failed") == []


def test_a_client_that_closes_in_clear():
    """FIN in clear ends the session."""
    line = explicit()
    line.receive(b"NOOP\r\n")
    line.switch.readConnectionLost()
    assert line.notes.events[-1] == ("lost", "closed by the client")
    assert line.tcp.ends[0] == "close"


def test_an_answered_end_has_a_limit_too():
    """A client that says goodbye and does not read what is left can not hold the connection."""
    line, client = protected()
    line.tcp.is_stuck = True
    line.receive(client.say_goodbye())
    assert line.notes.named("lost") == []
    line.clock.advance(2)
    assert line.tcp.ends == ["close", "RST"]
    assert line.notes.named("lost") == ["closed by the client"]


def test_a_reset_is_told():
    """The log says that the network, or the client, cut the connection."""
    line, _ = protected()
    line.tcp.reset_by_peer()
    assert line.notes.named("lost") == ["reset by the client, or lost on the way"]


def test_abort_drops_at_once():
    """For clients that are not worth a goodbye."""
    line, _ = protected()
    line.tcp.clear()
    line.switch.abort()
    assert line.tcp.value() == b""
    assert line.tcp.ends == ["RST"]
    assert line.notes.events[-1] == ("lost", "aborted by the server")
    line.switch.abort()
    assert len(line.notes.named("lost")) == 1


@pytest.mark.parametrize("first", ["close", "abort"])
@pytest.mark.parametrize("stage", ["start", "clear", "awaited", "handshake", "tls"])
def test_it_is_told_once_that_the_connection_is_gone(first, stage):
    """Whatever happens in whatever order, the server-PI cleans up exactly once."""
    line = explicit()
    if stage != "start":
        line.receive(b"NOOP\r\n")
    if stage in {"awaited", "handshake", "tls"}:
        line.receive(b"AUTH TLS\r\n")
        line.tcp.clear()
    if stage == "handshake":
        line.receive(hello_of())
    if stage == "tls":
        line.shake_hands(StdlibClient())
    getattr(line.switch, first)()
    line.switch.close()
    line.switch.start_tls(session_tls())
    line.switch.pause_reading()
    line.switch.resume_reading()
    line.receive(b"more")
    line.switch.readConnectionLost()
    line.clock.advance(100)
    line.switch.abort()
    assert len(line.notes.named("lost")) == 1
    assert line.notes.events[-1][0] == "lost"
    assert line.is_quiet()


def test_a_server_pi_that_closes_when_told_of_a_failure_does_no_harm():
    """Both sides may want to end it."""
    line = implicit()
    line.notes.tls_failed = lambda _: line.switch.close()
    line.receive(b"USER a\r\n")
    assert line.tcp.ends == ["FIN"]
    line.tcp.reset_by_peer()
    assert len(line.notes.named("lost")) == 1
    assert line.is_quiet()


def test_a_broken_record_ends_the_connection():
    """Tampering inside TLS is told as a failure, with an alert for the client."""
    line, client = protected()
    record = bytearray(client.send(b"DELE x\r\n"))
    record[-1] ^= 1
    line.receive(bytes(record))
    assert b"DELE" not in line.notes.received
    assert len(line.notes.named("failed")) == 1
    assert line.tcp.value() != b""


def test_renegotiation_ends_the_connection():
    """K8: on the control connection, too."""
    line = implicit()
    client = PyOpenSSLClient(SSL.TLS1_2_VERSION)
    for _ in range(4):
        client.step()
        if octets := client.take():
            line.receive(octets)
        if line.tcp.value():
            client.give(line.tcp.taken())
    assert client.is_complete
    client.tls.renegotiate()
    with pytest.raises(SSL.WantReadError):
        client.tls.do_handshake()
    line.receive(client.take())
    assert line.notes.named("failed") == ["the client wanted to renegotiate"]
    assert line.tcp.ends == ["FIN"]


# --- pausing and back-pressure --------------------------------------------------------------------


def full_record(text: bytes) -> bytes:
    """Return as many octets as the switch hands over at a time."""
    return text.ljust(16384, b".")


def test_a_paused_server_pi_hears_nothing_under_tls():
    """Commands wait while one is executed; none is lost, none comes out of order."""
    line, client = protected()
    line.notes.events.clear()
    line.notes.answers[b"FIRST"] = line.switch.pause_reading
    line.receive(client.send(full_record(b"FIRST")) + client.send(b"SECOND"))
    line.receive(client.send(b"THIRD"))
    assert line.notes.received == full_record(b"FIRST")
    assert line.tcp.producerState == "paused"
    line.switch.resume_reading()
    assert line.notes.received == full_record(b"FIRST")
    line.receive(client.send(b"FOURTH"))
    line.clock.advance(0)
    assert line.notes.received == full_record(b"FIRST") + b"SECONDTHIRDFOURTH"
    assert line.tcp.producerState == "producing"
    assert line.is_quiet()


def test_a_paused_server_pi_hears_nothing_in_clear():
    """The same without TLS: Twisted may hand over one more read after a pause."""
    line = explicit()
    line.notes.answers[b"FIRST"] = line.switch.pause_reading
    line.receive(b"FIRST\r\n")
    line.receive(b"SECOND\r\n")
    assert line.notes.received == b"FIRST\r\n"
    line.switch.resume_reading()
    assert line.notes.received == b"FIRST\r\n"
    line.receive(b"THIRD\r\n")
    line.clock.advance(0)
    assert line.notes.received == b"FIRST\r\nSECOND\r\nTHIRD\r\n"
    assert line.tcp.producerState == "producing"
    assert line.is_quiet()


def test_pausing_again_while_resuming():
    """A server-PI may pause whenever it hears something: one piece is delivered a turn."""
    line, client = protected()
    line.notes.events.clear()
    pieces = [full_record(b"C%d" % number) for number in range(4)]
    line.notes.answers[b"C"] = line.switch.pause_reading
    line.receive(b"".join(client.send(piece) for piece in pieces))
    for number in range(4):
        assert line.notes.named("data") == pieces[: number + 1]
        line.switch.resume_reading()
        line.switch.resume_reading()
        line.clock.advance(0)
    line.switch.resume_reading()
    line.clock.advance(0)
    assert line.tcp.producerState == "producing"


def test_an_end_that_comes_while_paused_is_not_forgotten():
    """A client that sends a command and hangs up: the command first, then the end."""
    line, client = protected()
    line.switch.pause_reading()
    line.receive(client.send(b"QUIT\r\n"))
    line.switch.readConnectionLost()
    assert line.notes.named("lost") == []
    line.switch.resume_reading()
    line.clock.advance(0)
    assert line.notes.received.endswith(b"QUIT\r\n")
    assert line.notes.events[-1][0] == "lost"


def test_a_client_that_does_not_read_is_not_read_from():
    """K13: pipelining without reading makes us neither work nor grow."""
    line, client = protected()
    line.notes.events.clear()
    line.switch.pauseProducing()
    assert line.notes.events == [("blocked", True)]
    assert line.tcp.producerState == "paused"
    line.receive(client.send(b"NOOP\r\n"))
    assert line.notes.received == b""
    line.switch.resumeProducing()
    line.clock.advance(0)
    assert line.notes.events == [("blocked", True), ("blocked", False), ("data", b"NOOP\r\n")]
    assert line.tcp.producerState == "producing"


@pytest.mark.parametrize(("size", "survives"), [(1000, True), (1001, False)])
@pytest.mark.parametrize("under_tls", [True, False])
def test_replies_for_a_client_that_does_not_read_are_capped(size, survives, under_tls):
    """K13: whoever writes on regardless is stopped, and the client with it."""
    line = protected(max_unsent=1000)[0] if under_tls else explicit(max_unsent=1000)
    line.switch.write(b"x" * 5000)
    line.switch.pauseProducing()
    line.switch.write(b"x" * 999)
    line.switch.write(b"x" * (size - 999))
    assert line.notes.named("lost") == ([] if survives else ["the client does not read its replies"])
    if survives:
        line.switch.resumeProducing()
        line.switch.pauseProducing()
        line.switch.write(b"x" * 1000)
        assert line.notes.named("lost") == []


def test_a_server_pi_that_fills_the_buffer_again_at_once_stays_blocked():
    """Fixed: the signal that the client reads again must not undo the next one that it does not."""
    line = explicit()
    line.switch.pauseProducing()
    line.notes.write_blocked = lambda *, blocked: None if blocked else line.switch.pauseProducing()
    line.switch.resumeProducing()
    assert line.tcp.producerState == "paused"
    line.receive(b"NOOP\r\n")
    line.clock.advance(0)
    assert line.notes.received == b""


def test_what_waits_for_its_turn_is_not_delivered_after_the_end():
    """A server-PI that has said goodbye is not given commands any more."""
    line = explicit()
    line.switch.pause_reading()
    line.receive(b"NOOP\r\n")
    line.switch.resume_reading()
    line.switch.close()
    line.clock.advance(0)
    assert line.notes.received == b""


def test_a_pause_in_the_same_turn_holds():
    """Octets that wait for their turn wait on if the server-PI changes its mind."""
    line = explicit()
    line.switch.pause_reading()
    line.receive(b"NOOP\r\n")
    line.switch.resume_reading()
    line.switch.pause_reading()
    line.clock.advance(0)
    assert line.notes.received == b""
    line.switch.resume_reading()
    line.clock.advance(0)
    assert line.notes.received == b"NOOP\r\n"


def test_an_answer_to_the_command_before_a_broken_record():
    """The good command is delivered; its answer finds the connection broken, and that is told once."""
    line, client = protected()
    line.notes.answers[b"NOOP"] = lambda: line.switch.write(b"200 ok\r\n")
    good, bad = client.send(b"NOOP\r\n"), bytearray(client.send(b"DELE x\r\n"))
    bad[-1] ^= 1
    line.receive(good + bytes(bad))
    assert line.notes.received.endswith(b"NOOP\r\n")
    assert len(line.notes.named("failed")) == 1
    assert line.tcp.ends == ["FIN"]


def test_both_may_ask_for_silence():
    """Reading goes on only when neither the server-PI nor the client objects."""
    line = explicit()
    line.switch.pause_reading()
    line.switch.pauseProducing()
    line.switch.resume_reading()
    assert line.tcp.producerState == "paused"
    line.switch.pause_reading()
    line.switch.resumeProducing()
    assert line.tcp.producerState == "paused"
    line.switch.resume_reading()
    assert line.tcp.producerState == "producing"
