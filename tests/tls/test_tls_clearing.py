"""TLS taken off the control connection again: CCC and REIN (RFC 4217 sections 5 and 13)."""

import ssl
from contextlib import suppress

import pytest

from tests.tls.tls_support import BOTH_VERSIONS, TLS13, StdlibClient, client_context, session_tls
from tests.tls.tls_switch import Line


class Cleared(Line):
    """A line under TLS whose server-PI answers CCC as it should."""

    def __init__(self, version=TLS13, *, session=None, **settings) -> None:
        super().__init__(**settings)
        self.session = session or session_tls()
        self.context = client_context(version)
        self.cleared = 0
        self.notes.tls_cleared = self.note_cleared
        self.notes.answers[b"AUTH"] = self.auth
        self.notes.answers[b"CCC"] = self.ccc
        self.client = self.start()

    def auth(self) -> None:
        self.switch.write(b"234 go on\r\n")
        self.switch.start_tls(self.session)

    def ccc(self) -> None:
        self.switch.write(b"200 go on in clear\r\n")
        self.switch.stop_tls()

    def note_cleared(self) -> None:
        self.cleared += 1
        self.notes.events.append(("cleared",))

    def start(self) -> StdlibClient:
        """AUTH and a handshake."""
        self.receive(b"AUTH TLS\r\n")
        self.tcp.clear()
        client = self.shake_hands(StdlibClient(self.context))
        client.read()
        self.notes.events.clear()
        return client

    def say_ccc(self) -> "Cleared":
        """CCC under TLS; its reply is read."""
        self.receive(self.client.send(b"CCC\r\n"))
        self.client.give(self.tcp.taken())
        assert self.client.read() == b"200 go on in clear\r\n"
        self.notes.events.clear()
        return self

    def answers_in_clear(self) -> bool:
        self.tcp.clear()
        self.switch.write(b"257 in clear\r\n")
        return self.tcp.taken() == b"257 in clear\r\n"


@pytest.mark.parametrize("version", BOTH_VERSIONS)
def test_both_say_close_notify(version):
    """T5: 200 under TLS, the client's close_notify is answered by ours, then all is clear, both ways."""
    line = Cleared(version).say_ccc()
    assert line.tcp.value() == b""
    assert line.switch.tls is not None
    line.receive(line.client.say_goodbye())
    line.client.give(line.tcp.taken())
    assert line.client.tls.unwrap() is None
    assert line.notes.events == [("cleared",)]
    assert line.switch.tls is None
    line.receive(b"PWD\r\n")
    assert line.notes.named("data") == [b"PWD\r\n"]
    assert line.answers_in_clear()
    assert line.is_quiet()


@pytest.mark.parametrize("version", BOTH_VERSIONS)
def test_the_server_is_first_after_a_grace(version):
    """T5: a client that waits for our close_notify gets it, not before half a second, and goes on in clear."""
    line = Cleared(version).say_ccc()
    line.clock.advance(0.49)
    assert line.tcp.value() == b""
    line.clock.advance(0.01)
    line.client.give(line.tcp.taken())
    assert line.client.tls.read(10) == b""
    assert line.cleared == 0
    line.receive(b"PWD\r\n")
    assert line.notes.events == [("cleared",), ("data", b"PWD\r\n")]
    assert line.answers_in_clear()
    assert line.is_quiet()


@pytest.mark.parametrize("version", BOTH_VERSIONS)
def test_the_client_answers_after_the_grace(version):
    """T5: the client's close_notify may also be the second; not an octet of it reaches the server-PI."""
    line = Cleared(version).say_ccc()
    line.clock.advance(0.5)
    line.client.give(line.tcp.taken())
    line.receive(line.client.say_goodbye() + b"PWD\r\n")
    assert line.notes.events == [("cleared",), ("data", b"PWD\r\n")]
    assert line.tcp.value() == b""
    assert line.is_quiet()


@pytest.mark.parametrize("version", BOTH_VERSIONS)
def test_a_client_that_just_goes_on_in_clear(version):
    """T5: a client without close_notify is understood at once, and its replies have no garbage in front."""
    line = Cleared(version).say_ccc()
    line.receive(b"PW")
    line.receive(b"D\r\n")
    assert line.notes.events == [("cleared",), ("data", b"PW"), ("data", b"D\r\n")]
    assert line.tcp.value() == b""
    assert line.answers_in_clear()
    assert line.is_quiet()


@pytest.mark.parametrize("size", [1, 3, 1000])
@pytest.mark.parametrize("version", BOTH_VERSIONS)
def test_clear_text_right_behind_close_notify(version, size):
    """K1: however TCP cuts it, every octet behind close_notify is delivered once, in clear."""
    line = Cleared(version).say_ccc()
    octets = line.client.say_goodbye() + b"PWD\r\nNOOP\r\n"
    for start in range(0, len(octets), size):
        line.receive(octets[start : start + size])
    assert line.notes.received == b"PWD\r\nNOOP\r\n"
    assert line.cleared == 1


@pytest.mark.parametrize("version", BOTH_VERSIONS)
def test_a_client_that_does_not_wait_for_the_reply(version):
    """K1: CCC, close_notify and clear text in one segment are three things, not one."""
    line = Cleared(version)
    line.receive(line.client.send(b"CCC\r\n") + line.client.say_goodbye() + b"PWD\r\n")
    assert line.notes.events == [("data", b"CCC\r\n"), ("cleared",), ("data", b"PWD\r\n")]
    assert line.answers_in_clear()


@pytest.mark.parametrize("when", ["at once", "later", "after our close_notify"])
@pytest.mark.parametrize("version", BOTH_VERSIONS)
def test_commands_under_tls_behind_ccc_end_the_connection(version, when):
    """K1: what was protected does not act in clear; nobody can tell what the client thinks is going on."""
    line = Cleared(version)
    if when == "at once":
        line.receive(line.client.send(b"CCC\r\n") + line.client.send(b"DELE x\r\n") + b"PWD\r\n")
    else:
        line.say_ccc()
        line.clock.advance(0.5 if when == "after our close_notify" else 0)
        line.receive(line.client.send(b"DELE x\r\n") + b"PWD\r\n")
    assert line.notes.received in {b"", b"CCC\r\n"}
    assert line.cleared == 0
    assert line.tcp.ends == ["FIN"]
    line.tcp.reset_by_peer()
    assert line.notes.events[-1] == ("lost", "the client sent commands under TLS behind CCC or REIN")
    assert line.is_quiet()


def test_replies_are_protected_until_our_close_notify_and_clear_after_it():
    """S9: a goodbye in the middle reaches the client as the side of TLS on which it stands."""
    line = Cleared().say_ccc()
    line.switch.write(b"421 early\r\n")
    line.client.give(line.tcp.taken())
    assert line.client.read() == b"421 early\r\n"
    line.clock.advance(0.5)
    line.client.give(line.tcp.taken())
    assert line.client.tls.read(10) == b""
    line.switch.write(b"421 late\r\n")
    assert line.tcp.taken() == b"421 late\r\n"


@pytest.mark.parametrize("grace_is_over", [True, False])
def test_closing_in_the_middle(grace_is_over):
    """A server that ends the session while TLS is being taken off sends close_notify once, and FIN."""
    line = Cleared().say_ccc()
    if grace_is_over:
        line.clock.advance(0.5)
    line.switch.close()
    line.client.give(line.tcp.taken())
    assert line.client.tls.read(10) == b""
    assert line.tcp.ends == ["FIN"]
    line.receive(b"PWD\r\n")
    assert line.notes.received == b""
    line.switch.readConnectionLost()
    assert line.is_quiet()


@pytest.mark.parametrize("how", ["close_notify", "FIN", "reset"])
def test_a_client_that_leaves_in_the_middle(how):
    """Every end is told once, and no timer is left."""
    line = Cleared().say_ccc()
    if how == "close_notify":
        line.receive(line.client.say_goodbye())
    line.tcp.reset_by_peer() if how == "reset" else line.switch.readConnectionLost()
    assert len(line.notes.named("lost")) == 1
    assert line.notes.named("failed") == []
    assert line.is_quiet()


def test_a_broken_record_in_the_middle():
    """Tampering is told as a failure; nothing of it is taken for clear text."""
    line = Cleared().say_ccc()
    record = bytearray(line.client.say_goodbye())
    record[-1] ^= 1
    line.receive(bytes(record) + b"PWD\r\n")
    assert len(line.notes.named("failed")) == 1
    assert line.notes.received == b""
    assert line.cleared == 0


def test_a_record_without_an_end_is_not_waited_for_with_memory():
    """Law: what a client sends as a record is bounded by what a record can be."""
    line = Cleared().say_ccc()
    line.receive(bytes([23, 3, 3, 255, 255]) + b"x" * 70000)
    assert len(line.notes.named("failed")) == 1


def test_a_paused_server_pi_hears_nothing():
    """Octets behind close_notify wait as any others do."""
    line = Cleared().say_ccc()
    line.notes.tls_cleared = line.switch.pause_reading
    line.receive(line.client.say_goodbye() + b"PWD\r\n")
    assert line.notes.received == b""
    line.receive(b"NOOP\r\n")
    line.switch.resume_reading()
    line.clock.advance(0)
    assert line.notes.received == b"PWD\r\nNOOP\r\n"


def test_a_paused_server_pi_is_not_told_either():
    """A client that does not read its replies is not read from, whatever it sends."""
    line = Cleared().say_ccc()
    line.switch.pause_reading()
    line.receive(line.client.say_goodbye() + b"PWD\r\n")
    assert line.cleared == 0
    line.switch.resume_reading()
    line.clock.advance(0)
    assert line.notes.events == [("cleared",), ("data", b"PWD\r\n")]


def test_an_end_behind_clear_text_that_waits():
    """A client that sends close_notify, a command and FIN: the command is done before the end is acted on."""
    line = Cleared().say_ccc()
    line.switch.pause_reading()
    line.receive(line.client.say_goodbye() + b"QUIT\r\n")
    line.switch.readConnectionLost()
    line.notes.tls_cleared = line.switch.pauseProducing
    line.switch.resume_reading()
    line.clock.advance(0)
    assert line.notes.events == [("blocked", True)]
    line.switch.resumeProducing()
    line.clock.advance(0)
    assert line.notes.received == b"QUIT\r\n"
    assert line.notes.events[-1] == ("lost", "closed by the client")


@pytest.mark.parametrize("version", BOTH_VERSIONS)
def test_back_to_auth(version):
    """T22: after REIN TLS can be put on again, as often as one likes, with everything that AUTH promises."""
    line = Cleared(version)
    for _ in range(3):
        line.say_ccc()
        line.receive(line.client.say_goodbye())
        line.receive(b"FEAT\r\n")
        assert line.notes.received == b"FEAT\r\n"
        line.client = line.start()
        line.receive(line.client.send(b"NOOP\r\n"))
        assert line.notes.received == b"NOOP\r\n"
        line.notes.events.clear()
    line.say_ccc()
    line.receive(b"AUTH TLS\r\n")
    line.receive(b"USER evil\r\n")
    assert line.notes.received == b"AUTH TLS\r\n"
    assert "USER" in line.notes.named("failed")[0]


def test_clear_connections_have_no_tls_to_take_off():
    """533 is the server-PI's to say; the switch would not know what to do."""
    line = Line()
    with pytest.raises(RuntimeError):
        line.switch.stop_tls()
    under = Cleared().say_ccc()
    with pytest.raises(RuntimeError):
        under.switch.stop_tls()
    under.switch.close()
    under.switch.stop_tls()


@pytest.mark.parametrize("silent", [True, False])
@pytest.mark.parametrize("version", BOTH_VERSIONS)
def test_the_session_can_still_be_resumed(version, silent):
    """T6: data connections resume the TLS session of the control connection after CCC, too."""
    tls = session_tls()
    line = Cleared(version, session=tls).say_ccc()
    line.receive(b"PWD\r\n" if silent else line.client.say_goodbye())
    assert line.cleared == 1
    data = tls.data_channel()
    client = StdlibClient(line.context, session=line.client.tls.session)
    for _ in range(6):
        client.step()
        data.feed(client.take())
        data.handshake()
        client.give(data.drain())
        with suppress(ssl.SSLWantReadError):
            client.tls.read(1)
    assert data.facts.resumed
