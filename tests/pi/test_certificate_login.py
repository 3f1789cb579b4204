"""USER and PASS where the client has shown a certificate (RFC 4217 section 12; T2, T20).

The neighbour that authenticates takes a certificate for the user whose name it is.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from ftpstwist.session.events import LoggedIn
from ftpstwist.session.policy import Require
from tests.support.neighbours import FACTS, Bench


def protected(certificate="alice", **settings):
    """A session under TLS whose client has shown a certificate."""
    bench = Bench(**settings).connect()
    assert bench.transport.codes() == [220]
    assert bench.say("AUTH TLS") == [234]
    bench.establish_tls()
    bench.transport.tls = replace(FACTS, certificate="ab" * 32)
    bench.tls.client_certificate = certificate
    return bench


def test_user_is_the_whole_login():
    """T20: 232; the login is told as one by certificate."""
    bench = protected()
    assert bench.say("PWD", "USER alice", "PWD") == [530, 232, 257]
    assert [event.method for event in bench.sink.of(LoggedIn)] == ["certificate"]
    assert bench.session.state.failed_logins == 0


def test_pass_behind_it_is_superfluous():
    """B37: USER and PASS in one packet work, too; the password is not looked at."""
    bench = protected()
    assert bench.say("USER alice", "PASS wrong", "PASS wrong", "PWD") == [232, 202, 202, 257]
    assert len(bench.sink.of(LoggedIn)) == 1


def test_another_user_is_asked_for_a_password():
    """331, and everything is as without a certificate."""
    bench = protected()
    assert bench.say("USER bob", "PWD", "PASS right", "PWD") == [331, 530, 230, 257]
    assert bench.say("PASS right") == [503]


def test_the_certificate_is_used_up_by_nobody():
    """USER can be sent again, for this user or another; each account is logged out once."""
    bench = protected()
    assert bench.say("USER alice", "USER bob", "USER alice") == [232, 331, 232]
    bench.lose()
    assert bench.authenticator.logouts == 2


@pytest.mark.parametrize(("reset", "code"), [("REIN", 503), ("USER bob", 530)])
def test_a_password_is_wanted_again_after_a_reset(reset, code):
    """That the last user needed no password helps nobody else."""
    bench = protected(require=Require.NONE)
    assert bench.say("USER alice") == [232]
    bench.say(reset)
    assert bench.say("PASS wrong") == [code]


def test_in_clear_there_is_no_certificate():
    """What an earlier handshake showed does not count when TLS is off."""
    bench = protected()
    bench.transport.tls = None
    assert bench.say("USER alice") == [331]


def test_the_reply_331_for_clients_that_know_no_232():
    """The login is complete at PASS, whatever it says; another user's password has to be right."""
    bench = protected(certificate_at_user=False)
    assert bench.say("USER alice", "PWD", "PASS wrong", "PWD") == [331, 530, 230, 257]
    assert bench.say("USER bob", "PASS wrong") == [331, 530]
    assert [event.method for event in bench.sink.of(LoggedIn)] == ["certificate"]
