"""A TLS connection in memory: octets, ends, truncation, and what a client may do to it."""

import os
import ssl
import threading

import pytest
from OpenSSL import SSL

from ftpstwist.interfaces import TlsClosed, TlsError
from tests.tls.tls_support import (
    BOTH_VERSIONS,
    TLS12,
    TLS13,
    PyOpenSSLClient,
    StdlibClient,
    client_context,
    connect,
    hello_of,
    read_all,
    session_tls,
    shake_hands,
)

MIB = 1 << 20


@pytest.fixture(params=BOTH_VERSIONS, ids=lambda version: version.name)
def version(request):
    return request.param


@pytest.fixture
def connected(version):
    channel = session_tls().control_channel()
    return channel, connect(channel, client_context(version))


def test_the_facts_of_a_handshake(version):
    """The log can name version, suite, server name and protocol."""
    channel = session_tls().control_channel()
    with pytest.raises(RuntimeError):
        _ = channel.facts
    connect(channel, client_context(version, alpn=["ftp"]))
    facts = channel.facts
    assert facts.version == {TLS12: "TLSv1.2", TLS13: "TLSv1.3"}[version]
    assert facts.cipher in {"ECDHE-ECDSA-AES128-GCM-SHA256", "TLS_AES_128_GCM_SHA256"}
    assert (facts.server_name, facts.alpn, facts.resumed, facts.certificate) == ("ftp.example.org", "ftp", False, None)


def test_a_handshake_survives_any_fragmentation(version):
    """Octets may come one by one."""
    channel, client = session_tls().control_channel(), StdlibClient(client_context(version))
    for _ in range(6):
        client.step()
        for octet in client.take():
            channel.feed(bytes([octet]))
            channel.handshake()
        while octets := channel.drain(7):
            client.give(octets)
    assert client.is_complete
    assert channel.handshake()


@pytest.mark.parametrize("size", [1, 16384, 16385, MIB, MIB + 1])
@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_any_amount_is_encrypted_at_once(connected, size, kind):
    """A megabyte costs one call, and nothing of it is lost."""
    channel, client = connected
    data = os.urandom(size)
    channel.encrypt(kind(data))
    while octets := channel.drain():
        assert len(octets) <= MIB
        client.give(octets)
    assert client.read() == data


def test_drain_keeps_to_its_limit(connected):
    """Whoever sends may take as much as the socket takes."""
    channel, client = connected
    channel.encrypt(b"x" * 1000)
    pieces = [channel.drain(100) for _ in range(11)]
    assert [len(piece) for piece in pieces[:10]] == [100] * 10
    assert channel.drain() == b""
    client.give(b"".join(pieces))
    assert client.read() == b"x" * 1000


@pytest.mark.parametrize("limit", [1, 100, 16384, MIB])
def test_decrypt_keeps_to_its_limit(connected, limit):
    """Memory is bounded by the reader, not by the peer; one call gives out one record at most."""
    channel, client = connected
    data = os.urandom(40_000 if limit > 1 else 500)
    channel.feed(client.send(data))
    first = channel.decrypt(limit)
    assert len(first) == min(limit, len(data), 16384)
    rest, end = read_all(channel, limit)
    assert first + rest == data
    assert end is None


def test_nothing_is_encrypted_from_nothing(connected):
    """An empty write makes no record, and feeding nothing is no end."""
    channel, _ = connected
    channel.encrypt(b"")
    assert channel.drain() == b""
    channel.feed(b"")
    assert channel.decrypt(10) == b""


def test_data_before_the_handshake_is_complete_is_not_decrypted():
    """Nothing is read from a connection that is not established."""
    channel = session_tls().control_channel()
    channel.feed(hello_of())
    assert channel.decrypt(100) == b""


# --- what may be held back ------------------------------------------------------------------------


def test_after_tls_1_3_only_tickets_wait():
    """An upload may keep what drain() holds until its end; the client resumes with it all the same."""
    tls = session_tls()
    context = client_context(TLS13)
    channel, client = tls.control_channel(), StdlibClient(context)
    client.step()
    channel.feed(client.take())
    assert not channel.handshake()
    client.give(channel.drain())
    client.step()
    assert client.is_complete
    channel.feed(client.take() + client.send(b"the whole upload"))
    assert channel.handshake()
    assert channel.facts.version == "TLSv1.3"
    assert channel.decrypt(MIB) == b"the whole upload"
    channel.feed(client.say_goodbye())
    with pytest.raises(TlsClosed):
        channel.decrypt(MIB)
    channel.close()
    client.give(channel.drain())
    with pytest.raises(ssl.SSLZeroReturnError):
        client.tls.read(1)
    resumed = tls.data_channel()
    connect(resumed, context, session=client.tls.session)
    assert resumed.facts.resumed


def test_after_tls_1_2_our_finished_waits_and_must_go_out():
    """Holding back under TLS 1.2 would stop the client in mid-handshake."""
    channel, client = session_tls().control_channel(), StdlibClient(client_context(TLS12))
    client.step()
    channel.feed(client.take())
    channel.handshake()
    client.give(channel.drain())
    client.step()
    channel.feed(client.take())
    assert channel.handshake()
    assert not client.is_complete
    client.give(channel.drain())
    client.step()
    assert client.is_complete


# --- ends -----------------------------------------------------------------------------------------


def test_what_came_before_close_notify_is_delivered_first(connected):
    """The tail of an upload that comes with the goodbye is not lost."""
    channel, client = connected
    channel.feed(client.send(b"a" * 20_000) + client.send(b"tail") + client.say_goodbye())
    data, end = read_all(channel)
    assert data == b"a" * 20_000 + b"tail"
    assert isinstance(end, TlsClosed)
    assert channel.peer_closed
    with pytest.raises(TlsClosed):
        channel.decrypt(1)


def test_close_notify_then_fin_is_a_good_end(connected):
    """FIN behind close_notify does not turn a complete upload into a truncated one."""
    channel, client = connected
    channel.feed(client.send(b"all") + client.say_goodbye())
    channel.feed_end()
    assert read_all(channel)[0] == b"all"
    with pytest.raises(TlsClosed):
        channel.decrypt(1)


@pytest.mark.parametrize("cut", [0, 1, 17])
def test_fin_without_close_notify_is_truncation(connected, cut):
    """K9: an end at a record boundary, or in the middle of a record, is incomplete; what came whole is delivered."""
    channel, client = connected
    records = client.send(b"first") + client.send(b"second")
    channel.feed(records[: len(records) - cut])
    channel.feed_end()
    data, end = read_all(channel)
    assert data == (b"first" if cut else b"firstsecond")
    assert isinstance(end, TlsError)
    assert end.truncated
    assert not channel.peer_closed


def test_we_may_send_after_the_peer_has_closed(connected):
    """A client may close its side early and still read the rest (half close, RFC 8446 section 6.1)."""
    channel, client = connected
    channel.feed(client.say_goodbye())
    with pytest.raises(TlsClosed):
        channel.decrypt(1)
    channel.encrypt(b"226 done\r\n")
    channel.close()
    assert channel.drain() != b""


def test_our_close_notify_is_sent_once(connected):
    """The peer sees a proper end; closing twice does no harm."""
    channel, client = connected
    channel.encrypt(b"bye")
    channel.close()
    channel.close()
    client.give(channel.drain())
    assert channel.drain() == b""
    assert client.tls.read(3) == b"bye"
    assert client.tls.read(1) == b""  # the ssl module's way to say close_notify; without, it raises SSLWantReadError


def test_closing_an_unfinished_handshake_does_no_harm():
    """Giving up in mid-handshake raises nothing and sends nothing that could be misread."""
    channel = session_tls().control_channel()
    channel.feed(hello_of())
    channel.handshake()
    channel.close()
    channel.drain()
    assert channel.drain() == b""


def test_writing_after_our_end_is_an_error_not_a_crash(connected):
    """A late reply is refused in words."""
    channel, _ = connected
    channel.close()
    with pytest.raises(TlsError):
        channel.encrypt(b"late")


def test_octets_behind_close_notify_are_not_collected(connected):
    """A peer that goes on after its goodbye can not fill our memory."""
    channel, client = connected
    channel.feed(client.say_goodbye())
    with pytest.raises(TlsClosed):
        channel.decrypt(1)
    for _ in range(100):
        channel.feed(bytes(MIB))
    with pytest.raises(TlsClosed):
        channel.decrypt(1)


# --- faults and attacks ---------------------------------------------------------------------------


def test_a_broken_record_fails_and_is_answered_by_an_alert(connected):
    """Tampering is noticed; what came before it is delivered; every later call says so."""
    channel, client = connected
    good, bad = client.send(b"good"), bytearray(client.send(b"tampered"))
    bad[-1] ^= 1
    channel.feed(good + bytes(bad))
    data, end = read_all(channel)
    assert data == b"good"
    assert isinstance(end, TlsError)
    assert not end.truncated
    assert channel.drain() != b""
    for call in (lambda: channel.decrypt(1), lambda: channel.encrypt(b"x"), channel.handshake):
        with pytest.raises(TlsError):
            call()


def test_a_failed_handshake_leaves_an_alert():
    """The client learns why."""
    client = PyOpenSSLClient(SSL.TLS1_VERSION, ciphers=b"ALL:@SECLEVEL=0")
    channel = session_tls().control_channel()
    failure = shake_hands(client, channel)
    assert failure.cause == "the client offered at most TLS 1.0; the minimum is TLS 1.2"
    assert "protocol version" in str(client.error)
    with pytest.raises(TlsError, match=r"TLS 1\.0"):
        channel.handshake()


@pytest.mark.parametrize("attempt", range(3))
def test_renegotiation_ends_the_connection(attempt):
    """K8: under TLS 1.2 a client that renegotiates is told no, and cut off."""
    channel, client = session_tls().control_channel(), PyOpenSSLClient(SSL.TLS1_2_VERSION)
    assert shake_hands(client, channel) is None
    while channel.drain():
        pass
    client.tls.send(b"NOOP\r\n")
    if attempt:
        client.tls.renegotiate()
        with pytest.raises(SSL.WantReadError):
            client.tls.do_handshake()
    channel.feed(client.take())
    assert channel.decrypt(100) == b"NOOP\r\n"
    if not attempt:
        assert channel.decrypt(100) == b""
        return
    with pytest.raises(TlsError, match="renegotiate"):
        channel.decrypt(100)
    client.give(channel.drain())
    with pytest.raises(SSL.Error, match="no renegotiation"):
        client.tls.do_handshake()


def test_several_records_are_decrypted_in_one_call(connected):
    """A burst of small records costs one call, not one each."""
    channel, client = connected
    channel.feed(b"".join(client.send(b"part %d," % number) for number in range(3)))
    buffer = memoryview(bytearray(MIB))
    assert buffer[: channel.decrypt_into(buffer)] == b"part 0,part 1,part 2,"


def test_several_threads_may_use_channels_at_once(version):
    """Bursts of different connections run side by side; one channel may change threads."""
    tls = session_tls()
    pairs = []
    for _ in range(4):
        channel = tls.data_channel()
        pairs.append((channel, connect(channel, client_context(version))))
    faults = []

    def burst(channel, client):
        try:
            for _ in range(20):
                data = os.urandom(50_000)
                channel.encrypt(data)
                while octets := channel.drain():
                    client.give(octets)
                assert client.read() == data
                channel.feed(client.send(data))
                assert read_all(channel) == (data, None)
        except Exception as fault:
            faults.append(fault)

    for _ in range(2):
        threads = [threading.Thread(target=burst, args=each) for each in pairs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
            assert not thread.is_alive()
    assert faults == []


def test_refused_protocols_in_other_threads_break_no_transfer():
    """An attacker who offers «h2» again and again can not disturb the transfers of others."""
    tls = session_tls()
    channel = tls.control_channel()
    client = connect(channel, client_context(TLS13))
    browser = hello_of(client_context(TLS13, alpn=["h2"]))
    stop = threading.Event()

    def attack():
        while not stop.is_set():
            victim = tls.data_channel()
            victim.feed(browser)
            try:
                victim.handshake()
            except TlsError:
                continue

    thread = threading.Thread(target=attack)
    thread.start()
    try:
        for number in range(2000):
            channel.feed(client.send(b"%d" % number))
            assert channel.decrypt(100) == b"%d" % number
    finally:
        stop.set()
        thread.join(30)


def test_user_canceled_before_close_notify_is_a_good_end(monkeypatch):
    """Java ends TLS 1.3 with user_canceled and close_notify in one; OpenSSL calls that an unexpected end."""
    channel = session_tls().control_channel()
    assert shake_hands(StdlibClient(), channel) is None

    class AfterBothAlerts:
        def __getattr__(self, name):
            return getattr(connection, name)

        def recv(self, *_):
            raise SSL.SysCallError(-1, "Unexpected EOF")

        def get_shutdown(self):
            return SSL.RECEIVED_SHUTDOWN

    connection = channel._connection
    monkeypatch.setattr(channel, "_connection", AfterBothAlerts())
    with pytest.raises(TlsClosed):
        channel.decrypt(100)
    assert channel.peer_closed
