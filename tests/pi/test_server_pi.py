"""The life of a control connection: admission, time limits, shutdown, and one release on every path."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from ftpstwist.interfaces import Disposition, TlsError
from ftpstwist.pi.admission import Admission, AdmissionLimits
from ftpstwist.session.events import SessionClosed, SessionOpened, TlsFailed
from ftpstwist.session.state import Service
from ftpstwist.wire.pathname import Pathname
from tests.support.neighbours import Bench


def transferring():
    bench = Bench().connect().login()
    handle = bench.files.open_write(Pathname.parse("/f"), Disposition.REPLACE)
    handle.write(b"x")
    handle.commit()
    assert bench.say("EPSV", "RETR f") == [229, 150]
    return bench


def test_login_time_limit():
    """A client that never logs in is told 421 and let go."""
    bench = Bench(login_seconds=30, idle_seconds=100).connect()
    bench.clock.advance(29)
    assert bench.transport.events == []
    bench.clock.advance(2)
    assert bench.transport.codes() == [220, 421]
    assert bench.transport.events == ["close"]


def test_no_login_time_limit_after_login():
    """Who is logged in is only held to the idle limit."""
    bench = Bench(login_seconds=30, idle_seconds=100).connect().login()
    bench.clock.advance(99)
    assert bench.transport.events == []
    bench.clock.advance(2)
    assert bench.transport.codes() == [421]


def test_commands_restart_the_idle_limit():
    """B35: every command starts the idle limit anew."""
    bench = Bench(idle_seconds=100).connect().login()
    for _ in range(3):
        bench.clock.advance(99)
        assert bench.say("NOOP") == [200]
    assert bench.transport.events == []


def test_transfer_is_not_idle():
    """B35: a long transfer is not cut by the idle limit; after it the limit starts anew."""
    bench = transferring()
    bench.clock.advance(1000)
    assert bench.transport.events == []
    bench.data.go()
    assert bench.transport.codes() == [226]
    bench.clock.advance(301)
    assert bench.transport.codes() == [421]


def test_no_timer_is_left():
    """Nothing ticks on after the end of a session."""
    bench = transferring()
    bench.lose()
    assert bench.clock.getDelayedCalls() == []


def test_time_limit_within_a_handshake_writes_nothing():
    """T18: no clear-text reply is written into a handshake."""
    bench = Bench(login_seconds=5).connect()
    bench.say("AUTH TLS")
    bench.clock.advance(6)
    assert bench.transport.codes() == []
    assert bench.transport.events == ["start_tls", "close"]


def test_shutdown_of_an_idle_session():
    """SIGTERM: an idle session is told 421 at once."""
    bench = Bench().connect().login()
    bench.pi.shut_down()
    assert bench.transport.codes() == [421]
    assert bench.transport.events == ["close"]


def test_shutdown_lets_a_transfer_finish():
    """SIGTERM: a running transfer gets its 226 before the session is told 421."""
    bench = transferring()
    bench.pi.shut_down()
    assert bench.transport.events == []
    bench.data.go()
    assert bench.transport.codes() == [226, 421]
    assert bench.transport.events == ["close"]


def test_drop_ends_a_transfer():
    """SIGTERM: after the limit the connection is dropped, whatever runs."""
    bench = transferring()
    bench.pi.drop()
    assert bench.transport.events == ["abort"]
    bench.lose()
    assert bench.gone == [bench.pi]
    assert bench.sink.of(SessionClosed)[0].reason == "the server is shutting down"


def test_session_events():
    """Every session is opened and closed once in the log, with its duration and reason."""
    bench = Bench().connect()
    bench.clock.advance(7)
    bench.lose("connection reset")
    bench.lose("again")
    assert len(bench.sink.of(SessionOpened)) == 1
    (closed,) = bench.sink.of(SessionClosed)
    assert (closed.seconds, closed.reason) == (7, "connection reset")
    assert bench.gone == [bench.pi]


def test_failed_handshake_is_explained():
    """Each TLS failure is one event with cause, remedy and what was offered."""
    bench = Bench(service=Service.IMPLICIT).connect()
    bench.pi.tls_failed(TlsError("too old", "update the client", "TLS 1.0"))
    (event,) = bench.sink.of(TlsFailed)
    assert (event.channel, event.cause, event.remedy, event.offered) == (
        "control",
        "too old",
        "update the client",
        "TLS 1.0",
    )
    bench.lose("x")
    assert bench.sink.of(SessionClosed)[0].reason == "too old"


@pytest.mark.parametrize(
    ("limits", "peer", "is_admitted"),
    [
        (AdmissionLimits(), "192.0.2.1", True),
        (AdmissionLimits(deny=(ip_network("192.0.2.0/24"),)), "192.0.2.1", False),
        (AdmissionLimits(deny=(ip_network("192.0.2.0/24"),)), "198.51.100.1", True),
        (AdmissionLimits(allow=(ip_network("192.0.2.0/24"),)), "192.0.2.1", True),
        (AdmissionLimits(allow=(ip_network("192.0.2.0/24"),)), "2001:db8::1", False),
        (
            AdmissionLimits(allow=(ip_network("192.0.2.0/24"),), deny=(ip_network("192.0.2.1/32"),)),
            "192.0.2.1",
            False,
        ),
        (AdmissionLimits(sessions=0), "192.0.2.1", False),
    ],
)
def test_networks(limits, peer, is_admitted):
    """K13: who may connect at all is decided before the greeting."""
    bench = Bench(limits=limits, peer=peer).connect()
    assert bench.transport.codes() == ([220] if is_admitted else [421])
    assert bench.transport.events == ([] if is_admitted else ["close"])
    bench.say("USER x")
    assert bench.transport.codes() == [] or is_admitted
    bench.lose()
    assert bench.admission.sessions == 0


def test_banned_address_is_turned_away():
    """K7: a banned address hears 421 instead of a greeting; under implicit TLS not even a handshake."""
    bench = Bench()
    bench.authenticator.banned.add("192.0.2.1")
    assert bench.connect().transport.codes() == [421]
    implicit = Bench(service=Service.IMPLICIT)
    implicit.authenticator.banned.add("192.0.2.1")
    assert implicit.connect().transport.codes() == []
    assert implicit.transport.events == ["abort"]


def test_counts_at_the_cap_and_beyond():
    """K13: the cap itself is admitted, one more is not; a release makes room again."""
    admission = Admission(AdmissionLimits(sessions=3, sessions_per_address=2), lambda _: False)
    assert [admission.admit("192.0.2.1") for _ in range(2)] == [None, None]
    assert admission.admit("192.0.2.1") is not None
    assert admission.admit("192.0.2.2") is None
    assert admission.admit("192.0.2.3") is not None
    admission.release("192.0.2.1")
    assert admission.admit("192.0.2.3") is None
    assert admission.sessions == 3
