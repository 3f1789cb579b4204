"""Rules about who has to protect what: which one decides, what shows of them, and that no order of commands evades them."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_network
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ftpstwist.session.catalogue import CATALOGUE, Argument
from ftpstwist.session.gate import judge
from ftpstwist.session.identity import Identity
from ftpstwist.session.policy import (
    CloseNotify,
    DataProtection,
    ProtectionLevel,
    ProtectionPolicy,
    Require,
    SessionReuse,
)
from ftpstwist.session.policybook import PolicyBook, PolicyRule, Subject, Target, judged_policy, target_of
from ftpstwist.session.state import SessionState
from ftpstwist.wire.charset import Charset
from ftpstwist.wire.pathname import ROOT, Pathname

PEER = "192.0.2.7"
CLEAR, PRIVATE = ProtectionLevel.CLEAR, ProtectionLevel.PRIVATE
NONE, LOGIN, DATA, ALL = (each.policy for each in (Require.NONE, Require.LOGIN, Require.DATA, Require.ALL))
GROUPS = {"alice": frozenset({"staff"}), "bob": frozenset({"guests", "staff"}), "carol": frozenset()}


def book(default, *rules, **options):
    return PolicyBook(default, rules=rules, groups_of=GROUPS.get, is_anonymous=lambda name: name == "ftp", **options)


def path(text):
    return Pathname.parse(text)


def for_user(rules, name, peer=PEER):
    return rules.for_subject(rules.named(name, peer))


def session(*, tls=False, user="", identity=None, level=CLEAR, directory="/"):
    state = SessionState()
    if tls:
        state.start_tls()
        state.establish_tls()
    if user or identity:
        state.name_user(user or identity.user)
    if identity:
        state.accept_login(identity)
    state.level = level
    state.working_directory = path(directory)
    return state


# --- which rule decides -----------------------------------------------------------------------------


def test_each_condition_narrows_a_rule():
    """1.3: per user, group, network and anonymous login, as mod_tls and mod_ifsession have it."""
    net = ip_network("192.0.2.0/24")
    for rule, covered, not_covered in (
        (PolicyRule(users=frozenset({"alice"})), Subject(PEER, "alice"), Subject(PEER, "bob")),
        (PolicyRule(groups=frozenset({"staff"})), Subject(PEER, "a", frozenset({"staff", "x"})), Subject(PEER, "a")),
        (PolicyRule(networks=(net,)), Subject(PEER), Subject("198.51.100.1", "alice")),
        (PolicyRule(networks=(net,)), Subject(PEER, "alice"), Subject("2001:db8::7")),
        (PolicyRule(anonymous=True), Subject(PEER, "ftp", is_anonymous=True), Subject(PEER, "alice")),
        (PolicyRule(anonymous=False), Subject(PEER, "alice"), Subject(PEER, "ftp", is_anonymous=True)),
        (PolicyRule(users=frozenset({"alice"}), networks=(net,)), Subject(PEER, "alice"), Subject("::1", "alice")),
    ):
        assert rule.covers(covered)
        assert not rule.covers(not_covered)


@pytest.mark.parametrize(
    "rule",
    [PolicyRule(users=frozenset({"alice"})), PolicyRule(groups=frozenset({"g"})), PolicyRule(anonymous=False)],
)
def test_before_user_only_networks_count(rule):
    """Nobody is relaxed, or told anything, before saying a name."""
    assert not rule.covers(Subject(PEER))
    assert PolicyRule().covers(Subject(PEER))


def test_first_rule_that_answers_decides():
    """One rule for reading the rules: from top to bottom, each question by itself."""
    alice, staff = frozenset({"alice"}), frozenset({"staff"})
    rules = book(
        ALL,
        PolicyRule(users=alice, session_reuse=SessionReuse.REQUIRE),
        PolicyRule(groups=staff, require=LOGIN),
        PolicyRule(users=alice, require=NONE, upload_close_notify=CloseNotify.LENIENT),
    )
    who = rules.named("alice", PEER)
    assert rules.for_subject(who) == LOGIN
    assert rules.session_reuse_for(who) is SessionReuse.REQUIRE
    assert rules.upload_close_notify_for(who) is CloseNotify.LENIENT
    assert rules.session_reuse_for(rules.named("bob", PEER)) is SessionReuse.PREFER
    assert rules.upload_close_notify_for(rules.named("bob", PEER)) is CloseNotify.STRICT
    assert for_user(rules, "carol") == ALL


def test_network_rule_holds_from_the_greeting_on():
    """A machine that knows no TLS can say everything in clear, and only from its own network."""
    rules = book(ALL, PolicyRule(networks=(ip_network("127.0.0.0/8"),), require=NONE))
    assert rules.for_subject(Subject("127.0.0.1")) == NONE
    assert rules.for_subject(Subject("::1")) == ALL


def test_anonymous_in_clear_while_users_must_protect_themselves():
    """The question of the mod_tls FAQ, both ways round."""
    rules = book(ALL, PolicyRule(anonymous=True, require=NONE))
    assert for_user(rules, "ftp") == NONE
    assert for_user(rules, "alice") == for_user(rules, "nobody") == rules.for_subject(Subject(PEER)) == ALL
    rules = book(NONE, PolicyRule(anonymous=False, require=ALL))
    assert for_user(rules, "ftp") == NONE
    assert for_user(rules, "alice") == for_user(rules, "nobody") == ALL


# --- what shows of names ----------------------------------------------------------------------------


def test_rules_for_users_do_not_ask_whether_they_exist():
    """An unlisted name gets the same answer as one that nobody knows."""
    rules = book(NONE, PolicyRule(users=frozenset({"alice"}), require=ALL))
    assert for_user(rules, "carol") == for_user(rules, "nobody") == NONE


POLICIES = st.sampled_from([each.policy for each in Require])
GROUP_NAMES = st.frozensets(st.sampled_from("abc"), max_size=3)
NETWORKS = st.sampled_from([(), (ip_network("192.0.2.0/24"),), (ip_network("10.0.0.0/8"),)])
PATHS = st.sampled_from([(), (path("/a"),), (path("/a/b"), path("/c"))])
RULES = st.lists(
    st.builds(
        PolicyRule,
        users=st.sampled_from([frozenset(), frozenset({"alice"})]),
        groups=GROUP_NAMES,
        networks=NETWORKS,
        anonymous=st.sampled_from([None, None, True, False]),
        paths=PATHS,
        require=st.one_of(st.none(), POLICIES),
    ),
    max_size=5,
).map(tuple)


@given(POLICIES, RULES, GROUP_NAMES)
def test_no_member_is_held_to_more_than_an_unknown_name(default, rules, groups):
    """RFC 2577 section 7: a name that nobody knows gets the strictest answer, so it never sends a password by mistake."""
    made = PolicyBook(default, rules=rules)
    unknown = made.for_subject(Subject(PEER, "alice", None))
    member = made.for_subject(Subject(PEER, "alice", groups))
    assert member.commands.value <= unknown.commands.value


# --- folders ----------------------------------------------------------------------------------------

SECRET = PolicyRule(paths=(path("/secret"),), require=DATA)


@pytest.mark.parametrize(
    ("verb", "argument", "directory", "refused"),
    [
        ("RETR", "/secret/x", "/", True),
        ("RETR", "secret/../secret/x", "/", True),
        ("RETR", "x", "/secret/deep", True),
        ("RETR", "../x", "/secret", False),
        ("RETR", "/secretary/x", "/secret", False),
        ("STOR", "/secret/x", "/", True),
        ("STOU", "", "/secret", True),
        ("STOU", "", "/", False),
        ("APPE", "/pub/x", "/secret", False),
        ("MLSD", "", "/secret", True),
        ("MLSD", "/secret", "/", True),
        ("MLSD", "", "/", False),
        ("LIST", "-la /secret", "/", True),
        ("LIST", "-la", "/secret", True),
        ("LIST", "/secret/*", "/", True),
        ("LIST", "-R", "/", True),
        ("LIST", "-lR /pub", "/", False),
        ("LIST", "", "/", False),
        ("NLST", "-1 secret", "/", True),
        ("NLST", "\0", "/", True),
    ],
)
def test_the_target_decides_not_the_working_directory(verb, argument, directory, refused):
    """1.2: 521 for what lies in the folder, however it is named and wherever the client stands."""
    rules = book(NONE, SECRET)
    state = session(tls=True, identity=Identity("alice"), directory=directory)
    reply = judge(
        CATALOGUE[verb],
        argument,
        state,
        judged_policy(rules, CATALOGUE[verb], argument, state, rules.subject(state, PEER)),
    )
    assert (reply.code if reply else None) == (521 if refused else None)


def test_a_folder_may_be_free_where_all_else_is_not():
    """Public files in clear; what lists more than them is not public."""
    rules = book(ALL, PolicyRule(paths=(path("/pub"),), require=NONE))
    who = rules.named("alice", PEER)
    assert rules.for_target(who, Target(path("/pub/x"))) == replace(ALL, data=DataProtection.FREE)
    assert rules.for_target(who, Target(ROOT)) == ALL
    assert rules.for_target(who, Target(ROOT, is_deep=True)) == ALL


def test_prot_is_accepted_where_it_is_of_use_for_any_folder():
    """PROT C is refused at once only if no transfer at all could follow."""
    alice = session(tls=True, identity=Identity("alice"))
    early = session(tls=True)
    for rules, clear, private in (
        (book(ALL), False, True),
        (book(ALL, PolicyRule(paths=(path("/pub"),), require=NONE)), True, True),
        (book(NONE, SECRET), True, True),
        (book(Require.CLEAR_DATA.policy), True, False),
        (book(Require.CLEAR_DATA.policy, SECRET), True, True),
    ):
        for state in (alice, early):
            assert rules.accepts_level(state, PEER, CLEAR) is clear
            assert rules.accepts_level(state, PEER, PRIVATE) is private


def test_prot_before_the_login_tells_nothing_of_a_name():
    """The reply is the same whatever USER named."""
    rules = book(ALL, PolicyRule(groups=frozenset({"staff"}), require=LOGIN))
    answers = {rules.accepts_level(session(tls=True, user=name), PEER, CLEAR) for name in ("alice", "carol", "nobody")}
    assert answers == {True}
    assert rules.accepts_level(session(tls=True, identity=Identity("carol")), PEER, CLEAR) is False


def test_targets():
    """Options are no pathnames; what is no pathname at all counts as everything."""
    assert target_of("LIST", "-a x", path("/d")) == Target(path("/d/x"))
    assert target_of("NLST", "-aR", path("/d")) == Target(path("/d"), is_deep=True)
    assert target_of("RETR", "-R x", path("/d")) == Target(path("/d/-R x"))
    assert target_of("STOR", "\0", path("/d")) == Target(ROOT, is_deep=True)


# --- nothing evades it ------------------------------------------------------------------------------

COMMANDS = [
    ("USER", "alice"),
    ("USER", "ftp"),
    ("PASS", "x"),
    ("AUTH", "TLS"),
    ("PROT", "P"),
    ("PROT", "C"),
    ("CCC", ""),
    ("REIN", ""),
    ("CWD", "/secret"),
    ("RETR", "/secret/x"),
    ("LIST", ""),
    ("PWD", ""),
]


class Model:
    """A session in which every password is right and every file is there; it keeps what went in clear."""

    def __init__(self, rules):
        self.rules = rules
        self.state = SessionState()
        self.cleared = False
        self.trespasses = []

    def do(self, verb, argument):
        row, state, rules = CATALOGUE[verb], self.state, self.rules
        if (
            judge(row, argument, state, judged_policy(rules, row, argument, state, rules.subject(state, PEER)))
            is not None
        ):
            return
        self._note(verb, argument)
        match verb:
            case "USER":
                state.name_user(argument)
            case "PASS":
                groups = GROUPS.get(state.user, frozenset())
                state.accept_login(Identity(state.user, groups, anonymous=state.user == "ftp"))
            case "AUTH" if not state.is_protected:
                self.state = session(tls=True)
            case "PROT" if rules.accepts_level(state, PEER, ProtectionLevel(argument)):
                state.level = ProtectionLevel(argument)
            case "CCC" if (
                state.is_protected and rules.for_subject(rules.subject(state, PEER)).accepts_clear_command_channel
            ):
                self.state = session(identity=state.identity, level=state.level)
            case "REIN":
                self.state = session()
            case "CWD":
                state.working_directory = path(argument)

    def _note(self, verb, argument):
        state = self.state
        if not state.is_protected and (verb, state.user) == ("PASS", "alice"):
            self.trespasses.append("password")
        if not state.is_protected and verb in {"PWD", "CWD", "RETR", "LIST"} and state.user == "alice":
            self.trespasses.append("command")
        if state.level is CLEAR and state.user == "alice" and verb in {"RETR", "LIST"}:
            where = path(argument) if argument else state.working_directory
            self.trespasses.append("secret" if where.is_within(path("/secret")) else "data")


ALLOWED = {
    "all": set(),
    "control": {"data", "secret"},
    "login": {"command", "data", "secret"},
    "login+data": {"command"},
    "data": {"password", "command"},
    "none": {"password", "command", "data", "secret"},
}


def books(word):
    """One policy for alice, written down in five ways."""
    policy = Require(word).policy
    other = ALL if policy == NONE else NONE
    yield book(policy, PolicyRule(anonymous=True, require=NONE))
    yield book(other, PolicyRule(users=frozenset({"alice"}), require=policy))
    yield book(other, PolicyRule(groups=frozenset({"staff"}), require=policy))
    yield book(other, PolicyRule(networks=(ip_network("192.0.2.0/24"),), require=policy))
    yield book(other, PolicyRule(anonymous=False, require=policy), PolicyRule(users=frozenset({"ftp"}), require=NONE))


@pytest.mark.parametrize("word", ALLOWED)
def test_no_sequence_of_four_evades_the_policy(word):
    """T19: whatever is said in whatever order, nothing of alice travels in clear that has to be protected."""
    for rules in books(word):
        for sequence in product(COMMANDS, repeat=3):
            model = Model(rules)
            for command in (("USER", "alice"), *sequence):
                model.do(*command)
            assert set(model.trespasses) <= ALLOWED[word], (word, sequence)


@settings(max_examples=300)
@given(st.sampled_from(sorted(ALLOWED)), st.integers(0, 4), st.lists(st.sampled_from(COMMANDS), max_size=14))
def test_no_long_sequence_evades_the_policy(word, way, sequence):
    """T19: the same for sessions that go on."""
    model = Model(list(books(word))[way])
    for command in sequence:
        model.do(*command)
    assert set(model.trespasses) <= ALLOWED[word]


@settings(max_examples=200)
@given(st.lists(st.sampled_from(COMMANDS), max_size=14))
def test_no_sequence_evades_a_folder(sequence):
    """T19: what lies in the folder never goes in clear, while all else may."""
    model = Model(book(NONE, SECRET))
    for command in sequence:
        model.do(*command)
    assert "secret" not in model.trespasses


@given(POLICIES, RULES, st.sampled_from(sorted(CATALOGUE)), st.sampled_from(["", "x", "/a/b/c", "-R", "alice", "ftp"]))
def test_judged_policies_are_always_named_ones(default, rules, verb, argument):
    """Rules only choose among policies and never mix one that could not be written down."""
    row = CATALOGUE[verb]
    argument = "" if row.argument is Argument.NONE else argument
    for state in (session(), session(tls=True, user="alice"), session(tls=True, identity=Identity("alice"))):
        book = PolicyBook(default, rules=rules)
        policy = judged_policy(book, row, argument, state, book.subject(state, PEER))
        assert isinstance(policy, ProtectionPolicy)
        assert policy in {require.policy for require in Require}


def test_character_sets_go_by_rule():
    """I1: the first rule about the client that names a set decides; else what is said for all."""
    old, general = Charset("cp850"), Charset("iso-8859-1")
    rules = (PolicyRule(users=frozenset({"a"})), PolicyRule(users=frozenset({"a"}), charset=old))
    book = PolicyBook(Require.ALL.policy, rules=rules, charset=general)
    assert book.charset_for(Subject("192.0.2.1", "a")) == old
    assert book.charset_for(Subject("192.0.2.1", "b")) == book.charset_for(Subject("192.0.2.1")) == general
    assert PolicyBook(Require.ALL.policy).charset_for(Subject("192.0.2.1", "a")).is_utf_8
