"""Virtual hosts in a session: which one a name leads to, and what changes with it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ftpstwist.commands.hosts import HostBook, HostInUser, SessionSettings, VirtualHost
from ftpstwist.session.policy import ProtectionLevel, Require
from ftpstwist.session.policybook import PolicyBook
from ftpstwist.session.state import Service
from tests.support.neighbours import FACTS, Authenticator, Bench

B = "b.example.org"
DEFAULT = VirtualHost(SessionSettings(PolicyBook(Require.NONE.policy)), None)
OTHER = VirtualHost(SessionSettings(PolicyBook(Require.NONE.policy), banner="B"), None)


@pytest.mark.parametrize(
    ("name", "host"),
    [(B, OTHER), ("B.Example.Org", OTHER), ("A.example.org", DEFAULT), ("c.example.org", None), ("", None)],
)
def test_table_of_hosts(name, host):
    """A name leads to its host in any case, a name of ours without one to the default, others to none."""
    assert HostBook(DEFAULT, {B: OTHER}, lambda known: known == "a.example.org").find(name) is host


def bench(require=Require.NONE, service=Service.EXPLICIT):
    """A session at a default host, with another that has its own policy and accounts."""
    made = Bench(service=service, banner="A")
    made.names.add("a.example.org")
    settings = replace(made.settings, banner="B", policy=PolicyBook(require.policy))
    made.hosts[B] = VirtualHost(settings, Authenticator(made.files))
    return made.connect()


def establish(made, name):
    facts = replace(FACTS, server_name=name)
    made.transport.tls = facts
    made.pi.tls_established(facts)


def test_accounts_are_those_of_the_host():
    """Whoever may log in at one host is asked nothing about at the other."""
    made = bench()
    made.authenticator.login = None
    assert made.say(f"HOST {B}", "USER alice", "PASS right") == [220, 220, 331, 230]
    assert made.say("HOST a.example.org", "PWD") == [503, 257]


def test_policy_of_the_host_counts_from_host_on():
    """A strict host sends clients in clear away at USER."""
    made = bench(Require.ALL)
    assert made.say("USER alice", f"HOST {B}", "USER alice", "HOST a.example.org", "USER alice") == [
        220, 331, 220, 530, 220, 331,
    ]  # fmt: skip


def test_host_before_auth_lasts():
    """RFC 7151 section 3.2.2: HOST, AUTH, USER; the name chooses the certificate on the way."""
    made = bench()
    assert made.say(f"HOST {B}", "AUTH TLS") == [220, 220, 234]
    assert made.tls.expected_name == B
    establish(made, None)
    assert made.session.settings.banner == "B"
    assert made.say("REIN") == [220]
    assert made.session.settings.banner == "A"


def test_name_given_to_tls_is_entered_and_left():
    """It decides before anything is said, and REIN takes it off with TLS."""
    made = bench()
    assert made.say("AUTH TLS") == [220, 234]
    establish(made, "B.EXAMPLE.ORG")
    assert made.session.settings.banner == "B"
    assert made.say("HOST a.example.org", f"HOST {B}", "HOST 192.0.2.254") == [504, 220, 220]
    assert made.session.settings.banner == "B"
    assert made.say("REIN") == [220]
    assert made.session.settings.banner == "A"


def test_implicit_greeting_is_that_of_the_host():
    """There the name comes first, so the greeting can be the right one; REIN keeps the host as it keeps TLS."""
    made = bench(service=Service.IMPLICIT)
    establish(made, B)
    assert made.transport.octets == b"220 B\r\n"
    assert made.say("REIN") == [220, 220]
    assert made.session.settings.banner == "B"


def test_name_given_to_tls_holds_after_ccc():
    """H4: taking TLS off does not open the way to another host."""
    made = bench()
    made.hosts[B] = VirtualHost(replace(made.hosts[B].settings, allow_ccc=True), made.authenticator)
    made.say("AUTH TLS")
    establish(made, B)
    assert made.say("USER alice", "PASS right", "CCC") == [331, 230, 200]
    made.clear_tls()
    assert made.say("USER alice", "HOST a.example.org", f"HOST {B}") == [331, 504, 220]


def test_data_level_of_a_host_without_encrypted_files():
    """Implicit TLS begins with private data connections, unless the host forbids them."""
    made = bench(Require.CLEAR_DATA, Service.IMPLICIT)
    establish(made, None)
    assert made.session.state.level is ProtectionLevel.PRIVATE
    made.say(f"HOST {B}")
    assert made.session.state.level is ProtectionLevel.CLEAR


def test_failed_logins_count_over_hosts():
    """HOST does not give new attempts to a guesser."""
    made = bench()
    assert made.say("USER a", "PASS x", f"HOST {B}", "USER a", "PASS x", "USER a") == [
        220,
        331,
        530,
        220,
        331,
        530,
        331,
    ]
    assert made.say("PASS x") == [421]


def bench_of(rule, require=Require.NONE):
    """The same hosts, where names of users may name them."""
    made = Bench(banner="A", host_in_user=rule)
    made.names.add("a.example.org")
    settings = replace(made.settings, banner="B", policy=PolicyBook(require.policy))
    made.hosts[B] = VirtualHost(settings, Authenticator(made.files))
    made = made.connect()
    made.transport.codes()
    return made


def test_a_user_may_name_the_host():
    """Clients that know neither SNI nor HOST come to theirs; the next USER starts from the default again."""
    made = bench_of(HostInUser.CHOOSES)
    made.authenticator.login = None
    assert made.say(f"USER alice@{B.upper()}", "PASS right") == [331, 230]
    assert (made.session.state.user, made.session.settings.banner) == ("alice", "B")
    assert made.session.ref.host == B
    assert made.say("USER bob") == [331]
    assert (made.session.state.user, made.session.settings.banner) == ("bob", "A")
    assert made.session.ref.host == ""


@pytest.mark.parametrize(
    ("rule", "given", "name", "banner"),
    [
        (HostInUser.CHOOSES, "alice@a.example.org", "alice", "A"),
        (HostInUser.CHOOSES, "alice@mail.example.org", "alice@mail.example.org", "A"),
        (HostInUser.CHOOSES, f"alice@mail@{B}", "alice@mail", "B"),
        (HostInUser.CHOOSES, f"@{B}", f"@{B}", "A"),
        (HostInUser.CHOOSES, "alice@", "alice@", "A"),
        (HostInUser.STRIPPED, "alice@mail.example.org", "alice", "A"),
        (HostInUser.STRIPPED, f"alice@{B}", "alice", "A"),
        (HostInUser.STRIPPED, "@x", "@x", "A"),
        (HostInUser.KEPT, f"alice@{B}", f"alice@{B}", "A"),
    ],
)
def test_what_stands_behind_the_at_sign(rule, given, name, banner):
    """Names that are addresses of mail stay whole, unless the operator has them stripped."""
    made = bench_of(rule)
    assert made.say(f"USER {given}") == [331]
    assert (made.session.state.user, made.session.settings.banner) == (name, banner)


def test_a_user_does_not_leave_the_host_that_was_named():
    """Whoever came to B by HOST logs in there or nowhere."""
    made = bench_of(HostInUser.CHOOSES)
    c = VirtualHost(replace(made.settings, banner="C"), Authenticator(made.files))
    made.hosts["c.example.org"] = c
    assert made.say(f"HOST {B}", "USER alice@c.example.org") == [220, 331]
    assert (made.session.state.user, made.session.settings.banner) == ("alice@c.example.org", "B")
    assert made.say(f"USER alice@{B}") == [331]
    assert made.session.state.user == "alice"


def test_policy_of_the_host_that_a_user_names_counts_before_the_password():
    """A strict host takes no password in clear."""
    made = bench_of(HostInUser.CHOOSES, Require.ALL)
    assert made.say(f"USER alice@{B}", "PASS right") == [331, 530]
