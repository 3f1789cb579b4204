"""Password hashes."""

import sys

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


OTHERS = {
    "bcrypt": {"rounds": 4},
    "sha512_crypt": {"rounds": 1000},
    "sha256_crypt": {"rounds": 1000},
    "scrypt": {"rounds": 4},
    "pbkdf2_sha256": {"rounds": 100},
    "pbkdf2_sha512": {"rounds": 100},
}


@pytest.mark.parametrize("kind", OTHERS)
def test_hashes_of_other_programs_verify(kind):
    """A database or a file that was there before the server can stay as it is."""
    stored = getattr(pytest.importorskip("passlib.hash"), kind).using(**OTHERS[kind]).hash(RIGHT)
    assert PASSWORDS.verify(stored, Secret(RIGHT))
    assert not PASSWORDS.verify(stored, Secret(RIGHT + "x"))
    assert not PASSWORDS.verify(stored, Secret("\0"))
    assert not PASSWORDS.verify(stored, Secret("x" * 5000))


def test_a_long_password_is_cut_for_bcrypt_as_others_do():
    """Other programs look at 72 octets, so the hash knows no more."""
    stored = pytest.importorskip("passlib.hash").bcrypt.using(rounds=4).hash("x" * 72)
    assert PASSWORDS.verify(stored, Secret("x" * 80))


@pytest.mark.parametrize(
    ("stored", "cause"),
    [
        ("plain text", "no accepted kind"),
        ("$1$5pZSV9va$azfrPr6af3Fc7dLblQXVa0", "no accepted kind"),
        ("{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "no accepted kind"),
        ("$apr1$TVTYTzu7$s5xtaq9qN5H1MdxvgjsJO0", "no accepted kind"),
        ("", "no accepted kind"),
        ("$6$rounds=99999999$abcdefgh$" + "x" * 86, "too much work"),
        ("$2b$31$" + "." * 53, "too much work"),
        ("$scrypt$ln=30,r=8,p=1$aaaa$" + "a" * 43, "too much work"),
        ("$2b$04$broken", "salt"),
    ],
)
def test_hashes_that_protect_nothing_or_cost_too_much_are_refused(stored, cause):
    """Neither MD5 nor plain text nor a hash that would take the server down; the message holds no password."""
    pytest.importorskip("passlib.hash")
    with pytest.raises(PasswordHashError, match=cause) as refused:
        PASSWORDS.verify(stored, Secret("open-sesame"))
    assert "open-sesame" not in str(refused.value)


def test_other_hashes_need_their_extra(monkeypatch):
    """Without it the message names it."""
    monkeypatch.setitem(sys.modules, "ftpstwist.auth.otherhashes", None)
    with pytest.raises(PasswordHashError, match=r"ftpstwist\[hashes\]"):
        PASSWORDS.verify("$2b$04$x", Secret("x"))
