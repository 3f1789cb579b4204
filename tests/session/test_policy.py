"""The protection policy as a truth table: every policy x every command group x every state."""

from __future__ import annotations

from itertools import product

import pytest

from ftpstwist.session.catalogue import CATALOGUE
from ftpstwist.session.gate import judge
from ftpstwist.session.identity import Identity
from ftpstwist.session.policy import (
    CommandProtection,
    DataProtection,
    ProtectionLevel,
    ProtectionPolicy,
    ProtectionRule,
    Require,
)
from ftpstwist.session.state import SessionState

CLEAR, PRIVATE = ProtectionLevel.CLEAR, ProtectionLevel.PRIVATE
OK = None

# TLSRequired of mod_tls in our words. Columns: USER in clear, other command in clear, PROT C, PROT P,
# transfer with PROT C, transfer with PROT P, CCC.
TABLE = {
    Require.NONE: (OK, OK, 200, 200, OK, OK, 200),
    Require.ALL: (530, 530, 534, 200, 521, OK, 534),
    Require.CONTROL: (530, 530, 200, 200, OK, OK, 534),
    Require.DATA: (OK, OK, 534, 200, 521, OK, 200),
    Require.CLEAR_DATA: (OK, OK, 200, 534, OK, 521, 200),
    Require.CONTROL_CLEAR_DATA: (530, 530, 200, 534, OK, 521, 534),
    Require.LOGIN: (530, OK, 200, 200, OK, OK, 200),
    Require.LOGIN_DATA: (530, OK, 534, 200, 521, OK, 200),
    Require.LOGIN_CLEAR_DATA: (530, OK, 200, 534, OK, 521, 200),
}


def logged_in(*, tls, level=CLEAR):
    state = SessionState()
    if tls:
        state.start_tls()
        state.establish_tls()
    state.name_user("alice")
    state.accept_login(Identity("alice"))
    state.level = level
    return state


def code(verb, argument, state, policy):
    reply = judge(CATALOGUE[verb], argument, state, policy)
    return reply and reply.code


def test_every_combination_has_a_name_and_none_contradicts_itself():
    """What can be written down is exactly what can be meant: three degrees for commands, three for data."""
    named = [require.policy for require in Require]
    combinations = [ProtectionPolicy(*each) for each in product(CommandProtection, DataProtection)]
    assert len(named) == len(set(named)) == len(combinations)
    assert set(named) == set(combinations)
    assert set(TABLE) == set(Require)


@pytest.mark.parametrize("require", Require)
def test_truth_table(require):
    """T5, T16, T19: the table of mod_tls, with our reply codes."""
    policy = require.policy
    found = (
        code("USER", "alice", SessionState(), policy),
        code("PWD", "", logged_in(tls=False), policy),
        200 if policy.accepts_level(CLEAR) else 534,
        200 if policy.accepts_level(PRIVATE) else 534,
        code("RETR", "x", logged_in(tls=True, level=CLEAR), policy),
        code("RETR", "x", logged_in(tls=True, level=PRIVATE), policy),
        200 if policy.accepts_clear_command_channel else 534,
    )
    assert found == TABLE[require]


@pytest.mark.parametrize("require", Require)
@pytest.mark.parametrize("rule", ProtectionRule)
def test_nothing_waits_under_tls(require, rule):
    """Under TLS no command is held back, whatever the policy."""
    assert require.policy.holds_back(rule, protected=True) is False


@pytest.mark.parametrize("require", Require)
def test_what_starts_tls_never_waits(require):
    """A client can always find and start TLS."""
    assert require.policy.holds_back(ProtectionRule.EXEMPT, protected=False) is False


@pytest.mark.parametrize("require", Require)
@pytest.mark.parametrize("level", [ProtectionLevel.SAFE, ProtectionLevel.CONFIDENTIAL])
def test_levels_that_tls_does_not_have(require, level):
    """S6: PROT S and PROT E are of no use under any policy."""
    assert require.policy.accepts_level(level) is False
