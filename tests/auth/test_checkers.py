"""Checkers: ours, those of ``--auth`` plugins, and several of them in a row."""

import pytest
from twisted.cred.checkers import AllowAnonymousAccess, ICredentialsChecker
from twisted.cred.credentials import Anonymous, IAnonymous, IUsernamePassword
from twisted.cred.error import UnauthorizedLogin, UnhandledCredentials
from twisted.cred.strcred import makeChecker
from twisted.internet.task import Clock
from zope.interface import implementer

from ftpstwist.auth.checkers import ChainChecker, UserFileChecker
from ftpstwist.auth.passwords import Passwords
from ftpstwist.session.identity import Secret
from tests.auth.neighbours import CHEAP, PASSWORDS, HeldThreads, HereThreads, load_users, write_users
from tests.contracts.checkers import PASSWORD, USER, CheckerContract, ask, asking, come_of


def user_file_checker(folder, *, passwords=PASSWORDS, threads=None, clock=None, extra=""):
    hashed = passwords.hash_password(Secret(PASSWORD))
    text = f'[users.{USER}]\npassword = "{hashed}"\n{extra}'
    users = load_users(folder / "users.toml", text, clock)
    return UserFileChecker(users, passwords=passwords, threads=threads or HereThreads())


class TestUserFileChecker(CheckerContract):
    def make_checker(self, folder):
        return user_file_checker(folder)


class TestChainOfOne(CheckerContract):
    def make_checker(self, folder):
        return ChainChecker([user_file_checker(folder)])


class TestChainWithOthersBefore(CheckerContract):
    def make_checker(self, folder):
        return ChainChecker([makeChecker("memory:carol:pw"), AllowAnonymousAccess(), user_file_checker(folder)])


class TestMemoryPlugin(CheckerContract):
    def make_checker(self, folder):
        return ChainChecker([makeChecker(f"memory:{USER}:{PASSWORD}")])


class TestFilePlugin(CheckerContract):
    def make_checker(self, folder):
        (folder / "passwords").write_text(f"{USER}:{PASSWORD}\n", encoding="utf-8")
        return ChainChecker([makeChecker(f"file:{folder / 'passwords'}")])


@implementer(ICredentialsChecker)
class BrokenDirectory:
    """A checker whose directory service is down."""

    credentialInterfaces = (IUsernamePassword,)  # noqa: N815

    def requestAvatarId(self, credentials):
        raise ConnectionRefusedError("no directory")


def test_all_checkers_of_the_command_line_count(tmp_path):
    """``--auth a --auth b`` lets in the users of both; a portal alone would forget the first."""
    chain = ChainChecker([makeChecker("memory:alice:pa"), makeChecker("memory:bob:pb")])
    assert ask(chain, "alice", "pa") == b"alice"
    assert ask(chain, "bob", "pb") == b"bob"
    with pytest.raises(UnauthorizedLogin):
        ask(chain, "alice", "pb")


def test_an_error_is_not_a_refusal():
    """When one checker can not answer, the next one is not asked in its place."""
    chain = ChainChecker([BrokenDirectory(), makeChecker("memory:alice:pa")])
    with pytest.raises(ConnectionRefusedError):
        ask(chain, "alice", "pa")


def test_chain_gives_credentials_only_to_who_takes_them():
    """Anonymous logins reach the anonymous checker; without one they are unhandled, not refused."""
    chain = ChainChecker([BrokenDirectory(), AllowAnonymousAccess()])
    assert set(chain.credentialInterfaces) == {IUsernamePassword, IAnonymous}
    assert come_of(chain.requestAvatarId(Anonymous())) == ()
    outcome = come_of(ChainChecker([BrokenDirectory()]).requestAvatarId(Anonymous()))
    assert outcome.check(UnhandledCredentials)


def test_the_log_learns_why(tmp_path):
    """The operator sees which checker refused for which reason; the client never does."""
    chain = ChainChecker([user_file_checker(tmp_path), makeChecker("memory:bob:pb")])
    with pytest.raises(UnauthorizedLogin, match="wrong password; InMemoryUsernamePasswordDatabaseDontUse"):
        ask(chain, USER, "guess")
    with pytest.raises(UnauthorizedLogin, match="no such user in the users file"):
        ask(chain, "nobody", "guess")


def test_passwords_are_verified_in_a_worker_thread(tmp_path):
    """Tens of milliseconds of hashing never stop the reactor."""
    threads = HeldThreads()
    answer = asking(user_file_checker(tmp_path, threads=threads), USER, PASSWORD)
    assert not answer.called
    threads.release()
    assert come_of(answer) == USER.encode()


class CountingPasswords(Passwords):
    """Counts verifications."""

    count = 0

    def verify(self, stored, password):
        self.count += 1
        return super().verify(stored, password)


@pytest.mark.parametrize("user", [USER, "nobody", "dora", "erin", "\udcff"])
def test_every_refusal_costs_one_verification(tmp_path, user):
    """K7: the time of a refusal does not tell whether the name exists, is disabled, or has a password."""
    passwords = CountingPasswords(CHEAP)
    hashed = passwords.hash_password(Secret("x"))
    extra = f'[users.dora]\ndisabled = true\npassword = "{hashed}"\n[users.erin]\n'
    with pytest.raises(UnauthorizedLogin):
        ask(user_file_checker(tmp_path, passwords=passwords, extra=extra), user, "guess")
    assert passwords.count == 1


def test_a_disabled_user_stays_out(tmp_path):
    """``disabled = true`` holds even with the right password."""
    hashed = PASSWORDS.hash_password(Secret("right"))
    extra = f'[users.dora]\ndisabled = true\npassword = "{hashed}"\n'
    with pytest.raises(UnauthorizedLogin, match="disabled"):
        ask(user_file_checker(tmp_path, extra=extra), "dora", "right")


def test_a_changed_password_holds_at_once(tmp_path):
    """After ``ftpstwist user passwd`` the next login needs the new password, without any restart."""
    clock = Clock()
    checker = user_file_checker(tmp_path, clock=clock)
    assert ask(checker, USER, PASSWORD) == USER.encode()
    hashed = PASSWORDS.hash_password(Secret("a new one"))
    write_users(tmp_path / "users.toml", f'[users.{USER}]\npassword = "{hashed}"\ndisabled = false\n')
    clock.advance(1)
    with pytest.raises(UnauthorizedLogin):
        ask(checker, USER, PASSWORD)
    assert ask(checker, USER, "a new one") == USER.encode()
