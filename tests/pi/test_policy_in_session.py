"""Protection policies in a session: what the server-PI asks the policy book, and what it does with the answers."""

from __future__ import annotations

import pytest

from ftpstwist.interfaces import LoggedInAccount
from ftpstwist.session.events import LoginFailed, ObsoleteTls, TlsFacts
from ftpstwist.session.identity import Identity
from ftpstwist.session.policy import ProtectionLevel, Require, SessionReuse
from ftpstwist.session.policybook import PolicyBook, PolicyRule
from ftpstwist.session.state import Service
from tests.support.neighbours import Bench

ALICE = frozenset({"alice"})
NONE, ALL, CLEAR_DATA = Require.NONE.policy, Require.ALL.policy, Require.CLEAR_DATA.policy


def bench(default, *rules, service=Service.EXPLICIT, groups_of=lambda _: frozenset(), **options):
    book = PolicyBook(default, rules=rules, groups_of=groups_of, **options)
    made = Bench(book=book, service=service).connect()
    made.transport.codes()
    return made


def become(made, identity):
    """Let every login end as *identity*, whatever name was given."""

    async def login(request):
        return LoggedInAccount(identity, made.files, made.authenticator._logout, "password")

    made.authenticator.login = login


def test_password_is_never_looked_at_in_clear():
    """Section 5 row 8: behind a USER that was refused, PASS does not reach the checkers."""
    made = bench(NONE, PolicyRule(users=ALICE, require=ALL))
    made.authenticator.login = None
    assert made.say("USER alice", "PASS right") == [530, 503]
    assert made.say("USER bob") == [331]
    assert made.say("USER alice", "STAT") == [530, 211]


def test_a_name_spelt_otherwise_gets_nothing():
    """A checker that takes ALICE for alice lets nobody in past the rule for alice."""
    made = bench(NONE, PolicyRule(users=ALICE, require=ALL))
    become(made, Identity("alice"))
    assert made.say("USER ALICE", "PASS right", "PWD") == [331, 530, 530]
    assert made.authenticator.logouts == 1
    (failed,) = made.sink.of(LoginFailed)
    assert failed.reason == "the policy of the account demands TLS"
    assert made.say("AUTH TLS") == [234]
    made.establish_tls()
    assert made.say("USER ALICE", "PASS right", "PWD") == [331, 230, 257]


def test_groups_that_only_the_account_knows_count_after_the_login():
    """A realm of one's own may say more than the users file did."""
    made = bench(NONE, PolicyRule(groups=frozenset({"staff"}), require=ALL))
    become(made, Identity("alice", frozenset({"staff"})))
    assert made.say("USER alice", "PASS right") == [331, 530]
    become(made, Identity("alice"))
    assert made.say("USER alice", "PASS right") == [331, 230]


def test_names_nobody_knows_are_held_to_the_strictest_rule():
    """With checkers of the caller's own no group is known before the login, so none is relaxed for one."""
    rules = (PolicyRule(groups=frozenset({"old"}), require=NONE),)
    made = bench(ALL, *rules, groups_of=lambda _: None)
    assert made.say("USER alice") == [530]
    made = bench(ALL, *rules, groups_of=lambda _: frozenset({"old"}))
    become(made, Identity("alice", frozenset({"old"})))
    assert made.say("USER alice", "PASS right") == [331, 230]


def test_after_the_login_the_groups_of_the_account_count():
    """A users file that changes meanwhile changes nothing for a session that is there."""
    known = {"alice": frozenset({"old"})}
    made = bench(ALL, PolicyRule(groups=frozenset({"old"}), require=NONE), groups_of=known.get)
    become(made, Identity("alice", frozenset({"old"})))
    assert made.say("USER alice", "PASS right") == [331, 230]
    known.clear()
    assert made.say("PWD", "USER alice", "PWD") == [257, 530, 257]


@pytest.mark.parametrize("default", [SessionReuse.PREFER, SessionReuse.REQUIRE])
def test_resumption_is_demanded_by_user(default):
    """T27: each login settles it for its own data connections."""
    careful = PolicyRule(users=ALICE, session_reuse=SessionReuse.REQUIRE)
    easy = PolicyRule(users=frozenset({"bob"}), session_reuse=SessionReuse.PREFER)
    made = bench(NONE, careful, easy, session_reuse=default)
    for name, demanded in (("alice", True), ("bob", False), ("carol", default is SessionReuse.REQUIRE)):
        assert made.say(f"USER {name}", "PASS right") == [331, 230]
        assert made.tls.resumption_demanded is demanded


def test_data_in_clear_from_the_start_where_tls_is_forbidden_on_it():
    """1.2: with !data an implicit session, or AUTH SSL, begins with PROT C, and PROT P is 534."""
    made = bench(CLEAR_DATA, service=Service.IMPLICIT)
    made.establish_tls()
    made.transport.codes()
    assert made.session.state.level is ProtectionLevel.CLEAR
    assert made.say("USER alice", "PASS right", "PROT P", "PROT C") == [331, 230, 534, 200]
    made = bench(CLEAR_DATA)
    assert made.say("AUTH SSL") == [234]
    made.establish_tls()
    assert made.session.state.level is ProtectionLevel.CLEAR
    made = bench(NONE, service=Service.IMPLICIT)
    made.establish_tls()
    assert made.session.state.level is ProtectionLevel.PRIVATE


def test_forbidden_protection_is_refused_with_the_way_out():
    """521 tells what to switch off, as it elsewhere tells what to switch on."""
    made = bench(NONE, PolicyRule(users=ALICE, require=CLEAR_DATA))
    assert made.say("AUTH TLS") == [234]
    made.establish_tls()
    assert made.say("PBSZ 0", "PROT P", "USER alice", "PASS right", "EPSV") == [200, 200, 331, 230, 229]
    made.pi.data_received(b"RETR x\r\n")
    assert b"521 Unencrypted data transfers required: send PROT C" in made.transport.octets
    made.transport.codes()
    assert made.say("PROT C", "RETR x") == [200, 550]


def test_obsolete_tls_is_an_event():
    """RFC 8996: every session with it is seen."""
    made = bench(NONE)
    assert made.say("AUTH TLS") == [234]
    made.pi.tls_established(TlsFacts("TLSv1", "AES128-SHA"))
    (event,) = made.sink.of(ObsoleteTls)
    assert (event.version, event.cipher) == ("TLSv1", "AES128-SHA")
