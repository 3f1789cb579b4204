"""Sources of accounts: what a checker makes of their answers, and how those that hang are borne."""

from __future__ import annotations

import pytest
from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.task import Clock

from ftpstwist.auth.checkers import ChainChecker
from ftpstwist.auth.realm import Realm, RealmSettings
from ftpstwist.auth.sources import BoundedCalls, HashedAccounts, SourceChecker, VouchedUser
from ftpstwist.auth.userrecord import PERMISSION_SETS, UserRecord
from ftpstwist.interfaces import ErrorKind, FtpError, IAccount
from ftpstwist.session.identity import PathRule, Permission, Permissions, Secret
from ftpstwist.wire.pathname import ROOT
from tests.auth.neighbours import (
    HASH,
    PASSWORDS,
    RIGHT,
    Files,
    HeldThreads,
    HereThreads,
    Running,
    load_users,
    result_of,
)
from tests.contracts.checkers import PASSWORD, USER, CheckerContract, ask, asking, come_of

LIST_ONLY = frozenset({Permission.LIST})


def found(*records):
    by_name = {record.name: record for record in records}

    async def find(name):
        return by_name.get(name)

    return find


def hashed(find, threads=None):
    return SourceChecker(HashedAccounts("the book", find, passwords=PASSWORDS, threads=threads or HereThreads()))


class TestHashedAccounts(CheckerContract):
    def make_checker(self, folder):
        return hashed(found(UserRecord(USER, password=PASSWORDS.hash_password(Secret(PASSWORD)))))


@pytest.mark.parametrize(
    ("record", "cause"),
    [
        (UserRecord("alice", password=HASH, disabled=True), "disabled in the book"),
        (UserRecord("alice"), "no password in the book"),
        (UserRecord("bob"), "no such user in the book"),
    ],
)
def test_the_log_is_told_why(record, cause):
    """The operator reads which of the many reasons it was; the client does not."""
    with pytest.raises(UnauthorizedLogin, match=cause):
        ask(hashed(found(record)), "alice", RIGHT)


def test_a_source_that_can_not_be_asked_stops_the_chain():
    """It is told as such: the next place must not let in whom this one might keep out."""

    async def fails(name):
        raise FtpError(ErrorKind.LOGIN_UNAVAILABLE, "the book is on fire")

    chain = ChainChecker([hashed(fails), hashed(found(UserRecord("alice", password=HASH)))])
    error = come_of(asking(chain, "alice", RIGHT)).value
    assert (error.kind, error.cause) == (ErrorKind.LOGIN_UNAVAILABLE, "the book is on fire")


class Shelf:
    """A source with one user, that notes uses."""

    place = "the shelf"

    def __init__(self, record, *, refuses_use=False):
        self.record = record
        self.refuses_use = refuses_use
        self.ended = 0

    async def check(self, login):
        return self.record

    async def begin_use(self, record, login):
        if self.refuses_use:
            raise FtpError(ErrorKind.LOGIN_UNAVAILABLE, "not now")
        return self.end

    def end(self):
        self.ended += 1


def realm_of(find_user=lambda _: None, **settings):
    return Realm(
        RealmSettings(root="/srv", **settings), find_user=find_user, make_filesystem=Files, threads=HereThreads()
    )


def log_in(shelf, realm):
    avatar_id = ask(SourceChecker(shelf), "alice", "x")
    return result_of(realm.requestAvatar(avatar_id, None, IAccount))


def test_the_record_of_the_source_makes_the_account():
    """Users of a directory need no entry in the users file, and no switch that admits strangers."""
    record = UserRecord("alice", home="/home/alice", groups=frozenset({"staff"}), limits={"sessions": 1})
    shelf, realm = Shelf(record), realm_of()
    _, account, logout = log_in(shelf, realm)
    assert (account.filesystem.home, account.identity.groups) == ("/home/alice", {"staff"})
    with pytest.raises(FtpError) as refused:
        log_in(shelf, realm)
    assert refused.value.kind is ErrorKind.TOO_MANY_SESSIONS
    logout()
    logout()
    assert shelf.ended == 1
    log_in(shelf, realm)


def test_an_entry_in_the_users_file_comes_first(tmp_path):
    """What it leaves open is as the source says; disabled there is disabled everywhere."""
    users = load_users(tmp_path / "u.toml", '[users.alice]\npermissions = "read-only"\ngroups = ["own"]\n')
    shelf = Shelf(UserRecord("alice", home="/home/alice", groups=frozenset({"staff"}), permissions=Permissions()))
    _, account, _ = log_in(shelf, realm_of(users.find))
    assert (account.filesystem.home, account.identity.groups) == ("/home/alice", {"staff", "own"})
    assert account.identity.permissions.at(ROOT) == PERMISSION_SETS["read-only"]
    users = load_users(tmp_path / "u.toml", "[users.alice]\ndisabled = true\n")
    with pytest.raises(FtpError) as refused:
        log_in(shelf, realm_of(users.find))
    assert refused.value.kind is ErrorKind.LOGIN_REFUSED


def test_groups_give_permissions():
    """Those of all groups together; the record's own come first, everybody's last."""
    realm = realm_of(group_permissions={"a": LIST_ONLY, "b": frozenset({Permission.READ})})

    def permissions(**record):
        _, account, _ = log_in(Shelf(UserRecord("alice", **record)), realm)
        return account.identity.permissions.at(ROOT)

    assert permissions(groups=frozenset({"a", "b", "c"})) == PERMISSION_SETS["read-only"]
    assert permissions(groups=frozenset({"c"})) == PERMISSION_SETS["all"]
    own = Permissions((PathRule(ROOT, LIST_ONLY),))
    assert permissions(groups=frozenset({"b"}), permissions=own) == LIST_ONLY


def test_a_use_that_can_not_begin_leaves_no_session_counted():
    """The user can log in as soon as the source is well again."""
    shelf, realm = Shelf(UserRecord("alice", limits={"sessions": 1}), refuses_use=True), realm_of()
    with pytest.raises(FtpError):
        log_in(shelf, realm)
    shelf.refuses_use = False
    log_in(shelf, realm)


def test_an_avatar_id_is_octets_for_realms_of_others():
    """A realm that knows nothing of records gets the name it expects."""
    vouched = ask(SourceChecker(Shelf(UserRecord("zoë"))), "zoë", "x")
    assert isinstance(vouched, VouchedUser)
    assert vouched == "zoë".encode()
    assert ICredentialsChecker.providedBy(SourceChecker(Shelf(UserRecord("zoë"))))


class TestBoundedCalls:
    """One call at a time, one may wait, five seconds."""

    @pytest.fixture(autouse=True)
    def _set_up(self):
        self.clock, self.threads = Clock(), HeldThreads()
        self.calls = BoundedCalls("PAM", threads=self.threads, clock=self.clock, at_once=1, waiting=1, seconds=5)

    def call(self):
        return Running(self.calls.run(lambda: "answer"))

    def test_an_answer_comes_through(self):
        """The usual case."""
        first = self.call()
        self.threads.release()
        assert first.result == "answer"

    def test_whoever_waits_is_told_in_time_and_the_thread_stays_taken(self):
        """A hanging call costs its caller five seconds and the server one thread, never more."""
        first, second, third = self.call(), self.call(), self.call()
        assert third.error.kind is ErrorKind.LOGIN_UNAVAILABLE
        self.clock.advance(5)
        assert "did not answer within 5 s" in first.error.cause
        assert "did not answer within 5 s" in second.error.cause
        fourth = self.call()
        assert len(self.threads.held) == 1
        self.threads.release()
        assert not fourth.done
        assert len(self.threads.held) == 1, "the second call is given up: nobody waits for it"
        self.threads.release()
        assert fourth.result == "answer"

    def test_a_caller_that_leaves_does_not_stop_the_call(self):
        """A thread can not be interrupted; its answer is lost and its turn given on."""
        first = self.call()
        first.cancel()
        self.threads.release()
        second = self.call()
        self.threads.release()
        assert second.result == "answer"
