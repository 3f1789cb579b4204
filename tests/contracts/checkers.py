"""What every checker of passwords owes: the right user in, everybody else out, and nothing told.

Subclass :class:`CheckerContract` as ``Test…`` and give :meth:`make_checker`.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.python.failure import Failure
from zope.interface.verify import verifyObject

from ftpstwist.auth.credentials import PasswordLogin
from ftpstwist.session.identity import Secret
from ftpstwist.wire.pathname import encode_name

USER = "alice"
PASSWORD = "Drink me 7ü"


class CheckerContract:
    """The suite."""

    def make_checker(self, folder: Path) -> ICredentialsChecker:
        """Return a checker that knows USER by PASSWORD, and nobody else; all its answers come at once."""
        raise NotImplementedError

    @pytest.fixture
    def checker(self, tmp_path: Path) -> ICredentialsChecker:
        return self.make_checker(tmp_path)

    def test_is_a_checker_of_passwords(self, checker):
        """A portal can use it as it is."""
        assert verifyObject(ICredentialsChecker, checker)
        assert IUsernamePassword in checker.credentialInterfaces

    def test_lets_the_right_user_in(self, checker):
        """The right password works, whatever characters it has, and names the user in octets."""
        assert ask(checker, USER, PASSWORD) == USER.encode()

    @pytest.mark.parametrize(
        ("user", "password"),
        [
            pytest.param(USER, "drink me 7ü", id="other case"),
            pytest.param(USER, PASSWORD[:-1], id="beginning only"),
            pytest.param(USER, PASSWORD + "x", id="more behind"),
            pytest.param(USER, PASSWORD + "\0", id="NUL behind"),
            pytest.param(USER, "", id="empty"),
            pytest.param(USER, "x" * 5000, id="very long"),
            pytest.param(USER, "Drink me 7u\u0308", id="other form of the same letter"),
            pytest.param(USER, "Drink me 7\udcfc", id="other encoding"),
            pytest.param("bob", PASSWORD, id="unknown user"),
            pytest.param("ALICE", PASSWORD, id="other case of the name"),
            pytest.param("", PASSWORD, id="no name"),
            pytest.param("", "", id="nothing"),
            pytest.param(USER + "\0", PASSWORD, id="name with NUL"),
            pytest.param("\udcff\udcfe", PASSWORD, id="name that is not UTF-8"),
            pytest.param(f"{USER}:{PASSWORD}", "", id="a line of a password file"),
        ],
    )
    def test_keeps_everybody_else_out(self, checker, user, password):
        """Nearly right is wrong, and odd octets are wrong, not an error."""
        with pytest.raises(UnauthorizedLogin):
            ask(checker, user, password)

    def test_answers_for_the_one_who_asked(self, checker):
        """Two users at once do not get each other's answers."""
        right, wrong = asking(checker, USER, PASSWORD), asking(checker, USER, "guess")
        assert come_of(right) == USER.encode()
        assert isinstance(come_of(wrong), Failure)

    def test_shows_no_password(self, checker):
        """A refusal that ends up in a log holds no password, not even with local variables."""
        guess = "open-sesame-99"
        failure = come_of(asking(checker, USER, guess))
        assert guess not in f"{failure} {failure.getTraceback(detail='verbose')} {failure.value!r}"


def asking(checker: ICredentialsChecker, user: str, password: str) -> Deferred[object]:
    """Put a question to a checker as the authenticator does."""
    return maybeDeferred(checker.requestAvatarId, PasswordLogin(encode_name(user), Secret(password), "192.0.2.7"))


def come_of(deferred: Deferred[object]) -> object:
    """Return the result, or the Failure, that has come of a Deferred."""
    outcomes: list[object] = []
    deferred.addBoth(outcomes.append)
    assert outcomes, "the checker has not answered"
    return outcomes[0]


def ask(checker: ICredentialsChecker, user: str, password: str) -> object:
    """Return the answer of a checker, or raise its refusal."""
    outcome = come_of(asking(checker, user, password))
    if isinstance(outcome, Failure):
        outcome.raiseException()
    return outcome
