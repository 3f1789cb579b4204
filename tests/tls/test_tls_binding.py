"""*Resumed* means *this control session*: in TLS 1.2 and 1.3, under every setting, after a reload."""

import gc

import pytest
from OpenSSL import SSL

from ftpstwist.session.events import TlsFacts
from ftpstwist.session.policy import SessionReuse
from ftpstwist.tls import binding
from ftpstwist.tls.binding import PerSessionTls, read_by_callback, read_by_shim, resumption_reader
from ftpstwist.tls.context import SharedContexts
from ftpstwist.tls.policy import SAFE_VERSIONS, TlsVersion
from tests.tls.tls_support import (
    BOTH_VERSIONS,
    TLS12,
    TLS13,
    PyOpenSSLClient,
    StdlibClient,
    client_context,
    connect,
    pair,
    policy,
    session_tls,
    shake_hands,
)

PREFER, REQUIRE, OFF = SessionReuse.PREFER, SessionReuse.REQUIRE, SessionReuse.OFF


def offered_session(which, own, shared, context):
    """Return the session a client offers on its data connection."""
    if which == "none":
        return None
    tls = own if which == "own" else session_tls(shared=shared)
    session = connect(tls.control_channel(), context).tls.session
    if which == "foreign":
        connect(own.control_channel(), context)
    return session


@pytest.mark.parametrize("version", BOTH_VERSIONS)
@pytest.mark.parametrize(
    ("reuse", "offered", "completes", "resumed"),
    [
        (PREFER, "own", True, True),
        (PREFER, "foreign", True, False),
        (PREFER, "none", True, False),
        (REQUIRE, "own", True, True),
        (REQUIRE, "foreign", False, None),
        (REQUIRE, "none", False, None),
        (OFF, "own", True, False),
        (OFF, "foreign", True, False),
        (OFF, "none", True, False),
    ],
)
def test_which_sessions_are_resumed(version, reuse, offered, completes, resumed):
    """T27, K8: no ticket of anybody else ever resumes; under «require» nothing else completes a handshake."""
    shared, context = SharedContexts(policy()), client_context(version)
    own = session_tls(reuse, shared)
    session = offered_session(offered, own, shared, context)
    channel = own.data_channel()
    client = StdlibClient(context, session=session)
    failure = shake_hands(client, channel)
    assert (failure is None) == completes
    assert client.is_complete == completes
    if completes:
        assert channel.facts.resumed is resumed
        assert client.tls.session_reused is resumed
        assert own.accepts(None, channel.facts) is None
    else:
        assert "did not resume the session of its control connection" in failure.cause
        assert ("another control connection" in failure.cause) == (offered == "foreign")
        assert "session_reuse" in failure.remedy
        assert "handshake failure" in str(client.error).lower()


@pytest.mark.parametrize("version", BOTH_VERSIONS)
def test_a_session_of_a_data_connection_resumes_the_next(version):
    """Clients that take single-use tickets from data connections live on (several transfers, K13)."""
    tls, context = session_tls(REQUIRE), client_context(version)
    client = connect(tls.control_channel(), context)
    for _ in range(5):
        channel = tls.data_channel()
        client = connect(channel, context, session=client.tls.session)
        assert channel.facts.resumed


@pytest.mark.parametrize("version", BOTH_VERSIONS)
def test_one_ticket_serves_several_data_connections(version):
    """A client that keeps only the control connection's ticket may use it for every transfer."""
    tls, context = session_tls(REQUIRE), client_context(version)
    session = connect(tls.control_channel(), context).tls.session
    for _ in range(5):
        channel = tls.data_channel()
        connect(channel, context, session=session)
        assert channel.facts.resumed


@pytest.mark.parametrize("version", BOTH_VERSIONS)
@pytest.mark.parametrize("reuse", [PREFER, REQUIRE])
def test_live_sessions_go_on_resuming_after_a_reload(version, reuse):
    """K12: a new certificate does not break the transfers of those who are there."""
    shared, context = SharedContexts(policy()), client_context(version)
    tls = session_tls(reuse, shared)
    session = connect(tls.control_channel(), context).tls.session
    shared.replace(policy(pair("renewed.example")))
    gc.collect()
    channel = tls.data_channel()
    connect(channel, context, session=session)
    assert channel.facts.resumed


@pytest.mark.parametrize("version", BOTH_VERSIONS)
def test_a_new_handshake_on_the_control_connection_begins_a_new_binding(version):
    """K8: after REIN and AUTH another user may sit there; sessions of the one before are worth nothing."""
    tls, context = session_tls(REQUIRE), client_context(version)
    before = connect(tls.control_channel(), context).tls.session
    connect(tls.control_channel(), context)
    client = StdlibClient(context, session=before)
    assert shake_hands(client, tls.data_channel()) is not None


def test_a_session_by_id_survives_a_broken_data_connection():
    """Old Java clients (TLS 1.2 without tickets) can transfer again after a data connection broke off."""
    tls = session_tls(REQUIRE)
    context = client_context(TLS12)
    context.options |= 0x4000  # OP_NO_TICKET
    control = tls.control_channel()
    session = connect(control, context).tls.session
    assert not session.has_ticket
    clients = []  # kept: the client's own library forgets the session of a connection that breaks off
    for _ in range(3):
        channel = tls.data_channel()
        clients.append(connect(channel, context, session=session))
        assert channel.facts.resumed
        channel.feed_end()
        with pytest.raises(Exception, match="without close_notify"):
            channel.decrypt(1)
        del channel
        gc.collect()
    assert not control.peer_closed


def test_require_may_be_set_after_the_login():
    """A user's own setting applies to his data connections."""
    tls, context = session_tls(PREFER), client_context(TLS13)
    session = connect(tls.control_channel(), context).tls.session
    tls.reuse = REQUIRE
    connect(tls.data_channel(), context, session=session)
    assert shake_hands(StdlibClient(context), tls.data_channel()) is not None


@pytest.mark.parametrize("version", BOTH_VERSIONS)
@pytest.mark.parametrize("reader", [read_by_shim, read_by_callback])
def test_resumption_is_known_from_the_client_hello(version, reader):
    """One port can serve several sessions: the ClientHello alone tells to which it belongs."""
    shared, context = SharedContexts(policy()), client_context(version)
    sessions = [PerSessionTls(shared, read_resumption=reader) for _ in range(3)]
    clients = [connect(tls.control_channel(), context) for tls in sessions]
    client = StdlibClient(context, session=clients[1].tls.session)
    client.step()
    hello = client.take()
    channels = [tls.data_channel() for tls in sessions]
    for channel in channels:
        assert not channel.resumes
        channel.feed(hello)
        channel.handshake()
    assert [channel.resumes for channel in channels] == [False, True, False]
    client.give(channels[1].drain())
    assert shake_hands(client, channels[1]) is None
    assert channels[1].facts.resumed


@pytest.mark.parametrize("reader", [read_by_shim, read_by_callback])
@pytest.mark.parametrize("version", SAFE_VERSIONS)
def test_both_ways_of_telling_tell_the_truth(reader, version):
    """The self-test passes for the shim and for the public way beside it."""
    assert binding._tells_truth(reader, version)


def test_the_self_test_sees_through_a_liar():
    """A library whose answer is always the same is not believed."""
    for answer in (True, False):
        assert not binding._tells_truth(lambda _, answer=answer: lambda: answer, TlsVersion.TLS_1_3)


def test_without_the_private_symbol_the_public_way_is_used(monkeypatch):
    """A future pyOpenSSL may rename its insides: resumption is still told."""

    class Without:
        def __getattr__(self, name):
            if name == "SSL_session_reused":
                raise AttributeError(name)
            return getattr(library, name)

    library = SSL._lib
    resumption_reader.cache_clear()
    monkeypatch.setattr(SSL, "_lib", Without())
    try:
        assert resumption_reader() is read_by_callback
    finally:
        monkeypatch.undo()
        resumption_reader.cache_clear()
    assert resumption_reader() is read_by_shim


FACTS = TlsFacts("TLSv1.3", "TLS_AES_128_GCM_SHA256")


@pytest.mark.parametrize("reuse", list(SessionReuse))
@pytest.mark.parametrize(
    ("control", "data", "words"),
    [
        (None, None, None),
        (None, "aa", None),
        ("aa", "aa", None),
        ("aa", "bb", "another client certificate"),
        ("aa", None, "no client certificate"),
    ],
)
def test_the_client_certificate_must_be_the_same(reuse, control, data, words):
    """T25: who proved who he is on the control connection proves it again on each data connection."""
    resumed = reuse is not OFF
    reason = session_tls(reuse).accepts(
        TlsFacts(FACTS.version, FACTS.cipher, certificate=control),
        TlsFacts(FACTS.version, FACTS.cipher, resumed=resumed, certificate=data),
    )
    assert (reason is None) if words is None else (words in reason)


@pytest.mark.parametrize(("reuse", "accepted"), [(PREFER, True), (OFF, True), (REQUIRE, False)])
def test_a_fresh_handshake_is_judged_by_the_setting(reuse, accepted):
    """Under «require» the judgement holds even if the handshake had been let through."""
    assert (session_tls(reuse).accepts(FACTS, FACTS) is None) == accepted
    assert session_tls(reuse).accepts(FACTS, TlsFacts("TLSv1.3", "x", resumed=True)) is None


def test_sessions_last_as_long_as_the_standard_allows():
    """No transfer fails after some hours because a ticket grew old."""
    client = connect(session_tls().control_channel(), client_context(TLS13))
    assert client.tls.session.ticket_lifetime_hint == 7 * 24 * 3600


def test_no_early_data_is_ever_taken():
    """K8: the tickets we hand out say that no early data is welcome, and pyOpenSSL can not change that."""
    tls = session_tls()
    client = PyOpenSSLClient(SSL.TLS1_3_VERSION)
    channel = tls.control_channel()
    assert shake_hands(client, channel) is None
    with pytest.raises(SSL.WantReadError):
        client.tls.recv(1)
    session = client.tls.get_session()
    assert SSL._lib.SSL_SESSION_get_max_early_data(session._session) == 0


def test_session_tls_mints_nothing_before_it_is_needed():
    """A port scan that never says hello costs no context."""
    tls = session_tls()
    assert tls._binding is None
    tls.control_channel()
    assert tls._binding is not None


def test_data_connections_agree_with_the_client_s_taste():
    """A data connection may use another version than the control connection where nothing is required."""
    tls = session_tls()
    connect(tls.control_channel(), client_context(TLS13))
    channel = tls.data_channel()
    connect(channel, client_context(TLS12))
    assert channel.facts.version == "TLSv1.2"
    assert not channel.facts.resumed
