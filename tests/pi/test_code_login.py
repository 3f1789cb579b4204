"""PASS answered 332, and the code that comes with ACCT (RFC 959 section 5.4; S10, B2, B3)."""

from __future__ import annotations

import pytest

from ftpstwist.session.events import LoggedIn, LoginFailed
from ftpstwist.session.policy import Require
from tests.support.neighbours import Bench


@pytest.fixture
def bench():
    bench = Bench(require=Require.NONE).connect()
    assert bench.transport.codes() == [220]
    return bench


def test_the_code_completes_the_login(bench):
    """PASS asks for it, ACCT brings it; nothing works in between."""
    assert bench.say("USER coded", "PASS right", "PWD", "ACCT 123456", "PWD") == [331, 332, 530, 230, 257]
    assert len(bench.sink.of(LoggedIn)) == 1
    assert bench.session.state.password is None


def test_acct_without_a_332_is_as_ever(bench):
    """Before the login it is refused, behind it superfluous."""
    assert bench.say("ACCT 123456") == [530]
    assert bench.say("USER coded", "ACCT 123456") == [331, 530]
    assert bench.say("USER bob", "PASS right", "ACCT 123456") == [331, 230, 202]


def test_a_wrong_code_is_a_failed_login(bench):
    """It counts as one, and USER has to be sent again."""
    assert bench.say("USER coded", "PASS right", "ACCT 000000", "ACCT 123456") == [331, 332, 530, 530]
    assert bench.session.state.failed_logins == 1
    assert len(bench.sink.of(LoginFailed)) == 1


def test_guessing_codes_closes_the_connection(bench):
    """As guessing passwords does."""
    for code in (530, 530, 421):
        assert bench.say("USER coded", "PASS right", "ACCT 000000") == [331, 332, code]


@pytest.mark.parametrize("turn", ["USER bob", "REIN"])
def test_another_command_of_the_login_forgets_the_password(bench, turn):
    """The code is for the user who was asked."""
    bench.say("USER coded", "PASS right", turn)
    assert bench.session.state.password is None
    assert bench.say("ACCT 123456") == [530]


def test_a_second_password_is_out_of_sequence(bench):
    """A code is wanted now, or another USER."""
    assert bench.say("USER coded", "PASS right", "PASS right", "ACCT 123456") == [331, 332, 503, 230]


def test_the_challenge_is_for_everybody():
    """336 tells nobody who needs a code and who does not (RFC 2577 section 7)."""
    bench = Bench(require=Require.NONE, code_at_pass=True).connect()
    bench.transport.codes()
    assert bench.say("USER coded", "USER nobody") == [336, 336]
    assert bench.say("PASS right") == [230]


@pytest.mark.parametrize("end", ["REIN", "USER bob"])
def test_only_who_is_logged_in_is_served_at_once(end):
    """Everybody else shares turns (tls/turns), from the first command to the last one of the login, and after it."""
    bench = Bench(require=Require.NONE).connect()
    bench.say("USER coded", "PASS right")
    assert not bench.transport.is_at_once
    bench.say("ACCT 123456")
    assert bench.transport.is_at_once
    bench.say(end)
    assert not bench.transport.is_at_once
