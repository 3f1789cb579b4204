"""The protection policy as a truth table: every policy x every command group x every state."""

from __future__ import annotations

import pytest

from ftpstwist.session.policy import ProtectionLevel, ProtectionRule, Require

# name: (login held back in clear, ordinary held back in clear, PROT C accepted, transfer at C accepted, CCC accepted)
TABLE = {
    Require.NONE: (False, False, True, True, True),
    Require.LOGIN: (True, False, True, True, True),
    Require.CONTROL: (True, True, True, True, False),
    Require.DATA: (False, False, False, False, True),
    Require.ALL: (True, True, False, False, False),
}


def test_table_names_every_policy():
    """A policy that is added must be judged here, too."""
    assert set(TABLE) == set(Require)


@pytest.mark.parametrize("require", Require)
def test_commands_in_clear(require):
    """T19: in clear, passwords and commands wait for TLS exactly where the policy says so."""
    login, ordinary, *_ = TABLE[require]
    policy = require.policy
    assert policy.holds_back(ProtectionRule.LOGIN, protected=False) is login
    assert policy.holds_back(ProtectionRule.ORDINARY, protected=False) is ordinary
    assert policy.holds_back(ProtectionRule.EXEMPT, protected=False) is False


@pytest.mark.parametrize("require", Require)
@pytest.mark.parametrize("rule", ProtectionRule)
def test_nothing_waits_under_tls(require, rule):
    """Under TLS no command is held back, whatever the policy."""
    assert require.policy.holds_back(rule, protected=True) is False


@pytest.mark.parametrize("require", Require)
def test_protection_levels(require):
    """T16, S6: PROT C and unprotected transfers are accepted only where the policy lets data go in clear."""
    _, _, prot_clear, transfer_clear, ccc = TABLE[require]
    policy = require.policy
    assert policy.accepts_level(ProtectionLevel.CLEAR) is prot_clear
    assert policy.accepts_level(ProtectionLevel.PRIVATE) is True
    assert policy.accepts_level(ProtectionLevel.SAFE) is False
    assert policy.accepts_level(ProtectionLevel.CONFIDENTIAL) is False
    assert policy.accepts_transfer(ProtectionLevel.CLEAR) is transfer_clear
    assert policy.accepts_transfer(ProtectionLevel.PRIVATE) is True
    assert policy.accepts_clear_command_channel is ccc
