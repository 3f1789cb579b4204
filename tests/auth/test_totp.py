"""Codes as a second factor: RFC 6238's own numbers, and everything somebody might try instead of a phone."""

from __future__ import annotations

import base64
import shutil
import subprocess
from dataclasses import replace

import pytest
from twisted.cred.checkers import AllowAnonymousAccess, InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.credentials import Anonymous
from twisted.cred.error import UnauthorizedLogin

from ftpstwist.auth.checkers import ChainChecker
from ftpstwist.auth.credentials import PasswordLogin
from ftpstwist.auth.totp import MAX_REMEMBERED, CodeDemand, Codes, code_at, enrolment_uri, new_secret
from ftpstwist.auth.userrecord import UserRecord
from ftpstwist.interfaces import CodeWanted
from ftpstwist.session.identity import Secret
from tests.auth.neighbours import done
from tests.contracts.checkers import PASSWORD, USER, CheckerContract, come_of

RFC_SECRET = base64.b32encode(b"12345678901234567890").decode()
NOW = 1_234_567_890.0
STEP = int(NOW // 30)
RIGHT = code_at(RFC_SECRET, STEP)


@pytest.mark.parametrize(
    ("seconds", "code"),
    [(59, "287082"), (1111111109, "081804"), (1111111111, "050471"), (1234567890, "005924"), (2000000000, "279037")],
)
def test_numbers_of_rfc_6238(seconds, code):
    """Appendix B, the last six of its eight digits: the apps of all makers show the same."""
    assert code_at(RFC_SECRET, seconds // 30) == code


@pytest.mark.skipif(shutil.which("oathtool") is None, reason="no oathtool on this machine")
def test_another_program_shows_the_same_code():
    """A secret of ours, as it goes into an app."""
    secret = new_secret(lambda count: bytes(range(count)))
    shown = subprocess.run(
        ["oathtool", "--totp", "-b", "--now", f"@{int(NOW)}", secret],
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    assert shown.stdout.strip() == code_at(secret, STEP)


def test_the_uri_of_a_secret():
    """What apps read, with names that need escaping."""
    uri = enrolment_uri("ABC=", user="alice@example.org", issuer="My FTP")
    assert uri == "otpauth://totp/My%20FTP:alice%40example.org?secret=ABC&issuer=My%20FTP"


class Bench:
    """A demand over a checker that notes what it was asked."""

    def __init__(self, *, asks=True, drift=1, totp=RFC_SECRET, knows=None):
        self.time = NOW
        passwords = InMemoryUsernamePasswordDatabaseDontUse()
        passwords.addUser(USER.encode(), PASSWORD.encode())
        passwords.addUser(b"digits", b"pass" + RIGHT.encode())
        self.asked = []
        self.passwords = passwords
        record = UserRecord(USER, totp=totp)
        self.codes = Codes(now=lambda: self.time, drift=drift)
        self.checker = CodeDemand(
            knows or self,
            codes=self.codes,
            asks=asks,
            find_user={USER: record, "digits": replace(record, name="digits")}.get,
            refresh=done,
        )

    credentialInterfaces = InMemoryUsernamePasswordDatabaseDontUse.credentialInterfaces  # noqa: N815 - Twisted's name

    def requestAvatarId(self, credentials):
        self.asked.append(credentials.password)
        return self.passwords.requestAvatarId(credentials)

    def outcome(self, password, code=None, user=USER):
        """Return the avatar id, or what kind of refusal it was with its words."""
        login = PasswordLogin(user.encode(), Secret(password), code=None if code is None else Secret(code))
        outcome = come_of(self.checker.requestAvatarId(login))
        return outcome if isinstance(outcome, bytes) else f"{outcome.type.__name__} {outcome.value}"


class TestWithoutSecret(CheckerContract):
    def make_checker(self, folder):
        return Bench(totp=None).checker


def test_a_password_alone_is_asked_for_its_code():
    """Only when it is right: a wrong one is told as ever."""
    bench = Bench()
    assert bench.outcome(PASSWORD).startswith("CodeWanted")
    assert bench.outcome("wrong").startswith("UnauthorizedLogin")
    assert "missing" in Bench(asks=False).outcome(PASSWORD)


@pytest.mark.parametrize(("password", "code"), [(PASSWORD, RIGHT), (PASSWORD + RIGHT, None), (PASSWORD, "005 924")])
def test_a_code_comes_with_acct_or_behind_the_password(password, code):
    """For clients that know ACCT, and for those that do not; one verification of the password either way."""
    bench = Bench()
    assert bench.outcome(password, code) == USER.encode()
    assert bench.asked == [PASSWORD.encode()]


@pytest.mark.parametrize(
    ("password", "code"),
    [
        (PASSWORD, "000000"),
        (PASSWORD, ""),
        (PASSWORD, RIGHT[:5]),
        (PASSWORD, RIGHT + "0"),
        (PASSWORD, "\udcff" + RIGHT),
        (PASSWORD + "000000", None),
        ("wrong", RIGHT),
        ("wrong" + RIGHT, None),
        (RIGHT, None),
        ("", RIGHT),
        (RIGHT + PASSWORD, None),
    ],
)
def test_nothing_else_opens_the_account(password, code):
    """A wrong code, a wrong password, one without the other, both in the wrong order."""
    assert Bench().outcome(password, code).startswith("UnauthorizedLogin")


def test_each_refusal_costs_one_verification():
    """So the time of a refusal does not tell whether the code was the right one."""
    for password, code in (("wrong" + RIGHT, None), ("wrong000000", None), ("wrong", RIGHT), (PASSWORD, "000000")):
        bench = Bench()
        bench.outcome(password, code)
        assert len(bench.asked) == 1


def test_a_code_counts_once():
    """RFC 6238 section 5.2: who reads it over a shoulder is late; so is an older one."""
    bench = Bench()
    assert bench.outcome(PASSWORD, RIGHT) == USER.encode()
    assert "used before" in bench.outcome(PASSWORD, RIGHT)
    assert "used before" in bench.outcome(PASSWORD + RIGHT)
    assert "used before" in bench.outcome(PASSWORD, code_at(RFC_SECRET, STEP - 1))
    assert bench.outcome(PASSWORD, code_at(RFC_SECRET, STEP + 1)) == USER.encode()


def test_a_wrong_password_uses_no_code_up():
    """A typing error does not cost half a minute."""
    bench = Bench()
    bench.outcome("wrong", RIGHT)
    assert bench.outcome(PASSWORD, RIGHT) == USER.encode()


@pytest.mark.parametrize(("drift", "good"), [(0, {0}), (1, {-1, 0, 1}), (2, {-2, -1, 0, 1, 2})])
def test_clocks_may_differ_by_so_much(drift, good):
    """And by no step more."""
    for steps in range(-3, 4):
        outcome = Bench(drift=drift).outcome(PASSWORD, code_at(RFC_SECRET, STEP + steps))
        assert (outcome == USER.encode()) == (steps in good)


def test_a_password_that_ends_in_the_code_of_the_moment_waits_for_the_next():
    """The one case in which digits are taken for the code wrongly passes by itself."""
    bench = Bench()
    assert bench.outcome("pass" + RIGHT, user="digits").startswith("UnauthorizedLogin")
    bench.time += 300
    assert bench.outcome("pass" + RIGHT, user="digits").startswith("CodeWanted")


def test_another_spelling_of_the_name_is_no_way_around():
    """A directory may find alice by ALICE; the code is asked for all the same."""

    class Folding:
        credentialInterfaces = Bench.credentialInterfaces  # noqa: N815 - Twisted's name

        def requestAvatarId(self, credentials):
            return credentials.username.lower()

    bench = Bench(knows=Folding())
    assert bench.outcome(PASSWORD, user="ALICE").startswith("CodeWanted")
    assert bench.outcome(PASSWORD, RIGHT, user="ALICE") == USER.encode()
    assert "used before" in bench.outcome(PASSWORD, RIGHT, user="Alice")


def test_other_credentials_pass_by():
    """Anonymous logins and certificates have no password to stand beside."""
    bench = Bench(knows=ChainChecker([AllowAnonymousAccess()]))
    assert come_of(bench.checker.requestAvatarId(Anonymous())) == ()


def test_what_is_remembered_has_a_cap():
    """The codes used longest ago are long out of date."""
    codes = Codes(now=lambda: NOW)
    for number in range(MAX_REMEMBERED + 1):
        codes.use(str(number), STEP)
    assert codes.use("0", STEP)
    assert not codes.use(str(MAX_REMEMBERED), STEP)


def test_the_question_is_no_refusal():
    """Checkers asked in a row must not take it for one."""
    assert not issubclass(CodeWanted, UnauthorizedLogin)
