"""Whose a client certificate is, and what that is worth: the judgement and its two checkers."""

from __future__ import annotations

from dataclasses import replace

import pytest
from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import fail, succeed
from zope.interface import implementer
from zope.interface.verify import verifyObject

from ftpstwist.auth.certificate import (
    CertificateChecker,
    CertificateDemand,
    CertificateJudgement,
    CertificateLogin,
    ICertificateLogin,
)
from ftpstwist.auth.certificaterule import Match, read_rule
from ftpstwist.auth.checkers import UserFileChecker
from ftpstwist.auth.credentials import PasswordLogin
from ftpstwist.auth.userrecord import CertificateMode, UserRecord
from ftpstwist.session.certificate import PeerCertificate
from ftpstwist.session.identity import Secret
from tests.auth.neighbours import HASH, PASSWORDS, HereThreads, done, load_users, result_of
from tests.contracts.checkers import PASSWORD, USER, CheckerContract

NOW = 1_700_000_000.0
CN, O = "2.5.4.3", "2.5.4.10"  # noqa: E741
CLIENTS = "1.3.6.1.5.5.7.3.2"
SERVERS = "1.3.6.1.5.5.7.3.1"

ALICE = PeerCertificate(
    der=b"",
    fingerprint="a" * 64,
    key_fingerprint="b" * 64,
    trusted=True,
    subject=(((O, "Example"),), ((CN, "alice"),)),
    issuer=(((O, "Example"),), ((CN, "Staff CA"),)),
    serial=0x1A2B,
    not_before=NOW - 10,
    not_after=NOW + 10,
)
BY_CN = read_rule(field="subject.CN", match=Match.TEMPLATE, value="{user}")
BY_EMAIL = read_rule(field="email", match=Match.TEMPLATE, value="{user}@example.org")


def judgement(*rules, mode=CertificateMode.EITHER, users=()):
    records = {record.name: record for record in users}
    return CertificateJudgement(rules or (BY_CN,), mode=mode, find_user=records.get, now=lambda: NOW)


# --- whose it is ---


def test_a_mapped_certificate_is_its_users_and_nobody_elses():
    """The name is compared as a whole, and as it is written."""
    judge = judgement()
    assert judge.owner_objection("alice", ALICE) is None
    for other in ("bob", "Alice", "alic", "alice ", "", "alice\0"):
        assert "it is that of 'alice'" in judge.owner_objection(other, ALICE)


def test_the_first_rule_that_finds_a_user_decides():
    """A later rule can not give the certificate to somebody else as well."""
    both = replace(ALICE, emails=("bob@example.org",))
    assert judgement(BY_EMAIL, BY_CN).owner_objection("bob", both) is None
    assert judgement(BY_EMAIL, BY_CN).owner_objection("alice", both) == (
        "rule 1 (email template \"{user}@example.org\"): it is that of 'bob'"
    )
    assert judgement(BY_EMAIL, BY_CN).owner_objection("alice", ALICE) is None


def test_every_rule_that_failed_is_told():
    """The log says which rule failed, and why."""
    words = judgement(BY_EMAIL, BY_CN).owner_objection("bob", ALICE)
    assert words == (
        'rule 1 (email template "{user}@example.org"): the certificate has no such field; '
        "rule 2 (subject.CN template \"{user}\"): it is that of 'alice'"
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"trusted": False}, "nobody vouches for it"),
        ({"purposes": frozenset({SERVERS})}, "lacks clientAuth"),
        ({"purposes": frozenset()}, "lacks clientAuth"),
        ({"not_after": NOW - 1}, "it is not valid now"),
        ({"not_before": NOW + 1}, "it is not valid now"),
        ({"subject": (((CN, "alice\0.evil.example"),),)}, "control character"),
        ({"emails": ("x\0@example.org",)}, "control character"),
        ({"uris": ("urn:\nx",)}, "control character"),
        ({"principals": ("a\x7f",)}, "control character"),
        ({"issuer": (((CN, "\0"),),)}, "control character"),
        ({"subject": (((CN, "alice"),), ((CN, "bob"),))}, "ambiguous"),
        ({"subject": (((CN, "alice"), (CN, "bob")),)}, "ambiguous"),
    ],
)
def test_a_flawed_certificate_is_nobodys(change, words):
    """Whatever the rules would find in it."""
    assert words in judgement().owner_objection("alice", replace(ALICE, **change))


@pytest.mark.parametrize("purposes", [None, frozenset({CLIENTS}), frozenset({CLIENTS, SERVERS})])
def test_a_certificate_for_clients(purposes):
    """Purposes are looked at where there are any."""
    assert judgement().owner_objection("alice", replace(ALICE, purposes=purposes)) is None


@pytest.mark.parametrize("pin", ["sha256:" + "a" * 64, "spki-sha256:" + "b" * 64])
def test_a_pinned_certificate_needs_nobody_to_vouch_for_it(pin):
    """It is good for the user whose entry names it, and for nobody else."""
    own = replace(ALICE, trusted=False)
    judge = judgement(users=[UserRecord("carol", certificates=frozenset({pin})), UserRecord("alice")])
    assert judge.owner_objection("carol", own) is None
    assert judge.owner_objection("alice", own) is not None
    assert judge.owner_objection("carol", replace(own, fingerprint="c" * 64, key_fingerprint="d" * 64)) is not None
    assert "not valid" in judge.owner_objection("carol", replace(own, not_after=NOW - 1))


def test_the_two_kinds_of_fingerprints_are_not_mixed_up():
    """The fingerprint of a key is not that of a certificate."""
    judge = judgement(users=[UserRecord("carol", certificates=frozenset({"sha256:" + "b" * 64}))])
    assert judge.owner_objection("carol", replace(ALICE, trusted=False)) is not None


# --- what it is worth ---

TABLE = [
    # mode, without a password: own; with the right one: none, own, another's trusted, untrusted
    (CertificateMode.PASSWORD, False, (True, True, True, True)),
    (CertificateMode.EITHER, True, (True, True, True, True)),
    (CertificateMode.CERTIFICATE, True, (False, False, False, False)),
    (CertificateMode.BOTH, False, (False, True, False, False)),
    (CertificateMode.TRUSTED, False, (False, True, True, False)),
]


@pytest.mark.parametrize("of_user", [True, False], ids=["of the user", "of all"])
@pytest.mark.parametrize(("mode", "alone", "with_password"), TABLE, ids=str)
def test_modes(mode, alone, with_password, of_user):
    """Each mode, set for all or for the user alone, against each kind of certificate."""
    other = next(each for each in CertificateMode if each is not mode)
    user = UserRecord("alice", certificate_mode=mode if of_user else None)
    judge = judgement(mode=other if of_user else mode, users=[user])
    bobs = replace(ALICE, subject=(((CN, "bob"),),))
    assert (judge.refuses_certificate("alice", ALICE) is None) is alone
    assert judge.refuses_certificate("alice", bobs) is not None
    given = (None, ALICE, bobs, replace(ALICE, trusted=False))
    assert tuple(judge.refuses_password("alice", each) is None for each in given) == with_password


def test_a_disabled_user_is_kept_out():
    """Whatever vouches for them."""
    judge = judgement(users=[UserRecord("alice", disabled=True)])
    assert judge.refuses_certificate("alice", ALICE) == "disabled in the users file"


# --- the checkers ---


def checker(judge, refresh=done):
    return CertificateChecker(judge, refresh=refresh)


def test_the_checker_is_one_of_twisted_cred():
    """A portal can use it as it is, and tells its credentials from those with a password."""
    one = checker(judgement())
    assert verifyObject(ICredentialsChecker, one)
    credentials = CertificateLogin(b"alice", ALICE, "192.0.2.7")
    assert verifyObject(ICertificateLogin, credentials)
    assert not IUsernamePassword.providedBy(credentials)
    assert result_of(one.requestAvatarId(credentials)) == b"alice"


def test_the_checker_refuses_with_a_reason():
    """The text is for the log: whose certificate it is, and why that is not enough."""
    with pytest.raises(UnauthorizedLogin, match=r"the certificate of 'CN=alice,O=Example': rule 1 .* 'alice'"):
        result_of(checker(judgement()).requestAvatarId(CertificateLogin(b"bob", ALICE)))


def test_the_checker_sees_the_newest_users_file():
    """A pin that was added a moment ago counts."""
    users = {}

    async def refresh():
        users["carol"] = UserRecord("carol", certificates=frozenset({"sha256:" + "a" * 64}))

    judge = CertificateJudgement((), mode=CertificateMode.EITHER, find_user=users.get, now=lambda: NOW)
    assert result_of(checker(judge, refresh).requestAvatarId(CertificateLogin(b"carol", ALICE))) == b"carol"


@implementer(ICredentialsChecker)
class AnyPassword:
    """Says what it is told to say."""

    credentialInterfaces = (IUsernamePassword,)  # noqa: N815

    def __init__(self, answer):
        self.answer = answer
        self.asked = 0

    def requestAvatarId(self, credentials):
        self.asked += 1
        return fail(UnauthorizedLogin("wrong")) if self.answer is None else succeed(self.answer)


def with_password(certificate=None):
    return PasswordLogin(b"alice", Secret("x"), "192.0.2.7", None, certificate)


def test_the_demand_asks_for_the_certificate_after_the_password():
    """The password is always checked, so that the time tells nothing; then the certificate decides."""
    inner = AnyPassword(b"alice")
    demand = CertificateDemand(inner, judgement(mode=CertificateMode.BOTH))
    assert verifyObject(ICredentialsChecker, demand)
    assert result_of(demand.requestAvatarId(with_password(ALICE))) == b"alice"
    with pytest.raises(UnauthorizedLogin, match="the password is right, but this user needs a certificate"):
        result_of(demand.requestAvatarId(with_password()))
    assert inner.asked == 2


def test_the_demand_makes_no_wrong_password_right():
    """A certificate beside a wrong password is worth nothing."""
    demand = CertificateDemand(AnyPassword(None), judgement(mode=CertificateMode.BOTH))
    with pytest.raises(UnauthorizedLogin, match="wrong"):
        result_of(demand.requestAvatarId(with_password(ALICE)))


def test_the_demand_holds_for_the_user_the_checker_named():
    """A checker may know a user by another name: what counts is the name that gets the account."""
    demand = CertificateDemand(AnyPassword(b"bob"), judgement(mode=CertificateMode.BOTH))
    with pytest.raises(UnauthorizedLogin):
        result_of(demand.requestAvatarId(with_password(ALICE)))


def test_the_demand_lets_anonymous_pass():
    """Who has no name has no certificate either."""
    demand = CertificateDemand(AnyPassword(()), judgement(mode=CertificateMode.BOTH))
    assert result_of(demand.requestAvatarId(with_password())) == ()


class TestDemandIsAChecker(CheckerContract):
    """Before a checker of passwords it changes nothing for those it asks nothing of."""

    def make_checker(self, folder):
        hashed = PASSWORDS.hash_password(Secret(PASSWORD))
        users = load_users(
            folder / "users.toml", f'[users.{USER}]\npassword = "{hashed}"\n[users.x]\npassword = "{HASH}"'
        )
        inner = UserFileChecker(users, passwords=PASSWORDS, threads=HereThreads())
        return CertificateDemand(
            inner, CertificateJudgement((), mode=CertificateMode.EITHER, find_user=users.find, now=lambda: NOW)
        )
