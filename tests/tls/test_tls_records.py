"""Records are given to TLS one at a time, so that what follows close_notify is still there."""

import random

import pytest

from ftpstwist.interfaces import TlsClosed, TlsError
from ftpstwist.tls.records import RECORD_TYPES, RecordStream
from tests.tls.tls_support import BOTH_VERSIONS, StdlibClient, client_context, session_tls


def established(version) -> tuple[RecordStream, StdlibClient]:
    """A stream behind its handshake, and its client."""
    client = StdlibClient(client_context(version))
    stream = RecordStream(session_tls().control_channel())
    for _ in range(6):
        client.step()
        stream.receive(client.take())
        is_complete = stream.handshake()
        client.give(stream.channel.drain())
    assert is_complete
    assert client.is_complete
    return stream, client


def read_all(stream: RecordStream, pieces: list[bytes]) -> bool:
    """Add what can be decrypted to *pieces*; whether TLS has ended."""
    try:
        while octets := stream.read():
            pieces.append(octets)
    except TlsClosed:
        return True
    return False


@pytest.mark.parametrize("size", [1, 2, 5, 6, 7, 1000, 1 << 20])
@pytest.mark.parametrize("version", BOTH_VERSIONS)
def test_however_the_octets_come(version, size):
    """TCP cuts where it likes; every record is given out once, in order, and the clear text behind them is kept."""
    stream, client = established(version)
    lines = [b"NOOP\r\n", b"x" * 3000, b"y" * 16384, b"PWD\r\n"]
    octets = b"".join(client.send(line) for line in lines) + client.say_goodbye() + b"in clear\r\n"
    seen: list[bytes] = []
    for start in range(0, len(octets), size):
        stream.receive(octets[start : start + size])
        has_ended = read_all(stream, seen)
    assert has_ended
    assert seen == lines
    assert stream.channel.peer_closed
    assert stream.take_rest() == b"in clear\r\n"
    assert stream.take_rest() == b""


@pytest.mark.parametrize("version", BOTH_VERSIONS)
def test_fin_is_noticed_when_all_was_read(version):
    """The channel is asked once more although it has given out all that it was given: FIN was no good end."""
    stream, client = established(version)
    stream.receive(client.send(b"NOOP\r\n"))
    assert (stream.read(), stream.read()) == (b"NOOP\r\n", b"")
    stream.end()
    with pytest.raises(TlsError) as caught:
        stream.read()
    assert caught.value.truncated


@pytest.mark.parametrize("version", BOTH_VERSIONS)
def test_a_random_cut(version):
    """The same for uneven pieces, handshake included."""
    cuts = random.Random(4217)
    for _ in range(20):
        stream, client = established(version)
        octets = b"".join(client.send(b"%d" % number * number) for number in range(1, 30)) + client.say_goodbye()
        seen: list[bytes] = []
        has_ended = False
        while octets:
            assert not has_ended
            size = cuts.randrange(1, 90)
            stream.receive(octets[:size])
            octets = octets[size:]
            has_ended = read_all(stream, seen)
        assert has_ended
        assert seen == [b"%d" % number * number for number in range(1, 30)]


@pytest.mark.parametrize("version", BOTH_VERSIONS)
def test_clear_text_without_close_notify(version):
    """Where TLS was to be taken off, a first octet that begins no record is the end of it; not inside a record."""
    stream, client = established(version)
    record = client.send(b"NOOP\r\n")
    stream.receive(record[:7])
    assert stream.read() == b""
    stream.expect_clear()
    assert stream.read() == b""
    stream.receive(record[7:] + b"PWD\r\n")
    assert stream.read() == b"NOOP\r\n"
    with pytest.raises(TlsClosed):
        stream.read()
    assert not stream.channel.peer_closed
    assert stream.take_rest() == b"PWD\r\n"


@pytest.mark.parametrize("version", BOTH_VERSIONS)
def test_clear_text_is_a_broken_record_otherwise(version):
    """Nobody else ends TLS: clear text injected into it is refused."""
    stream, _ = established(version)
    stream.receive(b"PWD\r\n")
    with pytest.raises(TlsError):
        stream.read()


def test_no_command_begins_like_a_record():
    """The two are told apart by one octet: printable, or the Telnet IAC, against 20 to 23."""
    assert not RECORD_TYPES & {*range(32, 127), 255, *b"\r\n\t"}
