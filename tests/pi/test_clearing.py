"""CCC, REIN and AUTH as the server-PI sees them: what is answered, what is forgotten, and when TLS is taken off."""

from __future__ import annotations

import pytest

from ftpstwist.session.events import CommandAnswered
from ftpstwist.session.policy import ProtectionLevel, Require
from ftpstwist.session.state import Service
from tests.support.neighbours import FACTS, Bench

PERMITTING = [require for require in Require if require.policy.accepts_clear_command_channel]
PRIVATE = [require for require in PERMITTING if require.policy.accepts_level(ProtectionLevel.PRIVATE)]


def protected(*, allow_ccc=True, require=Require.LOGIN, **settings):
    """A session under explicit TLS, nobody logged in."""
    bench = Bench(require=require, allow_ccc=allow_ccc, **settings).connect()
    if bench.service is Service.EXPLICIT:
        assert bench.say("AUTH TLS") == [220, 234]
    bench.establish_tls()
    bench.transport.codes()
    bench.transport.events.clear()
    return bench


def cleared(**settings):
    """A session after CCC, with PROT P."""
    bench = protected(**settings).login()
    assert bench.say("PBSZ 0", "PROT P") == [200, 200]
    assert bench.say("CCC") == [200]
    bench.clear_tls()
    return bench


# --- CCC ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("allow_ccc", [True, False])
@pytest.mark.parametrize("require", Require)
def test_ccc_needs_setting_and_policy(require, allow_ccc):
    """T5: 200 only if the operator allows it and no policy keeps the command channel protected; else 534."""
    bench = protected(require=require, allow_ccc=allow_ccc).login()
    permitted = allow_ccc and require in PERMITTING
    assert bench.say("CCC") == [200 if permitted else 534]
    assert bench.transport.events == (["stop_tls"] if permitted else [])
    assert bench.session.state.is_protected is not permitted


@pytest.mark.parametrize(("allow_ccc", "listed"), [(True, PERMITTING), (False, [])])
@pytest.mark.parametrize("require", Require)
def test_feat_tells_of_ccc_where_it_is_done(require, allow_ccc, listed):
    """T7: clients that look at FEAT do not try in vain."""
    bench = protected(require=require, allow_ccc=allow_ccc)
    bench.pi.data_received(b"FEAT\r\n")
    assert (b" CCC\r\n" in bench.transport.octets) is (require in listed)


def test_ccc_needs_a_login():
    """T26: 530 before the login (RFC 4217 section 15.3)."""
    bench = protected()
    assert bench.say("CCC", "USER alice", "CCC") == [530, 331, 530]
    assert bench.transport.events == []


def test_ccc_in_clear():
    """T5: there is nothing to take off: 533, also the second time."""
    bench = Bench(allow_ccc=True).connect().login()
    assert bench.say("CCC") == [533]
    assert cleared().say("CCC") == [533]


def test_ccc_is_answered_before_tls_is_taken_off():
    """RFC 4217 section 5: the 200 is protected."""
    bench = protected().login()
    seen = []
    bench.transport.stop_tls = lambda: seen.append(bench.transport.octets)
    bench.pi.data_received(b"CCC\r\n")
    assert seen == [b"200 Go on in clear\r\n"]
    (answered,) = [event for event in bench.sink.of(CommandAnswered) if event.verb == "CCC"]
    assert (answered.code, answered.session.tls) == (200, FACTS)


@pytest.mark.parametrize("behind", ["NOOP\r\n", "DELE x\r\n", "N"])
@pytest.mark.parametrize("verb", ["CCC", "REIN"])
def test_nothing_behind_is_executed(verb, behind):
    """K1: commands piped behind CCC and REIN were sent under TLS; they act neither there nor in clear."""
    bench = protected().login()
    bench.pi.data_received(f"{verb}\r\n{behind}".encode())
    assert bench.transport.codes() == [421]
    assert bench.transport.events == ["close"]
    bench.pi.data_received(b"OOP\r\n")
    assert bench.transport.codes() == []


def test_after_ccc_the_session_goes_on():
    """T6: still logged in, data at level P, bound to the same TLS session; PBSZ and PROT 503, AUTH 534."""
    bench = cleared()
    assert bench.say("PWD", "PBSZ 0", "PROT C", "PROT P", "AUTH TLS", "AUTH X") == [257, 503, 503, 503, 534, 504]
    assert bench.session.state.level is ProtectionLevel.PRIVATE
    assert bench.session.tls_facts is FACTS
    assert bench.session.state.has_session_tls
    assert bench.say("EPSV", "NLST") == [229, 150]
    assert ("open", True, False) in bench.data.events


def test_after_ccc_passwords_wait_for_tls():
    """T19: CCC does not open a way to send passwords in clear where these must be protected."""
    bench = cleared()
    assert bench.say("USER bob") == [530]
    assert bench.say("PWD") == [257]


def test_taking_tls_off_is_no_idleness():
    """B35: the idle limit starts anew when TLS is off."""
    bench = protected(idle_seconds=100).login()
    assert bench.say("CCC") == [200]
    bench.clock.advance(99)
    bench.clear_tls()
    bench.clock.advance(99)
    assert "close" not in bench.transport.events
    bench.clock.advance(2)
    assert bench.transport.codes() == [421]


# --- REIN -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("logged_in", [True, False])
def test_rein_takes_explicit_tls_off(logged_in):
    """T22: 220 under TLS, then clear; everything is as right after connecting, and AUTH is possible again."""
    bench = protected(require=Require.NONE)
    if logged_in:
        bench.login()
    assert bench.say("PBSZ 0", "PROT P") == [200, 200]
    seen = []
    bench.transport.stop_tls = lambda: seen.append(bench.transport.octets[:4])
    assert bench.say("REIN") == [220]
    assert seen == [b"220 "]
    bench.clear_tls()
    assert bench.session.state.level is ProtectionLevel.CLEAR
    assert bench.session.tls_facts is None
    assert not bench.session.state.has_session_tls
    assert bench.authenticator.logouts == logged_in
    assert bench.say("PWD", "PROT P") == [530, 503]
    assert bench.say("AUTH TLS") == [234]
    bench.establish_tls()
    bench.login()
    assert bench.say("PROT P") == [200]


@pytest.mark.parametrize("require", Require)
def test_after_rein_the_policy_holds(require):
    """T22: in clear again, USER is answered as the policy says."""
    bench = protected(require=require).login()
    assert bench.say("REIN") == [220]
    bench.clear_tls()
    assert bench.say("USER alice") == [530 if require.policy.commands.value else 331]


@pytest.mark.parametrize("require", PRIVATE)
def test_rein_after_ccc_leads_back_to_auth(require):
    """T22: there is no TLS to take off any more, and nothing is left of its session."""
    bench = cleared(require=require)
    bench.transport.events.clear()
    assert bench.say("REIN", "PWD") == [220, 530]
    assert bench.transport.events == []
    assert bench.session.tls_facts is None
    assert bench.say("AUTH TLS") == [234]


def test_rein_under_implicit_tls_leaves_it_on():
    """T22: the implicit service begins under TLS, so that is where REIN leads; commands behind it are done."""
    bench = protected(service=Service.IMPLICIT).login()
    assert bench.say("REIN", "PWD", "USER alice") == [220, 530, 331]
    assert bench.transport.events == []
    assert bench.session.state.is_protected
    assert bench.session.tls_facts is FACTS


def test_ccc_on_the_implicit_service():
    """T5: CCC works there, too; REIN then leads to AUTH in clear."""
    bench = cleared(service=Service.IMPLICIT)
    assert bench.transport.events == ["stop_tls"]
    assert bench.say("PWD", "AUTH TLS", "REIN", "AUTH TLS") == [257, 534, 220, 234]
    assert bench.session.tls_facts is None
    bench.establish_tls()
    assert bench.transport.codes() == []  # Fixed: no second greeting behind AUTH
    assert bench.session.state.level is ProtectionLevel.PRIVATE
