"""Password hashes."""

import argon2
import pytest
from twisted.python.failure import Failure

from ftpstwist.auth.passwords import PasswordCost, PasswordHashError, Passwords, is_password_hash
from ftpstwist.session.identity import Secret
from tests.auth.neighbours import HASH, PASSWORDS, RIGHT


def test_usual_cost_is_what_owasp_asks_for():
    """Who changes nothing gets Argon2id with 19 MiB, two passes and one lane."""
    hashed = Passwords().hash_password(Secret("x"))
    assert hashed.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_hash_verifies_and_is_salted():
    """The right password verifies, a wrong one does not, and equal passwords do not look equal."""
    assert PASSWORDS.verify(HASH, Secret(RIGHT))
    assert not PASSWORDS.verify(HASH, Secret(RIGHT + " "))
    assert PASSWORDS.hash_password(Secret(RIGHT)) != HASH


def test_octets_that_are_not_utf8_can_be_a_password():
    """A client that sends Latin-1 can log in with what it sends."""
    odd = Secret("x\udce9")
    assert PASSWORDS.verify(PASSWORDS.hash_password(odd), odd)


@pytest.mark.parametrize("password", ["", "x"])
def test_no_password_fits_nobody(monkeypatch, password):
    """K7: a name without a hash costs a real verification at our own cost, and is never right."""
    verified = []
    verify = argon2.PasswordHasher.verify

    def spy(self, hashed, given):
        verified.append(hashed)
        return verify(self, hashed, given)

    monkeypatch.setattr(argon2.PasswordHasher, "verify", spy)
    assert PASSWORDS.verify(None, Secret(password)) is False
    (hashed,) = verified
    assert not PASSWORDS.needs_rehash(hashed)


def test_old_cost_is_noticed():
    """Hashes made at another cost are known, so that they can be renewed."""
    assert not PASSWORDS.needs_rehash(HASH)
    assert Passwords(PasswordCost(memory_kib=16, iterations=1)).needs_rehash(HASH)
    assert Passwords(PasswordCost(memory_kib=16, iterations=1)).verify(HASH, Secret(RIGHT))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "secret",
        "$6$salt$hash",
        HASH[:-60],
        HASH + "\n",
        HASH.replace("m=8", "m=99999999"),
        HASH.replace("t=1", "t=0"),
        HASH.replace("t=1", "t=101"),
        HASH.replace("p=1", "p=0"),
        HASH.replace("p=1", "p=2"),
    ],
)
def test_only_bearable_argon2_hashes_count(text):
    """A typing error in the users file, or a cost that would take the server down, is found when it is read."""
    assert is_password_hash(HASH)
    assert not is_password_hash(text)


def test_errors_hold_no_password(monkeypatch):
    """Neither text, context nor local variables of an error show the password."""
    password = "open-sesame-99"
    failures = [failure_of(PASSWORDS.verify, "$argon2id$broken", Secret(password))]
    monkeypatch.setattr(argon2.PasswordHasher, "hash", _no_memory)
    failures.append(failure_of(PASSWORDS.hash_password, Secret(password)))
    for failure in failures:
        assert failure.check(PasswordHashError)
        assert failure.value.__context__ is None
        shown = failure.getTraceback(detail="verbose")
        assert "Secret(…)" in shown
        assert password not in shown


def failure_of(function, *args):
    """Return the failure of a call, local variables included."""
    try:
        return function(*args)
    except Exception:
        return Failure(captureVars=True)


def _no_memory(self, password):
    raise argon2.exceptions.HashingError("Memory allocation error")
