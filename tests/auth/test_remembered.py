"""Passwords that were right a moment ago."""

import argon2
import pytest
from twisted.cred.credentials import UsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.task import Clock

from ftpstwist.auth.checkers import UserFileChecker
from ftpstwist.auth.passwords import PasswordCost, Passwords
from ftpstwist.auth.remembered import RememberedPasswords
from ftpstwist.auth.sources import verified
from ftpstwist.auth.userfile import CHECK_SECONDS, UserFile
from ftpstwist.auth.userrecord import UserRecord
from ftpstwist.session.identity import Secret
from tests.auth.neighbours import HASH, RIGHT

CHEAP = PasswordCost(memory_kib=8, iterations=1)
SECONDS = 300


@pytest.fixture
def clock():
    return Clock()


def remembering(clock, entries=10, key=b"k"):
    return RememberedPasswords(seconds=SECONDS, now=clock.seconds, random=lambda count: key * count, entries=entries)


@pytest.fixture
def remembered(clock):
    return remembering(clock)


@pytest.fixture
def checks(monkeypatch):
    """The hashes that were really computed, one by one."""
    made = []
    verify = argon2.PasswordHasher.verify

    def spy(self, hashed, given):
        made.append(hashed)
        return verify(self, hashed, given)

    monkeypatch.setattr(argon2.PasswordHasher, "verify", spy)
    return made


@pytest.fixture
def passwords(remembered):
    return Passwords(CHEAP, remembered=remembered)


def test_right_password_is_checked_once(passwords, checks, clock):
    """A client that logs in a thousand times an hour pays for a dozen hashes."""
    for _ in range(1000):
        assert passwords.verify(HASH, Secret(RIGHT))
        clock.advance(3.6)
    assert len(checks) == 12


def test_use_does_not_prolong_it(passwords, checks, clock):
    """However busy a client is, its password is really checked again after the time that was set."""
    passwords.verify(HASH, Secret(RIGHT))
    clock.advance(SECONDS - 1)
    passwords.verify(HASH, Secret(RIGHT))
    assert len(checks) == 1
    clock.advance(1)
    passwords.verify(HASH, Secret(RIGHT))
    assert len(checks) == 2


def test_wrong_passwords_are_checked_each_time(passwords, checks):
    """K7: guessing costs what it cost, also at an account that is in use, and nothing of it is kept."""
    passwords.verify(HASH, Secret(RIGHT))
    for guess in ("wrong", "", RIGHT + " ", "wrong"):
        assert not passwords.verify(HASH, Secret(guess))
    assert len(checks) == 5


def test_unknown_names_are_checked_each_time(passwords, checks, remembered):
    """K7: a name that does not exist looks like a wrong password, however often it is asked for."""
    for _ in range(2):
        assert not passwords.verify(None, Secret(""))
    assert len(checks) == 2
    assert not len(remembered)


def test_new_password_is_checked_at_once(passwords, checks):
    """Who changes a password has locked out the old one: what is remembered belongs to the old hash."""
    passwords.verify(HASH, Secret(RIGHT))
    changed = Passwords(CHEAP).hash_password(Secret("new"))
    assert not passwords.verify(changed, Secret(RIGHT))
    assert passwords.verify(changed, Secret("new"))
    assert len(checks) == 3


def test_disabled_account_is_never_quick(passwords, checks):
    """The time of a refusal does not tell that the password of a disabled account was right."""
    passwords.verify(HASH, Secret(RIGHT))
    for password in (RIGHT, "wrong"):
        with pytest.raises(UnauthorizedLogin, match="disabled"):
            verified(UserRecord("a", password=HASH, disabled=True), Secret(password), passwords, "here")
    assert len(checks) == 3


def test_entries_are_bounded(clock):
    """At the cap the oldest is forgotten, so memory is bounded whoever logs in."""
    remembered = remembering(clock, entries=2)
    for stored in ("a", "b", "a", "c"):
        remembered.remember(stored, Secret("x"))
    assert len(remembered) == 2
    assert [remembered.knows(stored, Secret("x")) for stored in "abc"] == [True, False, True]


def test_what_is_old_is_dropped_from_memory(clock, remembered):
    """Nothing of a password stays longer than was set, once anybody logs in."""
    remembered.remember("a", Secret("x"))
    clock.advance(SECONDS)
    assert not remembered.knows("b", Secret("y"))
    assert not len(remembered)


def test_memory_holds_no_password_and_no_plain_hash(clock):
    """Two processes remember one password as different octets, and neither as the password."""
    held = []
    for key in (b"1", b"2"):
        remembered = remembering(clock, key=key)
        remembered.remember("stored", Secret("pass-phrase"))
        held.append(remembered._known["stored"][0])
    assert held[0] != held[1]
    assert not any(b"pass-phrase" in each for each in held)


def test_octets_that_are_not_utf8_are_told_apart(remembered):
    """Odd passwords are remembered like others, and never taken for another one."""
    remembered.remember("a", Secret("x\udce9"))
    assert remembered.knows("a", Secret("x\udce9"))
    assert not remembered.knows("a", Secret("xé"))


def test_remembered_login_needs_no_thread(passwords, tmp_path, clock):
    """While the file was looked at a moment ago, and the password checked, a login waits for nothing at all."""
    path = tmp_path / "users.toml"
    path.write_text(f'[users.alice]\npassword = "{HASH}"\n[users.bob]\npassword = "{HASH}"\ndisabled = true\n')
    path.chmod(0o600)
    asked = []

    class Threads:
        async def run(self, function, *args):
            asked.append(args[0])
            return function(*args)

    checker = UserFileChecker(UserFile(path, clock=clock), passwords=passwords, threads=Threads())
    clock.advance(CHECK_SECONDS)
    outcomes = []
    for name, password in (
        (b"alice", RIGHT),
        (b"alice", RIGHT),
        (b"alice", "wrong"),
        (b"bob", RIGHT),
        (b"nobody", RIGHT),
    ):
        checker.requestAvatarId(UsernamePassword(name, password.encode())).addBoth(outcomes.append)
    assert outcomes[:2] == [b"alice", b"alice"]
    assert [failure.type for failure in outcomes[2:]] == [UnauthorizedLogin] * 3
    assert asked == [b"alice", b"alice", b"bob", b"nobody"]
    clock.advance(CHECK_SECONDS)
    path.write_text("")
    checker.requestAvatarId(UsernamePassword(b"alice", RIGHT.encode())).addBoth(outcomes.append)
    assert outcomes[-1].type is UnauthorizedLogin
