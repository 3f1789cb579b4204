"""The gate over the whole product: policy x protection x login x verb, and its single rules."""

from __future__ import annotations

from itertools import product

import pytest

from ftpstwist.session.catalogue import CATALOGUE, Argument, DataUse, Need
from ftpstwist.session.gate import judge
from ftpstwist.session.identity import Identity
from ftpstwist.session.policy import ProtectionLevel, ProtectionRule, Require
from ftpstwist.session.state import RenameFrom, Service, SessionState
from ftpstwist.wire.pathname import ROOT

NEVER_HELD_BACK = {"AUTH", "CLNT", "CSID", "FEAT", "HELP", "HOST", "LANG", "NOOP", "OPTS", "QUIT", "SYST"}
WITHOUT_LOGIN = NEVER_HELD_BACK | {"USER", "PASS", "REIN", "ADAT", "MIC", "CONF", "ENC", "PBSZ", "PROT", "STAT"}
TRANSFERS = {"RETR", "STOR", "STOU", "APPE", "LIST", "NLST", "MLSD"}


def state(*, tls=False, named=False, logged_in=False, level=ProtectionLevel.CLEAR, service=Service.EXPLICIT):
    made = SessionState(service=service)
    if tls:
        made.start_tls()
        made.establish_tls()
    if named or logged_in:
        made.name_user("alice")
    if logged_in:
        made.accept_login(Identity("alice"))
    made.level = level
    return made


def argument_for(row):
    return "" if row.argument is Argument.NONE else "x"


def expected(row, require, *, tls, logged_in, level):
    """The rules in words, written down a second time."""
    commands, _, data = require.value.rpartition("+") if "data" in require.value else (require.value, "", "")
    held = {"none": set(), "": set(), "login": {"USER", "PASS", "ACCT"}}.get(commands, set(CATALOGUE) - NEVER_HELD_BACK)
    if not tls and row.verb in held:
        return 530
    if not logged_in and (row.alias or row.verb) not in WITHOUT_LOGIN:
        return 530
    if row.verb == "PASS" and logged_in:
        return 503
    if row.verb == "RNTO":
        return 503
    if row.verb in {"PBSZ", "PROT"} and not tls:
        return 503
    is_private = level is ProtectionLevel.PRIVATE
    if row.verb in TRANSFERS and ((data == "data" or commands == "all") and not is_private):
        return 521
    if row.verb in TRANSFERS and data == "!data" and is_private:
        return 521
    return None


@pytest.mark.parametrize("require", Require)
@pytest.mark.parametrize("verb", CATALOGUE)
def test_every_verb_in_every_state(require, verb):
    """T2, T16, T19, B31: no state lets a command through that the policy, the login or the sequence forbids."""
    row = CATALOGUE[verb]
    for tls, logged_in, level in product(
        (False, True), (False, True), (ProtectionLevel.CLEAR, ProtectionLevel.PRIVATE)
    ):
        current = state(tls=tls, named=True, logged_in=logged_in, level=level)
        reply = judge(row, argument_for(row), current, require.policy)
        wanted = expected(row, require, tls=tls, logged_in=logged_in, level=level)
        assert (reply.code if reply else None) == wanted, (verb, require, tls, logged_in, level)


@pytest.mark.parametrize("require", Require)
@pytest.mark.parametrize("verb", CATALOGUE)
def test_after_ccc_every_verb_is_judged_as_in_clear(require, verb):
    """T6: no policy takes a connection that CCC has cleared for a protected one."""
    row = CATALOGUE[verb]
    for logged_in, level in product((False, True), (ProtectionLevel.CLEAR, ProtectionLevel.PRIVATE)):
        cleared = state(tls=True, named=True, logged_in=logged_in, level=level)
        cleared.clear_tls()
        reply = judge(row, argument_for(row), cleared, require.policy)
        wanted = expected(row, require, tls=False, logged_in=logged_in, level=level)
        assert (reply.code if reply else None) == wanted, (logged_in, level)


@pytest.mark.parametrize(("verb", "argument"), [("PBSZ", "0"), ("PROT", "C"), ("PROT", "P")])
def test_protection_is_settled_after_ccc(verb, argument):
    """T6: PBSZ and PROT are refused after CCC, and the text does not send the client to AUTH in vain."""
    cleared = state(tls=True, logged_in=True)
    cleared.clear_tls()
    reply = judge(CATALOGUE[verb], argument, cleared, Require.NONE.policy)
    assert (reply.code, reply.lines[0]) == (503, f"No {verb} after CCC")


@pytest.mark.parametrize("verb", [row.verb for row in CATALOGUE.values() if row.argument is Argument.REQUIRED])
def test_missing_argument_is_501(verb):
    """B31: a verb that needs an argument says which."""
    current = state(tls=True, logged_in=verb != "PASS", named=True, level=ProtectionLevel.PRIVATE)
    current.prefix = RenameFrom(ROOT)
    reply = judge(CATALOGUE[verb], "", current, Require.ALL.policy)
    assert reply is not None
    assert reply.code == 501
    assert verb in reply.lines[0]


@pytest.mark.parametrize("verb", [row.verb for row in CATALOGUE.values() if row.argument is Argument.NONE])
def test_needless_argument_is_501(verb):
    """B31: a verb without argument refuses one, instead of guessing."""
    reply = judge(CATALOGUE[verb], "x", state(tls=True, logged_in=True), Require.NONE.policy)
    assert reply is not None
    assert reply.code == 501


def test_pass_needs_user():
    """B2: PASS out of sequence is 503, before USER and after a refusal."""
    fresh = state(tls=True)
    assert judge(CATALOGUE["PASS"], "x", fresh, Require.ALL.policy).code == 503
    refused = state(tls=True, named=True)
    assert judge(CATALOGUE["PASS"], "x", refused, Require.ALL.policy) is None
    refused.refuse_login()
    assert judge(CATALOGUE["PASS"], "x", refused, Require.ALL.policy).code == 503


def test_rnto_follows_rnfr():
    """B19: RNTO right behind RNFR is let through."""
    current = state(tls=True, logged_in=True)
    current.prefix = RenameFrom(ROOT)
    assert judge(CATALOGUE["RNTO"], "new", current, Require.ALL.policy) is None


@pytest.mark.parametrize("verb", ["PORT", "PASV", "EPRT"])
def test_epsv_all_refuses_other_ways(verb):
    """E6: after EPSV ALL only EPSV prepares data connections."""
    current = state(tls=True, logged_in=True, level=ProtectionLevel.PRIVATE)
    current.epsv_only = True
    row = CATALOGUE[verb]
    assert judge(row, argument_for(row), current, Require.ALL.policy).code == 501
    assert judge(CATALOGUE["EPSV"], "", current, Require.ALL.policy) is None


def test_catalogue_is_consistent():
    """Law 6: rows that move data or need TLS carry the columns that follow from it."""
    for row in CATALOGUE.values():
        assert row.verb == row.verb.upper()
        assert row.purpose
        assert row.source
        if row.data is not DataUse.NONE:
            assert row.need is Need.ACCOUNT
            assert row.protection is ProtectionRule.ORDINARY
        if row.is_transfer:
            assert row.permission is not None
            assert not row.during_transfer
    assert {row.verb for row in CATALOGUE.values() if row.is_transfer} == TRANSFERS
    assert {row.verb for row in CATALOGUE.values() if row.protection is ProtectionRule.EXEMPT} == NEVER_HELD_BACK
    assert {row.verb for row in CATALOGUE.values() if row.secret} == {"PASS", "ACCT", "ADAT", "MIC", "CONF", "ENC"}


def test_what_can_be_aborted():
    """B20, X3: transfers, and what can take as long; nothing that is done in an instant."""
    abortable = {row.verb for row in CATALOGUE.values() if row.is_abortable}
    assert abortable >= TRANSFERS | {"HASH", "XSHA256", "SITE"}
    assert not abortable & {"USER", "CWD", "RNTO", "ABOR"}
